/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * USARTs: RM0090 Rev 21 section 30, asynchronous mode. A byte is traced when the firmware writes it.
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
    SR_RXNE = 1u << 5,
    SR_TC = 1u << 6,
    SR_TXE = 1u << 7,
    CR1_RE = 1u << 2,
    CR1_TE = 1u << 3,
    CR1_INTERRUPTS = SR_RXNE | SR_TC | SR_TXE, /* the enables have the places of the flags */
    CR1_UE = 1u << 13,
    CR1_OVER8 = 1u << 15,
};

static int64_t byte_ns(Usart *usart)
{
    bool apb2 = usart->number == 1 || usart->number == 6;
    uint32_t divider = usart->brr;
    if (usart->cr1 & CR1_OVER8)
        divider = (divider & 0xFFF0) / 2 + (divider & 7);
    return muldiv64(10 * NANOSECONDS_PER_SECOND, MAX(divider, 1),
                    apb2 ? usart->mcu->rcc.pclk2 : usart->mcu->rcc.pclk1);
}

static uint32_t status(Usart *usart)
{
    int64_t now = time_now(usart->mcu);
    uint32_t sr = 0;
    if (usart->rxne)
        sr |= SR_RXNE;
    if (now >= usart->free_at)
        sr |= SR_TXE;
    if (now >= usart->done_at && !usart->tc_cleared)
        sr |= SR_TC;
    return sr;
}

static int64_t next_change(Usart *usart)
{
    int64_t now = time_now(usart->mcu);
    return now < usart->free_at ? usart->free_at : usart->done_at;
}

static void update(Usart *usart)
{
    Mcu *mcu = usart->mcu;
    qemu_set_irq(usart->irq, (status(usart) & usart->cr1 & CR1_INTERRUPTS) != 0);
    int64_t change = next_change(usart);
    if ((usart->cr1 & (SR_TC | SR_TXE)) && time_now(mcu) < change)
        timer_mod(usart->timer, time_to_clock(mcu, change));
    else
        timer_del(usart->timer);
}

static void timer(void *opaque)
{
    update(opaque);
}

static void transmit(Usart *usart, uint8_t byte)
{
    Mcu *mcu = usart->mcu;
    if ((usart->cr1 & (CR1_UE | CR1_TE)) != (CR1_UE | CR1_TE)) {
        qemu_log_mask(LOG_GUEST_ERROR, "USART%u: byte written while the transmitter is off\n", usart->number);
        return;
    }
    int64_t now = time_now(mcu);
    if (now < usart->free_at) {
        qemu_log_mask(LOG_GUEST_ERROR, "USART%u: byte written while TXE is 0 is lost\n", usart->number);
        return;
    }
    usart->free_at = MAX(now, usart->done_at);
    usart->done_at = usart->free_at + byte_ns(usart);
    usart->tc_cleared = false;
    trace_now(mcu, RAIL_UART, time_pc(mcu), usart->number, byte);
    qemu_chr_fe_write_all(&usart->chardev, &byte, 1);
    if (byte == '\n' && mcu->rail.pause_line)
        rail_pause(mcu, "line");
}

static uint64_t usart_read(void *opaque, hwaddr offset, unsigned size)
{
    Usart *usart = opaque;
    switch (offset) {
    case USART_SR: {
        uint32_t sr = status(usart);
        time_poll(usart->mcu, &usart->poll, sr, next_change(usart));
        return sr;
    }
    case USART_DR:
        if (current_cpu != NULL && usart->rxne) {
            usart->rxne = false;
            update(usart);
            qemu_chr_fe_accept_input(&usart->chardev);
        }
        return usart->received;
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
    switch (offset) {
    case USART_SR: /* zero clears */
        if (!(value & SR_RXNE))
            usart->rxne = false;
        if (!(value & SR_TC))
            usart->tc_cleared = true;
        break;
    case USART_DR:
        transmit(usart, value);
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
    update(usart);
}

MCU_REGISTER_OPS(usart_ops, usart_read, usart_write);

static int can_receive(void *opaque)
{
    Usart *usart = opaque;
    return (usart->cr1 & (CR1_UE | CR1_RE)) == (CR1_UE | CR1_RE) && !usart->rxne;
}

static void receive(void *opaque, const uint8_t *bytes, int count)
{
    Usart *usart = opaque;
    usart->received = bytes[0];
    usart->rxne = true;
    update(usart);
}

void usart_reset(Mcu *mcu)
{
    for (unsigned i = 0; i < USARTS; i++) {
        Usart *usart = &mcu->usart[i];
        timer_del(usart->timer);
        usart->brr = usart->cr1 = usart->cr2 = usart->cr3 = usart->gtpr = 0;
        usart->free_at = usart->done_at = 0;
        usart->received = 0;
        usart->rxne = usart->tc_cleared = false;
        usart->poll = (Poll){0};
        qemu_irq_lower(usart->irq);
    }
}

void usart_init(Mcu *mcu)
{
    static const struct {
        const char *name;
        uint32_t base;
        unsigned irq;
    } usarts[USARTS] = {
        {"usart1", 0x40011000, 37}, {"usart2", 0x40004400, 38}, {"usart3", 0x40004800, 39},
        {"uart4", 0x40004C00, 52},  {"uart5", 0x40005000, 53},  {"usart6", 0x40011400, 71},
    };
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
