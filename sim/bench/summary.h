/* SPDX-License-Identifier: MIT
 *
 * A run in figures: virtual time of each phase, operations per sector, edges per pin.
 */
#ifndef MATTERHORN_BENCH_SUMMARY_H
#define MATTERHORN_BENCH_SUMMARY_H

#include "arrays.h"
#include "profile.h"
#include "trace.h"

#include <stdio.h>

#define SUMMARY_PINS (11 * 16)

struct summary_phase {
    char name[40];
    uint64_t begin_ns;
    uint64_t operations;
};

struct summary_sector {
    unsigned chip;
    const char *chip_name;
    uint32_t start, size;
    uint32_t erases;
    uint64_t programs, bytes;
};

struct summary {
    const struct profile *profile; /* for phases and pin names; NULL: each boot is a phase */
    struct trace_lines lines;
    struct summary_phase *phases;
    size_t phase_count;
    unsigned next_phase; /* of the profile */
    struct summary_sector *sectors;
    size_t sector_count;
    uint32_t edges[SUMMARY_PINS];
    uint32_t boots;
    uint64_t events, operations, end_ns;
    bool incomplete; /* no memory for everything */
};

void summary_begin(struct summary *summary, const struct profile *profile);
/* A machine_event_fn. */
void summary_take(void *summary, const struct trace_item *item);
/* The run ended at this virtual time. */
void summary_end(struct summary *summary, uint64_t time_ns);
void summary_free(struct summary *summary);

void summary_text(FILE *stream, const struct summary *summary);
/* One object on one line; `reason` and `instructions` come along. False: no memory. */
bool summary_json(FILE *stream, const struct summary *summary, const char *reason, uint64_t instructions);

#endif
