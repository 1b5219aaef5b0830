/* SPDX-License-Identifier: MIT */
/*
 * x86_64 address space, 48 bits (Intel SDM 3A 4.5): the lower 128 TiB for users, the upper 128 TiB for the kernel, and
 * between them addresses that no page table can map.
 *
 *   0xffffffff_80200000  kernel image (physical 0x200000), in reach of -mcmodel=kernel
 *   0xffffc900_00000000  KVMAP: kernel stacks with guard pages
 *   0xffff8880_00000000  direct map of physical memory, 512 GiB: one top-level entry
 *   0x00007000_00000000  USER_TOP: well below the gap, so a SYSCALL never returns into it
 */
#pragma once

#define KERNEL_LOAD_PA   0x200000
#define KERNEL_VA_OFFSET 0xffffffff80000000 /* link address - physical address of the image */
#define DIRECT_MAP_BASE  0xffff888000000000
#define DIRECT_MAP_SIZE  0x0000008000000000 /* physical addresses that the window can show */
#define KVMAP_BASE       0xffffc90000000000
#define KVMAP_SIZE       0x0000000040000000
#define USER_TOP         0x0000700000000000
#define USER_TEXT_BASE   0x0000000000400000 /* where user programs are linked */

/* The linker script makes a PT_NOTE segment: QEMU looks there for the PVH entry point. */
#define LAYOUT_NOTE_SEGMENT 1
