/* SPDX-License-Identifier: MIT */
/* Kernel contexts (the registers that a switch saves) and other processor state of a user thread. */
#pragma once

#include <quire/types.h>
#include <arch/features.h>
#include <arch/regs.h>

struct trapframe;

struct arch_context {
    u64 sp; /* callee-saved registers are on the stack */
};

/* XSAVE standard format (SDM 1 13.4): 512 bytes legacy, 64 header, 256 upper halves of YMM. */
#define XSAVE_AREA_SIZE 832

struct arch_fpu {
    u8 area[XSAVE_AREA_SIZE] __aligned(64);
    /* The others are the thread's own registers: arch_own_save(). */
    u64 fs_base; /* user mode sets both bases itself (FSGSBASE) */
    u64 gs_base;
    union {
        struct {
            u16 ds, es, fs, gs; /* selectors: a program may load them, so they are saved like its registers */
        };
        u64 selectors;
    };
};

#define read_selector(name)                                                                        \
    ({                                                                                             \
        u32 selector_;                                                                             \
        __asm__ volatile("movl %%" #name ",%0" : "=r"(selector_));                                 \
        selector_;                                                                                 \
    })

/* With interrupts off: between two SWAPGS the GS base is user mode's. */
static inline u64 read_user_gs_base(void)
{
    u64 base;
    __asm__ volatile("swapgs\n\trdgsbase %0\n\tswapgs" : "=r"(base)::"memory");
    return base;
}
static inline void write_user_gs_base(u64 base)
{
    __asm__ volatile("swapgs\n\twrgsbase %0\n\tswapgs" ::"r"(base) : "memory");
}

void x86_save_selectors(struct arch_fpu *fpu);
void x86_restore_selectors(const struct arch_fpu *fpu);

/* Mostly all selectors are 0. Interrupts off. */
#define ARCH_OWN_REGISTERS 1
static inline u32 read_selectors(void)
{
    return read_selector(ds) | read_selector(es) | read_selector(fs) | read_selector(gs);
}

static inline void save_bases(struct arch_fpu *fpu)
{
    __asm__ volatile("rdfsbase %0" : "=r"(fpu->fs_base));
    fpu->gs_base = read_user_gs_base();
}

static inline void arch_own_save(struct arch_fpu *fpu)
{
    fpu->selectors = 0;
    if (unlikely(read_selectors()))
        x86_save_selectors(fpu);
    if (cpu_features.fsgsbase)
        save_bases(fpu);
}

/* First the selectors, because loading one changes a base. */
static inline void arch_own_restore(const struct arch_fpu *fpu)
{
    x86_restore_selectors(fpu);
    if (cpu_features.fsgsbase) {
        __asm__ volatile("wrfsbase %0" ::"r"(fpu->fs_base));
        write_user_gs_base(fpu->gs_base);
    }
}

static inline void arch_own_swap(struct arch_fpu *from, const struct arch_fpu *to)
{
    if (unlikely(to->selectors | read_selectors()) || unlikely(!cpu_features.fsgsbase)) {
        arch_own_save(from);
        arch_own_restore(to);
        return;
    }
    from->selectors = 0;
    save_bases(from);
    __asm__ volatile("wrfsbase %0" ::"r"(to->fs_base));
    if (unlikely(from->gs_base != to->gs_base))
        write_user_gs_base(to->gs_base);
}
