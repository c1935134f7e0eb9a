/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <inttypes.h>
#include <string.h>

void watch_begin(struct watch *watch, const struct watch_wanted *wanted)
{
    memset(watch, 0, sizeof *watch);
    watch->wanted = wanted;
}

static void forget_boot(struct watch *watch)
{
    trace_lines_forget(&watch->lines);
    memset(watch->seen, 0, sizeof watch->seen);
    memset(watch->edges, 0, sizeof watch->edges);
    watch->boots++;
}

static void take_line(struct watch *watch, const char *line)
{
    const struct watch_wanted *wanted = watch->wanted;
    for (unsigned i = 0; i < wanted->line_count; i++)
        watch->seen[i] = watch->seen[i] || strstr(line, wanted->lines[i]) != NULL;
    for (unsigned i = 0; i < wanted->unwanted_count && watch->unwanted == NULL; i++)
        if (strstr(line, wanted->unwanted[i]) != NULL)
            watch->unwanted = wanted->unwanted[i];
}

void watch_take(struct watch *watch, const struct trace_item *item)
{
    const struct rail_event *event = item->event;
    if (event->kind == RAIL_POWER_ON || event->kind == RAIL_RESET) {
        forget_boot(watch);
    } else if (event->kind == RAIL_PIN) {
        for (unsigned i = 0; i < watch->wanted->edge_count; i++)
            watch->edges[i] += watch->wanted->edges[i].pin == event->address;
    } else if (event->kind == RAIL_UART) {
        const char *line = trace_line(&watch->lines, event);
        if (line != NULL)
            take_line(watch, line);
    }
}

bool watch_lines_seen(const struct watch *watch)
{
    for (unsigned i = 0; i < watch->wanted->line_count; i++)
        if (!watch->seen[i])
            return false;
    return true;
}

bool watch_edges_seen(const struct watch *watch)
{
    for (unsigned i = 0; i < watch->wanted->edge_count; i++)
        if (watch->edges[i] < watch->wanted->edges[i].count)
            return false;
    return true;
}

bool watch_missing(const struct watch *watch, char *text, size_t size)
{
    for (unsigned i = 0; i < watch->wanted->line_count; i++) {
        if (watch->seen[i])
            continue;
        snprintf(text, size, "no line with \"%s\"", watch->wanted->lines[i]);
        return true;
    }
    for (unsigned i = 0; i < watch->wanted->edge_count; i++) {
        const struct watch_edges *edges = &watch->wanted->edges[i];
        if (watch->edges[i] >= edges->count)
            continue;
        char name[TRACE_PIN_NAME];
        trace_pin_name(edges->pin, name);
        snprintf(text, size, "%" PRIu32 " of %" PRIu32 " edges at %s", watch->edges[i], edges->count, name);
        return true;
    }
    return false;
}
