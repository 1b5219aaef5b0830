/* SPDX-License-Identifier: MIT */
/* The kernel's own address space: one root that is never freed. mm/init.c builds the tables under it. */
#include <quire/pgtable.h>

static struct pt_root root;

struct pt_root *kernel_root(void) { return &root; }
