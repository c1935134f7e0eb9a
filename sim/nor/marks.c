/* SPDX-License-Identifier: MIT */
#include "marks.h"

#include <stddef.h>
#include <string.h>

static bool precedes(const struct nor_mark *one, const struct nor_mark *other)
{
    if (one->kind != other->kind)
        return one->kind < other->kind;
    return one->offset != other->offset ? one->offset < other->offset : one->bit < other->bit;
}

/* Index of the first mark that does not precede this one. */
static uint32_t place_of(const struct nor_marks *marks, const struct nor_mark *mark)
{
    uint32_t low = 0, high = marks->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (precedes(&marks->list[middle], mark))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(struct nor_marks *marks, uint32_t at, const struct nor_mark *mark)
{
    memmove(marks->list + at + 1, marks->list + at, (marks->count - at) * sizeof *marks->list);
    marks->list[at] = *mark;
    marks->count++;
}

static void drop(struct nor_marks *marks, uint32_t at)
{
    marks->count--;
    memmove(marks->list + at, marks->list + at + 1, (marks->count - at) * sizeof *marks->list);
}

uint32_t nor_weak_from(const struct nor_marks *marks, uint32_t offset)
{
    return place_of(marks, &(struct nor_mark){.kind = offset == UINT32_MAX ? NOR_NOTAKE : NOR_WEAK,
                                              .offset = offset == UINT32_MAX ? 0 : offset});
}

static uint32_t first_range(const struct nor_marks *marks)
{
    return nor_weak_from(marks, UINT32_MAX);
}

static uint32_t end_of(const struct nor_mark *mark)
{
    return mark->offset + mark->length;
}

bool nor_not_taking(const struct nor_marks *marks, uint32_t offset)
{
    for (uint32_t i = first_range(marks); i < marks->count; i++)
        if (offset - marks->list[i].offset < marks->list[i].length)
            return true;
    return false;
}

void nor_take_again(struct nor_marks *marks, uint32_t offset, uint32_t length)
{
    for (uint32_t i = first_range(marks); i < marks->count;) {
        struct nor_mark *range = &marks->list[i];
        uint32_t end = end_of(range);
        if (range->offset >= offset + length || end <= offset) {
            i++;
            continue;
        }
        struct nor_mark behind = {.kind = NOR_NOTAKE, .offset = offset + length, .length = end - (offset + length)};
        bool head = range->offset < offset, tail = end > offset + length;
        if (head) {
            range->length = offset - range->offset;
            i++;
            if (tail)
                insert(marks, i++, &behind);
        } else if (tail) {
            *range = behind;
            i++;
        } else {
            drop(marks, i);
        }
    }
}

static bool add_weak(struct nor_marks *marks, const struct nor_mark *mark)
{
    struct nor_mark weak = {.kind = NOR_WEAK, .offset = mark->offset, .length = 1, .bit = mark->bit};
    uint32_t at = place_of(marks, &weak);
    if (at < marks->count && !precedes(&weak, &marks->list[at]))
        return true;
    if (marks->count == marks->capacity)
        return false;
    insert(marks, at, &weak);
    return true;
}

/* Together with every range that it overlaps or touches, one range. */
static bool add_range(struct nor_marks *marks, const struct nor_mark *mark)
{
    struct nor_mark range = {.kind = NOR_NOTAKE, .offset = mark->offset, .length = mark->length};
    uint32_t first = first_range(marks);
    while (first < marks->count && end_of(&marks->list[first]) < range.offset)
        first++;
    if ((first == marks->count || marks->list[first].offset > end_of(&range)) && marks->count == marks->capacity)
        return false;
    while (first < marks->count && marks->list[first].offset <= end_of(&range)) {
        uint32_t end = end_of(&marks->list[first]) > end_of(&range) ? end_of(&marks->list[first]) : end_of(&range);
        if (marks->list[first].offset < range.offset)
            range.offset = marks->list[first].offset;
        range.length = end - range.offset;
        drop(marks, first);
    }
    insert(marks, first, &range);
    return true;
}

bool nor_mark(struct nor_array *array, const struct nor_mark *mark)
{
    uint32_t size = array->part->size;
    if (array->marks == NULL || mark->offset >= size)
        return false;
    if (mark->kind == NOR_WEAK)
        return mark->bit < 8 && add_weak(array->marks, mark);
    return mark->kind == NOR_NOTAKE && mark->length != 0 && mark->length <= size - mark->offset &&
           add_range(array->marks, mark);
}

unsigned nor_weak_value(const struct nor_mark *mark, uint64_t noise)
{
    return nor_mix(nor_mix(noise + UINT64_C(0x9E3779B97F4A7C15)) + ((uint64_t)mark->offset << 3 | mark->bit)) & 1;
}

uint8_t nor_weak_bits(const struct nor_array *array, uint32_t offset)
{
    const struct nor_marks *marks = array->marks;
    uint8_t bits = 0;
    if (marks == NULL || marks->count == 0)
        return 0;
    for (uint32_t i = nor_weak_from(marks, offset); i < marks->count; i++) {
        if (marks->list[i].kind != NOR_WEAK || marks->list[i].offset != offset)
            break;
        bits |= (uint8_t)(1u << marks->list[i].bit);
    }
    return bits;
}

uint8_t nor_read(const struct nor_array *array, uint32_t offset, uint64_t noise)
{
    uint8_t byte = array->cells[offset], weak = nor_weak_bits(array, offset);
    for (uint8_t bit = 0; weak >> bit != 0; bit++)
        if (weak >> bit & 1)
            byte = (uint8_t)((byte & ~(1u << bit)) |
                             nor_weak_value(&(struct nor_mark){.offset = offset, .bit = bit}, noise) << bit);
    return byte;
}
