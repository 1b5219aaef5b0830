/* SPDX-License-Identifier: MIT */
/*
 * Poisoned frames: memory that the machine says is broken. The frame's word points to a struct hwpoison
 * for ever; whatever the frame belonged to goes on without it.
 */
#pragma once

#include <quire/folio.h>

struct hwpoison {
    memdesc_t saved; /* the word before: a folio or hole while that lives, 0 afterwards */
    pfn_t pfn;
    void *slab_link;
} __aligned(16);

/*
 * Frame pfn is broken. 0: handled, what it meant is in docs/poison.md. -EHWPOISON: it was poisoned already. -EBUSY:
 * kernel memory that nothing can take the place of (image, slab, page table), or a folio that somebody keeps frozen:
 * reported, left as it is. -EINVAL: no such frame. -ENOMEM: nothing changed. May sleep; no locks held.
 */
int memory_failure(pfn_t pfn);
