/* SPDX-License-Identifier: MIT */
/* The functions of threads that meet, compiled with -fsanitize=thread like the scheduler: threads.h. */
#include "threads.h"
#include "stage.h"
#include <quire/process.h>
#include <quire/string.h>
#include <quire/thread.h>

static struct wait_queue queue;
static struct mutex mutex;
static u32 flag;
static u64 counter, answers;
static struct thread *first;
static struct process process;

static void answer(u64 value) { __atomic_fetch_add(&answers, value, __ATOMIC_RELAXED); }

void thread_waits(void)
{
    wait_until(&queue, READ_ONCE(flag));
    answer(1);
}

/* Like a system call: wait, or end if the process is killed first. */
void thread_waits_or_dies(void)
{
    wait_until(&queue, READ_ONCE(flag) || current_killed());
    answer(1);
    spin_lock(&process.lock); /* a kill takes this lock, and either finds the thread in the process or doesn't */
    first = NULL;
    spin_unlock(&process.lock);
}

void thread_wakes(void)
{
    WRITE_ONCE(flag, 1);
    wake_all(&queue);
}

void thread_kills(void)
{
    spin_lock(&process.lock);
    __atomic_store_n(&process.state, PROCESS_ENDING, __ATOMIC_RELEASE);
    if (first)
        thread_interrupt(first);
    spin_unlock(&process.lock);
}

void thread_locks(void)
{
    mutex_lock(&mutex);
    counter++;
    mutex_unlock(&mutex);
}

void thread_reads(void)
{
    rwsem_read_lock(&mutex.sem);
    answer(counter > 3 ? 1000 : 0);
    rwsem_read_unlock(&mutex.sem);
}

void thread_yields(void) { thread_yield(); }

static void another(void *arg)
{
    (void)arg;
    answer(1);
}
void thread_starts_another(void)
{
    struct thread *t = thread_create("another", NULL, PRIORITY_KERNEL, another, NULL);

    if (t)
        thread_start(t);
}

static void body(void *fn) { ((void (*)(void))fn)(); }

void threads_begin(unsigned nr)
{
    wait_queue_init(&queue);
    mutex_init(&mutex);
    flag = 0;
    counter = answers = 0;
    memset(&process, 0, sizeof(process));
    for (unsigned cpu = 0; cpu < nr; cpu++) {
        struct thread *t =
            thread_create(operations_now[cpu]->name, NULL, PRIORITY_KERNEL, body, (void *)operations_now[cpu]->thread);
        if (operations_now[cpu]->thread == thread_waits_or_dies)
            t->process = &process;
        if (cpu == 0)
            first = t;
        cpu_area(cpu)->online = true;
        thread_start_on(t, cpu);
        t->pinned = false;
    }
}

u64 threads_look(void) { return answers * 10 + counter; }

long run_cpu(void) { sched_idle(); }
