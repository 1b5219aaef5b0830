/* SPDX-License-Identifier: MIT */
/* The compiler of <quire/jit.h>: one pass, one machine sequence for each operation. */
#include <jit_emit.h>
#include <quire/jit.h>

size_t jit_compile(const struct jit_insn *program, void *at)
{
    unsigned char *p = jit_emit_begin(at), *mark = p;

    for (;; program++) {
        if (program->op == JIT_MARK)
            mark = p;
        else
            p = jit_emit(p, program->op, program->value, mark);
        if (program->op == JIT_END)
            return (size_t)(p - (unsigned char *)at);
    }
}

unsigned long jit_interpret(const struct jit_insn *program, unsigned long x)
{
    const struct jit_insn *mark = program;
    unsigned long a = 0;

    for (;; program++) {
        switch (program->op) {
        case JIT_SET: a = program->value; break;
        case JIT_ADD: a += program->value; break;
        case JIT_ADDX: a += x; break;
        case JIT_SUBX: a -= x; break;
        case JIT_MULX: a *= x; break;
        case JIT_XORX: a ^= x; break;
        case JIT_MARK: mark = program; break;
        case JIT_LOOP:
            if (--x)
                program = mark;
            break;
        default: return a;
        }
    }
}

static unsigned long next(unsigned long *seed)
{
    *seed = *seed * 6364136223846793005ul + 1442695040888963407ul;
    return *seed >> 33;
}

void jit_invent(struct jit_insn *program, unsigned long seed)
{
    unsigned nr = 3 + (unsigned)(next(&seed) % (JIT_OPS_MAX - 8));

    /* A loop behind another one would begin with x = 0 and take for ever: at most one. */
    unsigned loop = next(&seed) % 2 ? 1 + (unsigned)(next(&seed) % nr) : nr + 1;
    *program++ = (struct jit_insn){JIT_SET, (unsigned short)(next(&seed) % (JIT_VALUE_MAX + 1))};
    *program++ = (struct jit_insn){JIT_MARK, 0};
    for (unsigned i = 1; i <= nr; i++) {
        *program++ = (struct jit_insn){(unsigned char)(JIT_ADD + next(&seed) % 5), (unsigned short)(next(&seed) % (JIT_VALUE_MAX + 1))};
        if (i == loop)
            *program++ = (struct jit_insn){JIT_LOOP, 0};
    }
    *program = (struct jit_insn){JIT_END, 0};
}
