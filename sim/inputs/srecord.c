/* SPDX-License-Identifier: MIT */
#include "srecord.h"

#include "lines.h"

#include <stdio.h>

/* Bytes of the address field, by the digit behind the S; 0: there is no such record. */
static const uint8_t address_sizes[10] = {2, 2, 3, 4, 0, 2, 3, 4, 3, 2};

struct reader {
    struct lines lines;
    struct memory *memory;
    uint32_t data_records;
    bool ended;
};

/* A record as it stands in its line, behind its type: count, address, data, checksum. */
struct record {
    unsigned type;
    uint8_t bytes[RECORD_LARGEST];
    size_t size;
    uint32_t address;
    const uint8_t *data;
    uint32_t length; /* of the data */
};

static bool read_type(const struct lines *lines, struct record *record, struct problem *problem)
{
    if (lines->length < 2 || lines->text[0] != 'S' || lines->text[1] < '0' || lines->text[1] > '9') {
        return lines_problem(lines, problem, "it does not begin with S and a digit as every S-record does");
    }
    record->type = lines->text[1] - (unsigned)'0';
    if (address_sizes[record->type] == 0) {
        return lines_problem(lines, problem, "S%u is reserved, nobody knows what it means; leave the line out",
                             record->type);
    }
    return true;
}

static bool check_sum(const struct lines *lines, const struct record *record, struct problem *problem)
{
    uint8_t sum = 0;

    for (size_t i = 0; i + 1 < record->size; i++) {
        sum = (uint8_t)(sum + record->bytes[i]);
    }
    sum = (uint8_t)~sum;
    return sum == record->bytes[record->size - 1] ||
           lines_problem(lines, problem, "its checksum is %02X, and should be %02X: the line was changed or damaged",
                         record->bytes[record->size - 1], sum);
}

static bool read_record(const struct lines *lines, struct record *record, struct problem *problem)
{
    if (!read_type(lines, record, problem) || !lines_record(lines, 2, record->bytes, &record->size, problem)) {
        return false;
    }
    const uint32_t address_size = address_sizes[record->type];
    if (record->size < 1 + address_size + 1) {
        return lines_problem(lines, problem, "%zu bytes are too few for an S%u record: is the line cut off?",
                             record->size, record->type);
    }
    if (record->size - 1 != record->bytes[0]) {
        return lines_problem(lines, problem, "its count says %u bytes, and %zu follow", record->bytes[0],
                             record->size - 1);
    }
    record->address = 0;
    for (uint32_t i = 0; i < address_size; i++) {
        record->address = record->address << 8 | record->bytes[1 + i];
    }
    record->data = record->bytes + 1 + address_size;
    record->length = (uint32_t)record->size - 1 - address_size - 1;
    return check_sum(lines, record, problem);
}

static bool put_data(struct reader *reader, const struct record *record, struct problem *problem)
{
    char line[24];

    reader->data_records++;
    if ((uint64_t)record->address + record->length > (uint64_t)UINT32_MAX + 1) {
        return lines_problem(&reader->lines, problem, "its data go beyond the end of the address space");
    }
    snprintf(line, sizeof line, "line %u", reader->lines.number);
    return memory_put(reader->memory, record->address, record->data, record->length, problem) ||
           problem_place(problem, line);
}

static bool take_record(struct reader *reader, const struct record *record, struct problem *problem)
{
    if (record->type >= 5 && record->length > 0) {
        return lines_problem(&reader->lines, problem, "an S%u record has no data, and this one has %u bytes",
                             record->type, (unsigned)record->length);
    }
    switch (record->type) {
    case 0: /* a title for people */
        return true;
    case 1:
    case 2:
    case 3:
        return put_data(reader, record, problem);
    case 5:
    case 6:
        return record->address == reader->data_records ||
               lines_problem(&reader->lines, problem,
                             "it counts %u data records, and there are %u before it: a line is "
                             "missing or stands twice",
                             (unsigned)record->address, (unsigned)reader->data_records);
    default: /* where to start: an image says that in its vector table */
        reader->ended = true;
        return true;
    }
}

bool srecord_read(const uint8_t *bytes, size_t size, struct memory *memory, struct problem *problem)
{
    struct reader reader = {.lines = {.next = bytes, .end = bytes + size}, .memory = memory};

    while (lines_next(&reader.lines)) {
        struct record record;
        if (reader.ended) {
            return lines_problem(&reader.lines, problem,
                                 "something follows the S7, S8 or S9 record that ends the file");
        }
        if (!read_record(&reader.lines, &record, problem) || !take_record(&reader, &record, problem)) {
            return false;
        }
    }
    return reader.ended || problem_set(problem, PROBLEM_USE,
                                       "the file ends behind line %u without an S7, S8 or S9 record: it was cut off",
                                       reader.lines.number);
}
