/* SPDX-License-Identifier: MIT
 *
 * Makes packages (docs/SPEC.md 2).
 */
#ifndef MATTERHORN_PACKAGE_WRITER_H
#define MATTERHORN_PACKAGE_WRITER_H

#include "matterhorn/package.h"
#include "problem.h"

#include <stddef.h>
#include <stdint.h>

/* One component to pack. */
struct package_image {
    const char *path; /* where the bytes came from, for messages; NULL = the component is not in the package */
    uint8_t *bytes;
    size_t size;
};

struct package_order {
    const struct mh_board *board;
    struct package_image images[MH_COMPONENTS]; /* by component number - 1 */
    struct mh_version version;
    uint32_t counter;
    uint32_t codec; /* enum mh_codec */
    const char *name; /* NULL = none */
    uint8_t seed[32]; /* of the private key */
};

/* Checks that the images can be packed for this board: size, and that each is linked for its region. */
bool package_check(const struct package_order *order, struct problem *problem);

/* Makes the package; *bytes is malloc'ed. The order was checked. */
bool package_write(const struct package_order *order, uint8_t **bytes, size_t *size, struct problem *problem);

#endif
