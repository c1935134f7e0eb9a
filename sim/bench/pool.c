/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include "mix.h"

#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MASK_SIZE (BYTES_PAGE_WORDS * sizeof(uint64_t))

struct pool {
    const struct arrays *device;
    pthread_mutex_t lock;
    GHashTable *cells, *masks, *sets; /* sets */
};

/* The bytes that matter to some run: there are a few hundred such sets. */
struct matter {
    const uint64_t *masks[ARRAYS][ARRAYS_MOST_PAGES]; /* of each page; NULL: none */
};

struct pooled_page {
    uint16_t array, page;
    const uint8_t *cells;
};

struct pooled {
    const struct pool *pool;
    const struct matter *matter;
    struct pooled_page *pages; /* in order, those that are not as in the device */
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
        hash = mix_word(hash, word);
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

static guint hash_matter(gconstpointer matter)
{
    return hash_words(matter, sizeof(struct matter));
}

static gboolean same_matter(gconstpointer one, gconstpointer other)
{
    return memcmp(one, other, sizeof(struct matter)) == 0;
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
    pool->sets = g_hash_table_new_full(hash_matter, same_matter, g_free, NULL);
    return pool;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    g_hash_table_destroy(pool->cells);
    g_hash_table_destroy(pool->masks);
    g_hash_table_destroy(pool->sets);
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

static const uint64_t *keep_mask(struct pool *pool, const uint64_t *mask)
{
    static const uint64_t nothing[BYTES_PAGE_WORDS];
    return memcmp(mask, nothing, sizeof nothing) == 0 ? NULL : keep_once(pool->masks, mask, MASK_SIZE);
}

/* Most pages have the mask of the page before: none of their bytes, or all. */
static const struct matter *keep_matter(struct pool *pool, const struct bytes *bytes)
{
    struct matter *matter = g_new0(struct matter, 1);
    for (enum array array = 0; array < ARRAYS; array++) {
        const uint64_t *mask = bytes->bits[array], *end = mask + (size_t)arrays_pages(array) * BYTES_PAGE_WORDS,
                       **kept = matter->masks[array];
        *kept++ = keep_mask(pool, mask);
        for (mask += BYTES_PAGE_WORDS; mask < end; mask += BYTES_PAGE_WORDS, kept++)
            *kept = memcmp(mask, mask - BYTES_PAGE_WORDS, MASK_SIZE) == 0 ? kept[-1] : keep_mask(pool, mask);
    }
    const struct matter *once = keep_once(pool->sets, matter, sizeof *matter);
    g_free(matter);
    return once;
}

struct keeping {
    struct pool *pool;
    const struct arrays *arrays;
    GArray *pages;
};

/* A page at the end of an array may be smaller. */
static void keep_cells(void *context, enum array array, uint32_t page)
{
    const struct keeping *keeping = context;
    uint32_t start = page * ARRAYS_PAGE, size = arrays_page_size(array, page);
    uint8_t cells[ARRAYS_PAGE] = {0};
    struct pooled_page kept = {.array = (uint16_t)array, .page = (uint16_t)page};
    if (memcmp(keeping->arrays->cells[array] + start, keeping->pool->device->cells[array] + start, size) == 0)
        return;
    memcpy(cells, keeping->arrays->cells[array] + start, size);
    kept.cells = keep_once(keeping->pool->cells, cells, sizeof cells);
    g_array_append_val(keeping->pages, kept);
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
    struct keeping keeping = {pool, &representative->state, g_array_new(FALSE, FALSE, sizeof(struct pooled_page))};
    pthread_mutex_lock(&pool->lock);
    pages_each(&representative->state.pages, keep_cells, &keeping);
    pooled->matter = keep_matter(pool, &representative->matters);
    pthread_mutex_unlock(&pool->lock);
    pooled->pool = pool;
    pooled->status = representative->state.status;
    pooled->count = keeping.pages->len;
    pooled->pages = g_renew(struct pooled_page, g_array_free(keeping.pages, FALSE), pooled->count);
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

/* A page that the state has not is the device's again. */
static void restore_page(void *context, enum array array, uint32_t page)
{
    struct keeping *restoring = context;
    uint32_t start = page * ARRAYS_PAGE, size = arrays_page_size(array, page);
    const uint8_t *cells = restoring->pool->device->cells[array] + start;
    memcpy(restoring->arrays->cells[array] + start, cells, size);
}

/* Where there are marks, cells may read as those of the device and yet become others in a machine. */
static void add_marked_pages(struct arrays *arrays)
{
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t i = 0; i < arrays->marks[array].count; i++) {
            const struct nor_mark *mark = &arrays->marks[array].list[i];
            pages_add(&arrays->pages, array, mark->offset, mark->kind == NOR_WEAK ? 1 : mark->length);
        }
}

void pooled_load_state(const struct pooled *pooled, struct arrays *arrays)
{
    struct keeping restoring = {.pool = (struct pool *)(uintptr_t)pooled->pool, .arrays = arrays};
    struct arrays beside = *pooled->pool->device;
    for (size_t i = 0; i < pooled->count; i++)
        pages_remove(&arrays->pages, pooled->pages[i].array, pooled->pages[i].page * ARRAYS_PAGE, 1);
    pages_each(&arrays->pages, restore_page, &restoring);
    memset(&arrays->pages, 0, sizeof arrays->pages);
    for (size_t i = 0; i < pooled->count; i++) {
        const struct pooled_page *page = &pooled->pages[i];
        uint32_t start = page->page * ARRAYS_PAGE;
        memcpy(arrays->cells[page->array] + start, page->cells, arrays_page_size(page->array, page->page));
        pages_add(&arrays->pages, page->array, start, 1);
    }
    memcpy(beside.marks, pooled->marks, sizeof beside.marks);
    beside.status = pooled->status;
    arrays_load_beside(arrays, &beside);
    add_marked_pages(arrays);
}

void pooled_load(const struct pooled *pooled, struct representative *representative)
{
    pooled_load_state(pooled, &representative->state);
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t page = 0; page < arrays_pages(array); page++) {
            uint64_t *bits = representative->matters.bits[array] + (size_t)page * BYTES_PAGE_WORDS;
            const uint64_t *mask = pooled->matter->masks[array][page];
            if (mask != NULL)
                memcpy(bits, mask, MASK_SIZE);
            else
                memset(bits, 0, MASK_SIZE);
        }
    memset(&representative->differing, 0, sizeof representative->differing);
    representative->differing_count = 0;
}

void pooled_add_matters(const struct pooled *pooled, const struct pages *except, struct bytes *bytes)
{
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t page = 0; page < arrays_pages(array); page++) {
            const uint64_t *mask = pooled->matter->masks[array][page];
            if (mask == NULL || pages_have(except, array, page))
                continue;
            for (unsigned word = 0; word < BYTES_PAGE_WORDS; word++)
                bytes->bits[array][(size_t)page * BYTES_PAGE_WORDS + word] |= mask[word];
        }
}

/* --- asking --- */

/* Whether a byte of the page that matters differs. */
static bool page_differs(const struct pooled *pooled, enum array array, uint32_t page, const uint8_t *one,
                         const uint8_t *other)
{
    const uint64_t *mask = pooled->matter->masks[array][page];
    uint32_t size = arrays_page_size(array, page);
    if (mask == NULL || memcmp(one, other, size) == 0)
        return false;
    for (uint32_t i = 0; i < size; i++)
        if (one[i] != other[i] && (mask[i / 64] >> (i % 64) & 1) != 0)
            return true;
    return false;
}

struct comparing {
    const struct pooled *pooled;
    const struct arrays *state;
    struct pages other; /* pages in which the state alone may not be as in the device */
    bool differ;
};

static void compare_other(void *context, enum array array, uint32_t page)
{
    struct comparing *comparing = context;
    size_t start = (size_t)page * ARRAYS_PAGE;
    comparing->differ = comparing->differ ||
                        page_differs(comparing->pooled, array, page, comparing->state->cells[array] + start,
                                     comparing->pooled->pool->device->cells[array] + start);
}

static bool cells_differ(const struct pooled *pooled, const struct arrays *state)
{
    struct comparing comparing = {pooled, state, state->pages, false};
    for (size_t i = 0; i < pooled->count; i++) {
        const struct pooled_page *page = &pooled->pages[i];
        size_t start = (size_t)page->page * ARRAYS_PAGE;
        if (page_differs(pooled, page->array, page->page, state->cells[page->array] + start, page->cells))
            return true;
        pages_remove(&comparing.other, page->array, (uint32_t)start, 1);
    }
    pages_each(&comparing.other, compare_other, &comparing);
    return comparing.differ;
}

static bool any_matters(const struct pooled *pooled, enum array array, uint32_t offset, uint32_t size)
{
    for (uint32_t at = offset; at < offset + size; at++) {
        const uint64_t *mask = pooled->matter->masks[array][at / ARRAYS_PAGE];
        if (mask != NULL && (mask[at % ARRAYS_PAGE / 64] >> (at % 64) & 1) != 0)
            return true;
    }
    return false;
}

/* Whether a mark that only `marks` have lies where it matters. */
static bool marks_differ(const struct pooled *pooled, enum array array, const struct nor_marks *marks,
                         const struct nor_marks *others)
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
    const uint64_t *mask = meeting->pooled->matter->masks[array][number],
                   *wild = wild_page(meeting->wild, array, number);
    for (unsigned i = 0; mask != NULL && i < BYTES_PAGE_WORDS; i++)
        meeting->any = meeting->any || (mask[i] & wild[i]) != 0;
}

bool pooled_credits(const struct pooled *pooled, const struct arrays *state, const struct wild *wild)
{
    if (cells_differ(pooled, state) || memcmp(&pooled->status, &state->status, sizeof state->status) != 0)
        return false;
    for (enum array array = 0; array < ARRAYS; array++)
        if (marks_differ(pooled, array, &state->marks[array], &pooled->marks[array]) ||
            marks_differ(pooled, array, &pooled->marks[array], &state->marks[array]))
            return false;
    struct meeting meeting = {pooled, wild, false};
    pages_each(&wild->pages, meet_page, &meeting);
    return !meeting.any;
}

/* --- an index --- */

/* Those in which the same bytes matter. */
struct group {
    uint16_t masks[ARRAYS][ARRAYS_MOST_PAGES]; /* number of each page's mask, from 1; 0: nothing of it matters */
    GHashTable *members;                       /* by key: lists of `struct member` */
};

struct member {
    const struct pooled *pooled;
    size_t number;
    struct member *next; /* with the same key, in descending order of numbers */
};

struct pool_index {
    const struct arrays *device;
    GPtrArray *masks[ARRAYS][ARRAYS_MOST_PAGES]; /* of each page; NULL: none */
    GHashTable *groups;                          /* by the bytes that matter */
    GPtrArray *list;                             /* the same groups */
};

static void free_members(gpointer first)
{
    for (struct member *member = first, *next; member != NULL; member = next) {
        next = member->next;
        g_free(member);
    }
}

static void free_group(gpointer group)
{
    g_hash_table_destroy(((struct group *)group)->members);
    g_free(group);
}

struct pool_index *pool_index_open(struct pool *pool)
{
    struct pool_index *index = calloc(1, sizeof *index);
    if (index == NULL)
        return NULL;
    index->device = pool->device;
    index->groups = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, free_group);
    index->list = g_ptr_array_new();
    return index;
}

void pool_index_close(struct pool_index *index)
{
    if (index == NULL)
        return;
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t page = 0; page < ARRAYS_MOST_PAGES; page++)
            if (index->masks[array][page] != NULL)
                g_ptr_array_free(index->masks[array][page], TRUE);
    g_ptr_array_free(index->list, TRUE);
    g_hash_table_destroy(index->groups);
    free(index);
}

/* Of the bytes of a page that matter. */
static uint64_t hash_masked(const uint8_t *cells, uint32_t size, const uint64_t *mask, uint64_t hash)
{
    for (uint32_t i = 0; i < size; i += 8) {
        uint64_t word = 0, which = mask[i / 64] >> (i % 64) & 0xFF;
        if (which == 0)
            continue;
        memcpy(&word, cells + i, size - i < 8 ? size - i : 8);
        if (which != 0xFF)
            for (unsigned byte = 0; byte < 8; byte++)
                if ((which >> byte & 1) == 0)
                    word &= ~(UINT64_C(0xFF) << 8 * byte);
        hash = mix_word(hash, word ^ (uint64_t)i << 32);
    }
    return hash;
}

/* What a page adds to a key: nothing when it is as in the device. */
static uint64_t share(const struct pool_index *index, enum array array, uint32_t page, const uint8_t *cells,
                      const uint64_t *mask)
{
    uint32_t size = arrays_page_size(array, page);
    uint64_t seed = (uint64_t)array << 32 | page;
    return hash_masked(cells, size, mask, seed) ^
           hash_masked(index->device->cells[array] + (size_t)page * ARRAYS_PAGE, size, mask, seed);
}

static uint16_t number_mask(struct pool_index *index, enum array array, uint32_t page, const uint64_t *mask)
{
    GPtrArray **masks = &index->masks[array][page];
    guint number;
    if (*masks == NULL)
        *masks = g_ptr_array_new();
    if (!g_ptr_array_find(*masks, mask, &number)) {
        number = (*masks)->len;
        g_ptr_array_add(*masks, (gpointer)mask);
    }
    return (uint16_t)(number + 1);
}

static struct group *group_of(struct pool_index *index, const struct pooled *pooled)
{
    struct group *group = g_hash_table_lookup(index->groups, pooled->matter);
    if (group != NULL)
        return group;
    group = g_new0(struct group, 1);
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t page = 0; page < arrays_pages(array); page++) {
            const uint64_t *mask = pooled->matter->masks[array][page];
            group->masks[array][page] = mask != NULL ? number_mask(index, array, page, mask) : 0;
        }
    group->members = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_members);
    g_hash_table_insert(index->groups, (gpointer)(uintptr_t)pooled->matter, group);
    g_ptr_array_add(index->list, group);
    return group;
}

void pool_index_add(struct pool_index *index, const struct pooled *pooled, size_t number)
{
    struct group *group = group_of(index, pooled);
    struct member *member = g_new(struct member, 1);
    uint64_t key = 0;
    for (size_t i = 0; i < pooled->count; i++) {
        const struct pooled_page *page = &pooled->pages[i];
        const uint64_t *mask = pooled->matter->masks[page->array][page->page];
        if (mask != NULL)
            key ^= share(index, page->array, page->page, page->cells, mask);
    }
    gpointer before = NULL, name = NULL;
    if (g_hash_table_steal_extended(group->members, &key, &name, &before))
        g_free(name);
    *member = (struct member){pooled, number, before};
    g_hash_table_insert(group->members, g_memdup2(&key, sizeof key), member);
}

/* The pages in which a state is not as the device, and what each adds to a key under each of its masks. */
struct shares {
    const struct pool_index *index;
    const struct arrays *state;
    GArray *pages;  /* of struct shared_page */
    GArray *values; /* of uint64_t */
};

struct shared_page {
    enum array array;
    uint32_t page;
    guint first; /* of its masks, in `values` */
};

static void add_shares(void *context, enum array array, uint32_t number)
{
    struct shares *shares = context;
    const struct pool_index *index = shares->index;
    const GPtrArray *masks = index->masks[array][number];
    uint32_t start = number * ARRAYS_PAGE, size = arrays_page_size(array, number);
    const uint8_t *cells = shares->state->cells[array] + start;
    if (masks == NULL || memcmp(cells, index->device->cells[array] + start, size) == 0)
        return;
    struct shared_page page = {array, number, shares->values->len};
    g_array_append_val(shares->pages, page);
    for (guint i = 0; i < masks->len; i++) {
        uint64_t value = share(index, array, number, cells, masks->pdata[i]);
        g_array_append_val(shares->values, value);
    }
}

static uint64_t key_in(const struct shares *shares, const struct group *group)
{
    const struct shared_page *pages = (const struct shared_page *)shares->pages->data;
    const uint64_t *values = (const uint64_t *)shares->values->data;
    uint64_t key = 0;
    for (guint i = 0; i < shares->pages->len; i++) {
        uint16_t mask = group->masks[pages[i].array][pages[i].page];
        key ^= mask != 0 ? values[pages[i].first + mask - 1] : 0;
    }
    return key;
}

size_t pool_index_find(const struct pool_index *index, const struct arrays *state, const struct wild *wild)
{
    struct shares shares = {index, state, g_array_new(FALSE, FALSE, sizeof(struct shared_page)),
                            g_array_new(FALSE, FALSE, sizeof(uint64_t))};
    size_t found = SIZE_MAX;
    pages_each(&state->pages, add_shares, &shares);
    for (guint i = 0; i < index->list->len; i++) {
        const struct group *group = index->list->pdata[i];
        uint64_t key = key_in(&shares, group);
        for (const struct member *member = g_hash_table_lookup(group->members, &key); member != NULL;
             member = member->next)
            if (member->number < found && pooled_credits(member->pooled, state, wild))
                found = member->number;
    }
    g_array_free(shares.pages, TRUE);
    g_array_free(shares.values, TRUE);
    return found;
}
