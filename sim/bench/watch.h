/* SPDX-License-Identifier: MIT
 *
 * What must be seen of one boot: lines on a USART, edges and levels of pins, counted from the last reset of the MCU.
 * Where a device may end in one of several ways, each has its own.
 */
#ifndef MATTERHORN_BENCH_WATCH_H
#define MATTERHORN_BENCH_WATCH_H

#include "trace.h"

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_MOST 32 /* of either kind */
#define WATCH_ANY 8   /* alternatives */

struct watch_edges {
    uint32_t pin;   /* port * 16 + pin */
    uint32_t count; /* at least */
};

struct watch_level {
    uint32_t pin;  /* port * 16 + pin */
    uint32_t high; /* 0: low, which a pin is that is not driven */
};

/* What is wanted. The caller's memory, read only. */
struct watch_wanted {
    const char *const *lines; /* text that a line contains */
    unsigned line_count;      /* at most WATCH_MOST */
    const struct watch_edges *edges;
    unsigned edge_count; /* at most WATCH_MOST */
    const char *const *unwanted; /* text that no line of the whole session may contain */
    unsigned unwanted_count;
    const regex_t *patterns; /* which a line matches */
    const char *const *pattern_texts;
    unsigned pattern_count;  /* at most WATCH_MOST */
    const struct watch_level *levels;
    unsigned level_count; /* at most WATCH_MOST */
    bool vectors;         /* somebody asks where the core's vector table is at the end */
    const char *name;     /* of an alternative */
    const struct watch_wanted
        *any; /* beside all that, everything that one of these wants; their `unwanted` and `any` are not looked at */
    unsigned any_count;             /* at most WATCH_ANY */
};

/* What of it was seen. */
struct watch_seen {
    bool lines[WATCH_MOST], patterns[WATCH_MOST], high[WATCH_MOST];
    uint32_t edges[WATCH_MOST];
};

struct watch {
    const struct watch_wanted *wanted;
    struct trace_lines lines;
    struct watch_seen seen, any[WATCH_ANY];
    uint32_t boots; /* power-ons and resets */
    const char *unwanted; /* the first unwanted text that was seen; NULL */
};

void watch_begin(struct watch *watch, const struct watch_wanted *wanted);
void watch_take(struct watch *watch, const struct trace_item *item);
/* All lines and patterns, and where there are alternatives those of one of them. */
bool watch_lines_seen(const struct watch *watch);
/* All of it. */
bool watch_all_seen(const struct watch *watch);
/* Index of the first alternative of which everything was seen; any_count when there is none. */
unsigned watch_alternative(const struct watch *watch);
/* Describes the first thing not seen yet, for people; false when all was. */
bool watch_missing(const struct watch *watch, char *text, size_t size);

#endif
