/* SPDX-License-Identifier: MIT */
/* System calls of test programs and of the shell's `test`. Release builds have no tests and say so. */
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/sys.h>
#include <quire/test_runner.h>

s64 sys_test_run(struct trapframe *tf)
{
#if QUIRE_DEBUG
    char pattern[64];
    ssize_t n = copy_in_string(pattern, user_arg(tf, 0), sizeof(pattern));
    return n < 0 ? n : test_runner_run(pattern);
#else
    (void)tf;
    return -ENOSYS;
#endif
}

s64 sys_test_event(struct trapframe *tf)
{
#if QUIRE_DEBUG
    char text[160];
    ssize_t n = copy_in_string(text, user_arg(tf, 1), sizeof(text));
    if (n < 0)
        return n;
    for (char *c = text; *c; c++) /* the text becomes part of a line of the kernel */
        *c = text_is_plain(*c) ? *c : ' ';
    return tf_arg(tf, 0) > 100 ? -EINVAL : test_runner_event((unsigned)tf_arg(tf, 0), text, tf_arg(tf, 2));
#else
    (void)tf;
    return -ENOSYS;
#endif
}
