/* SPDX-License-Identifier: MIT
 *
 * Inside of the result store: its parts.
 */
#ifndef MATTERHORN_BENCH_STORE_PARTS_H
#define MATTERHORN_BENCH_STORE_PARTS_H

#include "database.h"
#include "store.h"

#include <pthread.h>

#define STORE_CLEAN (-1) /* the number of the update without power loss */

struct store {
    struct database database;
    pthread_mutex_t lock; /* guards all of it while workers are at it */
    bool dirty;             /* something was put since the last commit */
    struct problem problem; /* what failed first */
};

extern const struct database_kind store_kind;

bool store_put_facts(struct store *store, const struct campaign *campaign, struct problem *problem);
bool store_put_outcome(struct store *store, int64_t number, const struct sweep_outcome *outcome,
                       struct problem *problem);
/* Says that what is in the file cannot be. Returns false. */
bool store_damaged(const struct store *store, const char *what, struct problem *problem);

#endif
