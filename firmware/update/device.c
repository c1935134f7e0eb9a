/* SPDX-License-Identifier: MIT */
#include "matterhorn/device.h"

#include "matterhorn/bytes.h"

#include <string.h>

#define ANCHORS_MAGIC "MTHA"
#define ANCHORS_FORMAT 2u

enum { ANCHORS_OFF_FORMAT = 4, ANCHORS_OFF_BOARD = 8, ANCHORS_OFF_COUNT = 12, ANCHORS_OFF_KEYS = 16,
       ANCHORS_OFF_SECRET = 144, ANCHORS_OFF_CIPHER_KEY = 176, ANCHORS_OFF_CRC = 252 };

/* Zeros stand for none. */
static const uint8_t *given(const uint8_t key[MH_KEY_SIZE])
{
    static const uint8_t none[MH_KEY_SIZE];

    return memcmp(key, none, MH_KEY_SIZE) == 0 ? NULL : key;
}

enum mh_error mh_anchors_read(struct mh_anchors *anchors, const uint8_t bytes[MH_ANCHORS_SIZE])
{
    if (memcmp(bytes, ANCHORS_MAGIC, 4) != 0) {
        return MH_ERR_MAGIC;
    }
    if (mh_get32(bytes + ANCHORS_OFF_CRC) != mh_crc32(bytes, ANCHORS_OFF_CRC)) {
        return MH_ERR_IMAGE;
    }
    if (mh_get32(bytes + ANCHORS_OFF_FORMAT) != ANCHORS_FORMAT) {
        return MH_ERR_FORMAT;
    }
    anchors->board = mh_get32(bytes + ANCHORS_OFF_BOARD);
    anchors->count = mh_get32(bytes + ANCHORS_OFF_COUNT);
    if (anchors->count < 1 || anchors->count > MH_KEYS_MAX) {
        return MH_ERR_FIELD_VALUE;
    }
    memcpy(anchors->keys, bytes + ANCHORS_OFF_KEYS, sizeof anchors->keys);
    anchors->secret = given(bytes + ANCHORS_OFF_SECRET);
    anchors->cipher_key = given(bytes + ANCHORS_OFF_CIPHER_KEY);
    anchors->revoked = 0;
    return MH_OK;
}

void mh_anchors_write(const struct mh_anchors *anchors, uint8_t bytes[MH_ANCHORS_SIZE])
{
    memset(bytes, 0, MH_ANCHORS_SIZE);
    memcpy(bytes, ANCHORS_MAGIC, 4);
    mh_put32(bytes + ANCHORS_OFF_FORMAT, ANCHORS_FORMAT);
    mh_put32(bytes + ANCHORS_OFF_BOARD, anchors->board);
    mh_put32(bytes + ANCHORS_OFF_COUNT, anchors->count);
    memcpy(bytes + ANCHORS_OFF_KEYS, anchors->keys, anchors->count * MH_KEY_SIZE);
    if (anchors->secret) {
        memcpy(bytes + ANCHORS_OFF_SECRET, anchors->secret, MH_SECRET_SIZE);
    }
    if (anchors->cipher_key) {
        memcpy(bytes + ANCHORS_OFF_CIPHER_KEY, anchors->cipher_key, MH_KEY_SIZE);
    }
    mh_put32(bytes + ANCHORS_OFF_CRC, mh_crc32(bytes, ANCHORS_OFF_CRC));
}
