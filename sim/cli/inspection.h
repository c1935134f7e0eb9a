/* SPDX-License-Identifier: MIT
 *
 * Packages and devices described, for people and as JSON.
 */
#ifndef MATTERHORN_INSPECTION_H
#define MATTERHORN_INSPECTION_H

#include "array_device.h"

#include "matterhorn/update.h"

#include <stdbool.h>

/* The device that is asked about a package. */
struct asked {
    const struct mh_device *device; /* a real one; NULL = made up from what follows */
    const struct mh_board *board;   /* NULL = the package's own */
    struct mh_anchors anchors;      /* count 0 = the signature is not checked */
    uint8_t device_key[MH_KEY_SIZE]; /* the anchors', when they have one; else what is encrypted is checked as stored */
    uint32_t counter;
};

/* Prints the package and the verdict. True when the device would accept it. */
bool inspection_print_package(const uint8_t *bytes, uint32_t size, const struct asked *asked, bool as_json);

enum inspection_result {
    INSPECTION_GOOD,
    INSPECTION_WARNED, /* every component verifies, but something is not as it should be in the field */
    INSPECTION_BAD,    /* a component does not verify */
};

/* Prints what the device holds, what protects it, and warnings. */
enum inspection_result inspection_print_device(const struct array_device *array, bool as_json);

/* Prints what a device answered to a package that was offered to it, and where it stored it. */
void inspection_print_offer(const struct mh_update *update, enum mh_error answer, bool as_json);

#endif
