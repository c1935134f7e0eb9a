/* SPDX-License-Identifier: MIT
 *
 * Pins. A pin is port * 16 + number: PE11 is GPIO_PIN('E', 11).
 */
#ifndef DRIVERS_GPIO_H
#define DRIVERS_GPIO_H

#include <stdbool.h>

#define GPIO_PIN(port, number) (((port) - 'A') * 16u + (number))

/* Clocks for every port. */
void gpio_initialize(void);
/* An output, push-pull, at `level` from its first moment. */
void gpio_output(unsigned pin, bool level);
/* An alternate function (0 to 15), push-pull, fast. */
void gpio_alternate(unsigned pin, unsigned function);
void gpio_write(unsigned pin, bool level);

#endif
