/* SPDX-License-Identifier: MIT */
/* The moves of the game of calls: game.h. */
#include "game.h"
#include "../play/check.h"
#include "../play/play.h"
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/upcalls.h>
#include <uapi/quire/ipc.h>

#define FOR_EVER ~0UL

struct scene scene;

static const struct setting {
    unsigned players, priorities[PLAYERS_MAX];
    bool signals;  /* there is a notification */
    bool bound;    /* to the endpoint */
    bool messages; /* calls are made */
} settings[] = {
    {.players = 3, .priorities = {1, 3, 5}, .messages = true},
    {.players = 2, .priorities = {3, 3}, .messages = true, .signals = true, .bound = true},
    {.players = 3, .priorities = {3, 3, 3}, .signals = true},
    {.players = 3, .priorities = {3, 3, 3}, .messages = true, .signals = true, .bound = true},
};

/* --- what programs do, each in its thread ------------------------------------------------------------------ */
static struct trapframe *own_frame(void) { return frame_of(current_thread()); }

static void call(struct player *p, u64 until)
{
    unsigned id = ledger_call(p, until != FOR_EVER);
    struct trapframe *tf = own_frame();

    *tf_word(tf, 0) = CALL_SAYS(id);
    s64 result = ipc_call(scene.endpoint, BADGE(p - players), tf, until);
    ledger_called(p, id, result, *tf_word(tf, 0));
}
static void do_call(struct player *p) { call(p, FOR_EVER); }
static void do_call_limited(struct player *p) { call(p, LIMIT_NS); }

static void receive(struct player *p, u64 until)
{
    struct trapframe *tf = own_frame();
    unsigned *mine = &serves[p - players];

    ledger_drop(*mine);
    *mine = 0;
    waits_limited[p - players] = until != FOR_EVER;
    object_get(&scene.endpoint->object);
    *tf_extra(tf) = 0;
    s64 result = ipc_receive(scene.endpoint, tf, until);
    ledger_received(p, result, *tf_word(tf, 0), *tf_extra(tf));
}
static void do_receive(struct player *p) { receive(p, FOR_EVER); }
static void do_receive_limited(struct player *p) { receive(p, LIMIT_NS); }

static void do_reply(struct player *p)
{
    unsigned *mine = &serves[p - players];

    *tf_word(own_frame(), 0) = REPLY_SAYS(*mine);
    ledger_replied(*mine, ipc_reply(own_frame()));
    *mine = 0;
}

static void do_reply_receive(struct player *p)
{
    do_reply(p);
    do_receive(p);
}

static void do_save(struct player *p)
{
    unsigned *mine = &serves[p - players];
    int err;

    scene.saved = reply_save(&err);
    CHECK_EQ(scene.saved ? 0 : err, *mine ? 0 : -ESRCH, "reply_save()", "whoever has a duty can save it");
    scene.saved_call = *mine;
    *mine = 0;
}

static void do_reply_to(struct player *p)
{
    *tf_word(own_frame(), 0) = REPLY_SAYS(scene.saved_call);
    ledger_replied(scene.saved_call, ipc_reply_to(scene.saved, own_frame()));
    scene.saved_call = 0;
}

static void do_send(struct player *p)
{
    *tf_word(own_frame(), 0) = send_says();
    ledger_sent(ipc_send(scene.endpoint, BADGE(0), own_frame()));
}

static void wait_for_bits(struct player *p, u64 until)
{
    waits_limited[p - players] = until != FOR_EVER;
    *tf_word(own_frame(), 0) = MASK;
    object_get(&scene.notification->object);
    s64 result = notification_wait(scene.notification, until);
    ledger_waited(p, result, result ? 0 : *tf_word(own_frame(), 0));
}
static void do_wait(struct player *p) { wait_for_bits(p, FOR_EVER); }
static void do_wait_limited(struct player *p) { wait_for_bits(p, LIMIT_NS); }

static void do_nothing(struct player *p) { (void)p; }

void player_ends(struct player *p) { ledger_drop(serves[p - players]); }

/* --- moves -------------------------------------------------------------------------------------------------- */
enum kind {
    MOVE_CALL,
    MOVE_CALL_LIMITED,
    MOVE_RECEIVE,
    MOVE_RECEIVE_LIMITED,
    MOVE_REPLY,
    MOVE_REPLY_RECEIVE,
    MOVE_SAVE,
    MOVE_REPLY_TO,
    MOVE_SEND,
    MOVE_WAIT,
    MOVE_WAIT_LIMITED,
    NR_SYSTEM_CALLS, /* what comes next, happens to a program */
    MOVE_GO_ON = NR_SYSTEM_CALLS,
    MOVE_LATE,
    MOVE_KILL,
    MOVE_WAKE,     /* for nothing */
    MOVE_PRIORITY, /* a: whose; b: its own one */
    NR_PLAYERS_MOVES,
    MOVE_CLOSE = NR_PLAYERS_MOVES,
    MOVE_DROP, /* the last handle to the reply object */
    MOVE_SIGNAL,
    NR_MOVES
};

static const struct {
    void (*run)(struct player *);
    const char *name;
} system_calls[NR_SYSTEM_CALLS] = {
    [MOVE_CALL] = {do_call, "call"},
    [MOVE_CALL_LIMITED] = {do_call_limited, "call, with a time limit"},
    [MOVE_RECEIVE] = {do_receive, "receive"},
    [MOVE_RECEIVE_LIMITED] = {do_receive_limited, "receive, with a time limit"},
    [MOVE_REPLY] = {do_reply, "reply"},
    [MOVE_REPLY_RECEIVE] = {do_reply_receive, "reply_receive"},
    [MOVE_SAVE] = {do_save, "reply_save"},
    [MOVE_REPLY_TO] = {do_reply_to, "reply by the object"},
    [MOVE_SEND] = {do_send, "send"},
    [MOVE_WAIT] = {do_wait, "notification_wait"},
    [MOVE_WAIT_LIMITED] = {do_wait_limited, "notification_wait, with a time limit"},
};

static bool possible_call(const struct player *p, unsigned kind)
{
    if (!player_idles(p) || (kind == MOVE_SAVE && scene.saved) || (kind == MOVE_REPLY_TO && !scene.saved))
        return false;
    return kind < MOVE_WAIT || scene.notification;
}

static void kill(struct player *p)
{
    tell("player %ld is killed", p - players);
    p->process.state = PROCESS_ENDING;
    if (player_idles(p))
        player_run(p, do_nothing);
    else
        thread_interrupt(p->thread);
}

/* False: it isn't possible. */
static bool happens_to(struct player *p, unsigned kind, unsigned detail)
{
    switch (kind) {
    case MOVE_GO_ON:
        if (!player_woken(p))
            return false;
        tell("player %ld goes on", p - players);
        player_run(p, NULL);
        return true;
    case MOVE_LATE:
        if (!player_waits(p) || !waits_limited[p - players])
            return false;
        tell("player %ld: its time is over", p - players);
        p->late = true;
        thread_wake(p->thread);
        return true;
    case MOVE_KILL:
        if (player_killed(p))
            return false;
        kill(p);
        return true;
    case MOVE_WAKE:
        if (!player_waits(p))
            return false;
        tell("player %ld is woken for nothing", p - players);
        thread_wake(p->thread);
        return true;
    }
    unsigned priority = 1 + detail % PRIORITY_USER_MAX;
    if (p->thread->own_priority == priority)
        return false;
    tell("player %ld gets priority %u", p - players, priority);
    ipc_set_own_priority(p->thread, priority);
    return true;
}

/* False: it isn't possible. */
static bool happens(unsigned kind, unsigned detail)
{
    u64 bits = 1u << detail % 2;

    if (kind == MOVE_CLOSE && !scene.closed) {
        tell("the endpoint is closed");
        scene.closed = true;
        object_closed(&scene.endpoint->object, RIGHT_RECEIVE);
        return true;
    }
    if (kind == MOVE_DROP && scene.saved) {
        tell("the reply object is closed");
        ledger_drop(scene.saved_call);
        object_put(&scene.saved->object);
        scene.saved = NULL;
        scene.saved_call = 0;
        return true;
    }
    if (kind != MOVE_SIGNAL || !scene.notification || scene.pending & bits)
        return false;
    tell("the notification is signalled, bits %lu", bits);
    scene.pending |= bits;
    notification_signal(scene.notification, bits);
    return true;
}

static bool step(struct move m)
{
    struct player *p = &players[m.a % nr_players];

    if (m.kind >= NR_PLAYERS_MOVES)
        return happens(m.kind, m.b);
    if (!p->thread)
        return false;
    if (m.kind >= NR_SYSTEM_CALLS)
        return happens_to(p, m.kind, m.b);
    if (!possible_call(p, m.kind))
        return false;
    tell("player %ld: %s", p - players, system_calls[m.kind].name);
    player_run(p, system_calls[m.kind].run);
    return true;
}

/* --- beginning and end ---------------------------------------------------------------------------------------- */
static void begin(unsigned config)
{
    const struct setting *s = &settings[config];

    machine_begin(s->players, s->priorities);
    ledger_begin();
    scene = (struct scene){.endpoint = endpoint_create()};
    object_opened(&scene.endpoint->object, RIGHT_RECEIVE);
    if (s->signals)
        scene.notification = notification_create();
    if (s->bound)
        CHECK_EQ(notification_bind(scene.notification, scene.endpoint), 0, "notification_bind()", "both are new");
}

/* All programs are killed, all goes on, and the handles are closed. */
static void end(void)
{
    for (unsigned i = 0; i < nr_players; i++) {
        if (players[i].thread && !player_killed(&players[i]))
            kill(&players[i]);
        while (players[i].thread) {
            CHECK(player_woken(&players[i]), "whoever is killed goes on", "player %u waits", i);
            player_run(&players[i], NULL);
        }
    }
    happens(MOVE_DROP, 0);
    happens(MOVE_CLOSE, 0);
    books_check();
    ledger_end();
    object_put(&scene.endpoint->object);
    if (scene.notification)
        object_put(&scene.notification->object);
    machine_end();
}

/* Every move but changes of priorities, of which player 0 has two. */
static size_t alphabet(unsigned config, struct move *moves, size_t max)
{
    const struct setting *s = &settings[config];
    size_t nr = 0;

    for (unsigned a = 0; a < s->players; a++)
        for (unsigned kind = 0; kind < MOVE_PRIORITY; kind++) {
            bool waits = kind == MOVE_WAIT || kind == MOVE_WAIT_LIMITED;
            if (kind >= NR_SYSTEM_CALLS || (waits ? s->signals && !s->bound : s->messages))
                moves[nr++] = (struct move){.kind = (u8)kind, .a = (u8)a};
        }
    for (unsigned kind = NR_PLAYERS_MOVES; kind < NR_MOVES; kind++)
        moves[nr++] = (struct move){.kind = (u8)kind};
    if (s->signals)
        moves[nr++] = (struct move){.kind = MOVE_SIGNAL, .b = 1};
    CHECK(nr <= max, "there is room for all moves", "%zu", nr);
    return nr;
}

#define GAME(variable, text, setting, depth)                                                                           \
    const struct game variable = {                                                                                     \
        .name = text,                                                                                                  \
        .file = "tests/native/ipc/game.c",                                                                             \
        .configs = ARRAY_SIZE(settings),                                                                               \
        .kinds = NR_MOVES,                                                                                             \
        .begin = begin,                                                                                                \
        .step = step,                                                                                                  \
        .check = books_check,                                                                                          \
        .state = books_state,                                                                                          \
        .end = end,                                                                                                    \
        .alphabet = alphabet,                                                                                          \
        .exhaustive_config = setting,                                                                                  \
        .exhaustive_depth = depth,                                                                                     \
        .random_sequences = 20000,                                                                                     \
        .random_moves = 60,                                                                                            \
    }
GAME(calls_game, "calls", 0, 6);
GAME(signals_game, "calls-and-signals", 1, 7);
GAME(waits_game, "waits", 2, 10);
