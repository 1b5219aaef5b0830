/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 as in FIPS 180-4, sections 4.1.2, 5.1.1 and 6.2. The constants are the first 32 bits of the fractional
 * parts of the cube roots of the first 64 primes (4.2.2) and of the square roots of the first 8 (5.3.3).
 */
#include <quire/sha256.h>
#include <quire/string.h>

static const u32 k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static u32 rotate(u32 x, unsigned n) { return x >> n | x << (32 - n); }
static u32 be32(const u8 *p) { return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3]; }

void sha256_init(struct sha256 *s)
{
    static const u32 start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(s->h, start, sizeof(start));
    s->bytes = 0;
}

static void compress(u32 h[8], const u8 *block)
{
    u32 w[64], v[8];

    for (unsigned t = 0; t < 16; t++)
        w[t] = be32(block + 4 * t);
    for (unsigned t = 16; t < 64; t++) {
        u32 s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
        u32 s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
    memcpy(v, h, sizeof(v));
    for (unsigned t = 0; t < 64; t++) {
        u32 s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        u32 t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[t] + w[t];
        u32 s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        u32 t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (unsigned i = 0; i < 8; i++)
        h[i] += v[i];
}

void sha256_update(struct sha256 *s, const void *data, size_t n)
{
    const u8 *p = data;

    while (n) {
        size_t at = s->bytes % 64, step = MIN(n, 64 - at);
        memcpy(s->block + at, p, step);
        s->bytes += step;
        p += step;
        n -= step;
        if (at + step == 64)
            compress(s->h, s->block);
    }
}

void sha256_final(struct sha256 *s, u8 digest[32])
{
    u64 bits = s->bytes * 8;
    u8 end = 0x80, zero = 0, length[8];

    sha256_update(s, &end, 1);
    while (s->bytes % 64 != 56)
        sha256_update(s, &zero, 1);
    for (unsigned i = 0; i < 8; i++)
        length[i] = (u8)(bits >> (56 - 8 * i));
    sha256_update(s, length, 8);
    for (unsigned i = 0; i < 32; i++)
        digest[i] = (u8)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}
