/* SPDX-License-Identifier: MIT */
/* AddressSanitizer, where this build has it. */
#pragma once

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif

#ifdef HAVE_ASAN
#define NO_SANITIZE __attribute__((no_sanitize_address, noinline))
void __asan_poison_memory_region(const volatile void *at, size_t size);
void __asan_unpoison_memory_region(const volatile void *at, size_t size);
static inline void asan_poison(const void *at, size_t size) { __asan_poison_memory_region(at, size); }
static inline void asan_unpoison(const void *at, size_t size) { __asan_unpoison_memory_region(at, size); }
#else
#define HAVE_ASAN 0
#define NO_SANITIZE __attribute__((noinline))
static inline void asan_poison(const void *at, size_t size) { (void)at, (void)size; }
static inline void asan_unpoison(const void *at, size_t size) { (void)at, (void)size; }
#endif
