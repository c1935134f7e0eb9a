/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * USARTs: RM0090 Rev 21 section 30, asynchronous mode. A byte is traced when it is written to the data register.
 */
#include "mcu.h"
#include "sysemu/sysemu.h"

enum {
    USART_SR = 0x00,
    USART_DR = 0x04,
    USART_BRR = 0x08,
    USART_CR1 = 0x0C,
    USART_CR2 = 0x10,
    USART_CR3 = 0x14,
    USART_GTPR = 0x18,
};

enum {
    SR_ORE = 1u << 3,
    SR_IDLE = 1u << 4,
    SR_RXNE = 1u << 5,
    SR_TC = 1u << 6,
    SR_TXE = 1u << 7,
    CR1_RE = 1u << 2,
    CR1_TE = 1u << 3,
    CR1_INTERRUPTS = SR_IDLE | SR_RXNE | SR_TC | SR_TXE, /* the enables have the places of the flags */
    CR1_M = 1u << 12,
    CR1_UE = 1u << 13,
    CR1_OVER8 = 1u << 15,
    CR3_EIE = 1u << 0,
    CR3_HDSEL = 1u << 3,
    CR3_DMAR = 1u << 6,
    CR3_DMAT = 1u << 7,
};

static const struct {
    const char *name;
    uint32_t base;
    unsigned irq;
    DmaRequest rx, tx;
} usarts[USARTS] = {
    {"usart1", 0x40011000, 37, {2, 2, {{2, 4}, {5, 4}}}, {2, 1, {{7, 4}}}},
    {"usart2", 0x40004400, 38, {1, 1, {{5, 4}}}, {1, 1, {{6, 4}}}},
    {"usart3", 0x40004800, 39, {1, 1, {{1, 4}}}, {1, 2, {{3, 4}, {4, 7}}}},
    {"uart4", 0x40004C00, 52, {1, 1, {{2, 4}}}, {1, 1, {{4, 4}}}},
    {"uart5", 0x40005000, 53, {1, 1, {{0, 4}}}, {1, 1, {{7, 4}}}},
    {"usart6", 0x40011400, 71, {2, 2, {{1, 5}, {2, 5}}}, {2, 2, {{6, 5}, {7, 5}}}},
};

static int64_t frame_ns(Usart *usart)
{
    bool apb2 = usart->number == 1 || usart->number == 6;
    uint32_t divider = usart->brr;
    if (usart->cr1 & CR1_OVER8)
        divider = (divider & 0xFFF0) / 2 + (divider & 7);
    unsigned bits = 10 + (usart->cr1 & CR1_M ? 1 : 0) + (extract32(usart->cr2, 12, 2) == 2 ? 1 : 0);
    return muldiv64(bits * NANOSECONDS_PER_SECOND, MAX(divider, 1),
                    apb2 ? usart->mcu->rcc.pclk2 : usart->mcu->rcc.pclk1);
}

static bool enabled(Usart *usart, uint32_t direction)
{
    return (usart->cr1 & (CR1_UE | direction)) == (CR1_UE | direction);
}

/// Receiver ///

/* A byte takes the line from an instant on that is not before the end of the last one. */
static void put_on_line(Usart *usart, uint8_t byte, int64_t from)
{
    if (usart->arriving == ARRAY_SIZE(usart->line))
        return;
    if (from < usart->idle_at)
        usart->idle_at = 0;
    usart->line[usart->arriving].byte = byte;
    usart->line[usart->arriving].from = from;
    usart->line[usart->arriving++].to = from + frame_ns(usart);
}

/* What comes from outside waits until the byte before was read, so that nothing typed is lost. */
static int can_receive(void *opaque)
{
    Usart *usart = opaque;
    return enabled(usart, CR1_RE) && usart->arriving == 0 && !(usart->flags & SR_RXNE);
}

/* Whoever waits with a byte only hears of it when there is room again. */
static void tell_room(Usart *usart, bool before)
{
    if (!before && can_receive(usart))
        qemu_chr_fe_accept_input(&usart->chardev);
}

static void take_to_memory(Usart *usart)
{
    Stream *stream = dma_stream(usart->mcu, &usarts[usart->number - 1].rx, true);
    if ((usart->flags & SR_RXNE) && (usart->cr3 & CR3_DMAR) && stream != NULL && stream->ndtr != 0) {
        usart->flags &= ~SR_RXNE;
        dma_byte(stream, &usart->received, true);
    }
}

static void arrive(Usart *usart)
{
    uint8_t byte = usart->line[0].byte;
    int64_t end = usart->line[0].to;
    usart->line[0] = usart->line[1];
    usart->arriving--;
    if (!enabled(usart, CR1_RE))
        return;
    if (usart->flags & SR_RXNE) {
        usart->flags |= SR_ORE; /* and the byte is lost */
    } else {
        usart->received = byte;
        usart->flags |= SR_RXNE;
        take_to_memory(usart);
    }
    usart->idle_at = end + frame_ns(usart);
    if (usart->arriving != 0 && usart->line[0].from < usart->idle_at)
        usart->idle_at = 0;
}

/* Brings the receiver up to date with the time. */
static void settle(Usart *usart)
{
    if (usart->arriving == 0 && usart->idle_at == 0)
        return;
    int64_t now = time_now(usart->mcu);
    while (usart->arriving != 0 && now >= usart->line[0].to)
        arrive(usart);
    if (usart->idle_at != 0 && now >= usart->idle_at) {
        usart->flags |= SR_IDLE;
        usart->idle_at = 0;
    }
}

/// Transmitter ///

static void transmit(Usart *usart, uint8_t byte, uint32_t pc)
{
    Mcu *mcu = usart->mcu;
    if (!enabled(usart, CR1_TE)) {
        qemu_log_mask(LOG_GUEST_ERROR, "USART%u: byte written while the transmitter is off\n", usart->number);
        return;
    }
    int64_t now = time_now(mcu);
    if (now < usart->free_at) {
        qemu_log_mask(LOG_GUEST_ERROR, "USART%u: byte written while TXE is 0 is lost\n", usart->number);
        return;
    }
    usart->free_at = MAX(now, usart->done_at);
    usart->done_at = usart->free_at + frame_ns(usart);
    usart->tc_cleared = false;
    trace_now(mcu, RAIL_UART, pc, usart->number, byte);
    if (usart->cr3 & CR3_HDSEL) /* one wire: it hears itself */
        put_on_line(usart, byte, usart->free_at);
    qemu_chr_fe_write_all(&usart->chardev, &byte, 1);
    if (byte == '\n' && mcu->rail.pause_line)
        rail_pause(mcu, "line");
}

/* What DMA has for the transmitter; NULL: nothing. */
static Stream *supply(Usart *usart)
{
    if (!(usart->cr3 & CR3_DMAT) || !enabled(usart, CR1_TE))
        return NULL;
    Stream *stream = dma_stream(usart->mcu, &usarts[usart->number - 1].tx, false);
    return stream != NULL && stream->ndtr != 0 ? stream : NULL;
}

static void send_from_memory(Usart *usart)
{
    Stream *stream;
    uint8_t byte;
    while (time_now(usart->mcu) >= usart->free_at && (stream = supply(usart)) != NULL && dma_byte(stream, &byte, false))
        transmit(usart, byte, 0);
}

/// Status and interrupt ///

static uint32_t status(Usart *usart)
{
    int64_t now = time_now(usart->mcu);
    uint32_t sr = usart->flags;
    if (now >= usart->free_at)
        sr |= SR_TXE;
    if (now >= usart->done_at && !usart->tc_cleared)
        sr |= SR_TC;
    return sr;
}

/* When the receiver's flags change; INT64_MAX: not by themselves. */
static int64_t next_received(Usart *usart)
{
    int64_t arrival = usart->arriving != 0 ? usart->line[0].to : INT64_MAX;
    return usart->idle_at != 0 ? MIN(arrival, usart->idle_at) : arrival;
}

static int64_t next_change(Usart *usart)
{
    int64_t now = time_now(usart->mcu);
    int64_t sent = now < usart->free_at ? usart->free_at : usart->done_at;
    return now < sent ? MIN(sent, next_received(usart)) : next_received(usart);
}

static void update(Usart *usart)
{
    Mcu *mcu = usart->mcu;
    uint32_t sr = status(usart);
    bool overrun = (sr & SR_ORE) && ((usart->cr1 & SR_RXNE) || ((usart->cr3 & CR3_EIE) && (usart->cr3 & CR3_DMAR)));
    qemu_set_irq(usart->irq, (sr & usart->cr1 & CR1_INTERRUPTS) != 0 || overrun);
    bool sends = (usart->cr1 & (SR_TC | SR_TXE)) || supply(usart) != NULL;
    int64_t change = sends ? next_change(usart) : next_received(usart);
    if (change != INT64_MAX)
        timer_mod(usart->timer, time_to_clock(mcu, change));
    else
        timer_del(usart->timer);
}

void usart_dma(Usart *usart)
{
    settle(usart);
    if (!(usart->cr3 & (CR3_DMAR | CR3_DMAT)))
        return;
    bool room = can_receive(usart);
    take_to_memory(usart);
    send_from_memory(usart);
    update(usart);
    tell_room(usart, room);
}

static void timer(void *opaque)
{
    Usart *usart = opaque;
    settle(usart);
    send_from_memory(usart);
    update(usart);
    qemu_chr_fe_accept_input(&usart->chardev);
}

/// Registers ///

static uint32_t read_sr(Usart *usart)
{
    settle(usart);
    uint32_t sr = status(usart);
    if (current_cpu != NULL)
        usart->seen |= sr & (SR_ORE | SR_IDLE);
    int64_t change = next_change(usart);
    time_poll(usart->mcu, &usart->poll, sr, change != INT64_MAX ? change : 0);
    return sr;
}

static uint8_t read_dr(Usart *usart)
{
    if (current_cpu == NULL)
        return usart->received;
    settle(usart);
    uint8_t byte = usart->received;
    usart->flags &= ~(SR_RXNE | usart->seen);
    usart->seen = 0;
    update(usart);
    qemu_chr_fe_accept_input(&usart->chardev);
    return byte;
}

static uint64_t usart_read(void *opaque, hwaddr offset, unsigned size)
{
    Usart *usart = opaque;
    switch (offset) {
    case USART_SR:
        return read_sr(usart);
    case USART_DR:
        return read_dr(usart);
    case USART_BRR:
        return usart->brr;
    case USART_CR1:
        return usart->cr1;
    case USART_CR2:
        return usart->cr2;
    case USART_CR3:
        return usart->cr3;
    case USART_GTPR:
        return usart->gtpr;
    }
    return 0;
}

static void usart_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Usart *usart = opaque;
    settle(usart);
    bool room = can_receive(usart);
    switch (offset) {
    case USART_SR: /* zero clears */
        if (!(value & SR_RXNE))
            usart->flags &= ~SR_RXNE;
        if (!(value & SR_TC))
            usart->tc_cleared = true;
        break;
    case USART_DR:
        transmit(usart, value, time_pc(usart->mcu));
        break;
    case USART_BRR:
        usart->brr = value & 0xFFFF;
        break;
    case USART_CR1:
        usart->cr1 = value;
        break;
    case USART_CR2:
        usart->cr2 = value;
        break;
    case USART_CR3:
        usart->cr3 = value;
        break;
    case USART_GTPR:
        usart->gtpr = value;
        break;
    }
    usart_dma(usart);
    update(usart);
    tell_room(usart, room);
}

MCU_REGISTER_OPS(usart_ops, usart_read, usart_write);

static void receive(void *opaque, const uint8_t *bytes, int count)
{
    Usart *usart = opaque;
    settle(usart);
    put_on_line(usart, bytes[0], time_now(usart->mcu));
    update(usart);
}

void usart_reset_one(Mcu *mcu, unsigned i)
{
    Usart *usart = &mcu->usart[i];
    timer_del(usart->timer);
    usart->brr = usart->cr1 = usart->cr2 = usart->cr3 = usart->gtpr = 0;
    usart->free_at = usart->done_at = 0;
    usart->tc_cleared = false;
    memset(usart->line, 0, sizeof(usart->line));
    usart->arriving = usart->received = usart->flags = usart->seen = 0;
    usart->idle_at = 0;
    usart->poll = (Poll){0};
    qemu_irq_lower(usart->irq);
}

void usart_reset(Mcu *mcu)
{
    for (unsigned i = 0; i < USARTS; i++)
        usart_reset_one(mcu, i);
}

void usart_init(Mcu *mcu)
{
    for (unsigned i = 0; i < USARTS; i++) {
        Usart *usart = &mcu->usart[i];
        usart->mcu = mcu;
        usart->number = i + 1;
        usart->irq = mcu_irq(mcu, usarts[i].irq);
        usart->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, timer, usart);
        Chardev *chardev = serial_hd(i);
        if (chardev != NULL && qemu_chr_fe_init(&usart->chardev, chardev, NULL))
            qemu_chr_fe_set_handlers(&usart->chardev, can_receive, receive, NULL, NULL, usart, NULL, true);
        mcu_map(mcu, &usart->mmio, &usart_ops, usart, usarts[i].name, usarts[i].base);
    }
}
