/* SPDX-License-Identifier: MIT */
/* The tests of the program native-ipc: game.c in three settings. */
#include "../play/play.h"
#include "../play/tests.h"
#include <stddef.h>

extern const struct game calls_game, signals_game, waits_game;
const struct game *const games[] = {&calls_game, &signals_game, &waits_game};
const unsigned nr_games = ARRAY_SIZE(games);

const struct native_test native_tests[] = {{NULL, NULL, NULL}};
