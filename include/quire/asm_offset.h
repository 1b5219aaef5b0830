/* SPDX-License-Identifier: MIT */
/* Constants for assembly, generated from C structs at build time (arch/<a>/asm_offsets.c). */
#pragma once

#define ASM_CONSTANT(name, value) __asm__ volatile("\n.ascii \"->" #name " %0\"" : : "i"((long)(value)))
#define ASM_OFFSET(name, type, member) ASM_CONSTANT(name, offsetof(type, member))
