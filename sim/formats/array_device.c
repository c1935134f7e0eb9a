/* SPDX-License-Identifier: MIT */
#include "array_device.h"

#include "arrays.h"
#include "files.h"

#include <stdlib.h>
#include <string.h>

/// Drivers ///

static enum mh_error apply(struct array_device *array, struct nor_array *chip, const struct nor_op *op)
{
    if (array->operations_left == 0) {
        return MH_ERR_FLASH;
    }
    array->operations_left--;
    return nor_apply(chip, op) ? MH_OK : MH_ERR_FLASH;
}

static enum mh_error read_nor(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    const struct array_device *array = context;

    memcpy(buffer, array->nor.cells + address, length);
    return MH_OK;
}

static enum mh_error program_nor(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    struct array_device *array = context;

    return apply(array, &array->nor, &(struct nor_op){NOR_PROGRAM, address, length, data});
}

static enum mh_error erase_nor(void *context, uint32_t address)
{
    struct array_device *array = context;

    return apply(array, &array->nor, &(struct nor_op){NOR_ERASE, address, 4096, NULL});
}

static enum mh_error internal_program(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    struct array_device *array = context;

    for (uint32_t at = 0; at < length; at += 4) {
        enum mh_error error = apply(array, &array->internal,
                                    &(struct nor_op){NOR_PROGRAM, address - MH_INTERNAL_BASE + at, 4, data + at});
        if (error) {
            return error;
        }
    }
    return MH_OK;
}

static enum mh_error internal_erase(void *context, unsigned sector)
{
    struct array_device *array = context;
    const struct mh_region region = mh_sector(sector);

    return apply(array, &array->internal,
                 &(struct nor_op){NOR_ERASE, region.address - MH_INTERNAL_BASE, region.size, NULL});
}

/* A word in a locked block stays what it is (RM0090 3.6.5). */
static enum mh_error otp_program(void *context, uint32_t offset, const uint8_t *data, uint32_t length)
{
    struct array_device *array = context;
    enum mh_error error = MH_OK;

    for (uint32_t at = 0; error == MH_OK && at < length; at += 4) {
        const bool locked = array->otp[RAIL_OTP_LOCKS + (offset + at) / MH_OTP_BLOCK_SIZE] == 0;
        error = locked ? MH_ERR_FLASH
                       : apply(array, &array->otp_area, &(struct nor_op){NOR_PROGRAM, offset + at, 4, data + at});
    }
    return error;
}

/// Life ///

static void bind(struct array_device *array, const struct mh_board *board)
{
    array->device = (struct mh_device){
        .board = board,
        .nor = {read_nor, program_nor, erase_nor, array},
        .internal = {array->internal.cells, internal_program, internal_erase, array},
        .otp = {array->otp, otp_program, array},
    };
}

bool array_device_create(struct array_device *array, const struct mh_board *board)
{
    memset(array, 0, sizeof *array);
    array->operations_left = UINT64_MAX;
    array->internal = (struct nor_array){.part = &nor_stm32f407_x32, .cells = malloc(nor_stm32f407_x32.size)};
    array->nor = (struct nor_array){.part = &nor_s25fl064k, .cells = malloc(nor_s25fl064k.size)};
    if (!array->internal.cells || !array->nor.cells) {
        array_device_free(array);
        return false;
    }
    memset(array->internal.cells, 0xFF, array->internal.part->size);
    memset(array->nor.cells, 0xFF, array->nor.part->size);
    array->otp_area = (struct nor_array){.part = &nor_stm32f407_otp, .cells = array->otp};
    memset(array->otp, 0xFF, sizeof array->otp);
    memcpy(array->otp + RAIL_OTP_OPTIONS, arrays_factory_options, sizeof arrays_factory_options);
    bind(array, board);
    return true;
}

void array_device_free(struct array_device *array)
{
    free(array->internal.cells);
    free(array->nor.cells);
    array->internal.cells = NULL;
    array->nor.cells = NULL;
}

void array_device_place(struct array_device *array, uint32_t address, const uint8_t *bytes, uint32_t size)
{
    memcpy(array->internal.cells + (address - MH_INTERNAL_BASE), bytes, size);
}

enum mh_error array_device_read_anchors(struct array_device *array)
{
    return mh_anchors_read(&array->device.anchors, array->internal.cells + (MH_ANCHORS_ADDRESS - MH_INTERNAL_BASE));
}

/// Folder ///

/* The three files, in one place for both directions. */
#define PARTS 3u

static void parts_of(const struct array_device *array, struct file_part parts[PARTS])
{
    parts[0] = (struct file_part){"internal.bin", array->internal.cells, array->internal.part->size};
    parts[1] = (struct file_part){"otp.bin", array->otp, sizeof array->otp};
    parts[2] = (struct file_part){"nor.bin", array->nor.cells, array->nor.part->size};
}

bool array_device_write(const struct array_device *array, const char *folder, struct problem *problem)
{
    struct file_part parts[PARTS];

    parts_of(array, parts);
    return files_write_folder(folder, parts, PARTS, problem);
}

bool array_device_read(struct array_device *array, const char *folder, struct problem *problem)
{
    struct file_part parts[PARTS];
    bool good = true;

    parts_of(array, parts);
    for (unsigned i = 0; good && i < PARTS; i++) {
        char *path = files_join(folder, parts[i].name);
        good = files_read_exactly(path, (void *)parts[i].data, parts[i].size, problem);
        free(path);
    }
    if (!good) {
        return false;
    }
    const enum mh_error error = array_device_read_anchors(array);
    if (error) {
        return problem_set(problem, PROBLEM_USE, "%s: no trust anchors at 0x%08X (%s); was it provisioned?", folder,
                           MH_ANCHORS_ADDRESS, mh_error_text(error));
    }
    array->device.board = mh_board_numbered(array->device.anchors.board);
    if (!array->device.board) {
        return problem_set(problem, PROBLEM_USE, "%s: the trust anchors name board %u, which is not known", folder,
                           (unsigned)array->device.anchors.board);
    }
    array->device.anchors.revoked = mh_otp_revoked(array->otp);
    return true;
}
