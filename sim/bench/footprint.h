/* SPDX-License-Identifier: MIT
 *
 * What a recovery did to the cells, from its trace: what it erased, and how it went.
 */
#ifndef MATTERHORN_BENCH_FOOTPRINT_H
#define MATTERHORN_BENCH_FOOTPRINT_H

#include "arrays.h"

#define FOOTPRINT_SECTORS 12 /* of the internal flash */

struct footprint {
    struct pages erased; /* completely, at least once */
    struct pages early;  /* of these, those before the arrays were compared for the first time */
    bool compared;       /* they were */
    struct pages cut;    /* under an erase or program that a loss of power or a reset cut short */
    uint32_t erases[FOOTPRINT_SECTORS]; /* begun, per sector of the internal flash */
    uint64_t trace;                     /* a hash of all events: the same for the same run */
    struct footprint_operation {
        bool erase;
        enum array array;
        uint32_t offset, size;
        uint64_t end_ns; /* 0: nothing is under way */
    } under_way[RAIL_CHIP_NOR + 1];
};

void footprint_begin(struct footprint *footprint);
/* The arrays are compared with what they shall hold. Only the first time counts. */
void footprint_compared(struct footprint *footprint);
/* A machine_event_fn. */
void footprint_take(void *footprint, const struct trace_item *item);

#endif
