/* SPDX-License-Identifier: MIT
 *
 * The SPI NOR of a device in memory, with the physics of sim/nor, marks included: power is lost at a chosen operation,
 * torn in a chosen way.
 */
#ifndef TESTS_UNIT_TORN_NOR_H
#define TESTS_UNIT_TORN_NOR_H

#include "chip.h"

#include "matterhorn/device.h"

struct torn_nor {
    struct nor_array array;
    uint64_t noise;    /* under which weak bits read */
    bool power;        /* without it, every operation fails and changes nothing */
    uint32_t operations;
    uint32_t lose_at;  /* the operation that loses power, from 1 on; 0: none */
    enum nor_tear tear;
    uint32_t deaf_at;  /* the operation that the chip does not hear, from 1 on; 0: none */
    uint32_t fails_at; /* the operation that the chip reports as failed, without effect; 0: none */
    uint32_t fails;    /* how many from there on */
};

static inline enum mh_error torn_nor_operate(struct torn_nor *nor, const struct nor_op *op)
{
    if (!nor->power) {
        return MH_ERR_FLASH;
    }
    nor->operations++;
    if (nor->operations == nor->lose_at && nor_tear_applies(op->kind, nor->tear)) {
        nor->power = false;
        assert_true(nor_tear(&nor->array, op, nor->tear));
        return MH_ERR_FLASH;
    }
    if (nor->fails_at && nor->operations - nor->fails_at < nor->fails) {
        return MH_ERR_FLASH;
    }
    if (nor->operations != nor->deaf_at) {
        assert_true(nor_apply(&nor->array, op));
    }
    return MH_OK;
}

static inline enum mh_error torn_nor_read(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    const struct torn_nor *nor = context;

    if (!nor->power) {
        return MH_ERR_FLASH;
    }
    memcpy(buffer, nor->array.cells + address, length);
    for (uint32_t i = 0; i < nor->array.marks->count; i++) {
        const struct nor_mark *mark = &nor->array.marks->list[i];
        if (mark->kind == NOR_WEAK && mark->offset - address < length) {
            buffer[mark->offset - address] = nor_read(&nor->array, mark->offset, nor->noise);
        }
    }
    return MH_OK;
}

static inline enum mh_error torn_nor_program(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    const struct nor_op op = program(address, data, length);

    return torn_nor_operate(context, &op);
}

static inline enum mh_error torn_nor_erase(void *context, uint32_t address)
{
    const struct nor_op op = erase(address, 4 * KB);

    return torn_nor_operate(context, &op);
}

/* A blank chip, with power. */
static inline void torn_nor_create(struct torn_nor *nor)
{
    *nor = (struct torn_nor){.array = chip(&nor_s25fl064k), .power = true, .fails = 1};
    memset(nor->array.cells, 0xFF, nor->array.part->size);
}

/* A range as it is when new. */
static inline void torn_nor_blank(struct torn_nor *nor, uint32_t address, uint32_t length)
{
    memset(nor->array.cells + address, 0xFF, length);
    nor->array.marks->count = 0;
}

static inline struct mh_nor torn_nor_driver(struct torn_nor *nor)
{
    return (struct mh_nor){torn_nor_read, torn_nor_program, torn_nor_erase, nor};
}

/* Applies power; it is lost at operation `lose_at`, 0: never. */
static inline void torn_nor_start(struct torn_nor *nor, uint64_t noise, uint32_t lose_at, enum nor_tear tear)
{
    nor->noise = noise;
    nor->power = true;
    nor->operations = 0;
    nor->lose_at = lose_at;
    nor->tear = tear;
}

#endif
