/* SPDX-License-Identifier: MIT
 *
 * A chip in memory, for the tests of the physics (sim/nor).
 */
#ifndef MATTERHORN_TEST_CHIP_H
#define MATTERHORN_TEST_CHIP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nor.h"

#define KB 1024u
#define CHIP_MARKS 256u

/* A chip whose cells hold a pattern with ones and zeros in every byte. */
static inline struct nor_array chip(const struct nor_part *part)
{
    struct nor_array array = {.part = part, .cells = malloc(part->size), .marks = calloc(1, sizeof *array.marks)};
    assert_non_null(array.cells);
    assert_non_null(array.marks);
    array.marks->list = calloc(CHIP_MARKS, sizeof *array.marks->list);
    array.marks->capacity = CHIP_MARKS;
    array.erases = calloc(nor_sector_count(part), sizeof *array.erases);
    assert_non_null(array.marks->list);
    assert_non_null(array.erases);
    for (uint32_t i = 0; i < part->size; i++)
        array.cells[i] = (uint8_t)(i * 37 ^ i >> 8) | 0x10;
    return array;
}

static inline void release(struct nor_array *array)
{
    free(array->marks->list);
    free(array->marks);
    free(array->cells);
    free(array->erases);
}

static inline struct nor_op program(uint32_t offset, const void *data, uint32_t length)
{
    return (struct nor_op){.kind = NOR_PROGRAM, .offset = offset, .length = length, .data = data};
}

static inline struct nor_op erase(uint32_t offset, uint32_t length)
{
    return (struct nor_op){.kind = NOR_ERASE, .offset = offset, .length = length};
}

static inline unsigned ones(const uint8_t *cells, uint32_t length)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < length; i++)
        for (unsigned bit = 0; bit < 8; bit++)
            count += cells[i] >> bit & 1;
    return count;
}

static inline unsigned differing(const uint8_t *one, const uint8_t *other, uint32_t length)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < length; i++) {
        uint8_t bits = one[i] ^ other[i];
        count += ones(&bits, 1);
    }
    return count;
}

static inline bool filled(const uint8_t *cells, uint8_t value, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        if (cells[i] != value)
            return false;
    return true;
}

/* Cells outside the operation are as they were. */
static inline void assert_outside_untouched(const struct nor_array *array, const struct nor_op *op)
{
    struct nor_array fresh = chip(array->part);
    uint32_t end = op->offset + op->length;
    assert_memory_equal(array->cells, fresh.cells, op->offset);
    assert_memory_equal(array->cells + end, fresh.cells + end, array->part->size - end);
    release(&fresh);
}

/* Programs of every size. */
static const struct {
    const struct nor_part *part;
    uint32_t offset, length;
} programs[] = {
    {&nor_stm32f407_x32, 0x20100, 4}, {&nor_stm32f407_x32, 0xFFFFE, 2}, {&nor_s25fl064k, 0x700000, 256},
    {&nor_s25fl064k, 0x7FFFF3, 13},   {&nor_stm32f407_otp, 0x40, 4},
};
#define PROGRAMS (sizeof programs / sizeof *programs)

struct torn {
    struct nor_array array;
    struct nor_op op;
    uint8_t data[256], old[256];
    uint8_t *cells; /* of the operation */
};

static inline void tear_program(struct torn *torn, unsigned which, uint8_t seed, enum nor_tear tear)
{
    torn->array = chip(programs[which].part);
    for (unsigned i = 0; i < 256; i++)
        torn->data[i] = (uint8_t)(i * 91 + seed) & 0xE7;
    torn->op = program(programs[which].offset, torn->data, programs[which].length);
    torn->cells = torn->array.cells + torn->op.offset;
    memcpy(torn->old, torn->cells, torn->op.length);
    assert_true(nor_tear(&torn->array, &torn->op, tear));
    assert_outside_untouched(&torn->array, &torn->op);
}

#endif
