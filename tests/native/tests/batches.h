/* SPDX-License-Identifier: MIT */
/* A page table of a fresh world to try batches on, its lock held. */
#pragma once

#include "../play/check.h"
#include <quire/mm.h>

struct table {
    struct mm *mm;
    pte_t *entries;
    vaddr_t base; /* address of entry 0 */
};

struct table batch_table(void);
/* Empties the table and gives everything back. */
void batch_table_end(struct table t);
