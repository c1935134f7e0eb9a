/* SPDX-License-Identifier: MIT */
#include "torn_device.h"

#include "chance.h"

#define ERASE_CHANCE 8u /* erases are few, and take long */
#define SHADOW_END (MH_CONFIG_SHADOW_ADDRESS + MH_CONFIG_SIZE)

uint32_t torn_device_draw(struct torn_device *torn, uint32_t below)
{
    return chance_draw(&torn->random, below);
}

/// The view ///

static void look_at(struct torn_device *torn, uint32_t offset, uint32_t length)
{
    memcpy(torn->view + (offset - TORN_SECTOR_OFFSET), torn->internal.cells + offset, length);
    for (uint32_t i = 0; i < torn->internal.marks->count; i++) {
        const struct nor_mark *mark = &torn->internal.marks->list[i];
        if (mark->kind == NOR_WEAK && mark->offset - offset < length) {
            torn->view[mark->offset - TORN_SECTOR_OFFSET] = nor_read(&torn->internal, mark->offset, torn->noise);
        }
    }
}

void torn_device_look(struct torn_device *torn)
{
    look_at(torn, TORN_SECTOR_OFFSET, MH_CONFIG_SIZE);
}

/// Operations ///

enum mh_error torn_device_operate(struct torn_device *torn, struct nor_array *chip, const struct nor_op *op)
{
    if (!torn->power || (chip == &torn->nor && torn->nor_dead)) {
        return MH_ERR_FLASH;
    }
    const unsigned chance = torn->loss_chance && op->kind == NOR_ERASE ? ERASE_CHANCE : torn->loss_chance;
    torn->operations++;
    torn->lost = op->kind;
    if (torn->operations == torn->lose_at) {
        torn->power = false;
        assert_true(nor_tear(chip, op, torn->tear));
    } else if (chance && torn_device_draw(torn, chance) == 0) {
        torn->power = false;
        assert_true(nor_tear(chip, op, chance_tear(&torn->random, op->kind)));
    } else {
        assert_true(nor_apply(chip, op));
    }
    if (chip == &torn->internal) {
        look_at(torn, op->offset, op->length);
    }
    return torn->power ? MH_OK : MH_ERR_FLASH;
}

static enum mh_error program_internal(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    struct torn_device *torn = context;
    enum mh_error error = MH_OK;

    assert_in_range(address, MH_CONFIG_ADDRESS, MH_CONFIG_ADDRESS + MH_CONFIG_SIZE - length);
    assert_int_equal(address % 4 + length % 4, 0);
    for (uint32_t at = 0; error == MH_OK && at < length; at += 4) {
        const struct nor_op op = program(address - MH_INTERNAL_BASE + at, data + at, 4);
        if (memcmp(data + at, "\xFF\xFF\xFF\xFF", 4) != 0) { /* which the driver does not program either */
            error = torn_device_operate(torn, &torn->internal, &op);
        }
    }
    return error;
}

static enum mh_error erase_internal(void *context, unsigned sector)
{
    struct torn_device *torn = context;
    const struct nor_op op = erase(TORN_SECTOR_OFFSET, MH_CONFIG_SIZE);

    assert_int_equal(sector, MH_CONFIG_SECTOR);
    return torn_device_operate(torn, &torn->internal, &op);
}

static enum mh_error read_nor(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    struct torn_device *torn = context;

    assert_in_range(address, MH_CONFIG_SHADOW_ADDRESS, SHADOW_END - length);
    if (torn->before_read) {
        torn->before_read(torn, address);
    }
    for (uint32_t i = 0; i < length; i++) {
        buffer[i] = nor_read(&torn->nor, address + i, torn->noise);
    }
    return torn->power && !torn->nor_dead ? MH_OK : MH_ERR_FLASH;
}

static enum mh_error program_nor(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    struct torn_device *torn = context;
    const struct nor_op op = program(address, data, length);

    assert_in_range(address, MH_CONFIG_SHADOW_ADDRESS, SHADOW_END - length);
    return torn_device_operate(torn, &torn->nor, &op);
}

static enum mh_error erase_nor(void *context, uint32_t address)
{
    struct torn_device *torn = context;
    const struct nor_op op = erase(address, 4 * KB);

    assert_in_range(address, MH_CONFIG_SHADOW_ADDRESS, SHADOW_END - 4 * KB);
    return torn_device_operate(torn, &torn->nor, &op);
}

/// Life ///

static struct nor_array chip_with_marks(const struct nor_part *part)
{
    struct nor_array array = chip(part);

    array.marks->list = realloc(array.marks->list, TORN_MARKS * sizeof *array.marks->list);
    assert_non_null(array.marks->list);
    array.marks->capacity = TORN_MARKS;
    return array;
}

const uint8_t torn_device_secret[MH_SECRET_SIZE] = "a secret of a device in memory.";

void torn_device_create(struct torn_device *torn)
{
    memset(torn, 0, sizeof *torn);
    torn->internal = chip_with_marks(&nor_stm32f407_x32);
    torn->nor = chip_with_marks(&nor_s25fl064k);
    torn->view = malloc(MH_CONFIG_SIZE);
    assert_non_null(torn->view);
    /* where the first address would be: nothing but the sector is there */
    const uint8_t *cells = (const uint8_t *)((uintptr_t)torn->view - TORN_SECTOR_OFFSET);
    torn->device = (struct mh_device){
        .board = mh_board_named("mountaineer-eth"),
        .nor = {read_nor, program_nor, erase_nor, torn},
        .internal = {cells, program_internal, erase_internal, torn},
    };
    torn->device.anchors.secret = torn_device_secret;
    torn_device_reset(torn);
}

void torn_device_free(struct torn_device *torn)
{
    release(&torn->internal);
    release(&torn->nor);
    free(torn->view);
}

void torn_device_reset(struct torn_device *torn)
{
    memset(torn_sector(torn), 0xFF, MH_CONFIG_SIZE);
    memset(torn_shadow(torn), 0xFF, MH_CONFIG_SIZE);
    torn->internal.marks->count = torn->nor.marks->count = 0;
    torn->internal.erases[MH_CONFIG_SECTOR] = 0;
    torn->loss_chance = 0;
    torn->internal.defects = torn->nor.defects = NULL;
    torn->nor_dead = false;
    torn->before_read = NULL;
    torn_device_start(torn, 0, 0, NOR_TEAR_BEFORE);
}

void torn_device_start(struct torn_device *torn, uint64_t noise, uint64_t lose_at, enum nor_tear tear)
{
    torn->noise = noise;
    torn->power = true;
    torn->operations = 0;
    torn->lose_at = lose_at;
    torn->tear = tear;
    torn_device_look(torn);
}

void torn_device_save(const struct torn_device *torn, struct torn_snapshot *snapshot)
{
    memcpy(snapshot->sector, torn->internal.cells + TORN_SECTOR_OFFSET, MH_CONFIG_SIZE);
    memcpy(snapshot->shadow, torn->nor.cells + MH_CONFIG_SHADOW_ADDRESS, MH_CONFIG_SIZE);
    snapshot->internal_count = torn->internal.marks->count;
    snapshot->nor_count = torn->nor.marks->count;
    memcpy(snapshot->internal_marks, torn->internal.marks->list, snapshot->internal_count * sizeof(struct nor_mark));
    memcpy(snapshot->nor_marks, torn->nor.marks->list, snapshot->nor_count * sizeof(struct nor_mark));
}

void torn_device_restore(struct torn_device *torn, const struct torn_snapshot *snapshot)
{
    memcpy(torn_sector(torn), snapshot->sector, MH_CONFIG_SIZE);
    memcpy(torn_shadow(torn), snapshot->shadow, MH_CONFIG_SIZE);
    torn->internal.marks->count = snapshot->internal_count;
    torn->nor.marks->count = snapshot->nor_count;
    memcpy(torn->internal.marks->list, snapshot->internal_marks, snapshot->internal_count * sizeof(struct nor_mark));
    memcpy(torn->nor.marks->list, snapshot->nor_marks, snapshot->nor_count * sizeof(struct nor_mark));
}
