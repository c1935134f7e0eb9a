/* SPDX-License-Identifier: MIT
 *
 * What all targets share that take their input apart.
 */
#ifndef MATTERHORN_FUZZ_TARGET_H
#define MATTERHORN_FUZZ_TARGET_H

#include "matterhorn/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold: when it does not, that is a finding. */
#define demand(holds) ((holds) ? (void)0 : demand_failed(__FILE__, __LINE__, #holds))

static inline _Noreturn void demand_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
    abort();
}

/* What is left of an input. */
struct input {
    const uint8_t *bytes;
    size_t left;
};

/* Takes the next bytes of the input. Where they are not all there: up to 4 zeros, and nothing is left. */
static inline const uint8_t *take(struct input *input, size_t count)
{
    static const uint8_t nothing[4];
    const uint8_t *taken = input->bytes;

    if (input->left < count) {
        input->left = 0;
        return nothing;
    }
    input->bytes += count;
    input->left -= count;
    return taken;
}

static inline unsigned take8(struct input *input)
{
    return *take(input, 1);
}

static inline unsigned take16(struct input *input)
{
    return mh_get16(take(input, 2));
}

static inline uint32_t take32(struct input *input)
{
    return mh_get32(take(input, 4));
}

/* The next `most` bytes, or as many as there are: *count. */
static inline const uint8_t *take_up_to(struct input *input, size_t most, size_t *count)
{
    *count = most < input->left ? most : input->left;
    return take(input, *count);
}

#endif
