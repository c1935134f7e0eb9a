/* SPDX-License-Identifier: MIT
 *
 * Reading a trace of the machine (sim/rail/rail.h).
 */
#ifndef MATTERHORN_BENCH_TRACE_H
#define MATTERHORN_BENCH_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "rail.h"

/* One event with its payload, inside the memory of the trace. */
struct trace_item {
    const struct rail_event *event;
    const uint8_t *data; /* event->payload bytes */
};

/* Takes the event at *position of `size` bytes of events and moves *position behind it. False at the end, or where a
 * broken event stands; then *position < size. */
bool trace_next(const uint8_t *events, size_t size, size_t *position, struct trace_item *item);

/* True for what `cut=N` counts. */
bool trace_is_operation(const struct rail_event *event);

/* Of a RAIL_SUPPLY event: whose supply it is. */
enum rail_chip trace_supplied_chip(const struct rail_event *event);

/* "internal", "otp" or "nor" as the address says, "-" when there is no chip; "program", "erase"... */
const char *trace_chip_name(const struct rail_event *event);
const char *trace_kind_name(unsigned kind);

/* "PE13" from a pin's number, port * 16 + pin. */
#define TRACE_PIN_NAME 8
void trace_pin_name(uint32_t pin, char name[TRACE_PIN_NAME]);
/* The number of a pin from its name, or UINT32_MAX. */
uint32_t trace_pin_number(const char *name);

/* One line: virtual ns, pc, kind, chip, address, value, data. The same text for the same event, always. */
void trace_print(FILE *stream, const struct trace_item *item);

/* USART bytes into lines. */
#define TRACE_USARTS 9
#define TRACE_LINE 256
struct trace_lines {
    size_t used[TRACE_USARTS];
    char text[TRACE_USARTS][TRACE_LINE];
};

/* Forgets half lines: what was being said when the MCU was reset or power was lost stays unsaid. */
void trace_lines_forget(struct trace_lines *lines);

/* Takes a RAIL_UART event. The line without its ending when it is complete, else NULL; valid until the next call.
 * Bytes that are not printable become '.', what is beyond TRACE_LINE - 1 is dropped. */
const char *trace_line(struct trace_lines *lines, const struct rail_event *event);

#endif
