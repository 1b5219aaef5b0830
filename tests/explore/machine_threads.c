/* SPDX-License-Identifier: MIT */
/*
 * The parts that the scheduler needs, for the stages on threads: contexts that switch, stacks, a clock that stands
 * still, CPUs that idle. A CPU begins as its idle thread. It has ended when it idles and every thread has ended. If all
 * CPUs idle before that, some thread waits for ever.
 */
#include "threads.h"
#include "explore.h"
#include "../native/machine/machine.h"
#include "../native/play/check.h"
#include "../../kernel/ipc/ipc.h"
#include <arch-generic/machine.h>
#include <quire/console.h>
#include <quire/object.h>
#include <quire/messages.h>
#include <quire/thread.h>
#include <quire/upcalls.h>
#include <ucontext.h>

#define THREADS_MAX 8
#define STACK_BYTES (64 * KiB)

static u8 thread_stacks[THREADS_MAX][STACK_BYTES] __attribute__((aligned(64)));
static struct saved {
    const struct arch_context *owner;
    ucontext_t context;
    struct call_stack calls;
    void (*fn)(void *);
    void *arg;
} saved[THREADS_MAX + OPERATIONS_MAX];
static unsigned nr_saved, nr_stacks, nr_living;

void machine_threads_begin(void) { nr_saved = nr_stacks = nr_living = 0; }

static struct saved *saved_of(const struct arch_context *ctx)
{
    for (unsigned i = 0; i < nr_saved; i++)
        if (saved[i].owner == ctx)
            return &saved[i];
    saved[nr_saved] = (struct saved){.owner = ctx};
    return &saved[nr_saved++];
}

static struct saved *beginning;
static void begin(void) { beginning->fn(beginning->arg); }

void arch_context_init(struct arch_context *ctx, void *stack_top, void (*fn)(void *), void *arg)
{
    struct saved *s = saved_of(ctx);

    s->fn = fn;
    s->arg = arg;
    getcontext(&s->context);
    s->context.uc_stack.ss_sp = thread_stacks[((u64)stack_top - (u64)thread_stacks) / STACK_BYTES];
    s->context.uc_stack.ss_size = (u64)stack_top - (u64)s->context.uc_stack.ss_sp; /* above it is the user frame */
    makecontext(&s->context, begin, 0);
    nr_living++;
}

void arch_switch(struct arch_context *prev, struct arch_context *next)
{
    struct saved *from = saved_of(prev), *to = saved_of(next);

    from->calls = calls[running];
    calls[running] = to->calls;
    beginning = to;
    swapcontext(&from->context, &to->context);
}
/* No thread here is in user mode, and none makes system calls. */
void arch_enter_user(struct trapframe *tf) { panic("a thread enters user mode with frame %p", (void *)tf); }
system_call *const program_calls[1], *const whole_calls[1];

void *explore_stack_alloc(void);
void explore_stack_free(void *top);
void *explore_stack_alloc(void) { return nr_stacks < THREADS_MAX ? thread_stacks[nr_stacks++] + STACK_BYTES : NULL; }
void explore_stack_free(void *top)
{
    (void)top;
    nr_living--;
}

/* Above the stack of a thread is its user frame, which others write. */
bool thread_stack_has(const void *at)
{
    u64 offset = (u64)at - (u64)thread_stacks;
    return offset < sizeof(thread_stacks) &&
           offset % STACK_BYTES < STACK_BYTES - ALIGN_UP(sizeof(struct trapframe), 16);
}

/* --- what kernel/ipc/ needs of other rooms: messages here are words, and nobody has the console ---- */
void object_destroy(struct object *o) { ipc_destroy(o); }
void console_listen(struct notification *n, u64 bits) { (void)n, (void)bits; }
void interrupts_forget(struct notification *n) { (void)n; }
struct extra *extra_in(u64 info, u64 address, int *err)
{
    (void)info, (void)address;
    *err = 0;
    return NULL;
}
void extra_free(struct extra *x) { (void)x; }
u64 extra_out(struct extra *x, u64 address)
{
    (void)x, (void)address;
    return 0;
}
void extra_window(const struct extra *x, struct duty *duty) { (void)x, (void)duty; }

/* --- time, other CPUs -------------------------------------------------------------------------- */
u64 arch_clock_ns(void) { return 1; }
void arch_timer_set(u64 deadline_ns) { (void)deadline_ns; }
void shootdown_serve(void) {}
void cpu_request_reschedule(unsigned cpu) { (void)cpu; } /* an idle CPU looks at each turn anyway */

void arch_idle(void)
{
    if (!nr_living)
        cpus_through();
    cpus_wait("it idles");
}

/* Nobody rests here: who waits keeps its stack, kernel/sched/rest.c. */
const bool sched_rests;
void sched_rest(struct thread *self) { (void)self; }
bool sched_wake_at_rest(struct thread *t) { (void)t; return false; }
void sched_leave_waiting(struct thread *self) { panic("thread %s rests", self->name); }
