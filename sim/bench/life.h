/* SPDX-License-Identifier: MIT
 *
 * The life of a device's flashes: how often each sector was erased, and how much of what the data sheets promise that
 * is.
 */
#ifndef MATTERHORN_BENCH_LIFE_H
#define MATTERHORN_BENCH_LIFE_H

#include "arrays.h"
#include "profile.h"

#define LIFE_SECTORS 2048 /* at most, of an array */

/* Erases begun, per smallest erase sector; the one-time programmable area has none. */
struct life {
    uint32_t erases[ARRAYS][LIFE_SECTORS];
};

/* Counts an event of a trace, if it is an erase. */
void life_take(struct life *life, const struct rail_event *event);
/* The same backwards: it was counted, and power was lost before it began. */
void life_take_back(struct life *life, const struct rail_event *event);
void life_add(struct life *life, const struct life *more);

unsigned life_sectors(enum array array);
/* Erases that the data sheet promises for each sector; 0: none. */
uint32_t life_endurance(enum array array);
/* A part of it, in per cent. */
double life_used(enum array array, uint32_t erases);
/* The first address of a sector, as the chip has it, and its size. */
uint32_t life_address(enum array array, unsigned sector, uint32_t *size);

/* A row of a report: the sector that was erased most often, of those in an area (of no area: the rest of the chip). */
struct life_row {
    const char *name; /* of the area, or of the array */
    enum array array;
    unsigned sector;
    uint32_t erases, address, size;
};
/* The rows with an erase, that with most of its life used first; `profile` NULL: one for each array. g_free(*rows);
 * their number. */
unsigned life_rows(const struct life *life, const struct profile *profile, struct life_row **rows);

#endif
