/* SPDX-License-Identifier: MIT */
/*
 * Formatted output into a buffer, for kernel and C library alike.
 *
 * Flags - 0 + blank # ' (thousands with commas), width and precision (numbers or *), lengths hh h l ll z j t,
 * conversions d i u x X o c s p %. Programs also have a A e E f F g G, with length L too, and n:
 * user/lib/printf_float.c. Any other character is printed unchanged.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/*
 * Returns the length that the whole text has; >= size means it was cut. -1: that length is above INT_MAX. Always
 * terminates if size > 0.
 */
int vsnprintf(char *out, size_t size, const char *fmt, va_list args) __attribute__((format(printf, 3, 0)));
int snprintf(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
