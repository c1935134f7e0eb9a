/* SPDX-License-Identifier: MIT
 *
 * A folder for a moment's files, in memory where there is room for it. It goes away with the process: where that is
 * killed, the next one that needs such a folder removes it.
 */
#ifndef MATTERHORN_BENCH_SCRATCH_H
#define MATTERHORN_BENCH_SCRATCH_H

#include "problem.h"

struct scratch {
    char *folder; /* NULL: none */
    int lock;     /* held as long as somebody uses the folder */
};

bool scratch_open(struct scratch *scratch, struct problem *problem);
/* Removes it. Harmless on a zeroed one. */
void scratch_close(struct scratch *scratch);

#endif
