/* SPDX-License-Identifier: MIT
 *
 * The operations of many recorded runs, in little memory: an operation that several runs do is kept once, and so is what they do
 * in a row for a while. A run that goes the way of others takes 4 bytes for some sixty operations.
 *
 * Times are not kept, nor anything that is no operation: a tape is for building crash states and for names.
 */
#ifndef MATTERHORN_BENCH_TAPE_H
#define MATTERHORN_BENCH_TAPE_H

#include "recording.h"

/* What is on the tapes; may be used by several threads. */
struct tapes;
/* One run; free with free(). */
struct tape;

struct tapes *tapes_open(void);
void tapes_close(struct tapes *tapes);

/* NULL: no memory. */
struct tape *tapes_keep(struct tapes *tapes, const struct recording *recording);
struct tape *tapes_copy(const struct tape *tape);
/* How many operations it has. */
size_t tapes_count(const struct tape *tape);
/* The first `limit` operations again, or as many as there are, but without occurrences, phases and areas. Those that `recording` has already, which
 * starts zeroed, stay. The same operation with the same data is the same `item.event`, whatever tape it is on. */
bool tapes_play(struct tapes *tapes, const struct tape *tape, size_t limit, struct recording *recording, struct problem *problem);

/* Places in a run that are likely places of other runs too where those go on in the same way: the number of the operation that comes next, and a hash of
 * all that come from there on, of which so many are erases. In order. NULL: no memory; free with free(). */
struct tape_place {
    size_t operation, erases;
    uint64_t rest;
};
struct tape_place *tapes_places(struct tapes *tapes, const struct tape *tape, size_t *count);

/* One operation, without data; good as long as the tapes are. */
const struct rail_event *tapes_event(struct tapes *tapes, const struct tape *tape, size_t index);
/* One of them, with its occurrence. False: no memory. */
bool tapes_operation(struct tapes *tapes, const struct tape *tape, size_t index, struct operation *operation);

#endif
