/* SPDX-License-Identifier: MIT */
#include "summary.h"

#include "report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void summary_begin(struct summary *summary, const struct profile *profile)
{
    memset(summary, 0, sizeof *summary);
    summary->profile = profile;
}

void summary_free(struct summary *summary)
{
    free(summary->phases);
    free(summary->sectors);
    memset(summary, 0, sizeof *summary);
}

/* One more entry at the end of an array; NULL when there is no memory. */
static void *grow(struct summary *summary, void **entries, size_t *count, size_t size)
{
    void *grown = realloc(*entries, (*count + 1) * size);
    if (grown == NULL) {
        summary->incomplete = true;
        return NULL;
    }
    *entries = grown;
    return (uint8_t *)grown + size * (*count)++;
}

static void begin_phase(struct summary *summary, const char *name, uint64_t time_ns)
{
    struct summary_phase *phase =
        grow(summary, (void **)&summary->phases, &summary->phase_count, sizeof *summary->phases);
    if (phase == NULL)
        return;
    *phase = (struct summary_phase){.begin_ns = time_ns};
    snprintf(phase->name, sizeof phase->name, "%s", name);
}

static void take_line(struct summary *summary, const struct rail_event *event)
{
    const char *line = trace_line(&summary->lines, event);
    const struct profile *profile = summary->profile;
    if (line == NULL || profile == NULL || summary->next_phase >= profile->phases_count ||
        strstr(line, profile->phases[summary->next_phase].begins) == NULL)
        return;
    begin_phase(summary, profile->phases[summary->next_phase++].name, event->time_ns);
}

static void take_boot(struct summary *summary, const struct rail_event *event)
{
    char name[40];
    summary->boots++;
    if (summary->profile != NULL && event->kind == RAIL_RESET)
        return;
    snprintf(name, sizeof name, "boot %" PRIu32, summary->boots);
    begin_phase(summary, summary->profile != NULL ? "start" : name, event->time_ns);
}

static struct summary_sector *sector_of(struct summary *summary, const struct rail_event *event)
{
    uint32_t start, size;
    if (!arrays_sector(event->chip, event->address, &start, &size))
        return NULL;
    for (size_t i = summary->sector_count; i > 0; i--) /* the newest first: they are likely */
        if (summary->sectors[i - 1].chip == event->chip && summary->sectors[i - 1].start == start)
            return &summary->sectors[i - 1];
    struct summary_sector *sector =
        grow(summary, (void **)&summary->sectors, &summary->sector_count, sizeof *summary->sectors);
    if (sector != NULL)
        *sector = (struct summary_sector){
            .chip = event->chip, .chip_name = trace_chip_name(event), .start = start, .size = size};
    return sector;
}

static void take_operation(struct summary *summary, const struct rail_event *event)
{
    summary->operations++;
    if (summary->phase_count > 0)
        summary->phases[summary->phase_count - 1].operations++;
    if (event->kind == RAIL_PROGRAM) {
        struct summary_sector *sector = sector_of(summary, event);
        if (sector != NULL) {
            sector->programs++;
            sector->bytes += event->value;
        }
        return;
    }
    if (event->kind != RAIL_ERASE)
        return;
    struct rail_event part = *event; /* an erase may cover several sectors */
    for (uint32_t done = 0; done < event->value;) {
        part.address = event->address + done;
        struct summary_sector *sector = sector_of(summary, &part);
        if (sector == NULL)
            return;
        sector->erases++;
        done = sector->start + sector->size - event->address;
    }
}

void summary_take(void *context, const struct trace_item *item)
{
    struct summary *summary = context;
    const struct rail_event *event = item->event;
    summary->events++;
    summary->end_ns = event->time_ns;
    if (event->kind == RAIL_POWER_ON || event->kind == RAIL_RESET)
        take_boot(summary, event);
    else if (event->kind == RAIL_PIN && event->address < SUMMARY_PINS)
        summary->edges[event->address]++;
    else if (event->kind == RAIL_UART)
        take_line(summary, event);
    else if (trace_is_operation(event))
        take_operation(summary, event);
}

static int compare_sectors(const void *left, const void *right)
{
    const struct summary_sector *one = left, *other = right;
    if (one->chip != other->chip)
        return one->chip < other->chip ? -1 : 1;
    return (one->start > other->start) - (one->start < other->start);
}

void summary_end(struct summary *summary, uint64_t time_ns)
{
    summary->end_ns = time_ns;
    if (summary->sector_count > 0)
        qsort(summary->sectors, summary->sector_count, sizeof *summary->sectors, compare_sectors);
}

static uint64_t phase_end(const struct summary *summary, size_t phase)
{
    return phase + 1 < summary->phase_count ? summary->phases[phase + 1].begin_ns : summary->end_ns;
}

/* The profile's name of a pin, or the pin's own. */
static const char *pin_name(const struct summary *summary, uint32_t pin, char own[TRACE_PIN_NAME])
{
    trace_pin_name(pin, own);
    for (unsigned i = 0; summary->profile != NULL && i < summary->profile->pins_count; i++)
        if (summary->profile->pins[i].number == pin)
            return summary->profile->pins[i].name;
    return own;
}

static bool same_work(const struct summary_sector *one, const struct summary_sector *next)
{
    return one->chip == next->chip && one->size == next->size && one->start + one->size == next->start &&
           one->erases == next->erases && one->programs == next->programs && one->bytes == next->bytes;
}

/* Neighbours that were worked on alike share a line. */
static void print_sectors(FILE *stream, const struct summary *summary)
{
    fprintf(stream, "\n%-9s %-18s %14s %8s %9s %10s\n", "chip", "sector", "size", "erases", "programs", "bytes");
    for (size_t i = 0, next; i < summary->sector_count; i = next) {
        const struct summary_sector *sector = &summary->sectors[i];
        char place[24], size[40];
        for (next = i + 1; next < summary->sector_count; next++)
            if (!same_work(&summary->sectors[next - 1], &summary->sectors[next]))
                break;
        snprintf(place, sizeof place, "%08" PRIX32, sector->start);
        snprintf(size, sizeof size, "%" PRIu32, sector->size);
        if (next > i + 1) {
            snprintf(place, sizeof place, "%08" PRIX32 "..%08" PRIX32, sector->start,
                     summary->sectors[next - 1].start + sector->size - 1);
            snprintf(size, sizeof size, "%zu x %" PRIu32, next - i, sector->size);
        }
        fprintf(stream, "%-9s %-18s %14s %8" PRIu32 " %9" PRIu64 " %10" PRIu64 "\n", sector->chip_name, place, size,
                sector->erases, sector->programs, sector->bytes);
    }
    fprintf(stream, "(each, where sectors share a line)\n");
}

void summary_text(FILE *stream, const struct summary *summary)
{
    fprintf(stream, "\n%-14s %12s %12s %12s\n", "phase", "begins", "lasts", "operations");
    for (size_t i = 0; i < summary->phase_count; i++) {
        const struct summary_phase *phase = &summary->phases[i];
        fprintf(stream, "%-14s %10.6f s %10.6f s %12" PRIu64 "\n", phase->name, (double)phase->begin_ns * 1e-9,
                (double)(phase_end(summary, i) - phase->begin_ns) * 1e-9, phase->operations);
    }
    fprintf(stream, "%-14s %12s %10.6f s %12" PRIu64 "\n", "all", "", (double)summary->end_ns * 1e-9,
            summary->operations);
    print_sectors(stream, summary);
    fprintf(stream, "\n%" PRIu32 " boots, %" PRIu64 " events; edges:", summary->boots, summary->events);
    for (uint32_t pin = 0; pin < SUMMARY_PINS; pin++) {
        char own[TRACE_PIN_NAME];
        if (summary->edges[pin] > 0)
            fprintf(stream, " %s %" PRIu32, pin_name(summary, pin, own), summary->edges[pin]);
    }
    fprintf(stream, "\n");
    if (summary->incomplete)
        fprintf(stream, "there was not enough memory to count everything\n");
}

static json_t *phases_json(const struct summary *summary)
{
    json_t *array = json_array();
    for (size_t i = 0; i < summary->phase_count; i++)
        json_array_append_new(array, json_pack("{s:s, s:I, s:I, s:I}", "name", summary->phases[i].name, "begin_ns",
                                               (json_int_t)summary->phases[i].begin_ns, "end_ns",
                                               (json_int_t)phase_end(summary, i), "operations",
                                               (json_int_t)summary->phases[i].operations));
    return array;
}

static json_t *sectors_json(const struct summary *summary)
{
    json_t *array = json_array();
    for (size_t i = 0; i < summary->sector_count; i++) {
        const struct summary_sector *sector = &summary->sectors[i];
        json_array_append_new(
            array, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "chip", sector->chip_name, "address",
                             (json_int_t)sector->start, "size", (json_int_t)sector->size, "erases",
                             (json_int_t)sector->erases, "programs", (json_int_t)sector->programs, "bytes",
                             (json_int_t)sector->bytes));
    }
    return array;
}

static json_t *pins_json(const struct summary *summary)
{
    json_t *object = json_object();
    for (uint32_t pin = 0; pin < SUMMARY_PINS; pin++) {
        char own[TRACE_PIN_NAME];
        trace_pin_name(pin, own);
        if (summary->edges[pin] > 0)
            json_object_set_new(object, own, json_integer(summary->edges[pin]));
    }
    return object;
}

bool summary_json(FILE *stream, const struct summary *summary, const char *reason, uint64_t instructions)
{
    json_t *object =
        summary->incomplete
            ? NULL
            : json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:i, s:o, s:o, s:o}", "reason", reason, "virtual_ns",
                        (json_int_t)summary->end_ns, "boots", (json_int_t)summary->boots, "events",
                        (json_int_t)summary->events, "ops", (json_int_t)summary->operations, "instructions",
                        (json_int_t)instructions, "mips", RAIL_MIPS, "phases", phases_json(summary), "sectors",
                        sectors_json(summary), "edges", pins_json(summary));
    return report_line(stream, object);
}
