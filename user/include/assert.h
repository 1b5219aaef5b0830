/* SPDX-License-Identifier: MIT */
#pragma once
void __assert_failed(const char *what, const char *file, int line) __attribute__((noreturn));
#define assert(cond) ((cond) ? (void)0 : __assert_failed(#cond, __FILE__, __LINE__))
