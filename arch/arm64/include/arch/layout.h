/* SPDX-License-Identifier: MIT */
/*
 * arm64 address space: 39-bit virtual addresses in both halves (Arm ARM, TCR_EL1.TnSZ = 25).
 * TTBR1_EL1 translates the upper half for the kernel, TTBR0_EL1 the lower half for user programs.
 *
 *   0xffffffff_80200000  kernel image (physical 0x40200000, where the Image header asks to be put)
 *   0xffffffe0_00000000  KVMAP: kernel stacks with guard pages
 *   0xffffff80_00000000  direct map of physical memory, 384 GiB: RAM and QEMU's high PCI windows
 *   0x00000040_00000000  USER_TOP
 */
#pragma once

#define KERNEL_LOAD_PA 0x40200000
#define KERNEL_VA_OFFSET 0xffffffff40000000 /* link address - physical address of the image */
#define DIRECT_MAP_BASE 0xffffff8000000000
#define DIRECT_MAP_SIZE 0x0000006000000000 /* physical addresses that the window can show */
#define KVMAP_BASE 0xffffffe000000000
#define KVMAP_SIZE 0x0000000040000000
#define USER_TOP 0x0000004000000000
#define USER_TEXT_BASE 0x0000000000200000 /* where user programs are linked */
