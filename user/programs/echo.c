/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <quire/program.h>

PROGRAM("[WORD...]", "prints its arguments");

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        printf("%s%s", argv[i], i + 1 < argc ? " " : "");
    putchar('\n');
    return 0;
}
