/* SPDX-License-Identifier: MIT */
/* The data about each frame that has a shadow: an array that shadow_memory.c places. */
#pragma once

#include <quire/types.h>

/* One for each frame that has a shadow. */
struct shadow {
    /* the generation that a CPU must have fenced for before it runs the maintained code; 0: never maintained */
    u64 cleaned;
    u64 changed; /* the same for the last maintenance that found changed contents */
    u64 stored;  /* the generation in which the last store was announced */
    const void *place; /* ... and where */
    u64 stored_by;
};
extern struct shadow *shadows;
