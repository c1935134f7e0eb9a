/* SPDX-License-Identifier: MIT
 *
 * What the parts of a closure share; for closure*.c.
 */
#ifndef MATTERHORN_BENCH_CLOSURE_SHARED_H
#define MATTERHORN_BENCH_CLOSURE_SHARED_H

#include "closure.h"
#include "crash_state.h"
#include "crew.h"
#include "fingerprint.h"
#include "known.h"
#include "pool.h"
#include "sweep_shared.h"
#include "tape.h"
#include "wild.h"

#define CLOSURE_ROOT 0u /* the node of the run without power loss */
#define CLOSURE_OPEN UINT32_MAX

/* States that were met: how they came about, and their class. Mostly one. Or a *stretch*: those of so many programs in a row, with all their tears,
 * of which the first one is that before the first of them. */
struct closure_state {
    uint32_t parent;          /* node: the recovery in which power was lost */
    uint32_t operation;       /* at which one */
    uint32_t node;            /* CLOSURE_OPEN: not judged */
    uint32_t states : 16;     /* how many there are, each counted once; 1: it is no stretch */
    uint32_t operations : 12; /* of the stretch */
    uint32_t tear : 4;
};
#define CLOSURE_STRETCH 512u /* operations at most; times NOR_TEARS states */

/* Entries that follow each other. */
struct closure_range {
    uint32_t first, count;
};

/* A class: the state that was run, and what came of it. */
struct closure_node {
    uint32_t state; /* which was run */
    uint32_t like;  /* in a chunk: the class of an earlier one, with which it was credited; CLOSURE_OPEN: it was run */
    struct closure_range *ranges; /* its members */
    size_t range_count;
    size_t entries; /* in those ranges */
    size_t members; /* states in those */
    unsigned depth;
    bool recovered;             /* the power-ups were fine, whatever the next update says */
    struct verdict *failure;    /* NULL: none */
    const struct verdict *next; /* of the next update; NULL: not tried */
    struct tape *tape;          /* of the first power-up; NULL where nobody goes on from it */
    struct wild_kept *wild;
    struct pooled *pooled;      /* the state, and what mattered to the run; NULL: it is no representative for others */
    bool repeated;              /* it was not run but goes the way of a former one */
    bool queued;                /* its crash states are to be looked at */
    uint64_t print;             /* of the class */
    uint64_t trace;             /* a hash: the same for the same run */
    uint32_t erases[FOOTPRINT_SECTORS]; /* of the recovery */
    uint32_t spent[FOOTPRINT_SECTORS];  /* before it, on the way here */
};

/* A state that passes, but for the wear on its way. */
struct closure_worn {
    uint32_t state;
    struct verdict verdict;
};

/* Crash states that may be new. */
struct closure_candidates {
    struct closure_candidate {
        uint64_t print;
        struct closure_state state;
    } *list;
    size_t count, capacity;
};

/* States of one parent that a worker settles in order. */
struct closure_chunk {
    size_t first, count, judged;
    struct closure_node *runs;
    size_t run_count;
    struct closure_worn *worn;
    size_t worn_count;
    struct closure_candidates split; /* what is left of stretches whose states were not all settled with the first one */
};

/* The crash states of one recovery. */
struct closure_expansion {
    struct closure_candidates candidates;
    size_t seen;
    uint64_t *passed; /* places that it passes */
    size_t passed_count;
    bool done;
};

/* One that was met before; for lists. */
struct closure_again {
    uint32_t parent, operation;
    uint8_t tear;
    uint32_t state; /* the one that it is */
};

/* A state that is looked at once more. */
struct closure_sample {
    size_t entry;
    size_t state; /* the n-th sample of a stretch: another state than those before it, mostly */
};

/* One thread with its machine. */
struct closure_worker {
    struct closure_search *search;
    struct machine machine; /* started when it is first needed */
    struct arrays base;     /* the state in which the recovery of node `stands` begins */
    struct recording recording; /* of that */
    uint32_t played; /* the node of which the recording is */
    size_t stands;   /* the node at which it stands; SIZE_MAX: nowhere */
    struct crash_state state;
    struct wild wild; /* of the state before the operation that is torn */
    struct wild torn; /* of `state`, where the tear makes it less */
    const struct wild *at; /* of `state`: one of those two */
    struct change beside;  /* where `wild` has more than `at`; size 0: nowhere */
    size_t erased;    /* operations before this one are taken into account in it */
    struct wild gathered; /* of the class in the making */
    struct representative representative;
    bool represented;
    struct fingerprint print;
    struct changes changes; /* of `state` and `at`, since `print` was moved */
    struct next_place place;
    struct recovery_idle idle;
    uint64_t virtual_ns;
    bool open;
    struct problem problem;
};

struct closure_search {
    struct sweep sweep; /* target, rules, next */
    struct closure_result *result;
    struct tapes *tapes;
    struct pool *pool;
    struct idles *idles; /* second power-ups that were run */
    struct pool_index *nodes_index, *former_index; /* of `nodes` and `former` */
    struct known known; /* entries of `states`, and classes; a stretch by its first state and its operations */
    struct known passed; /* places in recoveries that were looked at, by state and what comes from there on */
    struct closure_state *states; /* entries: a stretch is one */
    size_t state_count, state_capacity;
    size_t met; /* states */
    struct closure_node *nodes;
    size_t node_count, node_capacity;
    struct closure_node *former; /* runs of the search before it began anew: they need not be done again */
    size_t former_count, former_capacity;
    struct closure_worn *worn;
    size_t worn_count, worn_capacity;
    struct closure_again *again;
    size_t again_count, again_capacity;
    struct wild apart; /* bytes that are told apart */
    /* what is being done */
    unsigned depth;
    uint32_t *frontier; /* nodes to look at */
    size_t frontier_count;
    uint32_t *queue; /* those of the next depth */
    size_t queue_count, queue_capacity;
    struct closure_expansion *expansions; /* of a part of them */
    size_t expansion_first;
    struct closure_chunk *chunks;
    size_t chunk_count, chunk_first;
    struct closure_sample *samples;
    /* for all threads */
    struct crew *crew;
    struct closure_worker *workers;
    atomic_bool stop, out_of_time;
    atomic_size_t looked, judged, run, recoveries, failing, sampled;
    pthread_mutex_t lock; /* guards what follows */
    struct bytes apart_next; /* bytes that shall be told apart */
    bool apart_more;
    struct problem problem;
    closure_progress_fn *progress;
    void *context;
    double start_s;
};

/* --- closure_stand.c --- */

/* The recovery of the node is the recording, of which as much is there as was played, and the crash state and the wild bytes are at its beginning. */
bool closure_stand(struct closure_worker *worker, uint32_t node);
/* The same for the recovery in which the entry was found, but by way of any members of the classes on the way there. */
bool closure_stand_at_other(struct closure_worker *worker, size_t entry, uint64_t *random);
/* How many members of a class, the first ones, were found in earlier depths than the entry: other ways to it may lead
 * through those. */
size_t closure_earlier(const struct closure_search *search, const struct closure_node *class, size_t entry);
/* Sees to it that the first `count` operations of the recovery are there, or as many as it has. */
bool closure_play(struct closure_worker *worker, size_t count);
/* Builds a crash state of the recovery at which it stands; operations in order. */
bool closure_lose_power(struct closure_worker *worker, size_t operation, enum nor_tear tear);
/* One of the states of an entry, any of them. */
void closure_choose(const struct closure_search *search, const struct closure_state *state, uint64_t *random, size_t *operation,
                    enum nor_tear *tear);

/* --- closure_expand.c --- */

/* Finds the crash states of a recovery. */
bool closure_find(struct closure_worker *worker, uint32_t node, struct closure_expansion *expansion);
/* The states of a stretch of the recovery at which the worker stands, one by one, but for the first. */
bool closure_split(struct closure_worker *worker, const struct closure_state *stretch, struct closure_candidates *candidates);
/* How many ways of the menu there are to tear a program, or an erase. */
size_t closure_tears(const struct closure_search *search, enum nor_kind kind);

/* --- closure_worker.c --- */

/* Jobs of a crew: one of `frontier`, of `chunks`, of `samples`. A failure is in search->problem, and everybody stops. */
void closure_expand(void *search, unsigned worker, size_t item);
void closure_settle(void *search, unsigned worker, size_t item);
/* Does the last power loss of a state for real, and compares with what was built. */
void closure_prove(void *search, unsigned worker, size_t item);
/* Runs another member of the state's class: it must go the same way. */
void closure_check(void *search, unsigned worker, size_t item);
void closure_leave(void *search, unsigned worker, size_t item);

/* Whether the run writes no status registers: they are no part of a state, so that two that differ in them would count as one. */
bool closure_has_no_status(const struct recording *recording, struct problem *problem);
bool closure_no_memory(struct closure_worker *worker);
/* Whether the menu has the tear. */
bool closure_has_tear(const struct closure_search *search, enum nor_tear tear);
/* Grows a list for one more. */
bool closure_grow(void *list, size_t *capacity, size_t count, size_t size);
/* Whether the list has crash states that were met before too. */
bool closure_lists_again(const struct closure_search *search);
/* Whether another member of the class of the state may be built than the one that was run. */
bool closure_has_others(const struct closure_search *search, size_t state);

#endif
