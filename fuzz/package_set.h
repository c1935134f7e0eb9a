/* SPDX-License-Identifier: MIT
 *
 * The packages that the targets with a whole device offer, made by the writer of `matterhorn pack`, and the key that
 * signs them.
 */
#ifndef MATTERHORN_FUZZ_PACKAGE_SET_H
#define MATTERHORN_FUZZ_PACKAGE_SET_H

#include "package_writer.h"

enum made_number {
    MADE_APPLICATION,  /* two chunks, counter 1 */
    MADE_NEWER,        /* the same, other contents, stored uncompressed, counter 2 */
    MADE_RUNTIME,      /* counter 1 */
    MADE_BOTH,         /* both components, counter 2 */
    MADE_TWO_SECTORS,  /* a runtime that begins in sector 4 and ends in sector 5, counter 2 */
    MADE_SMALLEST,     /* an application of 8 bytes, counter 3 */
    MADE_WRONG_IMAGE,  /* signed, but the hash of the image is of another one */
    MADE_OTHER_BOARD,  /* for the USB board */
    MADE_LAST,         /* an application with the highest counter: what every device takes next */
    MADE
};

struct made {
    uint8_t *bytes;
    size_t size;
    uint8_t id[MH_ID_SIZE];
    struct package_image images[MH_COMPONENTS]; /* by component number - 1; path NULL: it has none */
    uint32_t counter;
};

/* Made at the first call, and the same ever after. */
const struct made *package_set(void);
/* The one with this id; NULL when none has it. */
const struct made *package_set_find(const uint8_t id[MH_ID_SIZE]);

/* Signs the manifest at `bytes`, of `size` bytes, with the key of the set; the signature goes behind it. */
void package_set_sign(uint8_t *bytes, uint32_t size);
/* The anchors of a device for the Ethernet board that knows this key. */
void package_set_anchors(struct mh_anchors *anchors);

#endif
