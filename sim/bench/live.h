/* SPDX-License-Identifier: MIT
 *
 * A run as it happens, for people: lines of the USARTs, pins, resets, and how the flashes are written.
 */
#ifndef MATTERHORN_BENCH_LIVE_H
#define MATTERHORN_BENCH_LIVE_H

#include "pins.h"
#include "trace.h"

#include <stdio.h>

#define LIVE_PINS (11 * 16)
#define LIVE_NAME 24

/* Operations on one chip that are not printed yet. */
struct live_flash {
    const char *chip_name;
    uint32_t programs, erases, others;
    uint32_t lowest, highest;
};

struct live {
    FILE *stream;
    struct trace_lines lines;
    struct pin_view pins[LIVE_PINS];
    char names[LIVE_PINS][LIVE_NAME]; /* "" : the pin's own */
    struct live_flash flash[3];       /* per enum rail_chip */
    uint64_t flash_since_ns;
};

void live_begin(struct live *live, FILE *stream);
/* What people call a pin (port * 16 + pin). */
void live_name(struct live *live, uint32_t pin, const char *name);
/* A machine_event_fn. */
void live_take(void *live, const struct trace_item *item);
/* It is `now`: prints what waited for that. */
void live_tick(struct live *live, uint64_t now_ns);
/* Nothing follows. */
void live_end(struct live *live, uint64_t now_ns);

#endif
