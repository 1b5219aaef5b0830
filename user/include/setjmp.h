/* SPDX-License-Identifier: MIT */
#pragma once
#include <setjmp_buf.h>
int setjmp(jmp_buf env) __attribute__((returns_twice));
void longjmp(jmp_buf env, int value) __attribute__((noreturn));
