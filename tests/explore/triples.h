/* SPDX-License-Identifier: MIT */
#pragma once

#include "pair.h"

extern const struct pair triples[];
extern const unsigned nr_triples;
