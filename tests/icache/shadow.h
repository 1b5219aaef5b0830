/* SPDX-License-Identifier: MIT */
/* What is remembered of each frame that has a shadow: an array that shadow_memory.c places. */
#pragma once

#include <quire/types.h>

/* One for each frame that has a shadow. */
struct shadow {
    u64 cleaned; /* the generation that a CPU has to fence for before it runs what was maintained; 0: never */
    u64 changed; /* the same of the last maintenance that found something new */
    u64 stored;  /* the generation in which the last store was announced */
    const void *place; /* ... and where */
    u64 stored_by;
};
extern struct shadow *shadows;
