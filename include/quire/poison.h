/* SPDX-License-Identifier: MIT */
/*
 * Poisoned frames: memory that the machine says is broken. The frame's word points to a struct hwpoison
 * for ever; whatever the frame belonged to goes on without it.
 */
#pragma once

#include <quire/folio.h>

struct hwpoison {
    memdesc_t saved; /* the word before: of the folio or hole as long as that lives, 0 afterwards */
    pfn_t pfn;
    void *slab_link;
} __aligned(16);

/*
 * Frame pfn is broken. 0: handled; docs/poison.md says what happens for each use of the frame. -EHWPOISON: it was
 * poisoned already. -EBUSY: kernel memory that can't be replaced (image, slab, page table), or a folio that somebody
 * keeps frozen; the frame is reported and left as it is. -EINVAL: no such frame. -ENOMEM: nothing changed. May sleep;
 * no locks held.
 */
int memory_failure(pfn_t pfn);
