/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The touched map: which bytes were read, fetched or programmed before they were erased. The map is rail.h's.
 *
 * Reads of the internal flash by the core are seen in three places:
 *
 *  - Its TLB is filled for a page of 1 KB before the first access to it; a reset, hence each power-on, empties it. When
 *    it is filled for a fetch, the whole page is touched. When it is filled for data, the page is *watched*: the entry
 *    is not valid for fetches, so that the first one fills it again, and is marked as if a debugger watched reads.
 *  - Reads that such a mark sends to QEMU's check of watchpoints say there where they are and how long.
 *  - Exception vectors and what an exception pops are read past the TLB. An IOMMU region in front of the flash is asked
 *    then.
 *
 * A page of which nothing can be touched any more, since all of it is or it was erased, is not watched: accesses to it
 * cost what they always do.
 */
#include "mcu.h"
#include "cpu.h"
#include "exec/address-spaces.h"
#include "exec/cpu_ldst.h"
#include "hw/core/cpu.h"
#include "hw/core/tcg-cpu-ops.h"

#define TYPE_WATCH "matterhorn-flash-watch"
#define SECTOR 4096u
#define MAP_SECTOR (SECTOR / 8)
#define PAGE RAIL_TOUCHED_PAGE /* of the core's TLB too */
#define MAP_PAGE (PAGE / 8)
#define MAIN_BASE 0x08000000u
/* A page that was read so often where it was touched already counts as a whole: a table of constants, each read of
 * which would go the long way in each recovery. */
#define REPEATS 4096u

static void touch(Mcu *mcu, uint32_t bit)
{
    mcu->touch.map[bit / 8] |= 1u << bit % 8;
}

void touch_internal(Mcu *mcu, uint32_t offset, uint32_t length)
{
    Touch *state = &mcu->touch;
    for (uint32_t at = offset; state->map != NULL && at < offset + length; at++) {
        if (test_bit(at / PAGE, state->erased_pages))
            continue;
        set_bit(at / PAGE, state->used_pages);
        touch(mcu, 8 * RAIL_TOUCHED_INTERNAL + at);
    }
}

/* Where the core, or DMA, finds the internal flash; false: this is something else. */
static bool in_flash(hwaddr address, uint32_t *offset)
{
    hwaddr at = address < RAIL_INTERNAL_SIZE ? address : address - MAIN_BASE;
    *offset = at;
    return at < RAIL_INTERNAL_SIZE;
}

void touch_address(Mcu *mcu, hwaddr address, uint32_t length)
{
    uint32_t offset;
    if (in_flash(address, &offset))
        touch_internal(mcu, offset, MIN(length, RAIL_INTERNAL_SIZE - offset));
}

/* Inside one sector. */
static void touch_sector(Mcu *mcu, uint32_t offset, uint32_t length)
{
    Touch *state = &mcu->touch;
    uint32_t bit = 8 * RAIL_TOUCHED_NOR + offset, end = bit + length;
    if (test_bit(offset / SECTOR, state->erased_sectors))
        return;
    set_bit(offset / SECTOR, state->used_sectors);
    for (; bit < end && bit % 8 != 0; bit++)
        touch(mcu, bit);
    memset(state->map + bit / 8, 0xFF, (end - bit) / 8);
    for (bit += (end - bit) / 8 * 8; bit < end; bit++)
        touch(mcu, bit);
}

void touch_nor(Mcu *mcu, uint32_t offset, uint32_t length)
{
    if (mcu->touch.map == NULL)
        return;
    for (uint32_t part; length > 0; offset += part, length -= part) {
        part = MIN(length, SECTOR - offset % SECTOR);
        touch_sector(mcu, offset, part);
    }
}

/* Programming 0xFF does nothing to a cell, whatever it holds. */
void touch_programmed(Mcu *mcu, const struct nor_array *array, const struct nor_op *op)
{
    for (uint32_t i = 0; op->kind == NOR_PROGRAM && mcu->touch.map != NULL && i < op->length; i++) {
        if (op->data[i] == 0xFF)
            continue;
        if (array == &mcu->flash.array)
            touch_internal(mcu, op->offset + i, 1);
        else if (array == &mcu->nor.array)
            touch_nor(mcu, op->offset + i, 1);
    }
}

void touch_erased(Mcu *mcu, const struct nor_array *array, const struct nor_op *op)
{
    Touch *state = &mcu->touch;
    if (op->kind != NOR_ERASE || state->map == NULL)
        return;
    if (array == &mcu->flash.array)
        bitmap_set(state->erased_pages, op->offset / PAGE, op->length / PAGE);
    else if (array == &mcu->nor.array)
        bitmap_set(state->erased_sectors, op->offset / SECTOR, op->length / SECTOR);
}

/* Empties those pieces of the map that were used. */
static void clear(uint8_t *map, unsigned long *used, unsigned long pieces, size_t size)
{
    for (unsigned long at = find_first_bit(used, pieces); at < pieces; at = find_next_bit(used, pieces, at + 1))
        memset(map + at * size, 0, size);
    bitmap_zero(used, pieces);
}

void touch_clear(Mcu *mcu)
{
    Touch *state = &mcu->touch;
    clear(state->map + RAIL_TOUCHED_INTERNAL, state->used_pages, RAIL_INTERNAL_SIZE / PAGE, MAP_PAGE);
    clear(state->map + RAIL_TOUCHED_NOR, state->used_sectors, RAIL_NOR_SIZE / SECTOR, MAP_SECTOR);
    memset(state->repeats, 0, sizeof(state->repeats));
    bitmap_zero(state->erased_pages, RAIL_INTERNAL_SIZE / PAGE);
    bitmap_zero(state->erased_sectors, RAIL_NOR_SIZE / SECTOR);
}

/// Reads by the core, through its TLB ///

static struct {
    Mcu *mcu;
    const struct TCGCPUOps *core; /* what QEMU does for each of these */
    struct TCGCPUOps ops;
} watch;

/* Nothing of the page can be touched any more. */
static bool settled(const Touch *state, uint32_t page)
{
    const uint8_t *map = state->map + RAIL_TOUCHED_INTERNAL + page * MAP_PAGE;
    return test_bit(page, state->erased_pages) || bitmap_full((const unsigned long *)map, PAGE);
}

static bool fill(CPUState *cpu, vaddr address, int size, MMUAccessType access, int mmu_index, bool probe, uintptr_t ra)
{
    uint32_t offset;
    if (!watch.core->tlb_fill(cpu, address, size, access, mmu_index, probe, ra))
        return false;
    if (!in_flash(address, &offset))
        return true;
    if (access == MMU_INST_FETCH)
        touch_internal(watch.mcu, offset & ~(PAGE - 1), PAGE);
    if (settled(&watch.mcu->touch, offset / PAGE))
        return true;
    CPUTLBEntry *entry = tlb_entry(cpu->env_ptr, mmu_index, address);
    entry->addr_code = -1;
    entry->addr_read |= TLB_WATCHPOINT;
    return true;
}

/* Makes reads of a page cost what they always do, unless a debugger might watch it. */
static void unwatch(CPUState *cpu, vaddr address)
{
    for (int index = 0; index < NB_MMU_MODES && QTAILQ_EMPTY(&cpu->watchpoints); index++) {
        CPUTLBEntry *entry = tlb_entry(cpu->env_ptr, index, address);
        if (tlb_hit(entry->addr_read, address))
            entry->addr_read &= ~(target_ulong)TLB_WATCHPOINT;
    }
}

/* A read that waits for the end of an operation may be seen twice, which must not count. */
static bool too_often(Mcu *mcu, uint32_t offset)
{
    Touch *state = &mcu->touch;
    bool again = state->map[RAIL_TOUCHED_INTERNAL + offset / 8] >> offset % 8 & 1;
    return again && memory_region_is_romd(&mcu->flash.main) && ++state->repeats[offset / PAGE] >= REPEATS;
}

/* QEMU asks, before it looks for watchpoints in what is about to be accessed. */
static vaddr see(CPUState *cpu, vaddr address, int length)
{
    Mcu *mcu = watch.mcu;
    uint32_t offset;
    if (in_flash(address, &offset)) {
        if (too_often(mcu, offset))
            touch_internal(mcu, offset & ~(PAGE - 1), PAGE);
        touch_internal(mcu, offset, length);
        if (settled(&mcu->touch, offset / PAGE))
            unwatch(cpu, address);
    }
    return watch.core->adjust_watchpoint_address(cpu, address, length);
}

void touch_connect(Mcu *mcu)
{
    if (mcu->touch.map == NULL)
        return;
    g_assert(TARGET_PAGE_SIZE == PAGE);
    watch.mcu = mcu;
    watch.core = mcu->cpu->cc->tcg_ops;
    watch.ops = *watch.core;
    watch.ops.tlb_fill = fill;
    watch.ops.adjust_watchpoint_address = see;
    mcu->cpu->cc->tcg_ops = &watch.ops;
}

/// Reads by the core, past its TLB ///

/* DMA asks without attributes, and says itself what it touches. Unless the core runs, a debugger or the bench reads. */
enum { BY_CORE, BY_DEVICE, INDEXES };

static bool read_by_core(Mcu *mcu, IOMMUAccessFlags access, int index)
{
    bool runs = current_cpu != NULL && current_cpu == mcu->cpu && mcu->cpu->running;
    return index == BY_CORE && access == IOMMU_RO && runs;
}

static IOMMUTLBEntry translate(IOMMUMemoryRegion *region, hwaddr offset, IOMMUAccessFlags access, int index)
{
    Mcu *mcu = container_of(region, Mcu, touch.region);
    hwaddr page = offset & ~(hwaddr)(PAGE - 1);
    if (read_by_core(mcu, access, index))
        touch_internal(mcu, offset, sizeof(uint32_t)); /* vectors and stacks consist of words */
    return (IOMMUTLBEntry){
        .target_as = first_cpu != NULL ? cpu_get_address_space(first_cpu, 0) : &address_space_memory,
        .iova = page,
        .translated_addr = mcu->flash.main.addr + page,
        .addr_mask = PAGE - 1,
        .perm = IOMMU_RW,
    };
}

static int index_of(IOMMUMemoryRegion *region, MemTxAttrs attrs)
{
    return attrs.unspecified ? BY_DEVICE : BY_CORE;
}

static int indexes(IOMMUMemoryRegion *region)
{
    return INDEXES;
}

static void watch_class_init(ObjectClass *class, void *data)
{
    IOMMUMemoryRegionClass *iommu = IOMMU_MEMORY_REGION_CLASS(class);
    iommu->translate = translate;
    iommu->attrs_to_index = index_of;
    iommu->num_indexes = indexes;
}

static const TypeInfo watch_types[] = {
    {.name = TYPE_WATCH, .parent = TYPE_IOMMU_MEMORY_REGION, .class_init = watch_class_init},
};

DEFINE_TYPES(watch_types)

void touch_map_internal(Mcu *mcu, hwaddr base)
{
    Touch *state = &mcu->touch;
    Object *owner = OBJECT(mcu->machine);
    memory_region_init_iommu(&state->region, sizeof(state->region), TYPE_WATCH, owner, "watched-flash",
                             RAIL_INTERNAL_SIZE);
    MemoryRegion *region = MEMORY_REGION(&state->region);
    memory_region_init_alias(&state->alias, owner, "watched-flash-at-0", region, 0, RAIL_INTERNAL_SIZE);
    memory_region_add_subregion(get_system_memory(), base, region);
    memory_region_add_subregion(get_system_memory(), 0, &state->alias);
}

void touch_open(Mcu *mcu, const char *path)
{
    if (path == NULL)
        return;
    mcu->touch.map = shared_file("touched", path, RAIL_TOUCHED_SIZE);
}

void touch_empty(Mcu *mcu)
{
    if (mcu->touch.map != NULL)
        memset(mcu->touch.map, 0, RAIL_TOUCHED_SIZE);
}
