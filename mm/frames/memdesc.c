/* SPDX-License-Identifier: MIT */
/* The word array: filling it, and names. What a word means is in <quire/memdesc.h>. */
#include <quire/memdesc.h>

struct memory memory;

/* One store a word: a 256 MiB folio has 65,536 of them, so the loop is unrolled. */
void memdesc_fill(memdesc_t *words, u64 nr, memdesc_t word)
{
    volatile memdesc_t *w = words;

    for (; nr >= 16; nr -= 16, w += 16) {
        w[0] = word, w[1] = word, w[2] = word, w[3] = word;
        w[4] = word, w[5] = word, w[6] = word, w[7] = word;
        w[8] = word, w[9] = word, w[10] = word, w[11] = word;
        w[12] = word, w[13] = word, w[14] = word, w[15] = word;
    }
    while (nr--)
        *w++ = word;
}

const char *memdesc_type_name(enum memdesc_type type)
{
    static const char names[MEMDESC_NR_TYPES][9] = {"MISC",   "BUDDY", "FOLIO",    "SLAB",
                                                    "PTDESC", "HOLE",  "HWPOISON", "UV"};
    return type < MEMDESC_NR_TYPES ? names[type] : "unknown";
}

const char *memdesc_misc_name(enum memdesc_misc kind)
{
    static const char names[MISC_NR][9] = {"absent", "firmware", "image", "words", "initrd", "kernel", "zero", "shadow"};
    return kind < MISC_NR ? names[kind] : "unknown";
}
