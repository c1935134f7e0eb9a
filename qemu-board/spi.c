/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SPI1 to SPI3: RM0090 Rev 21 section 28, full-duplex master. The SPI NOR hangs on one of them when its pins are
 * switched to it; the others read ones. A frame is exchanged when it is written and shows up when it has been shifted.
 */
#include "mcu.h"

enum {
    SPI_CR1 = 0x00,
    SPI_CR2 = 0x04,
    SPI_SR = 0x08,
    SPI_DR = 0x0C,
    SPI_CRCPR = 0x10,
    SPI_I2SPR = 0x20,
};

enum {
    CR1_MSTR = 1u << 2,
    CR1_SPE = 1u << 6,
    CR1_LSBFIRST = 1u << 7,
    CR1_DFF = 1u << 11,
    CR1_CRCEN = 1u << 13,
    CR2_RXDMAEN = 1u << 0,
    CR2_TXDMAEN = 1u << 1,
    CR2_ERRIE = 1u << 5,
    CR2_RXNEIE = 1u << 6,
    CR2_TXEIE = 1u << 7,
    SR_RXNE = 1u << 0,
    SR_TXE = 1u << 1,
    SR_OVR = 1u << 6,
    SR_BSY = 1u << 7,
};

#define PIN(port, pin) (PORT_##port * 16 + (pin))

/* Pins: data sheet DS8626 table 9. */
static const struct {
    const char *name;
    uint32_t base;
    unsigned irq;
    int alternate;
    DmaRequest rx, tx;
    uint8_t pins[NOR_SIGNALS][NOR_PINS];
} spis[SPIS] = {
    {"spi1", 0x40013000, 35, 5, {2, 2, {{0, 3}, {2, 3}}}, {2, 2, {{3, 3}, {5, 3}}},
     {{PIN(A, 5), PIN(B, 3), NO_PIN}, {PIN(A, 6), PIN(B, 4), NO_PIN}, {PIN(A, 7), PIN(B, 5), NO_PIN}}},
    {"spi2", 0x40003800, 36, 5, {1, 1, {{3, 0}}}, {1, 1, {{4, 0}}},
     {{PIN(B, 10), PIN(B, 13), PIN(I, 1), NO_PIN}, {PIN(B, 14), PIN(C, 2), PIN(I, 2), NO_PIN},
      {PIN(B, 15), PIN(C, 3), PIN(I, 3), NO_PIN}}},
    {"spi3", 0x40003C00, 51, 6, {1, 2, {{0, 0}, {2, 0}}}, {1, 2, {{5, 0}, {7, 0}}},
     {{PIN(B, 3), PIN(C, 10), NO_PIN}, {PIN(B, 4), PIN(C, 11), NO_PIN}, {PIN(B, 5), PIN(C, 12), NO_PIN}}},
};

void spi_pins(unsigned number, uint8_t pins[NOR_SIGNALS][NOR_PINS])
{
    memcpy(pins, spis[number - 1].pins, sizeof(spis[0].pins));
}

static unsigned frame_bytes(Spi *spi)
{
    return spi->cr1 & CR1_DFF ? 2 : 1;
}

static int64_t frame_ns(Spi *spi)
{
    unsigned divider = 2u << extract32(spi->cr1, 3, 3);
    uint32_t pclk = spi->number == 1 ? spi->mcu->rcc.pclk2 : spi->mcu->rcc.pclk1;
    return muldiv64(8 * frame_bytes(spi) * NANOSECONDS_PER_SECOND, divider, pclk);
}

/* To the NOR. */
static bool connected(Spi *spi)
{
    const Board *board = &spi->mcu->board;
    if (spi->number != board->nor_spi)
        return false;
    for (unsigned signal = 0; signal < NOR_SIGNALS; signal++) {
        const uint8_t *pin = board->nor_bus[signal];
        while (*pin != NO_PIN && gpio_alternate(spi->mcu, *pin / 16, *pin % 16) != spis[spi->number - 1].alternate)
            pin++;
        if (*pin == NO_PIN)
            return false;
    }
    return true;
}

bool spi_idle(Spi *spi)
{
    return time_now(spi->mcu) >= spi->done_at;
}

/* 28.3.10: a frame that ends while the one before was not read is lost. */
static void settle(Spi *spi)
{
    while (spi->fill > 1 && time_now(spi->mcu) >= spi->fifo[1].at) {
        spi->fifo[1] = spi->fifo[2];
        spi->fill--;
        spi->overrun = true;
    }
}

static uint32_t status(Spi *spi)
{
    int64_t now = time_now(spi->mcu);
    uint32_t sr = 0;
    if (spi->fill != 0 && now >= spi->fifo[0].at)
        sr |= SR_RXNE;
    if (now >= spi->free_at)
        sr |= SR_TXE;
    if (now < spi->done_at)
        sr |= SR_BSY;
    if (spi->overrun)
        sr |= SR_OVR;
    return sr;
}

static int64_t next_change(Spi *spi)
{
    int64_t now = time_now(spi->mcu);
    return now < spi->free_at ? spi->free_at : spi->fill != 0 && now < spi->fifo[0].at ? spi->fifo[0].at : spi->done_at;
}

static void update(Spi *spi)
{
    settle(spi);
    uint32_t sr = status(spi);
    bool level = ((sr & SR_RXNE) && (spi->cr2 & CR2_RXNEIE)) || ((sr & SR_TXE) && (spi->cr2 & CR2_TXEIE)) ||
                 ((sr & SR_OVR) && (spi->cr2 & CR2_ERRIE));
    qemu_set_irq(spi->irq, level);
    if ((spi->cr2 & (CR2_RXNEIE | CR2_TXEIE | CR2_ERRIE)) && time_now(spi->mcu) < next_change(spi))
        timer_mod(spi->timer, time_to_clock(spi->mcu, next_change(spi)));
    else
        timer_del(spi->timer);
}

static void timer(void *opaque)
{
    update(opaque);
}

static bool enabled(Spi *spi)
{
    return (spi->cr1 & (CR1_SPE | CR1_MSTR)) == (CR1_SPE | CR1_MSTR);
}

static void exchange(Spi *spi, uint8_t *bytes, uint32_t count)
{
    if (connected(spi))
        spi_nor_exchange(spi->mcu, bytes, count);
    else
        memset(bytes, 0xFF, count);
}

/* Frames as they are in memory, little-endian; on the wire the high byte comes first. */
static void exchange_frames(Spi *spi, uint8_t *bytes, uint32_t count)
{
    unsigned size = frame_bytes(spi);
    for (uint32_t i = 0; size == 2 && i < count; i++)
        bswap16s((uint16_t *)bytes + i);
    exchange(spi, bytes, count * size);
    for (uint32_t i = 0; size == 2 && i < count; i++)
        bswap16s((uint16_t *)bytes + i);
}

static void transmit(Spi *spi, uint16_t frame)
{
    if (!enabled(spi)) {
        qemu_log_mask(LOG_GUEST_ERROR, "SPI%u: DR written while it is no enabled master\n", spi->number);
        return;
    }
    if (time_now(spi->mcu) < spi->free_at) {
        qemu_log_mask(LOG_GUEST_ERROR, "SPI%u: DR written while TXE is 0\n", spi->number);
        return;
    }
    /* The times come first: the exchange of a status byte may be a stall, which a pause may interrupt. */
    spi->free_at = MAX(time_now(spi->mcu), spi->done_at);
    spi->done_at = spi->free_at + frame_ns(spi);
    uint8_t bytes[2] = {frame & 0xFF, frame >> 8};
    exchange_frames(spi, bytes, 1);
    g_assert(spi->fill < ARRAY_SIZE(spi->fifo)); /* TXE was 1: there is room in the transmit buffer */
    spi->fifo[spi->fill].data = frame_bytes(spi) == 2 ? lduw_le_p(bytes) : bytes[0];
    spi->fifo[spi->fill++].at = spi->done_at;
}

static uint16_t take_received(Spi *spi)
{
    uint16_t data = spi->fifo[0].data;
    if (spi->fill != 0 && time_now(spi->mcu) >= spi->fifo[0].at && current_cpu != NULL) {
        spi->overrun = false;
        spi->fifo[0] = spi->fifo[1];
        spi->fifo[1] = spi->fifo[2];
        spi->fill--;
    }
    return data;
}

/// DMA ///

/* Both directions at once: frames are exchanged now, the streams end when the last one has been shifted. */
void spi_dma(Spi *spi)
{
    if (!enabled(spi) || !(spi->cr2 & CR2_TXDMAEN))
        return;
    Stream *tx = dma_stream(spi->mcu, &spis[spi->number - 1].tx, false);
    if (tx == NULL)
        return;
    Stream *rx = spi->cr2 & CR2_RXDMAEN ? dma_stream(spi->mcu, &spis[spi->number - 1].rx, true) : NULL;
    uint32_t count = tx->ndtr;
    unsigned unit = frame_bytes(spi);
    g_autofree uint8_t *bytes = g_malloc(MAX(count * unit, 1));
    if (!dma_move(tx, bytes, count * unit, unit, false))
        return;
    int64_t start = MAX(time_now(spi->mcu), spi->done_at);
    int64_t end = start + count * frame_ns(spi);
    exchange_frames(spi, bytes, count);
    spi->done_at = end;
    spi->free_at = MAX(start, end - frame_ns(spi));
    dma_busy(tx, spi->free_at);
    if (rx != NULL) {
        uint32_t taken = MIN(count, rx->ndtr);
        if (dma_move(rx, bytes, taken * unit, unit, true) && taken == rx->ndtr)
            dma_busy(rx, end);
    } else if (count > 1) {
        spi->overrun = true;
    }
    update(spi);
}

/// Registers ///

static uint64_t spi_read(void *opaque, hwaddr offset, unsigned size)
{
    Spi *spi = opaque;
    settle(spi);
    switch (offset) {
    case SPI_CR1:
        return spi->cr1;
    case SPI_CR2:
        return spi->cr2;
    case SPI_SR: {
        uint32_t sr = status(spi);
        time_poll(spi->mcu, &spi->poll, sr, next_change(spi));
        return sr;
    }
    case SPI_DR: {
        uint16_t data = take_received(spi);
        update(spi);
        return data;
    }
    case SPI_CRCPR:
        return 7;
    case SPI_I2SPR:
        return 2;
    }
    return 0;
}

static void spi_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Spi *spi = opaque;
    settle(spi);
    switch (offset) {
    case SPI_CR1:
        if (value & ~spi->cr1 & (CR1_CRCEN | CR1_LSBFIRST))
            qemu_log_mask(LOG_UNIMP, "SPI%u: CRC and LSB first are not modelled\n", spi->number);
        spi->cr1 = value & 0xFFFF;
        if (!(value & CR1_SPE))
            spi->fill = 0;
        break;
    case SPI_CR2:
        spi->cr2 = value & 0xFF;
        break;
    case SPI_DR:
        transmit(spi, value);
        break;
    }
    if (offset != SPI_DR)
        spi_dma(spi);
    update(spi);
}

MCU_REGISTER_OPS(spi_ops, spi_read, spi_write);

void spi_reset_one(Mcu *mcu, unsigned i)
{
    Spi *spi = &mcu->spi[i];
    timer_del(spi->timer);
    if (i == mcu->board.nor_spi - 1u && !spi_idle(spi))
        spi_nor_clock_lost(mcu);
    spi->cr1 = spi->cr2 = 0;
    spi->free_at = spi->done_at = 0;
    spi->fill = 0;
    memset(spi->fifo, 0, sizeof(spi->fifo));
    spi->overrun = false;
    spi->poll = (Poll){0};
    qemu_irq_lower(spi->irq);
}

void spi_reset(Mcu *mcu)
{
    for (unsigned i = 0; i < SPIS; i++)
        spi_reset_one(mcu, i);
}

void spi_init(Mcu *mcu)
{
    for (unsigned i = 0; i < SPIS; i++) {
        Spi *spi = &mcu->spi[i];
        spi->mcu = mcu;
        spi->number = i + 1;
        spi->irq = mcu_irq(mcu, spis[i].irq);
        spi->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, timer, spi);
        mcu_map(mcu, &spi->mmio, &spi_ops, spi, spis[i].name, spis[i].base);
    }
}
