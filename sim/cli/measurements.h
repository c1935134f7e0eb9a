/* SPDX-License-Identifier: MIT
 *
 * Times of flash operations that somebody measured on a board, beside those of the machine. docs/HARDWARE.md has the
 * format.
 */
#ifndef MATTERHORN_MEASUREMENTS_H
#define MATTERHORN_MEASUREMENTS_H

#include "problem.h"

#include <glib.h>
#include <stdint.h>

struct nor_part;

enum measured_operation { MEASURED_PROGRAM, MEASURED_ERASE, MEASURED_STATUS };
extern const char *const measured_operations[]; /* their names */

/* All measurements of the same operation on the same part. */
struct measured_group {
    const struct nor_part *part;
    enum measured_operation operation;
    uint32_t bytes;
    uint32_t count;
    uint64_t least_ns, most_ns;
    double total_ns;
    uint64_t typical_ns, maximum_ns; /* what it takes in the machine */
};

/* The groups of a file, a GArray of struct measured_group in the order in which they first appear; NULL and a problem
 * that names the line otherwise. */
GArray *measurements_read(const char *path, struct problem *problem);
double measured_mean_ns(const struct measured_group *group);
/* What is not between the machine's typical and maximum times: the mean below the first, one above the second. */
const char *measured_finding(const struct measured_group *group);

#endif
