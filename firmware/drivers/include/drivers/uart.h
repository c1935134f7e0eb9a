/* SPDX-License-Identifier: MIT
 *
 * The diagnostic UART: USART1, TX on PA9, 115200 Bd 8N1.
 */
#ifndef DRIVERS_UART_H
#define DRIVERS_UART_H

void uart_initialize(void);
/* Sends the text and returns when the last bit is out. */
void uart_write(const char *text);

#endif
