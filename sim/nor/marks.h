/* SPDX-License-Identifier: MIT
 *
 * The marks and defects of a chip, for the other files of this folder.
 */
#ifndef MATTERHORN_NOR_MARKS_H
#define MATTERHORN_NOR_MARKS_H

#include "nor.h"

/* A good mixing of 64 bits: the last step of SplitMix64. */
static inline uint64_t nor_mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* Index of the first weak mark at `offset` or behind it; the weak marks end at the return value for UINT32_MAX. */
uint32_t nor_weak_from(const struct nor_marks *marks, uint32_t offset);
/* Whether a byte lies in a not-taking range. */
bool nor_not_taking(const struct nor_marks *marks, uint32_t offset);
/* An erase wears its sectors as soon as it starts, whatever becomes of it. */
void nor_count_erase(struct nor_array *array, const struct nor_op *op);
/* Removes the not-taking ranges inside; the list must have room for one more. */
void nor_take_again(struct nor_marks *marks, uint32_t offset, uint32_t length);
/* An operation, torn or not, has changed the cells: they are as the defects leave them. */
void nor_leave_defects(struct nor_array *array, const struct nor_op *op);

#endif
