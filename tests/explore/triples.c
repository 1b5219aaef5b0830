/* SPDX-License-Identifier: MIT */
/* Three operations that meet. */
#include "triples.h"

const struct pair triples[] = {{0}};
const unsigned nr_triples = 0;
