/* SPDX-License-Identifier: MIT */
/*
 * Runs a program with another ceiling of its priorities: no thread of it gets above that. Alone it says its own
 * ceiling, which is its status, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <quire/loader.h>
#include <quire/process.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("[CEILING PROGRAM [ARGUMENT...]]", "runs a program with this ceiling of its priorities; alone: says its own");

static int own_ceiling(void)
{
    int ceiling = QUIRE_PRIORITY_MAX;

    while (quire_call(thread_priority, 0, ceiling) < 0)
        ceiling--;
    return ceiling;
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        printf("%d\n", own_ceiling());
        return own_ceiling();
    }
    int ceiling = atoi(argv[1]);
    struct quire_start start;
    int status = 0;
    if (argc < 3 || ceiling < 1)
        usage();
    long child = program_load(argv[2], &argv[2], (unsigned)ceiling, &start);
    long err = child < 0 ? child : quire_call(process_start, child, &start);
    if (!err)
        err = process_wait(child, &status);
    if (err) {
        printf("priority: %s: %s\n", argv[2], strerror((int)-err));
        return 127;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
