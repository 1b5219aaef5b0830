/* SPDX-License-Identifier: MIT */
/*
 * Quire's own system calls for programs: quire_<name>() for each line of <quire/syscall_table.h>; results are
 * the kernel's, negative error numbers included. POSIX names are in the POSIX headers.
 */
#pragma once

#include <quire/abi.h>
#include <syscall.h>

#define X(number, name, nr_args, text)                                                             \
    static inline long quire_##name##_(long a, long b, long c, long d, long e, long f)             \
    {                                                                                              \
        return __syscall(number, a, b, c, d, e, f);                                                \
    }
QUIRE_SYSCALLS(X)
#undef X

/* quire_call(nop), quire_call(read, handle, buffer, n): missing arguments are 0. */
#define QUIRE_ARG(x) ((long)(x))
#define QUIRE_CALL_(name, a, b, c, d, e, f, ...)                                                   \
    quire_##name##_(QUIRE_ARG(a), QUIRE_ARG(b), QUIRE_ARG(c), QUIRE_ARG(d), QUIRE_ARG(e), QUIRE_ARG(f))
#define quire_call(...) QUIRE_CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* Result or -1 with errno set, as POSIX wants it. */
long __result(long value);
