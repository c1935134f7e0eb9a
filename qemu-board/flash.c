/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Embedded flash and its interface: RM0090 Rev 21 section 3. A ROM device: reads cost nothing, stores come here.
 * An operation started by code in the flash lasts as long as the store that started it; for code in RAM it runs on
 * its own and BSY tells.
 */
#include "mcu.h"
#include "exec/address-spaces.h"
#include "exec/exec-all.h"
#include "exec/ram_addr.h"
#include "qapi/error.h"

enum {
    FLASH_ACR = 0x00,
    FLASH_KEYR = 0x04,
    FLASH_OPTKEYR = 0x08,
    FLASH_SR = 0x0C,
    FLASH_CR = 0x10,
    FLASH_OPTCR = 0x14,
};

enum {
    SR_EOP = 1u << 0,
    SR_OPERR = 1u << 1,
    SR_WRPERR = 1u << 4,
    SR_PGAERR = 1u << 5,
    SR_PGPERR = 1u << 6,
    SR_PGSERR = 1u << 7,
    SR_FLAGS = 0xF3,
    SR_BSY = 1u << 16,
};

#define CR_PG (1u << 0)
#define CR_SER (1u << 1)
#define CR_MER (1u << 2)
#define CR_STRT (1u << 16)
#define CR_EOPIE (1u << 24)
#define CR_ERRIE (1u << 25)
#define CR_LOCK (1u << 31)
#define CR_STORED (0x37Fu | CR_EOPIE | CR_ERRIE)

#define OPTCR_OPTLOCK (1u << 0)
#define OPTCR_OPTSTRT (1u << 1)
#define OPTCR_STORED 0x0FFFFFECu

static const uint32_t keys[] = {0x45670123, 0xCDEF89AB};
static const uint32_t option_keys[] = {0x08192A3B, 0x4C5D6E7F};

#define MAIN_BASE 0x08000000u
/* Where the array is in QEMU's address space while its accesses are watched: beyond what the core can address. */
#define MAIN_BASE_WATCHED 0x100000000u
#define OTP_BLOCK 32u
/* No data sheet states it; as long as erasing the smallest sector. */
#define OPTIONS_NS (250 * SCALE_MS)

/// Operations ///

static void update_irq(Flash *flash)
{
    bool level = ((flash->sr & SR_EOP) && (flash->cr & CR_EOPIE)) ||
                 ((flash->sr & SR_OPERR) && (flash->cr & CR_ERRIE));
    qemu_set_irq(flash->irq, level);
}

static void error(Flash *flash, uint32_t flag, const char *text)
{
    qemu_log_mask(LOG_GUEST_ERROR, "FLASH: %s\n", text);
    flash->sr |= flag;
    if (flash->cr & CR_ERRIE)
        flash->sr |= SR_OPERR;
    update_irq(flash);
}

/* Code that was translated from these bytes is stale; both places of the array share it. */
static void flush(Flash *flash, const Operation *operation)
{
    if (operation->array == &flash->array)
        memory_region_flush_rom_device(&flash->main, operation->op.offset, operation->op.length);
}

static void tear_operation(Mcu *mcu, enum nor_tear tear)
{
    Flash *flash = &mcu->flash;
    if (!flash->operation.pending)
        return;
    operation_tear(mcu, &flash->operation, tear);
    flush(flash, &flash->operation);
}

static void finished(Flash *flash)
{
    if (timer_pending(flash->timer))
        timer_del(flash->timer);
    flash->cr &= ~CR_STRT;
    if (flash->cr & CR_EOPIE)
        flash->sr |= SR_EOP;
    update_irq(flash);
}

void flash_settle(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    if (operation_settle(mcu, &flash->operation)) {
        flush(flash, &flash->operation);
        finished(flash);
    }
    if (flash->options_end != 0 && time_now(mcu) >= flash->options_end) {
        flash->options_end = 0;
        memcpy(flash->options, flash->new_options, sizeof(flash->new_options));
        finished(flash);
    }
}

static bool busy(Flash *flash)
{
    return flash->operation.pending || flash->options_end != 0;
}

static int64_t end_of_operation(Flash *flash)
{
    return flash->operation.pending ? flash->operation.end : flash->options_end;
}

static void timer(void *opaque)
{
    flash_settle(opaque);
}

/* The bus stalls until the operation under way has ended; false when a reset comes first. */
static bool wait_idle(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    flash_settle(mcu);
    if (!busy(flash))
        return true;
    time_stall_until(mcu, end_of_operation(flash));
    flash_settle(mcu);
    if (!busy(flash))
        return true;
    if (mcu->cpu->stop && mcu->rail.reason == NULL)
        return false;
    /* A pause interrupts the stall, which is made up for before the core goes on: the end may come early. */
    tear_operation(mcu, NOR_TEAR_AFTER);
    if (flash->options_end != 0)
        memcpy(flash->options, flash->new_options, sizeof(flash->new_options));
    flash->options_end = 0;
    finished(flash);
    return true;
}

static bool in_flash(uint32_t pc)
{
    return pc < RAIL_INTERNAL_SIZE || pc - MAIN_BASE < RAIL_INTERNAL_SIZE;
}

/* The core at `pc` has started an operation. */
static void started(Mcu *mcu, uint32_t pc)
{
    Flash *flash = &mcu->flash;
    if (in_flash(pc)) {
        time_stall_until(mcu, end_of_operation(flash));
        flash_settle(mcu);
    }
    if (busy(flash))
        timer_mod(flash->timer, time_to_clock(mcu, end_of_operation(flash)));
}

static void start(Mcu *mcu, struct nor_array *array, const struct nor_op *op, uint32_t address)
{
    if (!nor_valid(array, op)) {
        error(&mcu->flash, SR_PGAERR, "operation crosses a row or the end of the array");
        return;
    }
    uint32_t pc = time_pc(mcu);
    if (operation_start(mcu, &mcu->flash.operation, array, op, RAIL_CHIP_INTERNAL, address, pc) == OPERATION_STARTED)
        started(mcu, pc);
}

static bool protected(Flash *flash, uint32_t first, uint32_t last)
{
    uint16_t writable = lduw_le_p(flash->options + 8);
    for (uint32_t sector = first; sector <= last; sector++)
        if (!(writable >> sector & 1))
            return true;
    return false;
}

void flash_store(Mcu *mcu, struct nor_array *array, uint32_t offset, uint32_t address, uint64_t value, unsigned size)
{
    Flash *flash = &mcu->flash;
    uint8_t data[4];
    if (!wait_idle(mcu))
        return;
    if (!(flash->cr & CR_PG)) {
        error(flash, SR_PGSERR, "store without PG");
        return;
    }
    if (size != 1u << extract32(flash->cr, 8, 2)) {
        error(flash, SR_PGPERR, "size of the store is not PSIZE");
        return;
    }
    if (array == &flash->array) {
        uint32_t sector = nor_sector_at(array->part, offset, NULL, NULL);
        if (protected(flash, sector, sector)) {
            error(flash, SR_WRPERR, "program in a write-protected sector");
            return;
        }
    } else if (offset < RAIL_OTP_LOCKS && flash->otp.cells[RAIL_OTP_LOCKS + offset / OTP_BLOCK] == 0) {
        error(flash, SR_WRPERR, "program in a locked OTP block");
        return;
    }
    stl_le_p(data, value);
    start(mcu, array, &(struct nor_op){.kind = NOR_PROGRAM, .offset = offset, .length = size, .data = data}, address);
}

static void erase(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    const struct nor_part *part = flash->array.part;
    uint32_t sector = extract32(flash->cr, 3, 4);
    uint32_t sectors = nor_sector_count(part);
    struct nor_op op = {.kind = NOR_ERASE, .offset = 0, .length = part->size};
    flash->cr &= ~CR_STRT;
    if (flash->cr & CR_MER) {
        if (protected(flash, 0, sectors - 1)) {
            error(flash, SR_WRPERR, "mass erase with write-protected sectors");
            return;
        }
    } else if (flash->cr & CR_SER) {
        if (sector >= sectors) {
            error(flash, SR_PGSERR, "erase of a sector that does not exist");
            return;
        }
        if (protected(flash, sector, sector)) {
            error(flash, SR_WRPERR, "erase of a write-protected sector");
            return;
        }
        op.length = 0;
        for (uint32_t number = 0; number <= sector; number++) {
            op.offset += op.length;
            nor_sector_at(part, op.offset, NULL, &op.length);
        }
    } else {
        qemu_log_mask(LOG_GUEST_ERROR, "FLASH: STRT with neither SER nor MER\n");
        return;
    }
    flash->cr |= CR_STRT;
    start(mcu, &flash->array, &op, MAIN_BASE + op.offset);
}

static void program_options(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    uint32_t optcr = flash->optcr;
    memset(flash->new_options, 0xFF, sizeof(flash->new_options));
    flash->new_options[0] = (optcr & 0xEC) | 0x13;
    flash->new_options[1] = optcr >> 8;
    stw_le_p(flash->new_options + 8, optcr >> 16 | 0xF000);
    flash->options_end = time_now(mcu) + OPTIONS_NS;
    if (operation_status(mcu, RAIL_CHIP_INTERNAL, FLASH_OPTIONS, flash->new_options,
                         sizeof(flash->new_options), OPTIONS_NS) == OPERATION_STARTED)
        started(mcu, time_pc(mcu));
}

/// Registers ///

static uint32_t register_value(Mcu *mcu, hwaddr offset)
{
    Flash *flash = &mcu->flash;
    switch (offset) {
    case FLASH_ACR:
        return flash->acr;
    case FLASH_SR: {
        flash_settle(mcu);
        uint32_t sr = flash->sr | (busy(flash) ? SR_BSY : 0);
        if (busy(flash))
            time_poll(mcu, &flash->poll, sr, end_of_operation(flash));
        return sr;
    }
    case FLASH_CR:
        flash_settle(mcu);
        return flash->cr;
    case FLASH_OPTCR:
        flash_settle(mcu);
        return flash->optcr | (flash->options_end != 0 ? OPTCR_OPTSTRT : 0);
    }
    return 0;
}

/* One more key; false: wrong, locked until reset. */
static bool accept_key(const uint32_t expected[2], unsigned *accepted, bool *locked, uint32_t key)
{
    if (*locked || key != expected[*accepted]) {
        *locked = true;
        return false;
    }
    ++*accepted;
    return true;
}

static MemTxResult flash_write(void *opaque, hwaddr offset, uint64_t value, unsigned size, MemTxAttrs attrs)
{
    Mcu *mcu = opaque;
    Flash *flash = &mcu->flash;
    switch (offset) {
    case FLASH_ACR:
        flash->acr = value & 0x1F07;
        break;
    case FLASH_KEYR:
        if (!(flash->cr & CR_LOCK))
            break;
        if (!accept_key(keys, &flash->key, &flash->locked, value)) {
            qemu_log_mask(LOG_GUEST_ERROR, "FLASH: wrong key, locked until reset\n");
            return MEMTX_ERROR;
        }
        if (flash->key == 2) {
            flash->key = 0;
            flash->cr &= ~CR_LOCK;
        }
        break;
    case FLASH_OPTKEYR:
        if (!(flash->optcr & OPTCR_OPTLOCK))
            break;
        if (!accept_key(option_keys, &flash->option_key, &flash->options_locked, value)) {
            qemu_log_mask(LOG_GUEST_ERROR, "FLASH: wrong option key, locked until reset\n");
            return MEMTX_ERROR;
        }
        if (flash->option_key == 2) {
            flash->option_key = 0;
            flash->optcr &= ~OPTCR_OPTLOCK;
        }
        break;
    case FLASH_SR:
        flash_settle(mcu);
        flash->sr &= ~(value & SR_FLAGS);
        update_irq(flash);
        break;
    case FLASH_CR:
        if (!wait_idle(mcu))
            break;
        if (flash->cr & CR_LOCK) {
            qemu_log_mask(LOG_GUEST_ERROR, "FLASH: CR written while locked\n");
            break;
        }
        flash->cr = value & (CR_STORED | CR_LOCK);
        update_irq(flash);
        if ((value & CR_STRT) && !(value & CR_LOCK))
            erase(mcu);
        break;
    case FLASH_OPTCR:
        if (!wait_idle(mcu))
            break;
        if (flash->optcr & OPTCR_OPTLOCK) {
            qemu_log_mask(LOG_GUEST_ERROR, "FLASH: OPTCR written while locked\n");
            break;
        }
        flash->optcr = value & (OPTCR_STORED | OPTCR_OPTLOCK);
        if (value & OPTCR_OPTSTRT)
            program_options(mcu);
        break;
    }
    return MEMTX_OK;
}

static MemTxResult flash_read(void *opaque, hwaddr offset, uint64_t *value, unsigned size, MemTxAttrs attrs)
{
    *value = register_value(opaque, offset & ~3) >> 8 * (offset & 3);
    return MEMTX_OK;
}

static const MemoryRegionOps flash_ops = {
    .read_with_attrs = flash_read,
    .write_with_attrs = flash_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {.min_access_size = 1, .max_access_size = 4},
    .impl = {.min_access_size = 1, .max_access_size = 4},
};

/// The main array ///

static uint64_t main_read(void *opaque, hwaddr offset, unsigned size)
{
    Mcu *mcu = opaque;
    return ldn_le_p(mcu->flash.array.cells + offset, size);
}

static void main_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Mcu *mcu = opaque;
    flash_store(mcu, &mcu->flash.array, offset, MAIN_BASE + offset, value, size);
}

MCU_REGISTER_OPS(main_ops, main_read, main_write);

/// Life ///

void flash_power_on(Mcu *mcu)
{
    struct nor_array *arrays[] = {&mcu->flash.array, &mcu->flash.otp};
    for (unsigned i = 0; i < ARRAY_SIZE(arrays); i++) {
        const struct nor_marks *marks = arrays[i]->marks;
        for (uint32_t n = 0; n < marks->count && marks->list[n].kind == NOR_WEAK; n++) {
            uint32_t offset = marks->list[n].offset;
            uint8_t byte = nor_read(arrays[i], offset, mcu->rail.noise);
            if (byte == arrays[i]->cells[offset])
                continue;
            arrays[i]->cells[offset] = byte;
            if (i == 0)
                flash_changed(mcu, offset, 1);
        }
    }
}

void flash_reset(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    flash_settle(mcu);
    tear_operation(mcu, nor_tear_named(RAIL_RESET_TEAR));
    flash->options_end = 0;
    timer_del(flash->timer);
    flash->acr = flash->sr = 0;
    flash->cr = CR_LOCK;
    flash->optcr = (lduw_le_p(flash->options + 8) & 0xFFFu) << 16 | flash->options[1] << 8 |
                   (flash->options[0] & 0xEC) | OPTCR_OPTLOCK;
    flash->key = flash->option_key = 0;
    flash->locked = flash->options_locked = false;
    flash->poll = (Poll){0};
    qemu_irq_lower(flash->irq);
}

void flash_power_off(Mcu *mcu, enum nor_tear tear)
{
    Flash *flash = &mcu->flash;
    flash_settle(mcu);
    tear_operation(mcu, tear);
    if (flash->options_end != 0 && tear == NOR_TEAR_AFTER)
        memcpy(flash->options, flash->new_options, sizeof(flash->new_options));
    flash->options_end = 0;
    timer_del(flash->timer);
}

void flash_changed(Mcu *mcu, uint32_t offset, uint32_t length)
{
    memory_region_flush_rom_device(&mcu->flash.main, offset, length);
}

/* A ROM device whose memory is the shared file. */
static void init_main(Mcu *mcu, uint8_t *cells)
{
    Flash *flash = &mcu->flash;
    memory_region_init_io(&flash->main, OBJECT(mcu->machine), &main_ops, mcu, "flash", RAIL_INTERNAL_SIZE);
    flash->main.ram_block = qemu_ram_alloc_from_ptr(RAIL_INTERNAL_SIZE, cells, &flash->main, &error_fatal);
    flash->main.rom_device = true;
    if (mcu->touch.map != NULL) {
        memory_region_add_subregion(get_system_memory(), MAIN_BASE_WATCHED, &flash->main);
        touch_map_internal(mcu, MAIN_BASE);
        return;
    }
    memory_region_init_alias(&flash->alias, OBJECT(mcu->machine), "flash-at-0", &flash->main, 0, RAIL_INTERNAL_SIZE);
    memory_region_add_subregion(get_system_memory(), MAIN_BASE, &flash->main);
    memory_region_add_subregion(get_system_memory(), 0, &flash->alias);
}

void flash_connect(Mcu *mcu)
{
    mcu->flash.irq = mcu_irq(mcu, 4);
}

void flash_init(Mcu *mcu, const char *internal, const char *otp)
{
    Flash *flash = &mcu->flash;
    flash->array = (struct nor_array){
        .part = &nor_stm32f407_x32,
        .cells = shared_file("internal", internal, RAIL_INTERNAL_SIZE),
        .marks = &flash->marks,
    };
    flash->otp = (struct nor_array){
        .part = &nor_stm32f407_otp,
        .cells = shared_file("otp", otp, RAIL_OTP_SIZE),
        .marks = &flash->otp_marks,
    };
    flash->options = flash->otp.cells + RAIL_OTP_OPTIONS;
    flash->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, timer, mcu);
    init_main(mcu, flash->array.cells);
    flash_system_init(mcu);
    mcu_map(mcu, &flash->mmio, &flash_ops, mcu, "flash-interface", 0x40023C00);
}
