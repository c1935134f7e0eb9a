/* SPDX-License-Identifier: MIT */
#include "known.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY 4096 /* at first */

/* Where the fingerprint is, or would be. */
static struct known_entry *place_of(const struct known *known, uint64_t print)
{
    size_t at = print & (known->capacity - 1);
    while (known->entries[at].number != KNOWN_NONE && known->entries[at].print != print)
        at = (at + 1) & (known->capacity - 1);
    return &known->entries[at];
}

uint32_t known_find(const struct known *known, uint64_t print)
{
    return known->capacity == 0 ? KNOWN_NONE : place_of(known, print)->number;
}

/* At most three quarters are in use, so a search is short and ends. */
static bool make_room(struct known *known)
{
    struct known grown = {.capacity = known->capacity == 0 ? CAPACITY : 2 * known->capacity, .count = known->count};
    if (known->count < known->capacity / 4 * 3)
        return true;
    grown.entries = malloc(grown.capacity * sizeof *grown.entries);
    if (grown.entries == NULL)
        return false;
    for (size_t i = 0; i < grown.capacity; i++)
        grown.entries[i].number = KNOWN_NONE;
    for (size_t i = 0; i < known->capacity; i++)
        if (known->entries[i].number != KNOWN_NONE)
            *place_of(&grown, known->entries[i].print) = known->entries[i];
    free(known->entries);
    *known = grown;
    return true;
}

bool known_add(struct known *known, uint64_t print, uint32_t number)
{
    if (!make_room(known))
        return false;
    struct known_entry *entry = place_of(known, print);
    if (entry->number != KNOWN_NONE)
        return true;
    *entry = (struct known_entry){print, number};
    known->count++;
    return true;
}

void known_free(struct known *known)
{
    free(known->entries);
    memset(known, 0, sizeof *known);
}
