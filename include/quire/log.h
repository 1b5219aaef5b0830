/* SPDX-License-Identifier: MIT */
/* Console output of the kernel, and panics. */
#pragma once

#include <stdarg.h>
#include <quire/types.h>

#define PANIC_STATUS 101 /* QEMU's exit status after a panic, on machines that can pass one */

/* Print to the console, whole lines at a time, under the console's lock. From any context, any lock held. */
void kprintf(const char *fmt, ...) __printf_like(1, 2);
void kvprintf(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

/*
 * Print at the start of a line: a line that somebody else has begun is ended first, without dropping the lock. For text
 * that programs outside read line by line, such as a test's verdict: no program's text comes in between.
 */
void kprint_line(const char *fmt, ...) __printf_like(1, 2);

/* True: the character takes one place on a line and has no other effect. */
static inline bool text_is_plain(char c) { return c == '\t' || (c >= ' ' && c <= '~'); }

/*
 * A bug in the kernel. Prints what was broken, where, on which CPU, the registers if a frame is given, and a backtrace
 * with names; then ends the machine with failure.
 */
struct trapframe;
void __noreturn panic(const char *fmt, ...) __printf_like(1, 2);
void __noreturn panic_frame(const struct trapframe *tf, const char *fmt, ...) __printf_like(2, 3);

/* An invariant, with the rule in words. Checked in every build. */
#define KASSERT(cond, ...)                                                                         \
    do {                                                                                           \
        if (unlikely(!(cond)))                                                                     \
            panic(__VA_ARGS__);                                                                    \
    } while (0)

/* A contract that costs time to check: debug builds only. ASSUME: the compiler of release builds relies on it. */
#if QUIRE_DEBUG
#define DEBUG_ASSERT(cond, ...) KASSERT(cond, __VA_ARGS__)
#define ASSUME(cond, ...) KASSERT(cond, __VA_ARGS__)
#else
#define ASSUME(cond, ...)                                                                          \
    do {                                                                                           \
        if (!(cond))                                                                               \
            __builtin_unreachable();                                                               \
    } while (0)
#define DEBUG_ASSERT(cond, ...)                                                                    \
    do {                                                                                           \
        (void)sizeof(cond);                                                                        \
    } while (0)
#endif
