/* SPDX-License-Identifier: MIT */
/* Calls the function of a system call. The table in <uapi/quire/syscall_table.h> gives numbers and names. */
#include <quire/syscall.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/sys.h>
#include <uapi/quire/syscall_table.h>

static inline s64 call(u64 number, struct trapframe *tf)
{
    switch (number) {
#define X(nr, name, nr_args, text)                                                                 \
    case nr:                                                                                       \
        return sys_##name(tf);
        QUIRE_SYSCALLS(X)
#undef X
    default:
        return -ENOSYS;
    }
}

void syscall_dispatch(struct trapframe *tf)
{
    counter_inc(COUNTER_SYSCALLS);
    arch_irq_enable();
    tf_set_ret(tf, call(tf_syscall_nr(tf), tf));
    arch_irq_disable();
}
