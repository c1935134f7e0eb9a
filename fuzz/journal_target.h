/* SPDX-License-Identifier: MIT
 *
 * Journals of any contents, for targets with a whole device: records that the core itself encodes, and what power
 * losses and other hands make of them.
 */
#ifndef MATTERHORN_FUZZ_JOURNAL_TARGET_H
#define MATTERHORN_FUZZ_JOURNAL_TARGET_H

#include "device_target.h"

/* The record of a state, as the core writes it. `generation` is 0 to 3. */
void journal_target_record(const struct mh_state *state, unsigned generation, uint8_t page[MH_PAGE_SIZE]);
/* Whether both states are the same, with all that is stored of them. */
bool journal_target_same(const struct mh_state *one, const struct mh_state *other);

/* A state from the input: its packages are of the set, or there are none. */
void journal_target_take_state(struct input *input, struct mh_state *state);
/* Both sectors from the input: how many changes, then for each a page and what becomes of it. */
void journal_target_take(struct input *input, struct target *target);

#endif
