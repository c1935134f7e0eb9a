/* SPDX-License-Identifier: MIT
 *
 * A line to a host: USART2, TX on PD5, RX on PD6, 115200 Bd 8N1. The device asks in lines of text, the host answers
 * in frames; it says nothing unasked, so the receiver need not run while a flash is written. A frame is
 *
 *      offset  size
 *      0       4       the bytes "MTHF"
 *      4       4       number: of the packet; 0 of other answers
 *      8       4       length of what follows, n
 *      12      n       data
 *      12 + n  4       CRC-32 of all before (docs/SPEC.md, Conventions)
 *
 * What is no frame with the number and length that were asked for is passed over.
 */
#ifndef DOWNLOAD_LINK_H
#define DOWNLOAD_LINK_H

#include <stdbool.h>
#include <stdint.h>

void link_initialize(void);

/* Sends a line, and a line feed. */
void link_ask(const char *line);

/* Waits for the answer with this number, of exactly `length` bytes. False when it came damaged, or nothing came for a
 * second: then ask again. */
bool link_answer(uint32_t number, uint8_t *data, uint32_t length);

#endif
