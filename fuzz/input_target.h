/* SPDX-License-Identifier: MIT
 *
 * What the targets of the input readers share: a small memory like that of a board, and
 * what must hold of it afterwards.
 */
#ifndef MATTERHORN_FUZZ_INPUT_TARGET_H
#define MATTERHORN_FUZZ_INPUT_TARGET_H

#include "memory.h"
#include "target.h"

typedef bool input_reader(const uint8_t *bytes, size_t size, struct memory *memory, struct problem *problem);

/* Reads twice, and aborts unless: both times the same comes out; what was put is what `used` and `filled` say, and the
 * rest is 0xFF; and a failure says in one line of words what is wrong. */
void input_target_run(input_reader *reader, const uint8_t *bytes, size_t size);

/* Puts the right checksum at the end of each line of a copy of the text: without that hardly a mutation would get past
 * the first line. `from` is the column of the first byte that is summed up; the checksum makes the sum `total`. */
uint8_t *input_target_mend(const uint8_t *bytes, size_t size, size_t from, uint8_t total);

#endif
