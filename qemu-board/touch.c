/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The touched map: which bytes were read, fetched or programmed before they were erased. The map is rail.h's.
 *
 * The internal flash is watched through an IOMMU region in front of it, which is asked once per page whenever the
 * core's TLB is filled; afterwards accesses cost what they always do. A reset, hence each power-on, empties that TLB.
 */
#include "mcu.h"
#include "exec/address-spaces.h"
#include "hw/core/cpu.h"

#define TYPE_WATCH "matterhorn-flash-watch"
#define SECTOR 4096u
#define MAP_SECTOR (SECTOR / 8)

#define MAIN_BASE 0x08000000u

static void touch(Mcu *mcu, uint32_t bit)
{
    mcu->touch.map[bit / 8] |= 1u << bit % 8;
}

void touch_internal(Mcu *mcu, uint32_t offset, uint32_t length)
{
    Touch *state = &mcu->touch;
    if (state->map == NULL || length == 0)
        return;
    for (uint32_t page = offset / RAIL_TOUCHED_PAGE; page <= (offset + length - 1) / RAIL_TOUCHED_PAGE; page++)
        if (!test_bit(page, state->erased_pages))
            touch(mcu, 8 * RAIL_TOUCHED_INTERNAL + page);
}

void touch_address(Mcu *mcu, hwaddr address, uint32_t length)
{
    hwaddr offset = address < RAIL_INTERNAL_SIZE ? address : address - MAIN_BASE;
    if (offset < RAIL_INTERNAL_SIZE)
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
        bitmap_set(state->erased_pages, op->offset / RAIL_TOUCHED_PAGE, op->length / RAIL_TOUCHED_PAGE);
    else if (array == &mcu->nor.array)
        bitmap_set(state->erased_sectors, op->offset / SECTOR, op->length / SECTOR);
}

void touch_clear(Mcu *mcu)
{
    Touch *state = &mcu->touch;
    unsigned long sectors = RAIL_NOR_SIZE / SECTOR;
    memset(state->map + RAIL_TOUCHED_INTERNAL, 0, RAIL_TOUCHED_NOR - RAIL_TOUCHED_INTERNAL);
    for (unsigned long sector = find_first_bit(state->used_sectors, sectors); sector < sectors;
         sector = find_next_bit(state->used_sectors, sectors, sector + 1))
        memset(state->map + RAIL_TOUCHED_NOR + sector * MAP_SECTOR, 0, MAP_SECTOR);
    bitmap_zero(state->used_sectors, sectors);
    bitmap_zero(state->erased_sectors, sectors);
    bitmap_zero(state->erased_pages, RAIL_INTERNAL_SIZE / RAIL_TOUCHED_PAGE);
}

/// The internal flash ///

/* IOMMU_NONE is the core's TLB. Exception vectors are fetched past it, while the core runs; everybody else is a
 * debugger, the bench, or a device, which says so itself. */
static bool asked_by_core(Mcu *mcu, IOMMUAccessFlags access)
{
    return access == IOMMU_NONE || (current_cpu != NULL && current_cpu == mcu->cpu && mcu->cpu->running);
}

static IOMMUTLBEntry translate(IOMMUMemoryRegion *region, hwaddr offset, IOMMUAccessFlags access, int index)
{
    Mcu *mcu = container_of(region, Mcu, touch.region);
    hwaddr page = offset & ~(hwaddr)(RAIL_TOUCHED_PAGE - 1);
    if (asked_by_core(mcu, access))
        touch_internal(mcu, offset, 1);
    return (IOMMUTLBEntry){
        .target_as = first_cpu != NULL ? cpu_get_address_space(first_cpu, 0) : &address_space_memory,
        .iova = page,
        .translated_addr = mcu->flash.main.addr + page,
        .addr_mask = RAIL_TOUCHED_PAGE - 1,
        .perm = IOMMU_RW,
    };
}

static int index_of(IOMMUMemoryRegion *region, MemTxAttrs attrs)
{
    return 0;
}

static int indexes(IOMMUMemoryRegion *region)
{
    return 1;
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
