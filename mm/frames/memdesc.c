/* SPDX-License-Identifier: MIT */
/* The word array: filling it, and the names of types. <quire/memdesc.h> says what a word means. */
#include <quire/memdesc.h>

struct memory memory;
pfn_t zero_pfn = PFN_NONE; /* memory_init() */

void memdesc_fill(memdesc_t *words, u64 nr, memdesc_t word) { memdesc_fill_inline(words, nr, word); }

const char *memdesc_type_name(enum memdesc_type type)
{
    static const char names[MEMDESC_NR_TYPES][9] = {"MISC",   "BUDDY", "FOLIO",    "SLAB",
                                                    "PTDESC", "HOLE",  "HWPOISON", "UV"};
    return type < MEMDESC_NR_TYPES ? names[type] : "unknown";
}

const char *memdesc_misc_name(enum memdesc_misc kind)
{
    static const char names[MISC_NR][9] = {"absent", "firmware", "image", "words",
                                           "initrd", "kernel",   "zero",  "shadow"};
    return kind < MISC_NR ? names[kind] : "unknown";
}
