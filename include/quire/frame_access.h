/* SPDX-License-Identifier: MIT */
/*
 * The host's only way to frames that may be secure. begin asks who owns the frame; with the answer 0 the host may
 * use it through the direct map until end. No locks held. Until frames can be exported a secret one is refused.
 */
#pragma once

#include <quire/types.h>

struct frame_access {
    void *address;
    struct insecure_mem *hole; /* pinned: the guest can't take it back meanwhile */
};

/* 0; -EACCES: a guest's secret; -EHWPOISON; -EINVAL: no frame. */
int frame_access_begin(struct frame_access *a, pfn_t pfn);
void frame_access_end(struct frame_access *a);
