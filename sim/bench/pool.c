/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MASK_SIZE (BYTES_PAGE_WORDS * sizeof(uint64_t))

struct pool {
    const struct arrays *device;
    pthread_mutex_t lock;
    GHashTable *cells, *masks; /* sets */
};

struct pooled_page {
    uint16_t array, page;
    const uint8_t *cells; /* NULL: as those of the device */
    const uint64_t *mask; /* the bytes that matter; NULL: none */
};

struct pooled {
    const struct pool *pool;
    struct pooled_page *pages; /* in order; those that are not there are as in the device, and nothing of them matters */
    size_t count;
    struct nor_marks marks[ARRAYS];
    struct arrays_status status;
};

/* --- what is kept once --- */

static guint hash_words(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t hash = 1, word;
    for (size_t i = 0; i + sizeof word <= size; i += sizeof word) {
        memcpy(&word, at + i, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
    }
    return (guint)hash;
}

static guint hash_cells(gconstpointer cells)
{
    return hash_words(cells, ARRAYS_PAGE);
}

static gboolean same_cells(gconstpointer one, gconstpointer other)
{
    return memcmp(one, other, ARRAYS_PAGE) == 0;
}

static guint hash_mask(gconstpointer mask)
{
    return hash_words(mask, MASK_SIZE);
}

static gboolean same_mask(gconstpointer one, gconstpointer other)
{
    return memcmp(one, other, MASK_SIZE) == 0;
}

struct pool *pool_open(const struct arrays *device)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;
    pool->device = device;
    pthread_mutex_init(&pool->lock, NULL);
    pool->cells = g_hash_table_new_full(hash_cells, same_cells, g_free, NULL);
    pool->masks = g_hash_table_new_full(hash_mask, same_mask, g_free, NULL);
    return pool;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    g_hash_table_destroy(pool->cells);
    g_hash_table_destroy(pool->masks);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static const void *keep_once(GHashTable *set, const void *bytes, size_t size)
{
    void *kept = g_hash_table_lookup(set, bytes);
    if (kept == NULL) {
        kept = g_memdup2(bytes, size);
        g_hash_table_add(set, kept);
    }
    return kept;
}

/* --- keeping a state --- */

static bool matters(const uint64_t *mask)
{
    for (unsigned i = 0; i < BYTES_PAGE_WORDS; i++)
        if (mask[i] != 0)
            return true;
    return false;
}

/* A page at the end of an array may be smaller. */
static const uint8_t *keep_cells(struct pool *pool, const struct arrays *arrays, enum array array, uint32_t page)
{
    uint32_t start = page * ARRAYS_PAGE, size = arrays_page_size(array, page);
    uint8_t cells[ARRAYS_PAGE] = {0};
    if (!pages_have(&arrays->pages, array, page) ||
        memcmp(arrays->cells[array] + start, pool->device->cells[array] + start, size) == 0)
        return NULL;
    memcpy(cells, arrays->cells[array] + start, size);
    return keep_once(pool->cells, cells, sizeof cells);
}

static void keep_pages(struct pool *pool, const struct representative *representative, GArray *pages)
{
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t page = 0; page < arrays_pages(array); page++) {
            const uint64_t *mask = representative->matters.bits[array] + (size_t)page * BYTES_PAGE_WORDS;
            struct pooled_page kept = {.array = (uint16_t)array, .page = (uint16_t)page};
            kept.cells = keep_cells(pool, &representative->state, array, page);
            if (matters(mask))
                kept.mask = keep_once(pool->masks, mask, MASK_SIZE);
            if (kept.cells != NULL || kept.mask != NULL)
                g_array_append_val(pages, kept);
        }
}

static bool keep_marks(struct pooled *pooled, const struct arrays *arrays)
{
    for (enum array array = 0; array < ARRAYS; array++) {
        const struct nor_marks *marks = &arrays->marks[array];
        struct nor_marks *own = &pooled->marks[array];
        own->count = own->capacity = marks->count;
        if (marks->count == 0)
            continue;
        own->list = malloc(marks->count * sizeof *own->list);
        if (own->list == NULL)
            return false;
        memcpy(own->list, marks->list, marks->count * sizeof *own->list);
    }
    return true;
}

struct pooled *pool_keep(struct pool *pool, const struct representative *representative)
{
    struct pooled *pooled = calloc(1, sizeof *pooled);
    if (pooled == NULL)
        return NULL;
    if (!keep_marks(pooled, &representative->state)) {
        pooled_free(pooled);
        return NULL;
    }
    GArray *pages = g_array_new(FALSE, FALSE, sizeof(struct pooled_page));
    pthread_mutex_lock(&pool->lock);
    keep_pages(pool, representative, pages);
    pthread_mutex_unlock(&pool->lock);
    pooled->pool = pool;
    pooled->status = representative->state.status;
    pooled->count = pages->len;
    pooled->pages = (struct pooled_page *)g_array_free(pages, FALSE);
    return pooled;
}

void pooled_free(struct pooled *pooled)
{
    if (pooled == NULL)
        return;
    for (enum array array = 0; array < ARRAYS; array++)
        free(pooled->marks[array].list);
    g_free(pooled->pages);
    free(pooled);
}

static const uint8_t *cells_of(const struct pooled *pooled, const struct pooled_page *page)
{
    return page->cells != NULL ? page->cells : pooled->pool->device->cells[page->array] + (size_t)page->page * ARRAYS_PAGE;
}

void pooled_load(const struct pooled *pooled, struct representative *representative)
{
    const struct arrays *device = pooled->pool->device;
    struct arrays state = *device;
    memcpy(state.marks, pooled->marks, sizeof state.marks);
    state.status = pooled->status;
    arrays_load(&representative->state, &state, NULL, NULL);
    for (enum array array = 0; array < ARRAYS; array++)
        memset(representative->matters.bits[array], 0, arrays_pages(array) * MASK_SIZE);
    for (size_t i = 0; i < pooled->count; i++) {
        const struct pooled_page *page = &pooled->pages[i];
        uint32_t start = page->page * ARRAYS_PAGE, size = arrays_page_size(page->array, page->page);
        if (page->cells != NULL) {
            memcpy(representative->state.cells[page->array] + start, page->cells, size);
            pages_add(&representative->state.pages, page->array, start, 1);
        }
        if (page->mask != NULL)
            memcpy(representative->matters.bits[page->array] + (size_t)page->page * BYTES_PAGE_WORDS, page->mask, MASK_SIZE);
    }
    memset(&representative->differing, 0, sizeof representative->differing);
    representative->differing_count = 0;
}

/* --- asking --- */

static const struct pooled_page *page_at(const struct pooled *pooled, enum array array, uint32_t page)
{
    size_t from = 0, to = pooled->count;
    while (from < to) {
        size_t middle = (from + to) / 2;
        const struct pooled_page *at = &pooled->pages[middle];
        if (at->array == array && at->page == page)
            return at;
        if (at->array < array || (at->array == array && at->page < page))
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

/* Whether a byte that matters differs. */
static bool page_differs(const struct pooled *pooled, const struct pooled_page *page, const struct arrays *state)
{
    if (page->mask == NULL || (page->cells == NULL && !pages_have(&state->pages, page->array, page->page)))
        return false;
    uint32_t start = page->page * ARRAYS_PAGE, size = arrays_page_size(page->array, page->page);
    const uint8_t *one = state->cells[page->array] + start, *other = cells_of(pooled, page);
    if (memcmp(one, other, size) == 0)
        return false;
    for (uint32_t i = 0; i < size; i++)
        if (one[i] != other[i] && (page->mask[i / 64] >> (i % 64) & 1) != 0)
            return true;
    return false;
}

static bool any_matters(const struct pooled *pooled, enum array array, uint32_t offset, uint32_t size)
{
    for (uint32_t at = offset; at < offset + size; at++) {
        const struct pooled_page *page = page_at(pooled, array, at / ARRAYS_PAGE);
        if (page != NULL && page->mask != NULL && (page->mask[at % ARRAYS_PAGE / 64] >> (at % 64) & 1) != 0)
            return true;
    }
    return false;
}

/* Whether a mark that only `marks` have lies where it matters. */
static bool marks_differ(const struct pooled *pooled, enum array array, const struct nor_marks *marks, const struct nor_marks *others)
{
    for (uint32_t i = 0; i < marks->count; i++) {
        const struct nor_mark *mark = &marks->list[i];
        if (!arrays_marked_alike(others, mark) &&
            any_matters(pooled, array, mark->offset, mark->kind == NOR_WEAK ? 1 : mark->length))
            return true;
    }
    return false;
}

struct meeting {
    const struct pooled *pooled;
    const struct wild *wild;
    bool any;
};

static void meet_page(void *context, enum array array, uint32_t number)
{
    struct meeting *meeting = context;
    const struct pooled_page *page = page_at(meeting->pooled, array, number);
    const uint64_t *wild = wild_page(meeting->wild, array, number);
    for (unsigned i = 0; page != NULL && page->mask != NULL && i < BYTES_PAGE_WORDS; i++)
        meeting->any = meeting->any || (page->mask[i] & wild[i]) != 0;
}

bool pooled_credits(const struct pooled *pooled, const struct arrays *state, const struct wild *wild, struct pool_hint *hint)
{
    const struct pooled_page *likely = page_at(pooled, hint->array, hint->page);
    if (likely != NULL && page_differs(pooled, likely, state))
        return false;
    for (size_t i = 0; i < pooled->count; i++)
        if (page_differs(pooled, &pooled->pages[i], state)) {
            *hint = (struct pool_hint){pooled->pages[i].array, pooled->pages[i].page};
            return false;
        }
    if (memcmp(&pooled->status, &state->status, sizeof state->status) != 0)
        return false;
    for (enum array array = 0; array < ARRAYS; array++)
        if (marks_differ(pooled, array, &state->marks[array], &pooled->marks[array]) ||
            marks_differ(pooled, array, &pooled->marks[array], &state->marks[array]))
            return false;
    struct meeting meeting = {pooled, wild, false};
    pages_each(&wild->pages, meet_page, &meeting);
    return !meeting.any;
}
