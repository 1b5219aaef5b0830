/* SPDX-License-Identifier: MIT */
/* Copies between user and kernel memory: see <quire/uaccess.h>. */
#include <quire/plural.h>
#include <quire/uaccess.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/spinlock.h>
#include <arch-generic/uaccess.h>

static void assert_no_locks(const char *what)
{
    KASSERT(locks_held() == 0, "%s with %u lock%s held: a fault there could deadlock. Held: %s", what, locks_held(),
            plural(locks_held()), locks_text());
}

static void __user *believe(struct user_ptr p) { return (__force void __user *)p.given; }

int user_window(struct user_window *window, struct user_ptr start, u64 bytes)
{
    if (!user_range_ok(start.given, bytes))
        return -EFAULT;
    *window = (struct user_window){believe(start), bytes};
    return 0;
}

int window_in(void *to, struct user_window *from, size_t n)
{
    assert_no_locks("copy_in");
    if (arch_copy_from_user(to, from->at, n))
        return -EFAULT;
    *from = (struct user_window){from->at + n, from->left - n};
    return 0;
}

int window_out(struct user_window *to, const void *from, size_t n)
{
    assert_no_locks("copy_out");
    if (arch_copy_to_user(to->at, from, n))
        return -EFAULT;
    *to = (struct user_window){to->at + n, to->left - n};
    return 0;
}

int copy_in(void *to, struct user_ptr from, size_t n)
{
    struct user_window window;

    return user_window(&window, from, n) ? -EFAULT : window_in(to, &window, n);
}

int copy_out(struct user_ptr to, const void *from, size_t n)
{
    struct user_window window;

    return user_window(&window, to, n) ? -EFAULT : window_out(&window, from, n);
}

ssize_t copy_in_string(char *to, struct user_ptr from, size_t size)
{
    size_t there = from.given < USER_TOP ? USER_TOP - from.given : 0, end = MIN(size, there);
    const char __user *text = believe(from);

    assert_no_locks("copy_in_string");
    for (size_t done = 0; done < end;) {
        /* A step ends at the end of a page: the string may end before the next page, which needn't be mapped. */
        size_t n = MIN(MIN(end - done, 64UL), PAGE_SIZE - (from.given + done) % PAGE_SIZE);
        size_t left = arch_copy_from_user(to + done, text + done, n);
        for (size_t i = done; i < done + n - left; i++)
            if (!to[i])
                return (ssize_t)i;
        if (left)
            return -EFAULT;
        done += n;
    }
    return end < size ? -EFAULT : -ENAMETOOLONG;
}
