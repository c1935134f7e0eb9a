/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool memory_add_room(struct memory *memory, const char *name, uint32_t address, uint32_t size, uint32_t reserved,
                     struct problem *problem)
{
    struct memory_room *room = &memory->rooms[memory->count];

    *room = (struct memory_room){.name = name, .address = address, .size = size, .reserved = reserved};
    room->bytes = malloc(size);
    room->filled = calloc(size, 1);
    if (!room->bytes || !room->filled) {
        free(room->bytes);
        free(room->filled);
        return problem_set(problem, PROBLEM_BENCH, "no memory for the %s region", name);
    }
    memset(room->bytes, 0xFF, size);
    memory->count++;
    return true;
}

void memory_close(struct memory *memory)
{
    for (unsigned i = 0; i < memory->count; i++) {
        free(memory->rooms[i].bytes);
        free(memory->rooms[i].filled);
    }
    *memory = (struct memory){0};
}

/// What may be put where ///

static bool within(uint32_t address, uint32_t size, uint32_t room_address, uint32_t room_size)
{
    return address >= room_address && address - room_address <= room_size &&
           size <= room_size - (address - room_address);
}

/* The number of the room that has all of it, or memory->count. */
static unsigned room_of(const struct memory *memory, uint32_t address, uint32_t size)
{
    unsigned i = 0;

    while (i < memory->count && !within(address, size, memory->rooms[i].address, memory->rooms[i].size)) {
        i++;
    }
    return i;
}

/* "the application region (0x080A0200 to 0x080FFFFF) or ...". */
static void list_rooms(const struct memory *memory, char *text, size_t size)
{
    size_t length = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < memory->count && length < size; i++) {
        const struct memory_room *room = &memory->rooms[i];
        length += (size_t)snprintf(text + length, size - length, "%sthe %s region (0x%08" PRIX32 " to 0x%08" PRIX32 ")",
                                   i ? " or " : "", room->name, room->address, room->address + (room->size - 1));
    }
}

bool memory_takes(const struct memory *memory, uint32_t address, uint32_t size, struct problem *problem)
{
    char rooms[256];

    if (room_of(memory, address, size) < memory->count) {
        return true;
    }
    for (unsigned i = 0; i < memory->count; i++) {
        const struct memory_room *room = &memory->rooms[i];
        if (room->reserved > 0 && within(address, 1, room->address - room->reserved, room->reserved)) {
            return problem_set(problem, PROBLEM_USE,
                               "0x%08" PRIX32 " is in the first %" PRIu32 " bytes of the %s region, which hold the "
                               "component's header: link the image for 0x%08" PRIX32, address, room->reserved,
                               room->name, room->address);
        }
    }
    list_rooms(memory, rooms, sizeof rooms);
    return problem_set(problem, PROBLEM_USE,
                       "%" PRIu32 " byte%s at 0x%08" PRIX32 " %s not within %s: link for this board and component, or "
                       "leave that part out of the file", size, size == 1 ? "" : "s", address, size == 1 ? "is" : "are",
                       rooms);
}

bool memory_put(struct memory *memory, uint32_t address, const uint8_t *bytes, uint32_t size, struct problem *problem)
{
    if (size == 0) {
        return true;
    }
    if (!memory_takes(memory, address, size, problem)) {
        return false;
    }
    struct memory_room *room = &memory->rooms[room_of(memory, address, size)];
    const uint32_t at = address - room->address;
    const uint8_t *taken = memchr(room->filled + at, 1, size);

    if (taken) {
        return problem_set(problem, PROBLEM_USE,
                           "0x%08" PRIX32 " is filled twice: two parts of the input overlap; leave one of them out",
                           room->address + (uint32_t)(taken - room->filled));
    }
    memcpy(room->bytes + at, bytes, size);
    memset(room->filled + at, 1, size);
    if (at + size > room->used) {
        room->used = at + size;
    }
    return true;
}

uint32_t memory_first(const struct memory_room *room)
{
    const uint8_t *first = memchr(room->filled, 1, room->size);

    return room->address + (first ? (uint32_t)(first - room->filled) : 0);
}
