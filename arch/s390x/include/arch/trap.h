/* SPDX-License-Identifier: MIT */
/*
 * The trap frame: PSW and general registers at the time of the trap, and the CPU's information about the trap.
 *
 * System calls: number in r1, arguments in r2-r7, result in r2. Of the address of a memory fault, only the page is
 * known (TEID bits 0-51).
 */
#pragma once

#include <quire/types.h>
#include <arch/cpu.h>

struct trapframe {
    struct psw psw;
    u64 gprs[16];
    u64 code;        /* interruption code, within its class */
    u64 translation; /* TEID; 0 if the trap isn't about an access */
    u64 backchain;   /* stack pointer of the interrupted function's caller; 0: none */
    u64 length;      /* of the instruction in bytes; 0: not used */
};

static inline bool tf_user(const struct trapframe *tf)
{
    return tf->psw.mask & PSW_PROBLEM;
}
static inline bool tf_irqs_enabled(const struct trapframe *tf)
{
    return tf->psw.mask & PSW_EXT;
}
static inline vaddr_t tf_pc(const struct trapframe *tf)
{
    return tf->psw.addr;
}
static inline void tf_set_pc(struct trapframe *tf, vaddr_t pc)
{
    tf->psw.addr = pc;
}
static inline vaddr_t tf_sp(const struct trapframe *tf)
{
    return tf->gprs[15];
}
static inline vaddr_t tf_frame_pointer(const struct trapframe *tf)
{
    return tf_user(tf) ? tf->gprs[11] : tf->backchain; /* r15 may be new already, and its link not stored yet */
}
static inline vaddr_t tf_link(const struct trapframe *tf, bool *in_memory)
{
    *in_memory = false;
    return tf->gprs[14];
}
static inline u64 tf_syscall_nr(const struct trapframe *tf)
{
    return tf->gprs[1];
}
static inline u64 tf_arg(const struct trapframe *tf, unsigned i)
{
    return tf->gprs[2 + i];
}
static inline s64 tf_ret(const struct trapframe *tf) { return (s64)tf->gprs[2]; }
static inline void tf_set_ret(struct trapframe *tf, s64 value)
{
    tf->gprs[2] = (u64)value;
}

#define ARCH_FPU_LAZY 0 /* a few instructions save all registers */
static inline void tf_allow_fpu(struct trapframe *tf, bool allow) { (void)tf, (void)allow; }
static inline void cpu_allow_fpu(bool allow) { (void)allow; }

/*
 * Messages, arch/s390x/user/syscall.h: the info word, six words, and the address of struct quire_extra; back: the
 * badge.
 */
static inline u64 *tf_info(struct trapframe *tf) { return &tf->gprs[3]; }
static inline u64 *tf_word(struct trapframe *tf, unsigned i) { return &tf->gprs[4 + i]; }
static inline u64 *tf_extra(struct trapframe *tf) { return &tf->gprs[10]; }
/* All words, by one instruction. */
static inline void tf_pass_words(struct trapframe *to, const struct trapframe *from)
{
    __builtin_memcpy(&to->gprs[4], &from->gprs[4], 6 * sizeof(u64));
}

/* Change the frame as if user mode had made this system call. */
static inline void tf_set_call(struct trapframe *tf, u64 nr, u64 arg0, u64 arg1)
{
    tf->gprs[1] = nr;
    tf->gprs[2] = arg0;
    tf->gprs[3] = arg1;
}

#define ARCH_GENERAL_REGISTERS 16
static inline u64 *tf_general(struct trapframe *tf, unsigned i) { return &tf->gprs[i]; }
static inline void tf_set_sp(struct trapframe *tf, vaddr_t sp) { tf->gprs[15] = sp; }

/* A new user-mode frame: it starts at `entry` with this stack and up to two arguments. */
void tf_init_user(struct trapframe *tf, vaddr_t entry, vaddr_t sp, u64 arg0, u64 arg1);
