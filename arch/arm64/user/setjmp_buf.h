/* SPDX-License-Identifier: MIT */
#pragma once
typedef unsigned long jmp_buf[21]; /* x19-x30, d8-d15, sp */
