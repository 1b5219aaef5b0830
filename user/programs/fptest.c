/* SPDX-License-Identifier: MIT */
/*
 * Several programs compute with floating point at the same time. Each computed its right result before the others
 * began. If the kernel mixes up a register of two programs, a result is wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("[ROUNDS]", "four programs compute with floating point at the same time");

#define PROGRAMS 4
#define NR       24 /* more values than most machines have registers for */

/* The values depend on each other, so the compiler keeps them all alive. */
static double compute(double seed)
{
    double v[NR], sum = 0;

    for (int i = 0; i < NR; i++)
        v[i] = seed + i;
    for (int step = 0; step < 2000; step++)
        for (int i = 0; i < NR; i++)
            v[i] = v[i] * 0.75 + v[(i + 7) % NR] * 0.25 + seed;
    for (int i = 0; i < NR; i++)
        sum += v[i];
    return sum;
}

static int check(double seed, int rounds)
{
    const double right = compute(seed);

    for (int i = 0; i < rounds; i++)
        if (compute(seed) != right)
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 50, status, wrong = 0;

    if (argc > 2 || rounds < 1)
        usage();
    for (int i = 0; i < PROGRAMS; i++)
        if (fork() == 0)
            _exit(check(1.0 / (i + 3), rounds));
    while (wait(&status) > 0)
        wrong += status != 0;
    printf("%d programs, %d rounds each: %d went wrong\n", PROGRAMS, rounds, wrong);
    return wrong != 0;
}
