/* SPDX-License-Identifier: MIT */
#include "arrays.h"

#include "files.h"

#include <stdlib.h>
#include <string.h>

#define INTERNAL_ADDRESS 0x08000000u
#define OTP_ADDRESS 0x1FFF7800u

static const struct {
    const char *name;
    uint32_t size;
    unsigned chip;
    uint32_t address; /* as the chip counts */
} layout[ARRAYS] = {
    [ARRAY_INTERNAL] = {"internal", RAIL_INTERNAL_SIZE, RAIL_CHIP_INTERNAL, INTERNAL_ADDRESS},
    [ARRAY_OTP] = {"otp", RAIL_OTP_SIZE, RAIL_CHIP_INTERNAL, OTP_ADDRESS},
    [ARRAY_NOR] = {"nor", RAIL_NOR_SIZE, RAIL_CHIP_NOR, 0},
};

static const struct nor_part *part_of(enum array array)
{
    static const struct nor_part *const parts[ARRAYS] = {
        [ARRAY_INTERNAL] = &nor_stm32f407_x32, [ARRAY_OTP] = &nor_stm32f407_otp, [ARRAY_NOR] = &nor_s25fl064k};
    return parts[array];
}

uint32_t arrays_size(enum array array)
{
    return layout[array].size;
}

const char *arrays_name(enum array array)
{
    return layout[array].name;
}

static uint32_t page_count(enum array array)
{
    return (layout[array].size + ARRAYS_PAGE - 1) / ARRAYS_PAGE;
}

static uint32_t page_size(enum array array, uint32_t page)
{
    uint32_t rest = layout[array].size - page * ARRAYS_PAGE;
    return rest < ARRAYS_PAGE ? rest : ARRAYS_PAGE;
}

bool arrays_allocate(struct arrays *arrays, struct problem *problem)
{
    memset(arrays, 0, sizeof *arrays);
    for (enum array array = 0; array < ARRAYS; array++) {
        arrays->cells[array] = malloc(layout[array].size);
        if (arrays->cells[array] == NULL) {
            arrays_free(arrays);
            return problem_set(problem, PROBLEM_BENCH, "no memory for the flash arrays");
        }
        memset(arrays->cells[array], 0xFF, layout[array].size);
    }
    return true;
}

void arrays_free(struct arrays *arrays)
{
    for (enum array array = 0; array < ARRAYS; array++)
        free(arrays->cells[array]);
    memset(arrays, 0, sizeof *arrays);
}

static char *file_of(const char *folder, enum array array)
{
    char name[32];
    snprintf(name, sizeof name, "%s.bin", layout[array].name);
    return files_join(folder, name);
}

bool arrays_read(struct arrays *arrays, const char *folder, struct problem *problem)
{
    bool good = true;
    for (enum array array = 0; good && array < ARRAYS; array++) {
        char *path = file_of(folder, array);
        good = path != NULL && files_read_exactly(path, arrays->cells[array], layout[array].size, problem);
        free(path);
    }
    memset(arrays->marks, 0, sizeof arrays->marks);
    return good;
}

bool arrays_write(const struct arrays *arrays, const char *folder, struct problem *problem)
{
    bool good = files_make_folder(folder, problem);
    for (enum array array = 0; good && array < ARRAYS; array++) {
        char *path = file_of(folder, array);
        good = path != NULL && files_write(path, arrays->cells[array], layout[array].size, problem);
        free(path);
    }
    return good;
}

bool arrays_locate(unsigned chip, uint32_t address, uint32_t size, enum array *array, uint32_t *offset)
{
    for (enum array each = 0; each < ARRAYS; each++) {
        uint32_t from = address - layout[each].address;
        if (layout[each].chip != chip || address < layout[each].address || from >= layout[each].size ||
            size > layout[each].size - from)
            continue;
        *array = each;
        *offset = from;
        return true;
    }
    return false;
}

bool arrays_sector(unsigned chip, uint32_t address, uint32_t *start, uint32_t *size)
{
    enum array array;
    uint32_t offset;
    if (!arrays_locate(chip, address, 1, &array, &offset) ||
        nor_sector_at(part_of(array), offset, start, size) == UINT32_MAX)
        return false;
    *start += layout[array].address;
    return true;
}

void arrays_mark(struct arrays *arrays, enum array array, uint32_t offset, uint32_t size)
{
    if (size == 0)
        return;
    for (uint32_t page = offset / ARRAYS_PAGE; page <= (offset + size - 1) / ARRAYS_PAGE; page++)
        arrays->marks[array][page / 64] |= UINT64_C(1) << (page % 64);
}

bool arrays_marked(const struct arrays *arrays, enum array array, uint32_t page)
{
    return (arrays->marks[array][page / 64] >> (page % 64) & 1) != 0;
}

bool arrays_mark_operation(struct arrays *arrays, const struct trace_item *item)
{
    const struct rail_event *event = item->event;
    enum array array;
    uint32_t offset;
    if ((event->kind != RAIL_PROGRAM && event->kind != RAIL_ERASE) ||
        !arrays_locate(event->chip, event->address, event->value, &array, &offset))
        return false;
    arrays_mark(arrays, array, offset, event->value);
    return true;
}

static bool operation_of(const struct trace_item *item, enum array *array, struct nor_op *op)
{
    const struct rail_event *event = item->event;
    if (!arrays_locate(event->chip, event->address, event->value, array, &op->offset))
        return false;
    op->length = event->value;
    op->data = item->data;
    op->kind = event->kind == RAIL_ERASE ? NOR_ERASE : NOR_PROGRAM;
    return event->kind == RAIL_ERASE || (event->kind == RAIL_PROGRAM && event->payload == event->value);
}

bool arrays_apply(struct arrays *arrays, const struct trace_item *item)
{
    enum array array;
    struct nor_op op;
    if (!operation_of(item, &array, &op))
        return false;
    struct nor_array chip = {.part = part_of(array), .cells = arrays->cells[array]};
    arrays_mark(arrays, array, op.offset, op.length);
    return nor_apply(&chip, &op);
}

bool arrays_tear(struct arrays *arrays, const struct trace_item *item, enum nor_tear tear)
{
    enum array array;
    struct nor_op op;
    if (!operation_of(item, &array, &op))
        return false;
    struct nor_array chip = {.part = part_of(array), .cells = arrays->cells[array]};
    arrays_mark(arrays, array, op.offset, op.length);
    return nor_tear(&chip, &op, tear);
}

bool arrays_differ(const struct arrays *one, const struct arrays *other, bool thorough, enum array *array,
                   uint32_t *offset)
{
    for (*array = 0; *array < ARRAYS; (*array)++) {
        for (uint32_t page = 0; page < page_count(*array); page++) {
            uint32_t start = page * ARRAYS_PAGE, size = page_size(*array, page);
            if ((!thorough && !arrays_marked(one, *array, page) && !arrays_marked(other, *array, page)) ||
                memcmp(one->cells[*array] + start, other->cells[*array] + start, size) == 0)
                continue;
            for (*offset = start; one->cells[*array][*offset] == other->cells[*array][*offset];)
                (*offset)++;
            return true;
        }
    }
    return false;
}

/* Copies page by page and reports runs of neighbouring pages together. */
static bool load_array(struct arrays *target, const struct arrays *source, enum array array,
                       arrays_changed_fn *changed, void *context)
{
    uint32_t run_start = 0, run_end = 0; /* of bytes copied and not yet reported */
    bool good = true;
    for (uint32_t page = 0; good && page < page_count(array); page++) {
        if ((target->marks[array][page / 64] | source->marks[array][page / 64]) == 0) {
            page |= 63;
            continue;
        }
        if (!arrays_marked(target, array, page) && !arrays_marked(source, array, page))
            continue;
        uint32_t start = page * ARRAYS_PAGE, size = page_size(array, page);
        if (memcmp(target->cells[array] + start, source->cells[array] + start, size) == 0)
            continue;
        memcpy(target->cells[array] + start, source->cells[array] + start, size);
        if (run_end != start) {
            good = run_end == run_start || changed == NULL || changed(context, array, run_start, run_end - run_start);
            run_start = start;
        }
        run_end = start + size;
    }
    if (good && run_end != run_start && changed != NULL)
        good = changed(context, array, run_start, run_end - run_start);
    memcpy(target->marks[array], source->marks[array], sizeof target->marks[array]);
    return good;
}

bool arrays_load(struct arrays *target, const struct arrays *source, arrays_changed_fn *changed, void *context)
{
    bool good = true;
    for (enum array array = 0; good && array < ARRAYS; array++)
        good = load_array(target, source, array, changed, context);
    return good;
}
