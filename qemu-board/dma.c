/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * DMA controllers: RM0090 Rev 21 section 10. Streams serve the SPIs, the USARTs, and memory to memory. A burst (SPI,
 * memory) moves its data at once and ends at the time it takes; a USART goes byte by byte. The core-coupled memory is not on
 * the DMA's bus.
 */
#include "mcu.h"
#include "exec/address-spaces.h"

enum {
    DMA_LISR = 0x00,
    DMA_HISR = 0x04,
    DMA_LIFCR = 0x08,
    DMA_HIFCR = 0x0C,
    DMA_STREAM = 0x10, /* the first of the streams, 0x18 apart */
};

enum { S_CR = 0x00, S_NDTR = 0x04, S_PAR = 0x08, S_M0AR = 0x0C, S_M1AR = 0x10, S_FCR = 0x14, S_SIZE = 0x18 };

enum {
    CR_TEIE = 1u << 2,
    CR_HTIE = 1u << 3,
    CR_TCIE = 1u << 4,
    CR_CIRC = 1u << 8,
    CR_PINC = 1u << 9,
    CR_DBM = 1u << 18,
    CR_CT = 1u << 19,
    FLAG_TEIF = 1u << 3,
    FLAG_HTIF = 1u << 4,
    FLAG_TCIF = 1u << 5,
    FLAGS = 0x3D,
};

#define CCM_BASE 0x10000000u
#define CCM_SIZE 0x10000u

static unsigned number(const Stream *stream)
{
    return stream - stream->dma->streams;
}

static unsigned flag_shift(unsigned stream)
{
    static const uint8_t shifts[4] = {0, 6, 16, 22};
    return shifts[stream % 4];
}

static uint32_t flags(const Stream *stream)
{
    unsigned n = number(stream);
    return stream->dma->isr[n / 4] >> flag_shift(n) & FLAGS;
}

static void update(Stream *stream)
{
    uint32_t set = flags(stream);
    bool level = ((set & FLAG_TCIF) && (stream->cr & CR_TCIE)) || ((set & FLAG_HTIF) && (stream->cr & CR_HTIE)) ||
                 ((set & FLAG_TEIF) && (stream->cr & CR_TEIE));
    qemu_set_irq(stream->irq, level);
}

static void raise_flags(Stream *stream, uint32_t raised)
{
    unsigned n = number(stream);
    stream->dma->isr[n / 4] |= raised << flag_shift(n);
    update(stream);
}

static void finish(void *opaque)
{
    Stream *stream = opaque;
    stream->end = 0;
    stream->ndtr = 0;
    stream->cr &= ~DMA_CR_EN;
    raise_flags(stream, FLAG_HTIF | FLAG_TCIF);
}

void dma_busy(Stream *stream, int64_t end)
{
    Mcu *mcu = stream->dma->mcu;
    stream->start = time_now(mcu);
    stream->end = MAX(end, 1);
    timer_mod(stream->timer, time_to_clock(mcu, end));
}

Stream *dma_stream(Mcu *mcu, const DmaRequest *request, bool to_memory)
{
    for (unsigned i = 0; i < request->count; i++) {
        Stream *stream = &mcu->dma[request->controller - 1].streams[request->from[i].stream];
        if ((stream->cr & DMA_CR_EN) && stream->end == 0 && extract32(stream->cr, 25, 3) == request->from[i].channel &&
            extract32(stream->cr, 6, 2) == !to_memory)
            return stream;
    }
    return NULL;
}

static bool access_memory(uint32_t address, uint8_t *data, uint32_t count, bool write)
{
    uint64_t end = (uint64_t)address + count;
    if (address < CCM_BASE + CCM_SIZE && end > CCM_BASE)
        return false;
    return address_space_rw(&address_space_memory, address, MEMTXATTRS_UNSPECIFIED, data, count, write) == MEMTX_OK;
}

/* One place again and again: memory says each time the same, which a register need not. */
static bool repeat_memory(uint32_t address, uint8_t *data, uint32_t count, uint32_t unit)
{
    if (!access_memory(address, data, unit, false))
        return false;
    for (uint32_t i = unit; i < count; i++)
        data[i] = data[i - unit];
    return true;
}

static bool is_memory(uint32_t address, uint32_t length)
{
    hwaddr offset, size = length;
    RCU_READ_LOCK_GUARD();
    MemoryRegion *region = address_space_translate(&address_space_memory, address, &offset, &size, false,
                                                   MEMTXATTRS_UNSPECIFIED);
    return memory_access_is_direct(region, false) && size >= length;
}

static bool move(Mcu *mcu, uint32_t address, bool increment, uint8_t *data, uint32_t count, uint32_t unit, bool write)
{
    if (!write)
        touch_address(mcu, address, increment ? count : unit);
    if (increment)
        return access_memory(address, data, count, write);
    if (!write && count >= unit && is_memory(address, unit))
        return repeat_memory(address, data, count, unit);
    for (uint32_t i = 0; i < count; i += unit)
        if (!access_memory(address, data + i, MIN(unit, count - i), write))
            return false;
    return true;
}

static bool fail(Stream *stream)
{
    qemu_log_mask(LOG_GUEST_ERROR, "DMA%u stream %u: bus error\n", stream->dma->number, number(stream));
    stream->cr &= ~DMA_CR_EN;
    raise_flags(stream, FLAG_TEIF);
    return false;
}

bool dma_move(Stream *stream, uint8_t *data, uint32_t count, uint32_t unit, bool to_memory)
{
    Mcu *mcu = stream->dma->mcu;
    return move(mcu, stream->m0ar, stream->cr & DMA_CR_MINC, data, count, unit, to_memory) || fail(stream);
}

/* The last byte of a buffer was moved. */
static void end_of_buffer(Stream *stream)
{
    if (stream->cr & (CR_CIRC | CR_DBM))
        stream->ndtr = stream->total;
    else
        stream->cr &= ~DMA_CR_EN;
    if (stream->cr & CR_DBM)
        stream->cr ^= CR_CT;
    raise_flags(stream, FLAG_TCIF);
}

bool dma_byte(Stream *stream, uint8_t *byte, bool to_memory)
{
    uint32_t buffer = (stream->cr & CR_DBM) && (stream->cr & CR_CT) ? stream->m1ar : stream->m0ar;
    uint32_t index = stream->cr & DMA_CR_MINC ? stream->total - stream->ndtr : 0;
    if (!move(stream->dma->mcu, buffer + index, true, byte, 1, 1, to_memory))
        return fail(stream);
    stream->ndtr--;
    if (stream->ndtr == stream->total / 2)
        raise_flags(stream, FLAG_HTIF);
    if (stream->ndtr == 0)
        end_of_buffer(stream);
    return true;
}

/* DMA2 only; PAR is the source. */
static void memory_to_memory(Stream *stream)
{
    Mcu *mcu = stream->dma->mcu;
    uint32_t unit = 1u << extract32(stream->cr, 11, 2);
    uint32_t bytes = stream->ndtr * unit;
    g_autofree uint8_t *data = g_malloc(MAX(bytes, 1));
    if (!move(mcu, stream->par, stream->cr & CR_PINC, data, bytes, unit, false) ||
        !move(mcu, stream->m0ar, stream->cr & DMA_CR_MINC, data, bytes, unit, true)) {
        fail(stream);
        return;
    }
    uint64_t cycles = 4 * (uint64_t)stream->ndtr;
    dma_busy(stream, time_now(mcu) + muldiv64(cycles, NANOSECONDS_PER_SECOND, mcu->rcc.hclk));
}

static uint32_t remaining(Stream *stream)
{
    int64_t now = time_now(stream->dma->mcu);
    if (stream->end <= stream->start || now >= stream->end)
        return stream->end == 0 ? stream->ndtr : 0;
    return muldiv64(stream->ndtr, stream->end - now, stream->end - stream->start);
}

static int64_t next_end(Dma *dma)
{
    int64_t end = 0;
    for (unsigned n = 0; n < STREAMS; n++)
        if (dma->streams[n].end != 0 && (end == 0 || dma->streams[n].end < end))
            end = dma->streams[n].end;
    return end;
}

static uint64_t dma_read(void *opaque, hwaddr offset, unsigned size)
{
    Dma *dma = opaque;
    if (offset <= DMA_HISR) {
        uint32_t isr = dma->isr[offset / 4];
        time_poll(dma->mcu, &dma->poll, (uint64_t)offset << 32 | isr, next_end(dma));
        return isr >> 8 * (offset & 3);
    }
    if (offset < DMA_STREAM || offset >= DMA_STREAM + STREAMS * S_SIZE)
        return 0;
    Stream *stream = &dma->streams[(offset - DMA_STREAM) / S_SIZE];
    switch ((offset - DMA_STREAM) % S_SIZE) {
    case S_CR:
        return stream->cr;
    case S_NDTR:
        return remaining(stream);
    case S_PAR:
        return stream->par;
    case S_M0AR:
        return stream->m0ar;
    case S_M1AR:
        return stream->m1ar;
    case S_FCR:
        return stream->fcr;
    }
    return 0;
}

/* Whoever waits for a stream. */
static void serve(Mcu *mcu)
{
    for (unsigned i = 0; i < SPIS; i++)
        spi_dma(&mcu->spi[i]);
    for (unsigned i = 0; i < USARTS; i++)
        usart_dma(&mcu->usart[i]);
}

static void write_cr(Stream *stream, uint32_t value)
{
    Dma *dma = stream->dma;
    bool was_enabled = stream->cr & DMA_CR_EN;
    if (was_enabled && !(value & DMA_CR_EN)) { /* the rest is not transferred; TCIF tells that it has stopped */
        stream->ndtr = remaining(stream);
        stream->end = 0;
        timer_del(stream->timer);
        raise_flags(stream, FLAG_TCIF);
    }
    stream->cr = value & 0x0FFFFFFF;
    update(stream);
    if (was_enabled || !(value & DMA_CR_EN))
        return;
    stream->total = stream->ndtr;
    if (extract32(value, 6, 2) == 2 && dma->number == 2)
        memory_to_memory(stream);
    else
        serve(dma->mcu);
}

/* 10.3.9: of two buffers, the one that is not in use may be another one. */
static bool is_other_buffer(const Stream *stream, hwaddr reg)
{
    return (stream->cr & CR_DBM) && reg == (stream->cr & CR_CT ? S_M0AR : S_M1AR);
}

static void dma_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Dma *dma = opaque;
    if (offset == DMA_LIFCR || offset == DMA_HIFCR) {
        unsigned half = (offset - DMA_LIFCR) / 4;
        dma->isr[half] &= ~value;
        for (unsigned n = 4 * half; n < 4 * half + 4; n++)
            update(&dma->streams[n]);
        return;
    }
    if (offset < DMA_STREAM || offset >= DMA_STREAM + STREAMS * S_SIZE)
        return;
    Stream *stream = &dma->streams[(offset - DMA_STREAM) / S_SIZE];
    hwaddr reg = (offset - DMA_STREAM) % S_SIZE;
    if (reg != S_CR && (stream->cr & DMA_CR_EN) && !is_other_buffer(stream, reg)) {
        qemu_log_mask(LOG_GUEST_ERROR, "DMA%u stream %u: configured while enabled\n", dma->number, number(stream));
        return;
    }
    switch (reg) {
    case S_CR:
        write_cr(stream, value);
        break;
    case S_NDTR:
        stream->ndtr = value & 0xFFFF;
        break;
    case S_PAR:
        stream->par = value;
        break;
    case S_M0AR:
        stream->m0ar = value;
        break;
    case S_M1AR:
        stream->m1ar = value;
        break;
    case S_FCR:
        stream->fcr = value & 0xBF;
        break;
    }
}

MCU_REGISTER_OPS(dma_ops, dma_read, dma_write);

void dma_reset_one(Mcu *mcu, unsigned i)
{
    Dma *dma = &mcu->dma[i];
    dma->isr[0] = dma->isr[1] = 0;
    dma->poll = (Poll){0};
    for (unsigned n = 0; n < STREAMS; n++) {
        Stream *stream = &dma->streams[n];
        timer_del(stream->timer);
        stream->cr = stream->ndtr = stream->par = stream->m0ar = stream->m1ar = 0;
        stream->total = 0;
        stream->fcr = 0x21;
        stream->start = stream->end = 0;
        qemu_irq_lower(stream->irq);
    }
}

void dma_reset(Mcu *mcu)
{
    for (unsigned i = 0; i < DMAS; i++)
        dma_reset_one(mcu, i);
}

void dma_init(Mcu *mcu)
{
    static const uint8_t irqs[DMAS][STREAMS] = {
        {11, 12, 13, 14, 15, 16, 17, 47},
        {56, 57, 58, 59, 60, 68, 69, 70},
    };
    for (unsigned i = 0; i < DMAS; i++) {
        Dma *dma = &mcu->dma[i];
        dma->mcu = mcu;
        dma->number = i + 1;
        for (unsigned n = 0; n < STREAMS; n++) {
            Stream *stream = &dma->streams[n];
            stream->dma = dma;
            stream->irq = mcu_irq(mcu, irqs[i][n]);
            stream->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, finish, stream);
        }
        mcu_map(mcu, &dma->mmio, &dma_ops, dma, i == 0 ? "dma1" : "dma2", 0x40026000 + 0x400 * i);
    }
}
