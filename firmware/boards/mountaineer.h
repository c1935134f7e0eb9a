/* SPDX-License-Identifier: MIT
 *
 * What both Mountaineer mainboards have in common: the pins.
 */
#ifndef BOARDS_MOUNTAINEER_H
#define BOARDS_MOUNTAINEER_H

#include "drivers/gpio.h"

#define BOARD_LED_RED GPIO_PIN('E', 11)
#define BOARD_LED_GREEN GPIO_PIN('E', 13)
#define BOARD_LED_BLUE GPIO_PIN('E', 14)

#endif
