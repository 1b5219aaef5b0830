/* SPDX-License-Identifier: MIT */
/*
 * The ultravisor's frame table: it alone decides who owns a frame. A frame changes hands through BUSY, so
 * two calls about one frame can't both succeed. All changes but the first (UV_INIT) go through uv_change().
 */
#include <quire/errno.h>
#include "uv.h"

static pfn_t frame_of(const struct uv_span *span, u64 i)
{
    return span->pfn != PFN_NONE ? span->pfn + i : enforce_frame_of(span->guest->id, span->page + i);
}

/* The word of a frame in this state. Words of the guest's own frames hold the page; words of the frames of its tables,
 * and of the host's frames, don't. */
static u64 word_in(const struct uv_span *span, enum uv_state state, u64 i)
{
    if (state == UV_NONSECURE)
        return uv_word(UV_NONSECURE, 0, 0);
    return uv_word(state, span->guest->id, state == UV_OWN ? 0 : span->page + i);
}

/* The guest's tables are read only for its own pages; at the time of RECLAIM there are no tables any more. */
static unsigned facts_about(const struct uv_span *span, enum uv_by by, u64 i, pfn_t pfn, u64 word)
{
    bool mine = word == word_in(span, uv_state_of(word), i) && uv_state_of(word) != UV_NONSECURE;
    bool empty = (by == UV_BY_LOAD || by == UV_BY_IMPORT) &&
                 enforce_frame_of(span->guest->id, span->page + i) == PFN_NONE;

    return (mine ? UV_IF_MINE : 0) | (empty ? UV_IF_EMPTY : 0) | (enforce_lent(pfn) ? 0 : UV_IF_BACK);
}

/* The facts that hold for all frames of a span of consecutive frames. Used only for frames that come from the host. */
static unsigned facts_about_all(const struct uv_span *span, enum uv_by by)
{
    unsigned facts = span->guest->state == UVG_LOADING ? UV_IF_LOADING : 0;

    if (by == UV_BY_DONATE || by == UV_BY_LOAD || by == UV_BY_IMPORT)
        facts |= (enforce_shown(span->pfn, span->nr) ? UV_IF_PRESENT : 0) |
                 (enforce_can_hide(span->pfn, span->nr) ? UV_IF_PREPARED : 0);
    return facts;
}

/* The rule that fits every frame of the span; NULL: no single rule does. */
static const struct uv_rule *rule_for_all(const struct uv_span *span, enum uv_by by)
{
    unsigned common = facts_about_all(span, by);
    const struct uv_rule *rule = NULL;

    for (u64 i = 0; i < span->nr; i++) {
        pfn_t pfn = frame_of(span, i);
        if (pfn == PFN_NONE)
            return NULL;
        u64 word = uv_frame_read(pfn);
        const struct uv_rule *this = uv_rule_for(uv_state_of(word), by, common | facts_about(span, by, i, pfn, word));
        if (!this || (rule && this != rule))
            return NULL;
        rule = this;
    }
    return rule;
}

/* Change all frames of the span to BUSY, or none. */
static bool claim(const struct uv_span *span, enum uv_state from)
{
    for (u64 i = 0; i < span->nr; i++) {
        u64 expected = word_in(span, from, i);
        if (__atomic_compare_exchange_n(&uv.frames[frame_of(span, i)].word, &expected, uv_word(UV_BUSY, 0, 0), false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            continue;
        while (i--) /* this frame isn't claimed: undo the others */
            __atomic_store_n(&uv.frames[frame_of(span, i)].word, word_in(span, from, i), __ATOMIC_RELEASE);
        return false;
    }
    return true;
}

static void publish(const struct uv_span *span, enum uv_state state)
{
    for (u64 i = 0; i < span->nr; i++)
        __atomic_store_n(&uv.frames[frame_of(span, i)].word, word_in(span, state, i), __ATOMIC_RELEASE);
}

/*
 * The frames that the guest gets are hidden already, so the host can't store to them any more. So the measurement,
 * memory, and the instruction caches all have the same contents.
 */
static void take_in(const struct uv_span *span, enum uv_by by, unsigned access)
{
    struct uv_measure *m = &span->guest->measure;

    if (access & UV_EXEC)
        enforce_code(span->guest->id, span->pfn, span->nr);
    if (by == UV_BY_IMPORT)
        uv_measure_zeroed(m, span->page, span->nr);
    for (u64 i = 0; by == UV_BY_LOAD && i < span->nr; i++)
        uv_measure_loaded(m, span->page + i, access, span->pfn + i);
}

/*
 * Before the guest gets a frame, the host's stores are in memory; before the host gets a frame, zeros are in memory. A
 * frame that goes to the guest is hidden first, so that later stores of the host don't reach it.
 */
static void apply_to(enum uv_effect effect, pfn_t pfn, u64 nr)
{
    switch (effect) {
    case UV_KEEP:
        break;
    case UV_ZERO:
        enforce_zero(pfn, nr, false);
        break;
    case UV_HIDE:
        enforce_hide(pfn, nr);
        enforce_flush(pfn, nr);
        break;
    case UV_ZERO_HIDE:
        enforce_hide(pfn, nr);
        enforce_zero(pfn, nr, true);
        break;
    case UV_SHOW:
        enforce_show(pfn, nr);
        enforce_flush(pfn, nr);
        break;
    case UV_ZERO_SHOW:
        enforce_zero(pfn, nr, true);
        enforce_show(pfn, nr);
        break;
    }
}

static void apply(const struct uv_span *span, enum uv_effect effect)
{
    if (span->pfn != PFN_NONE)
        apply_to(effect, span->pfn, span->nr);
    for (u64 i = 0; span->pfn == PFN_NONE && effect != UV_KEEP && i < span->nr; i++)
        apply_to(effect, frame_of(span, i), 1);
}

s64 uv_change(const struct uv_span *span, enum uv_by by, unsigned access)
{
    struct uv_guest *g = span->guest;
    const struct uv_rule *rule = rule_for_all(span, by);

    if (!rule)
        return -EPERM;
    bool fresh = rule->from == UV_NONSECURE && rule->to == UV_SECURE;
    if (fresh && enforce_prepare(g->id, span->page, span->pfn, span->nr))
        return -ENOMEM;
    if (!claim(span, rule->from))
        return -EBUSY;
    if (fresh) /* frames are mapped while they are still shown: the guest doesn't run yet */
        enforce_map(g->id, span->page, span->pfn, span->nr, access);
    apply(span, rule->effect);
    if (fresh)
        take_in(span, by, access);
    publish(span, rule->to);
    if (rule->from != UV_NONSECURE)
        g->count[rule->from] -= span->nr;
    if (rule->to != UV_NONSECURE)
        g->count[rule->to] += span->nr;
    return (s64)span->nr;
}

enum uv_state uv_page_state(struct uv_guest *g, u64 page)
{
    pfn_t pfn = page < g->nr_pages ? enforce_frame_of(g->id, page) : PFN_NONE;
    u64 word = pfn == PFN_NONE ? 0 : uv_frame_read(pfn);

    return word == uv_word(uv_state_of(word), g->id, page) ? uv_state_of(word) : UV_NONSECURE;
}

const char *uv_state_name(enum uv_state state)
{
    static const char names[UV_NR_STATES][10] = {"nonsecure", "secure", "shared", "unsharing", "own", "busy", "sharing"};
    return state < UV_NR_STATES ? names[state] : "unknown";
}
