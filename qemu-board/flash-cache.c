/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The caches of the flash interface, for firmware that erases and does not reset them: RM0090 Rev 21 sections 3.5.2,
 * 3.6.4. Reads are free and unseen, so what a cache holds is an assumption: right before an erase, the core has read the
 * beginning of what is erased, as much as fits. From then on every read comes here, until no line differs from the
 * cells any more.
 */
#include "mcu.h"

#define LINE ((uint32_t)sizeof(((CacheLine *)NULL)->bytes))
enum { DATA_LINES = 8, INSTRUCTION_LINES = 64 };

static CacheLine *find(FlashCache *cache, uint32_t offset)
{
    for (unsigned i = 0; i < cache->count; i++)
        if (cache->lines[i].offset == offset)
            return &cache->lines[i];
    return NULL;
}

/* The line at `offset`, which becomes the last one; the first one, least recently used, makes room for it. */
static CacheLine *use(FlashCache *cache, unsigned capacity, const uint8_t *cells, uint32_t offset)
{
    CacheLine line = {.offset = offset};
    CacheLine *leaves = find(cache, offset);
    if (leaves != NULL)
        line = *leaves;
    else
        memcpy(line.bytes, cells + offset, LINE);
    if (leaves == NULL && cache->count == capacity)
        leaves = cache->lines;
    if (leaves != NULL) {
        cache->count--;
        memmove(leaves, leaves + 1, (uint8_t *)(cache->lines + cache->count) - (uint8_t *)leaves);
    }
    cache->lines[cache->count] = line;
    return &cache->lines[cache->count++];
}

static bool differs(const FlashCache *cache, const uint8_t *cells)
{
    for (unsigned i = 0; i < cache->count; i++)
        if (memcmp(cache->lines[i].bytes, cells + cache->lines[i].offset, LINE) != 0)
            return true;
    return false;
}

bool flash_cache_stale(Flash *flash)
{
    if (differs(&flash->data_cache, flash->array.cells) || differs(&flash->instruction_cache, flash->array.cells))
        return true;
    flash->data_cache.count = flash->instruction_cache.count = 0; /* nobody could tell */
    return false;
}

/* A store changes what the data cache holds, but not the instruction cache. */
static void store(Flash *flash, const struct nor_op *op)
{
    for (uint32_t i = 0; i < op->length; i++) {
        CacheLine *line = find(&flash->data_cache, (op->offset + i) / LINE * LINE);
        if (line != NULL)
            line->bytes[(op->offset + i) % LINE] = op->data[i];
    }
}

void flash_cache_starts(Flash *flash, const struct nor_op *op)
{
    const uint8_t *cells = flash->array.cells;
    if (!flash->stale_cache && !flash->stale_fault)
        return;
    if (op->kind == NOR_PROGRAM) {
        store(flash, op);
        return;
    }
    for (uint32_t n = 0; n < DATA_LINES && (flash->acr & FLASH_ACR_DCEN); n++)
        use(&flash->data_cache, DATA_LINES, cells, op->offset + n * LINE);
    for (uint32_t n = 0; n < INSTRUCTION_LINES && (flash->acr & FLASH_ACR_ICEN); n++)
        use(&flash->instruction_cache, INSTRUCTION_LINES, cells, op->offset + n * LINE);
}

uint64_t flash_cache_read(Flash *flash, uint32_t offset, unsigned size, bool fetch)
{
    uint32_t enabled = fetch ? FLASH_ACR_ICEN : FLASH_ACR_DCEN;
    FlashCache *cache = fetch ? &flash->instruction_cache : &flash->data_cache;
    if (!(flash->stale_cache || flash->stale_fault) || !(flash->acr & enabled))
        return ldn_le_p(flash->array.cells + offset, size);
    CacheLine *line = use(cache, fetch ? INSTRUCTION_LINES : DATA_LINES, flash->array.cells, offset / LINE * LINE);
    return ldn_le_p(line->bytes + offset % LINE, size);
}
