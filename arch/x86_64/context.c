/* SPDX-License-Identifier: MIT */
/* New contexts and user frames, floating-point state, register dumps, one step of a backtrace. */
#include <arch-generic/context.h>
#include <quire/log.h>
#include <quire/spinlock.h>
#include <quire/string.h>
#include "platform.h"

#define FCW_OFFSET    0 /* offset in the legacy area (SDM 1 table 13-1) */
#define FCW_INITIAL   0x37f
#define MXCSR_OFFSET  24
#define MXCSR_INITIAL 0x1f80

void context_start(void);

/*
 * `entry` may be a C function: the stack pointer is 8 below a multiple of 16, as after a CALL (psABI 3.2.2). There is
 * no return address on the stack.
 */
void tf_init_user(struct trapframe *tf, vaddr_t entry, vaddr_t sp, u64 arg0, u64 arg1)
{
    memset(tf, 0, sizeof(*tf));
    tf->rip = entry;
    tf->rsp = ALIGN_DOWN(sp, 16UL) - 8;
    tf->rdi = arg0;
    tf->rsi = arg1;
    tf->rflags = RFLAGS_FIXED | RFLAGS_IF;
    tf->cs = SEL_USER_CODE;
    tf->ss = SEL_USER_DATA;
}

void arch_context_init(struct arch_context *ctx, void *stack_top, void (*fn)(void *), void *arg)
{
    /* As arch_switch pops it: r15 r14 r13 r12 rbx rbp, return address. */
    u64 *frame = (u64 *)stack_top - 8;

    memset(frame, 0, 8 * sizeof(u64));
    frame[2] = (u64)arg;
    frame[3] = (u64)fn;
    frame[6] = (u64)context_start;
    ctx->sp = (u64)frame;
}

/* A header of zeros tells XRSTOR "initial state". FXRSTOR reads the legacy area, and MXCSR is always loaded from
 * there. */
void arch_fpu_init(struct arch_fpu *fpu)
{
    memset(fpu, 0, sizeof(*fpu));
    *(u16 *)(fpu->area + FCW_OFFSET) = FCW_INITIAL;
    *(u32 *)(fpu->area + MXCSR_OFFSET) = MXCSR_INITIAL;
}

#define load_selector(name, value) __asm__ volatile("movl %0,%%" #name ::"r"((u32)(value)) : "memory")

void x86_save_selectors(struct arch_fpu *fpu)
{
    fpu->ds = (u16)read_selector(ds);
    fpu->es = (u16)read_selector(es);
    fpu->fs = (u16)read_selector(fs);
    fpu->gs = (u16)read_selector(gs);
}

/*
 * Each selector was loaded before, so loading it doesn't fault. Loading GS changes the current GS base, so it is loaded
 * while the user's base is in place (SDM 3A 3.4.4).
 */
void x86_restore_selectors(const struct arch_fpu *fpu)
{
    if (unlikely(read_selector(ds) != fpu->ds))
        load_selector(ds, fpu->ds);
    if (unlikely(read_selector(es) != fpu->es))
        load_selector(es, fpu->es);
    if (unlikely(read_selector(fs) != fpu->fs))
        load_selector(fs, fpu->fs);
    if (unlikely(read_selector(gs) != fpu->gs)) {
        bool irq = irq_save(); /* in between the GS base doesn't point to struct percpu */
        __asm__ volatile("swapgs\n\tmovl %0,%%gs\n\tswapgs" ::"r"((u32)fpu->gs) : "memory");
        irq_restore(irq);
    }
}

/*
 * The thread that was interrupted may not have had the right to use them: CR0.TS would make these instructions fault.
 */
void arch_fpu_save(struct arch_fpu *fpu)
{
    __asm__ volatile("clts" ::: "memory");
    if (cpu_features.xsave)
        __asm__ volatile("xsave64 %0" : "+m"(fpu->area) : "a"(cpu_features.xcr0), "d"(0));
    else
        __asm__ volatile("fxsave64 %0" : "=m"(fpu->area));
}

void arch_fpu_restore(const struct arch_fpu *fpu)
{
    __asm__ volatile("clts" ::: "memory");
    if (cpu_features.xsave)
        __asm__ volatile("xrstor64 %0" ::"m"(fpu->area), "a"(cpu_features.xcr0), "d"(0));
    else
        __asm__ volatile("fxrstor64 %0" ::"m"(fpu->area));
}

void arch_print_frame(const struct trapframe *tf)
{
    kprintf("  rip %016lx  rflags %08lx  vector %lu  error %lx  cs %lx  cr2 %016lx\n", tf->rip,
            tf->rflags, tf->vector, tf->error, tf->cs, read_cr(2));
    kprintf("  rsp %016lx  rbp %016lx  rax %016lx  rbx %016lx\n", tf->rsp, tf->rbp, tf->rax, tf->rbx);
    kprintf("  rcx %016lx  rdx %016lx  rsi %016lx  rdi %016lx\n", tf->rcx, tf->rdx, tf->rsi, tf->rdi);
    kprintf("  r8  %016lx  r9  %016lx  r10 %016lx  r11 %016lx\n", tf->r8, tf->r9, tf->r10, tf->r11);
    kprintf("  r12 %016lx  r13 %016lx  r14 %016lx  r15 %016lx\n", tf->r12, tf->r13, tf->r14, tf->r15);
}

bool arch_unwind(vaddr_t *fp, vaddr_t *pc)
{
    const u64 *frame = (const u64 *)*fp; /* the caller's RBP, then the return address */

    *pc = frame[1];
    *fp = frame[0];
    return *pc != 0;
}
