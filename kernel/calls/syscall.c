/* SPDX-License-Identifier: MIT */
/* Calls the function of a system call. The table in <uapi/quire/syscall_table.h> gives numbers and names. */
#include <quire/syscall.h>
#include <quire/counters.h>
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/sys.h>
#include <uapi/quire/abi.h>

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
    u64 number = tf_syscall_nr(tf);

    counter_inc(COUNTER_SYSCALLS);
    if (QUIRE_FASTPATH && unlikely(number - QUIRE_SYS_call <= QUIRE_SYS_reply_receive - QUIRE_SYS_call))
        number == QUIRE_SYS_call ? ipc_fast_call(tf) : ipc_fast_reply_receive(tf); /* returns only if it can't */
    arch_irq_enable();
    tf_set_ret(tf, call(number, tf));
    arch_irq_disable();
}
