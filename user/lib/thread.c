/* SPDX-License-Identifier: MIT */
/*
 * Threads: see <quire/thread.h>. A joiner waits for the word `done`. The thread leaves its stack
 * between that store and its end, in thread_exit's few instructions, which use only registers; so the stack may be
 * unmapped at once.
 */
#include <sched.h>
#include <sys/mman.h>
#include <quire/sys.h>
#include <quire/thread.h>

#define STACK_BYTES (64 * 1024)
#define STACK_HEAD                                                                                 \
    160 /* room above a function's first frame: the most that any machine's ABI requires */

static void begin(struct thread *t)
{
    t->run(t->argument);
    __atomic_store_n(&t->done, 1, __ATOMIC_RELEASE);
    for (;;)
        quire_call(thread_exit);
}

int thread_start(struct thread *t, void (*run)(void *), void *argument)
{
    char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

    if (stack == MAP_FAILED)
        return -1;
    *t = (struct thread){run, argument, stack, 0};
    long id = quire_call(thread_create, begin, stack + STACK_BYTES - STACK_HEAD, t);
    if (id < 0)
        munmap(stack, STACK_BYTES);
    return id < 0 ? (int)__result(id) : 0;
}

void thread_join(struct thread *t)
{
    while (!__atomic_load_n(&t->done, __ATOMIC_ACQUIRE))
        sched_yield();
    munmap(t->stack, STACK_BYTES);
}
