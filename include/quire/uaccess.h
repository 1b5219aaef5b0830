/* SPDX-License-Identifier: MIT */
/*
 * The one way to user memory.
 *
 * A struct user_ptr is an address that a program gave and that nobody has believed yet. It isn't a C pointer, so nobody
 * can follow it by mistake, and the compiler takes no plain number in its place. user_arg() in <quire/sys.h> makes it
 * from an argument of a system call.
 *
 * A struct user_window is memory that a program named by address and length. user_window() makes it, and has checked
 * that all of it lies in user space; whether memory is mapped there, only a copy finds out. Each copy through a window
 * begins where the one before it ended.
 *
 * Copies survive any fault, and may sleep: no lock may be held, which is asserted. They return 0 or -EFAULT. -EFAULT
 * says that the address lies outside user space, or that not all bytes could be read or written; the bytes that were
 * copied before that stay copied.
 */
#pragma once

#include <quire/types.h>

struct user_ptr {
    u64 given;
};

struct user_window {
    void __user *at;
    size_t left; /* bytes */
};

static inline bool user_ptr_is_null(struct user_ptr p) { return !p.given; }
static inline struct user_ptr user_ptr_add(struct user_ptr p, u64 bytes) { return (struct user_ptr){p.given + bytes}; }

int copy_in(void *to, struct user_ptr from, size_t n);
int copy_out(struct user_ptr to, const void *from, size_t n);
/* A string of at most size - 1 characters. Returns its length; -ENAMETOOLONG; -EFAULT. */
ssize_t copy_in_string(char *to, struct user_ptr from, size_t size);

int user_window(struct user_window *window, struct user_ptr start, u64 bytes);
/* n is at most what is left of the window. */
int window_in(void *to, struct user_window *from, size_t n);
int window_out(struct user_window *to, const void *from, size_t n);
