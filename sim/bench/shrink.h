/* SPDX-License-Identifier: MIT
 *
 * A finding made smaller: fewer power losses, simpler tears, earlier operations, the profile's own seed. What is tried
 * is run, in one machine, and kept when it still fails.
 *
 * The search is greedy, so what it ends with is a local minimum: none of the steps that it knows makes it smaller. An
 * earlier operation is looked for among those of the same kind in the same area: the first one of each phase, then by
 * halving between one that recovers and one that fails, so the operation of its kind and area right before it recovers,
 * but some other one may still fail.
 */
#ifndef MATTERHORN_BENCH_SHRINK_H
#define MATTERHORN_BENCH_SHRINK_H

#include "replay.h"

struct shrink_options {
    const char *root, *device; /* as replay_open takes them */
    bool any_oracle;           /* another oracle may fail than with the id that was given */
    unsigned most;             /* ids to try; 0: any number */
};

struct shrink_result {
    char firmware[65];
    struct id id;           /* the smallest that fails */
    struct verdict first;   /* of the id that was given */
    struct verdict verdict; /* of the smallest */
    unsigned tried;         /* ids that were run, the given one included */
    unsigned unbuilt;       /* ids that mean nothing, because a run does not do their operation */
    bool complete;          /* false: options.most ended the search */
};

/* Sees each id that was tried, and whether it was taken for the smallest. */
typedef void shrink_progress_fn(void *context, const struct shrink_result *result, const struct id *tried, bool taken);

/* result->first.pass: the id does not fail, and nothing was tried. Else what it ends with has failed once more, in a
 * fresh machine. Where that is false, result->id is the smallest that failed until then. */
bool shrink_run(struct shrink_result *result, const struct id *id, const struct profile *profile,
                const struct shrink_options *options, shrink_progress_fn *progress, void *context,
                struct problem *problem);

#endif
