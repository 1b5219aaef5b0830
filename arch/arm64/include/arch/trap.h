/* SPDX-License-Identifier: MIT */
/* The trap frame: every general register at the time of the trap, and the CPU's information about the trap. */
#pragma once

#include <quire/types.h>
#include <arch/cpu.h>

struct trapframe {
    u64 x[31];
    u64 sp;     /* SP_EL0 of user mode, SP_EL1 of the kernel */
    u64 pc;     /* ELR_EL1 */
    u64 pstate; /* SPSR_EL1 */
    u64 esr;
    u64 far;
};

static inline bool tf_user(const struct trapframe *tf) { return !(tf->pstate & PSR_MODE_MASK); }
static inline bool tf_irqs_enabled(const struct trapframe *tf) { return !(tf->pstate & PSR_I); }
static inline vaddr_t tf_pc(const struct trapframe *tf) { return tf->pc; }
static inline void tf_set_pc(struct trapframe *tf, vaddr_t pc) { tf->pc = pc; }
static inline vaddr_t tf_sp(const struct trapframe *tf) { return tf->sp; }
static inline vaddr_t tf_frame_pointer(const struct trapframe *tf) { return tf->x[29]; }
static inline vaddr_t tf_link(const struct trapframe *tf, bool *in_memory)
{
    *in_memory = false;
    return tf->x[30];
}
static inline u64 tf_syscall_nr(const struct trapframe *tf) { return tf->x[8]; }
static inline u64 tf_arg(const struct trapframe *tf, unsigned i) { return tf->x[i]; }
static inline s64 tf_ret(const struct trapframe *tf) { return (s64)tf->x[0]; }
static inline void tf_set_ret(struct trapframe *tf, s64 value) { tf->x[0] = (u64)value; }

/* Floating-point registers change hands late: a thread that doesn't own the CPU's may not use them (CPACR_EL1.FPEN). */
#define ARCH_FPU_LAZY 1
static inline void tf_allow_fpu(struct trapframe *tf, bool allow) { (void)tf, (void)allow; }
static inline void cpu_allow_fpu(bool allow)
{
    sysreg_write(cpacr_el1, allow ? CPACR_FP : CPACR_FP_KERNEL); /* the return to user mode synchronises it */
}

/*
 * Messages, arch/arm64/user/syscall.h: the info word, six words, and the address of struct quire_extra; back: the
 * badge. The words are in x19 to x24: ARCH_WORD_REGISTERS.
 */
static inline u64 *tf_info(struct trapframe *tf) { return &tf->x[1]; }
static inline u64 *tf_word(struct trapframe *tf, unsigned i) { return &tf->x[19 + i]; }
static inline u64 *tf_extra(struct trapframe *tf) { return &tf->x[9]; }
static inline void tf_pass_words(struct trapframe *to, const struct trapframe *from) { (void)to, (void)from; }

/* Change the frame as if user mode had made this system call. */
static inline void tf_set_call(struct trapframe *tf, u64 nr, u64 arg0, u64 arg1)
{
    tf->x[8] = nr;
    tf->x[0] = arg0;
    tf->x[1] = arg1;
}

#define ARCH_GENERAL_REGISTERS 31
static inline u64 *tf_general(struct trapframe *tf, unsigned i) { return &tf->x[i]; }
static inline void tf_set_sp(struct trapframe *tf, vaddr_t sp) { tf->sp = sp; }

/* A new user-mode frame: it starts at `entry` with this stack and up to two arguments. */
void tf_init_user(struct trapframe *tf, vaddr_t entry, vaddr_t sp, u64 arg0, u64 arg1);
