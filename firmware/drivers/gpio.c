/* SPDX-License-Identifier: MIT */
#include "drivers/gpio.h"

#include "drivers/stm32f4.h"

enum { MODE_OUTPUT = 1, MODE_ALTERNATE = 2, SPEED_HIGH = 2 };

static volatile struct gpio *port_of(unsigned pin)
{
    return GPIO_PORT(pin / 16);
}

static void set_field(volatile uint32_t *reg, unsigned index, unsigned width, uint32_t value)
{
    const uint32_t mask = ((1u << width) - 1) << index * width;

    *reg = (*reg & ~mask) | value << index * width;
}

void gpio_initialize(void)
{
    RCC->AHB1ENR |= RCC_AHB1_GPIO_ALL;
    (void)RCC->AHB1ENR; /* two cycles until the clock is there: RM0090 7.3.10 */
}

void gpio_output(unsigned pin, bool level)
{
    gpio_write(pin, level);
    set_field(&port_of(pin)->OSPEEDR, pin % 16, 2, SPEED_HIGH);
    set_field(&port_of(pin)->MODER, pin % 16, 2, MODE_OUTPUT);
}

void gpio_alternate(unsigned pin, unsigned function)
{
    set_field(&port_of(pin)->AFR[pin % 16 / 8], pin % 8, 4, function);
    set_field(&port_of(pin)->OSPEEDR, pin % 16, 2, SPEED_HIGH);
    set_field(&port_of(pin)->MODER, pin % 16, 2, MODE_ALTERNATE);
}

void gpio_write(unsigned pin, bool level)
{
    port_of(pin)->BSRR = 1u << (pin % 16 + (level ? 0 : 16));
}
