/* SPDX-License-Identifier: MIT
 *
 * Streams of the DMA controllers (RM0090 10.5).
 */
#ifndef PERIPHERALS_DMA_H
#define PERIPHERALS_DMA_H

#include "bare.h"

typedef struct Channel {
    uint32_t stream; /* address of its registers */
    uint32_t controller;
    unsigned number, channel;
} Channel;

/* Of CR. */
#define FROM_MEMORY (1u << 6)
#define CIRCULAR (1u << 8)
#define HALF_WORDS (1u << 13 | 1u << 11)
/* Of the flags. */
#define TCIF (1u << 5)
#define HTIF (1u << 4)

/* Stream `number` of the controller at that address, for the requests of `channel`. */
Channel channel(uint32_t controller, unsigned number, unsigned channel);
/* Those of the stream, as those of stream 0 stand in LISR. */
uint32_t dma_flags(Channel c);
/* Clears its flags, and starts `count` units; the memory's address goes on, the peripheral's stays. */
void dma_start(Channel c, uint32_t peripheral, void *memory, uint32_t count, uint32_t cr);

#endif
