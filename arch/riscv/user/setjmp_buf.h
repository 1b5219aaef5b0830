/* SPDX-License-Identifier: MIT */
#pragma once
typedef unsigned long jmp_buf[26]; /* ra, sp, s0-s11, fs0-fs11 */
