/* SPDX-License-Identifier: MIT */
#include "hex_image.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define ROW 16u

enum record_type { RECORD_DATA = 0, RECORD_END = 1, RECORD_LINEAR = 4 };

static void write_record(FILE *stream, enum record_type type, uint16_t offset, const uint8_t *data, unsigned size)
{
    unsigned sum = size + (offset >> 8) + (offset & 0xFF) + type;

    fprintf(stream, ":%02X%04X%02X", size, offset, (unsigned)type);
    for (unsigned i = 0; i < size; i++) {
        sum += data[i];
        fprintf(stream, "%02X", data[i]);
    }
    fprintf(stream, "%02X\n", -sum & 0xFF);
}

static bool is_erased(const uint8_t *bytes, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        if (bytes[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

/* One row. `upper` is the half of the address that the last record of that kind gave. */
static void write_row(FILE *stream, uint32_t address, const uint8_t *bytes, unsigned size, uint32_t *upper)
{
    const uint8_t half[2] = {(uint8_t)(address >> 24), (uint8_t)(address >> 16)};

    if (*upper != address >> 16) {
        *upper = address >> 16;
        write_record(stream, RECORD_LINEAR, 0, half, sizeof half);
    }
    write_record(stream, RECORD_DATA, (uint16_t)address, bytes, size);
}

static void write_rows(FILE *stream, const uint8_t *bytes, struct hex_range range)
{
    uint32_t upper = UINT32_MAX;
    unsigned size;

    for (uint32_t at = 0; at < range.size; at += size) {
        const unsigned room = ROW - (range.address + at) % ROW; /* so no row crosses 64 KB */
        size = room < range.size - at ? room : range.size - at;
        if (!is_erased(bytes + at, size)) {
            write_row(stream, range.address + at, bytes + at, size, &upper);
        }
    }
}

char *hex_image(const uint8_t *bytes, struct hex_range range, size_t *length)
{
    char *text = NULL;
    FILE *stream = open_memstream(&text, length);

    if (!stream) {
        return NULL;
    }
    write_rows(stream, bytes, range);
    write_record(stream, RECORD_END, 0, NULL, 0);
    const bool good = !ferror(stream);
    if (fclose(stream) != 0 || !good) {
        free(text);
        return NULL;
    }
    return text;
}
