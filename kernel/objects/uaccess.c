/* SPDX-License-Identifier: MIT */
/* Copies between user and kernel memory: see <quire/uaccess.h>. */
#include <quire/uaccess.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/spinlock.h>
#include <arch-generic/uaccess.h>

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
