/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The peripherals that are not modelled: registers read back what was written, each peripheral is named once in the
 * log (-d unimp), nothing happens.
 */
#include "mcu.h"
#include "exec/address-spaces.h"

#define BASE 0x40000000u
#define SIZE 0x20000000u

static uint32_t stored(Plain *plain, uint32_t address)
{
    gpointer word;
    if (g_hash_table_lookup_extended(plain->words, GUINT_TO_POINTER(address), NULL, &word))
        return GPOINTER_TO_UINT(word);
    return 0;
}

/* A debugger's look is no use. */
static void log_once(Plain *plain, uint32_t address)
{
    gpointer peripheral = GUINT_TO_POINTER(address & ~0x3FFu);
    if (current_cpu != NULL && g_hash_table_add(plain->logged, peripheral))
        qemu_log_mask(LOG_UNIMP, "peripheral at 0x%08x is not modelled\n", address & ~0x3FFu);
}

static uint64_t plain_read(void *opaque, hwaddr offset, unsigned size)
{
    Plain *plain = opaque;
    uint32_t address = (BASE + offset) & ~3u;
    log_once(plain, address);
    uint32_t value = stored(plain, address);
    return value >> 8 * (offset & 3);
}

static void plain_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Plain *plain = opaque;
    uint32_t address = (BASE + offset) & ~3u;
    unsigned shift = 8 * (offset & 3);
    uint32_t mask = (uint32_t)(MAKE_64BIT_MASK(0, 8 * size) << shift);
    log_once(plain, address);
    uint32_t word = (stored(plain, address) & ~mask) | ((uint32_t)(value << shift) & mask);
    g_hash_table_insert(plain->words, GUINT_TO_POINTER(address), GUINT_TO_POINTER(word));
}

MCU_REGISTER_OPS(plain_ops, plain_read, plain_write);

void plain_reset(Mcu *mcu)
{
    g_hash_table_remove_all(mcu->plain.words);
}

void plain_init(Mcu *mcu)
{
    Plain *plain = &mcu->plain;
    plain->words = g_hash_table_new(NULL, NULL);
    plain->logged = g_hash_table_new(NULL, NULL);
    memory_region_init_io(&plain->mmio, OBJECT(mcu->machine), &plain_ops, plain, "unmodelled", SIZE);
    memory_region_add_subregion_overlap(get_system_memory(), BASE, &plain->mmio, -1000);
}
