/* SPDX-License-Identifier: Apache-2.0
 *
 * SipHash-1-3 (Aumasson and Bernstein, 2012) under a per-process key for tables that input fills,
 * and a fixed 64-bit multiply-and-fold mix. The key is a global (docs/globals.txt), drawn once.
 */
#include "base/hash.h"

#include <pthread.h>

#include "base/rand.h"

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static uint64_t process_key[2];

static void draw_key(void)
{
    rand_bytes(process_key, sizeof process_key);
}

static uint64_t load64le(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* The last n < 8 bytes, little-endian. */
static uint64_t load_tail(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static uint64_t rotl(uint64_t x, int b)
{
    return x << b | x >> (64 - b);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1]; v[1] = rotl(v[1], 13); v[1] ^= v[0]; v[0] = rotl(v[0], 32);
    v[2] += v[3]; v[3] = rotl(v[3], 16); v[3] ^= v[2];
    v[0] += v[3]; v[3] = rotl(v[3], 21); v[3] ^= v[0];
    v[2] += v[1]; v[1] = rotl(v[1], 17); v[1] ^= v[2]; v[2] = rotl(v[2], 32);
}

static uint64_t siphash13(const uint64_t key[2], const uint8_t *p, size_t n)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                     key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
    uint64_t last = (uint64_t)n << 56;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t m = load64le(p);
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    last |= load_tail(p, n);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_str(str s)
{
    pthread_once(&key_once, draw_key);
    return siphash13(process_key, (const uint8_t *)s.p, s.n);
}

/* High and low half of the 128-bit product, folded: every input bit reaches every output bit. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint64_t hash_fixed(uint64_t seed, const void *p, size_t n)
{
    const uint64_t k0 = 0x9e3779b97f4a7c15, k1 = 0xd1b54a32d192ed03;
    const uint8_t *b = p;
    uint64_t h = fold(seed ^ k0, n ^ k1);
    for (; n >= 8; b += 8, n -= 8)
        h = fold(h ^ load64le(b) ^ k0, k1) + k0;
    h = fold(h ^ load_tail(b, n) ^ k1, k0);
    return fold(h ^ k0, h ^ k1) ^ h;
}
