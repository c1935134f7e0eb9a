/* SPDX-License-Identifier: MIT
 *
 * The result store: a file that keeps what a sweep has found out, case by case, so that a sweep that was stopped goes
 * on where it was, shards can be put together, and reports and comparisons need no machine.
 *
 *   fact     what identifies the sweep (campaign.h); what differs is another sweep
 *   note     what else is known of it: how the user named things, times, whether it is finished
 *   source   the profile's text and the recorded run, for reports
 *   outcome  of each state that was run, by the number of its cut in the plan; number -1 is the update without power loss
 *   ending   of each end state, by its key: what the next update came to (failure; null: it works)
 *   cut      of each power loss: its outcome, and what wear says of it alone
 *   verdict  a view for people: each power loss with its verdict (oracle and detail; null: recovered)
 *
 * What counts is what was committed. An outcome whose ending is not there yet is not known, nor are the
 * cuts that are credited with it.
 */
#ifndef MATTERHORN_BENCH_STORE_H
#define MATTERHORN_BENCH_STORE_H

#include "campaign.h"
#include "next.h"
#include "sweep.h"

struct store;

enum store_use { STORE_READ, STORE_WORK, STORE_NEW };

/* STORE_WORK makes the file if it is not there, STORE_NEW wants that; both keep everybody else out. */
bool store_open(struct store **store, const char *path, enum store_use use, struct problem *problem);
/* Harmless on NULL. A file that was made and in which nothing was kept is gone again. */
void store_close(struct store *store);
const char *store_path(const struct store *store);

/* --- what it is of --- */

/* A new store takes the campaign, an old one must have the same. */
bool store_begin(struct store *store, const struct campaign *campaign, const struct profile *profile,
                 const struct sweep_result *result, struct problem *problem);
/* What it was begun with. Empty where it never was (a problem). Free with campaign_free. */
bool store_campaign(struct store *store, struct campaign *campaign, struct problem *problem);
/* Puts a note into the store, or gets one: *value is malloc'ed, NULL when there is none. */
bool store_note(struct store *store, const char *key, const char *value, struct problem *problem);
bool store_noted(struct store *store, const char *key, char **value, struct problem *problem);
/* A source, malloc'ed. */
bool store_source(struct store *store, const char *name, uint8_t **data, size_t *size, struct problem *problem);

/* --- while it sweeps; workers call these at any time. What fails is told by the next store_flush --- */

/* The case, of which `result` knows what came of it, and its outcome when it was run itself. */
void store_keep(struct store *store, const struct sweep_result *result, size_t index);
/* That it was done for real, or run although it was credited. */
void store_keep_marks(struct store *store, const struct sweep_case *one);
/* A next_told_fn. */
void store_keep_ending(void *store, uint64_t key, const struct verdict *verdict);
/* Everything kept is on disk. */
bool store_flush(struct store *store, struct problem *problem);
/* Adds the times of all processes before this one, which ended in order, to those of `result`, and keeps the sums. */
bool store_figures(struct store *store, struct sweep_result *result, struct problem *problem);
/* Nothing is left to do. */
bool store_finish(struct store *store, struct problem *problem);
bool store_finished(struct store *store, bool *finished, struct problem *problem);

/* --- what is known --- */

/* Gives the cases of `result`, whose plan is made, what is known of them, and counts them. With `next`, verdicts of
 * next updates are given to that; otherwise they are taken at once, and counted. */
bool store_load(struct store *store, struct sweep_result *result, struct next *next, size_t *known,
                struct problem *problem);

/* What the update without power loss came to. */
bool store_clean(struct store *store, struct sweep_result *result, struct problem *problem);

#endif
