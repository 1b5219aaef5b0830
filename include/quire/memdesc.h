/* SPDX-License-Identifier: MIT */
/*
 * Memory descriptors: one 8-byte word for each 4 KiB frame. Bits 0-3 are a type. The rest is a pointer to the
 * descriptor (16-byte aligned) of the thing that the frame belongs to, or, for types without descriptors, holds the
 * information itself.
 *
 * A word is read without a lock, at any time, by anyone. It is written by the owner of the frame: the buddy under its
 * lock, a folio's words under the folio's lock. A descriptor may be gone by the time a reader follows the word:
 * pfn_folio_get() shows how to read safely.
 *
 * Source: the "Memdescs" design for Linux (M. Wilcox, kernelnewbies.org).
 */
#pragma once

#include <quire/types.h>

typedef u64 memdesc_t;

enum memdesc_type {
    MEMDESC_MISC,     /* no descriptor: bits 4-10 say which kind, below */
    MEMDESC_BUDDY,    /* free; the word itself is the list entry (mm/frames/buddy.c) */
    MEMDESC_FOLIO,    /* struct folio */
    MEMDESC_SLAB,     /* struct slab */
    MEMDESC_PTDESC,   /* struct ptdesc: a page table */
    MEMDESC_HOLE,     /* struct insecure_mem: a hole in a folio */
    MEMDESC_HWPOISON, /* struct hwpoison: the frame is broken */
    MEMDESC_UV,       /* donated to the ultravisor */
    MEMDESC_NR_TYPES,
};

enum memdesc_misc {
    MISC_ABSENT,   /* no memory there */
    MISC_FIRMWARE, /* reserved by firmware or boot */
    MISC_IMAGE,    /* the kernel's text and data */
    MISC_WORDS,    /* the word array */
    MISC_INITRD,   /* the boot archive */
    MISC_KERNEL,   /* kernel stacks and other frames without a descriptor of their own */
    MISC_ZERO,     /* the page of zeros */
    MISC_SHADOW,   /* plays the instruction cache, tests/icache/ */
    MISC_NR,
};

#define MEMDESC_TYPE_MASK 15UL
#define MEMDESC_MISC_SHIFT 4

/* The machine's words; mm's root. Frames outside [first, end) have none. */
struct memory {
    memdesc_t *words; /* words[pfn] for first <= pfn < end: the pointer is biased by first */
    pfn_t first, end;
    u64 nr_frames;    /* frames of RAM, the sum that every count is checked against */
};
extern struct memory memory;
/*
 * The page of zeros. It is mapped read-only and belongs to no folio (mm/faults/fault_zero.c). PFN_NONE: there is no
 * such page.
 */
extern pfn_t zero_pfn;

static inline bool pfn_valid(pfn_t pfn) { return pfn >= memory.first && pfn < memory.end; }

/* The frame's word. Frames without one read as MEMDESC_MISC / MISC_ABSENT. */
static inline memdesc_t memdesc_read(pfn_t pfn)
{
    return pfn_valid(pfn) ? __atomic_load_n(&memory.words[pfn], __ATOMIC_ACQUIRE) : 0;
}
static inline enum memdesc_type memdesc_type(memdesc_t word) { return word & MEMDESC_TYPE_MASK; }
static inline void *memdesc_pointer(memdesc_t word) { return (void *)(word & ~MEMDESC_TYPE_MASK); }
static inline memdesc_t memdesc_make(enum memdesc_type type, const void *descriptor)
{
    return (memdesc_t)descriptor | type;
}
static inline memdesc_t memdesc_make_misc(enum memdesc_misc kind)
{
    return MEMDESC_MISC | (memdesc_t)kind << MEMDESC_MISC_SHIFT;
}
static inline enum memdesc_misc memdesc_misc(memdesc_t word) { return word >> MEMDESC_MISC_SHIFT & 127; }

/* How many of the nr frames from pfn on, all of RAM, have this word, one behind the other. */
static inline u64 memdesc_same(pfn_t pfn, u64 nr, memdesc_t word)
{
    const memdesc_t *words = memory.words + pfn;
    u64 n = 0;

    while (n < nr && READ_ONCE(words[n]) == word)
        n++;
    return n;
}

/* Write one word with release order: who reads it sees all earlier stores. */
static inline void memdesc_write(pfn_t pfn, memdesc_t word)
{
    __atomic_store_n(&memory.words[pfn], word, __ATOMIC_RELEASE);
}
/* Write one value to nr words, nr >= 1; the owner's lock is held. Few instructions if there are few words. */
static __always_inline void memdesc_fill_few(memdesc_t *words, u64 nr, memdesc_t word)
{
    memdesc_t *end = words + nr;

    do
        WRITE_ONCE(*words, word);
    while (++words < end);
}
/*
 * The same for any number. Each word takes one store; a 256 MiB folio has 65,536 words, so the loop is unrolled. Inline
 * for callers with a constant nr.
 */
static __always_inline void memdesc_fill_inline(memdesc_t *words, u64 nr, memdesc_t word)
{
    for (; nr >= 16; nr -= 16, words += 16) {
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; i++)
            WRITE_WORD(words[i], word);
    }
    if (nr)
        memdesc_fill_few(words, nr, word);
}
void memdesc_fill(memdesc_t *words, u64 nr, memdesc_t word);

/* Count frames of RAM by type into counts[MEMDESC_NR_TYPES]; returns their sum. Reads every word but those
 * inside free blocks. */
u64 memdesc_count(u64 counts[MEMDESC_NR_TYPES]);
const char *memdesc_type_name(enum memdesc_type type);
const char *memdesc_misc_name(enum memdesc_misc kind);
