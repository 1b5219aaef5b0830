/* SPDX-License-Identifier: MIT */
/* Machine code for <quire/jit.h>: a in a0, x in a1. */
#pragma once

#include <stdint.h>
#include <quire/jit.h>

static inline unsigned char *jit_emit_insn(unsigned char *p, uint32_t insn)
{
    *(uint32_t *)(void *)p = insn;
    return p + 4;
}

static inline unsigned char *jit_emit_begin(unsigned char *p)
{
    p = jit_emit_insn(p, 0x00050593);    /* mv a1, a0 */
    return jit_emit_insn(p, 0x00000513); /* li a0, 0 */
}

/* bne a1, zero, offset: the bits of the offset are scattered (Unprivileged ISA, B-type). */
static inline uint32_t jit_bne(long offset)
{
    uint32_t o = (uint32_t)offset;

    return (o >> 12 & 1) << 31 | (o >> 5 & 0x3f) << 25 | 11u << 15 | 1u << 12 | (o >> 1 & 0xf) << 8 | (o >> 11 & 1) << 7 | 0x63;
}

static inline unsigned char *jit_emit(unsigned char *p, enum jit_op op, unsigned value, const unsigned char *mark)
{
    switch (op) {
    case JIT_SET: return jit_emit_insn(p, value << 20 | 10 << 7 | 0x13);            /* li a0, value */
    case JIT_ADD: return jit_emit_insn(p, value << 20 | 10 << 15 | 10 << 7 | 0x13); /* addi a0, a0, value */
    case JIT_ADDX: return jit_emit_insn(p, 0x00b50533);                             /* add a0, a0, a1 */
    case JIT_SUBX: return jit_emit_insn(p, 0x40b50533);                             /* sub */
    case JIT_MULX: return jit_emit_insn(p, 0x02b50533);                             /* mul */
    case JIT_XORX: return jit_emit_insn(p, 0x00b54533);                             /* xor */
    case JIT_LOOP:
        p = jit_emit_insn(p, 0xfff58593); /* addi a1, a1, -1 */
        return jit_emit_insn(p, jit_bne(mark - p));
    default: return jit_emit_insn(p, 0x00008067); /* ret */
    }
}
