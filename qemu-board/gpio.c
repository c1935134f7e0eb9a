/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * General-purpose I/O: RM0090 Rev 21 section 8. Edges of outputs are traced, except on the board's quiet pins: traffic
 * on the SPI NOR's bus is recorded as operations. The NOR's chip select is pulled up on the board (`nor-cs`).
 */
#include "mcu.h"

enum {
    GPIO_MODER = 0x00,
    GPIO_PUPDR = 0x0C,
    GPIO_IDR = 0x10,
    GPIO_ODR = 0x14,
    GPIO_BSRR = 0x18,
    GPIO_AFRL = 0x20,
    GPIO_AFRH = 0x24,
};

static uint32_t *reg(Gpio *gpio, hwaddr offset)
{
    return &gpio->regs[offset / 4];
}

static unsigned mode(Gpio *gpio, unsigned pin)
{
    return extract32(*reg(gpio, GPIO_MODER), 2 * pin, 2);
}

static uint16_t outputs(Gpio *gpio)
{
    uint32_t low_bits = *reg(gpio, GPIO_MODER) & 0x55555555 & ~(*reg(gpio, GPIO_MODER) >> 1);
    uint16_t mask = 0;
    for (unsigned pin = 0; low_bits != 0; pin++, low_bits >>= 2)
        mask |= (low_bits & 1) << pin;
    return mask;
}

static uint16_t pull_ups(Gpio *gpio)
{
    uint16_t mask = 0;
    for (unsigned pin = 0; pin < 16; pin++)
        if (extract32(*reg(gpio, GPIO_PUPDR), 2 * pin, 2) == 1)
            mask |= 1u << pin;
    return mask & ~gpio->mcu->board.pulled_down[gpio->port];
}

int gpio_alternate(Mcu *mcu, unsigned port, unsigned pin)
{
    Gpio *gpio = &mcu->gpio[port];
    if (mode(gpio, pin) != 2)
        return -1;
    return extract32(*reg(gpio, pin < 8 ? GPIO_AFRL : GPIO_AFRH), 4 * (pin % 8), 4);
}

static void update(Gpio *gpio, uint32_t pc)
{
    Mcu *mcu = gpio->mcu;
    uint16_t driven = outputs(gpio);
    uint16_t level = *reg(gpio, GPIO_ODR) & driven;
    uint16_t edges = (level ^ gpio->level) & ~mcu->board.quiet[gpio->port];
    if (gpio->port == mcu->board.nor_select / 16) {
        uint16_t pin = 1u << mcu->board.nor_select % 16;
        bool floats = !(driven & pin) && mcu->nor.floating;
        bool select = floats ? mcu->nor.selected : (driven & ~level & pin) != 0;
        if (select != mcu->nor.selected)
            spi_nor_select(mcu, select, spi_idle(&mcu->spi[mcu->board.nor_spi - 1]));
    }
    gpio->level = level;
    for (unsigned pin = 0; edges != 0; pin++, edges >>= 1)
        if (edges & 1) {
            trace_now(mcu, RAIL_PIN, pc, gpio->port * 16 + pin, level >> pin & 1);
            if (mcu->rail.pause_edge)
                rail_pause(mcu, "edge");
        }
}

static uint64_t gpio_read(void *opaque, hwaddr offset, unsigned size)
{
    Gpio *gpio = opaque;
    uint32_t value = 0;
    switch (offset & ~3) {
    case GPIO_IDR: {
        uint16_t driven = outputs(gpio);
        value = (*reg(gpio, GPIO_ODR) & driven) | (pull_ups(gpio) & ~driven);
        break;
    }
    case GPIO_BSRR:
        break;
    default:
        if (offset < sizeof(gpio->regs))
            value = *reg(gpio, offset);
        break;
    }
    return value >> 8 * (offset & 3);
}

static void gpio_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Gpio *gpio = opaque;
    unsigned shift = 8 * (offset & 3);
    uint32_t word = value << shift;
    switch (offset & ~3) {
    case GPIO_BSRR: /* set wins over reset */
        *reg(gpio, GPIO_ODR) = ((*reg(gpio, GPIO_ODR) & ~(word >> 16)) | word) & 0xFFFF;
        break;
    case GPIO_IDR:
        return;
    default: {
        if (offset >= sizeof(gpio->regs))
            return;
        uint32_t mask = (uint32_t)(MAKE_64BIT_MASK(0, 8 * size) << shift);
        *reg(gpio, offset) = (*reg(gpio, offset) & ~mask) | (word & mask);
        break;
    }
    }
    update(gpio, time_pc(gpio->mcu));
}

MCU_REGISTER_OPS(gpio_ops, gpio_read, gpio_write);

void gpio_reset_port(Mcu *mcu, unsigned port)
{
    Gpio *gpio = &mcu->gpio[port];
    memset(gpio->regs, 0, sizeof(gpio->regs));
    if (port == PORT_A)
        *reg(gpio, GPIO_MODER) = 0xA8000000;
    if (port == PORT_B)
        *reg(gpio, GPIO_MODER) = 0x00000280;
    update(gpio, time_pc(mcu));
}

void gpio_reset(Mcu *mcu)
{
    for (unsigned port = 0; port < PORTS; port++)
        gpio_reset_port(mcu, port);
}

void gpio_init(Mcu *mcu)
{
    static const char *const names[PORTS] = {"gpioa", "gpiob", "gpioc", "gpiod", "gpioe",
                                             "gpiof", "gpiog", "gpioh", "gpioi"};
    for (unsigned port = 0; port < PORTS; port++) {
        Gpio *gpio = &mcu->gpio[port];
        gpio->mcu = mcu;
        gpio->port = port;
        mcu_map(mcu, &gpio->mmio, &gpio_ops, gpio, names[port], 0x40020000 + 0x400 * port);
    }
}
