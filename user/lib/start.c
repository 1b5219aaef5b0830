/* SPDX-License-Identifier: MIT */
/* The first C function of a program, and how it ends. */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <quire/sys.h>

#define MAX_ATEXIT 32

static void (*at_exit[MAX_ATEXIT])(void);
static int nr_at_exit;

int main(int argc, char **argv);
void __libc_start(int argc, char **argv);
void __program_begin(int argc, char **argv);

void __libc_start(int argc, char **argv)
{
    __program_begin(argc, argv);
    exit(main(argc, argv));
}

void _exit(int status)
{
    for (;;)
        quire_call(exit, status);
}
void _Exit(int status) { _exit(status); }

int atexit(void (*function)(void))
{
    if (nr_at_exit == MAX_ATEXIT)
        return -1;
    at_exit[nr_at_exit++] = function;
    return 0;
}

void exit(int status)
{
    while (nr_at_exit)
        at_exit[--nr_at_exit]();
    _exit(status);
}

void abort(void)
{
    for (;;)
        quire_call(exit, 0, SIGABRT);
}

void __assert_failed(const char *what, const char *file, int line, const char *function)
{
    fprintf(stderr, "%s:%d: %s: assertion failed: %s\n", file, line, function, what);
    abort();
}
