/* SPDX-License-Identifier: MIT */
#include "production.h"

#include "files.h"
#include "hex_image.h"
#include "option_bytes.h"

#include "matterhorn/journal.h"
#include "matterhorn/otp.h"

#include <stdio.h>
#include <stdlib.h>

#define OTP_ADDRESS 0x1FFF7800u /* RM0090 table 5 */

enum part {
    PART_INTERNAL,
    PART_BOOTLOADER,
    PART_CONFIG,
    PART_RUNTIME,
    PART_APPLICATION,
    PART_OTP,
    PART_OPTIONS,
    TEXTS
};

static const char *const names[TEXTS] = {
    [PART_INTERNAL] = "internal.hex", [PART_BOOTLOADER] = "bootloader.hex",   [PART_CONFIG] = "config.hex",
    [PART_RUNTIME] = "runtime.hex",   [PART_APPLICATION] = "application.hex", [PART_OTP] = "otp.hex",
    [PART_OPTIONS] = "option-bytes.txt",
};

static struct hex_range range_of(const struct array_device *array, enum part part)
{
    const struct mh_region *regions = array->device.board->regions;

    switch (part) {
    case PART_BOOTLOADER:
        return (struct hex_range){MH_INTERNAL_BASE, MH_CONFIG_ADDRESS - MH_INTERNAL_BASE};
    case PART_CONFIG:
        return (struct hex_range){MH_CONFIG_ADDRESS, MH_CONFIG_SIZE};
    case PART_RUNTIME:
        return (struct hex_range){regions[MH_RUNTIME - 1].address, regions[MH_RUNTIME - 1].size};
    case PART_APPLICATION:
        return (struct hex_range){regions[MH_APPLICATION - 1].address, regions[MH_APPLICATION - 1].size};
    default:
        return (struct hex_range){MH_INTERNAL_BASE, MH_INTERNAL_SIZE};
    }
}

/* The same value in the ways in which programmers ask for it. */
static char *option_text(const struct array_device *array, size_t *length)
{
    const unsigned optcr = option_bytes_get(array->otp);
    char *text = NULL;
    FILE *stream = open_memstream(&text, length);

    if (!stream) {
        return NULL;
    }
    fprintf(stream, "OPTCR=0x%08X\nUSER=0x%02X\nRDP=0x%02X\nNWRP=0x%03X\n", optcr, optcr & 0xFF, optcr >> 8 & 0xFF,
            optcr >> 16);
    return fclose(stream) == 0 ? text : NULL;
}

static char *text_of(const struct array_device *array, enum part part, size_t *length)
{
    if (part == PART_OPTIONS) {
        return option_text(array, length);
    }
    if (part == PART_OTP) {
        return hex_image(array->otp, (struct hex_range){OTP_ADDRESS, MH_OTP_SIZE}, length);
    }
    const struct hex_range range = range_of(array, part);
    return hex_image(array->internal.cells + (range.address - MH_INTERNAL_BASE), range, length);
}

bool production_write(const struct array_device *array, const char *folder, struct problem *problem)
{
    struct file_part parts[TEXTS + 1];
    char *texts[TEXTS] = {NULL};
    bool good = true;

    for (unsigned i = 0; good && i < TEXTS; i++) {
        texts[i] = text_of(array, (enum part)i, &parts[i].size);
        parts[i].name = names[i];
        parts[i].data = texts[i];
        good = texts[i] != NULL || problem_set(problem, PROBLEM_BENCH, "provision: out of memory");
    }
    parts[TEXTS] = (struct file_part){"reserved.bin", array->nor.cells + MH_RESERVED_ADDRESS,
                                      array->nor.part->size - MH_RESERVED_ADDRESS};
    good = good && files_write_folder(folder, parts, TEXTS + 1, problem);
    for (unsigned i = 0; i < TEXTS; i++) {
        free(texts[i]);
    }
    return good;
}
