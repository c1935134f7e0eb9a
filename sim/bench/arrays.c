/* SPDX-License-Identifier: MIT */
#include "arrays.h"

#include "files.h"
#include "mix.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
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

const uint8_t arrays_factory_options[RAIL_OTP_SIZE - RAIL_OTP_OPTIONS] = {
    0xEF, 0xAA, 0x10, 0x55, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF};

/* The part that can do a program of so many bytes: how many bits the internal flash programs at a time is the
 * firmware's choice at run time, and a trace tells it by the size alone. Sectors are the same whatever the choice. */
static const struct nor_part *part_of(enum array array, uint32_t length)
{
    static const struct nor_part *const parts[ARRAYS] = {
        [ARRAY_INTERNAL] = &nor_stm32f407_x32, [ARRAY_OTP] = &nor_stm32f407_otp, [ARRAY_NOR] = &nor_s25fl064k};
    if (array != ARRAY_INTERNAL)
        return parts[array];
    return length == 1   ? &nor_stm32f407_x8
           : length == 2 ? &nor_stm32f407_x16
           : length == 8 ? &nor_stm32f407_x64
                         : parts[array];
}

uint32_t arrays_size(enum array array)
{
    return layout[array].size;
}

const char *arrays_name(enum array array)
{
    return layout[array].name;
}

uint32_t arrays_pages(enum array array)
{
    return (layout[array].size + ARRAYS_PAGE - 1) / ARRAYS_PAGE;
}

uint32_t arrays_page_size(enum array array, uint32_t page)
{
    uint32_t rest = layout[array].size - page * ARRAYS_PAGE;
    return rest < ARRAYS_PAGE ? rest : ARRAYS_PAGE;
}

#define MARKS (4 * NOR_MARKS_PER_TEAR) /* room at first */

/* For so many, and another tear. Several power losses in a row may leave any number, in the machine as here. */
static void make_room(struct nor_marks *marks, uint32_t count)
{
    if (marks->list == NULL || marks->capacity >= count + NOR_MARKS_PER_TEAR)
        return;
    marks->capacity = count + MARKS;
    marks->list = g_renew(struct nor_mark, marks->list, marks->capacity);
}

bool arrays_allocate_marks(struct arrays *arrays, struct problem *problem)
{
    for (enum array array = 0; array < ARRAYS; array++) {
        arrays->marks[array] = (struct nor_marks){.list = calloc(MARKS, sizeof(struct nor_mark)), .capacity = MARKS};
        if (arrays->marks[array].list == NULL)
            return problem_set(problem, PROBLEM_BENCH, "no memory for the flash arrays");
    }
    return true;
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
    if (arrays_allocate_marks(arrays, problem))
        return true;
    arrays_free(arrays);
    return false;
}

void arrays_free(struct arrays *arrays)
{
    for (enum array array = 0; array < ARRAYS; array++) {
        free(arrays->cells[array]);
        free(arrays->marks[array].list);
    }
    memset(arrays, 0, sizeof *arrays);
}

static char *file_of(const char *folder, enum array array)
{
    char name[32];
    snprintf(name, sizeof name, "%s.bin", layout[array].name);
    return files_join(folder, name);
}

bool arrays_has_file(const char *folder, const char *path)
{
    bool found = false;
    for (enum array array = 0; path != NULL && array < ARRAYS; array++) {
        char *file = file_of(folder, array);
        found = found || (file != NULL && files_same(file, path));
        free(file);
    }
    return found;
}

bool arrays_read(struct arrays *arrays, const char *folder, struct problem *problem)
{
    bool good = true;
    for (enum array array = 0; good && array < ARRAYS; array++) {
        char *path = file_of(folder, array);
        good = path != NULL && files_read_exactly(path, arrays->cells[array], layout[array].size, problem);
        free(path);
        arrays->marks[array].count = 0;
    }
    memset(arrays->erases, 0, sizeof arrays->erases);
    memset(arrays->nor_erases, 0, sizeof arrays->nor_erases);
    memset(&arrays->pages, 0, sizeof arrays->pages);
    return good;
}

bool arrays_write(const struct arrays *arrays, const char *folder, struct problem *problem)
{
    char names[ARRAYS][32];
    struct file_part parts[ARRAYS];
    for (enum array array = 0; array < ARRAYS; array++) {
        snprintf(names[array], sizeof names[array], "%s.bin", layout[array].name);
        parts[array] = (struct file_part){names[array], arrays->cells[array], layout[array].size};
    }
    return files_write_folder(folder, parts, ARRAYS, problem);
}

bool arrays_write_scratch(const struct arrays *arrays, const char *folder, struct problem *problem)
{
    bool good = true;
    for (enum array array = 0; good && array < ARRAYS; array++) {
        char *path = file_of(folder, array);
        FILE *stream = path == NULL ? NULL : fopen(path, "wb");
        good = stream != NULL && fwrite(arrays->cells[array], 1, layout[array].size, stream) == layout[array].size;
        good = stream != NULL && fclose(stream) == 0 && good;
        if (!good)
            problem_set(problem, PROBLEM_BENCH, "cannot write %s: %s", path == NULL ? folder : path, strerror(errno));
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
        nor_sector_at(part_of(array, 1), offset, start, size) == UINT32_MAX)
        return false;
    *start += layout[array].address;
    return true;
}

bool arrays_range(const struct rail_event *event, enum array *array, uint32_t *offset, uint32_t *size)
{
    *size = event->value;
    return (event->kind == RAIL_PROGRAM || event->kind == RAIL_ERASE) &&
           arrays_locate(event->chip, event->address, event->value, array, offset);
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

static struct nor_array chip_of(struct arrays *arrays, enum array array, uint32_t length)
{
    struct nor_marks *marks = &arrays->marks[array];
    bool internal = array == ARRAY_INTERNAL, worn_nor = array == ARRAY_NOR && arrays->nor_defects != NULL;
    make_room(marks, marks->count);
    return (struct nor_array){.part = part_of(array, length),
                              .cells = arrays->cells[array],
                              .erases = internal ? arrays->erases : worn_nor ? arrays->nor_erases : NULL,
                              .marks = marks->list != NULL ? marks : NULL,
                              .defects = internal ? arrays->defects : worn_nor ? arrays->nor_defects : NULL};
}

bool arrays_is_status(const struct rail_event *event)
{
    return event->kind == RAIL_STATUS && event->chip == RAIL_CHIP_NOR;
}

static bool tear_status(struct arrays_status *status, const struct trace_item *item, enum nor_tear tear)
{
    if (status->count == 0 || item->event->payload != status->count)
        return false;
    nor_tear_status(status->registers, item->data, status->count, tear);
    return true;
}

bool arrays_apply(struct arrays *arrays, const struct trace_item *item)
{
    return arrays_tear(arrays, item, NOR_TEAR_AFTER);
}

bool arrays_tear(struct arrays *arrays, const struct trace_item *item, enum nor_tear tear)
{
    enum array array;
    struct nor_op op;
    if (arrays_is_status(item->event))
        return tear_status(&arrays->status, item, tear);
    if (!operation_of(item, &array, &op))
        return false;
    struct nor_array chip = chip_of(arrays, array, op.length);
    pages_add(&arrays->pages, array, op.offset, op.length);
    return nor_tear(&chip, &op, tear);
}

static bool weak_byte(const struct nor_marks *marks, uint32_t offset)
{
    for (uint32_t i = 0; i < marks->count; i++)
        if (marks->list[i].kind == NOR_WEAK && marks->list[i].offset == offset)
            return true;
    return false;
}

void arrays_find_pages(struct arrays *arrays, const struct arrays *device)
{
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t page = 0; page < arrays_pages(array); page++) {
            uint32_t start = page * ARRAYS_PAGE, size = arrays_page_size(array, page);
            if (memcmp(arrays->cells[array] + start, device->cells[array] + start, size) != 0)
                pages_add(&arrays->pages, array, start, size);
        }
}

bool arrays_differ(const struct arrays *one, const struct arrays *other, bool thorough, enum array *array,
                   uint32_t *offset)
{
    for (*array = 0; *array < ARRAYS; (*array)++) {
        const uint8_t *left = one->cells[*array], *right = other->cells[*array];
        for (uint32_t page = 0; page < arrays_pages(*array); page++) {
            uint32_t start = page * ARRAYS_PAGE, size = arrays_page_size(*array, page);
            if ((!thorough && !pages_have(&one->pages, *array, page) && !pages_have(&other->pages, *array, page)) ||
                memcmp(left + start, right + start, size) == 0)
                continue;
            for (*offset = start; *offset < start + size; (*offset)++)
                if (left[*offset] != right[*offset] && !weak_byte(&one->marks[*array], *offset))
                    return true;
        }
    }
    return false;
}

bool arrays_marked_alike(const struct nor_marks *marks, const struct nor_mark *mark)
{
    for (uint32_t i = 0; i < marks->count; i++) {
        const struct nor_mark *other = &marks->list[i];
        if (other->kind == mark->kind && other->offset == mark->offset && other->length == mark->length &&
            other->bit == mark->bit)
            return true;
    }
    return false;
}

struct hashing {
    const struct arrays *arrays, *device;
    uint64_t hash;
};

/* Pages that hold what was provisioned do not count: they may be in the set or not. */
static void hash_page(void *context, enum array array, uint32_t page)
{
    struct hashing *hashing = context;
    uint32_t start = page * ARRAYS_PAGE, size = arrays_page_size(array, page);
    const uint8_t *cells = hashing->arrays->cells[array] + start;
    if (memcmp(cells, hashing->device->cells[array] + start, size) == 0)
        return;
    hashing->hash = mix_word(hashing->hash, (uint64_t)array << 32 | page);
    for (uint32_t i = 0; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, cells + i, sizeof word);
        hashing->hash = mix_word(hashing->hash, word);
    }
}

uint64_t arrays_hash(const struct arrays *arrays, const struct arrays *device)
{
    struct hashing hashing = {arrays, device, 0};
    pages_each(&arrays->pages, hash_page, &hashing);
    return hashing.hash;
}

/* Copies page by page and reports runs of neighbouring pages together. */
static bool load_array(struct arrays *target, const struct arrays *source, enum array array,
                       arrays_changed_fn *changed, void *context)
{
    uint32_t run_start = 0, run_end = 0; /* of bytes copied and not yet reported */
    bool good = true;
    for (uint32_t page = 0; good && page < arrays_pages(array); page++) {
        if ((target->pages.bits[array][page / 64] | source->pages.bits[array][page / 64]) == 0) {
            page |= 63;
            continue;
        }
        if (!pages_have(&target->pages, array, page) && !pages_have(&source->pages, array, page))
            continue;
        uint32_t start = page * ARRAYS_PAGE, size = arrays_page_size(array, page);
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
    memcpy(target->pages.bits[array], source->pages.bits[array], sizeof target->pages.bits[array]);
    return good;
}

static void load_marks(struct nor_marks *target, const struct nor_marks *source)
{
    make_room(target, source->count);
    target->count = source->count < target->capacity ? source->count : target->capacity;
    if (target->count > 0)
        memcpy(target->list, source->list, target->count * sizeof *target->list);
}

void arrays_load_marks(struct arrays *target, const struct arrays *source)
{
    for (enum array array = 0; array < ARRAYS; array++)
        load_marks(&target->marks[array], &source->marks[array]);
}

void arrays_load_beside(struct arrays *target, const struct arrays *source)
{
    arrays_load_marks(target, source);
    target->status = source->status;
    target->defects = source->defects;
    target->nor_defects = source->nor_defects;
    memcpy(target->erases, source->erases, sizeof target->erases);
    if (source->nor_defects != NULL)
        memcpy(target->nor_erases, source->nor_erases, sizeof target->nor_erases);
}

bool arrays_load(struct arrays *target, const struct arrays *source, arrays_changed_fn *changed, void *context)
{
    bool good = true;
    for (enum array array = 0; good && array < ARRAYS; array++)
        good = load_array(target, source, array, changed, context);
    arrays_load_beside(target, source);
    return good;
}
