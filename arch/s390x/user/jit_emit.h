/* SPDX-License-Identifier: MIT */
/* Machine code for <quire/jit.h>: a in %r2, x in %r3. */
#pragma once

#include <stdint.h>
#include <quire/jit.h>

static inline unsigned char *jit_emit_half(unsigned char *p, uint32_t half)
{
    *(uint16_t *)(void *)p = (uint16_t)half;
    return p + 2;
}
static inline unsigned char *jit_emit_word(unsigned char *p, uint32_t word)
{
    return jit_emit_half(jit_emit_half(p, word >> 16), word);
}

static inline unsigned char *jit_emit_begin(unsigned char *p)
{
    p = jit_emit_word(p, 0xb9040032);    /* lgr %r3, %r2 */
    return jit_emit_word(p, 0xa7290000); /* lghi %r2, 0 */
}

static inline unsigned char *jit_emit(unsigned char *p, enum jit_op op, unsigned value, const unsigned char *mark)
{
    switch (op) {
    case JIT_SET: return jit_emit_word(p, 0xa7290000 | value); /* lghi %r2, value */
    case JIT_ADD: return jit_emit_word(p, 0xa72b0000 | value); /* aghi %r2, value */
    case JIT_ADDX: return jit_emit_word(p, 0xb9080023);        /* agr %r2, %r3 */
    case JIT_SUBX: return jit_emit_word(p, 0xb9090023);        /* sgr */
    case JIT_MULX: return jit_emit_word(p, 0xb90c0023);        /* msgr */
    case JIT_XORX: return jit_emit_word(p, 0xb9820023);        /* xgr */
    case JIT_LOOP: return jit_emit_word(p, 0xa7370000 | ((uint32_t)((mark - p) / 2) & 0xffff)); /* brctg %r3, mark */
    default: return jit_emit_half(p, 0x07fe);                  /* br %r14 */
    }
}
