/* SPDX-License-Identifier: MIT
 *
 * What a specimen's defects make of its cells when an operation has changed them.
 */
#include "marks.h"

#include <stddef.h>

static bool worn(const struct nor_array *array, uint32_t sector)
{
    const struct nor_defects *defects = array->defects;
    return defects != NULL && defects->wears && array->erases != NULL && array->erases[sector] > defects->worn_after;
}

bool nor_worn_out(const struct nor_array *array, const struct nor_op *op)
{
    uint32_t first = nor_sector_at(array->part, op->offset, NULL, NULL);
    uint32_t last = nor_sector_at(array->part, op->offset + op->length - 1, NULL, NULL);
    for (uint32_t sector = first; op->kind == NOR_ERASE && sector <= last; sector++)
        if (worn(array, sector))
            return true;
    return false;
}

/* One bit in each equal part of the sector, the same ones each time. */
static void leave_zeros(struct nor_array *array, uint32_t start, uint32_t size)
{
    uint32_t part = size / NOR_BAD_PER_SECTOR;
    for (uint32_t n = 0; part != 0 && n < NOR_BAD_PER_SECTOR; n++) {
        uint64_t random = nor_mix((uint64_t)start << 8 | n);
        array->cells[start + n * part + (uint32_t)(random >> 8) % part] &= (uint8_t)~(1u << (random & 7));
    }
}

static void wear_out(struct nor_array *array, const struct nor_op *op)
{
    uint32_t start, size;
    for (uint32_t done = 0; done < op->length; done += size) {
        uint32_t sector = nor_sector_at(array->part, op->offset + done, &start, &size);
        if (worn(array, sector))
            leave_zeros(array, start, size);
    }
}

static void stick(uint8_t *cells, const struct nor_stuck *stuck)
{
    uint8_t bit = (uint8_t)(1u << stuck->bit);
    cells[stuck->offset] = (uint8_t)(stuck->value ? cells[stuck->offset] | bit : cells[stuck->offset] & ~bit);
}

void nor_leave_defects(struct nor_array *array, const struct nor_op *op)
{
    if (array->defects == NULL)
        return;
    if (nor_worn_out(array, op))
        wear_out(array, op);
    for (unsigned i = 0; i < NOR_STUCK_MOST; i++) {
        const struct nor_stuck *stuck = &array->defects->stuck[i];
        if (stuck->there && stuck->offset - op->offset < op->length)
            stick(array->cells, stuck);
    }
}

void nor_store_defects(uint8_t *cells, const struct nor_defects *defects)
{
    for (unsigned i = 0; i < NOR_STUCK_MOST; i++)
        if (defects->stuck[i].there)
            stick(cells, &defects->stuck[i]);
}
