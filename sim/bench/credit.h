/* SPDX-License-Identifier: MIT
 *
 * Which crash states need not be run, because a representative was run from which they differ
 * only where it does not matter.
 *
 * Let R be a state whose recovery was run: power-ups with certain contents of SRAM and certain noise, after each of
 * which the arrays were judged. Let T be the bytes that this run read, fetched or programmed before it erased them, E
 * those that it erased completely, F those of E that it erased before its first power-up was judged, and C those that the
 * oracles compare. Let M be another state, recovered under the same contents of SRAM and the same noise, and W the bytes
 * in which M and R differ, in cells or in marks. M is credited with R's verdict when
 *
 *     no byte of W is in T, every byte of W is in F or outside C, and in E where more is asked of the end state than C.
 *
 * Why: both runs start the same, and a run can only take another course by an access to a byte in which the flashes
 * differ. Let the first such access in M's run be at a byte b. Up to there both runs did the same, so R's run makes
 * the same access; since b is not in T, R had erased b before, hence so had M. A complete erase leaves ones and no
 * marks, whatever was there before, and from then on both were treated alike: b does not differ. So there is no such
 * access; the runs are the same to the nanosecond, and their sessions give the same verdicts except for what compares
 * the bytes of W that are left when that is done. Those in F are no longer in W. Where the next update is tried on the end
 * state, something outside the machine reads it all, so that nothing of W may be left; then the end states are the
 * same and so is what follows.
 *
 * A run that fails before anybody compares anything, because it does not get there in time, is looked at
 * in no byte: then C is empty.
 *
 * Where an oracle compares the end state with that before the run, as it does with counters, the verdict depends on
 * those bytes whether the run erased them or not: there M must be equal to R.
 *
 * Faults of the parts (sim/nor/fault.h) are the same in both runs, and count what they count from power-on, so that
 * they are alike up to there too: a bit that is stuck is so after an erase in both, and what the N-th command meets is
 * that of the same command. Where a fault makes a run depend on bytes that it does not touch, or on what happened
 * before the loss (fault_beyond_cells), nothing is credited, nor where a property of the machine is as such a fault
 * (model.h): how often a sector was erased, what a cache held before an erase, whether the rest of a page is blank.
 *
 * On the safe side: of the internal flash, a page of 1 KB that code is fetched from counts as touched as a whole,
 * and so does one that is read very often (rail.h); the one-time programmable area and the status registers of the
 * SPI NOR always do; an erase or program that a power loss or reset cut short counts as a touch and not as an
 * erase. The wear oracle counts erases of the run before the loss too, in which M and R differ: it is judged for
 * each state by itself (wear.h).
 *
 * This is about verdicts. What it means for the crash states of M's own recovery is told in closure.h.
 */
#ifndef MATTERHORN_BENCH_CREDIT_H
#define MATTERHORN_BENCH_CREDIT_H

#include "bytes.h"
#include "footprint.h"
#include "profile.h"

/* What the oracles compare; the same for all states. */
struct credit_rules {
    struct bytes compared;
    struct bytes kept; /* compared with what they were before, be they erased or not */
};

/* How much of the arrays was looked at, beside by the run itself. */
enum credit_look {
    CREDIT_NOTHING,  /* the run failed before */
    CREDIT_COMPARED, /* what the oracles compare */
    CREDIT_ALL,      /* something read the whole end state */
};

bool credit_rules_open(struct credit_rules *rules, struct problem *problem);
void credit_rules_compare(struct credit_rules *rules, enum array array, uint32_t offset, uint32_t size);
void credit_rules_keep(struct credit_rules *rules, enum array array, uint32_t offset, uint32_t size);
void credit_rules_close(struct credit_rules *rules);

struct representative {
    struct arrays state;     /* in which its recovery began */
    struct bytes matters;    /* in which others must not differ */
    struct pages differing;  /* pages in which the last state asked about differs in a byte that matters */
    size_t differing_count;
};

bool representative_open(struct representative *representative, const struct arrays *device, struct problem *problem);
void representative_close(struct representative *representative);
/* `state` was run: `touched` is the machine's map (rail.h), `footprint` what the trace says. */
void representative_set(struct representative *representative, const struct arrays *state, const uint8_t *touched,
                        const struct footprint *footprint, const struct credit_rules *rules, enum credit_look look);
/* Whether `state` is credited. Only the pages of `moved`, which is emptied, may hold something else than the last time,
 * or than the state that was set. */
bool representative_credits(struct representative *representative, const struct arrays *state, struct pages *moved);

#endif
