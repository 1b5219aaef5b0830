/* SPDX-License-Identifier: MIT */
/* New contexts and user frames, register dumps, one step of a backtrace. */
#include <arch-generic/context.h>
#include <quire/log.h>
#include <quire/string.h>

void context_start(void);

void tf_init_user(struct trapframe *tf, vaddr_t entry, vaddr_t sp, u64 arg0, u64 arg1)
{
    memset(tf, 0, sizeof(*tf));
    tf->pc = entry;
    tf->sp = sp;
    tf->x[0] = arg0;
    tf->x[1] = arg1;
    tf->pstate = PSR_MODE_EL0; /* nothing masked */
}

void arch_context_init(struct arch_context *ctx, void *stack_top, void (*fn)(void *), void *arg)
{
    *ctx = (struct arch_context){
        .x19_x28 = {(u64)fn, (u64)arg},
        .lr = (u64)context_start,
        .sp = (u64)stack_top,
    };
}

void arch_fpu_init(struct arch_fpu *fpu) { memset(fpu, 0, sizeof(*fpu)); }

void arch_print_frame(const struct trapframe *tf)
{
    kprintf("  pc  %016lx  pstate %08lx  esr %08lx  far %016lx  sp %016lx\n", tf->pc, tf->pstate,
            tf->esr, tf->far, tf->sp);
    for (unsigned i = 0; i < 31; i++)
        kprintf("  x%-2u %016lx%s", i, tf->x[i], i % 4 == 3 || i == 30 ? "\n" : "");
}

bool arch_unwind(vaddr_t *fp, vaddr_t *pc)
{
    const u64 *frame = (const u64 *)*fp; /* AAPCS64 6.4.6: caller's record, return address */

    *fp = frame[0];
    *pc = frame[1];
    return *pc != 0;
}

vaddr_t arch_frame_pointer(void)
{
    return *(const vaddr_t *)__builtin_frame_address(0); /* the caller's, which outlives this call */
}
