/* SPDX-License-Identifier: MIT */
#include "checks.h"

#include <lz4.h>
#include <stdint.h>
#include <string.h>

#define LENGTH 2048

static char packed[LZ4_COMPRESSBOUND(LENGTH)], plain[LENGTH];

/* What there is to compress. */
static const char *own_code(void)
{
    return (const char *)((uintptr_t)own_code & ~(uintptr_t)1);
}

bool lz4_works(void)
{
    static LZ4_stream_t state;
    const int size = LZ4_compress_fast_extState(&state, own_code(), packed, LENGTH, sizeof packed, 1);

    return size > 0 && LZ4_decompress_safe(packed, plain, size, sizeof plain) == LENGTH &&
           memcmp(plain, own_code(), LENGTH) == 0;
}

bool lz4_in_parts_works(void)
{
    int taken = LENGTH;
    const int size = LZ4_compress_destSize(own_code(), packed, &taken, LENGTH / 4);

    return size > 0 && size <= LENGTH / 4 && taken >= size &&
           LZ4_decompress_safe_partial(packed, plain, size, taken / 2, sizeof plain) == taken / 2 &&
           memcmp(plain, own_code(), (size_t)taken / 2) == 0;
}
