/* SPDX-License-Identifier: MIT */
/* The interrupt descriptor table; finding out what a trap was, and making the right up-call (Intel SDM 3A 6.15). */
#include <arch-generic/context.h>
#include <quire/upcalls.h>
#include "platform.h"

/* Page-fault error code (SDM 3A figure 4-12). */
#define PF_WRITE        (1 << 1)
#define PF_RESERVED_BIT (1 << 3)
#define PF_FETCH        (1 << 4)

#define DR6_INITIAL 0xffff0ff0 /* no debug condition (SDM 3B 17.2.3) */

/* A gate (SDM 3A figure 6-8). */
struct gate {
    u16 offset_low;
    u16 selector;
    u8 ist;
    u8 type;
    u16 offset_middle;
    u32 offset_high;
    u32 zero;
};
#define GATE_INTERRUPT 0x8e /* present, 64-bit interrupt gate: comes with interrupts off */
#define GATE_DPL3      0x60 /* user mode may use it by INT n or INT3 */

static struct gate idt[256];
extern const u8 trap_stubs[];

void trap_dispatch(struct trapframe *tf);

void trap_init_idt(void)
{
    for (unsigned vector = 0; vector < ARRAY_SIZE(idt); vector++) {
        u64 stub = (u64)trap_stubs + vector * TRAP_STUB_SIZE;
        idt[vector] = (struct gate){
            .offset_low = (u16)stub,
            .selector = SEL_KERNEL_CODE,
            .type = GATE_INTERRUPT,
            .offset_middle = (u16)(stub >> 16),
            .offset_high = (u32)(stub >> 32),
        };
    }
    idt[VEC_BREAKPOINT].type |= GATE_DPL3;
    idt[VEC_NMI].ist = IST_NMI;
    idt[VEC_DOUBLE_FAULT].ist = IST_EMERGENCY;
    idt[VEC_MACHINE_CHECK].ist = IST_EMERGENCY;
}

void trap_load_idt(void)
{
    struct __packed {
        u16 limit;
        u64 base;
    } pointer = {sizeof(idt) - 1, (u64)idt};

    __asm__ volatile("lidt %0" ::"m"(pointer));
}

/* Not inline, so that the way of a page fault saves no registers for it: six instructions. */
static __noinline void interrupt(const struct trapframe *tf, u64 vector)
{
    if (vector == VEC_SPURIOUS)
        return; /* needs no end of interrupt (SDM 3A 10.9) */
    if (vector >= VEC_DEVICES && vector < VEC_DEVICES + ARCH_NR_INTERRUPTS)
        trap_interrupt((u32)vector - VEC_DEVICES); /* before its end: a level comes again unless it is masked */
    lapic_eoi();
    switch (vector) {
    case VEC_TIMER:
        timer_interrupt(tf);
        break;
    case VEC_IPI:
        trap_ipi();
        break;
    case VEC_CONSOLE:
        trap_console_rx();
        break;
    }
}

static void page_fault(struct trapframe *tf)
{
    vaddr_t addr = read_cr(2);

    if (tf->error & PF_RESERVED_BIT)
        trap_exception(tf, EXC_OTHER, tf->vector, addr); /* an error in the tables, not in the access */
    else if (tf->error & PF_FETCH)
        trap_fault(tf, addr, ACCESS_EXEC);
    else
        trap_fault(tf, addr, tf->error & PF_WRITE ? ACCESS_WRITE : ACCESS_READ);
}

static enum exception kind(u64 vector)
{
    switch (vector) {
    case VEC_UNDEFINED:
        return EXC_ILLEGAL;
    case VEC_PROTECTION:
        return EXC_PROTECTION;
    case VEC_DEBUG:
    case VEC_BREAKPOINT:
        return EXC_BREAKPOINT;
    case VEC_DIVIDE:
    case VEC_OVERFLOW:
    case VEC_FP:
    case VEC_SIMD:
        return EXC_ARITHMETIC;
    case VEC_ALIGNMENT:
        return EXC_ALIGNMENT;
    case VEC_STACK: /* the stack pointer is a non-canonical address */
    case VEC_MACHINE_CHECK:
        return EXC_BUS;
    default:
        return EXC_OTHER;
    }
}

static void exception(struct trapframe *tf)
{
    switch (tf->vector) {
    case VEC_PAGE_FAULT:
        page_fault(tf);
        break;
    case VEC_NO_FPU:
        if (!tf_user(tf) || !trap_fpu(tf))
            trap_exception(tf, EXC_ILLEGAL, tf->vector, tf->rip);
        break;
    case VEC_DOUBLE_FAULT:
        /* A frame couldn't be pushed; the only thing that prevents this is the guard below a kernel stack. */
        trap_stack_overflow(tf);
        break;
    case VEC_DEBUG:
        __asm__ volatile("mov %0, %%db6" ::"r"((u64)DR6_INITIAL)); /* otherwise its bits accumulate */
        trap_exception(tf, EXC_BREAKPOINT, tf->vector, tf->rip);
        break;
    default:
        trap_exception(tf, kind(tf->vector), tf->vector, tf->rip);
    }
}

/* Every trap except SYSCALL, for which trap.S calls the functions itself. */
void trap_dispatch(struct trapframe *tf)
{
    if (tf->vector >= VEC_FIRST_IRQ)
        interrupt(tf, tf->vector);
    else
        exception(tf);
}
