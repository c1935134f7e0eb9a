/* SPDX-License-Identifier: MIT */
#include "input_target.h"

#include <string.h>

#define ROOM_SIZE 0x2000u
#define HEADER_SIZE 512u

static void open_memory(struct memory *memory)
{
    struct problem problem = {0};
    demand(memory_add_room(memory, "runtime", 0x08010200, ROOM_SIZE, HEADER_SIZE, &problem));
    demand(memory_add_room(memory, "application", 0x080A0200, ROOM_SIZE, HEADER_SIZE, &problem));
}

/* What lies behind the last byte is compared at once: byte by byte, most of the time would go there. */
static void check_room(const struct memory_room *room)
{
    static uint8_t nothing[ROOM_SIZE], blank[ROOM_SIZE];
    uint32_t used = room->used;
    memset(blank, 0xFF, sizeof blank);
    demand(used <= room->size);
    demand(used == 0 || room->filled[used - 1] == 1);
    demand(memcmp(room->filled + used, nothing, room->size - used) == 0);
    demand(memcmp(room->bytes + used, blank, room->size - used) == 0);
    for (uint32_t i = 0; i < used; i++)
        demand(room->filled[i] ? room->filled[i] == 1 : room->bytes[i] == 0xFF);
}

static void check_problem(const struct problem *problem, bool good)
{
    size_t length = strlen(problem->text);
    demand(good ? problem->kind == PROBLEM_NONE : problem->kind == PROBLEM_USE);
    demand(good == (length == 0));
    demand(length < 700); /* with a path, it must fit into a line that is printed */
    for (size_t i = 0; i < length; i++)
        demand(problem->text[i] != '\n');
}

static bool run(input_reader *reader, const uint8_t *bytes, size_t size, struct memory *memory)
{
    struct problem problem = {0};
    open_memory(memory);
    bool good = reader(bytes, size, memory, &problem);
    check_problem(&problem, good);
    for (unsigned i = 0; i < memory->count; i++)
        check_room(&memory->rooms[i]);
    return good;
}

void input_target_run(input_reader *reader, const uint8_t *bytes, size_t size)
{
    struct memory one = {0}, other = {0};
    demand(run(reader, bytes, size, &one) == run(reader, bytes, size, &other));
    for (unsigned i = 0; i < one.count; i++)
        demand(memcmp(one.rooms[i].bytes, other.rooms[i].bytes, ROOM_SIZE) == 0);
    memory_close(&one);
    memory_close(&other);
}

/// Checksums ///

static int value_of(uint8_t letter)
{
    const char *digits = "0123456789ABCDEF0123456789abcdef";
    const char *found = letter ? strchr(digits, letter) : NULL;
    return found ? (int)((found - digits) % 16) : -1;
}

static void mend_line(uint8_t *line, size_t length, size_t from, uint8_t total)
{
    uint8_t sum = 0;
    if (length < from + 4 || (length - from) % 2 != 0)
        return;
    for (size_t i = from; i + 2 < length; i += 2) {
        if (value_of(line[i]) < 0 || value_of(line[i + 1]) < 0)
            return;
        sum = (uint8_t)(sum + value_of(line[i]) * 16 + value_of(line[i + 1]));
    }
    uint8_t right = (uint8_t)(total - sum);
    line[length - 2] = (uint8_t)"0123456789ABCDEF"[right >> 4];
    line[length - 1] = (uint8_t)"0123456789ABCDEF"[right & 15];
}

uint8_t *input_target_mend(const uint8_t *bytes, size_t size, size_t from, uint8_t total)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    demand(copy != NULL);
    if (size > 0)
        memcpy(copy, bytes, size);
    for (size_t at = 0; at < size;) {
        size_t length = 0;
        while (at + length < size && copy[at + length] != '\n' && copy[at + length] != '\r')
            length++;
        mend_line(copy + at, length, from, total);
        at += length + 1;
    }
    return copy;
}
