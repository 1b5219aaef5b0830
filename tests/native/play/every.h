/* SPDX-License-Identifier: MIT */
/* Every sequence of the moves of a game's alphabet, up to a length. */
#pragma once

#include "play.h"

void every_sequence(const struct game *game, unsigned config, unsigned length);
