/* SPDX-License-Identifier: MIT */
/*
 * What debug kernels check about freed memory (mm/check/free_check.c): free frames and free slab objects are filled
 * with a pattern, and looked at when they are given out again. Whoever wrote to them in between used them after they
 * were freed. Release kernels, and programs of the build machine that play a kernel, don't fill anything.
 */
#pragma once

#include <quire/lock_check.h>
#include <quire/types.h>

struct slab_cache;

#if QUIRE_CHECKS
void frames_freed(pfn_t pfn, u64 nr);          /* these frames have just become free */
pfn_t frames_taken(pfn_t pfn, unsigned order); /* this block is given out; returns pfn (PFN_NONE: nothing happens) */
void object_freed(const struct slab_cache *cache, void *object);
void object_taken(const struct slab_cache *cache, void *object);
#else
static inline void frames_freed(pfn_t pfn, u64 nr) { (void)pfn, (void)nr; }
static inline pfn_t frames_taken(pfn_t pfn, unsigned order) { return (void)order, pfn; }
static inline void object_freed(const struct slab_cache *cache, void *object) { (void)cache, (void)object; }
static inline void object_taken(const struct slab_cache *cache, void *object) { (void)cache, (void)object; }
#endif
