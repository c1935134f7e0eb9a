/* SPDX-License-Identifier: MIT
 *
 * Hashes of words, one step for each, for tables and for runs that are to be the same. What stands for a
 * state itself is fingerprint.h.
 */
#ifndef MATTERHORN_BENCH_MIX_H
#define MATTERHORN_BENCH_MIX_H

#include <stdint.h>

/* The hash of one word more. The factor is 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming 3,
 * 6.4); the shift takes its upper half, which all bits of the word reach, to where the next step begins. */
static inline uint64_t mix_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 32;
}

#endif
