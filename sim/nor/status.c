/* SPDX-License-Identifier: MIT
 *
 * What a torn write of non-volatile status registers leaves in them.
 */
#include "marks.h"

static bool changes(const uint8_t *old, const uint8_t *data, uint32_t bit)
{
    return (old[bit / 8] ^ data[bit / 8]) >> bit % 8 & 1;
}

static uint64_t seed_of(const uint8_t *old, const uint8_t *data, uint32_t count, enum nor_tear tear)
{
    uint64_t seed = nor_mix(tear + 1u);
    for (uint32_t i = 0; i < count; i++)
        seed = nor_mix(seed + ((uint64_t)old[i] << 8 | data[i]));
    return seed;
}

/* Of one bit that changes: done. Of more: a seeded subset, neither none nor all. `one_only`: a single one. */
static void change_some(uint8_t *status, const uint8_t *data, uint32_t count, uint64_t seed, bool one_only)
{
    uint32_t changing = 0, n = 0;
    for (uint32_t bit = 0; bit < 8 * count; bit++)
        changing += changes(status, data, bit);
    if (changing == 0)
        return;
    uint32_t done = (uint32_t)(seed % changing);
    uint32_t undone = changing == 1 ? changing : (done + 1 + (uint32_t)(nor_mix(seed) % (changing - 1))) % changing;
    for (uint32_t bit = 0; bit < 8 * count; bit++) {
        if (!changes(status, data, bit))
            continue;
        if (n == done || (!one_only && n != undone && (nor_mix(seed + bit) & 1)))
            status[bit / 8] ^= (uint8_t)(1u << bit % 8);
        n++;
    }
}

void nor_tear_status(uint8_t *status, const uint8_t *data, uint32_t count, enum nor_tear tear)
{
    uint32_t whole = tear == NOR_TEAR_BEFORE ? 0 : tear == NOR_TEAR_HALF ? count / 2 : count;
    if (tear == NOR_TEAR_LAST)
        whole = count - 1;
    if (tear == NOR_TEAR_MASK || tear == NOR_TEAR_ONEBIT) {
        change_some(status, data, count, seed_of(status, data, count, tear), tear == NOR_TEAR_ONEBIT);
        return;
    }
    for (uint32_t i = 0; i < whole; i++)
        status[i] = tear == NOR_TEAR_ZEROS ? status[i] & data[i] : data[i];
}
