/* SPDX-License-Identifier: MIT */
/*
 * The trap frame: every integer register. The last five words are pushed by the processor on a trap
 * and by syscall_entry on SYSCALL; the rest by trap.S. Its size is a multiple of 16, so that it
 * ends exactly where the stack begins.
 *
 * A breakpoint's pc is behind the INT3 (a trap); the pc of every other exception is the instruction's.
 */
#pragma once

#include <quire/types.h>
#include <arch/cpu.h>

struct trapframe {
    u64 r15, r14, r13, r12, rbp, rbx, r11, rcx, rax;
    union {
        struct {
            u64 rdi, rsi, rdx, r10, r8, r9;
        };
        u64 arg[6]; /* of a system call, in order */
    };
    u64 vector; /* or VEC_SYSCALL */
    u64 error;  /* error code; 0 where there is none */
    u64 rip, cs, rflags, rsp, ss;
};

static inline bool tf_user(const struct trapframe *tf) { return tf->cs & 3; }
static inline bool tf_irqs_enabled(const struct trapframe *tf) { return tf->rflags & RFLAGS_IF; }
static inline vaddr_t tf_pc(const struct trapframe *tf) { return tf->rip; }
static inline void tf_set_pc(struct trapframe *tf, vaddr_t pc) { tf->rip = pc; }
static inline vaddr_t tf_sp(const struct trapframe *tf) { return tf->rsp; }
static inline vaddr_t tf_frame_pointer(const struct trapframe *tf) { return tf->rbp; }
/* Only at its beginning, or if it needs no stack, does a function run with a stack pointer like this (psABI 3.2.2). */
static inline vaddr_t tf_link(const struct trapframe *tf, bool *in_memory)
{
    *in_memory = true;
    return tf->rsp % 16 == 8 ? tf->rsp : 0;
}
static inline u64 tf_syscall_nr(const struct trapframe *tf) { return tf->rax; }
static inline u64 tf_arg(const struct trapframe *tf, unsigned i) { return tf->arg[i]; }
static inline s64 tf_ret(const struct trapframe *tf) { return (s64)tf->rax; }
static inline void tf_set_ret(struct trapframe *tf, s64 value) { tf->rax = (u64)value; }

/* Floating-point registers change hands late: a thread that doesn't own the CPU's gets #NM (CR0.TS). */
#define ARCH_FPU_LAZY 1
static inline void tf_allow_fpu(struct trapframe *tf, bool allow) { (void)tf, (void)allow; }
static inline void cpu_allow_fpu(bool allow)
{
    if (allow)
        __asm__ volatile("clts" ::: "memory");
    else
        write_cr(0, CR0_KERNEL | CR0_TS);
}

/*
 * Messages, arch/x86_64/user/syscall.h: the info word, six words, and the address of struct quire_extra; back: the
 * badge. The first five words are in rbx and r12 to r15 (ARCH_WORD_REGISTERS), the last in r8.
 */
static inline u64 *tf_info(struct trapframe *tf) { return &tf->rsi; }
static inline u64 *tf_word(struct trapframe *tf, unsigned i)
{
    return i == 0 ? &tf->rbx : i == 5 ? &tf->r8 : &tf->r12 - (i - 1);
}
static inline u64 *tf_extra(struct trapframe *tf) { return &tf->rdx; }
static inline void tf_pass_words(struct trapframe *to, const struct trapframe *from) { to->r8 = from->r8; }

/* Change the frame as if user mode had made this system call. */
static inline void tf_set_call(struct trapframe *tf, u64 nr, u64 arg0, u64 arg1)
{
    tf->rax = nr;
    tf->arg[0] = arg0;
    tf->arg[1] = arg1;
}

#define ARCH_GENERAL_REGISTERS 15 /* rax rbx rcx rdx rsi rdi rbp r8 to r15 */
static inline u64 *tf_general(struct trapframe *tf, unsigned i)
{
    u64 *const registers[] = {&tf->rax, &tf->rbx, &tf->rcx, &tf->rdx, &tf->rsi, &tf->rdi, &tf->rbp, &tf->r8,
                              &tf->r9,  &tf->r10, &tf->r11, &tf->r12, &tf->r13, &tf->r14, &tf->r15};
    return registers[i];
}
static inline void tf_set_sp(struct trapframe *tf, vaddr_t sp) { tf->rsp = sp; }

/* A new user-mode frame: it starts at `entry` with this stack and up to two arguments. */
void tf_init_user(struct trapframe *tf, vaddr_t entry, vaddr_t sp, u64 arg0, u64 arg1);
