/* SPDX-License-Identifier: MIT */
#include "fingerprint.h"

#include <string.h>

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 32;
}

/* The last step of SplitMix64, so that pages with little in them differ in all bits. */
static uint64_t finish(uint64_t hash)
{
    hash = (hash ^ hash >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    hash = (hash ^ hash >> 27) * UINT64_C(0x94D049BB133111EB);
    return hash ^ hash >> 31;
}

static uint64_t mix_bytes(uint64_t hash, const void *bytes, uint32_t size)
{
    for (uint32_t i = 0; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, (const uint8_t *)bytes + i, sizeof word);
        hash = mix(hash, word);
    }
    return hash;
}

/* What the page holds, as far as it counts: wild bytes are zeros, and so are weak bits, whose cells mean nothing. */
struct content {
    uint8_t cells[ARRAYS_PAGE];
    uint8_t weak[ARRAYS_PAGE]; /* the weak bits of each byte */
    uint64_t not_taking[BYTES_PAGE_WORDS];
};

static void take_marks(struct content *content, const struct nor_marks *marks, uint32_t start, uint32_t size)
{
    for (uint32_t i = 0; i < marks->count; i++) {
        const struct nor_mark *mark = &marks->list[i];
        uint32_t length = mark->kind == NOR_WEAK ? 1 : mark->length;
        uint32_t from = mark->offset > start ? mark->offset : start;
        uint32_t to = mark->offset + length < start + size ? mark->offset + length : start + size;
        for (uint32_t at = from; at < to; at++) {
            if (mark->kind == NOR_WEAK)
                content->weak[at - start] |= (uint8_t)(1u << mark->bit);
            else
                content->not_taking[(at - start) / 64] |= UINT64_C(1) << ((at - start) % 64);
        }
    }
    for (uint32_t i = 0; i < size; i++)
        content->cells[i] &= (uint8_t)~content->weak[i];
}

static void forget_wild(struct content *content, const uint64_t *wild)
{
    for (uint32_t i = 0; i < ARRAYS_PAGE; i++)
        if ((wild[i / 64] >> (i % 64) & 1) != 0)
            content->cells[i] = content->weak[i] = 0;
    for (unsigned i = 0; i < BYTES_PAGE_WORDS; i++)
        content->not_taking[i] &= ~wild[i];
}

static uint64_t page_print(const struct arrays *arrays, const struct wild *wild, enum array array, uint32_t page)
{
    uint32_t start = page * ARRAYS_PAGE, size = arrays_page_size(array, page);
    const struct nor_marks *marks = &arrays->marks[array];
    const uint64_t *wild_bytes = wild != NULL ? wild_page(wild, array, page) : NULL;
    uint64_t hash = mix((uint64_t)array << 32 | page, 1);
    if (marks->count == 0 && wild_bytes == NULL)
        return finish(mix_bytes(hash, arrays->cells[array] + start, size));
    struct content content = {.weak = {0}};
    memcpy(content.cells, arrays->cells[array] + start, size);
    take_marks(&content, marks, start, size);
    if (wild_bytes != NULL)
        forget_wild(&content, wild_bytes);
    hash = mix_bytes(hash, content.cells, size);
    for (uint32_t i = 0; i < size; i++)
        if (content.weak[i] != 0)
            hash = mix(mix(hash, i), content.weak[i]);
    for (uint32_t i = 0; i < BYTES_PAGE_WORDS; i++)
        if (content.not_taking[i] != 0)
            hash = mix(mix(hash, UINT64_C(1) << 32 | i), content.not_taking[i]);
    for (uint32_t i = 0; wild_bytes != NULL && i < BYTES_PAGE_WORDS; i++)
        if (wild_bytes[i] != 0)
            hash = mix(mix(hash, UINT64_C(2) << 32 | i), wild_bytes[i]);
    return finish(hash);
}

void fingerprint_device(struct fingerprint *print, const struct arrays *device)
{
    memset(print, 0, sizeof *print);
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t page = 0; page < arrays_pages(array); page++) {
            print->pages[array][page] = page_print(device, NULL, array, page);
            print->whole ^= print->pages[array][page];
        }
}

struct moving {
    struct fingerprint *print;
    const struct arrays *arrays;
    const struct wild *wild;
};

static void move_page(void *context, enum array array, uint32_t page)
{
    const struct moving *moving = context;
    uint64_t now = page_print(moving->arrays, moving->wild, array, page), *own = &moving->print->pages[array][page];
    moving->print->whole ^= *own ^ now;
    *own = now;
}

void fingerprint_begin(struct fingerprint *print, const struct fingerprint *device, const struct arrays *arrays,
                       const struct wild *wild)
{
    struct pages pages = arrays->pages;
    pages_add_all(&pages, &wild->pages);
    *print = *device;
    fingerprint_move(print, arrays, wild, &pages);
}

void fingerprint_move(struct fingerprint *print, const struct arrays *arrays, const struct wild *wild, const struct pages *moved)
{
    struct moving moving = {print, arrays, wild};
    pages_each(moved, move_page, &moving);
}
