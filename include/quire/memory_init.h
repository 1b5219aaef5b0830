/* SPDX-License-Identifier: MIT */
/* Setting up physical memory, once, on the boot CPU. mm/init.c */
#pragma once

#include <quire/boot_info.h>

/*
 * Make the words, the buddy allocator and the final page tables (active on return). Panics if the machine has too
 * little memory or the ranges make no sense, because nothing can run then.
 */
void memory_init(const struct boot_info *boot);

/* Frames that nobody uses: free ones, kept stacks, room in slabs. Leak checks compare this number. */
u64 memory_available_frames(void);

/* "frames 262,144 = BUDDY ... all accounted for"; false: the words don't add up. */
bool memory_print_accounts(void);
