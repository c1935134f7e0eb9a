/* SPDX-License-Identifier: MIT */
#include "dma.h"
#include "interrupts.h"
#include "tests.h"

/// Pins ///

static void pin_mode(unsigned pin, unsigned mode, unsigned alternate)
{
    uint32_t port = GPIO(pin / 16);
    pin %= 16;
    REG(port + 0x20 + pin / 8 * 4) &= ~(15u << 4 * (pin % 8));
    REG(port + 0x20 + pin / 8 * 4) |= alternate << 4 * (pin % 8);
    REG(port) = (REG(port) & ~(3u << 2 * pin)) | mode << 2 * pin;
}

static void set_pin(unsigned pin, bool high)
{
    REG(GPIO(pin / 16) + 0x18) = 1u << (pin % 16 + (high ? 0 : 16));
}

/// The id of the SPI NOR, in each way ///

static uint32_t spi;
static volatile uint8_t answers[4];
static volatile uint32_t taken;

static void take_spi(void)
{
    answers[taken++] = REG8(spi + 12);
    if (taken < 4)
        REG8(spi + 12) = 0;
}

static uint32_t id_polled(void)
{
    uint32_t id = 0;
    for (int i = 0; i < 4; i++) {
        while (!(REG(spi + 8) & 2))
            ;
        REG8(spi + 12) = i == 0 ? 0x9F : 0;
        while (!(REG(spi + 8) & 1))
            ;
        id = id << 8 | REG8(spi + 12);
    }
    return id & 0xFFFFFF;
}

static uint32_t id_wide(void)
{
    uint32_t id = 0;
    for (int i = 0; i < 2; i++) {
        while (!(REG(spi + 8) & 2))
            ;
        REG16(spi + 12) = i == 0 ? 0x9F00 : 0;
        while (!(REG(spi + 8) & 1))
            ;
        id = id << 16 | REG16(spi + 12);
    }
    return id & 0xFFFFFF;
}

static uint32_t id_by_interrupt(unsigned irq)
{
    listen(irq, take_spi);
    taken = 0;
    REG(spi + 4) = 1u << 6;
    REG8(spi + 12) = 0x9F;
    wait_for(irq, 4);
    REG(spi + 4) = 0;
    ignore(irq);
    return answers[1] << 16 | answers[2] << 8 | answers[3];
}

static uint32_t id_by_dma(Channel rx, Channel tx)
{
    static uint8_t out[4] = {0x9F}, in[4];
    dma_start(rx, spi + 12, in, 4, 0);
    dma_start(tx, spi + 12, out, 4, FROM_MEMORY);
    REG(spi + 4) = 3;
    while (!(dma_flags(rx) & TCIF))
        ;
    REG(spi + 4) = 0;
    return in[1] << 16 | in[2] << 8 | in[3];
}

static uint32_t id_by_wide_dma(Channel rx, Channel tx)
{
    static uint16_t out[2] = {0x9F00}, in[2];
    dma_start(rx, spi + 12, in, 2, HALF_WORDS);
    dma_start(tx, spi + 12, out, 2, FROM_MEMORY | HALF_WORDS);
    REG(spi + 4) = 3;
    while (!(dma_flags(rx) & TCIF))
        ;
    REG(spi + 4) = 0;
    return (in[0] & 0xFF) << 16 | in[1];
}

/* As common drivers do it: whatever can be written is, then whatever can be read. */
static uint32_t id_pipelined(void)
{
    uint32_t id = 0, sent = 0;
    for (int i = 0; i < 4;) {
        if (sent < 4 && REG(spi + 8) & 2)
            REG8(spi + 12) = sent++ == 0 ? 0x9F : 0;
        if (REG(spi + 8) & 1) {
            id = id << 8 | REG8(spi + 12);
            i++;
        }
    }
    return id & 0xFFFFFF;
}

static void identify(const char *name, const char *cycles, unsigned way, unsigned irq, Channel rx, Channel tx)
{
    unsigned select = TEST[6];
    bool wide = way == 1 || way == 4;
    REG(spi) = 0;
    REG(spi) = (wide ? 1u << 11 : 0) | 3u << 8 | 1u << 6 | 1u << 3 | 1u << 2; /* master, /4, mode 0 */
    set_pin(select, false);
    uint32_t start = CYCLES;
    uint32_t id = way == 0 ? id_polled() : way == 1 ? id_wide() : way == 2 ? id_by_interrupt(irq) :
                  way == 3 ? id_by_dma(rx, tx) : way == 4 ? id_by_wide_dma(rx, tx) : id_pipelined();
    while (REG(spi + 8) & 1u << 7)
        ;
    uint32_t end = CYCLES;
    set_pin(select, true);
    print(name, id);
    print(cycles, end - start);
}

/* SPI's number, SCK, MISO, MOSI, alternate function, chip select, DMA controller, streams and channel of RX and TX */
void test_spi(void)
{
    static const uint32_t bases[] = {0x40013000, 0x40003800, 0x40003C00};
    static const uint8_t irqs[] = {35, 36, 51};
    spi = bases[TEST[1] - 1];
    for (unsigned i = 2; i <= 4; i++)
        pin_mode(TEST[i], 2, TEST[5]);
    set_pin(TEST[6], true);
    pin_mode(TEST[6], 1, 0);
    Channel rx = channel(TEST[7], TEST[8], TEST[10]), tx = channel(TEST[7], TEST[9], TEST[10]);
    unsigned irq = irqs[TEST[1] - 1];
    identify("id", "id_cycles", 0, irq, rx, tx);
    identify("wide", "wide_cycles", 1, irq, rx, tx);
    identify("interrupt", "interrupt_cycles", 2, irq, rx, tx);
    identify("dma", "dma_cycles", 3, irq, rx, tx);
    identify("wide_dma", "wide_dma_cycles", 4, irq, rx, tx);
    identify("pipelined", "pipelined_cycles", 5, irq, rx, tx);
    pin_mode(TEST[3], 0, 0);
    identify("unwired", "unwired_cycles", 0, irq, rx, tx);
}

static volatile uint32_t frames_sent;

static void feed_spi(void)
{
    REG8(spi + 12) = 0x90 + frames_sent++;
    if (frames_sent == 4)
        REG(spi + 4) = 0;
}

static void overrun_spi(void)
{
    (void)REG8(spi + 12);
    (void)REG(spi + 8);
}

/* TXE asks for frame after frame, as fast as they go; nobody reads, so that the second one is an overrun. */
void test_spi_interrupts(void)
{
    spi = 0x40013000;
    REG(spi) = 3u << 8 | 1u << 6 | 7u << 3 | 1u << 2; /* master, /256: 24.4 us a frame */
    listen(35, feed_spi);
    uint32_t start = CYCLES;
    REG(spi + 4) = 1u << 7;
    wait_for(35, 4);
    uint32_t fourth = CYCLES - start;
    ignore(35);
    while (REG(spi + 8) & 1u << 7)
        ;
    print("fourth_cycles", fourth);
    print("status", REG(spi + 8));
    overrun_spi();
    print("cleared", REG(spi + 8));
    listen(35, overrun_spi);
    start = CYCLES;
    REG(spi + 4) = 1u << 5;
    REG8(spi + 12) = 1;
    while (!(REG(spi + 8) & 2))
        ;
    REG8(spi + 12) = 2;
    wait_for(35, 1);
    print("error_cycles", first_at[35] - start);
    print("errors", counts[35]);
}
