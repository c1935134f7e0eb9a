/* SPDX-License-Identifier: MIT
 *
 * What the tests of the input readers share: a memory like that of the Ethernet board, and what is in it or was said.
 */
#ifndef MATTERHORN_TESTS_INPUTS_H
#define MATTERHORN_TESTS_INPUTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define APPLICATION 0x080A0200u
#define RUNTIME 0x08010200u
#define ROOM 0x3000u

typedef bool reader_fn(const uint8_t *bytes, size_t size, struct memory *memory, struct problem *problem);

static struct memory memory;
static struct problem problem;

static inline int open_memory(void **state)
{
    (void)state;
    problem = (struct problem){0};
    assert_true(memory_add_room(&memory, "runtime", RUNTIME, ROOM, 512, &problem));
    assert_true(memory_add_room(&memory, "application", APPLICATION, ROOM, 512, &problem));
    return 0;
}

static inline int close_memory(void **state)
{
    (void)state;
    memory_close(&memory);
    return 0;
}

/* Reads a copy of exactly that size, so that the address sanitizer sees its end. */
static inline bool read_copy(reader_fn *reader, const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    memcpy(copy, bytes, size);
    problem = (struct problem){0};
    const bool good = reader(copy, size, &memory, &problem);
    free(copy);
    assert_int_equal(problem.kind, good ? PROBLEM_NONE : PROBLEM_USE);
    return good;
}

/* Empties the memory, reads, and expects success. */
static inline void assert_read(reader_fn *reader, const void *bytes, size_t size)
{
    void *state = NULL;

    close_memory(&state);
    open_memory(&state);
    if (!read_copy(reader, bytes, size)) {
        fail_msg("refused: %s", problem.text);
    }
}

/* Empties the memory, reads, and expects a refusal with these words in it. */
static inline void assert_refused(reader_fn *reader, const void *bytes, size_t size, const char *words)
{
    void *state = NULL;

    close_memory(&state);
    open_memory(&state);
    if (read_copy(reader, bytes, size)) {
        fail_msg("accepted, and not refused with: %s", words);
    }
    if (!strstr(problem.text, words)) {
        fail_msg("refused with: %s, and not: %s", problem.text, words);
    }
}

/* `size` bytes from that address on are these, and all of them were put there. */
static inline void assert_holds(unsigned room_number, uint32_t address, const void *bytes, size_t size)
{
    const struct memory_room *room = &memory.rooms[room_number];

    assert_memory_equal(room->bytes + (address - room->address), bytes, size);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(room->filled[address - room->address + i], 1);
    }
}

#endif
