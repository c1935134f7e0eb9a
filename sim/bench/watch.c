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
    memset(&watch->seen, 0, sizeof watch->seen);
    memset(watch->any, 0, watch->wanted->any_count * sizeof watch->any[0]);
    watch->boots++;
}

/* --- taking events --- */

static void see_line(const struct watch_wanted *wanted, struct watch_seen *seen, const char *line)
{
    for (unsigned i = 0; i < wanted->line_count; i++)
        seen->lines[i] = seen->lines[i] || strstr(line, wanted->lines[i]) != NULL;
    for (unsigned i = 0; i < wanted->pattern_count; i++)
        seen->patterns[i] = seen->patterns[i] || regexec(&wanted->patterns[i], line, 0, NULL, 0) == 0;
}

static void take_line(struct watch *watch, const char *line)
{
    const struct watch_wanted *wanted = watch->wanted;
    see_line(wanted, &watch->seen, line);
    for (unsigned i = 0; i < wanted->any_count; i++)
        see_line(&wanted->any[i], &watch->any[i], line);
    for (unsigned i = 0; i < wanted->unwanted_count && watch->unwanted == NULL; i++)
        if (strstr(line, wanted->unwanted[i]) != NULL)
            watch->unwanted = wanted->unwanted[i];
}

static void see_pin(const struct watch_wanted *wanted, struct watch_seen *seen, uint32_t pin, bool high)
{
    for (unsigned i = 0; i < wanted->edge_count; i++)
        seen->edges[i] += wanted->edges[i].pin == pin;
    for (unsigned i = 0; i < wanted->level_count; i++)
        if (wanted->levels[i].pin == pin)
            seen->high[i] = high;
}

static void take_pin(struct watch *watch, const struct rail_event *event)
{
    see_pin(watch->wanted, &watch->seen, event->address, event->value != 0);
    for (unsigned i = 0; i < watch->wanted->any_count; i++)
        see_pin(&watch->wanted->any[i], &watch->any[i], event->address, event->value != 0);
}

void watch_take(struct watch *watch, const struct trace_item *item)
{
    const struct rail_event *event = item->event;
    if (event->kind == RAIL_POWER_ON || event->kind == RAIL_RESET) {
        forget_boot(watch);
    } else if (event->kind == RAIL_PIN) {
        take_pin(watch, event);
    } else if (event->kind == RAIL_UART) {
        const char *line = trace_line(&watch->lines, event);
        if (line != NULL)
            take_line(watch, line);
    }
}

/* --- what was seen --- */

static bool lines_seen(const struct watch_wanted *wanted, const struct watch_seen *seen)
{
    for (unsigned i = 0; i < wanted->line_count; i++)
        if (!seen->lines[i])
            return false;
    for (unsigned i = 0; i < wanted->pattern_count; i++)
        if (!seen->patterns[i])
            return false;
    return true;
}

static bool pins_seen(const struct watch_wanted *wanted, const struct watch_seen *seen)
{
    for (unsigned i = 0; i < wanted->edge_count; i++)
        if (seen->edges[i] < wanted->edges[i].count)
            return false;
    for (unsigned i = 0; i < wanted->level_count; i++)
        if (seen->high[i] != (wanted->levels[i].high != 0))
            return false;
    return true;
}

bool watch_lines_seen(const struct watch *watch)
{
    const struct watch_wanted *wanted = watch->wanted;
    bool one = wanted->any_count == 0;
    for (unsigned i = 0; i < wanted->any_count; i++)
        one = one || lines_seen(&wanted->any[i], &watch->any[i]);
    return one && lines_seen(wanted, &watch->seen);
}

unsigned watch_alternative(const struct watch *watch)
{
    const struct watch_wanted *wanted = watch->wanted;
    unsigned i = 0;
    while (i < wanted->any_count &&
           !(lines_seen(&wanted->any[i], &watch->any[i]) && pins_seen(&wanted->any[i], &watch->any[i])))
        i++;
    return i;
}

bool watch_all_seen(const struct watch *watch)
{
    const struct watch_wanted *wanted = watch->wanted;
    return lines_seen(wanted, &watch->seen) && pins_seen(wanted, &watch->seen) &&
           (wanted->any_count == 0 || watch_alternative(watch) < wanted->any_count);
}

/* --- what was not --- */

static bool missing_pin(const struct watch_wanted *wanted, const struct watch_seen *seen, char *text, size_t size)
{
    char name[TRACE_PIN_NAME];
    for (unsigned i = 0; i < wanted->edge_count; i++) {
        const struct watch_edges *edges = &wanted->edges[i];
        if (seen->edges[i] >= edges->count)
            continue;
        trace_pin_name(edges->pin, name);
        snprintf(text, size, "%" PRIu32 " of %" PRIu32 " edges at %s", seen->edges[i], edges->count, name);
        return true;
    }
    for (unsigned i = 0; i < wanted->level_count; i++) {
        if (seen->high[i] == (wanted->levels[i].high != 0))
            continue;
        trace_pin_name(wanted->levels[i].pin, name);
        snprintf(text, size, "%s is %s", name, seen->high[i] ? "high" : "low");
        return true;
    }
    return false;
}

static bool missing(const struct watch_wanted *wanted, const struct watch_seen *seen, char *text, size_t size)
{
    for (unsigned i = 0; i < wanted->line_count; i++) {
        if (seen->lines[i])
            continue;
        snprintf(text, size, "no line with \"%s\"", wanted->lines[i]);
        return true;
    }
    for (unsigned i = 0; i < wanted->pattern_count; i++) {
        if (seen->patterns[i])
            continue;
        snprintf(text, size, "no line matches \"%s\"", wanted->pattern_texts[i]);
        return true;
    }
    return missing_pin(wanted, seen, text, size);
}

bool watch_missing(const struct watch *watch, char *text, size_t size)
{
    const struct watch_wanted *wanted = watch->wanted;
    if (missing(wanted, &watch->seen, text, size))
        return true;
    if (wanted->any_count == 0 || watch_alternative(watch) < wanted->any_count)
        return false;
    size_t used = 0;
    for (unsigned i = 0; i < wanted->any_count && used < size; i++) {
        char what[100] = "";
        missing(&wanted->any[i], &watch->any[i], what, sizeof what);
        int added = snprintf(text + used, size - used, "%s%s: %s", i > 0 ? "; " : "", wanted->any[i].name, what);
        used += added > 0 ? (size_t)added : 0;
    }
    return true;
}
