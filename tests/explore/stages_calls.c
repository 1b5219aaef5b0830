/* SPDX-License-Identifier: MIT */
/*
 * Stages on calls: real threads on real run queues, which call, receive, answer, signal, close and kill. The table of a
 * call's states is in <quire/ipc.h>.
 */
#include "calls.h"
#include "operations.h"
#include "stages.h"
#include "threads.h"

/*
 * ends and needs: whoever waits without a limit for a caller or a server doesn't meet another such one, nor somebody
 * who neither comes nor closes the endpoint.
 */
#define CALL    1u
#define RECEIVE 2u

static void begin_calls(void)
{
    begin_cpus();
    calls_begin(operations_nr, true);
}

static void begin_bits(void)
{
    begin_cpus();
    calls_begin(operations_nr, false);
}

#define THREAD(name_, fn, ...) OP(name_, run_cpu, .thread = fn, ##__VA_ARGS__)
#define WAITS(for_)            .alone = true, .ends = for_, .needs = for_

/* The first may be killed or hurried, so who does that stands behind all others. */
static const struct operation on_calls[] = {
    THREAD("call", thread_calls, WAITS(CALL)),
    THREAD("call-late", thread_calls_late, .alone = true),
    THREAD("serve", thread_serves, WAITS(RECEIVE)),
    THREAD("serve-late", thread_serves_late, .alone = true),
    THREAD("serve-twice", thread_serves_twice, .alone = true),
    THREAD("serve-by-object", thread_serves_by_object, WAITS(RECEIVE)),
    THREAD("drop-object", thread_drops_object, WAITS(RECEIVE)),
    THREAD("no-answer", thread_ends_without_answer, WAITS(RECEIVE)),
    THREAD("send", thread_sends),
    THREAD("close", thread_closes, .alone = true),
    THREAD("signal", thread_signals, .needs = CALL),
    THREAD("hurry", thread_hurries_first, .alone = true, .needs = CALL | RECEIVE),
    THREAD("kill", thread_kills_first, .alone = true),
    NO_OPERATION,
};
const struct stage stage_calls = {
    .name = "calls", .begin = begin_calls, .operations = on_calls, .small = true, .check = calls_check,
    .end = calls_end};

static const struct operation on_bits[] = {
    THREAD("wait", thread_waits_for_bit, WAITS(CALL)),
    THREAD("wait-late", thread_waits_for_bit_late, .needs = CALL),
    THREAD("signal", thread_signals),
    THREAD("kill", thread_kills_first, .alone = true),
    NO_OPERATION,
};
const struct stage stage_bits = {
    .name = "bits", .begin = begin_bits, .operations = on_bits, .small = true, .check = calls_check, .end = calls_end};
