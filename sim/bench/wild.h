/* SPDX-License-Identifier: MIT
 *
 * The bytes in which the members of a class of states may hold anything, in cells and in marks (closure.h).
 *
 * A few pages of many: what is done with a set costs what it has.
 */
#ifndef MATTERHORN_BENCH_WILD_H
#define MATTERHORN_BENCH_WILD_H

#include "bytes.h"

#include "arrays.h"

struct wild {
    struct bytes bytes;
    struct pages pages; /* that have any of them */
};

bool wild_open(struct wild *wild, struct problem *problem);
void wild_close(struct wild *wild);

bool wild_any(const struct wild *wild);
/* NULL where the page has none; else BYTES_PAGE_WORDS. */
const uint64_t *wild_page(const struct wild *wild, enum array array, uint32_t page);

void wild_clear(struct wild *wild);
void wild_add(struct wild *wild, enum array array, uint32_t offset, uint32_t size);
void wild_add_bytes(struct wild *wild, const struct bytes *bytes);
/* Adds its bytes to another set. */
void wild_add_to(const struct wild *wild, struct bytes *bytes);
void wild_add_all(struct wild *wild, const struct wild *others);
/* An erase of whole pages has completed there. */
void wild_remove(struct wild *wild, enum array array, uint32_t offset, uint32_t size);
/* Adds the bytes in which two states differ: in cells, of `pages` alone, and in marks wherever they are. */
void wild_add_difference(struct wild *wild, const struct arrays *one, const struct arrays *other,
                         const struct pages *pages);

/* Whether a byte is in both sets; where `common` is not NULL, all of those are added to it. */
bool wild_meets(const struct wild *wild, const struct bytes *bytes, struct bytes *common);

/* A set that is kept. NULL stands for the empty one; free with free(). */
struct wild_kept;
bool wild_keep(const struct wild *wild, struct wild_kept **kept);
void wild_load(struct wild *wild, const struct wild_kept *kept);
/* Adds those of `more` to *kept; *grown: there was one that it had not. False: no memory. */
bool wild_keep_more(struct wild_kept **kept, const struct wild_kept *more, bool *grown);

#endif
