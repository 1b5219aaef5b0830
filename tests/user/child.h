/* SPDX-License-Identifier: MIT */
/* Children for tests: statements that run in a process of their own, which may die. */
#pragma once

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <quire/process.h>
#include <quire/test.h>

#define PAGE 4096ul
#define KIB  1024ul
#define MIB  (1024 * KIB)

/*
 * Runs the statement in a child. The value is the child's wait status; 0 if the statement ended normally.
 */
#define IN_CHILD(...)                                                                              \
    ({                                                                                             \
        int status_ = -1;                                                                          \
        pid_t pid_ = fork();                                                                       \
        if (pid_ == 0) {                                                                           \
            __VA_ARGS__;                                                                           \
            _exit(0);                                                                              \
        }                                                                                          \
        waitpid(pid_, &status_, 0);                                                                \
        status_;                                                                                   \
    })

/* The statement must kill the process that runs it, with this signal. */
#define EXPECT_DIES(signal, ...)                                                                   \
    do {                                                                                           \
        int seen_ = IN_CHILD(__VA_ARGS__);                                                         \
        if (WTERMSIG(seen_) != (signal))                                                           \
            test_fail(__FILE__, __LINE__,                                                          \
                      "expected death by signal %d, seen wait status 0x%x: %s", signal,            \
                      (unsigned)seen_, #__VA_ARGS__);                                              \
    } while (0)

/* Compares the result of a system call, error numbers included. */
#define EXPECT_CALL(want, ...) EXPECT_EQ(quire_call(__VA_ARGS__), want)

/* The call of POSIX is refused with this error. */
#define EXPECT_REFUSED(error, call)                                                                \
    do {                                                                                           \
        errno = 0;                                                                                 \
        EXPECT_EQ(call, -1);                                                                       \
        EXPECT_EQ(errno, error);                                                                   \
    } while (0)

static inline char *map_pages(size_t bytes, int prot)
{
    char *p = mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(p != MAP_FAILED);
    return p;
}

static inline char *map_shared(size_t bytes)
{
    char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT(p != MAP_FAILED);
    return p;
}

/* The area that holds this address; false: none does. */
static inline int find_area(const void *address, struct quire_area *area)
{
    for (long i = 0; quire_call(area_info, 0, i, area) == 0; i++)
        if ((uint64_t)(uintptr_t)address >= area->start && (uint64_t)(uintptr_t)address < area->end)
            return 1;
    return 0;
}

/* Waits for the process that this handle names; its status. The handle is closed. */
static inline int end_of(long process)
{
    int status = -1;

    EXPECT_EQ(process_wait(process, &status), 0);
    EXPECT_EQ(quire_call(close, process), 0);
    return status;
}

/* Kills the child, waits for it, and checks that this has ended it. */
static inline void expect_killed(pid_t pid)
{
    int status = -1;

    EXPECT_EQ(kill(pid, SIGKILL), 0);
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
}
