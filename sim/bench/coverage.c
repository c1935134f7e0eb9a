/* SPDX-License-Identifier: MIT */
#include "coverage.h"

#include "groups.h"

#include <stdlib.h>

size_t coverage_sector_at(const struct coverage *coverage, unsigned chip, uint32_t start)
{
    const struct summary *summary = &coverage->summary;
    size_t low = 0, high = summary->sector_count; /* ordered by summary_end() */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct summary_sector *sector = &summary->sectors[middle];
        if (sector->chip == chip && sector->start == start)
            return middle;
        if (sector->chip < chip || (sector->chip == chip && sector->start < start))
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

/* Counts on every sector that the operation touches: `operations` and `tried` of operations, or cuts and findings. */
static void count(struct coverage *coverage, const struct rail_event *event, struct coverage_sector add)
{
    uint32_t start, size;
    for (uint32_t done = 0; done < event->value; done = start + size - event->address) {
        if (!arrays_sector(event->chip, event->address + done, &start, &size))
            return;
        size_t index = coverage_sector_at(coverage, event->chip, start);
        if (index == SIZE_MAX)
            return;
        struct coverage_sector *sector = &coverage->sectors[index];
        sector->operations += add.operations;
        sector->tried += add.tried;
        sector->cuts += add.cuts;
        sector->findings += add.findings;
    }
}

static void count_all(struct coverage *coverage, const struct sweep_result *result)
{
    const struct recording *recording = &result->recording;
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++) {
        const struct sweep_case *one = &result->cases[i];
        bool finding = !groups_verdict(one)->pass;
        coverage->marks[one->cut.operation] |= (uint8_t)(COVERAGE_CUT | (finding ? COVERAGE_FINDING : 0));
        count(coverage, recording->operations[one->cut.operation].item.event,
              (struct coverage_sector){.cuts = 1, .findings = finding});
    }
    for (size_t i = 0; i < recording->count; i++)
        count(coverage, recording->operations[i].item.event,
              (struct coverage_sector){.operations = 1, .tried = coverage->marks[i] != 0});
}

bool coverage_make(struct coverage *coverage, const struct sweep_result *result, const struct profile *profile)
{
    struct trace_item item;
    size_t position = 0;
    summary_begin(&coverage->summary, profile);
    while (trace_next(result->recording.events, result->recording.size, &position, &item))
        summary_take(&coverage->summary, &item);
    summary_end(&coverage->summary, result->clean.recovery_ns);
    coverage->sectors = calloc(coverage->summary.sector_count + 1, sizeof *coverage->sectors);
    coverage->marks = calloc(result->recording.count + 1, sizeof *coverage->marks);
    if (coverage->summary.incomplete || coverage->sectors == NULL || coverage->marks == NULL) {
        coverage_free(coverage);
        return false;
    }
    count_all(coverage, result);
    return true;
}

void coverage_free(struct coverage *coverage)
{
    summary_free(&coverage->summary);
    free(coverage->sectors);
    free(coverage->marks);
    *coverage = (struct coverage){0};
}
