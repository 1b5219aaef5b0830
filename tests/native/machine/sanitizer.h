/* SPDX-License-Identifier: MIT */
/* AddressSanitizer if this build has it, or the run-time of tests/explore, which also checks every access. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif

#ifdef EXPLORE
#define HAVE_ASAN 1 /* the same promise: an access to poisoned memory is reported */
#define NO_SANITIZE __attribute__((noinline))
void explore_poison(const void *at, size_t size, bool poisoned);
static inline void asan_poison(const void *at, size_t size) { explore_poison(at, size, true); }
static inline void asan_unpoison(const void *at, size_t size) { explore_poison(at, size, false); }
#elif defined(HAVE_ASAN)
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

/*
 * Under tests/explore another CPU may go on before the hardware walks tables or drops translations. The compiler
 * doesn't instrument the hardware's accesses, so they are reported here.
 */
#ifdef EXPLORE
void explore_hardware(void);
void explore_access(const void *at, size_t size, bool write);
void explore_again(void); /* a program's access faults repeatedly: other CPUs go on */
#else
static inline void explore_hardware(void) {}
static inline void explore_again(void) {}
static inline void explore_access(const void *at, size_t size, bool write) { (void)at, (void)size, (void)write; }
#endif
