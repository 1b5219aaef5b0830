/* SPDX-License-Identifier: MIT */
/*
 * Quotas: how many frames a process may hold. Charged before memory is taken, given back when it is freed;
 * what is charged remembers the quota, which lives as long as anything charged to it.
 */
#pragma once

#include <quire/types.h>

struct quota {
    u32 refs;   /* process and charged things */
    u64 limit;  /* frames */
    u64 used;
    u64 peak;
};

struct quota *quota_create(u64 limit_frames); /* NULL: no memory */
void quota_get(struct quota *q);
void quota_put(struct quota *q);
/* Charge nr frames; false: that would go over the limit, nothing is charged. NULL never refuses. */
bool quota_charge(struct quota *q, u64 nr);
void quota_uncharge(struct quota *q, u64 nr);
