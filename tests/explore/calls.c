/* SPDX-License-Identifier: MIT */
/*
 * The functions of threads that meet in calls, compiled with -fsanitize=thread like the code that they call. Each notes
 * what it was told; calls_check() compares that in the end, because which answer is right depends on who came first.
 *
 * Whoever is through closes the endpoint, as a program's end would. So a thread that waits for a partner that has ended
 * learns of it, and a thread that waits for ever is an error.
 */
#include "calls.h"
#include "stage.h"
#include "threads.h"
#include "../native/play/check.h"
#include "../../kernel/ipc/ipc.h"
#include <quire/endpoint.h>
#include <quire/process.h>
#include <quire/string.h>
#include <quire/upcalls.h>

#define LATE 1u /* the clock stands there */
#define FOR_EVER ~0UL
#define NOT_MADE 1000

static struct endpoint *endpoint;
static struct notification *notification;
static struct process process; /* of the first CPU's thread, which may be killed */
static struct process others = {.state = PROCESS_LIVES};
static struct thread *first; /* NULL: it has ended; under process.lock */
static u32 closed;

/* What each thread was told; calls and replies by the CPU of the caller. */
static struct told {
    s64 call, receive, reply, send, wait;
    u64 word, bits;
    unsigned sends_got;
    bool wrong_priority;
} told[OPERATIONS_MAX];
static u32 signals;

/* The operation that this thread makes. */
static struct told *own_told(void) { return &told[(u64)current_thread()->argument]; }

/* --- ends --------------------------------------------------------------------------------------------------- */
static void close_endpoint(void)
{
    if (!__atomic_exchange_n(&closed, 1, __ATOMIC_SEQ_CST))
        object_closed(&endpoint->object, RIGHT_RECEIVE);
}

/* A program ends. */
static void leave(void)
{
    ipc_thread_ends();
    close_endpoint();
}

static void thread_is_over(void)
{
    spin_lock(&process.lock); /* whoever kills or hurries it holds this lock, and either finds it or doesn't */
    if (first == current_thread())
        first = NULL;
    spin_unlock(&process.lock);
}

/* --- callers ------------------------------------------------------------------------------------------------- */
static void call(u64 until)
{
    struct trapframe tf = {.word = {7}};
    struct told *t = own_told();

    t->call = ipc_call(endpoint, 5, &tf, until);
    t->word = tf.word[0];
    leave();
}
void thread_calls(void) { call(FOR_EVER); }
void thread_calls_late(void) { call(LATE); }

void thread_sends(void)
{
    struct trapframe tf = {.word = {9}};

    own_told()->send = ipc_send(endpoint, 5, &tf);
    leave();
}

/* --- servers -------------------------------------------------------------------------------------------------- */
static s64 receive(u64 until)
{
    struct trapframe *tf = frame_of(current_thread());
    struct told *t = own_told();

    object_get(&endpoint->object);
    *tf_extra(tf) = 0;
    t->receive = ipc_receive(endpoint, tf, until);
    t->sends_got += t->receive == QUIRE_GOT_SEND;
    if (t->receive == QUIRE_GOT_SIGNAL)
        t->bits |= *tf_word(tf, 0);
    return t->receive;
}

static void look_at_priority(void)
{
    struct thread *self = current_thread();

    if (READ_ONCE(self->priority) != READ_ONCE(self->own_priority))
        own_told()->wrong_priority = true;
}

static void answer(void)
{
    struct trapframe *tf = frame_of(current_thread());

    *tf_word(tf, 0) += 1;
    own_told()->reply = ipc_reply(tf);
    look_at_priority();
}

static void serve(u64 until)
{
    if (receive(until) == QUIRE_GOT_CALL)
        answer();
    leave();
}
void thread_serves(void) { serve(FOR_EVER); }
void thread_serves_late(void) { serve(LATE); }

/* The second receive comes before the duty of the first is over. */
void thread_serves_twice(void)
{
    receive(LATE);
    serve(LATE);
}

static struct reply *take_into_object(void)
{
    int err;
    return receive(FOR_EVER) == QUIRE_GOT_CALL ? reply_save(&err) : NULL;
}

void thread_serves_by_object(void)
{
    struct trapframe *tf = frame_of(current_thread());
    struct reply *r = take_into_object();

    if (r) {
        *tf_word(tf, 0) += 1;
        own_told()->reply = ipc_reply_to(r, tf);
        look_at_priority();
        object_put(&r->object);
    }
    leave();
}

void thread_drops_object(void)
{
    struct reply *r = take_into_object();

    if (r)
        object_put(&r->object);
    leave();
}

void thread_ends_without_answer(void)
{
    receive(FOR_EVER);
    leave();
}

/* --- others ---------------------------------------------------------------------------------------------------- */
void thread_closes(void) { close_endpoint(); }

void thread_kills_first(void)
{
    spin_lock(&process.lock);
    __atomic_store_n(&process.state, PROCESS_ENDING, __ATOMIC_RELEASE);
    if (first)
        thread_interrupt(first);
    spin_unlock(&process.lock);
}

void thread_hurries_first(void)
{
    spin_lock(&process.lock);
    if (first)
        ipc_set_own_priority(first, PRIORITY_USER_MAX);
    spin_unlock(&process.lock);
}

/* --- bits --------------------------------------------------------------------------------------------------------- */
void thread_signals(void)
{
    u32 nr = __atomic_fetch_add(&signals, 1, __ATOMIC_SEQ_CST);
    notification_signal(notification, 1u << nr);
}

static void wait_for_bit(u64 until)
{
    struct told *t = own_told();
    struct trapframe *tf = frame_of(current_thread());

    *tf_word(tf, 0) = ~0UL; /* the mask */
    object_get(&notification->object);
    t->wait = notification_wait(notification, until);
    t->bits = t->wait ? 0 : *tf_word(tf, 0);
    leave();
}
void thread_waits_for_bit(void) { wait_for_bit(FOR_EVER); }
void thread_waits_for_bit_late(void) { wait_for_bit(LATE); }

/* --- beginning and end -------------------------------------------------------------------------------------------- */
static void body(void *cpu)
{
    operations_now[(u64)cpu]->thread();
    thread_is_over();
}

static void begin_thread(unsigned cpu)
{
    /* The first is the most urgent: it lends to the others. */
    struct thread *t = thread_create(operations_now[cpu]->name, NULL, cpu ? PRIORITY_USER : PRIORITY_USER + 1, body,
                                     (void *)(u64)cpu);

    t->process = cpu ? &others : &process;
    if (cpu == 0)
        first = t;
    told[cpu] = (struct told){NOT_MADE, NOT_MADE, NOT_MADE, NOT_MADE, NOT_MADE, 0, 0, 0, false};
    cpu_area(cpu)->online = true;
    thread_start_on(t, cpu);
    t->pinned = false;
}

void calls_begin(unsigned nr, bool bound)
{
    memset(&process, 0, sizeof(process));
    process.state = PROCESS_LIVES;
    closed = signals = 0;
    endpoint = endpoint_create();
    notification = notification_create();
    object_opened(&endpoint->object, RIGHT_RECEIVE);
    if (bound)
        notification_bind(notification, endpoint);
    for (unsigned cpu = 0; cpu < nr; cpu++)
        begin_thread(cpu);
}

void calls_end(void)
{
    close_endpoint();
    object_put(&endpoint->object);
    object_put(&notification->object);
}

/* One caller and one server at most: what they were told fits. */
void calls_check(void)
{
    unsigned calls = 0, answered = 0, replied = 0, sent = 0, sends_got = 0;
    u64 bits = notification->bits;

    for (unsigned i = 0; i < operations_nr; i++) {
        const struct told *t = &told[i];
        calls += t->call != NOT_MADE;
        answered += t->call == 0;
        replied += t->reply == 0;
        sent += t->send == 0;
        sends_got += t->sends_got;
        bits |= t->bits;
        if (!t->call)
            CHECK_EQ(t->word, 8, "word 0 of the answer", "the caller has the server's words when its call returns 0");
        CHECK(!t->wrong_priority, "what was lent to a server goes back with its answer", "CPU %u keeps it", i);
    }
    CHECK_EQ(answered, replied, "calls that were answered", "the reply returns 0 if, and only if, the call does");
    CHECK(calls <= 1 || answered <= calls, "each call ends once", "%u of %u", answered, calls);
    CHECK_EQ(sends_got, sent, "messages that were received", "what was sent is received");
    CHECK_EQ(bits, (1u << signals) - 1, "bits that were signalled, and are there or got", "no signal is lost");
}
