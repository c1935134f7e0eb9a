/* SPDX-License-Identifier: MIT */
#include "footprint.h"

#include "mix.h"

#include <string.h>

void footprint_begin(struct footprint *footprint)
{
    memset(footprint, 0, sizeof *footprint);
}

void footprint_compared(struct footprint *footprint)
{
    if (!footprint->compared)
        footprint->early = footprint->erased;
    footprint->compared = true;
}

/* What is under way on the chip has ended, or ends now for another reason. */
static void settle(struct footprint *footprint, unsigned chip, uint64_t now_ns)
{
    struct footprint_operation *operation = &footprint->under_way[chip];
    if (operation->end_ns == 0)
        return;
    if (operation->end_ns > now_ns)
        pages_add(&footprint->cut, operation->array, operation->offset, operation->size);
    else if (operation->erase)
        pages_add(&footprint->erased, operation->array, operation->offset, operation->size);
    operation->end_ns = 0;
}

static void take_operation(struct footprint *footprint, const struct rail_event *event)
{
    struct footprint_operation operation = {.erase = event->kind == RAIL_ERASE,
                                            .end_ns = event->time_ns + event->duration_ns};
    if (!arrays_range(event, &operation.array, &operation.offset, &operation.size))
        return;
    settle(footprint, event->chip, event->time_ns);
    footprint->under_way[event->chip] = operation;
    if (!operation.erase || operation.array != ARRAY_INTERNAL)
        return;
    uint32_t end = operation.offset + operation.size, start, size;
    for (uint32_t at = operation.offset; at < end; at = start + size) {
        uint32_t sector = nor_sector_at(&nor_stm32f407_x32, at, &start, &size);
        if (sector >= FOOTPRINT_SECTORS)
            return;
        footprint->erases[sector]++;
    }
}

static void hash_event(struct footprint *footprint, const struct trace_item *item)
{
    const uint8_t *bytes = (const uint8_t *)item->event;
    size_t size = sizeof *item->event + ((item->event->payload + (size_t)7) & ~(size_t)7);
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof word);
        footprint->trace = mix_word(footprint->trace, word);
    }
}

void footprint_take(void *context, const struct trace_item *item)
{
    struct footprint *footprint = context;
    const struct rail_event *event = item->event;
    hash_event(footprint, item);
    if (event->kind == RAIL_RESET) {
        settle(footprint, RAIL_CHIP_INTERNAL, event->time_ns); /* the other chip goes on */
    } else if (event->kind == RAIL_POWER_OFF) {
        settle(footprint, RAIL_CHIP_INTERNAL, event->time_ns);
        settle(footprint, RAIL_CHIP_NOR, event->time_ns);
    } else {
        take_operation(footprint, event);
    }
}
