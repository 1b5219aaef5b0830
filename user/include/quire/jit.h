/* SPDX-License-Identifier: MIT */
/*
 * A very small compiler: from a bytecode with one accumulator a and one variable x to the machine's code,
 * for programs that write code (and must call cache_sync). arch/<machine>/user/jit_emit.h has the machine's part.
 */
#pragma once

#include <stddef.h>

enum jit_op {
    JIT_SET,  /* a = value, 0 to JIT_VALUE_MAX */
    JIT_ADD,  /* a += value */
    JIT_ADDX, /* a += x */
    JIT_SUBX, /* a -= x */
    JIT_MULX, /* a *= x */
    JIT_XORX, /* a ^= x */
    JIT_MARK, /* JIT_LOOP comes back here */
    JIT_LOOP, /* x -= 1; unless it is 0, go on behind the last JIT_MARK (or at the beginning) */
    JIT_END,  /* the result is a */
};
#define JIT_VALUE_MAX 2047
#define JIT_OPS_MAX   24  /* of one program, JIT_END included */
#define JIT_BYTES_MAX 256 /* of its code */

struct jit_insn {
    unsigned char op;
    unsigned short value;
};

typedef unsigned long jit_function(unsigned long x);

/* Writes the code of a program to `at`, JIT_BYTES_MAX free bytes; how many it took. Nothing is synchronised yet. */
size_t jit_compile(const struct jit_insn *program, void *at);
/* The result that the compiled program must return. */
unsigned long jit_interpret(const struct jit_insn *program, unsigned long x);
/* Make a program of at most JIT_OPS_MAX instructions from the bits of `seed`. It ends for every x >= 1. */
void jit_invent(struct jit_insn *program, unsigned long seed);
