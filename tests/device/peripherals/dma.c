/* SPDX-License-Identifier: MIT */
#include "dma.h"

Channel channel(uint32_t controller, unsigned number, unsigned channel)
{
    return (Channel){controller + 0x10 + 0x18 * number, controller, number, channel};
}

uint32_t dma_flags(Channel c)
{
    static const uint8_t shifts[4] = {0, 6, 16, 22};
    return REG(c.controller + c.number / 4 * 4) >> shifts[c.number % 4] & 0x3D;
}

void dma_start(Channel c, uint32_t peripheral, void *memory, uint32_t count, uint32_t cr)
{
    REG(c.controller + 8 + c.number / 4 * 4) = 0xFFFFFFFF;
    REG(c.stream + 4) = count;
    REG(c.stream + 8) = peripheral;
    REG(c.stream + 12) = (uint32_t)memory;
    REG(c.stream) = c.channel << 25 | cr | 1u << 10 | 1;
}
