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
    size_t room;  /* of the page, for what was found: everything else is bounded by itself */
    const struct sweep_result *result;
    const struct profile *profile;
    const struct id_target *target;
    struct coverage coverage;
    struct groups groups;
};

/* A number for people: "18,655". */
#define PAGE_NUMBER 32
const char *page_number(uint64_t number, char text[PAGE_NUMBER]);
/* "080A0000", or "7FE000" of the SPI NOR. */
void page_address(FILE *stream, unsigned chip, uint32_t address);

/* --- a page of any kind --- */

/* From the doctype to the mark over the verdict; `verdict` is "pass" or "fail". */
void page_begin(FILE *stream, const char *name, const char *verdict);
/* The script, and the end. */
void page_end(FILE *stream);
void page_figure(FILE *stream, const char *name, const char *value, const char *note, bool bad);
void page_command(FILE *stream, const char *command);

/* --- parts of a sweep's page --- */

void page_flashes(const struct page *page);
void page_coverage(const struct page *page);
void page_groups(const struct page *page);
/* False: no memory. */
bool page_timeline(const struct page *page);
bool page_findings(const struct page *page);
/* Of the timeline: a row for each sector, and what it held at any moment. */
bool page_history(const struct page *page);

/* --- the axis of virtual time (page_axis.c), on which all tracks stand --- */

#define PAGE_BINS 500   /* equal parts of the run; the width of a track */
#define PAGE_HEIGHT 100 /* of a track, in its own units */

/* Where on the axis, from 0 to PAGE_BINS; and in which part. */
double page_place(const struct page *page, uint64_t time_ns);
unsigned page_bin(const struct page *page, uint64_t time_ns);
/* Phases and resets, for page_begin_track and page_end_track to refer to. */
void page_bands(const struct page *page);
/* The names of the phases; the ticks. */
void page_phases(const struct page *page);
void page_axis(const struct page *page);
/* A track, in front of which the caller has written its name and what it holds; `class` of its looks. */
void page_begin_track(FILE *stream, const char *class);
void page_end_track(FILE *stream);
/* Where `values` are not 0, from `top` to `bottom`; each is `width` parts wide. */
void page_stretches(FILE *stream, const char *class, const uint32_t *values, unsigned width, unsigned top,
                    unsigned bottom);
/* Bars from `bottom` up over at most `most` units, each `width` parts wide: of `values` the largest one is `largest`;
 * what is there at all can be seen. */
void page_bars(FILE *stream, const char *class, const uint32_t *values, unsigned width, uint32_t largest,
               unsigned bottom, unsigned most);

#endif
