/* SPDX-License-Identifier: MIT */
/* Macros for assembly files. */
#pragma once

#define FUNC(name)                                                                                 \
    .globl name;                                                                                   \
    .type name, @function;                                                                         \
    .balign 8;                                                                                     \
    name:
#define END(name) .size name, . - name

/* A fault at `insn` continues at `exit` (include/arch-generic/uaccess.h). */
#define EXTABLE(insn, exit)                                                                        \
    .pushsection .ex_table, "a";                                                                   \
    .balign 4;                                                                                     \
    .long insn - .;                                                                                \
    .long exit - .;                                                                                \
    .popsection
