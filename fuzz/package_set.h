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
    MADE_ENCRYPTED,    /* both components, under the device's key, counter 2 */
    MADE_BY_KEY_1,     /* a runtime, signed by key 1, counter 2 */
    MADE_REVOKING,     /* an application that revokes key 1, counter 2 */
    MADE_LAST,         /* an application with the highest counter: what every device takes next */
    MADE
};

struct made {
    uint8_t *bytes;
    size_t size;
    uint8_t id[MH_ID_SIZE];
    struct package_image images[MH_COMPONENTS]; /* by component number - 1; path NULL: it has none */
    uint32_t counter;
    unsigned key;     /* number of the one that signed it */
    uint32_t revokes; /* bit n: key n */
};

/* Made at the first call, and the same ever after. */
const struct made *package_set(void);
/* The one with this id; NULL when none has it. */
const struct made *package_set_find(const uint8_t id[MH_ID_SIZE]);

#define PACKAGE_SET_KEYS 2u

/* Signs the manifest at `bytes`, of `size` bytes, with key `key` of the set; the signature goes behind it. */
void package_set_sign(uint8_t *bytes, uint32_t size, unsigned key);
/* The anchors of a device for the Ethernet board that knows these keys, and has a key for what is encrypted. */
void package_set_anchors(struct mh_anchors *anchors);

#endif
