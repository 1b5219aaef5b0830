/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("[STATUS]", "ends the machine; QEMU's exit status is STATUS");

int main(int argc, char **argv)
{
    if (argc > 2 || (argc == 2 && !isdigit(argv[1][0])))
        usage();
    long err = quire_call(poweroff, argc > 1 ? atoi(argv[1]) : 0);
    printf("poweroff: %s: tests run, or a program started this one; type poweroff in the first shell\n",
           strerror((int)-err));
    return 1;
}
