/* SPDX-License-Identifier: MIT */
#include "offer.h"

#include <stdlib.h>
#include <string.h>

static bool open_offer(struct offer *offer, struct problem *problem)
{
    return offer->scratch.folder != NULL ||
           ((offer->given.cells[0] != NULL || arrays_allocate(&offer->given, problem)) &&
            (offer->left.cells[0] != NULL || arrays_allocate(&offer->left, problem)) &&
            scratch_open(&offer->scratch, problem));
}

void offer_close(struct offer *offer)
{
    scratch_close(&offer->scratch);
    arrays_free(&offer->given);
    arrays_free(&offer->left);
}

static void show_weak_bits(struct arrays *arrays)
{
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t i = 0; i < arrays->marks[array].count; i++) {
            const struct nor_mark *mark = &arrays->marks[array].list[i];
            if (mark->kind == NOR_WEAK)
                arrays->cells[array][mark->offset] &= (uint8_t)~(1u << mark->bit);
        }
}

static bool give(struct offer *offer, struct machine *machine, struct problem *problem)
{
    if (!machine_read_beside(machine, problem))
        return false;
    for (enum array array = 0; array < ARRAYS; array++)
        memcpy(offer->given.cells[array], machine->arrays.cells[array], arrays_size(array));
    arrays_load_beside(&offer->given, &machine->arrays);
    show_weak_bits(&offer->given);
    return arrays_write_scratch(&offer->given, offer->scratch.folder, problem);
}

/* --- what the command erased --- */

static bool sets_a_bit(const uint8_t *before, const uint8_t *after, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        if ((after[i] & ~before[i]) != 0)
            return true;
    return false;
}

static bool is_incomplete(const struct nor_marks *marks, uint32_t start, uint32_t size)
{
    for (uint32_t i = 0; i < marks->count; i++)
        if (marks->list[i].kind == NOR_NOTAKE && marks->list[i].offset < start + size &&
            start < marks->list[i].offset + marks->list[i].length)
            return true;
    return false;
}

/* An erase as the part does it, of which only the marks matter: then come the contents that the command left. */
static bool erase(struct arrays *left, const struct rail_event *event, enum array array, uint32_t start,
                  struct problem *problem)
{
    uint8_t *kept = malloc(event->value);
    if (kept == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    memcpy(kept, left->cells[array] + start, event->value);
    arrays_apply(left, &(struct trace_item){event, NULL});
    memcpy(left->cells[array] + start, kept, event->value);
    free(kept);
    return true;
}

/* The sector that the event erases, if the command has. */
static bool settle_sector(struct offer *offer, const struct rail_event *event, struct life *life,
                          struct problem *problem)
{
    enum array array;
    uint32_t start, size;
    if (!arrays_range(event, &array, &start, &size))
        return true;
    const uint8_t *before = offer->given.cells[array] + start, *after = offer->left.cells[array] + start;
    if (memcmp(before, after, size) == 0 ||
        (!sets_a_bit(before, after, size) && !is_incomplete(&offer->left.marks[array], start, size)))
        return true;
    life_take(life, event);
    return erase(&offer->left, event, array, start, problem);
}

static bool settle(struct offer *offer, struct life *life, struct problem *problem)
{
    static const enum array arrays[] = {ARRAY_INTERNAL, ARRAY_NOR}; /* the third has no erase */
    arrays_load_beside(&offer->left, &offer->given);
    for (unsigned i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        struct rail_event event = {.kind = RAIL_ERASE,
                                   .chip = arrays[i] == ARRAY_NOR ? RAIL_CHIP_NOR : RAIL_CHIP_INTERNAL};
        event.address = life_address(arrays[i], 0, &event.value);
        for (; arrays_sector(event.chip, event.address, &event.address, &event.value); event.address += event.value)
            if (!settle_sector(offer, &event, life, problem))
                return false;
    }
    return true;
}

bool offer_update(struct offer *offer, struct machine *machine, const struct device_command *command,
                  const struct arrays *device, struct life *life, struct verdict *verdict, struct problem *problem)
{
    if (!open_offer(offer, problem) || !give(offer, machine, problem) ||
        !device_command(command, offer->scratch.folder, verdict, problem))
        return false;
    if (!verdict->pass)
        return true;
    if (!arrays_read(&offer->left, offer->scratch.folder, problem))
        return problem_place(problem, "what the profile's command leaves");
    arrays_find_pages(&offer->left, device);
    return settle(offer, life, problem) && machine_load(machine, &offer->left, problem);
}
