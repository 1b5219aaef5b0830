/* SPDX-License-Identifier: MIT */
/* The kernel's own address space: one root, for the kernel's life. mm/init.c builds what is under it. */
#include <quire/pgtable.h>

static struct pt_root root;

struct pt_root *kernel_root(void) { return &root; }
