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
    tf->x[2] = sp;
    tf->x[10] = arg0;
    tf->x[11] = arg1;
    tf->status = SSTATUS_SPIE | SSTATUS_FS; /* SPP = 0: user mode, interrupts on */
}

void arch_context_init(struct arch_context *ctx, void *stack_top, void (*fn)(void *), void *arg)
{
    u64 *frame = (u64 *)stack_top - 14; /* as arch_switch pops it */

    memset(frame, 0, 14 * sizeof(u64));
    frame[0] = (u64)context_start;
    frame[2] = (u64)fn;
    frame[3] = (u64)arg;
    ctx->sp = (u64)frame;
}

void arch_fpu_init(struct arch_fpu *fpu) { memset(fpu, 0, sizeof(*fpu)); }

void arch_print_frame(const struct trapframe *tf)
{
    static const char names[32][5] = {"zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
                                      "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
                                      "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

    kprintf("  pc %016lx  sstatus %016lx  scause %016lx  stval %016lx\n", tf->pc, tf->status, tf->cause,
            tf->value);
    for (unsigned i = 1; i < 32; i++)
        kprintf("  %-3s %016lx%s", names[i], tf->x[i], i % 4 == 3 ? "\n" : "");
}

bool arch_unwind(vaddr_t *fp, vaddr_t *pc)
{
    const u64 *frame = (const u64 *)*fp; /* psABI: return address at fp-8, caller's fp at fp-16 */

    *pc = frame[-1];
    *fp = frame[-2];
    return *pc != 0;
}
