/* SPDX-License-Identifier: MIT
 *
 * The result of a sweep, from its store alone: no machine, device or profile is needed.
 */
#ifndef MATTERHORN_BENCH_STORE_REPORT_H
#define MATTERHORN_BENCH_STORE_REPORT_H

#include "id.h"
#include "store.h"

struct store_report {
    struct store *store;
    struct campaign campaign;
    struct profile *profile;
    struct sweep_result result;
    bool finished; /* else verdicts are missing, or what the sweep does behind them */
    char *said[3]; /* of `target` */
    struct id_target target;
};

/* In either case, close it. */
bool store_report_open(struct store_report *report, const char *path, struct problem *problem);
void store_report_close(struct store_report *report);

#endif
