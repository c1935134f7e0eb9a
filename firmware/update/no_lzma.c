/* SPDX-License-Identifier: MIT */
#include "matterhorn/lzma.h"

const bool mh_lzma_built_in = false;

enum mh_error mh_lzma_decode(const uint8_t *from, uint32_t stored, uint8_t *to, uint32_t length,
                             uint32_t work[MH_LZMA_WORK / sizeof(uint32_t)])
{
    (void)from;
    (void)stored;
    (void)to;
    (void)length;
    (void)work;
    return MH_ERR_CODEC;
}
