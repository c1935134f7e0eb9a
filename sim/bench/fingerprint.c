/* SPDX-License-Identifier: MIT */
#include "fingerprint.h"

#include <stdlib.h>
#include <string.h>

#define WORD 8u /* bytes */

/* The last step of SplitMix64, so that words with little in them differ in all bits. */
static uint64_t finish(uint64_t hash)
{
    hash = (hash ^ hash >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    hash = (hash ^ hash >> 27) * UINT64_C(0x94D049BB133111EB);
    return hash ^ hash >> 31;
}

/* What eight bytes hold, as far as it counts: wild bytes are zeros, and so are weak bits, whose cells mean nothing. Bit 8n + b is bit b of byte n;
 * in the others, bit n is byte n. */
struct content {
    uint64_t cells, weak;
    uint8_t not_taking, wild;
};

static uint64_t hash_content(enum array array, uint32_t offset, const struct content *content)
{
    uint64_t place = ((uint64_t)array << 32 | offset) * UINT64_C(0xD6E8FEB86659FD93);
    uint64_t hash = finish(finish(content->cells ^ place) + place);
    if (content->weak == 0 && content->not_taking == 0 && content->wild == 0)
        return hash;
    hash = finish(hash ^ content->weak);
    return finish(hash ^ (UINT64_C(1) << 32 | (uint64_t)content->not_taking << 8 | content->wild));
}

static uint64_t bytes_of(uint8_t which)
{
    uint64_t mask = 0;
    for (unsigned byte = 0; byte < WORD; byte++)
        if ((which >> byte & 1) != 0)
            mask |= UINT64_C(0xFF) << 8 * byte;
    return mask;
}

static void take_marks(struct content *content, const struct nor_marks *marks, uint32_t offset)
{
    for (uint32_t i = 0; i < marks->count; i++) {
        const struct nor_mark *mark = &marks->list[i];
        uint32_t end = mark->offset + (mark->kind == NOR_WEAK ? 1 : mark->length);
        uint32_t from = mark->offset > offset ? mark->offset : offset, to = end < offset + WORD ? end : offset + WORD;
        for (uint32_t at = from; at < to; at++) {
            if (mark->kind == NOR_WEAK)
                content->weak |= UINT64_C(1) << (8 * (at - offset) + mark->bit);
            else
                content->not_taking |= (uint8_t)(1u << (at - offset));
        }
    }
    content->cells &= ~content->weak;
}

static bool any_marks(const struct nor_marks *marks, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < marks->count; i++) {
        const struct nor_mark *mark = &marks->list[i];
        if (mark->offset < to && mark->offset + (mark->kind == NOR_WEAK ? 1 : mark->length) > from)
            return true;
    }
    return false;
}

/* What does not count, or counts beside the cells, of eight bytes. */
static void take_beside(struct content *content, const struct nor_marks *marks, const uint64_t *wild, uint32_t offset)
{
    if (marks != NULL)
        take_marks(content, marks, offset);
    content->wild = wild != NULL ? (uint8_t)(wild[offset % ARRAYS_PAGE / 64] >> offset % 64) : 0;
    if (content->wild == 0)
        return;
    content->cells &= ~bytes_of(content->wild);
    content->weak &= ~bytes_of(content->wild);
    content->not_taking &= (uint8_t)~content->wild;
}

/* Words from..to of one page. */
static void move_words(struct fingerprint *print, const struct arrays *arrays, const struct wild *wild, enum array array, uint32_t from,
                       uint32_t to)
{
    const struct nor_marks *marks = any_marks(&arrays->marks[array], from, to) ? &arrays->marks[array] : NULL;
    const uint64_t *wild_bytes = wild != NULL ? wild_page(wild, array, from / ARRAYS_PAGE) : NULL;
    for (uint32_t at = from; at < to; at += WORD) {
        struct content content = {.cells = 0};
        memcpy(&content.cells, arrays->cells[array] + at, WORD);
        if (marks != NULL || wild_bytes != NULL)
            take_beside(&content, marks, wild_bytes, at);
        uint64_t now = hash_content(array, at, &content), *own = &print->words[array][at / WORD];
        print->whole ^= *own ^ now;
        *own = now;
    }
    memcpy(print->cells[array] + from, arrays->cells[array] + from, to - from);
    if (marks != NULL || wild_bytes != NULL)
        pages_add(&print->odd, array, from, 1);
}

static void move_range(struct fingerprint *print, const struct arrays *arrays, const struct wild *wild, enum array array, uint32_t offset,
                       uint32_t size)
{
    uint32_t end = (offset + size + WORD - 1) & ~(WORD - 1), next;
    pages_add(&print->pages, array, offset, size);
    for (uint32_t at = offset & ~(WORD - 1); at < end; at = next) {
        next = (at / ARRAYS_PAGE + 1) * ARRAYS_PAGE;
        next = next < end ? next : end;
        move_words(print, arrays, wild, array, at, next);
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
    move_range(moving->print, moving->arrays, moving->wild, array, page * ARRAYS_PAGE, arrays_page_size(array, page));
}

/* Where a page is known by its cells, before and now, and those are the same, so are its words. */
static void begin_page(void *context, enum array array, uint32_t page)
{
    const struct moving *moving = context;
    struct fingerprint *print = moving->print;
    uint32_t start = page * ARRAYS_PAGE, size = arrays_page_size(array, page);
    bool odd = pages_have(&print->odd, array, page) || pages_have(&moving->wild->pages, array, page) ||
               any_marks(&moving->arrays->marks[array], start, start + size);
    if (!odd && memcmp(print->cells[array] + start, moving->arrays->cells[array] + start, size) == 0)
        return;
    pages_remove(&print->odd, array, start, 1);
    move_words(print, moving->arrays, moving->wild, array, start, start + size);
}

bool fingerprint_open(struct fingerprint *print, const struct arrays *device, struct problem *problem)
{
    memset(print, 0, sizeof *print);
    for (enum array array = 0; array < ARRAYS; array++) {
        print->words[array] = calloc(arrays_size(array) / WORD, sizeof(uint64_t));
        print->cells[array] = malloc(arrays_size(array));
        if (print->words[array] == NULL || print->cells[array] == NULL) {
            fingerprint_close(print);
            return problem_set(problem, PROBLEM_BENCH, "no memory for fingerprints");
        }
        move_range(print, device, NULL, array, 0, arrays_size(array));
    }
    memset(&print->pages, 0, sizeof print->pages);
    print->whole = 0;
    return true;
}

void fingerprint_close(struct fingerprint *print)
{
    for (enum array array = 0; array < ARRAYS; array++) {
        free(print->words[array]);
        free(print->cells[array]);
    }
    memset(print, 0, sizeof *print);
}

/* The pages as they are now that are not the device's, or were not before. */
void fingerprint_begin(struct fingerprint *print, const struct arrays *arrays, const struct wild *wild)
{
    struct pages pages = arrays->pages;
    struct moving moving = {print, arrays, wild};
    pages_add_all(&pages, &wild->pages);
    pages_add_all(&print->pages, &pages);
    pages_each(&print->pages, begin_page, &moving);
    print->pages = pages;
}

void fingerprint_move(struct fingerprint *print, const struct arrays *arrays, const struct wild *wild, const struct changes *changes)
{
    struct moving moving = {print, arrays, wild};
    for (unsigned i = 0; i < changes->count; i++)
        move_range(print, arrays, wild, changes->list[i].array, changes->list[i].offset, changes->list[i].size);
    if (changes->many)
        pages_each(&changes->pages, move_page, &moving);
}
