/* SPDX-License-Identifier: MIT
 *
 * Each sector over time: when it was erased and programmed, where power was lost in that,
 * and what it held at any moment.
 *
 * Drawn here, so that it can be seen without the script; the figures are also in a JSON object, which the script reads.
 * Where a chip has many sectors that were written to, neighbours share a row.
 */
#include "markup.h"
#include "page_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The page stays small whatever was written. So many rows a chip may have; so many parts of the axis are one moment,
 * more of them where with few there would be more moments at which something happened to a row than ENTRIES, of
 * which each takes some 100 bytes. */
#define MOST_ROWS 40
static const unsigned widths[] = {2, 5};
#define WIDTHS (sizeof widths / sizeof widths[0])
#define MOMENTS (PAGE_BINS / 2)
#define ENTRIES 5500
#define STRIP 74 /* where the strip of power losses begins, in units of the track's height */

struct row {
    unsigned chip;
    uint32_t start, size;
    unsigned sectors; /* to which the update wrote */
    uint32_t held;    /* bytes programmed since they were erased last */
    /* In each of the moments; `after` is what was held at its end, where it was touched. */
    uint32_t programs[MOMENTS], erases[MOMENTS], erasing[MOMENTS], cuts[MOMENTS], findings[MOMENTS], after[MOMENTS];
};

struct history {
    const struct page *page;
    unsigned width; /* of a moment */
    struct row *rows;
    size_t count;
    uint32_t *row_of;            /* per summary.sectors */
    uint8_t *programmed[ARRAYS]; /* a bit for each byte */
};

static unsigned moment_of(const struct history *history, uint64_t time_ns)
{
    return page_bin(history->page, time_ns) / history->width;
}

/* --- rows --- */

static size_t rows_of(const struct summary *summary, size_t from, size_t to, uint32_t size)
{
    size_t rows = 1;
    for (size_t i = from + 1; i < to; i++)
        rows += summary->sectors[i].start / size != summary->sectors[i - 1].start / size;
    return rows;
}

/* Of a chip's sectors, so many bytes share a row; 0: none do. */
static uint32_t row_size(const struct summary *summary, size_t from, size_t to)
{
    if (to - from <= MOST_ROWS)
        return 0;
    uint32_t size = summary->sectors[from].size;
    while (rows_of(summary, from, to, size) > MOST_ROWS)
        size *= 2;
    return size;
}

static void add_sector(struct history *history, size_t index, uint32_t size)
{
    const struct summary_sector *sector = &history->page->coverage.summary.sectors[index];
    struct row *last = history->count > 0 ? &history->rows[history->count - 1] : NULL;
    bool alone = size <= sector->size;
    if (alone || last == NULL || last->chip != sector->chip || sector->start / size != last->start / size) {
        last = &history->rows[history->count++];
        *last = (struct row){.chip = sector->chip, .start = alone ? sector->start : sector->start / size * size,
                             .size = alone ? sector->size : size};
    }
    last->sectors++;
    history->row_of[index] = (uint32_t)(last - history->rows);
}

/* The sectors are in the order of their chips and addresses. */
static void make_rows(struct history *history)
{
    const struct summary *summary = &history->page->coverage.summary;
    for (size_t from = 0, to; from < summary->sector_count; from = to) {
        for (to = from + 1; to < summary->sector_count && summary->sectors[to].chip == summary->sectors[from].chip;
             to++)
            ;
        uint32_t size = row_size(summary, from, to);
        for (size_t i = from; i < to; i++)
            add_sector(history, i, size);
    }
}

/* --- what happened to them --- */

/* Sets or clears the marks of the bytes; how many of them changed. */
static uint32_t mark_bytes(uint8_t *marks, uint32_t offset, uint32_t size, bool set)
{
    uint32_t changed = 0;
    for (uint32_t i = offset; i < offset + size; i++) {
        uint8_t bit = (uint8_t)(1u << (i % 8));
        if (((marks[i / 8] & bit) != 0) == set)
            continue;
        marks[i / 8] ^= bit;
        changed++;
    }
    return changed;
}

/* One operation, as far as it is on one sector. */
struct work {
    const struct rail_event *event;
    uint32_t address, size;
    uint32_t cuts, findings; /* of the whole operation */
};

static void take_work(const struct history *history, struct row *row, const struct work *work)
{
    const struct rail_event *event = work->event;
    unsigned first = moment_of(history, event->time_ns), last = moment_of(history, event->time_ns + event->duration_ns);
    enum array array;
    uint32_t offset;
    if (!arrays_locate(event->chip, work->address, work->size, &array, &offset))
        return;
    uint32_t changed = mark_bytes(history->programmed[array], offset, work->size, event->kind != RAIL_ERASE);
    row->held = event->kind != RAIL_ERASE ? row->held + changed : row->held - changed;
    row->programs[first] += event->kind != RAIL_ERASE;
    row->erases[first] += event->kind == RAIL_ERASE;
    row->cuts[first] += work->cuts;
    row->findings[first] += work->findings;
    row->after[first] = row->held;
    for (unsigned moment = first; event->kind == RAIL_ERASE && moment <= last; moment++) {
        row->erasing[moment]++;
        row->after[moment] = row->held;
    }
}

/* An operation over several sectors is in the rows of all of them. */
static void take_operation(const struct history *history, const struct rail_event *event, uint32_t cuts,
                           uint32_t findings)
{
    uint32_t start, size, length = event->value;
    for (uint32_t done = 0; done < length && arrays_sector(event->chip, event->address + done, &start, &size);) {
        uint32_t address = event->address + done, left = start + size - address;
        size_t index = coverage_sector_at(&history->page->coverage, event->chip, start);
        struct work work = {event, address, left < length - done ? left : length - done, cuts, findings};
        if (index != SIZE_MAX)
            take_work(history, &history->rows[history->row_of[index]], &work);
        done += work.size;
    }
}

/* Cuts are in the order of operations. */
static void take_all(const struct history *history)
{
    const struct sweep_result *result = history->page->result;
    size_t next = 0, count = result->cases != NULL ? result->plan.count : 0;
    for (size_t i = 0; i < result->recording.count; i++) {
        const struct rail_event *event = result->recording.operations[i].item.event;
        uint32_t cuts = 0, findings = 0;
        for (; next < count && result->cases[next].cut.operation == i; next++) {
            cuts++;
            findings += !groups_verdict(&result->cases[next])->pass;
        }
        if (event->kind == RAIL_PROGRAM || event->kind == RAIL_ERASE)
            take_operation(history, event, cuts, findings);
    }
}

/* --- drawing --- */

static uint32_t sum(const uint32_t values[MOMENTS])
{
    uint32_t all = 0;
    for (unsigned i = 0; i < MOMENTS; i++)
        all += values[i];
    return all;
}

static void print_name(const struct history *history, const struct row *row)
{
    FILE *stream = history->page->stream;
    const struct profile_area *area = profile_area_at(history->page->profile, row->chip, row->start);
    fputs("<span class=\"name\">", stream);
    if (area != NULL)
        markup_print(stream, "%s ", area->name);
    fputs("<code>", stream);
    page_address(stream, row->chip, row->start);
    fputs("</code></span>", stream);
}

/* A dot for each moment with findings: round whatever the size of the track, so that they are
 * told by more than their colour. */
static void draw_findings(const struct history *history, const struct row *row)
{
    FILE *stream = history->page->stream;
    page_stretches(stream, "bad-fill", row->findings, history->width, STRIP, PAGE_HEIGHT);
    bool any = false;
    for (unsigned i = 0; i < MOMENTS; i++) {
        if (row->findings[i] == 0)
            continue;
        fprintf(stream, "%sM%u %dh0", any ? "" : "<path class=\"found\" d=\"", i * history->width + history->width / 2,
                (STRIP + PAGE_HEIGHT) / 2);
        any = true;
    }
    if (any)
        fputs("\"/>", stream);
}

static void print_totals(FILE *stream, const struct row *row)
{
    char number[PAGE_NUMBER];
    uint32_t erases = sum(row->erases), programs = sum(row->programs);
    fputs("<span class=\"held\">", stream);
    if (erases > 0)
        fprintf(stream, "%s erase%s, ", page_number(erases, number), erases > 1 ? "s" : "");
    fprintf(stream, "%s program%s</span>", page_number(programs, number), programs != 1 ? "s" : "");
}

static void draw_row(const struct history *history, size_t index)
{
    const struct row *row = &history->rows[index];
    FILE *stream = history->page->stream;
    uint32_t largest = 1;
    for (unsigned i = 0; i < MOMENTS; i++)
        largest = row->programs[i] > largest ? row->programs[i] : largest;
    print_name(history, row);
    print_totals(stream, row);
    page_begin_track(stream, "sector");
    page_stretches(stream, "erase", row->erasing, history->width, 0, STRIP - 6);
    page_bars(stream, "program", row->programs, history->width, largest, STRIP - 6, STRIP - 6);
    page_stretches(stream, "good", row->cuts, history->width, STRIP, PAGE_HEIGHT);
    draw_findings(history, row);
    page_end_track(stream);
}

/* --- the same for the script --- */

static void print_row(FILE *stream, const struct row *row)
{
    bool any = false;
    fprintf(stream, "{\"chip\":\"%s\",\"address\":%" PRIu32 ",\"size\":%" PRIu32 ",\"sectors\":%u,\"at\":[",
            row->chip == RAIL_CHIP_NOR ? "nor" : "internal", row->start, row->size, row->sectors);
    for (unsigned i = 0; i < MOMENTS; i++) {
        if (row->programs[i] == 0 && row->erasing[i] == 0)
            continue;
        fprintf(stream, "%s[%u,%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 "]",
                any ? "," : "", i, row->programs[i], row->erases[i], row->erasing[i], row->after[i], row->cuts[i],
                row->findings[i]);
        any = true;
    }
    fputs("]}", stream);
}

/* Numbers only, so that nothing in it needs to be escaped. */
static void print_object(const struct history *history)
{
    FILE *stream = history->page->stream;
    fprintf(stream,
            "<script type=\"application/json\" id=\"history\">{\"end_ns\":%" PRIu64
            ",\"moments\":%u,\"columns\":[\"moment\",\"programs\","
            "\"erases\",\"erasing\",\"held\",\"cuts\",\"findings\"],\"rows\":[\n",
            history->page->coverage.summary.end_ns, PAGE_BINS / history->width);
    for (size_t i = 0; i < history->count; i++) {
        print_row(stream, &history->rows[i]);
        fputs(i + 1 < history->count ? ",\n" : "\n", stream);
    }
    fputs("]}</script>\n", stream);
}

/* --- all of it --- */

static bool allocate(struct history *history)
{
    size_t sectors = history->page->coverage.summary.sector_count;
    history->rows = calloc(sectors + 1, sizeof *history->rows);
    history->row_of = calloc(sectors + 1, sizeof *history->row_of);
    bool good = history->rows != NULL && history->row_of != NULL;
    for (enum array array = 0; array < ARRAYS; array++) {
        history->programmed[array] = calloc(arrays_size(array) / 8 + 1, 1);
        good = good && history->programmed[array] != NULL;
    }
    return good;
}

static void release(struct history *history)
{
    free(history->rows);
    free(history->row_of);
    for (enum array array = 0; array < ARRAYS; array++)
        free(history->programmed[array]);
}

static size_t entries(const struct history *history)
{
    size_t count = 0;
    for (size_t i = 0; i < history->count; i++)
        for (unsigned moment = 0; moment < MOMENTS; moment++)
            count += history->rows[i].programs[moment] > 0 || history->rows[i].erasing[moment] > 0;
    return count;
}

/* False: no memory. In either case, release it. */
static bool make(struct history *history, const struct page *page, unsigned width)
{
    *history = (struct history){.page = page, .width = width};
    if (!allocate(history))
        return false;
    make_rows(history);
    take_all(history);
    return true;
}

bool page_history(const struct page *page)
{
    struct history history;
    bool good = make(&history, page, widths[0]);
    for (size_t next = 1; good && next < WIDTHS && entries(&history) > ENTRIES; next++) {
        release(&history);
        good = make(&history, page, widths[next]);
    }
    for (size_t i = 0; good && i < history.count; i++)
        draw_row(&history, i);
    if (good)
        print_object(&history);
    release(&history);
    return good;
}
