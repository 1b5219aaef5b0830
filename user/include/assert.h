/* SPDX-License-Identifier: MIT */
/* Without #pragma once: the standard lets a file include it again after NDEBUG has changed. */
#undef assert
#ifdef NDEBUG
#define assert(cond) ((void)0)
#else
#define assert(cond) ((cond) ? (void)0 : __assert_failed(#cond, __FILE__, __LINE__, __func__))
#endif
#ifndef static_assert
#define static_assert _Static_assert
#endif
void __assert_failed(const char *what, const char *file, int line, const char *function) __attribute__((noreturn));
