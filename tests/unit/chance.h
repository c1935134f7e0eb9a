/* SPDX-License-Identifier: MIT
 *
 * Random numbers for tests that play at random: the same ones for the same seed, on any machine (xorshift64; Marsaglia,
 * Xorshift RNGs, 2003).
 */
#ifndef TESTS_UNIT_CHANCE_H
#define TESTS_UNIT_CHANCE_H

#include "nor.h"

/* 0 to `below` - 1. `random` is the state: a seed at first, and never 0. */
static inline uint32_t chance_draw(uint64_t *random, uint32_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (uint32_t)(*random >> 16) % below;
}

/* One of the tears that such an operation has. */
static inline enum nor_tear chance_tear(uint64_t *random, enum nor_kind kind)
{
    enum nor_tear tear;

    do {
        tear = chance_draw(random, NOR_TEARS);
    } while (!nor_tear_applies(kind, tear));
    return tear;
}

#endif
