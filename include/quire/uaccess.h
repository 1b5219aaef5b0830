/* SPDX-License-Identifier: MIT */
/*
 * The only way to user memory. All functions check the range, survive any fault, and may sleep, so they assert that no
 * lock is held. -EFAULT: not all of it could be read or written (what was copied so far stays).
 */
#pragma once

#include <quire/types.h>

int copy_in(void *to, const void __user *from, size_t n);
int copy_out(void __user *to, const void *from, size_t n);
/* A string of at most size - 1 characters. Returns its length; -ENAMETOOLONG; -EFAULT. */
ssize_t copy_in_string(char *to, const char __user *from, size_t size);

#define user_pointer(value) ((void __user *)(unsigned long)(value))
