/* SPDX-License-Identifier: MIT */
/* From a struct quire_crash to the lines of a backtrace: see <quire/crash.h>. */
#include <quire/crash.h>

static unsigned add_call(const struct places *places, uint64_t pc, struct crash_line *lines, unsigned nr)
{
    struct place place;

    if (!pc || !place_of(places, pc - 1, &place))
        return nr;
    if (nr && lines[nr - 1].is_return && lines[nr - 1].pc == pc) {
        lines[nr - 1].times++;
        return nr;
    }
    lines[nr] = (struct crash_line){pc, true, 1};
    return nr + 1;
}

/*
 * Whether `link` says who called, and no frame does: the call itself went wrong, or the function has no frame. After
 * calls of its own the register for return addresses holds an address in the function itself.
 */
static bool only_link_knows(const struct quire_crash *crash, const struct places *places)
{
    struct place here, caller;

    if (!place_of(places, crash->link - 1, &caller) || crash->link == crash->calls[0])
        return false;
    return !place_of(places, crash->pc, &here) || here.function != caller.function;
}

/* Whether two return addresses lie in the same function. */
static bool same_function(const struct places *places, uint64_t a, uint64_t b)
{
    struct place one, other;

    return place_of(places, a - 1, &one) && place_of(places, b - 1, &other) && one.function == other.function;
}

unsigned crash_lines(const struct quire_crash *crash, const struct places *places, struct crash_line *lines)
{
    unsigned nr = 1;

    lines[0] = (struct crash_line){crash->pc, false, 1};
    unsigned first = 0;
    if (only_link_knows(crash, places)) {
        nr = add_call(places, crash->link, lines, nr);
        /* The place in the caller's frame is old then: an earlier call of the same function left it there. */
        first = same_function(places, crash->link, crash->calls[0]);
    }
    for (unsigned i = first; i < QUIRE_CRASH_CALLS; i++)
        nr = add_call(places, crash->calls[i], lines, nr);
    return nr;
}
