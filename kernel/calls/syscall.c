/* SPDX-License-Identifier: MIT */
/* The functions of system calls. The table in <uapi/quire/syscall_table.h> gives numbers and names. */
#include <quire/syscall.h>
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/sys.h>
#include <quire/thread.h>
#include <quire/upcalls.h>
#include <arch-generic/context.h>
#include <uapi/quire/abi.h>

/* The line that names a call again is the one that counts. */
_Pragma("GCC diagnostic ignored \"-Woverride-init\"")
system_call *const program_calls[QUIRE_NR_SYSCALLS] = {
    [0 ... QUIRE_NR_SYSCALLS - 1] = arch_call_whole, /* numbers that no call has: -ENOSYS */
#define X(number, name, arguments, errors) [number] = sys_##name,
    QUIRE_SYSCALLS(X)
#undef X
    [QUIRE_SYS_exit] = arch_call_whole,
    [QUIRE_SYS_process_clone] = arch_call_whole,
    [QUIRE_SYS_guest_run] = arch_call_whole,
    [QUIRE_SYS_call] = arch_call_fast_call,
    [QUIRE_SYS_reply_receive] = arch_call_fast_reply_receive,
    [QUIRE_SYS_yield] = arch_call_fast_yield,
    [QUIRE_SYS_send] = arch_call_whole,
    [QUIRE_SYS_receive] = arch_call_whole,
    [QUIRE_SYS_reply] = arch_call_whole,
    [QUIRE_SYS_notification_wait] = arch_call_whole,
};

system_call *const whole_calls[QUIRE_NR_SYSCALLS] = {[0 ... QUIRE_NR_SYSCALLS - 1] = arch_call_whole};

static inline s64 call(u64 number, struct trapframe *tf)
{
    switch (number) {
#define X(nr, name, arguments, errors)                                                             \
    case nr:                                                                                       \
        return sys_##name(tf);
        QUIRE_SYSCALLS(X)
#undef X
    default:
        return -ENOSYS;
    }
}

static __noinline void traced(struct trapframe *tf)
{
    u64 number = tf_syscall_nr(tf);

    if (fault_trace_call(tf))
        tf_set_ret(tf, call(number, tf));
    fault_trace_result(tf, number);
}

void syscall_dispatch(struct trapframe *tf)
{
    arch_irq_enable();
    if (unlikely(current_thread()->traced))
        traced(tf);
    else
        tf_set_ret(tf, call(tf_syscall_nr(tf), tf));
    arch_irq_disable();
}
