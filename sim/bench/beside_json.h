/* SPDX-License-Identifier: MIT
 *
 * What a device holds beside its cells, as JSON, for files that keep its whole state: marks of torn operations, the
 * status registers of the SPI NOR, and how often sectors were erased, where that is counted.
 */
#ifndef MATTERHORN_BENCH_BESIDE_JSON_H
#define MATTERHORN_BENCH_BESIDE_JSON_H

#include "arrays.h"

#include <jansson.h>

/* {"internal": [["weak", OFFSET, BIT], ["notake", OFFSET, LENGTH], ...], "otp": ..., "nor": ..., "status": [REGISTER, ...],
 * "erases": {"internal": [[SECTOR, N], ...], "nor": ...}}; NULL: no memory. */
json_t *beside_json(const struct arrays *arrays);
/* Back again, in the place of what is there; status and erases may be missing: then there are none. False: it is none of
 * those, or outside the arrays. */
bool beside_read(const json_t *object, struct arrays *arrays);

#endif
