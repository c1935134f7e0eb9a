/* SPDX-License-Identifier: MIT */
#include "lzma_encoder.h"

#include "matterhorn/lzma.h"
#include "matterhorn/manifest.h"

#include <lzma.h>

uint32_t lzma_encode(const uint8_t *plain, uint32_t length, uint8_t *to, uint32_t room)
{
    lzma_options_lzma options;
    size_t size = 0;

    if (lzma_lzma_preset(&options, 9 | LZMA_PRESET_EXTREME)) {
        return 0;
    }
    options.dict_size = MH_CHUNK_SIZE;
    options.lc = MH_LZMA_LC;
    options.lp = MH_LZMA_LP;
    options.pb = MH_LZMA_PB;
    options.ext_flags = 0; /* no end marker */
    lzma_set_ext_size(options, length);
    const lzma_filter filters[] = {{LZMA_FILTER_LZMA1EXT, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    return lzma_raw_buffer_encode(filters, NULL, plain, length, to, &size, room) == LZMA_OK ? (uint32_t)size : 0;
}
