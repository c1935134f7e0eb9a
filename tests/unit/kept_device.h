/* SPDX-License-Identifier: MIT
 *
 * A device that is brought back to one state behind each of many cases, and what a case must have left as it was.
 */
#ifndef TESTS_UNIT_KEPT_DEVICE_H
#define TESTS_UNIT_KEPT_DEVICE_H

#include "device_fixture.h"

#include <stdlib.h>

static struct {
    uint8_t *internal, *nor;
    uint8_t otp[RAIL_OTP_SIZE];
} kept;

static inline uint8_t *copy_of(uint8_t *copy, const struct nor_array *chip)
{
    copy = realloc(copy, chip->part->size);
    assert_non_null(copy);
    return memcpy(copy, chip->cells, chip->part->size);
}

/* From now on it is what the device holds now that is compared with, and brought back. Free with forget_device(). */
static inline void keep_device(void)
{
    kept.internal = copy_of(kept.internal, &array.internal);
    kept.nor = copy_of(kept.nor, &array.nor);
    memcpy(kept.otp, array.otp, sizeof kept.otp);
}

static inline void restore_device(void)
{
    memcpy(array.internal.cells, kept.internal, array.internal.part->size);
    memcpy(array.nor.cells, kept.nor, array.nor.part->size);
    memcpy(array.otp, kept.otp, sizeof kept.otp);
    memset(&update, 0, sizeof update);
}

static inline void forget_device(void)
{
    free(kept.internal);
    free(kept.nor);
    memset(&kept, 0, sizeof kept);
}

/* `name` is that of the case. */
static inline void assert_internal_unchanged(const char *name)
{
    if (memcmp(array.internal.cells, kept.internal, array.internal.part->size) != 0) {
        fail_msg("%s: the internal flash was changed", name);
    }
}

/* Up to an offset, 0: all of it. */
static inline void assert_nor_unchanged(const char *name, uint32_t end)
{
    if (memcmp(array.nor.cells, kept.nor, end ? end : array.nor.part->size) != 0) {
        fail_msg("%s: the SPI flash was changed", name);
    }
}

#endif
