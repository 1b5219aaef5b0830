/* SPDX-License-Identifier: MIT */
/* Machine code for <quire/jit.h>: a in %rax, x in %rdi. */
#pragma once

#include <stdint.h>
#include <quire/jit.h>

static inline unsigned char *jit_emit_bytes(unsigned char *p, unsigned nr, uint32_t bytes)
{
    while (nr--)
        *p++ = (unsigned char)(bytes >> 8 * nr);
    return p;
}
static inline unsigned char *jit_emit_long(unsigned char *p, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        *p++ = (unsigned char)(value >> 8 * i);
    return p;
}

static inline unsigned char *jit_emit_begin(unsigned char *p) { return jit_emit_bytes(p, 2, 0x31c0); /* xor %eax, %eax */ }

static inline unsigned char *jit_emit(unsigned char *p, enum jit_op op, unsigned value, const unsigned char *mark)
{
    switch (op) {
    case JIT_SET: return jit_emit_long(jit_emit_bytes(p, 1, 0xb8), value);   /* mov $value, %eax */
    case JIT_ADD: return jit_emit_long(jit_emit_bytes(p, 2, 0x4805), value); /* add $value, %rax */
    case JIT_ADDX: return jit_emit_bytes(p, 3, 0x4801f8);                    /* add %rdi, %rax */
    case JIT_SUBX: return jit_emit_bytes(p, 3, 0x4829f8);                    /* sub */
    case JIT_MULX: return jit_emit_bytes(p, 4, 0x480fafc7);                  /* imul */
    case JIT_XORX: return jit_emit_bytes(p, 3, 0x4831f8);                    /* xor */
    case JIT_LOOP:
        p = jit_emit_bytes(p, 3, 0x48ffcf); /* dec %rdi */
        p = jit_emit_bytes(p, 2, 0x0f85);   /* jne mark, counted from behind the instruction */
        return jit_emit_long(p, (uint32_t)(mark - (p + 4)));
    default: return jit_emit_bytes(p, 1, 0xc3); /* ret */
    }
}
