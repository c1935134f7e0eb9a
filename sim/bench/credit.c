/* SPDX-License-Identifier: MIT */
#include "credit.h"

#include <stdlib.h>
#include <string.h>

/* --- rules --- */

bool credit_rules_open(struct credit_rules *rules, struct problem *problem)
{
    *rules = (struct credit_rules){{{NULL}}, {{NULL}}};
    return bytes_allocate(&rules->compared, problem) && bytes_allocate(&rules->kept, problem);
}

void credit_rules_compare(struct credit_rules *rules, enum array array, uint32_t offset, uint32_t size)
{
    bytes_add(&rules->compared, array, offset, size);
}

void credit_rules_keep(struct credit_rules *rules, enum array array, uint32_t offset, uint32_t size)
{
    bytes_add(&rules->kept, array, offset, size);
}

void credit_rules_close(struct credit_rules *rules)
{
    bytes_free(&rules->compared);
    bytes_free(&rules->kept);
}

/* --- representatives --- */

bool representative_open(struct representative *representative, const struct arrays *device, struct problem *problem)
{
    memset(representative, 0, sizeof *representative);
    if (!arrays_allocate(&representative->state, problem) || !bytes_allocate(&representative->matters, problem)) {
        representative_close(representative);
        return false;
    }
    for (enum array array = 0; array < ARRAYS; array++)
        memcpy(representative->state.cells[array], device->cells[array], arrays_size(array));
    return true;
}

void representative_close(struct representative *representative)
{
    arrays_free(&representative->state);
    bytes_free(&representative->matters);
    memset(representative, 0, sizeof *representative);
}

/* Of a page that was erased and not cut, only what was touched matters, and what was compared before; of any other what was looked at too. */
static void set_page(struct representative *representative, const uint8_t *touched, const struct footprint *footprint,
                     const struct credit_rules *rules, enum credit_look look, enum array array, uint32_t page)
{
    size_t first = (size_t)page * BYTES_PAGE_WORDS;
    uint64_t *matters = representative->matters.bits[array] + first;
    bool erased = pages_have(&footprint->erased, array, page), early = pages_have(&footprint->early, array, page);
    if (array == ARRAY_OTP || pages_have(&footprint->cut, array, page) || (look == CREDIT_ALL && !erased)) {
        memset(matters, 0xFF, BYTES_PAGE_WORDS * sizeof *matters);
        return;
    }
    touched += array == ARRAY_INTERNAL ? RAIL_TOUCHED_INTERNAL : RAIL_TOUCHED_NOR;
    memcpy(matters, touched + first * sizeof *matters, BYTES_PAGE_WORDS * sizeof *matters);
    for (unsigned word = 0; look != CREDIT_NOTHING && word < BYTES_PAGE_WORDS; word++)
        matters[word] |= rules->kept.bits[array][first + word] |
                         (early ? 0 : rules->compared.bits[array][first + word]);
}

void representative_set(struct representative *representative, const struct arrays *state, const uint8_t *touched,
                        const struct footprint *footprint, const struct credit_rules *rules, enum credit_look look)
{
    arrays_load(&representative->state, state, NULL, NULL);
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t page = 0; page < arrays_pages(array); page++)
            set_page(representative, touched, footprint, rules, look, array, page);
    memset(&representative->differing, 0, sizeof representative->differing);
    representative->differing_count = 0;
}

/* --- states --- */

struct asking {
    struct representative *representative;
    const struct arrays *state;
};

static bool page_differs(const struct asking *asking, enum array array, uint32_t page)
{
    const struct representative *representative = asking->representative;
    uint32_t start = page * ARRAYS_PAGE, end = start + arrays_page_size(array, page);
    const uint8_t *one = asking->state->cells[array], *other = representative->state.cells[array];
    if (memcmp(one + start, other + start, end - start) == 0)
        return false;
    for (uint32_t at = start; at < end; at += 64) {
        uint32_t size = end - at < 64 ? end - at : 64;
        if (representative->matters.bits[array][at / 64] == 0 || memcmp(one + at, other + at, size) == 0)
            continue;
        for (uint32_t i = at; i < at + size; i++)
            if (one[i] != other[i] && bytes_have(&representative->matters, array, i))
                return true;
    }
    return false;
}

static void ask_page(void *context, enum array array, uint32_t page)
{
    const struct asking *asking = context;
    struct representative *representative = asking->representative;
    bool before = pages_have(&representative->differing, array, page), now = page_differs(asking, array, page);
    if (now && !before)
        pages_add(&representative->differing, array, page * ARRAYS_PAGE, 1);
    else if (before && !now)
        pages_remove(&representative->differing, array, page * ARRAYS_PAGE, 1);
    representative->differing_count += (size_t)now - (size_t)before;
}

/* Whether a mark that only `marks` have, of these and the others, lies where it matters. */
static bool mark_differs(const struct representative *representative, enum array array, const struct nor_marks *marks,
                         const struct nor_marks *others)
{
    for (uint32_t i = 0; i < marks->count; i++) {
        const struct nor_mark *mark = &marks->list[i];
        if (!arrays_marked_alike(others, mark) &&
            bytes_have_any(&representative->matters, array, mark->offset, mark->kind == NOR_WEAK ? 1 : mark->length))
            return true;
    }
    return false;
}

bool representative_credits(struct representative *representative, const struct arrays *state, struct pages *moved)
{
    struct asking asking = {representative, state};
    pages_each(moved, ask_page, &asking);
    memset(moved, 0, sizeof *moved);
    if (representative->differing_count > 0 ||
        memcmp(&representative->state.status, &state->status, sizeof state->status) != 0)
        return false;
    for (enum array array = 0; array < ARRAYS; array++) {
        const struct nor_marks *its = &state->marks[array], *own = &representative->state.marks[array];
        if (mark_differs(representative, array, its, own) || mark_differs(representative, array, own, its))
            return false;
    }
    return true;
}
