/* SPDX-License-Identifier: MIT */
#include "nor.h"

#include <stddef.h>

uint32_t nor_sector_at(const struct nor_part *part, uint32_t offset, uint32_t *start, uint32_t *size)
{
    uint32_t number = 0;
    uint32_t from = 0;
    for (const struct nor_run *run = part->runs; run->count != 0; run++) {
        if (offset - from < run->count * run->size) {
            uint32_t index = (offset - from) / run->size;
            if (start != NULL)
                *start = from + index * run->size;
            if (size != NULL)
                *size = run->size;
            return number + index;
        }
        number += run->count;
        from += run->count * run->size;
    }
    return UINT32_MAX;
}

uint32_t nor_sector_count(const struct nor_part *part)
{
    uint32_t count = 0;
    for (const struct nor_run *run = part->runs; run->count != 0; run++)
        count += run->count;
    return count;
}

static bool inside(const struct nor_part *part, const struct nor_op *op)
{
    return op->length != 0 && op->offset < part->size && op->length <= part->size - op->offset;
}

static bool sector_starts_at(const struct nor_part *part, uint32_t offset)
{
    uint32_t start;
    return nor_sector_at(part, offset, &start, NULL) != UINT32_MAX && start == offset;
}

bool nor_valid(const struct nor_array *array, const struct nor_op *op)
{
    const struct nor_part *part = array->part;
    if (!inside(part, op))
        return false;
    uint32_t end = op->offset + op->length;
    switch (op->kind) {
    case NOR_PROGRAM:
        return op->data != NULL && op->offset / part->page == (end - 1) / part->page;
    case NOR_ERASE:
        return part->erase->size != 0 && sector_starts_at(part, op->offset) &&
               (end == part->size || sector_starts_at(part, end));
    }
    return false;
}

static uint64_t of(const struct nor_array *array, uint64_t typical_ns, uint64_t maximum_ns)
{
    if (array->defects != NULL && array->defects->slow != 0)
        return maximum_ns * array->defects->slow;
    return array->times == NOR_MAXIMUM ? maximum_ns : typical_ns;
}

static uint64_t erase_time_of(const struct nor_array *array, uint32_t size)
{
    for (const struct nor_erase_time *time = array->part->erase; time->size != 0; time++)
        if (time->size == size)
            return of(array, time->typical_ns, time->maximum_ns);
    return 0;
}

static uint64_t program_time_of(const struct nor_array *array, uint32_t length)
{
    const struct nor_part *part = array->part;
    uint64_t page = of(array, part->program_typical_ns, part->program_maximum_ns);
    uint64_t first = of(array, part->first_typical_ns, part->first_maximum_ns);
    uint64_t bytes = first + (length - 1) * of(array, part->more_typical_ns, part->more_maximum_ns);
    return first != 0 && bytes < page ? bytes : page;
}

/* The time of the one command that does it all, or 0. A command clears one smallest sector or, where parts offer it,
 * an aligned range that is larger than any of them. */
static uint64_t one_erase_ns(const struct nor_array *array, const struct nor_op *op)
{
    const struct nor_part *part = array->part;
    uint32_t sector = 0;
    nor_sector_at(part, op->offset, NULL, &sector);
    if (op->length == sector)
        return erase_time_of(array, sector);
    for (const struct nor_run *run = part->runs; run->count != 0; run++)
        if (op->length <= run->size)
            return 0;
    return op->offset % op->length == 0 ? erase_time_of(array, op->length) : 0;
}

/* Of a valid operation on a sector that was never erased. */
static uint64_t young_ns(const struct nor_array *array, const struct nor_op *op)
{
    const struct nor_part *part = array->part;
    if (op->kind == NOR_PROGRAM)
        return program_time_of(array, op->length);
    uint64_t time = one_erase_ns(array, op);
    if (time != 0)
        return time;
    uint32_t size = part->size;
    for (uint32_t done = 0; done < op->length; done += size) {
        nor_sector_at(part, op->offset + done, NULL, &size);
        time += erase_time_of(array, size);
    }
    return time;
}

uint64_t nor_duration_ns(const struct nor_array *array, const struct nor_op *op)
{
    uint64_t percent = 100;
    if (!nor_valid(array, op))
        return 0;
    if (array->defects != NULL && array->erases != NULL)
        percent += (uint64_t)array->defects->aging * array->erases[nor_sector_at(array->part, op->offset, NULL, NULL)];
    return young_ns(array, op) * percent / 100;
}

uint64_t nor_status_duration_ns(const struct nor_array *array)
{
    return of(array, array->part->status_typical_ns, array->part->status_maximum_ns);
}
