/* SPDX-License-Identifier: MIT
 *
 * Decodes chunks with the decoders of the firmware, on bare metal at reset's 16 MHz, and says how long each codec
 * took. From 0x08020000 on stand the number of chunks, and for each its codec, stored length, plain length and offset
 * from there.
 */
#include "../device/bare.h"

#include "matterhorn/lzma.h"
#include "matterhorn/manifest.h"

#include <lz4.h>
#include <stddef.h>

enum { COUNT, FIRST, CODEC = 0, STORED, PLAIN, OFFSET, WORDS };

static uint8_t plain[MH_CHUNK_SIZE];
static uint32_t work[MH_LZMA_WORK / sizeof(uint32_t)];

static bool decode(const uint32_t *chunk)
{
    const uint8_t *from = (const uint8_t *)TEST + chunk[OFFSET];

    if (chunk[CODEC] == MH_CODEC_LZMA) {
        return mh_lzma_decode(from, chunk[STORED], plain, chunk[PLAIN], work) == MH_OK;
    }
    const int length = (int)chunk[PLAIN];
    return LZ4_decompress_safe((const char *)from, (char *)plain, (int)chunk[STORED], length) == length;
}

static uint32_t sum(uint32_t length)
{
    uint32_t result = 0;

    for (uint32_t i = 0; i < length; i++) {
        result = result * 31 + plain[i];
    }
    return result;
}

static void start(void)
{
    uint32_t cycles[3] = {0}, sums[3] = {0}, bad = 0;

    set_up_memory();
    set_up_cycles();
    REG(RCC + 0x44) |= 1u << 4;
    REG(USART1 + 8) = 16000000 / 115200;
    REG(USART1 + 12) = 1u << 13 | 1u << 3;
    const uint32_t *const chunks = (const uint32_t *)TEST;
    for (uint32_t i = 0; i < chunks[COUNT]; i++) {
        const uint32_t *chunk = chunks + FIRST + i * WORDS;
        const uint32_t before = CYCLES;
        bad += !decode(chunk);
        cycles[chunk[CODEC]] += CYCLES - before;
        sums[chunk[CODEC]] += sum(chunk[PLAIN]);
    }
    print("bad", bad);
    print("lz4", cycles[MH_CODEC_LZ4]);
    print("lzma", cycles[MH_CODEC_LZMA]);
    print("lz4-sum", sums[MH_CODEC_LZ4]);
    print("lzma-sum", sums[MH_CODEC_LZMA]);
    for (;;) {
        WFI();
    }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {(void *)0x20010000, start};
