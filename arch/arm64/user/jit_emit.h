/* SPDX-License-Identifier: MIT */
/* Machine code for <quire/jit.h>: a in x0, x in x1. */
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
    p = jit_emit_insn(p, 0xaa0003e1);    /* mov x1, x0 */
    return jit_emit_insn(p, 0xd2800000); /* mov x0, #0 */
}

static inline unsigned char *jit_emit(unsigned char *p, enum jit_op op, unsigned value, const unsigned char *mark)
{
    switch (op) {
    case JIT_SET: return jit_emit_insn(p, 0xd2800000 | value << 5);  /* mov x0, #value */
    case JIT_ADD: return jit_emit_insn(p, 0x91000000 | value << 10); /* add x0, x0, #value */
    case JIT_ADDX: return jit_emit_insn(p, 0x8b010000);              /* add x0, x0, x1 */
    case JIT_SUBX: return jit_emit_insn(p, 0xcb010000);              /* sub */
    case JIT_MULX: return jit_emit_insn(p, 0x9b017c00);              /* mul */
    case JIT_XORX: return jit_emit_insn(p, 0xca010000);              /* eor */
    case JIT_LOOP:
        p = jit_emit_insn(p, 0xf1000421);                                                          /* subs x1, x1, #1 */
        return jit_emit_insn(p, 0x54000001 | ((uint32_t)((mark - p) / 4) & 0x7ffff) << 5);          /* b.ne mark */
    default: return jit_emit_insn(p, 0xd65f03c0); /* ret */
    }
}
