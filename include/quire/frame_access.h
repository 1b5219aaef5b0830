/* SPDX-License-Identifier: MIT */
/*
 * The host's only way to frames that may be secure. frame_access_begin() asks who owns the frame; if it returns 0, the
 * host may use the frame through the direct map until frame_access_end(). No locks held. A secret frame is refused,
 * because frames can't be exported yet.
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
