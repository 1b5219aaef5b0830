/* SPDX-License-Identifier: MIT */
/*
 * The native machine has no traps: a user frame only holds the registers that a test gives to a guest, and those of a
 * message.
 */
#pragma once

#include <quire/types.h>

struct trapframe {
    u64 nr, arg[4];
    vaddr_t pc, sp;
    u64 info, word[6], extra;
};

static inline u64 tf_syscall_nr(const struct trapframe *tf) { return tf->nr; }
static inline u64 tf_arg(const struct trapframe *tf, unsigned i) { return tf->arg[i]; }
static inline s64 tf_ret(const struct trapframe *tf) { return (s64)tf->arg[0]; }
static inline void tf_set_ret(struct trapframe *tf, s64 value) { tf->arg[0] = (u64)value; }

static inline u64 *tf_info(struct trapframe *tf) { return &tf->info; }
static inline u64 *tf_word(struct trapframe *tf, unsigned i) { return &tf->word[i]; }
static inline u64 *tf_extra(struct trapframe *tf) { return &tf->extra; }

/* Change the frame as if user mode had made this system call. */
static inline void tf_set_call(struct trapframe *tf, u64 nr, u64 arg0, u64 arg1)
{
    tf->nr = nr;
    tf->arg[0] = arg0;
    tf->arg[1] = arg1;
}
void tf_init_user(struct trapframe *tf, vaddr_t entry, vaddr_t sp, u64 arg0, u64 arg1);

#define ARCH_FPU_LAZY 0
static inline void tf_allow_fpu(struct trapframe *tf, bool allow) { (void)tf, (void)allow; }
static inline void cpu_allow_fpu(bool allow) { (void)allow; }
