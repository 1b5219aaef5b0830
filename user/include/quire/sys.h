/* SPDX-License-Identifier: MIT */
/*
 * Quire's own system calls for programs: quire_<name>() for each line of <quire/syscall_table.h>; results are
 * the kernel's, negative error numbers included. POSIX names are in the POSIX headers.
 */
#pragma once

#include <quire/abi.h>
#include <syscall.h>

#define X(number, name, arguments, errors)                                                         \
    static inline long quire_##name##_(long a, long b, long c, long d, long e, long f)             \
    {                                                                                              \
        return __syscall(number, a, b, c, d, e, f);                                                \
    }
QUIRE_SYSCALLS(X)
#undef X

enum { /* how many arguments the table gives each call */
#define X(number, name, arguments, errors) QUIRE_ARGUMENTS_##name = QUIRE_NUMBER arguments,
    QUIRE_SYSCALLS(X)
#undef X
};

/*
 * quire_call(nop), quire_call(read, handle, buffer, n): missing arguments are 0; more than the table has don't compile.
 */
#define QUIRE_ARG(x) ((long)(x))
#define QUIRE_CALL_(name, a, b, c, d, e, f, ...)                                                   \
    quire_##name##_(QUIRE_ARG(a), QUIRE_ARG(b), QUIRE_ARG(c), QUIRE_ARG(d), QUIRE_ARG(e), QUIRE_ARG(f))
#define QUIRE_FITS_(given, name, ...)                                                              \
    ((void)sizeof(struct {                                                                         \
        _Static_assert((given) <= QUIRE_ARGUMENTS_##name, "too many arguments for " #name);        \
        int none;                                                                                  \
    }))
#define quire_call(...)                                                                            \
    (QUIRE_FITS_(QUIRE_NUMBER(__VA_ARGS__) - 1, __VA_ARGS__, 0), QUIRE_CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0))

/* Result or -1 with errno set, as POSIX wants it. */
long __result(long value);
