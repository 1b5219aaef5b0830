/* SPDX-License-Identifier: MIT */
/* POSIX names over the kernel's system calls. */
#include <errno.h>
#include <fnmatch.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>
#include <quire/glob.h>
#include <quire/sys.h>
#include <uapi/quire/ipc.h>
#include "archive.h"

long __result(long value)
{
    if (value < 0 && value > -4096) {
        errno = (int)-value;
        return -1;
    }
    return value;
}

pid_t getpid(void) { return (pid_t)quire_call(getpid); }

void *mmap(void *address, size_t bytes, int prot, int flags, int fd, off_t offset)
{
    long result = quire_call(mmap, address, bytes, prot, flags, fd, offset);

    if (!(flags & MAP_ANONYMOUS) && __not_mappable(fd, result))
        result = -ENODEV;
    return (void *)__result(result);
}
int munmap(void *address, size_t bytes) { return (int)__result(quire_call(munmap, address, bytes)); }
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
    if (name == _SC_OPEN_MAX)
        return QUIRE_HANDLES_MAX;
    long err = quire_call(memory_info, &m);
    if (err)
        return __result(err);
    switch (name) {
    case _SC_NPROCESSORS_ONLN:
        return (long)m.cpus_online;
    case _SC_NPROCESSORS_CONF:
        return (long)m.cpus;
    case _SC_PHYS_PAGES:
        return (long)m.frames;
    case _SC_AVPHYS_PAGES:
        return (long)m.free_frames;
    default:
        return __result(-EINVAL);
    }
}
int getpagesize(void) { return 4096; }

int sched_yield(void) { return (int)__result(quire_call(yield)); }
int sched_getcpu(void) { return (int)quire_call(cpu); }

int fnmatch(const char *pattern, const char *text, int flags)
{
    (void)flags;
    return glob_match(pattern, text) ? 0 : FNM_NOMATCH;
}
