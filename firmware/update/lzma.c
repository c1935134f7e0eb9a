/* SPDX-License-Identifier: MIT */
#include "matterhorn/lzma.h"

#include <LzmaDec.h>

const bool mh_lzma_built_in = true;

/* The library allocates its probabilities once in each call. They are in the caller's memory. */
struct memory {
    ISzAlloc functions; /* first: the library gives a pointer to them */
    uint32_t *work;
};

static void *take(void *memory, size_t size)
{
    return size <= MH_LZMA_WORK ? ((struct memory *)memory)->work : NULL;
}

static void give_back(void *memory, void *address)
{
    (void)memory;
    (void)address;
}

enum mh_error mh_lzma_decode(const uint8_t *from, uint32_t stored, uint8_t *to, uint32_t length,
                             uint32_t work[MH_LZMA_WORK / sizeof(uint32_t)])
{
    /* As the head of an .lzma file has them; the dictionary is never larger than what was decoded, so its size does
     * not matter. */
    static const uint8_t properties[LZMA_PROPS_SIZE] = {(MH_LZMA_PB * 5 + MH_LZMA_LP) * 9 + MH_LZMA_LC};
    struct memory memory = {{take, give_back}, work};
    SizeT made = length, used = stored;
    ELzmaStatus status;
    const SRes result = LzmaDecode(to, &made, from, &used, properties, sizeof properties, LZMA_FINISH_END, &status,
                                   &memory.functions);

    return result == SZ_OK && made == length && used == stored && status == LZMA_STATUS_MAYBE_FINISHED_WITHOUT_MARK
               ? MH_OK
               : MH_ERR_CHUNK;
}
