/* SPDX-License-Identifier: MIT
 *
 * The marks of torn operations as JSON, for files that keep a device's whole state.
 */
#ifndef MATTERHORN_BENCH_MARKS_JSON_H
#define MATTERHORN_BENCH_MARKS_JSON_H

#include "arrays.h"

#include <jansson.h>

/* {"internal": [["weak", OFFSET, BIT], ["notake", OFFSET, LENGTH], ...], "otp": ..., "nor": ...}; NULL: no memory. */
json_t *marks_json(const struct arrays *arrays);
/* Back again; they take the place of those that are there. False: it is none of those, or outside the arrays. */
bool marks_read(const json_t *object, struct arrays *arrays);

#endif
