/* SPDX-License-Identifier: MIT
 *
 * What devices decode with matterhorn/lzma.h: lzma_encoder.c where that is built in, else no_lzma_encoder.c.
 */
#ifndef MATTERHORN_LZMA_ENCODER_H
#define MATTERHORN_LZMA_ENCODER_H

#include <stdint.h>

/* Compresses into at most `room` bytes, without an end marker; the size, or 0 when it does not fit. */
uint32_t lzma_encode(const uint8_t *plain, uint32_t length, uint8_t *to, uint32_t room);

#endif
