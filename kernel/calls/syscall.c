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

static __noinline void dispatch_ordinary(struct trapframe *tf)
{
    counter_inc(COUNTER_SYSCALLS);
    arch_irq_enable();
    tf_set_ret(tf, call(tf_syscall_nr(tf), tf));
    arch_irq_disable();
}

/* The calls with a short cut; it returns only if the ordinary way has to be taken. Not inline, see below. */
static __noinline void dispatch_message(struct trapframe *tf)
{
    if (tf_syscall_nr(tf) == QUIRE_SYS_call)
        ipc_fast_call(tf);
    else
        ipc_fast_reply_receive(tf);
    dispatch_ordinary(tf);
}

/* Saves no registers: each of the two ways does what it needs. */
void syscall_dispatch(struct trapframe *tf)
{
    if (QUIRE_FASTPATH && unlikely(tf_syscall_nr(tf) - QUIRE_SYS_call <= QUIRE_SYS_reply_receive - QUIRE_SYS_call))
        dispatch_message(tf);
    else
        dispatch_ordinary(tf);
}
