/* SPDX-License-Identifier: MIT */
#include "trace.h"

#include <inttypes.h>
#include <string.h>

bool trace_next(const uint8_t *events, size_t size, size_t *position, struct trace_item *item)
{
    if (size - *position < sizeof *item->event)
        return false;
    item->event = (const struct rail_event *)(const void *)(events + *position);
    size_t padded = (item->event->payload + (size_t)7) & ~(size_t)7;
    if (size - *position - sizeof *item->event < padded)
        return false;
    item->data = events + *position + sizeof *item->event;
    *position += sizeof *item->event + padded;
    return true;
}

bool trace_is_operation(const struct rail_event *event)
{
    return event->kind == RAIL_PROGRAM || event->kind == RAIL_ERASE || event->kind == RAIL_STATUS;
}

enum rail_chip trace_supplied_chip(const struct rail_event *event)
{
    return event->address == RAIL_SUPPLY_VDD ? RAIL_CHIP_INTERNAL : RAIL_CHIP_NOR;
}

const char *trace_chip_name(const struct rail_event *event)
{
    switch (event->chip) {
    case RAIL_CHIP_INTERNAL:
        return event->address >= 0x1FFF0000u ? "otp" : "internal";
    case RAIL_CHIP_NOR:
        return "nor";
    default:
        return "-";
    }
}

const char *trace_kind_name(unsigned kind)
{
    static const char *const names[] = {
        [RAIL_POWER_ON] = "power-on", [RAIL_POWER_OFF] = "power-off", [RAIL_RESET] = "reset",
        [RAIL_PIN] = "pin",           [RAIL_UART] = "uart",           [RAIL_PROGRAM] = "program",
        [RAIL_ERASE] = "erase",       [RAIL_STATUS] = "status",
        [RAIL_SUPPLY] = "supply",
    };
    return kind < sizeof names / sizeof names[0] && names[kind] != NULL ? names[kind] : "unknown";
}

void trace_pin_name(uint32_t pin, char name[TRACE_PIN_NAME])
{
    snprintf(name, TRACE_PIN_NAME, "P%c%u", (char)('A' + pin / 16 % 26), pin % 16);
}

uint32_t trace_pin_number(const char *name)
{
    char again[TRACE_PIN_NAME];
    unsigned pin = 0;
    char port = 0;
    if (sscanf(name, "P%c%2u", &port, &pin) != 2 || port < 'A' || port > 'K' || pin > 15)
        return UINT32_MAX;
    uint32_t number = (uint32_t)(port - 'A') * 16 + pin;
    trace_pin_name(number, again);
    return strcmp(again, name) == 0 ? number : UINT32_MAX;
}

void trace_print(FILE *stream, const struct trace_item *item)
{
    const struct rail_event *event = item->event;
    fprintf(stream, "%14" PRIu64 " %08" PRIX32 " %-9s %-8s ", event->time_ns, event->pc, trace_kind_name(event->kind),
            trace_chip_name(event));
    if (event->kind == RAIL_PIN) {
        char name[TRACE_PIN_NAME];
        trace_pin_name(event->address, name);
        fprintf(stream, "%-8s %" PRIu32, name, event->value);
    } else if (event->kind == RAIL_UART || event->kind == RAIL_RESET || event->kind == RAIL_POWER_OFF) {
        fprintf(stream, "%-8" PRIu32 " %" PRIX32, event->address, event->value);
    } else {
        fprintf(stream, "%08" PRIX32 " %" PRIu32, event->address, event->value);
    }
    if (event->duration_ns != 0)
        fprintf(stream, " +%" PRIu64, event->duration_ns);
    if (event->payload != 0)
        fputc(' ', stream);
    for (unsigned i = 0; i < event->payload; i++)
        fprintf(stream, "%02X", item->data[i]);
    fputc('\n', stream);
}

void trace_lines_forget(struct trace_lines *lines)
{
    memset(lines->used, 0, sizeof lines->used);
}

const char *trace_line(struct trace_lines *lines, const struct rail_event *event)
{
    uint32_t usart = event->address;
    char byte = (char)event->value;
    if (usart >= TRACE_USARTS || byte == '\r')
        return NULL;
    if (byte == '\n') {
        lines->text[usart][lines->used[usart]] = '\0';
        lines->used[usart] = 0;
        return lines->text[usart];
    }
    if (lines->used[usart] < TRACE_LINE - 1)
        lines->text[usart][lines->used[usart]++] = byte >= ' ' && byte <= '~' ? byte : '.';
    return NULL;
}
