/* SPDX-License-Identifier: MIT */
#pragma once

#include "pair.h"

extern const unsigned nr_triples;
struct pair triple(unsigned i);
