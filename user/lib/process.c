/* SPDX-License-Identifier: MIT */
/* Processes by handle: see <quire/process.h>. */
#include <quire/process.h>
#include <quire/message.h>
#include <quire/sys.h>
#include <uapi/quire/ipc.h>

long process_fork(void)
{
    struct quire_start start = {.nr_same = QUIRE_HANDLES_MAX};
    long process = quire_call(process_clone);

    if (process < 0 || process == QUIRE_IN_CHILD)
        return process;
    long err = quire_call(process_start, process, &start);
    if (!err)
        return process;
    quire_call(close, process);
    return err;
}

long process_wait(long process, int *status)
{
    long n = quire_call(notification_create);
    unsigned long bits;

    if (n < 0)
        return n;
    long err = quire_call(process_watch, process, n, 1);
    if (err >= 0)
        err = notification_wait(n, 1, 0, &bits);
    if (!err)
        err = quire_call(process_status, process, status);
    quire_call(close, n);
    return err;
}
