/* SPDX-License-Identifier: MIT */
#include "wild.h"

#include <stdlib.h>
#include <string.h>

bool wild_open(struct wild *wild, struct problem *problem)
{
    memset(wild, 0, sizeof *wild);
    return bytes_allocate(&wild->bytes, problem);
}

void wild_close(struct wild *wild)
{
    bytes_free(&wild->bytes);
    memset(wild, 0, sizeof *wild);
}

bool wild_any(const struct wild *wild)
{
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t word = 0; word < PAGES_WORDS; word++)
            if (wild->pages.bits[array][word] != 0)
                return true;
    return false;
}

static uint64_t *words_of(const struct wild *wild, enum array array, uint32_t page)
{
    return wild->bytes.bits[array] + (size_t)page * BYTES_PAGE_WORDS;
}

const uint64_t *wild_page(const struct wild *wild, enum array array, uint32_t page)
{
    return pages_have(&wild->pages, array, page) ? words_of(wild, array, page) : NULL;
}

static void clear_page(void *context, enum array array, uint32_t page)
{
    memset(words_of(context, array, page), 0, BYTES_PAGE_WORDS * sizeof(uint64_t));
}

void wild_clear(struct wild *wild)
{
    pages_each(&wild->pages, clear_page, wild);
    memset(&wild->pages, 0, sizeof wild->pages);
}

void wild_add(struct wild *wild, enum array array, uint32_t offset, uint32_t size)
{
    bytes_add(&wild->bytes, array, offset, size);
    pages_add(&wild->pages, array, offset, size);
}

struct adding {
    struct wild *wild;
    const struct wild *others;
};

static void add_page(void *context, enum array array, uint32_t page)
{
    const struct adding *adding = context;
    uint64_t *words = words_of(adding->wild, array, page);
    const uint64_t *others = words_of(adding->others, array, page);
    for (unsigned i = 0; i < BYTES_PAGE_WORDS; i++)
        words[i] |= others[i];
}

void wild_add_all(struct wild *wild, const struct wild *others)
{
    struct adding adding = {wild, others};
    pages_each(&others->pages, add_page, &adding);
    pages_add_all(&wild->pages, &others->pages);
}

void wild_add_bytes(struct wild *wild, const struct bytes *bytes)
{
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t word = 0; word < arrays_pages(array) * BYTES_PAGE_WORDS; word++) {
            wild->bytes.bits[array][word] |= bytes->bits[array][word];
            if (bytes->bits[array][word] != 0)
                pages_add(&wild->pages, array, word * 64, 1);
        }
}

struct adding_to {
    const struct wild *wild;
    struct bytes *bytes;
};

static void add_page_to(void *context, enum array array, uint32_t page)
{
    const struct adding_to *adding = context;
    const uint64_t *words = words_of(adding->wild, array, page);
    for (unsigned i = 0; i < BYTES_PAGE_WORDS; i++)
        adding->bytes->bits[array][(size_t)page * BYTES_PAGE_WORDS + i] |= words[i];
}

void wild_add_to(const struct wild *wild, struct bytes *bytes)
{
    struct adding_to adding = {wild, bytes};
    pages_each(&wild->pages, add_page_to, &adding);
}

void wild_remove(struct wild *wild, enum array array, uint32_t offset, uint32_t size)
{
    for (uint32_t page = offset / ARRAYS_PAGE; page < (offset + size) / ARRAYS_PAGE; page++)
        if (pages_have(&wild->pages, array, page))
            clear_page(wild, array, page);
    pages_remove(&wild->pages, array, offset, size);
}

/* --- differences --- */

struct comparing {
    struct wild *wild;
    const struct arrays *one, *other;
};

static void compare_page(void *context, enum array array, uint32_t page)
{
    const struct comparing *comparing = context;
    uint32_t start = page * ARRAYS_PAGE, end = start + arrays_page_size(array, page);
    const uint8_t *one = comparing->one->cells[array], *other = comparing->other->cells[array];
    if (memcmp(one + start, other + start, end - start) == 0)
        return;
    for (uint32_t at = start; at < end; at++)
        if (one[at] != other[at])
            wild_add(comparing->wild, array, at, 1);
}

/* The bytes of marks that the others have not. */
static void add_marks(struct wild *wild, enum array array, const struct nor_marks *marks,
                      const struct nor_marks *others)
{
    for (uint32_t i = 0; i < marks->count; i++) {
        const struct nor_mark *mark = &marks->list[i];
        if (!arrays_marked_alike(others, mark))
            wild_add(wild, array, mark->offset, mark->kind == NOR_WEAK ? 1 : mark->length);
    }
}

void wild_add_difference(struct wild *wild, const struct arrays *one, const struct arrays *other,
                         const struct pages *pages)
{
    struct comparing comparing = {wild, one, other};
    pages_each(pages, compare_page, &comparing);
    for (enum array array = 0; array < ARRAYS; array++) {
        add_marks(wild, array, &one->marks[array], &other->marks[array]);
        add_marks(wild, array, &other->marks[array], &one->marks[array]);
    }
}

/* --- meeting --- */

struct meeting {
    const struct wild *wild;
    const struct bytes *bytes;
    struct bytes *common;
    bool any;
};

static void meet_page(void *context, enum array array, uint32_t page)
{
    struct meeting *meeting = context;
    const uint64_t *words = words_of(meeting->wild, array, page);
    size_t first = (size_t)page * BYTES_PAGE_WORDS;
    for (unsigned i = 0; i < BYTES_PAGE_WORDS; i++) {
        uint64_t both = words[i] & meeting->bytes->bits[array][first + i];
        meeting->any = meeting->any || both != 0;
        if (meeting->common != NULL)
            meeting->common->bits[array][first + i] |= both;
    }
}

bool wild_meets(const struct wild *wild, const struct bytes *bytes, struct bytes *common)
{
    struct meeting meeting = {wild, bytes, common, false};
    pages_each(&wild->pages, meet_page, &meeting);
    return meeting.any;
}

/* --- keeping --- */

struct wild_kept {
    size_t count;
    struct kept_page {
        uint32_t array, page;
        uint64_t words[BYTES_PAGE_WORDS];
    } pages[];
};

struct keeping {
    const struct wild *wild;
    struct wild_kept *kept; /* NULL: counting only */
    size_t count;
};

static void keep_page(void *context, enum array array, uint32_t page)
{
    struct keeping *keeping = context;
    if (keeping->kept != NULL) {
        struct kept_page *kept = &keeping->kept->pages[keeping->count];
        kept->array = array;
        kept->page = page;
        memcpy(kept->words, words_of(keeping->wild, array, page), sizeof kept->words);
    }
    keeping->count++;
}

bool wild_keep(const struct wild *wild, struct wild_kept **kept)
{
    struct keeping keeping = {wild, NULL, 0};
    *kept = NULL;
    pages_each(&wild->pages, keep_page, &keeping);
    if (keeping.count == 0)
        return true;
    *kept = malloc(sizeof **kept + keeping.count * sizeof(*kept)->pages[0]);
    if (*kept == NULL)
        return false;
    (*kept)->count = keeping.count;
    keeping = (struct keeping){wild, *kept, 0};
    pages_each(&wild->pages, keep_page, &keeping);
    return true;
}

void wild_load(struct wild *wild, const struct wild_kept *kept)
{
    wild_clear(wild);
    for (size_t i = 0; kept != NULL && i < kept->count; i++) {
        const struct kept_page *page = &kept->pages[i];
        memcpy(words_of(wild, page->array, page->page), page->words, sizeof page->words);
        pages_add(&wild->pages, page->array, page->page * ARRAYS_PAGE, 1);
    }
}

static bool same_page(const struct kept_page *one, const struct kept_page *other)
{
    return one->array == other->array && one->page == other->page;
}

static bool precedes(const struct kept_page *one, const struct kept_page *other)
{
    return one->array < other->array || (one->array == other->array && one->page < other->page);
}

/* Both are in order. */
static void merge(struct wild_kept *all, const struct wild_kept *one, const struct wild_kept *other, bool *grown)
{
    size_t i = 0, j = 0, ones = one != NULL ? one->count : 0;
    while (i < ones || j < other->count) {
        struct kept_page *page = &all->pages[all->count++];
        if (j == other->count || (i < ones && precedes(&one->pages[i], &other->pages[j]))) {
            *page = one->pages[i++];
            continue;
        }
        *page = other->pages[j];
        if (i < ones && same_page(&one->pages[i], &other->pages[j])) {
            for (unsigned word = 0; word < BYTES_PAGE_WORDS; word++) {
                *grown = *grown || (page->words[word] & ~one->pages[i].words[word]) != 0;
                page->words[word] |= one->pages[i].words[word];
            }
            i++;
        } else {
            for (unsigned word = 0; word < BYTES_PAGE_WORDS; word++)
                *grown = *grown || page->words[word] != 0;
        }
        j++;
    }
}

bool wild_keep_more(struct wild_kept **kept, const struct wild_kept *more, bool *grown)
{
    *grown = false;
    if (more == NULL)
        return true;
    struct wild_kept *all = malloc(sizeof *all +
                                   ((*kept != NULL ? (*kept)->count : 0) + more->count) * sizeof all->pages[0]);
    if (all == NULL)
        return false;
    all->count = 0;
    merge(all, *kept, more, grown);
    free(*kept);
    *kept = all;
    return true;
}
