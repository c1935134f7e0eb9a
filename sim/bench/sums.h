/* SPDX-License-Identifier: MIT
 *
 * SHA256SUMS: what is in a folder, in the format of sha256sum, which checks it too.
 */
#ifndef MATTERHORN_BENCH_SUMS_H
#define MATTERHORN_BENCH_SUMS_H

#include "problem.h"

#define SUMS_FILE "SHA256SUMS"
#define SUMS_DIGITS 65 /* of a SHA-256, and the end of the text */

/* Writes the file for everything that is in the folder. */
bool sums_write(const char *folder, struct problem *problem);
/* Whether the folder holds what its file says, all of it and nothing else. `sum`: of the file itself, thus of
 * everything. */
bool sums_check(const char *folder, char sum[SUMS_DIGITS], struct problem *problem);

#endif
