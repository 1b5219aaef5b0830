/* SPDX-License-Identifier: MIT */
/*
 * The measurement of a guest: SHA-256 over what it was made of, in the order in which it was made. It doesn't depend on
 * how many pages came with one call.
 *
 *   size       {1, guest pages}
 *   loaded     {2, guest page, UV_READ, ...}, 4,096 bytes      for each page
 *   zeroed     {3, guest page, pages}                      for each run of consecutive pages
 *   entry      {4, address}
 *
 * Each number is 8 bytes, lowest first.
 */
#include "uv.h"

#define PIECE 512UL /* bytes of a page that are read at a time, into a buffer on the stack */

enum record { SIZE = 1, LOADED, ZEROED, ENTRY };

static void add_number(struct sha256 *hash, u64 number)
{
    u8 bytes[8];

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (u8)(number >> (8 * i));
    sha256_update(hash, bytes, sizeof(bytes));
}

static void add_record(struct sha256 *hash, enum record kind, u64 a, u64 b, unsigned numbers)
{
    add_number(hash, kind);
    add_number(hash, a);
    if (numbers > 1)
        add_number(hash, b);
}

static void end_zeroed(struct uv_measure *m)
{
    if (m->zero_nr)
        add_record(&m->hash, ZEROED, m->zero_page, m->zero_nr, 2);
    m->zero_nr = 0;
}

void uv_measure_begin(struct uv_measure *m, u64 nr_pages)
{
    sha256_init(&m->hash);
    m->zero_nr = 0;
    add_record(&m->hash, SIZE, nr_pages, 0, 1);
}

void uv_measure_loaded(struct uv_measure *m, u64 page, unsigned access, pfn_t pfn)
{
    u8 piece[PIECE];

    end_zeroed(m);
    add_record(&m->hash, LOADED, page, access, 2);
    for (u64 at = 0; at < PAGE_SIZE; at += PIECE) {
        enforce_read(piece, pfn, at, PIECE);
        sha256_update(&m->hash, piece, PIECE);
    }
}

void uv_measure_zeroed(struct uv_measure *m, u64 page, u64 nr)
{
    if (page != m->zero_page + m->zero_nr)
        end_zeroed(m);
    if (!m->zero_nr)
        m->zero_page = page;
    m->zero_nr += nr;
}

void uv_measure_entry(struct uv_measure *m, u64 entry)
{
    end_zeroed(m);
    add_record(&m->hash, ENTRY, entry, 0, 1);
}

void uv_measure_digest(const struct uv_measure *m, u8 digest[UV_MEASUREMENT_BYTES])
{
    struct uv_measure copy = *m;

    end_zeroed(&copy);
    sha256_final(&copy.hash, digest);
}
