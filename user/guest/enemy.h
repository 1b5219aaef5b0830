/* SPDX-License-Identifier: MIT */
/* Tasks of the guest `enemy`: the host's first answer is the task, the second one a number for it. */
#pragma once

enum enemy_task {
    ENEMY_BAD_CALLS = 1, /* host address: every call with every bad argument; exits with what went wrong, 0: nothing */
    ENEMY_READS, ENEMY_WRITES, ENEMY_JUMPS, /* address */
    ENEMY_WRITES_TEXT, ENEMY_RUNS_DATA, ENEMY_TRAPS,
    ENEMY_KEEPS_SECRETS, /* shares a page and takes it back; writes ENEMY_SECRET to pages that only it has */
    ENEMY_SIDE_BY_SIDE,  /* so many shares, mostly without a gap; takes all back */
    ENEMY_FOR_EVER,      /* shares, yields, takes back; so many times, 0: for ever */
    ENEMY_FORGES,        /* prints text that looks like lines of others */
    ENEMY_COMPUTES,      /* for ever */
    ENEMY_COUNTS,        /* yields 1, 2, 3 ... up to the number */
};

#define ENEMY_SECRET  "a secret of the guest"
#define ENEMY_PRINTED 4711 /* the host's answer to a console call */
