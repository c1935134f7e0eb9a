/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Clock gates and resets of peripherals: RM0090 Rev 21 sections 7.3.5 to 7.3.14. A peripheral whose clock is off, or
 * that is held in reset, is dead on silicon. Here it works all the same, and its first use is told as a guest error.
 * That costs nothing afterwards, nor with the clock on: until it is told, the registers have other functions.
 */
#include "mcu.h"

enum { AHB1, AHB2, APB1 = 4, APB2 }; /* words from RCC_AHB1RSTR and RCC_AHB1ENR on */

typedef void ResetFunction(Mcu *mcu, unsigned index);

static void reset_crc(Mcu *mcu, unsigned index)
{
    crc_reset(mcu);
}

static void reset_rng(Mcu *mcu, unsigned index)
{
    rng_reset(mcu);
}

static void reset_wwdg(Mcu *mcu, unsigned index)
{
    wwdg_reset(mcu);
}

static void reset_pwr(Mcu *mcu, unsigned index)
{
    pwr_reset(mcu);
}

static void reset_syscfg(Mcu *mcu, unsigned index)
{
    syscfg_reset(mcu);
}

static const struct {
    uint32_t base;
    uint8_t bus, bit;
    ResetFunction *reset;
    uint8_t index; /* of the one that it resets */
} gates[GATES] = {
    {0x40020000, AHB1, 0, gpio_reset_port, PORT_A}, {0x40020400, AHB1, 1, gpio_reset_port, PORT_B},
    {0x40020800, AHB1, 2, gpio_reset_port, PORT_C}, {0x40020C00, AHB1, 3, gpio_reset_port, PORT_D},
    {0x40021000, AHB1, 4, gpio_reset_port, PORT_E}, {0x40021400, AHB1, 5, gpio_reset_port, PORT_F},
    {0x40021800, AHB1, 6, gpio_reset_port, PORT_G}, {0x40021C00, AHB1, 7, gpio_reset_port, PORT_H},
    {0x40022000, AHB1, 8, gpio_reset_port, PORT_I}, {0x40023000, AHB1, 12, reset_crc, 0},
    {0x40026000, AHB1, 21, dma_reset_one, 0},       {0x40026400, AHB1, 22, dma_reset_one, 1},
    {0x50060800, AHB2, 6, reset_rng, 0},            {0x40000000, APB1, 0, tim_reset_one, 0},
    {0x40000400, APB1, 1, tim_reset_one, 1},        {0x40000800, APB1, 2, tim_reset_one, 2},
    {0x40000C00, APB1, 3, tim_reset_one, 3},        {0x40001000, APB1, 4, tim_reset_one, 4},
    {0x40001400, APB1, 5, tim_reset_one, 5},        {0x40002C00, APB1, 11, reset_wwdg, 0},
    {0x40003800, APB1, 14, spi_reset_one, 1},       {0x40003C00, APB1, 15, spi_reset_one, 2},
    {0x40004400, APB1, 17, usart_reset_one, 1},     {0x40004800, APB1, 18, usart_reset_one, 2},
    {0x40004C00, APB1, 19, usart_reset_one, 3},     {0x40005000, APB1, 20, usart_reset_one, 4},
    {0x40007000, APB1, 28, reset_pwr, 0},           {0x40011000, APB2, 4, usart_reset_one, 0},
    {0x40011400, APB2, 5, usart_reset_one, 5},      {0x40013000, APB2, 12, spi_reset_one, 0},
    {0x40013800, APB2, 14, reset_syscfg, 0},
};

static const char *const bus_names[] = {[AHB1] = "AHB1", [AHB2] = "AHB2", [APB1] = "APB1", [APB2] = "APB2"};

static unsigned index_of(const Gate *gate)
{
    return gate - gate->mcu->gates;
}

static uint32_t bit_of(const Gate *gate)
{
    return 1u << gates[index_of(gate)].bit;
}

static bool in_reset(const Gate *gate)
{
    return gate->mcu->rcc.regs[RCC_AHB1RSTR / 4 + gates[index_of(gate)].bus] & bit_of(gate);
}

static bool clocked(const Gate *gate)
{
    return gate->mcu->rcc.regs[RCC_AHB1ENR / 4 + gates[index_of(gate)].bus] & bit_of(gate);
}

/// The first use ///

static void watch(Gate *gate, bool watched);

static void tell(Gate *gate)
{
    const char *bus = bus_names[gates[index_of(gate)].bus];
    unsigned bit = gates[index_of(gate)].bit;
    qemu_log_mask(LOG_GUEST_ERROR, "RCC: %s used at pc 0x%08x while %s (%s%s bit %u)\n", gate->mmio->name,
                  time_pc(gate->mcu), in_reset(gate) ? "it is held in reset" : "its clock is off", bus,
                  in_reset(gate) ? "RSTR" : "ENR", bit);
    gate->told = true;
    watch(gate, false);
}

/* A debugger is no use. */
static uint64_t watched_read(void *opaque, hwaddr offset, unsigned size)
{
    Gate *gate = opaque;
    if (current_cpu != NULL)
        tell(gate);
    return gate->ops->read(gate->device, offset, size);
}

static void watched_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Gate *gate = opaque;
    if (current_cpu != NULL)
        tell(gate);
    gate->ops->write(gate->device, offset, value, size);
}

MCU_REGISTER_OPS(watched_ops, watched_read, watched_write);

static void watch(Gate *gate, bool watched)
{
    gate->mmio->ops = watched ? &watched_ops : gate->ops;
    gate->mmio->opaque = watched ? gate : gate->device;
}

/// RCC ///

void gates_changed(Mcu *mcu)
{
    for (unsigned i = 0; i < GATES; i++) {
        Gate *gate = &mcu->gates[i];
        bool reset = in_reset(gate);
        if (reset && !gate->in_reset)
            gates[i].reset(mcu, gates[i].index);
        gate->in_reset = reset;
        watch(gate, !gate->told && (reset || !clocked(gate)));
    }
}

void gates_power_on(Mcu *mcu)
{
    for (unsigned i = 0; i < GATES; i++)
        mcu->gates[i].told = mcu->gates[i].in_reset = false;
}

void gates_add(Mcu *mcu, MemoryRegion *mmio, hwaddr base)
{
    for (unsigned i = 0; i < GATES; i++)
        if (gates[i].base == base)
            mcu->gates[i] = (Gate){.mcu = mcu, .mmio = mmio, .ops = mmio->ops, .device = mmio->opaque};
}
