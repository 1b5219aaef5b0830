/* SPDX-License-Identifier: MIT */
/*
 * The state of a call, without its threads: a caller that is only a descriptor, and a duty to answer it. What programs
 * see of calls is in tests/user/.
 */
#include "race.h"
#include "../../kernel/ipc/ipc.h"
#include <quire/ipc.h>
#include <quire/percpu.h>
#include <quire/thread.h>

#define GENERATION 7UL

static struct thread caller;
static struct duty duty;
static bool held, got;
static unsigned rounds;

static void set_state(enum call_state state) { WRITE_ONCE(caller.ipc.call, CALL_WORD(GENERATION, state)); }

static bool has_state(enum call_state state) { return READ_ONCE(caller.ipc.call) == CALL_WORD(GENERATION, state); }

#define MEASURED 3 /* race.c first lets an answer come alone, to see how long it is: nobody would let go */

/* With one CPU nobody could let go while another one waits. */
static void begin_with_a_copy(void)
{
    held = nr_cpus > 1 && rounds++ >= MEASURED;
    got = false;
    duty = (struct duty){.caller = &caller, .call = CALL_WORD(GENERATION, CALL_TAKEN)};
    set_state(held ? CALL_REPLYING : CALL_TAKEN);
}

static void end_the_copy(void)
{
    if (held)
        duty_release(&duty);
    held = false;
}

static void hold_for_an_answer(void) { got = duty_hold(&duty); }

static void the_answer_goes_on(void)
{
    EXPECT(got);
    EXPECT(has_state(CALL_REPLYING));
}

/* Two threads have one reply object: one copies from the window, the other one answers. */
TEST(call, an_answer_waits_for_a_copy_that_ends_at_any_moment)
{
    rounds = 0;
    RACE(end_the_copy, hold_for_an_answer, .before = begin_with_a_copy, .after = the_answer_goes_on);
}

TEST(call, a_hold_changes_nothing_unless_the_call_waits)
{
    static const enum call_state others[] = {CALL_IDLE, CALL_QUEUED, CALL_ANSWERED};

    duty = (struct duty){.caller = &caller, .call = CALL_WORD(GENERATION, CALL_TAKEN)};
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        set_state(others[i]);
        EXPECT(!duty_hold(&duty));
        EXPECT(has_state(others[i]));
    }
    for (enum call_state state = CALL_IDLE; state <= CALL_ANSWERED; state++) { /* of the caller's next call */
        WRITE_ONCE(caller.ipc.call, CALL_WORD(GENERATION + 1, state));
        EXPECT(!duty_hold(&duty));
        EXPECT_EQ(READ_ONCE(caller.ipc.call), CALL_WORD(GENERATION + 1, state));
    }
}
