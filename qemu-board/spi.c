/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SPI1: RM0090 Rev 21 section 28, full-duplex master with 8-bit frames. The SPI NOR hangs on it when PB3, PB4 and PB5
 * are switched to it. A byte is exchanged when it is written and shows up when it has been shifted.
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

#define AF5 5
/* DMA2: RM0090 table 43. */
static const unsigned rx_streams[] = {0, 2, STREAMS};
static const unsigned tx_streams[] = {3, 5, STREAMS};
#define DMA_CHANNEL 3

static int64_t byte_ns(Mcu *mcu)
{
    unsigned divider = 2u << extract32(mcu->spi.cr1, 3, 3);
    return muldiv64(8 * NANOSECONDS_PER_SECOND, divider, mcu->rcc.pclk2);
}

static bool connected(Mcu *mcu)
{
    for (unsigned pin = 3; pin <= 5; pin++)
        if (gpio_alternate(mcu, PORT_B, pin) != AF5)
            return false;
    return true;
}

bool spi_idle(Mcu *mcu)
{
    return time_now(mcu) >= mcu->spi.done_at;
}

static uint32_t status(Mcu *mcu)
{
    Spi *spi = &mcu->spi;
    int64_t now = time_now(mcu);
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

static int64_t next_change(Mcu *mcu)
{
    Spi *spi = &mcu->spi;
    int64_t now = time_now(mcu);
    return now < spi->free_at ? spi->free_at : spi->fill != 0 && now < spi->fifo[0].at ? spi->fifo[0].at : spi->done_at;
}

static void update(Mcu *mcu)
{
    Spi *spi = &mcu->spi;
    uint32_t sr = status(mcu);
    bool level = ((sr & SR_RXNE) && (spi->cr2 & CR2_RXNEIE)) || ((sr & SR_TXE) && (spi->cr2 & CR2_TXEIE)) ||
                 ((sr & SR_OVR) && (spi->cr2 & CR2_ERRIE));
    qemu_set_irq(spi->irq, level);
    if ((spi->cr2 & (CR2_RXNEIE | CR2_TXEIE)) && time_now(mcu) < next_change(mcu))
        timer_mod(spi->timer, time_to_clock(mcu, next_change(mcu)));
    else
        timer_del(spi->timer);
}

static void timer(void *opaque)
{
    update(opaque);
}

static bool enabled(Mcu *mcu)
{
    return (mcu->spi.cr1 & (CR1_SPE | CR1_MSTR)) == (CR1_SPE | CR1_MSTR);
}

static void exchange(Mcu *mcu, uint8_t *bytes, uint32_t count)
{
    bool wired = connected(mcu);
    for (uint32_t i = 0; i < count; i++)
        bytes[i] = wired ? spi_nor_exchange(mcu, bytes[i]) : 0xFF;
}

static void transmit(Mcu *mcu, uint8_t byte)
{
    Spi *spi = &mcu->spi;
    if (!enabled(mcu)) {
        qemu_log_mask(LOG_GUEST_ERROR, "SPI1: DR written while it is no enabled master\n");
        return;
    }
    if (time_now(mcu) < spi->free_at) {
        qemu_log_mask(LOG_GUEST_ERROR, "SPI1: DR written while TXE is 0\n");
        return;
    }
    /* The times come first: the exchange of a status byte may be a stall, which a pause may interrupt. */
    spi->free_at = MAX(time_now(mcu), spi->done_at);
    spi->done_at = spi->free_at + byte_ns(mcu);
    exchange(mcu, &byte, 1);
    if (spi->fill == ARRAY_SIZE(spi->fifo)) {
        spi->overrun = true;
        return;
    }
    spi->fifo[spi->fill].data = byte;
    spi->fifo[spi->fill++].at = spi->done_at;
}

static uint8_t take_received(Mcu *mcu)
{
    Spi *spi = &mcu->spi;
    uint8_t data = spi->fifo[0].data;
    if (spi->fill != 0 && time_now(mcu) >= spi->fifo[0].at && current_cpu != NULL) {
        spi->overrun = false;
        spi->fifo[0] = spi->fifo[1];
        spi->fill--;
    }
    return data;
}

/// DMA ///

/* Both directions at once: bytes are exchanged now, the streams end when the last one has been shifted. */
void spi_dma(Mcu *mcu)
{
    Spi *spi = &mcu->spi;
    if (!enabled(mcu) || !(spi->cr2 & CR2_TXDMAEN))
        return;
    Stream *tx = dma_stream(mcu, tx_streams, DMA_CHANNEL, 1);
    if (tx == NULL)
        return;
    Stream *rx = spi->cr2 & CR2_RXDMAEN ? dma_stream(mcu, rx_streams, DMA_CHANNEL, 0) : NULL;
    uint32_t count = tx->ndtr;
    g_autofree uint8_t *bytes = g_malloc(MAX(count, 1));
    if (!dma_move(mcu, tx, bytes, count, false))
        return;
    int64_t start = MAX(time_now(mcu), spi->done_at);
    int64_t end = start + count * byte_ns(mcu);
    exchange(mcu, bytes, count);
    spi->done_at = end;
    spi->free_at = MAX(start, end - byte_ns(mcu));
    dma_busy(mcu, tx, spi->free_at);
    if (rx != NULL) {
        uint32_t taken = MIN(count, rx->ndtr);
        if (dma_move(mcu, rx, bytes, taken, true) && taken == rx->ndtr)
            dma_busy(mcu, rx, end);
    } else if (count > 1) {
        spi->overrun = true;
    }
    update(mcu);
}

/// Registers ///

static uint64_t spi_read(void *opaque, hwaddr offset, unsigned size)
{
    Mcu *mcu = opaque;
    Spi *spi = &mcu->spi;
    switch (offset) {
    case SPI_CR1:
        return spi->cr1;
    case SPI_CR2:
        return spi->cr2;
    case SPI_SR: {
        uint32_t sr = status(mcu);
        time_poll(mcu, &spi->poll, sr, next_change(mcu));
        return sr;
    }
    case SPI_DR: {
        uint8_t data = take_received(mcu);
        update(mcu);
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
    Mcu *mcu = opaque;
    Spi *spi = &mcu->spi;
    switch (offset) {
    case SPI_CR1:
        spi->cr1 = value & 0xFFFF;
        if (value & 1u << 11)
            qemu_log_mask(LOG_UNIMP, "SPI1: 16-bit frames are not modelled\n");
        if (!(value & CR1_SPE))
            spi->fill = 0;
        break;
    case SPI_CR2:
        spi->cr2 = value & 0xFF;
        break;
    case SPI_DR:
        transmit(mcu, value);
        break;
    }
    if (offset != SPI_DR)
        spi_dma(mcu);
    update(mcu);
}

MCU_REGISTER_OPS(spi_ops, spi_read, spi_write);

void spi_reset(Mcu *mcu)
{
    Spi *spi = &mcu->spi;
    timer_del(spi->timer);
    if (!spi_idle(mcu))
        spi_nor_clock_lost(mcu);
    spi->cr1 = spi->cr2 = 0;
    spi->free_at = spi->done_at = 0;
    spi->fill = 0;
    memset(spi->fifo, 0, sizeof(spi->fifo));
    spi->overrun = false;
    spi->poll = (Poll){0};
    qemu_irq_lower(spi->irq);
}

void spi_init(Mcu *mcu)
{
    mcu->spi.irq = mcu_irq(mcu, 35);
    mcu->spi.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, timer, mcu);
    mcu_map(mcu, &mcu->spi.mmio, &spi_ops, mcu, "spi1", 0x40013000);
}
