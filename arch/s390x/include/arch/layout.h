/* SPDX-License-Identifier: MIT */
/*
 * s390x address spaces: one of 4 TiB (three table levels) for the kernel, one for each process.
 *
 * The kernel's own space, where virtual is physical:
 *   0x3c0_00000000  KVMAP: kernel stacks with guard pages
 *   0x000_00010000  kernel image, where IPL puts it
 *   0x000_00000000  lowcore: 8 KiB that CPU and kernel share, a different 8 KiB on each CPU
 *
 * A null pointer in the kernel points into the lowcore, which the hardware keeps at real address 0.
 * A store below 0x200 (and in 0x1000..0x11ff) ends in a protection exception, because of low-address protection (CR0);
 * a load reads from the lowcore, so debug kernels check each pointer before its use (null.c). User space has no
 * lowcore: its address 0 is an ordinary address, with nothing mapped.
 */
#pragma once

#define KERNEL_LOAD_PA   0x10000
#define KERNEL_VA_OFFSET 0 /* link address - physical address of the image */
#define DIRECT_MAP_BASE  0
#define DIRECT_MAP_SIZE  0x2000000000 /* physical addresses that the window can show */
#define KVMAP_BASE       0x3c000000000
#define KVMAP_SIZE       0x40000000
#define USER_TOP         0x4000000000
#define USER_TEXT_BASE   0x400000 /* of programs; behind the kernel's image, so that gdb can tell the two apart */
