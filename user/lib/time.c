/* SPDX-License-Identifier: MIT */
/* Clocks and sleeping. */
#include <errno.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <quire/sys.h>

#define NS_PER_S 1000000000L

/* The machine has no calendar: both clocks count from boot. */
int clock_gettime(int clock, struct timespec *now)
{
    long ns = quire_call(clock);

    if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
        return (int)__result(-EINVAL);
    now->tv_sec = ns / NS_PER_S;
    now->tv_nsec = ns % NS_PER_S;
    return 0;
}

int nanosleep(const struct timespec *t, struct timespec *left)
{
    if (t->tv_nsec < 0 || t->tv_nsec >= NS_PER_S || t->tv_sec < 0)
        return (int)__result(-EINVAL);
    if (left)
        *left = (struct timespec){0, 0};
    long ns;
    if (__builtin_mul_overflow(t->tv_sec, NS_PER_S, &ns) || __builtin_add_overflow(ns, t->tv_nsec, &ns))
        ns = __LONG_MAX__; /* 292 years: for ever */
    return (int)__result(quire_call(sleep, ns));
}
unsigned sleep(unsigned seconds)
{
    quire_call(sleep, (long)seconds * NS_PER_S);
    return 0;
}
int usleep(unsigned us) { return (int)__result(quire_call(sleep, (long)us * 1000)); }

time_t time(time_t *to)
{
    time_t now = quire_call(clock) / NS_PER_S;

    if (to)
        *to = now;
    return now;
}
double difftime(time_t later, time_t earlier) { return (double)(later - earlier); }

int gettimeofday(struct timeval *now, void *zone)
{
    long ns = quire_call(clock);

    (void)zone;
    *now = (struct timeval){ns / NS_PER_S, ns % NS_PER_S / 1000};
    return 0;
}

/* The time that the process has run on all CPUs. */
clock_t clock(void)
{
    struct quire_process p;

    for (long i = 0; quire_call(process_info, i, &p) == 0; i++)
        if ((pid_t)p.id == getpid())
            return (clock_t)(p.run_ns / (NS_PER_S / CLOCKS_PER_SEC));
    return -1;
}
