/* SPDX-License-Identifier: MIT */
#include "live.h"

#include <inttypes.h>
#include <string.h>

#define FLASH_PERIOD_NS UINT64_C(250000000) /* between lines on the flashes */

void live_begin(struct live *live, FILE *stream)
{
    memset(live, 0, sizeof *live);
    live->stream = stream;
}

void live_name(struct live *live, uint32_t pin, const char *name)
{
    if (pin < LIVE_PINS)
        snprintf(live->names[pin], LIVE_NAME, "%s", name);
}

static void print_head(struct live *live, uint64_t time_ns, const char *what)
{
    fprintf(live->stream, "%11.6f s  %-9s ", (double)time_ns * 1e-9, what);
}

/* --- flashes --- */

static void flush_flash(struct live *live, uint64_t now_ns)
{
    for (int chip = 0; chip < 3; chip++) {
        struct live_flash *flash = &live->flash[chip];
        if (flash->programs + flash->erases + flash->others == 0)
            continue;
        print_head(live, now_ns, flash->chip_name);
        if (flash->erases > 0)
            fprintf(live->stream, "%" PRIu32 " erased  ", flash->erases);
        if (flash->programs > 0)
            fprintf(live->stream, "%" PRIu32 " programmed  ", flash->programs);
        if (flash->others > 0)
            fprintf(live->stream, "%" PRIu32 " status written  ", flash->others);
        fprintf(live->stream, "%0*" PRIX32 "..%0*" PRIX32 "\n", chip == RAIL_CHIP_NOR ? 6 : 8, flash->lowest,
                chip == RAIL_CHIP_NOR ? 6 : 8, flash->highest);
        *flash = (struct live_flash){0};
    }
    live->flash_since_ns = now_ns;
}

static void take_operation(struct live *live, const struct rail_event *event)
{
    if (event->time_ns - live->flash_since_ns >= FLASH_PERIOD_NS)
        flush_flash(live, event->time_ns);
    struct live_flash *flash = &live->flash[event->chip <= RAIL_CHIP_NOR ? event->chip : RAIL_CHIP_NONE];
    uint32_t last = event->address + (event->value > 0 ? event->value - 1 : 0);
    if (flash->chip_name == NULL)
        *flash = (struct live_flash){.chip_name = trace_chip_name(event), .lowest = event->address, .highest = last};
    flash->lowest = event->address < flash->lowest ? event->address : flash->lowest;
    flash->highest = last > flash->highest ? last : flash->highest;
    flash->programs += event->kind == RAIL_PROGRAM;
    flash->erases += event->kind == RAIL_ERASE;
    flash->others += event->kind == RAIL_STATUS;
}

/* --- everything else --- */

static void print_pin(struct live *live, uint64_t time_ns, uint32_t pin, const char *text)
{
    char own[TRACE_PIN_NAME];
    trace_pin_name(pin, own);
    flush_flash(live, time_ns);
    print_head(live, time_ns, live->names[pin][0] != '\0' ? live->names[pin] : own);
    fprintf(live->stream, "%s\n", text);
}

static void take_pin(struct live *live, const struct rail_event *event)
{
    char text[32];
    if (event->address < LIVE_PINS &&
        pin_edge(&live->pins[event->address], event->time_ns, event->value != 0, text, sizeof text))
        print_pin(live, event->time_ns, event->address, text);
}

static void take_uart(struct live *live, const struct rail_event *event)
{
    char name[16];
    const char *line = trace_line(&live->lines, event);
    if (line == NULL)
        return;
    flush_flash(live, event->time_ns);
    snprintf(name, sizeof name, "usart%" PRIu32, event->address);
    print_head(live, event->time_ns, name);
    fprintf(live->stream, "%s\n", line);
}

static void take_supply(struct live *live, const struct rail_event *event)
{
    flush_flash(live, event->time_ns);
    print_head(live, event->time_ns, event->address == RAIL_SUPPLY_VDD ? "vdd" : "vcc");
    fprintf(live->stream, "%" PRIu32 " mV\n", event->value);
}

/* RM0090 7.3.21, from the top bit. */
static const char *reset_cause(uint32_t flags)
{
    static const struct {
        uint32_t flag;
        const char *cause;
    } causes[] = {{1u << 31, "low power"},        {1u << 30, "window watchdog"}, {1u << 29, "watchdog"},
                  {1u << 28, "by software"},      {1u << 27, "power-on"},        {1u << 25, "brown-out"},
                  {1u << 26, "by the reset pin"}};
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        if ((flags & causes[i].flag) != 0)
            return causes[i].cause;
    return "";
}

static void take_power(struct live *live, const struct rail_event *event)
{
    flush_flash(live, event->time_ns);
    for (unsigned pin = 0; pin < LIVE_PINS; pin++)
        pin_forget(&live->pins[pin]);
    bool reset = event->kind == RAIL_RESET;
    print_head(live, event->time_ns, reset ? "reset" : "power");
    if (reset)
        fprintf(live->stream, "%s\n", reset_cause(event->value));
    else if (event->kind == RAIL_POWER_OFF && event->value != UINT32_MAX)
        fprintf(live->stream, "off, during operation %" PRIu32 "\n", event->value);
    else
        fprintf(live->stream, "%s\n", event->kind == RAIL_POWER_ON ? "on" : "off");
}

void live_take(void *context, const struct trace_item *item)
{
    struct live *live = context;
    live_tick(live, item->event->time_ns);
    switch (item->event->kind) {
    case RAIL_PIN:
        take_pin(live, item->event);
        break;
    case RAIL_UART:
        take_uart(live, item->event);
        break;
    case RAIL_PROGRAM:
    case RAIL_ERASE:
    case RAIL_STATUS:
        take_operation(live, item->event);
        break;
    case RAIL_SUPPLY:
        take_supply(live, item->event);
        break;
    default:
        take_power(live, item->event);
        break;
    }
}

void live_tick(struct live *live, uint64_t now_ns)
{
    char text[32];
    for (uint32_t pin = 0; pin < LIVE_PINS; pin++)
        if (live->pins[pin].blinking && pin_tick(&live->pins[pin], now_ns, text, sizeof text))
            print_pin(live, now_ns, pin, text);
    if (now_ns - live->flash_since_ns >= FLASH_PERIOD_NS)
        flush_flash(live, now_ns);
}

void live_end(struct live *live, uint64_t now_ns)
{
    flush_flash(live, now_ns);
    fflush(live->stream);
}
