/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4). */
#pragma once

#include <quire/types.h>

struct sha256 {
    u32 h[8];
    u64 bytes;
    u8 block[64];
};
void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t n);
void sha256_final(struct sha256 *s, u8 digest[32]);
