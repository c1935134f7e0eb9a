/* SPDX-License-Identifier: MIT
 *
 * What libcyaml overlooks in the text of a profile: it reads 48K as 48, 0x8Z as 8 and 010 as 8, and
 * the first of several documents.
 */
#ifndef MATTERHORN_BENCH_PROFILE_TEXT_H
#define MATTERHORN_BENCH_PROFILE_TEXT_H

#include "problem.h"

#include <cyaml/cyaml.h>
#include <stddef.h>
#include <stdint.h>

/* Whether everything that is a number by the schema is one to its last letter, and there is one document. The text must
 * be good YAML without aliases that fits the schema: libcyaml has loaded it. */
bool profile_text_check(const uint8_t *text, size_t size, const cyaml_schema_value_t *schema, const char *path,
                           struct problem *problem);

#endif
