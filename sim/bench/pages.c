/* SPDX-License-Identifier: MIT */
#include "pages.h"

void pages_add(struct pages *pages, enum array array, uint32_t offset, uint32_t size)
{
    if (size == 0)
        return;
    for (uint32_t page = offset / ARRAYS_PAGE; page <= (offset + size - 1) / ARRAYS_PAGE; page++)
        pages->bits[array][page / 64] |= UINT64_C(1) << (page % 64);
}

void pages_remove(struct pages *pages, enum array array, uint32_t offset, uint32_t size)
{
    if (size == 0)
        return;
    for (uint32_t page = offset / ARRAYS_PAGE; page <= (offset + size - 1) / ARRAYS_PAGE; page++)
        pages->bits[array][page / 64] &= ~(UINT64_C(1) << (page % 64));
}

void pages_add_all(struct pages *pages, const struct pages *others)
{
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t word = 0; word < PAGES_WORDS; word++)
            pages->bits[array][word] |= others->bits[array][word];
}

bool pages_have(const struct pages *pages, enum array array, uint32_t page)
{
    return (pages->bits[array][page / 64] >> (page % 64) & 1) != 0;
}

/* A set is walked for each crash state, and only the largest array fills all its words. */
static const uint32_t words_of[ARRAYS] = {
    [ARRAY_INTERNAL] = RAIL_INTERNAL_SIZE / ARRAYS_PAGE / 64, [ARRAY_OTP] = 1, [ARRAY_NOR] = PAGES_WORDS};

void pages_each(const struct pages *pages, pages_each_fn *each, void *context)
{
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t word = 0; word < words_of[array]; word++)
            for (uint64_t bits = pages->bits[array][word]; bits != 0; bits &= bits - 1)
                each(context, array, word * 64 + (uint32_t)__builtin_ctzll(bits));
}
