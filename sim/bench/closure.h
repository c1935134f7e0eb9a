/* SPDX-License-Identifier: MIT
 *
 * Any number of power losses: the sweep goes on from what it found. A recovery is a run with operations too, so power is lost at each
 * of them, torn in each way, and the recovery from that is judged; until no state is met that was not met before, or to a
 * certain depth, the number of losses in a row. Where nothing is left open and everything recovered, the search is *closed*: from
 * any number of losses during the update and the recoveries from it, each torn in one of the ways of the menu, under the contents of the SRAM and
 * the noise that the seeds give, the device recovers.
 *
 * A state is the cells of all arrays, and the marks. Wear is none of it, nor is time. States are met in the order of their depth, so that the
 * first id that leads to a finding is one of the shortest.
 *
 * Most states are not run but belong to a class. A class is a state R that was run, and a set W of wild bytes: its members are the states that
 * agree with R in cells and marks outside of W, whatever they hold in W. No byte of W is in what mattered to R's run
 * (credit.h): the run touched none of them before it erased them, and left nothing of them for anybody to compare. So every
 * member recovers like R, operation by operation, and what is in W at the end is the same or compared by nobody. What an oracle
 * compares with what it was before the run, as it does with counters, mattered as well, be it erased or not: it is in no W.
 *
 * The crash states of the members' recoveries are classes again: where power is lost during operation j, tear t, what a
 * member leaves agrees with what R leaves outside of W(j), which is W without the bytes that an operation before j has completely
 * erased. (And without those that the torn erase itself sets to the same whatever they were, nor_tear_forgets, unless there may be ranges in W to which programs do
 * not take, which outlast it.) Why: operations before j are the same, and
 * programs in it touch no byte of W that was not erased before. What has been erased is equal from then on. A torn erase treats each byte and its marks by itself, and a torn program depends on no byte that it programs
 * with 0xFF (nor.h); so bytes of W(j) under the tear may come out as anything, which they may anyway, and no others depend on them.
 *
 * A state that is met is therefore (state, W(j)), and its fingerprint is that of the bytes outside W(j), and of W(j). When it is new, R's
 * successor is run, or credited to the class of another one beside it, if the bytes in which those two differ and both sets of wild bytes have nothing in
 * common with what mattered to the run; the class's W then grows by them. W starts out empty: what the first power loss leaves is one
 * state. Classes may have members that no power loss leaves: they recover as well, so nothing is found that is not there.
 *
 * Most operations are programs of words side by side, of an image or a packet, that the recovery erases unread. So a *stretch* of such programs in a row,
 * with all their tears, is one entry: what states there are follows from the state before the first program and from the operations, so a stretch that begins in
 * a state that was met, with the same operations, has no new ones. All its states agree with that first state outside of X, the bytes that the stretch programs, in cells and
 * marks. So where that state is the representative, or credited with it, and no byte of X is in what mattered to the representative's run, each of them is
 * credited, and X goes into W. Else they become entries of their own, one for each state.
 *
 * A state that its neighbours say nothing of need not be run either where one was run earlier in any recovery of the search, that agrees with it in what
 * mattered to that run (pool.h): the same rule, with the bytes in which the two differ as wild ones. So its class widens after the crash states of its
 * recovery were looked at; then they are looked at once more, as classes with more wild bytes. Those that fall into classes that are as wide already
 * are not new. Wild bytes only ever become more, and bytes are finite, so that ends too.
 *
 * It may happen that a run touches wild bytes that it has inherited: then its verdict is that of one member, and others may do other things.
 * Those bytes are *told apart* from then on: they count as touched by every run. The search begins anew, and no class has them in its W.
 * There are finitely many bytes, so that ends. What was run need not be run again: it credits states with what was found then.
 *
 * A state from which the device does not recover is a finding, and not gone on from. How often sectors were erased is judged along the way on
 * which a state was first met. Power is lost in the first power-up of each recovery, and after its last operation; what the next power-up then does
 * is a recovery like any other.
 */
#ifndef MATTERHORN_BENCH_CLOSURE_H
#define MATTERHORN_BENCH_CLOSURE_H

#include "id.h"
#include "sweep.h"

/* Losses in a row at most: then there is an id even for a state that is left open. */
#define CLOSURE_DEPTHS (ID_CUTS - 1)

/* The states that one more power loss leads to. */
struct closure_depth {
    size_t first;  /* entry: those that were found in earlier depths are before it */
    size_t states; /* new ones */
    size_t run, credited;
    size_t failing; /* of both */
};

/* States that failed in the same words. */
struct closure_finding {
    struct verdict verdict;
    size_t members;
    size_t *states; /* the first ones */
    size_t count;
};
#define CLOSURE_EXAMPLES 5 /* states of one finding that are named */

/* Why the search ended. */
enum closure_end { CLOSURE_ALL, CLOSURE_DEPTH, CLOSURE_TIME, CLOSURE_BROKEN };

struct closure_search; /* what names need */

struct closure_result {
    struct sweep_result sweep; /* the run without power loss, firmware, seeds, totals; no cases */
    const struct profile *profile;
    const struct sweep_options *options;
    enum closure_end end;
    bool closed;
    unsigned depth; /* the last one that is complete */
    struct closure_depth depths[CLOSURE_DEPTHS + 1];
    unsigned depth_count;     /* of them, the last one of which may not be complete */
    size_t run, credited;     /* states that are judged */
    size_t seen;              /* crash states that were met before */
    size_t open;              /* states that are not judged */
    size_t unlooked;          /* recoveries whose crash states were not looked at, when it ended early */
    size_t recoveries;        /* all runs, those before the search began anew included */
    size_t anew;              /* how often it did */
    size_t apart;             /* bytes that are told apart */
    size_t live, checked;
    struct closure_finding *findings; /* in the order in which they were met */
    size_t finding_count;
    double wall_s, cpu_s;
    struct closure_search *search;
};

/* Called every so often from the calling thread, and once at the end. */
struct closure_progress {
    unsigned depth;
    size_t looked, to_look; /* recoveries of the depth before whose crash states are found */
    size_t judged, states;  /* of this depth */
    size_t run, all, findings; /* of all depths */
    double seconds;
};
typedef void closure_progress_fn(void *context, const struct closure_progress *progress);

/* Where it is false, *result says how far it got, if it got anywhere (result->search is not NULL). In either case, free with
 * closure_free. Of `options`, `artifacts` is not used; `cuts`, where `all` is unset, is how many cuts there are of each run. */
bool closure_run(struct closure_result *result, const struct profile *profile, const struct sweep_options *options,
                 closure_progress_fn *progress, void *context, struct problem *problem);
void closure_free(struct closure_result *result);

/* The id of a state, by its number. */
void closure_id(const struct closure_result *result, size_t state, char id[ID_TEXT]);
/* Calls `each` for every state, in order, and with options->list and a sample of cuts for every crash state that was met again: id, depth,
 * verdict (NULL: not judged), the id of the state with which it was credited or that it is ("": it was run). */
typedef void closure_list_fn(void *context, const char *id, unsigned depth, const char *verdict, const char *other);
void closure_list(const struct closure_result *result, closure_list_fn *each, void *context);

bool closure_passed(const struct closure_result *result);

#endif
