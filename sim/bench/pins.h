/* SPDX-License-Identifier: MIT
 *
 * What a pin does, in words: on, off, blinking at so many Hz.
 */
#ifndef MATTERHORN_BENCH_PINS_H
#define MATTERHORN_BENCH_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PINS_KEPT 4

struct pin_view {
    bool level;
    bool blinking;
    uint64_t period_ns;         /* while blinking */
    uint64_t edges[PINS_KEPT]; /* times of the last edges, newest first */
    unsigned kept;
    uint32_t count; /* of all edges */
};

/* An edge. True when there is something new to say: `text` is "on", "off" or "blinking 2.0 Hz". */
bool pin_edge(struct pin_view *view, uint64_t time_ns, bool level, char *text, size_t size);
/* It is `now`. True when blinking has ended: `text` is "steady on" or "steady off". */
bool pin_tick(struct pin_view *view, uint64_t now_ns, char *text, size_t size);
/* Edges seen so far do not belong to what follows (a reset). */
void pin_forget(struct pin_view *view);

#endif
