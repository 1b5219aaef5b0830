/* SPDX-License-Identifier: MIT */
/* What must be true of threads, endpoint and notification between two moves, in whatever state they are. */
#include "game.h"
#include "../play/check.h"
#include <quire/errno.h>
#include <uapi/quire/ipc.h>

static unsigned length(const struct list *l)
{
    unsigned n = 0;

    for (const struct list *at = l->next; at != l; at = at->next) {
        CHECK(at->prev->next == at && n < PLAYERS_MAX, "a list goes on in both ways", "it doesn't");
        n++;
    }
    return n;
}

/* From 1 on; 0: t isn't in this list. */
static unsigned position(const struct list *l, const struct thread *t)
{
    unsigned n = 0;

    for (const struct list *at = l->next; at != l; at = at->next) {
        n++;
        if (at == &t->ipc.link)
            return n;
    }
    return 0;
}

static bool lasts(const struct duty *d) /* the caller waits in this call */
{
    u64 word = d->caller ? d->caller->ipc.call : 0;
    return d->caller && word == d->call;
}

static const struct duty *duty_at(unsigned i) /* of a player, or of the reply object; NULL: no */
{
    if (i < nr_players)
        return players[i].thread ? &players[i].thread->ipc.duty : NULL;
    return scene.saved ? &scene.saved->duty : NULL;
}

/* --- one thread --------------------------------------------------------------------------------------------- */
static unsigned lists_of(const struct thread *t)
{
    return (position(&scene.endpoint->callers, t) != 0) + (position(&scene.endpoint->receivers, t) != 0) +
           (scene.notification && position(&scene.notification->waiters, t) != 0);
}

static void check_duties(const struct thread *t)
{
    u32 state = CALL_STATE(t->ipc.call);
    unsigned last = 0, over = 0;

    for (unsigned i = 0; i <= nr_players; i++) {
        const struct duty *d = duty_at(i);
        bool is = d && d->caller == t;
        last += is && lasts(d);
        over += is && !lasts(d);
    }
    CHECK_EQ(last, state == CALL_TAKEN, "duties to answer a call", "a call that was taken has one that answers it");
    CHECK_EQ(t->refs, 1 + over, "references to a thread",
             "a caller that took back its call has counted one for the duty");
}

/* Whatever it waits for has not come yet. */
static void check_waits(const struct player *p)
{
    const struct thread *t = p->thread;
    u32 state = CALL_STATE(t->ipc.call);

    CHECK(!player_killed(p), "a kill wakes", "player %ld was killed and waits", p - players);
    CHECK(!p->late, "the end of the time wakes", "player %ld is late and waits", p - players);
    CHECK(state == CALL_QUEUED || state == CALL_TAKEN || t->ipc.receiving == RECEIVE_WAITS || lists_of(t),
          "whoever gets what it waits for is woken", "player %ld waits for nothing", p - players);
}

static void check_player(const struct player *p)
{
    const struct thread *t = p->thread;
    u32 state = CALL_STATE(t->ipc.call);

    CHECK(lists_of(t) <= 1, "a thread is in one list or in none", "player %ld is in %u", p - players, lists_of(t));
    CHECK_EQ(position(&scene.endpoint->callers, t) != 0, state == CALL_QUEUED, "it is in the queue", "QUEUED says so");
    CHECK_EQ(position(&scene.endpoint->receivers, t) != 0, t->ipc.receiving == RECEIVE_WAITS,
             "it is among the receivers", "RECEIVE_WAITS says so");
    CHECK(state != CALL_REPLYING, "REPLYING is for a moment", "player %ld's call is", p - players);
    check_duties(t);
    if (player_waits(p))
        check_waits(p);
    if (player_idles(p))
        CHECK(state == CALL_IDLE && t->ipc.receiving == RECEIVE_IDLE && list_empty(&t->ipc.link) && !t->ipc.gets,
              "in user mode a thread waits for nothing", "player %ld: call %u, receives %u", p - players, state,
              t->ipc.receiving);
}

/* --- priorities ----------------------------------------------------------------------------------------------- */
/* What the rule in <quire/ipc.h> says, from the ground up. */
static void lent_priorities(unsigned *want)
{
    const struct endpoint *e = scene.endpoint;

    for (unsigned i = 0; i < nr_players; i++)
        want[i] = players[i].thread ? players[i].thread->own_priority : 0;
    for (unsigned round = 0; round < nr_players; round++) {
        for (unsigned i = 0; i < nr_players; i++) {
            const struct thread *t = players[i].thread;
            if (t && lasts(&t->ipc.duty))
                want[i] = MAX(want[i], want[player_of(t->ipc.duty.caller) - players]);
            for (unsigned k = 0; t && e->server == t && k < nr_players; k++)
                if (players[k].thread && position(&e->callers, players[k].thread))
                    want[i] = MAX(want[i], want[k]);
        }
    }
}

/* Who works for t, so that its call gets on; NULL: nobody. */
static const struct thread *works_for(const struct thread *t)
{
    u32 state = CALL_STATE(t->ipc.call);
    return state == CALL_QUEUED ? scene.endpoint->server : state == CALL_TAKEN ? t->ipc.server : NULL;
}

/* Threads that wait for each other: what one lends comes back to it, and stays until the circle is broken. */
static bool circle(void)
{
    for (unsigned i = 0; i < nr_players; i++) {
        const struct thread *t = players[i].thread;
        for (unsigned step = 0; t && step <= nr_players; step++)
            t = works_for(t);
        if (t)
            return true;
    }
    return false;
}

static void check_priorities(void)
{
    unsigned want[PLAYERS_MAX];
    bool more = circle();

    lent_priorities(want);
    for (unsigned i = 0; i < nr_players; i++)
        if (players[i].thread && !(more && players[i].thread->priority > want[i]))
            CHECK_EQ(players[i].thread->priority, want[i], "priority",
                     "a thread has the highest priority of its own and of those who wait for it");
}

/* --- all ---------------------------------------------------------------------------------------------------- */
static void check_endpoint(void)
{
    const struct endpoint *e = scene.endpoint;
    unsigned counted[NR_PRIORITIES] = {0}, holders = 1;
    unsigned waiting = length(&e->callers), receiving = length(&e->receivers);

    for (unsigned i = 0; i < nr_players; i++) {
        const struct thread *t = players[i].thread;
        holders += t && t->ipc.endpoint == e;
        if (t && position(&e->callers, t))
            counted[t->ipc.lent]++;
    }
    CHECK_EQ(e->object.refs, holders, "references to the endpoint",
             "one of the test, one of each that receives from it");
    for (unsigned p = 0; p < NR_PRIORITIES; p++)
        CHECK_EQ(e->nr_waiting[p], counted[p], "callers counted with a priority", "those in the queue are counted");
    CHECK(!waiting || !receiving, "a caller and a receiver meet", "%u callers wait, and %u receivers", waiting,
          receiving);
    CHECK(!scene.closed || !(waiting + receiving), "nobody waits at a closed endpoint", "%u do", waiting + receiving);
}

/* A signal has given t bits, and t hasn't run since then. */
static bool has_got_bits(const struct thread *t) { return t->ipc.waits_for && list_empty(&t->ipc.link); }

static void check_bits(void)
{
    const struct notification *n = scene.notification;
    u64 got = n->bits;

    CHECK(!n->bits || !n->endpoint || list_empty(&n->endpoint->receivers), "a receiver gets the bits", "it waits");
    for (unsigned i = 0; i < nr_players; i++) {
        const struct thread *t = players[i].thread;
        if (t && t->ipc.receiving == RECEIVE_GOT && tf_ret(frame_of(t)) == QUIRE_GOT_SIGNAL)
            got |= *tf_word(frame_of(t), 0);
        if (t && has_got_bits(t))
            got |= *tf_word(frame_of(t), 0);
        bool waits = player_waits(&players[i]) && !player_killed(&players[i]) && position(&n->waiters, t);
        CHECK(!waits || !(n->bits & MASK), "bits wake", "a waiter waits");
    }
    CHECK_EQ(got, scene.pending, "bits that nobody has got", "no signal is lost, none comes from nowhere");
}

void books_check(void)
{
    for (unsigned i = 0; i < nr_players; i++)
        if (players[i].thread)
            check_player(&players[i]);
    check_endpoint();
    check_priorities();
    if (scene.notification)
        check_bits();
    CHECK_EQ(this_cpu()->locks.nr, 0, "locks that are held", "every lock that is taken is let go, on every way out");
}

/* --- the state as a number ------------------------------------------------------------------------------------ */
static u64 hash;
static void add(u64 value) { hash = (hash ^ value) * 0x9e3779b97f4a7c15ul ^ hash >> 29; }
static void add_thread(const struct thread *t) { add(t ? (u64)(player_of(t) - players) + 1 : 0); }

static void add_duty(const struct duty *d)
{
    add_thread(d->caller);
    add(lasts(d));
}

static void add_call(unsigned id)
{
    const struct call *c = &calls[id];
    add(id ? 1u | c->answered << 1 | c->dropped << 2 | c->over << 3 | c->limited << 4 | (u64)c->by << 5 : 0);
}

static unsigned open_call(unsigned player)
{
    for (unsigned id = nr_calls; id > 0; id--)
        if (calls[id].by == player)
            return calls[id].over ? 0 : id;
    return 0;
}

static void add_player(unsigned i)
{
    const struct player *p = &players[i];
    const struct thread *t = p->thread;

    add(t ? t->state : 100);
    if (!t)
        return;
    add((u64)p->call);
    add(p->late | player_killed(p) << 1 | waits_limited[i] << 2 | t->ipc.receiving << 3);
    add(CALL_STATE(t->ipc.call) | t->priority << 8 | t->own_priority << 16 | t->ipc.lent << 24);
    add(position(&scene.endpoint->callers, t) | position(&scene.endpoint->receivers, t) << 8);
    add(scene.notification ? position(&scene.notification->waiters, t) : 0);
    add(t->ipc.endpoint != NULL);
    add_thread(CALL_STATE(t->ipc.call) == CALL_TAKEN ? t->ipc.server : NULL);
    add_duty(&t->ipc.duty);
    add_call(serves[i]);
    add_call(open_call(i));
    if (player_woken(p)) {
        add((u64)tf_ret(frame_of(t)));
        add(tf_ret(frame_of(t)) == QUIRE_GOT_SIGNAL || has_got_bits(t) ? *tf_word(frame_of(t), 0) : 0);
    }
}

u64 books_state(void)
{
    hash = 1;
    for (unsigned i = 0; i < nr_players; i++)
        add_player(i);
    add(scene.closed | (scene.saved != NULL) << 1);
    if (scene.saved)
        add_duty(&scene.saved->duty);
    add_call(scene.saved ? scene.saved_call : 0);
    add_thread(scene.endpoint->server);
    add(scene.pending);
    add(scene.notification ? scene.notification->bits : 0);
    return hash;
}
