/* SPDX-License-Identifier: MIT */
/*
 * Makes no system call while it computes: other threads run only because its time slice ends.
 */
#include <ctype.h>
#include <stdlib.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("[MS]", "computes for MS milliseconds, or until it is killed");

int main(int argc, char **argv)
{
    if (argc > 2 || (argc == 2 && !isdigit(argv[1][0])))
        usage();
    long end = argc > 1 ? quire_call(clock) + atoi(argv[1]) * 1000000l : -1;
    do {
        for (volatile int i = 0; i < 100000; i++)
            ;
    } while (end < 0 || quire_call(clock) < end);
    return 0;
}
