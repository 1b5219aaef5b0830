/* SPDX-License-Identifier: MIT */
#pragma once
typedef unsigned long jmp_buf[18]; /* r6-r15, f8-f15 */
