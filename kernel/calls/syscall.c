/* SPDX-License-Identifier: MIT */
/*
 * Dispatch of system calls, made from the table in <uapi/quire/syscall_table.h>, and the copies between user
 * and kernel memory.
 */
#include <quire/syscall.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/process.h>
#include <quire/uaccess.h>
#include <quire/sys.h>
#include <arch-generic/uaccess.h>
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

/* --- user memory ------------------------------------------------------------------------------- */
static void assert_no_locks(const char *what)
{
    KASSERT(locks_held() == 0, "%s with %u locks held: a fault there could deadlock", what,
            locks_held());
}

int copy_in(void *to, const void __user *from, size_t n)
{
    assert_no_locks("copy_in");
    if (!user_range_ok((vaddr_t)(__force unsigned long)from, n))
        return -EFAULT;
    return arch_copy_from_user(to, from, n) ? -EFAULT : 0;
}

int copy_out(void __user *to, const void *from, size_t n)
{
    assert_no_locks("copy_out");
    if (!user_range_ok((vaddr_t)(__force unsigned long)to, n))
        return -EFAULT;
    return arch_copy_to_user(to, from, n) ? -EFAULT : 0;
}

ssize_t copy_in_string(char *to, const char __user *from, size_t size)
{
    assert_no_locks("copy_in_string");
    for (size_t done = 0; done < size;) {
        /* Up to the end of the page: what lies behind it need not be there. */
        vaddr_t at = (vaddr_t)(__force unsigned long)from + done;
        size_t n = MIN(size - done, PAGE_SIZE - (at & (PAGE_SIZE - 1)));
        n = MIN(n, 64UL);
        if (!user_range_ok(at, n))
            return -EFAULT;
        size_t left = arch_copy_from_user(to + done, from + done, n);
        for (size_t i = done; i < done + n - left; i++)
            if (!to[i])
                return (ssize_t)i;
        if (left)
            return -EFAULT;
        done += n;
    }
    return -ENAMETOOLONG;
}
