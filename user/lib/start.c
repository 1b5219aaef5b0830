/* SPDX-License-Identifier: MIT */
/* The first C function of a program, and how it ends. */
#include <stdlib.h>
#include <stdio.h>
#include <unistd.h>
#include <quire/sys.h>

int main(int argc, char **argv);
void __libc_start(int argc, char **argv);

void __libc_start(int argc, char **argv) { exit(main(argc, argv)); }

void _exit(int status)
{
    for (;;)
        quire_call(exit, status);
}
void exit(int status) { _exit(status); }
void abort(void) { _exit(134); }

void __assert_failed(const char *what, const char *file, int line);
void __assert_failed(const char *what, const char *file, int line)
{
    printf("%s:%d: assertion failed: %s\n", file, line, what);
    abort();
}
