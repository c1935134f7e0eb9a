/* SPDX-License-Identifier: MIT
 *
 * Inside of the page: its parts.
 */
#ifndef MATTERHORN_BENCH_PAGE_PARTS_H
#define MATTERHORN_BENCH_PAGE_PARTS_H

#include "coverage.h"
#include "groups.h"
#include "page.h"

/* What all parts look at. */
struct page {
    FILE *stream; /* in memory: its position is the size so far */
    const struct sweep_result *result;
    const struct profile *profile;
    const struct id_target *target;
    struct coverage coverage;
    struct groups groups;
};

/* A number for people: "18,655". */
#define PAGE_NUMBER 32
const char *page_number(uint64_t number, char text[PAGE_NUMBER]);

void page_timeline(const struct page *page);
void page_flashes(const struct page *page);
/* False: no memory. */
bool page_findings(const struct page *page);

#endif
