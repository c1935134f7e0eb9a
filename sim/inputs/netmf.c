/* SPDX-License-Identifier: MIT */
#include "netmf.h"

#include "matterhorn/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// LZ77 ///

#define WINDOW_SIZE 4096u
#define WINDOW_BIAS 16u /* what a position in the stream is less than that in the window */
#define SHORTEST_COPY 3u

struct decoder {
    const uint8_t *packed;
    size_t packed_size, taken, offset;
    uint8_t *bytes;
    size_t size, made;
    uint8_t window[WINDOW_SIZE]; /* what was made last, at its number modulo the window's size */
    struct problem *problem;
};

static bool take(struct decoder *decoder, uint8_t *byte)
{
    if (decoder->taken == decoder->packed_size) {
        return problem_set(decoder->problem, PROBLEM_USE,
                           "offset 0x%zX: the compressed data end after %zu of %zu bytes: the file is damaged",
                           decoder->offset + decoder->taken, decoder->made, decoder->size);
    }
    *byte = decoder->packed[decoder->taken++];
    return true;
}

static bool make(struct decoder *decoder, uint8_t byte)
{
    if (decoder->made == decoder->size) {
        return problem_set(decoder->problem, PROBLEM_USE,
                           "offset 0x%zX: the compressed data give more than the %zu bytes that the block says: the file "
                           "is damaged", decoder->offset + decoder->taken, decoder->size);
    }
    decoder->window[decoder->made % WINDOW_SIZE] = byte;
    decoder->bytes[decoder->made++] = byte;
    return true;
}

static bool copy(struct decoder *decoder)
{
    uint8_t low, high;
    bool good = take(decoder, &low) && take(decoder, &high);

    if (!good) {
        return false;
    }
    const unsigned length = (high & 0x0Fu) + SHORTEST_COPY;
    const unsigned from = ((high & 0xF0u) << 4 | low) + WINDOW_BIAS;
    for (unsigned i = 0; good && i < length; i++) {
        good = make(decoder, decoder->window[(from + i) % WINDOW_SIZE]);
    }
    return good;
}

/* Up to eight literals and copies, behind a byte that says which is which. */
static bool decode_group(struct decoder *decoder)
{
    uint8_t flags, literal;
    bool good = take(decoder, &flags);

    for (unsigned i = 0; good && i < 8 && decoder->made < decoder->size; i++) {
        if (flags & 1u << i) {
            good = take(decoder, &literal) && make(decoder, literal);
        } else {
            good = copy(decoder);
        }
    }
    return good;
}

bool netmf_decompress(const uint8_t *packed, size_t packed_size, size_t offset, uint8_t *bytes, size_t size,
                      struct problem *problem)
{
    struct decoder decoder = {.packed = packed, .packed_size = packed_size, .offset = offset, .bytes = bytes,
                              .size = size, .problem = problem};

    memset(decoder.window, ' ', sizeof decoder.window);
    while (decoder.made < size) {
        if (!decode_group(&decoder)) {
            return false;
        }
    }
    return decoder.taken == packed_size ||
           problem_set(problem, PROBLEM_USE,
                       "offset 0x%zX: compressed data go on after all %zu bytes: the file is damaged",
                       offset + decoder.taken, size);
}

/// Blocks ///

#define HEADER_SIZE 12u
#define ALIGNMENT 4u

struct block {
    uint32_t destination, packed_size, size;
};

static bool read_header(const uint8_t *bytes, size_t left, struct block *block, struct problem *problem)
{
    if (left < HEADER_SIZE) {
        return problem_set(problem, PROBLEM_USE,
                           "%zu bytes are left, a block's header has %u: the file was cut off, or "
                           "something was appended to it",
                           left, HEADER_SIZE);
    }
    *block = (struct block){mh_get32(bytes), mh_get32(bytes + 4), mh_get32(bytes + 8)};
    if (block->size == 0) {
        return problem_set(problem, PROBLEM_USE, "it says that it has no bytes (uncompressed length 0): the file is "
                           "damaged");
    }
    if (block->packed_size > left - HEADER_SIZE) {
        return problem_set(problem, PROBLEM_USE,
                           "its compressed length is %" PRIu32 ", and %zu bytes are left: the file was cut off",
                           block->packed_size, left - HEADER_SIZE);
    }
    return true;
}

static bool put_block(const struct block *block, const uint8_t *packed, size_t offset, struct memory *memory,
                      struct problem *problem)
{
    if (!memory_takes(memory, block->destination, block->size, problem)) {
        return false; /* before so much is allocated */
    }
    uint8_t *bytes = malloc(block->size);
    if (!bytes) {
        return problem_set(problem, PROBLEM_BENCH, "no memory for %" PRIu32 " bytes", block->size);
    }
    const bool good = netmf_decompress(packed, block->packed_size, offset, bytes, block->size, problem) &&
                      memory_put(memory, block->destination, bytes, block->size, problem);
    free(bytes);
    return good;
}

/* Moves behind the zeros that follow a block up to a multiple of 4; at the end of the file they may be missing. */
static bool skip_padding(const uint8_t *bytes, size_t size, size_t *at, struct problem *problem)
{
    for (; *at % ALIGNMENT != 0 && *at < size; ++*at) {
        if (bytes[*at] != 0) {
            return problem_set(problem, PROBLEM_USE, "offset 0x%zX has 0x%02X where zeros fill up to a multiple of %u: "
                               "the file is damaged", *at, bytes[*at], ALIGNMENT);
        }
    }
    return true;
}

bool netmf_read(const uint8_t *bytes, size_t size, struct memory *memory, struct problem *problem)
{
    size_t at = 0;

    do {
        struct block block = {0};
        const size_t data = at + HEADER_SIZE;
        if (!read_header(bytes + at, size - at, &block, problem) ||
            !put_block(&block, bytes + data, data, memory, problem)) {
            char where[40];
            snprintf(where, sizeof where, "block at offset 0x%zX", at);
            return problem_place(problem, where);
        }
        at = data + block.packed_size;
        if (!skip_padding(bytes, size, &at, problem)) {
            return false;
        }
    } while (at < size);
    return true;
}
