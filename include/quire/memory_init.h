/* SPDX-License-Identifier: MIT */
/* Bringing physical memory up, once, on the boot CPU. mm/init.c */
#pragma once

#include <quire/boot_info.h>

/*
 * From the boot mapping to words, buddy and final page tables (active on return). Panics if the machine
 * has too little memory or the ranges make no sense: nothing can run then.
 */
void memory_init(const struct boot_info *boot);

/* Frames that nobody uses: free ones, kept stacks, room in slabs. The figure that leak checks compare. */
u64 memory_available_frames(void);

/* "frames 262,144 = BUDDY ... all accounted for"; false: the words don't add up. */
bool memory_print_accounts(void);
