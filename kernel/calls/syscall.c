/* SPDX-License-Identifier: MIT */
/* Calls the function of a system call. The table in <uapi/quire/syscall_table.h> gives numbers and names. */
#include <quire/syscall.h>
#include <quire/counters.h>
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/sys.h>
#include <quire/thread.h>
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

/* user_work keeps a traced thread from the short cuts, behind which it wouldn't come back here. */
static __noinline void traced(struct trapframe *tf)
{
    u64 number = tf_syscall_nr(tf);

    if (fault_trace_call(tf)) {
        this_cpu()->user_work = true;
        tf_set_ret(tf, call(number, tf));
    }
    fault_trace_result(tf, number);
}

void syscall_dispatch(struct trapframe *tf)
{
    counter_inc(COUNTER_SYSCALLS);
    arch_irq_enable();
    if (unlikely(current_thread()->traced))
        traced(tf);
    else
        tf_set_ret(tf, call(tf_syscall_nr(tf), tf));
    arch_irq_disable();
}
