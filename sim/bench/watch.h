/* SPDX-License-Identifier: MIT
 *
 * What must be seen of one boot: lines on a USART and edges of pins, counted from the last reset of the MCU.
 */
#ifndef MATTERHORN_BENCH_WATCH_H
#define MATTERHORN_BENCH_WATCH_H

#include "trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_MOST 32 /* of either kind */

struct watch_edges {
    uint32_t pin;   /* port * 16 + pin */
    uint32_t count; /* at least */
};

/* What is wanted. The caller's memory, read only. */
struct watch_wanted {
    const char *const *lines; /* text that a line contains */
    unsigned line_count;      /* at most WATCH_MOST */
    const struct watch_edges *edges;
    unsigned edge_count; /* at most WATCH_MOST */
    const char *const *unwanted; /* text that no line of the whole session may contain */
    unsigned unwanted_count;
};

struct watch {
    const struct watch_wanted *wanted;
    struct trace_lines lines;
    bool seen[WATCH_MOST];
    uint32_t edges[WATCH_MOST];
    uint32_t boots; /* power-ons and resets */
    const char *unwanted; /* the first unwanted text that was seen; NULL */
};

void watch_begin(struct watch *watch, const struct watch_wanted *wanted);
void watch_take(struct watch *watch, const struct trace_item *item);
bool watch_lines_seen(const struct watch *watch);
bool watch_edges_seen(const struct watch *watch);
/* Describes the first thing not seen yet, for people; false when all was. */
bool watch_missing(const struct watch *watch, char *text, size_t size);

#endif
