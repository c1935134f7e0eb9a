/* SPDX-License-Identifier: MIT
 *
 * Crash states: what a power loss at an operation of a recorded run leaves in the arrays. They are built from the recording
 * and sim/nor; the run before them is never run again.
 */
#ifndef MATTERHORN_BENCH_CRASH_STATE_H
#define MATTERHORN_BENCH_CRASH_STATE_H

#include "changes.h"
#include "recording.h"

/* What lies under a tear. */
struct crash_state_saved {
    enum array array;
    uint32_t offset, size;
    size_t at; /* in `saved_bytes` */
};

struct crash_state {
    const struct recording *recording;
    const struct arrays *device; /* in which the recorded run started */
    struct arrays arrays;        /* the state: cells, and marks where it is torn */
    size_t position;             /* operations 0..position-1 are done, tears aside */
    struct pages moved;          /* pages written since the owner emptied this set */
    struct changes *changes;     /* the same, more exactly; NULL: nobody asks */
    struct crash_state_saved *saved;
    size_t saved_count, saved_capacity;
    uint8_t *saved_bytes;
    size_t saved_used, saved_size;
    struct arrays under;         /* all but the cells under a tear */
    bool torn;                   /* there is something under it */
};

/* `device`: the provisioned one, or a state in which power was lost before: then with its pages and marks. */
bool crash_state_begin(struct crash_state *state, const struct recording *recording, const struct arrays *device,
                       struct problem *problem);
/* The same again with another recording, from a state of the same provisioned device. */
void crash_state_restart(struct crash_state *state, const struct recording *recording, const struct arrays *device);
void crash_state_free(struct crash_state *state);
/* Moves to `position`. Forward costs the operations between, backward those from the start. */
bool crash_state_seek(struct crash_state *state, size_t position, struct problem *problem);
/* Moves to where power is lost during operation `operation`, which tears the other chip's operation that is under way in the
 * same way. Moving on undoes the tear. */
bool crash_state_tear(struct crash_state *state, size_t operation, enum nor_tear tear, struct problem *problem);

#endif
