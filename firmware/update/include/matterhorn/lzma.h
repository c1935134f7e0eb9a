/* SPDX-License-Identifier: MIT
 *
 * LZMA, the codec that is there when it was built in (CMake option MATTERHORN_LZMA): lzma.c, else no_lzma.c.
 */
#ifndef MATTERHORN_LZMA_H
#define MATTERHORN_LZMA_H

#include "matterhorn/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Properties of every chunk (docs/SPEC.md 2.2). */
#define MH_LZMA_LC 0u /* bits of the byte before that choose the model of a literal */
#define MH_LZMA_LP 1u /* bits of the position that do: instructions are half-words */
#define MH_LZMA_PB 1u /* bits of the position that choose the other models */

/* Bytes of working memory: the decoder's probabilities. */
#ifdef MATTERHORN_LZMA
#define MH_LZMA_WORK (2u * (1846u + (0x300u << (MH_LZMA_LC + MH_LZMA_LP))))
#else
#define MH_LZMA_WORK 4u /* not used */
#endif

extern const bool mh_lzma_built_in;

/* Decodes a raw LZMA stream of `stored` bytes without an end marker, which must yield exactly `length` bytes and be
 * used up by that; nothing is written beyond them. MH_ERR_CHUNK when it does not; MH_ERR_CODEC when it is not built
 * in. */
enum mh_error mh_lzma_decode(const uint8_t *from, uint32_t stored, uint8_t *to, uint32_t length,
                             uint32_t work[MH_LZMA_WORK / sizeof(uint32_t)]);

#endif
