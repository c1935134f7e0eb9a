/* SPDX-License-Identifier: MIT
 *
 * What has changed since somebody looked last: ranges of bytes, in the order in which they changed. So many that a list
 * of them would be longer than the pages that they are in are told as pages.
 */
#ifndef MATTERHORN_BENCH_CHANGES_H
#define MATTERHORN_BENCH_CHANGES_H

#include "pages.h"

#define CHANGES_MOST 32u

struct changes {
    struct change {
        enum array array;
        uint32_t offset, size; /* bytes; size > 0 */
    } list[CHANGES_MOST];
    unsigned count;
    bool many;          /* there are some in `pages` too */
    struct pages pages;
};

/* Nothing, where `size` is 0. */
void changes_add(struct changes *changes, enum array array, uint32_t offset, uint32_t size);
void changes_add_pages(struct changes *changes, const struct pages *pages);
void changes_clear(struct changes *changes);

#endif
