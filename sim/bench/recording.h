/* SPDX-License-Identifier: MIT
 *
 * A recorded run: its events, and its non-volatile operations with their names.
 */
#ifndef MATTERHORN_BENCH_RECORDING_H
#define MATTERHORN_BENCH_RECORDING_H

#include "profile.h"
#include "trace.h"

/* One non-volatile operation. */
struct operation {
    struct trace_item item;
    uint32_t occurrence;             /* of this kind at this address of this chip, from 1 */
    size_t under_way;                /* index of the other chip's operation that had not ended; its own if none */
    unsigned phase;                  /* index into the profile's phases plus 1; 0 before the first */
    const struct profile_area *area; /* NULL: in none */
};

struct recording {
    uint8_t *events;
    size_t size, capacity; /* bytes of events */
    bool incomplete;       /* no memory for all events */
    struct operation *operations;
    size_t count;
};

/* A machine_event_fn: appends the event; `recording` starts zeroed. */
void recording_take(void *recording, const struct trace_item *item);
/* Finds the operations. False when a phase of the profile did not occur. */
bool recording_index(struct recording *recording, const struct profile *profile, struct problem *problem);
/* The same without occurrences, phases and areas. */
bool recording_index_operations(struct recording *recording, struct problem *problem);
void recording_free(struct recording *recording);

/* The name of an operation, such as "int.080A4800.p1": chip, address, kind, n-th occurrence. */
#define RECORDING_NAME 32
void recording_name(const struct operation *operation, char name[RECORDING_NAME]);
/* The name of phase `phase` of an operation. */
const char *recording_phase_name(const struct profile *profile, unsigned phase);
/* The name of the area, or of the chip when the operation is in none. */
const char *recording_area_name(const struct operation *operation);

#endif
