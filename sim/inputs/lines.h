/* SPDX-License-Identifier: MIT
 *
 * Text files, line by line, and the hexadecimal records that lines of some of them hold.
 */
#ifndef MATTERHORN_INPUTS_LINES_H
#define MATTERHORN_INPUTS_LINES_H

#include "problem.h"

#include <stddef.h>
#include <stdint.h>

/* Begin with {bytes, bytes + size}. */
struct lines {
    const uint8_t *next, *end;
    const uint8_t *text; /* the line that was read last, without its end; it is not terminated */
    size_t length;
    unsigned number; /* of that line, from 1 */
};

/* Goes to the next line that is not empty; false when there is none. A line ends with LF, CR LF, CR, or the file. */
bool lines_next(struct lines *lines);

#define RECORD_LARGEST 260u /* bytes; more than any record that its own length byte can describe */

/* Decodes pairs of hexadecimal digits, from column `first` of the line (counted from 0) to its end. */
bool lines_record(const struct lines *lines, size_t first, uint8_t record[RECORD_LARGEST], size_t *size,
                  struct problem *problem);

/* Describes a failure in the line that was read last; returns false. */
bool lines_problem(const struct lines *lines, struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
