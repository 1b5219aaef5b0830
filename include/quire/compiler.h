/* SPDX-License-Identifier: MIT */
/*
 * Annotations for the compiler and the static checker (sparse).
 *
 * __user marks pointers into user space, __bitwise and __force type-checked numbers, __acquires and
 * __releases lock annotations. Under gcc they vanish.
 */
#pragma once

#ifdef __CHECKER__
#define __bitwise __attribute__((bitwise))
#define __force __attribute__((force))
#define __user __attribute__((noderef, address_space(__user)))
#else
#define __bitwise
#define __force
#define __user
#endif

#define __noreturn __attribute__((noreturn))
#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define __section(s) __attribute__((section(s)))
#define __used __attribute__((used))
#define __unused __attribute__((unused))
#define __printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define __must_check __attribute__((warn_unused_result))
#define __noinline __attribute__((noinline))
#define __always_inline inline __attribute__((always_inline))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* A load or store that the compiler may neither repeat, split nor drop. Orders nothing else. */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

/*
 * Store an aligned word that other CPUs may read at the same time. The machine stores each word whole, and the compiler
 * may store two words by one instruction, which WRITE_ONCE would forbid. In tests/explore it is the same as WRITE_ONCE.
 */
#ifdef EXPLORE
#define WRITE_WORD(x, v) WRITE_ONCE(x, v)
#else
#define WRITE_WORD(x, v) ((x) = (v))
#endif

/* Put x into a register and hide from the compiler where it came from; otherwise the compiler computes each of x + 1, x
 * + 2, ... from scratch. */
#define OPAQUE(x) __asm__("" : "+r"(x))

#define barrier() __asm__ volatile("" ::: "memory")
