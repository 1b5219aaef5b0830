/* SPDX-License-Identifier: MIT */
/* What programs were told: each call has one end, and both sides have heard of the same one. */
#include "game.h"
#include "../play/check.h"
#include <quire/errno.h>
#include <string.h>
#include <uapi/quire/ipc.h>

struct call calls[CALLS_MAX];
unsigned nr_calls, serves[PLAYERS_MAX];
bool waits_limited[PLAYERS_MAX];
static unsigned nr_sent, nr_sent_received, last_received;

void ledger_begin(void)
{
    nr_calls = nr_sent = nr_sent_received = last_received = 0;
    memset(serves, 0, sizeof(serves));
    memset(waits_limited, 0, sizeof(waits_limited));
}

/* A wait that has brought nothing: there has to be a reason. */
static void check_reason(const struct player *p, s64 result)
{
    if (result == -EPIPE)
        CHECK(scene.closed, "-EPIPE: the endpoint is closed", "it is open");
    else if (result == -ETIMEDOUT)
        CHECK(p->late && waits_limited[p - players], "-ETIMEDOUT: the time of the wait is over", "it isn't");
    else
        CHECK(result == -EINTR && player_killed(p), "a wait that brings nothing ends by a kill, else it goes on",
              "result %s",
              error_name(result));
}

/* --- calls ---------------------------------------------------------------------------------------------- */
unsigned ledger_call(struct player *p, bool limited)
{
    CHECK(nr_calls + 1 < CALLS_MAX, "the test has room for all calls", "%u", nr_calls);
    calls[++nr_calls] = (struct call){.by = (u8)(p - players), .limited = limited};
    waits_limited[p - players] = limited;
    return nr_calls;
}

void ledger_called(struct player *p, unsigned id, s64 result, u64 word)
{
    struct call *c = &calls[id];

    tell("player %u: its call %u ends: %s", c->by, id, error_name(result));
    CHECK(!c->over, "a call ends once", "call %u ends again", id);
    c->over = true;
    CHECK_EQ(c->answered, result == 0, "replies that returned 0",
             "the server's reply returns 0 if, and only if, the call does");
    if (!result)
        CHECK_EQ(word, REPLY_SAYS(id), "word 0 of the answer", "a caller gets the reply to its own call");
    else if (result != -EPIPE || !c->dropped)
        check_reason(p, result);
}

/* --- receivers ------------------------------------------------------------------------------------------ */
static void received_call(struct player *p, u64 word, u64 badge)
{
    unsigned id = (unsigned)(word - CALL_SAYS(0));

    CHECK(id >= 1 && id <= nr_calls, "a receiver gets the words of a call", "word 0 is %#lx", word);
    CHECK(!calls[id].received, "one receiver gets a call", "call %u is received again", id);
    CHECK_EQ(badge, BADGE(calls[id].by), "badge", "the receiver sees the badge of the handle that was called");
    calls[id].received = true;
    serves[p - players] = id;
    tell("player %ld: it has call %u of player %u", p - players, id, calls[id].by);
}

void ledger_received(struct player *p, s64 result, u64 word, u64 badge)
{
    if (result == QUIRE_GOT_CALL) {
        received_call(p, word, badge);
        return;
    }
    tell("player %ld: its receive ends: %s", p - players, error_name(result));
    if (result == QUIRE_GOT_SEND) {
        CHECK(word > SEND_SAYS(0) && word <= SEND_SAYS(nr_sent), "a receiver gets the words of a message", "%#lx",
              word);
        CHECK_EQ(badge, BADGE(0), "badge", "the receiver sees the badge of the handle that was used");
        nr_sent_received++;
    } else if (result == QUIRE_GOT_SIGNAL) {
        CHECK(word && !(word & ~scene.pending), "bits are got once", "bits %#lx of %#lx", word, scene.pending);
        if (!player_killed(p)) /* else they went back */
            scene.pending &= ~word;
    } else {
        check_reason(p, result);
    }
}

u64 send_says(void) { return SEND_SAYS(nr_sent + 1); }

void ledger_sent(s64 result)
{
    tell("  send: %s", error_name(result));
    nr_sent += result == 0;
    if (result == -EPIPE)
        CHECK(scene.closed, "-EPIPE: the endpoint is closed", "it is open");
    else
        CHECK(result == 0 || result == -EAGAIN, "a message is sent, or nobody waits", "%s", error_name(result));
}

void ledger_waited(struct player *p, s64 result, u64 bits)
{
    tell("player %ld: its wait ends: %s, bits %lu", p - players, error_name(result), bits);
    if (result) {
        check_reason(p, result);
        return;
    }
    CHECK(bits && !(bits & ~scene.pending), "bits are got once", "bits %#lx of %#lx", bits, scene.pending);
    scene.pending &= ~bits;
}

/* --- the duty to answer ------------------------------------------------------------------------------------ */
void ledger_replied(unsigned id, s64 result)
{
    bool waits = id && !calls[id].over && !calls[id].answered && !calls[id].dropped;

    tell("  reply to call %u: %s", id, error_name(result));
    CHECK_EQ(result, waits ? 0 : -ESRCH, "result of a reply",
             "a reply reaches its caller as long as that waits in this call");
    if (waits)
        calls[id].answered = true;
}

void ledger_drop(unsigned id)
{
    if (id)
        calls[id].dropped = !calls[id].answered;
}

void ledger_end(void)
{
    for (unsigned id = 1; id <= nr_calls; id++)
        CHECK(calls[id].over, "each call ends", "call %u doesn't", id);
    CHECK_EQ(nr_sent_received, nr_sent, "messages without an answer", "what was sent has been received");
}
