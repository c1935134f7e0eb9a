/* SPDX-License-Identifier: MIT
 *
 * The package store (docs/SPEC.md 3.1): packages in 4 KB extents of the reserved megabyte.
 */
#ifndef MATTERHORN_STORE_H
#define MATTERHORN_STORE_H

#include "matterhorn/journal.h"
#include "matterhorn/package.h"

/* Chooses the lowest free extents for a package of `length` bytes as the incoming one; nothing is written. It will
 * replace the `components` (bit n - 1 for component n). When the running packages leave too few extents, that of the
 * other component is given up first, then those of the same ones: then there is nothing to roll this update back to.
 * MH_ERR_NO_ROOM when it is larger than the store. */
enum mh_error mh_store_allocate(struct mh_state *state, uint32_t length, const uint8_t id[MH_ID_SIZE],
                                unsigned components);

/* A stored package as a source for mh_package_open. */
struct mh_stored {
    const struct mh_nor *nor;
    uint8_t extents[MH_EXTENTS]; /* their numbers, ascending */
    unsigned count;
};

/* MH_ERR_LAYOUT when the entry has no package or too few extents for its length. */
enum mh_error mh_stored_open(struct mh_stored *stored, const struct mh_nor *nor, const struct mh_entry *entry,
                             struct mh_source *source);

/* Erases the extent of packet `index` of the package, writes `length` bytes (1 to 4096) and reads them back. */
enum mh_error mh_stored_write(const struct mh_stored *stored, unsigned index, const uint8_t *data, uint32_t length);

#endif
