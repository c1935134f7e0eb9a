/* SPDX-License-Identifier: MIT
 *
 * What operations leave in the cells, complete or torn.
 */
#include "marks.h"

#include <stddef.h>
#include <string.h>

#define PAGE_MOST 256u /* of all parts */

static const struct {
    const char *name;
    enum nor_tear instead[2]; /* by enum nor_kind: itself where the menu has it, else the nearest */
} menu[NOR_TEARS] = {
    [NOR_TEAR_BEFORE] = {"before", {NOR_TEAR_BEFORE, NOR_TEAR_BEFORE}},
    [NOR_TEAR_HALF] = {"half", {NOR_TEAR_HALF, NOR_TEAR_HALF}},
    [NOR_TEAR_MASK] = {"mask", {NOR_TEAR_MASK, NOR_TEAR_MASK}},
    [NOR_TEAR_WEAK] = {"weak", {NOR_TEAR_WEAK, NOR_TEAR_WEAK}},
    [NOR_TEAR_AFTER] = {"after", {NOR_TEAR_AFTER, NOR_TEAR_AFTER}},
    [NOR_TEAR_ONEBIT] = {"onebit", {NOR_TEAR_ONEBIT, NOR_TEAR_MASK}},
    [NOR_TEAR_LAST] = {"last", {NOR_TEAR_LAST, NOR_TEAR_HALF}},
    [NOR_TEAR_ZEROS] = {"zeros", {NOR_TEAR_HALF, NOR_TEAR_ZEROS}},
    [NOR_TEAR_NOTAKE] = {"notake", {NOR_TEAR_WEAK, NOR_TEAR_NOTAKE}},
};

const char *nor_tear_name(enum nor_tear tear)
{
    return (unsigned)tear < NOR_TEARS ? menu[tear].name : NULL;
}

enum nor_tear nor_tear_named(const char *name)
{
    int tear = 0;
    while (tear < NOR_TEARS && (name == NULL || strcmp(name, menu[tear].name) != 0))
        tear++;
    return (enum nor_tear)tear;
}

const char *nor_tear_menu(char text[NOR_TEAR_MENU])
{
    text[0] = '\0';
    for (int tear = 0; tear < NOR_TEARS; tear++) {
        strcat(text, menu[tear].name);
        if (tear + 1 < NOR_TEARS)
            strcat(text, " ");
    }
    return text;
}

bool nor_tear_applies(enum nor_kind kind, enum nor_tear tear)
{
    return (kind == NOR_PROGRAM || kind == NOR_ERASE) && (unsigned)tear < NOR_TEARS && menu[tear].instead[kind] == tear;
}

/* FNV-1a over the operation, then mixed. */
static uint64_t hash(uint64_t seed, const uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        seed = (seed ^ bytes[i]) * UINT64_C(0x100000001B3);
    return seed;
}

static uint64_t hash_word(uint64_t seed, uint32_t word)
{
    const uint8_t bytes[4] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16), (uint8_t)(word >> 24)};
    return hash(seed, bytes, 4);
}

static uint64_t seed_of(const struct nor_op *op, enum nor_tear tear)
{
    uint64_t seed = hash_word(UINT64_C(0xCBF29CE484222325), tear);
    seed = hash_word(seed, op->kind);
    seed = hash_word(seed, op->offset);
    seed = hash_word(seed, op->length);
    return nor_mix(op->kind == NOR_PROGRAM ? hash(seed, op->data, op->length) : seed);
}

/* Removes the weak marks of the bits of one byte. */
static void firm(struct nor_marks *marks, uint32_t offset, uint8_t bits)
{
    uint32_t kept = nor_weak_from(marks, offset), i = kept;
    for (; i < marks->count; i++) {
        const struct nor_mark *mark = &marks->list[i];
        if (mark->kind != NOR_WEAK || mark->offset != offset)
            break;
        if (!(bits >> mark->bit & 1))
            marks->list[kept++] = *mark;
    }
    memmove(marks->list + kept, marks->list + i, (marks->count - i) * sizeof *marks->list);
    marks->count -= i - kept;
}

/// Programs ///

/* The bits of the bytes of a program, one mask per byte. */
struct bits {
    uint8_t of[PAGE_MOST];
    uint32_t count; /* bits set */
};

static unsigned ones(uint8_t byte)
{
    unsigned count = 0;
    for (; byte != 0; byte &= (uint8_t)(byte - 1))
        count++;
    return count;
}

/* Position (byte * 8 + bit) of the n-th bit, counted from 0. */
static uint32_t position(const struct bits *bits, uint32_t n)
{
    uint32_t byte = 0, bit = 0;
    for (; n >= ones(bits->of[byte]); byte++)
        n -= ones(bits->of[byte]);
    for (; !(bits->of[byte] >> bit & 1) || n-- != 0; bit++)
        ;
    return byte * 8 + bit;
}

static void set(struct bits *bits, uint32_t position, bool value)
{
    uint8_t bit = (uint8_t)(1u << position % 8);
    bits->of[position / 8] = (uint8_t)(value ? bits->of[position / 8] | bit : bits->of[position / 8] & ~bit);
}

/* Of the bits that are to be done, those that are not firmly 0 yet. */
static void to_clear(const struct nor_array *array, const struct nor_op *op, const struct bits *done,
                     bool not_taking_only, struct bits *bits)
{
    bits->count = 0;
    for (uint32_t i = 0; i < op->length; i++) {
        uint32_t offset = op->offset + i;
        bool counts = !not_taking_only || nor_not_taking(array->marks, offset);
        bits->of[i] = counts ? (uint8_t)((array->cells[offset] | nor_weak_bits(array, offset)) & done->of[i]) : 0;
        bits->count += ones(bits->of[i]);
    }
}

/* Of one bit: that one. Of more: a seeded subset, neither none nor all. */
static void keep_subset(struct bits *done, const struct bits *bits, uint32_t length, uint64_t seed)
{
    for (uint32_t i = 0; i < length; i++)
        done->of[i] &= (uint8_t)(~bits->of[i] | nor_mix(seed + i));
    if (bits->count == 0)
        return;
    uint32_t one = (uint32_t)(seed % bits->count);
    set(done, position(bits, one), true);
    if (bits->count > 1)
        set(done, position(bits, (uint32_t)(one + 1 + nor_mix(seed) % (bits->count - 1)) % bits->count), false);
}

/* Takes from the bits that would be done those that power loss leaves undone. */
static void torn_program(const struct nor_op *op, enum nor_tear tear, uint64_t seed, const struct bits *bits,
                         struct bits *done)
{
    uint32_t whole = tear == NOR_TEAR_HALF ? op->length / 2 : tear == NOR_TEAR_LAST ? op->length - 1 : op->length;
    memset(done->of + whole, 0, op->length - whole);
    if (tear == NOR_TEAR_MASK)
        keep_subset(done, bits, op->length, seed);
    if (tear == NOR_TEAR_ONEBIT) {
        memset(done->of, 0, op->length);
        if (bits->count != 0)
            set(done, position(bits, (uint32_t)(seed % bits->count)), true);
    }
}

static void program(struct nor_array *array, const struct nor_op *op, enum nor_tear tear)
{
    struct bits done, bits;
    bool marked = array->marks != NULL && array->marks->count != 0;
    uint32_t weak = UINT32_MAX;
    for (uint32_t i = 0; i < op->length; i++)
        done.of[i] = (uint8_t)~op->data[i];
    if (marked) {
        to_clear(array, op, &done, true, &bits);
        if (bits.count != 0)
            set(&done, position(&bits, (uint32_t)(seed_of(op, NOR_TEAR_NOTAKE) % bits.count)), false);
    }
    if (tear != NOR_TEAR_AFTER) {
        uint64_t seed = seed_of(op, tear);
        to_clear(array, op, &done, false, &bits);
        torn_program(op, tear, seed, &bits, &done);
        if (tear == NOR_TEAR_WEAK && bits.count != 0)
            weak = position(&bits, (uint32_t)(seed % bits.count));
    }
    for (uint32_t i = 0; i < op->length; i++) {
        array->cells[op->offset + i] &= (uint8_t)~done.of[i];
        if (marked)
            firm(array->marks, op->offset + i, done.of[i]);
    }
    if (weak != UINT32_MAX)
        nor_mark(array, &(struct nor_mark){.kind = NOR_WEAK, .offset = op->offset + weak / 8, .bit = weak % 8});
}

/// Erases ///

/* How a mixture treats a byte: bits to keep, and what the others become. */
static uint8_t kept_in_mixture(uint64_t seed, uint32_t i)
{
    return (uint8_t)nor_mix(seed + i);
}

static uint8_t set_in_mixture(uint64_t seed, uint32_t i)
{
    return (uint8_t)(nor_mix(seed + i) >> 8);
}

static uint8_t kept_bits(const struct nor_op *op, enum nor_tear tear, uint64_t seed, uint32_t i)
{
    if (tear == NOR_TEAR_MASK)
        return kept_in_mixture(seed, i);
    return tear == NOR_TEAR_HALF && i < op->length / 2 ? 0xFF : 0;
}

static void mix_cells(uint8_t *cells, uint32_t length, uint64_t seed)
{
    for (uint32_t i = 0; i < length; i++) {
        uint8_t kept = kept_in_mixture(seed, i);
        cells[i] = (uint8_t)((cells[i] & kept) | (set_in_mixture(seed, i) & ~kept));
    }
}

bool nor_tear_forgets(enum nor_tear tear, uint32_t size, uint32_t *from)
{
    *from = tear == NOR_TEAR_HALF ? size / 2 : 0;
    return tear == NOR_TEAR_HALF || tear == NOR_TEAR_WEAK || tear == NOR_TEAR_AFTER || tear == NOR_TEAR_ZEROS;
}

bool nor_marks_notake(const struct nor_marks *marks)
{
    return marks->count > 0 && marks->list[marks->count - 1].kind == NOR_NOTAKE;
}

/* One weak bit in each equal part of the range. */
static void weaken(struct nor_array *array, const struct nor_op *op, uint64_t seed)
{
    uint32_t part = op->length / NOR_WEAK_PER_ERASE;
    for (uint32_t n = 0; n < NOR_WEAK_PER_ERASE; n++) {
        uint64_t random = nor_mix(seed + n);
        uint32_t offset = op->offset + n * part + (uint32_t)(random >> 8) % part;
        nor_mark(array, &(struct nor_mark){.kind = NOR_WEAK, .offset = offset, .bit = random & 7});
    }
}

static void firm_erased(struct nor_marks *marks, const struct nor_op *op, enum nor_tear tear, uint64_t seed)
{
    uint32_t kept = nor_weak_from(marks, op->offset), i = kept;
    for (; i < marks->count; i++) {
        const struct nor_mark *mark = &marks->list[i];
        if (mark->kind != NOR_WEAK || mark->offset - op->offset >= op->length)
            break;
        if (kept_bits(op, tear, seed, mark->offset - op->offset) >> mark->bit & 1)
            marks->list[kept++] = *mark;
    }
    memmove(marks->list + kept, marks->list + i, (marks->count - i) * sizeof *marks->list);
    marks->count -= i - kept;
}

static void erase(struct nor_array *array, const struct nor_op *op, enum nor_tear tear)
{
    uint8_t *cells = array->cells + op->offset;
    uint64_t seed = seed_of(op, tear);
    if (array->marks != NULL && array->marks->count != 0)
        firm_erased(array->marks, op, tear, seed);
    switch (tear) {
    case NOR_TEAR_HALF:
        memset(cells + op->length / 2, 0, op->length - op->length / 2);
        break;
    case NOR_TEAR_MASK:
        mix_cells(cells, op->length, seed);
        break;
    case NOR_TEAR_ZEROS:
        memset(cells, 0, op->length);
        break;
    default:
        memset(cells, 0xFF, op->length);
        break;
    }
    if (tear == NOR_TEAR_AFTER && array->marks != NULL)
        nor_take_again(array->marks, op->offset, op->length);
    if (tear == NOR_TEAR_WEAK)
        weaken(array, op, seed);
    if (tear == NOR_TEAR_NOTAKE)
        nor_mark(array, &(struct nor_mark){.kind = NOR_NOTAKE, .offset = op->offset, .length = op->length});
}

void nor_count_erase(struct nor_array *array, const struct nor_op *op)
{
    if (array->erases == NULL)
        return;
    uint32_t first = nor_sector_at(array->part, op->offset, NULL, NULL);
    uint32_t last = nor_sector_at(array->part, op->offset + op->length - 1, NULL, NULL);
    for (uint32_t sector = first; sector <= last; sector++)
        array->erases[sector]++;
}

/// Both ///

static bool room_for_marks(const struct nor_marks *marks, const struct nor_op *op, enum nor_tear tear)
{
    if (tear == NOR_TEAR_WEAK || tear == NOR_TEAR_NOTAKE)
        return marks != NULL && marks->capacity - marks->count >= NOR_MARKS_PER_TEAR;
    /* A complete erase inside a range leaves two. */
    return op->kind != NOR_ERASE || marks == NULL || marks->count == 0 || marks->capacity > marks->count;
}

bool nor_tear(struct nor_array *array, const struct nor_op *op, enum nor_tear tear)
{
    if (!nor_valid(array, op) || (unsigned)tear >= NOR_TEARS)
        return false;
    tear = menu[tear].instead[op->kind];
    if (tear == NOR_TEAR_BEFORE)
        return true;
    if (!room_for_marks(array->marks, op, tear))
        return false;
    if (op->kind == NOR_PROGRAM) {
        program(array, op, tear);
    } else {
        nor_count_erase(array, op);
        erase(array, op, tear);
    }
    nor_leave_defects(array, op);
    return true;
}

bool nor_apply(struct nor_array *array, const struct nor_op *op)
{
    return nor_tear(array, op, NOR_TEAR_AFTER);
}
