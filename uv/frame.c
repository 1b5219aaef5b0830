/* SPDX-License-Identifier: MIT */
/*
 * The ultravisor's frame table: the only truth about who owns a frame. A frame changes hands through BUSY, so
 * two calls about one frame can't both succeed.
 */
#include "uv.h"

bool uv_frames_are(pfn_t pfn, u64 nr, enum uv_state state, unsigned guest)
{
    for (u64 i = 0; i < nr; i++) {
        u64 word = uv_frame_read(pfn + i);
        if (uv_state_of(word) != state || uv_guest_of(word) != guest)
            return false;
    }
    return true;
}

bool uv_frames_claim(pfn_t pfn, u64 nr, u64 from, u64 step)
{
    for (u64 i = 0; i < nr; i++) {
        u64 expected = from + i * step;
        if (__atomic_compare_exchange_n(&uv.frames[pfn + i].word, &expected, uv_word(UV_BUSY, 0, 0), false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            continue;
        uv_frames_set(pfn, i, from, step); /* not ours: as it was */
        return false;
    }
    return true;
}

void uv_frames_set(pfn_t pfn, u64 nr, u64 first, u64 step)
{
    for (u64 i = 0; i < nr; i++)
        __atomic_store_n(&uv.frames[pfn + i].word, first + i * step, __ATOMIC_RELEASE);
}

const char *uv_state_name(enum uv_state state)
{
    static const char names[UV_NR_STATES][10] = {"nonsecure", "secure", "shared", "unsharing", "own", "busy"};
    return state < UV_NR_STATES ? names[state] : "unknown";
}
