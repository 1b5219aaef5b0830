/* SPDX-License-Identifier: MIT */
/* The tests of the program native-uv: one game, and tests that aren't games. */
#include "tests.h"
#include "../play/play.h"
#include "../play/tests.h"
#include <stddef.h>

const struct game *const games[] = {&uv_game};
const unsigned nr_games = ARRAY_SIZE(games);

#define IN(test, function)                                                                                             \
    {                                                                                                                  \
        "uv-states." test, "tests/native/uv/states.c", function                                                        \
    }

const struct native_test native_tests[] = {
    IN("what_init_takes", states_init),
    IN("every_host_call_in_every_state", states_every_host_call),
    IN("every_guest_call", states_every_guest_call),
    IN("traps_from_elsewhere", states_traps_from_elsewhere),
    IN("whole_batches", states_whole_batches),
    IN("scattered_frames", states_scattered_frames),
    IN("a_host_that_stores_while_it_loads", states_a_host_that_stores),
    {NULL, NULL, NULL},
};
