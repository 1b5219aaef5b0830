/* SPDX-License-Identifier: MIT */
/*
 * riscv64 address space, Sv39 (Privileged ISA 4.4): the lower 256 GiB for users, the upper 256 GiB for the kernel.
 *
 *   0xffffffff_80200000  kernel image (physical 0x80200000, where OpenSBI jumps to)
 *   0xffffffe0_00000000  KVMAP: kernel stacks with guard pages
 *   0xffffffc0_00000000  direct map of physical memory, 128 GiB
 *   0x00000040_00000000  USER_TOP
 */
#pragma once

#define KERNEL_LOAD_PA 0x80200000
#define KERNEL_VA_OFFSET 0xffffffff00000000 /* link address - physical address of the image */
#define DIRECT_MAP_BASE 0xffffffc000000000
#define DIRECT_MAP_SIZE 0x0000002000000000 /* physical addresses that the window can show */
#define KVMAP_BASE 0xffffffe000000000
#define KVMAP_SIZE 0x0000000040000000
#define USER_TOP 0x0000004000000000
#define USER_TEXT_BASE 0x0000000000200000 /* where user programs are linked */
