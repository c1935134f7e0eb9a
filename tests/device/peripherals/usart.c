/* SPDX-License-Identifier: MIT */
#include "dma.h"
#include "interrupts.h"
#include "tests.h"

static uint32_t usart;
static uint8_t heard[32];
static volatile uint32_t hearings;

static void hear(void)
{
    uint32_t sr = REG(usart);
    if (sr & 1u << 5)
        heard[hearings++] = REG(usart + 4);
    if (sr & 1u << 4) {
        (void)REG(usart + 4);
        REG(usart + 12) &= ~(1u << 4);
    }
}

static void say(uint8_t byte)
{
    while (!(REG(usart) & 1u << 7))
        ;
    REG(usart + 4) = byte;
}

static void usart_polled(void)
{
    uint32_t start = CYCLES, sum = 0;
    for (uint8_t i = 0; i < 3; i++) {
        say(0xA0 + i);
        while (!(REG(usart) & 1u << 5))
            ;
        sum = sum << 8 | (uint8_t)REG(usart + 4);
    }
    while (!(REG(usart) & 1u << 4))
        ;
    uint32_t idle = CYCLES - start;
    print("polled", sum);
    print("idle_cycles", idle);
    (void)REG(usart + 4);
    print("idle_cleared", REG(usart) >> 4 & 1);
}

static void usart_interrupts(unsigned irq)
{
    listen(irq, hear);
    hearings = 0;
    REG(usart + 12) |= 1u << 5 | 1u << 4;
    uint32_t start = CYCLES;
    for (uint8_t i = 0; i < 3; i++) {
        say(0xB0 + i);
        wait_for(irq, i + 1);
    }
    wait_for(irq, 4);
    print("idle_interrupt_cycles", CYCLES - start);
    print("first_interrupt_cycles", first_at[irq] - start);
    print("interrupts", heard[0] << 16 | heard[1] << 8 | heard[2]);
    REG(usart + 12) &= ~(1u << 5);
    ignore(irq);
}

static void usart_overrun(void)
{
    for (uint8_t i = 0; i < 3; i++)
        say(0xC0 + i);
    while (!(REG(usart) & 1u << 6))
        ;
    uint32_t sr = REG(usart);
    print("overrun", sr >> 3 & 1);
    print("kept", REG(usart + 4));
    print("after_overrun", REG(usart) & 0x2F);
}

static void usart_dma(Channel rx, Channel tx)
{
    static uint8_t out[16];
    for (uint8_t i = 0; i < 16; i++)
        out[i] = 3 * i + 1, heard[i] = 0;
    (void)REG(usart); /* an idle line from before */
    (void)REG(usart + 4);
    REG(usart + 20) |= 3u << 6;
    dma_start(rx, usart + 4, heard, 12, CIRCULAR);
    uint32_t start = CYCLES;
    dma_start(tx, usart + 4, out, 16, FROM_MEMORY);
    while (!(dma_flags(tx) & TCIF))
        ;
    uint32_t sent = CYCLES - start;
    while (!(REG(usart) & 1u << 4))
        ;
    uint32_t idle = CYCLES - start;
    print("dma_cycles", sent);
    print("dma_idle_cycles", idle);
    print("rx_flags", dma_flags(rx));
    print("rx_left", REG(rx.stream + 4));
    print("tx_enabled", REG(tx.stream) & 1);
    uint32_t good = 0;
    for (unsigned i = 0; i < 12; i++)
        good += heard[i] == out[i < 4 ? i + 12 : i];
    print("dma_good", good);
    REG(rx.stream) = 0;
    REG(usart + 20) &= ~(3u << 6);
}

/* USART2, one wire, DMA1 stream 5: ten bytes go to two buffers of four; the third one takes the first one's place. */
void test_double_buffer(void)
{
    static uint8_t buffers[3][4];
    Channel rx = channel(0x40026000, 5, 4);
    usart = 0x40004400;
    REG(usart + 8) = 42;
    REG(usart + 20) = 1u << 3 | 1u << 6;
    REG(usart + 12) = 1u << 13 | 1u << 3 | 1u << 2;
    REG(rx.stream + 16) = (uint32_t)buffers[1];
    dma_start(rx, usart + 4, buffers[0], 4, 1u << 18);
    for (uint8_t i = 1; i <= 4; i++)
        say(i);
    while (!(dma_flags(rx) & TCIF))
        ;
    print("second", REG(rx.stream) >> 19 & 1);
    REG(rx.stream + 12) = (uint32_t)buffers[2];
    REG(rx.stream + 16) = 0x20000000; /* in use: refused */
    for (uint8_t i = 5; i <= 10; i++)
        say(i);
    while (!(REG(usart) & 1u << 4))
        ;
    print("first_again", !(REG(rx.stream) >> 19 & 1));
    print("left", REG(rx.stream + 4));
    print("enabled", REG(rx.stream) & 1);
    for (unsigned i = 0; i < 3; i++)
        print("buffer", buffers[i][0] << 24 | buffers[i][1] << 16 | buffers[i][2] << 8 | buffers[i][3]);
}

/* USART2 hears somebody else: five bytes polled, five by interrupt. */
void test_usart_input(void)
{
    usart = 0x40004400;
    REG(usart + 8) = 42;
    REG(usart + 12) = 1u << 13 | 1u << 2;
    for (int i = 0; i < 5; i++) {
        while (!(REG(usart) & 1u << 5))
            ;
        print("polled", REG(usart + 4));
    }
    listen(38, hear);
    hearings = 0;
    REG(usart + 12) |= 1u << 5;
    wait_for(38, 5);
    REG(usart + 12) = 0;
    for (int i = 0; i < 5; i++)
        print("interrupt", heard[i]);
    print("status", REG(usart) & 0x2F);
}

/* Its address, interrupt and clock; DMA controller, streams and channel of RX and TX */
void test_usart(void)
{
    usart = TEST[1];
    REG(usart + 8) = TEST[3] / 1000000; /* 1 Mbit/s */
    REG(usart + 20) = 1u << 3;          /* one wire: what is sent is received */
    REG(usart + 12) = 1u << 13 | 1u << 3 | 1u << 2;
    usart_polled();
    usart_interrupts(TEST[2]);
    usart_overrun();
    usart_dma(channel(TEST[4], TEST[5], TEST[7]), channel(TEST[4], TEST[6], TEST[7]));
}
