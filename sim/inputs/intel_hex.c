/* SPDX-License-Identifier: MIT */
#include "intel_hex.h"

#include "lines.h"

#include <stdio.h>

enum record_type {
    DATA,
    END_OF_FILE,
    EXTENDED_SEGMENT_ADDRESS,
    START_SEGMENT_ADDRESS,
    EXTENDED_LINEAR_ADDRESS,
    START_LINEAR_ADDRESS,
    TYPES
};

/* Data bytes of a record that is not DATA. */
static const uint8_t lengths[TYPES] = {0, 0, 2, 4, 2, 4};

#define SEGMENT_SIZE 0x10000u

struct reader {
    struct lines lines;
    struct memory *memory;
    uint32_t base;    /* of the offsets in data records */
    bool segmented;   /* they count within 64 KB from there */
    bool ended;
};

/* A record as it stands in its line: length, offset, type, data, checksum. */
struct record {
    uint8_t bytes[RECORD_LARGEST];
    size_t size;
};

#define AROUND_DATA 5u /* bytes of a record that are not data */

static bool read_record(const struct lines *lines, struct record *record, struct problem *problem)
{
    uint8_t sum = 0;

    if (lines->text[0] != ':') {
        return lines_problem(lines, problem, "it does not begin with ':' as every record of Intel HEX does");
    }
    if (!lines_record(lines, 1, record->bytes, &record->size, problem)) {
        return false;
    }
    if (record->size < AROUND_DATA) {
        return lines_problem(lines, problem, "%zu bytes are too few for a record: is the line cut off?", record->size);
    }
    if (record->size - AROUND_DATA != record->bytes[0]) {
        return lines_problem(lines, problem, "its length says %u data bytes, and there are %zu", record->bytes[0],
                             record->size - AROUND_DATA);
    }
    for (size_t i = 0; i + 1 < record->size; i++) {
        sum = (uint8_t)(sum + record->bytes[i]);
    }
    sum = (uint8_t)-sum;
    if (sum != record->bytes[record->size - 1]) {
        return lines_problem(lines, problem,
                             "its checksum is %02X, and should be %02X: the line was changed or damaged",
                             record->bytes[record->size - 1], sum);
    }
    return true;
}

/* An offset in a segment would go on at its beginning; no tool writes records that do. */
static bool put_data(struct reader *reader, const struct record *record, struct problem *problem)
{
    const uint8_t length = record->bytes[0];
    const uint32_t offset = (uint32_t)(record->bytes[1] << 8 | record->bytes[2]);
    char line[24];

    if (reader->segmented && offset + length > SEGMENT_SIZE) {
        return lines_problem(&reader->lines, problem, "its data go beyond the end of their segment of 64 KB");
    }
    if ((uint64_t)reader->base + offset + length > (uint64_t)UINT32_MAX + 1) {
        return lines_problem(&reader->lines, problem, "its data go beyond the end of the address space");
    }
    snprintf(line, sizeof line, "line %u", reader->lines.number);
    return memory_put(reader->memory, reader->base + offset, record->bytes + 4, length, problem) ||
           problem_place(problem, line);
}

static bool take_record(struct reader *reader, const struct record *record, struct problem *problem)
{
    const uint8_t type = record->bytes[3];

    if (type >= TYPES) {
        return lines_problem(&reader->lines, problem, "there is no record type %02X; there are 00 to 05", type);
    }
    if (type != DATA && record->bytes[0] != lengths[type]) {
        return lines_problem(&reader->lines, problem, "a record of type %02X has %u data bytes, and this one has %u",
                             type, lengths[type], record->bytes[0]);
    }
    const uint32_t value = (uint32_t)(record->bytes[4] << 8 | record->bytes[5]);
    switch (type) {
    case DATA:
        return put_data(reader, record, problem);
    case END_OF_FILE:
        reader->ended = true;
        return true;
    case EXTENDED_SEGMENT_ADDRESS:
        reader->base = value << 4;
        reader->segmented = true;
        return true;
    case EXTENDED_LINEAR_ADDRESS:
        reader->base = value << 16;
        reader->segmented = false;
        return true;
    default: /* where to start: an image says that in its vector table */
        return true;
    }
}

bool intel_hex_read(const uint8_t *bytes, size_t size, struct memory *memory, struct problem *problem)
{
    struct reader reader = {.lines = {.next = bytes, .end = bytes + size}, .memory = memory, .segmented = true};

    while (lines_next(&reader.lines)) {
        struct record record;
        if (reader.ended) {
            return lines_problem(&reader.lines, problem, "something follows the end-of-file record");
        }
        if (!read_record(&reader.lines, &record, problem) || !take_record(&reader, &record, problem)) {
            return false;
        }
    }
    return reader.ended || problem_set(problem, PROBLEM_USE,
                                       "the file ends behind line %u without an end-of-file record (:00000001FF): it "
                                       "was cut off", reader.lines.number);
}
