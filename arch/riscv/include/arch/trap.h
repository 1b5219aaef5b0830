/* SPDX-License-Identifier: MIT */
/* The trap frame: every integer register at the time of the trap, and the hart's information about the trap. */
#pragma once

#include <quire/types.h>
#include <arch/cpu.h>

struct trapframe {
    u64 x[32]; /* x[0] unused */
    u64 pc;    /* sepc */
    u64 status;
    u64 cause;
    u64 value; /* stval */
};

static inline bool tf_user(const struct trapframe *tf) { return !(tf->status & SSTATUS_SPP); }
static inline bool tf_irqs_enabled(const struct trapframe *tf) { return tf->status & SSTATUS_SPIE; }
static inline vaddr_t tf_pc(const struct trapframe *tf) { return tf->pc; }
static inline void tf_set_pc(struct trapframe *tf, vaddr_t pc) { tf->pc = pc; }
static inline vaddr_t tf_sp(const struct trapframe *tf) { return tf->x[2]; }
static inline vaddr_t tf_frame_pointer(const struct trapframe *tf) { return tf->x[8]; }
static inline vaddr_t tf_link(const struct trapframe *tf, bool *in_memory)
{
    *in_memory = false;
    return tf->x[1];
}
static inline u64 tf_syscall_nr(const struct trapframe *tf) { return tf->x[17]; }
static inline u64 tf_arg(const struct trapframe *tf, unsigned i) { return tf->x[10 + i]; }
static inline s64 tf_ret(const struct trapframe *tf) { return (s64)tf->x[10]; }
static inline void tf_set_ret(struct trapframe *tf, s64 value) { tf->x[10] = (u64)value; }

/* Floating-point registers change hands late: in the frame of a thread that doesn't own the CPU's, FS is Off. */
#define ARCH_FPU_LAZY 1
static inline void cpu_allow_fpu(bool allow) { (void)allow; }
static inline void tf_allow_fpu(struct trapframe *tf, bool allow)
{
    tf->status = allow ? tf->status | SSTATUS_FS : tf->status & ~SSTATUS_FS;
}

/*
 * Messages, arch/riscv/user/syscall.h: the info word, six words, and the address of struct quire_extra; back: the
 * badge. The words are in s2 to s7: ARCH_WORD_REGISTERS.
 */
static inline u64 *tf_info(struct trapframe *tf) { return &tf->x[11]; }
static inline u64 *tf_word(struct trapframe *tf, unsigned i) { return &tf->x[18 + i]; }
static inline u64 *tf_extra(struct trapframe *tf) { return &tf->x[6]; }
static inline void tf_pass_words(struct trapframe *to, const struct trapframe *from) { (void)to, (void)from; }

/* Change the frame as if user mode had made this system call. */
static inline void tf_set_call(struct trapframe *tf, u64 nr, u64 arg0, u64 arg1)
{
    tf->x[17] = nr;
    tf->x[10] = arg0;
    tf->x[11] = arg1;
}

#define ARCH_GENERAL_REGISTERS 32
static inline u64 *tf_general(struct trapframe *tf, unsigned i) { return &tf->x[i]; }
static inline void tf_set_sp(struct trapframe *tf, vaddr_t sp) { tf->x[2] = sp; }

/* A new user-mode frame: it starts at `entry` with this stack and up to two arguments. */
void tf_init_user(struct trapframe *tf, vaddr_t entry, vaddr_t sp, u64 arg0, u64 arg1);
