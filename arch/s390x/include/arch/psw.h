/* SPDX-License-Identifier: MIT */
/*
 * The program-status word (z/Architecture Principles of Operation, SA22-7832, chapter 4 "Control",
 * Program-Status Word). Plain numbers: assembly uses them too.
 *
 * The kernel runs in home-space mode: CR13 points to its tables and never changes. Users run in primary-space mode: CR1
 * points to their tables. So a trap changes tables by loading its new PSW, and nothing of one space is visible in the
 * other.
 */
#pragma once

#define PSW_DAT     0x0400000000000000 /* bit 5, T: address translation on */
#define PSW_IO      0x0200000000000000 /* bit 6: I/O interruptions enabled */
#define PSW_EXT     0x0100000000000000 /* bit 7: external interruptions enabled */
#define PSW_MCHECK  0x0004000000000000 /* bit 13: machine-check interruptions enabled */
#define PSW_WAIT    0x0002000000000000 /* bit 14: the CPU only waits for an interruption */
#define PSW_PROBLEM 0x0001000000000000 /* bit 15: problem state, that is user mode */
#define PSW_HOME    0x0000c00000000000 /* bits 16-17 = 11: home-space mode; 00: primary-space */
#define PSW_SPACE   0x0000c00000000000 /* bits 16-17: the address space */
#define PSW_64BIT   0x0000000180000000 /* bits 31-32: 64-bit addressing */

#define PSW_BOOT   (PSW_64BIT | PSW_MCHECK) /* until there are page tables */
#define PSW_KERNEL (PSW_64BIT | PSW_MCHECK | PSW_DAT | PSW_HOME)
#define PSW_USER   (PSW_64BIT | PSW_MCHECK | PSW_DAT | PSW_EXT | PSW_PROBLEM)
#define PSW_STOP   (PSW_64BIT | PSW_WAIT) /* a wait that nothing ends; the address says why */

/* Addresses of stopping PSWs. QEMU ends with status 0 for the first one and 1 for all others. */
#define STOP_SUCCESS 0xfff
#define STOP_FAILURE 0xbad000 /* + the kernel's exit status, 1..127 */
#define STOP_EARLY   0xbad0ea /* trap before the trap handlers were set up */
#define STOP_HALT    0xbad0ff /* arch_halt() on the last running CPU */
