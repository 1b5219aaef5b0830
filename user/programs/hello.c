/* SPDX-License-Identifier: MIT */
/* The smallest program: says hello and ends with the status that it is given. */
#include <stdio.h>
#include <stdlib.h>
#include <quire/program.h>

PROGRAM("[STATUS]", "says hello and ends with STATUS");

int main(int argc, char **argv)
{
    printf("hello from process land%s%s\n", argc > 1 ? ", status " : "", argc > 1 ? argv[1] : "");
    if (argc > 1)
        return atoi(argv[1]);
}
