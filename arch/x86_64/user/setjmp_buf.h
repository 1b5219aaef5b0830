/* SPDX-License-Identifier: MIT */
#pragma once
typedef unsigned long jmp_buf[9]; /* rbx rbp r12-r15 rsp rip, MXCSR and x87 control word */
