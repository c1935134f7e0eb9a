/* SPDX-License-Identifier: MIT */
#include "life.h"

#include <glib.h>
#include <string.h>

#define INTERNAL_ADDRESS 0x08000000u

/* --- parts --- */

static const struct nor_part *part_of(enum array array)
{
    return array == ARRAY_INTERNAL ? &nor_stm32f407_x32 : array == ARRAY_NOR ? &nor_s25fl064k : NULL;
}

static unsigned chip_of(enum array array)
{
    return array == ARRAY_NOR ? RAIL_CHIP_NOR : RAIL_CHIP_INTERNAL;
}

unsigned life_sectors(enum array array)
{
    return part_of(array) != NULL ? nor_sector_count(part_of(array)) : 0;
}

uint32_t life_endurance(enum array array)
{
    return part_of(array) != NULL ? part_of(array)->endurance : 0;
}

double life_used(enum array array, uint32_t erases)
{
    return life_endurance(array) == 0 ? 0 : 100.0 * erases / life_endurance(array);
}

uint32_t life_address(enum array array, unsigned sector, uint32_t *size)
{
    uint32_t start = 0;
    *size = 0;
    for (unsigned i = 0; i <= sector; i++) {
        start += *size;
        nor_sector_at(part_of(array), start, NULL, size);
    }
    return start + (array == ARRAY_INTERNAL ? INTERNAL_ADDRESS : 0);
}

/* --- counting --- */

static void count(struct life *life, const struct rail_event *event, uint32_t by)
{
    enum array array;
    uint32_t offset, size, start, sector_size;
    if (event->kind != RAIL_ERASE || !arrays_range(event, &array, &offset, &size) || part_of(array) == NULL)
        return;
    for (uint32_t at = offset; at < offset + size; at = start + sector_size) {
        uint32_t sector = nor_sector_at(part_of(array), at, &start, &sector_size);
        if (sector >= LIFE_SECTORS)
            return;
        life->erases[array][sector] += by;
    }
}

void life_take(struct life *life, const struct rail_event *event)
{
    count(life, event, 1);
}

void life_take_back(struct life *life, const struct rail_event *event)
{
    count(life, event, UINT32_MAX);
}

void life_add(struct life *life, const struct life *more)
{
    for (enum array array = 0; array < ARRAYS; array++)
        for (unsigned sector = 0; sector < life_sectors(array); sector++)
            life->erases[array][sector] += more->erases[array][sector];
}

/* --- rows --- */

static int compare_rows(const void *left, const void *right)
{
    const struct life_row *one = left, *other = right;
    double used = life_used(one->array, one->erases), than = life_used(other->array, other->erases);
    if (used != than)
        return used < than ? 1 : -1;
    return (one->address > other->address) - (one->address < other->address);
}

static void take_row(GArray *rows, const struct life_row *row)
{
    for (unsigned i = 0; i < rows->len; i++) {
        struct life_row *other = &g_array_index(rows, struct life_row, i);
        if (other->array != row->array || strcmp(other->name, row->name) != 0)
            continue;
        if (row->erases > other->erases)
            *other = *row;
        return;
    }
    g_array_append_val(rows, *row);
}

unsigned life_rows(const struct life *life, const struct profile *profile, struct life_row **rows)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(struct life_row));
    for (enum array array = 0; array < ARRAYS; array++) {
        for (unsigned sector = 0; sector < life_sectors(array); sector++) {
            struct life_row row = {.array = array, .sector = sector, .erases = life->erases[array][sector]};
            if (row.erases == 0)
                continue;
            row.address = life_address(array, sector, &row.size);
            const struct profile_area *area =
                profile == NULL ? NULL : profile_area_at(profile, chip_of(array), row.address);
            row.name = area != NULL ? area->name : arrays_name(array);
            take_row(list, &row);
        }
    }
    unsigned number = list->len;
    g_array_sort(list, compare_rows);
    *rows = (struct life_row *)(void *)g_array_free(list, FALSE);
    return number;
}
