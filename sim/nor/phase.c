/* SPDX-License-Identifier: MIT
 *
 * What operations leave when power is lost at a moment of them, rather than with a tear from the menu.
 */
#include "marks.h"

#include <stddef.h>
#include <string.h>

#define PAGE_MOST 256u /* of all parts */
#define WHOLE 256u     /* shares are counted in 256ths */

/* Elapsed time as a share of that part of the operation. */
static uint32_t share(uint64_t elapsed_ns, uint64_t from_ns, uint64_t to_ns)
{
    return (uint32_t)((elapsed_ns - from_ns) * WHOLE / (to_ns - from_ns));
}

/* Each bit has its moment, a function of seed and place: those whose moment has come. The eight moments of a byte are
 * the bytes of one random word. */
static uint8_t come(uint64_t seed, uint32_t i, uint32_t share)
{
    uint64_t moments = nor_mix(seed + i);
    uint8_t bits = 0;
    for (unsigned bit = 0; bit < 8; bit++)
        bits |= (uint8_t)((moments >> 8 * bit & 0xFF) < share ? 1u << bit : 0);
    return bits;
}

/* Of the chip's place alone, so that the same cells are the fast ones in every operation. */
static uint64_t seed_at(uint32_t offset)
{
    return nor_mix(UINT64_C(0x9E3779B97F4A7C15) ^ offset);
}

/* Bits whose moment has not come are programmed as if they were to stay. */
static bool program(struct nor_array *array, const struct nor_op *op, uint64_t elapsed_ns, uint64_t duration_ns)
{
    uint64_t full = duration_ns - duration_ns / 8;
    uint8_t data[PAGE_MOST];
    if (elapsed_ns >= full)
        return nor_tear(array, op, NOR_TEAR_WEAK);
    for (uint32_t i = 0; i < op->length; i++)
        data[i] = op->data[i] | (uint8_t)~come(seed_at(op->offset + i), 0, share(elapsed_ns, 0, full));
    struct nor_op done = *op;
    done.data = data;
    return nor_apply(array, &done);
}

static void forget_weak(struct nor_marks *marks, uint32_t offset, uint32_t length)
{
    if (marks == NULL || marks->count == 0)
        return;
    uint32_t from = nor_weak_from(marks, offset), to = nor_weak_from(marks, offset + length);
    memmove(marks->list + from, marks->list + to, (marks->count - to) * sizeof *marks->list);
    marks->count -= to - from;
}

/* All is programmed to zeros, from the end on. */
static void clear_tail(struct nor_array *array, const struct nor_op *op, uint32_t share)
{
    uint32_t tail = (uint32_t)((uint64_t)op->length * share / WHOLE);
    uint32_t offset = op->offset + op->length - tail;
    if (tail == 0)
        return;
    memset(array->cells + offset, 0, tail);
    forget_weak(array->marks, offset, tail);
}

/* Then bit by bit becomes 1. */
static void raise(struct nor_array *array, const struct nor_op *op, uint32_t share)
{
    for (uint32_t i = 0; i < op->length; i++)
        array->cells[op->offset + i] = come(seed_at(op->offset + i), 1, share);
    forget_weak(array->marks, op->offset, op->length);
}

static bool erase(struct nor_array *array, const struct nor_op *op, uint64_t elapsed_ns, uint64_t duration_ns)
{
    uint64_t cleared = duration_ns / 4, raised = duration_ns - duration_ns / 4;
    if (elapsed_ns >= raised)
        return nor_tear(array, op, NOR_TEAR_WEAK);
    nor_count_erase(array, op);
    if (elapsed_ns < cleared)
        clear_tail(array, op, share(elapsed_ns, 0, cleared));
    else
        raise(array, op, share(elapsed_ns, cleared, raised));
    return true;
}

bool nor_tear_at(struct nor_array *array, const struct nor_op *op, uint64_t elapsed_ns, uint64_t duration_ns)
{
    if (!nor_valid(array, op))
        return false;
    if (elapsed_ns == 0 && duration_ns != 0)
        return true;
    if (elapsed_ns >= duration_ns)
        return nor_apply(array, op);
    return op->kind == NOR_PROGRAM ? program(array, op, elapsed_ns, duration_ns)
                                   : erase(array, op, elapsed_ns, duration_ns);
}

enum nor_tear nor_status_tear_at(uint64_t elapsed_ns, uint64_t duration_ns)
{
    if (elapsed_ns >= duration_ns)
        return NOR_TEAR_AFTER;
    return elapsed_ns == 0              ? NOR_TEAR_BEFORE
         : elapsed_ns < duration_ns / 2 ? NOR_TEAR_ZEROS
                                        : NOR_TEAR_MASK;
}
