/* SPDX-License-Identifier: MIT */
/* A program's description of itself: see <quire/program.h>. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <quire/program.h>

__attribute__((weak)) const struct program __program = {"", "(says nothing about itself)"};
const char *__program_name = "?";

void __program_begin(int argc, char **argv);

void __program_begin(int argc, char **argv)
{
    char call[64];

    if (argc > 0) {
        const char *slash = strrchr(argv[0], '/');
        __program_name = slash ? slash + 1 : argv[0];
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        snprintf(call, sizeof(call), "%s %s", __program_name, __program.arguments);
        printf("  %-24s %s\n", call, __program.text);
        exit(0);
    }
}

void usage(void)
{
    fprintf(stderr, "usage: %s%s%s\n  %s\n", __program_name, *__program.arguments ? " " : "", __program.arguments,
            __program.text);
    exit(2);
}
