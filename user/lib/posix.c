/* SPDX-License-Identifier: MIT */
/* POSIX names over the kernel's system calls. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <quire/glob.h>
#include <quire/sys.h>

#define NS_PER_S 1000000000L

int errno;

long __result(long value)
{
    if (value < 0 && value > -4096) {
        errno = (int)-value;
        return -1;
    }
    return value;
}

ssize_t read(int fd, void *buffer, size_t n) { return __result(quire_call(read, fd, buffer, n)); }
ssize_t write(int fd, const void *buffer, size_t n)
{
    return __result(quire_call(write, fd, buffer, n));
}
int open(const char *path, int flags, ...) { return (int)__result(quire_call(open, path, flags)); }
int close(int fd) { return (int)__result(quire_call(close, fd)); }
off_t lseek(int fd, off_t offset, int whence)
{
    return __result(quire_call(seek, fd, offset, whence));
}
pid_t getpid(void) { return (pid_t)quire_call(getpid); }

void *mmap(void *address, size_t bytes, int prot, int flags, int fd, off_t offset)
{
    return (void *)__result(quire_call(mmap, address, bytes, prot, flags, fd, offset));
}
int munmap(void *address, size_t bytes)
{
    return (int)__result(quire_call(munmap, address, bytes));
}
int mprotect(void *address, size_t bytes, int prot)
{
    return (int)__result(quire_call(mprotect, address, bytes, prot));
}
int madvise(void *address, size_t bytes, int advice)
{
    return (int)__result(quire_call(madvise, address, bytes, advice));
}

long sysconf(int name)
{
    struct quire_memory m;

    if (name == _SC_PAGESIZE)
        return 4096;
    if (name != _SC_NPROCESSORS_ONLN)
        return __result(-EINVAL);
    long err = quire_call(memory_info, &m);
    return err ? __result(err) : (long)m.cpus_online;
}

int sched_yield(void) { return (int)__result(quire_call(yield)); }
int sched_getcpu(void) { return (int)quire_call(cpu); }

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

int fnmatch(const char *pattern, const char *text, int flags)
{
    (void)flags;
    return glob_match(pattern, text) ? 0 : FNM_NOMATCH;
}
