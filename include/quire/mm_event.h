/* SPDX-License-Identifier: MIT */
/*
 * The event hook: what happened to entries, frames and folios, in order, in a ring per CPU that debug
 * builds keep and release builds don't have. Format: <uapi/quire/event.h>.
 */
#pragma once

#include <uapi/quire/event.h>

#if QUIRE_DEBUG
void mm_event(enum mm_event_kind kind, unsigned long a, unsigned long b, unsigned long c);
#else
#define mm_event(kind, a, b, c)                                                                    \
    do {                                                                                           \
    } while (0)
#endif
