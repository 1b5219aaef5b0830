/* SPDX-License-Identifier: MIT */
/*
 * Address space of the native machine. RAM is a range of the test program's own memory, and the direct map is
 * that range: DIRECT_MAP_BASE + physical address is the real address of a frame. User addresses aren't memory of the
 * program; only the model TLB (machine/tlb.c) translates them.
 */
#pragma once

#define KERNEL_LOAD_PA 0x00400000
#define KERNEL_VA_OFFSET DIRECT_MAP_BASE
#define DIRECT_MAP_BASE 0x0000200000000000
#define DIRECT_MAP_SIZE 0x0000000040000000
#define KVMAP_BASE 0x0000300000000000
#define KVMAP_SIZE 0x0000000001000000
#define USER_TOP 0x0000000020000000
#define USER_TEXT_BASE 0x0000000000200000
