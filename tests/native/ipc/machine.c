/* SPDX-License-Identifier: MIT */
/* Threads as coroutines, memory that is counted, and what kernel/ipc/ needs from other rooms: machine.h. */
#include "machine.h"
#include "../play/check.h"
#include "../../../kernel/sched/runqueue.h"
#include <quire/console.h>
#include <quire/kvmap.h>
#include <quire/mm_event.h>
#include <quire/object.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/upcalls.h>
#include <arch-generic/machine.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define STACK_BYTES (64 * KiB)

struct percpu percpu_area[MAX_CPUS];
unsigned nr_cpus = 1, cpu_playing;
struct player players[PLAYERS_MAX];
unsigned nr_players;

static u8 stacks[PLAYERS_MAX][STACK_BYTES] __attribute__((aligned(64)));
static ucontext_t contexts[PLAYERS_MAX], home;
static unsigned nr_stacks;
static struct thread outside; /* whoever does what no player does: it has no process */
static u64 living;            /* blocks of memory */

/* --- memory: all of it is an object of its own for AddressSanitizer -------------------------------- */
static void *allocate(size_t bytes)
{
    living++;
    return calloc(1, bytes);
}

static void let_go(void *p)
{
    living -= p != NULL;
    free(p);
}

void *slab_alloc(struct slab_cache *cache) { return allocate(cache->size); }
void slab_free(struct slab_cache *cache, void *p) { let_go(p); }
void *quota_kmalloc(struct quota *q, size_t bytes) { return allocate(bytes); }
void quota_kfree(struct quota *q, void *p, size_t bytes) { let_go(p); }
void quota_uncharge(struct quota *q, u64 nr) { (void)q, (void)nr; } /* no account pays */
void object_destroy(struct object *o) { ipc_destroy(o); }

/* --- threads --------------------------------------------------------------------------------------- */
void *kstack_alloc(void) { return stacks[nr_stacks++] + STACK_BYTES; }
void kstack_free(void *top) { (void)top; }
void arch_fpu_init(struct arch_fpu *fpu) { (void)fpu; }
void arch_context_init(struct arch_context *ctx, void *stack_top, void (*fn)(void *), void *arg) {}

struct player *player_of(const struct thread *t) { return container_of(t->process, struct player, process); }

void thread_trampoline(void *arg) { panic("thread %p begins where no thread does", arg); }

/* Goes on with another stack, and tells AddressSanitizer. */
static const void *home_stack;
static size_t home_bytes;

static void go_home(struct player *p)
{
    void *fake;

    __sanitizer_start_switch_fiber(&fake, home_stack, home_bytes);
    swapcontext(&contexts[p - players], &home);
    __sanitizer_finish_switch_fiber(fake, &home_stack, &home_bytes);
}

static void go_to(struct player *p)
{
    void *fake;

    __sanitizer_start_switch_fiber(&fake, stacks[p - players], STACK_BYTES);
    swapcontext(&home, &contexts[p - players]);
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
}

/* The thread's whole life: system calls, and its end. */
static void live(void)
{
    struct player *p = self_player();

    __sanitizer_finish_switch_fiber(NULL, &home_stack, &home_bytes);
    while (!player_killed(p)) {
        p->call(p);
        p->call = NULL;
        p->late = false;
        if (!player_killed(p))
            go_home(p);
    }
    player_ends(p);
    ipc_thread_ends();
    thread_exit();
}

/* As the kernel's: the caller waits, or goes on at once if somebody has woken it. Then another has the CPU. */
void schedule(void)
{
    struct thread *self = current_thread();

    if (self->state == THREAD_WOKEN) {
        thread_change(self, THREAD_WOKEN, THREAD_RUNNING);
        return;
    }
    if (self->state == THREAD_WAITING)
        thread_change(self, THREAD_WAITING, THREAD_BLOCKED);
    go_home(player_of(self));
}

void player_run(struct player *p, void (*call)(struct player *))
{
    struct thread *t = p->thread;

    if (call)
        p->call = call;
    if (t->state == THREAD_READY)
        thread_change(t, THREAD_READY, THREAD_RUNNING);
    this_cpu()->current = t;
    go_to(p);
    this_cpu()->current = &outside;
    if (t->state != THREAD_DEAD)
        return;
    p->thread = NULL;
    thread_free_dead(t);
}

static void begin_player(struct player *p, unsigned priority)
{
    ucontext_t *c = &contexts[p - players];

    memset(p, 0, sizeof(*p));
    p->process.state = PROCESS_LIVES;
    p->thread = thread_create("player", &p->process, priority, NULL, NULL);
    thread_change(p->thread, THREAD_NEW, THREAD_READY);
    thread_change(p->thread, THREAD_READY, THREAD_RUNNING);
    __asan_unpoison_memory_region(stacks[p - players], STACK_BYTES);
    getcontext(c);
    c->uc_stack.ss_sp = stacks[p - players];
    c->uc_stack.ss_size = STACK_BYTES - 1 * KiB; /* above it is the user frame */
    makecontext(c, live, 0);
}

void machine_begin(unsigned nr, const unsigned *priorities)
{
    nr_stacks = 0;
    living = 0;
    nr_players = nr;
    this_cpu()->current = &outside;
    for (unsigned i = 0; i < nr; i++)
        begin_player(&players[i], priorities[i]);
}

void machine_end(void)
{
    CHECK_EQ(living, 0, "blocks of memory that are left",
             "threads, endpoints, notifications and reply objects are freed when nobody has a reference any more");
    CHECK_EQ(this_cpu()->locks.nr, 0, "locks that are held", "every lock that is taken is let go, on every way out");
    CHECK(!threads_are_ending(), "who has ended is freed", "a thread isn't");
}

const bool sched_rests;
void sched_leave_waiting(struct thread *self) { panic("a thread rests"); }
void sched_rest(struct thread *self) {}
bool sched_wake_at_rest(struct thread *t) { return false; }
void sched_queue(struct thread *t) { (void)t; } /* READY: the test says when it runs */
void sched_set_priority(struct thread *t, unsigned priority) { t->priority = priority; }
void cpu_request_reschedule(unsigned cpu) { (void)cpu; }
bool preempt_point(void) { return false; }

/* --- time, and what isn't here ------------------------------------------------------------------------ */
u64 arch_clock_ns(void) { return self_player()->late ? LIMIT_NS : 1; }
void alarm_init(struct alarm *a, struct thread *sleeper) { a->sleeper = sleeper; }
void alarm_set(struct alarm *a, u64 at_ns) { a->set = true; }
bool alarm_stop(struct alarm *a)
{
    bool was_set = a->set;
    a->set = false;
    return was_set;
}
u32 events_wanted; /* nobody has a handle to events */
void mm_event(enum mm_event_kind kind, unsigned long a, unsigned long b, unsigned long c) {}
void sched_rearm_timer(void) {}
void console_listen(struct notification *n, u64 bits) {}
void interrupts_forget(struct notification *n) {}
struct extra *extra_in(u64 info, u64 address, int *err)
{
    *err = 0;
    return NULL; /* messages are words here */
}
void extra_free(struct extra *x) { (void)x; }
u64 extra_out(struct extra *x, u64 address) { return 0; }
void extra_window(const struct extra *x, struct duty *duty) {}
void shootdown_serve(void) {}
void cpu_relax(void) { panic("a loop waits for another CPU"); }
void spin_wait(spinlock_t *lock)
{
    panic("spin lock %p is taken twice: on a real machine this CPU hangs", (void *)lock);
}

void panic(const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    fail("the kernel panics only over a bug of its own: its sentence says what was broken", "panic: %s", text);
}
