/* SPDX-License-Identifier: MIT
 *
 * A profile that says what it has beside another one: `extends`. Both are joined before anybody looks at them.
 */
#ifndef MATTERHORN_BENCH_PROFILE_EXTENDS_H
#define MATTERHORN_BENCH_PROFILE_EXTENDS_H

#include "problem.h"

#include <stddef.h>
#include <stdint.h>

#define PROFILE_LARGEST (1u << 20) /* bytes of a file */
#define PROFILE_EXTENDS 4          /* so many in a row */

/* Where the text that was read from the file `path` extends another profile, replaces it (malloc'ed) by both joined,
 * without that key, and sets *joined. What is no YAML is left as it is: whoever parses it says so. */
bool profile_extend(const char *path, uint8_t **text, size_t *size, bool *joined, struct problem *problem);

#endif
