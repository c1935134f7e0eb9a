/* SPDX-License-Identifier: MIT
 *
 * Makes packages (docs/SPEC.md 2).
 */
#ifndef MATTERHORN_PACKAGE_WRITER_H
#define MATTERHORN_PACKAGE_WRITER_H

#include "matterhorn/package.h"
#include "problem.h"

#include <stdbool.h>
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
    struct mh_version requires[MH_COMPONENTS]; /* by component number - 1, of the other one; 0.0.0.0: any */
    bool encrypted; /* under cipher_key */
    uint8_t cipher_key[MH_KEY_SIZE];
    uint8_t nonces[MH_COMPONENTS][MH_NONCE_SIZE]; /* by component number - 1; no two with the same key, ever */
    uint32_t revokes; /* bit n: key n is revoked when the package is confirmed; 0 = none */
    const char *name; /* NULL = none */
    uint8_t seed[32]; /* of the private key */
};

/* Checks that the images can be packed for this board: size, and that each is linked for its region; and that nothing
 * is said of a component that is not in the package. */
bool package_check(const struct package_order *order, struct problem *problem);

/* Makes the package; *bytes is malloc'ed. The order was checked. */
bool package_write(const struct package_order *order, uint8_t **bytes, size_t *size, struct problem *problem);

#endif
