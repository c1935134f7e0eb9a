/* SPDX-License-Identifier: MIT */
#include "lzma_encoder.h"

uint32_t lzma_encode(const uint8_t *plain, uint32_t length, uint8_t *to, uint32_t room)
{
    (void)plain;
    (void)length;
    (void)to;
    (void)room;
    return 0;
}
