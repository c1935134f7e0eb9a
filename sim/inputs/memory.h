/* SPDX-License-Identifier: MIT
 *
 * Where the contents of an input file go: the rooms that images may fill, byte by byte. Nothing is written
 * elsewhere, and nothing twice.
 */
#ifndef MATTERHORN_INPUTS_MEMORY_H
#define MATTERHORN_INPUTS_MEMORY_H

#include "problem.h"

#include <stddef.h>
#include <stdint.h>

#define MEMORY_ROOMS 2u

struct memory_room {
    const char *name;
    uint32_t address;
    uint32_t size;     /* bytes, at least 1; the room ends at 4 GB at the latest */
    /* so many bytes right before it belong to somebody else; named in the message about data there */
    uint32_t reserved;
    uint8_t *bytes;    /* 0xFF where nothing was put */
    uint8_t *filled;   /* of each byte: whether something was put there */
    uint32_t used;     /* bytes from the start of the room to behind the last that was put; 0: nothing was */
};

struct memory {
    struct memory_room rooms[MEMORY_ROOMS];
    unsigned count;
};

/* Adds an empty room to a memory that begins as {0}. `name` is kept. */
bool memory_add_room(struct memory *memory, const char *name, uint32_t address, uint32_t size, uint32_t reserved,
                     struct problem *problem);
void memory_close(struct memory *memory);

/* Whether bytes may be put there: all within one room. Says why not. */
bool memory_takes(const struct memory *memory, uint32_t address, uint32_t size, struct problem *problem);
/* Puts bytes where nothing was put before. When it fails, nothing was put. */
bool memory_put(struct memory *memory, uint32_t address, const uint8_t *bytes, uint32_t size, struct problem *problem);

/* The address of the first byte that was put into a room that is used. */
uint32_t memory_first(const struct memory_room *room);

#endif
