/* SPDX-License-Identifier: MIT */
#include "bytes.h"

#include "arrays.h"

#include <stdlib.h>

static size_t words(enum array array)
{
    return (size_t)arrays_pages(array) * BYTES_PAGE_WORDS;
}

void bytes_free(struct bytes *bytes)
{
    for (enum array array = 0; array < ARRAYS; array++) {
        free(bytes->bits[array]);
        bytes->bits[array] = NULL;
    }
}

bool bytes_allocate(struct bytes *bytes, struct problem *problem)
{
    *bytes = (struct bytes){{NULL}};
    for (enum array array = 0; array < ARRAYS; array++) {
        bytes->bits[array] = calloc(words(array), sizeof(uint64_t));
        if (bytes->bits[array] == NULL) {
            bytes_free(bytes);
            return problem_set(problem, PROBLEM_BENCH, "no memory for sets of bytes");
        }
    }
    return true;
}

void bytes_add(struct bytes *bytes, enum array array, uint32_t offset, uint32_t size)
{
    for (uint32_t at = offset; at < offset + size; at++)
        bytes->bits[array][at / 64] |= UINT64_C(1) << (at % 64);
}

void bytes_add_all(struct bytes *bytes, const struct bytes *others)
{
    for (enum array array = 0; array < ARRAYS; array++)
        for (size_t word = 0; word < words(array); word++)
            bytes->bits[array][word] |= others->bits[array][word];
}

bool bytes_have(const struct bytes *bytes, enum array array, uint32_t offset)
{
    return (bytes->bits[array][offset / 64] >> (offset % 64) & 1) != 0;
}

bool bytes_have_any(const struct bytes *bytes, enum array array, uint32_t offset, uint32_t size)
{
    for (uint32_t at = offset; at < offset + size;) {
        if (at % 64 == 0 && bytes->bits[array][at / 64] == 0)
            at += 64;
        else if (bytes_have(bytes, array, at))
            return true;
        else
            at++;
    }
    return false;
}

size_t bytes_count(const struct bytes *bytes)
{
    size_t count = 0;
    for (enum array array = 0; array < ARRAYS; array++)
        for (size_t word = 0; word < words(array); word++)
            count += (size_t)__builtin_popcountll(bytes->bits[array][word]);
    return count;
}
