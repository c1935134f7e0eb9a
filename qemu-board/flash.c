/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Embedded flash and its interface: RM0090 Rev 21 section 3. A ROM device: reads cost nothing, stores come here.
 * An operation started by code in the flash lasts as long as the store that started it; for code in RAM it runs on
 * its own, BSY tells, and meanwhile reads come here too and wait for its end.
 */
#include "mcu.h"
#include "exec/address-spaces.h"
#include "exec/exec-all.h"
#include "exec/ram_addr.h"
#include "qapi/error.h"
#include "qemu/error-report.h"

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

#define ACR_ICRST (1u << 11)
#define ACR_DCRST (1u << 12)
#define ACR_STORED 0x1F07u
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
#define ROW 16u /* bytes */
/* No data sheet states it; as long as erasing the smallest sector with x32, and twice that at most. */
#define OPTIONS_NS (250 * SCALE_MS)

enum { PSIZE_X64 = 3 };

/* By PSIZE. */
static const struct nor_part *const parts[] = {&nor_stm32f407_x8, &nor_stm32f407_x16, &nor_stm32f407_x32,
                                               &nor_stm32f407_x64};

static unsigned psize(Flash *flash)
{
    return extract32(flash->cr, 8, 2);
}

/* Section 3.6.2; what x64 needs at VPP is not modelled. */
int32_t flash_needs_mv(Mcu *mcu)
{
    static const int32_t needed[] = {1800, 2100, 2700, 2700};
    return needed[psize(&mcu->flash)];
}

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

/* Reads of the core come to main_read(), or go straight to the cells. Blocks of code in the flash that follow each
 * other directly do not ask, hence the exit. */
static void watch_reads(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    bool watch = flash->reads_wait || flash_cache_stale(flash);
    if (watch && memory_region_is_romd(&flash->main) && current_cpu != NULL && current_cpu == mcu->cpu)
        cpu_exit(mcu->cpu);
    memory_region_rom_device_set_romd(&flash->main, !watch);
}

/* Code that was translated from these bytes is stale; both places of the array share it. */
static void flush(Flash *flash, const Operation *operation)
{
    memory_region_rom_device_set_romd(&flash->main, true);
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

static void finished(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    if (timer_pending(flash->timer))
        timer_del(flash->timer);
    flash->reads_wait = false;
    watch_reads(mcu);
    flash->cr &= ~CR_STRT;
    if (flash->cr & CR_EOPIE)
        flash->sr |= SR_EOP;
    update_irq(flash);
}

/* What the option bytes say (section 3.9.9). */
static uint32_t options_loaded(Flash *flash)
{
    return (lduw_le_p(flash->options + 8) & 0xFFFu) << 16 | flash->options[1] << 8 | (flash->options[0] & 0xEC);
}

static void options_finished(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    flash->options_end = 0;
    memcpy(flash->options, flash->new_options, sizeof(flash->new_options));
    flash->optcr = options_loaded(flash) | (flash->optcr & OPTCR_OPTLOCK);
    finished(mcu);
    supply_look(mcu); /* at another BOR level */
}

static int64_t options_ns(Flash *flash)
{
    return flash->array.times == NOR_MAXIMUM ? 2 * OPTIONS_NS : OPTIONS_NS;
}

static enum operation_result start_options(Mcu *mcu, int64_t since_power_on, uint32_t pc)
{
    Flash *flash = &mcu->flash;
    flash->options_end = since_power_on + options_ns(flash);
    return operation_status_at(mcu, RAIL_CHIP_INTERNAL, FLASH_OPTIONS, flash->new_options, sizeof(flash->new_options),
                               options_ns(flash), pc);
}

static void operation_ended(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    flush(flash, &flash->operation);
    if (faults_on(mcu, FAULT_INT_WORN_OPERR) && nor_worn_out(&flash->array, &flash->operation.op))
        flash->sr |= SR_OPERR;
    if (!flash->regression) {
        finished(mcu);
        return;
    }
    flash->regression = false;
    if (start_options(mcu, flash->operation.end, flash->regression_pc) == OPERATION_CUT)
        return;
    timer_mod(flash->timer, time_to_clock(mcu, flash->options_end));
    watch_reads(mcu);
}

void flash_settle(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    if (operation_settle(mcu, &flash->operation))
        operation_ended(mcu);
    if (flash->options_end != 0 && time_now(mcu) >= flash->options_end)
        options_finished(mcu);
}

static bool busy(Flash *flash)
{
    return flash->operation.pending || flash->options_end != 0;
}

static int64_t end_of_operation(Flash *flash)
{
    if (!flash->operation.pending)
        return flash->options_end;
    return flash->operation.end + (flash->regression ? options_ns(flash) : 0);
}

static void timer(void *opaque)
{
    flash_settle(opaque);
}

/* The core goes on: neither chip nor board has lost its power. */
static bool core_lives(Mcu *mcu)
{
    return mcu->rail.powered && !mcu->supply.held;
}

/* The bus stalls until the operation under way has ended; false when a reset or a loss of power comes first. */
static bool wait_idle(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    flash_settle(mcu);
    if (!busy(flash))
        return true;
    time_stall_until(mcu, end_of_operation(flash));
    flash_settle(mcu);
    if (!busy(flash))
        return core_lives(mcu);
    if (mcu->cpu->stop && mcu->rail.reason == NULL)
        return false;
    /* A pause interrupts the stall, which is made up for before the core goes on: the end may come early. */
    if (flash->operation.pending) {
        tear_operation(mcu, operation_outcome(mcu, &flash->operation));
        operation_ended(mcu);
    }
    if (flash->options_end != 0)
        options_finished(mcu);
    return core_lives(mcu);
}

static bool in_flash(uint32_t pc)
{
    return pc < RAIL_INTERNAL_SIZE || pc - MAIN_BASE < RAIL_INTERNAL_SIZE;
}

static void arm_timer(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    int64_t end = flash->operation.pending ? flash->operation.end : flash->options_end;
    timer_mod(flash->timer, time_to_clock(mcu, end));
}

/* The core at `pc` has started an operation. */
static void started(Mcu *mcu, uint32_t pc)
{
    Flash *flash = &mcu->flash;
    if (in_flash(pc)) {
        if (flash->regression)
            arm_timer(mcu); /* in the middle of the stall */
        time_stall_until(mcu, end_of_operation(flash));
        flash_settle(mcu);
    } else {
        flash->reads_wait = true;
        watch_reads(mcu);
    }
    if (busy(flash))
        arm_timer(mcu);
}

static void start(Mcu *mcu, struct nor_array *array, const struct nor_op *op, uint32_t address)
{
    if (!nor_valid(array, op)) {
        error(&mcu->flash, SR_PGAERR, "program beyond a row of 128 bits");
        return;
    }
    if (array == &mcu->flash.array)
        flash_cache_starts(&mcu->flash, op);
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

/* What a store may not touch (section 3.7.4); NULL when it may. */
static const char *protection(Flash *flash, struct nor_array *array, uint32_t offset)
{
    if (array == &flash->array) {
        uint32_t sector = nor_sector_at(array->part, offset, NULL, NULL);
        return protected(flash, sector, sector) ? "program in a write-protected sector" : NULL;
    }
    if (offset < RAIL_OTP_LOCKS && flash->otp.cells[RAIL_OTP_LOCKS + offset / OTP_BLOCK] == 0)
        return "program in a locked OTP block";
    return NULL;
}

/* x64: the core's bus has 32 bits, so a double word comes as two words, one behind the other. True when `word` is the
 * second one; the first is in `row_half` then. */
static bool second_half(Flash *flash, struct nor_array *array, uint32_t offset, uint32_t word)
{
    RowHalf *half = &flash->row_half;
    if (half->array == NULL) {
        *half = (RowHalf){.array = array, .offset = offset, .word = word};
        return false;
    }
    bool follows = half->array == array && offset == half->offset + 4;
    half->array = NULL;
    if (!follows)
        error(flash, SR_PGPERR, "x64, and two words that are not one double word");
    return follows;
}

void flash_store(Mcu *mcu, struct nor_array *array, uint32_t offset, uint32_t address, uint64_t value, unsigned size)
{
    Flash *flash = &mcu->flash;
    uint8_t data[8];
    if (!wait_idle(mcu))
        return;
    if (!(flash->cr & CR_PG)) {
        error(flash, SR_PGSERR, "store without PG");
        return;
    }
    if (size != MIN(1u << psize(flash), 4)) {
        error(flash, SR_PGPERR, "size of the store is not PSIZE");
        return;
    }
    const char *reason = protection(flash, array, offset);
    if (reason != NULL) {
        error(flash, SR_WRPERR, reason);
        return;
    }
    stl_le_p(data, value);
    if (psize(flash) == PSIZE_X64) {
        if (!second_half(flash, array, offset, value))
            return;
        stl_le_p(data, flash->row_half.word);
        stl_le_p(data + 4, value);
        offset -= 4;
        address -= 4;
        size = 8;
    }
    flash->array.part = parts[psize(flash)];
    start(mcu, array, &(struct nor_op){.kind = NOR_PROGRAM, .offset = offset, .length = size, .data = data}, address);
}

void flash_store_refused(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    if (!wait_idle(mcu))
        return;
    if (flash->cr & CR_PG)
        error(flash, SR_WRPERR, "program in system memory");
    else
        error(flash, SR_PGSERR, "store without PG");
}

/* SNB's sector, or all: when MER and SER are set, all are erased (section 3.6.3). NULL, or what is wrong. */
static const char *choose_sectors(Flash *flash, struct nor_op *op)
{
    const struct nor_part *part = flash->array.part;
    uint32_t sector = extract32(flash->cr, 3, 4);
    uint32_t sectors = nor_sector_count(part);
    *op = (struct nor_op){.kind = NOR_ERASE, .offset = 0, .length = part->size};
    if (flash->cr & CR_MER)
        return protected(flash, 0, sectors - 1) ? "mass erase with write-protected sectors" : NULL;
    if (sector >= sectors)
        return "erase of a sector that does not exist";
    op->length = 0;
    for (uint32_t number = 0; number <= sector; number++) {
        op->offset += op->length;
        nor_sector_at(part, op->offset, NULL, &op->length);
    }
    return protected(flash, sector, sector) ? "erase of a write-protected sector" : NULL;
}

static void erase(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    struct nor_op op;
    flash->cr &= ~CR_STRT;
    if (!(flash->cr & (CR_MER | CR_SER))) {
        qemu_log_mask(LOG_GUEST_ERROR, "FLASH: STRT with neither SER nor MER\n");
        return;
    }
    flash->array.part = parts[psize(flash)];
    const char *reason = choose_sectors(flash, &op);
    if (reason != NULL) {
        error(flash, SR_WRPERR, reason);
        return;
    }
    flash->cr |= CR_STRT;
    start(mcu, &flash->array, &op, MAIN_BASE + op.offset);
}

/// Option bytes ///

/* Section 3.7.3. */
static unsigned read_protection(uint8_t rdp)
{
    return rdp == 0xAA ? 0 : rdp == 0xCC ? 2 : 1;
}

/* From level 1 to 0: the main array is erased, write-protected or not, before the protection goes; the other option
 * bytes stay. */
static void regress(Mcu *mcu, uint32_t pc)
{
    Flash *flash = &mcu->flash;
    memcpy(flash->new_options, flash->options, sizeof(flash->new_options));
    flash->new_options[1] = 0xAA;
    flash->array.part = parts[psize(flash)];
    flash->regression = true;
    flash->regression_pc = pc;
    start(mcu, &flash->array, &(struct nor_op){.kind = NOR_ERASE, .length = flash->array.part->size}, MAIN_BASE);
}

static void program_options(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    uint32_t optcr = flash->optcr;
    uint32_t pc = time_pc(mcu);
    unsigned level = read_protection(flash->options[1]);
    if (level == 2) {
        flash->optcr = options_loaded(flash) | (optcr & OPTCR_OPTLOCK);
        error(flash, SR_WRPERR, "option bytes cannot be changed at read protection level 2");
        return;
    }
    if (level == 1 && read_protection(optcr >> 8) == 0) {
        regress(mcu, pc);
        return;
    }
    memset(flash->new_options, 0xFF, sizeof(flash->new_options));
    flash->new_options[0] = (optcr & 0xEC) | 0x13;
    flash->new_options[1] = optcr >> 8;
    stw_le_p(flash->new_options + 8, optcr >> 16 | 0xF000);
    if (start_options(mcu, time_now(mcu), pc) == OPERATION_STARTED)
        started(mcu, pc);
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
        if (busy(flash) && !mcu->faults.flash_polls)
            time_poll(mcu, &flash->poll, sr, end_of_operation(flash));
        return sr;
    }
    case FLASH_CR:
        flash_settle(mcu);
        return flash->cr;
    case FLASH_OPTCR:
        flash_settle(mcu);
        return flash->optcr | (flash->options_end != 0 || flash->regression ? OPTCR_OPTSTRT : 0);
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

static MemTxResult write_key(Flash *flash, uint32_t key)
{
    if (!(flash->cr & CR_LOCK))
        return MEMTX_OK;
    if (!accept_key(keys, &flash->key, &flash->locked, key)) {
        qemu_log_mask(LOG_GUEST_ERROR, "FLASH: wrong key, locked until reset\n");
        return MEMTX_ERROR;
    }
    if (flash->key == 2) {
        flash->key = 0;
        flash->cr &= ~CR_LOCK;
    }
    return MEMTX_OK;
}

static MemTxResult write_option_key(Flash *flash, uint32_t key)
{
    if (!(flash->optcr & OPTCR_OPTLOCK))
        return MEMTX_OK;
    if (!accept_key(option_keys, &flash->option_key, &flash->options_locked, key)) {
        qemu_log_mask(LOG_GUEST_ERROR, "FLASH: wrong option key, locked until reset\n");
        return MEMTX_ERROR;
    }
    if (flash->option_key == 2) {
        flash->option_key = 0;
        flash->optcr &= ~OPTCR_OPTLOCK;
    }
    return MEMTX_OK;
}

/* A cache can only be reset while it is disabled (section 3.9.1). */
static void write_acr(Mcu *mcu, uint32_t value)
{
    Flash *flash = &mcu->flash;
    uint32_t refused = (flash->acr & FLASH_ACR_ICEN ? ACR_ICRST : 0) | (flash->acr & FLASH_ACR_DCEN ? ACR_DCRST : 0);
    if (value & refused)
        qemu_log_mask(LOG_GUEST_ERROR, "FLASH: reset of a cache that is enabled\n");
    flash->acr = value & ACR_STORED & ~refused;
    if (flash->acr & ACR_ICRST)
        flash->instruction_cache.count = 0;
    if (flash->acr & ACR_DCRST)
        flash->data_cache.count = 0;
    watch_reads(mcu);
}

static void write_cr(Mcu *mcu, uint32_t value)
{
    Flash *flash = &mcu->flash;
    if (flash->cr & CR_LOCK) {
        qemu_log_mask(LOG_GUEST_ERROR, "FLASH: CR written while locked\n");
        return;
    }
    flash->cr = value & (CR_STORED | CR_LOCK);
    if (psize(flash) == PSIZE_X64)
        qemu_log_mask(LOG_GUEST_ERROR, "FLASH: x64 needs 8 V at VPP, which no board has\n");
    if (flash->row_half.array != NULL) {
        flash->row_half.array = NULL;
        error(flash, SR_PGSERR, "CR written between the words of a double word");
    }
    update_irq(flash);
    if ((value & CR_STRT) && !(value & CR_LOCK))
        erase(mcu);
}

static void write_optcr(Mcu *mcu, uint32_t value)
{
    Flash *flash = &mcu->flash;
    if (flash->optcr & OPTCR_OPTLOCK) {
        qemu_log_mask(LOG_GUEST_ERROR, "FLASH: OPTCR written while locked\n");
        return;
    }
    flash->optcr = value & (OPTCR_STORED | OPTCR_OPTLOCK);
    if (value & OPTCR_OPTSTRT)
        program_options(mcu);
}

/* Part of a register is written: the rest keeps its value. */
static uint32_t merged(uint32_t old, hwaddr offset, uint64_t value, unsigned size)
{
    return deposit32(old, 8 * (offset & 3), 8 * size, value);
}

static MemTxResult flash_write(void *opaque, hwaddr offset, uint64_t value, unsigned size, MemTxAttrs attrs)
{
    Mcu *mcu = opaque;
    Flash *flash = &mcu->flash;
    switch (offset & ~3) {
    case FLASH_ACR:
        write_acr(mcu, merged(flash->acr, offset, value, size));
        break;
    case FLASH_KEYR:
        return write_key(flash, value);
    case FLASH_OPTKEYR:
        return write_option_key(flash, value);
    case FLASH_SR:
        flash_settle(mcu);
        flash->sr &= ~(merged(0, offset, value, size) & SR_FLAGS);
        update_irq(flash);
        break;
    case FLASH_CR:
        if (wait_idle(mcu))
            write_cr(mcu, merged(flash->cr, offset, value, size));
        break;
    case FLASH_OPTCR:
        if (wait_idle(mcu))
            write_optcr(mcu, merged(flash->optcr, offset, value, size));
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

/* The core reads, not a debugger or DMA. */
static bool core_reads(Mcu *mcu, MemTxAttrs attrs)
{
    return !attrs.unspecified && current_cpu != NULL && current_cpu == mcu->cpu && mcu->cpu->running;
}

void flash_read_waits(Mcu *mcu, MemTxAttrs attrs)
{
    if (core_reads(mcu, attrs))
        wait_idle(mcu);
}

static MemTxResult main_read(void *opaque, hwaddr offset, uint64_t *value, unsigned size, MemTxAttrs attrs)
{
    Mcu *mcu = opaque;
    if (!core_reads(mcu, attrs)) {
        *value = ldn_le_p(mcu->flash.array.cells + offset, size);
        return MEMTX_OK;
    }
    wait_idle(mcu);
    *value = flash_cache_read(&mcu->flash, offset, size, mcu->cpu->mem_io_pc == 0); /* no instruction: a fetch */
    watch_reads(mcu);
    return MEMTX_OK;
}

static MemTxResult main_write(void *opaque, hwaddr offset, uint64_t value, unsigned size, MemTxAttrs attrs)
{
    Mcu *mcu = opaque;
    flash_store(mcu, &mcu->flash.array, offset, MAIN_BASE + offset, value, size);
    return MEMTX_OK;
}

static const MemoryRegionOps main_ops = {
    .read_with_attrs = main_read,
    .write_with_attrs = main_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {.min_access_size = 1, .max_access_size = 8},
    .impl = {.min_access_size = 1, .max_access_size = 4},
};

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

static void read_freely(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    flash->reads_wait = false;
    flash->data_cache.count = flash->instruction_cache.count = 0;
    watch_reads(mcu);
}

void flash_reset(Mcu *mcu)
{
    Flash *flash = &mcu->flash;
    flash_settle(mcu);
    tear_operation(mcu, nor_tear_named(RAIL_RESET_TEAR));
    flash->options_end = 0;
    flash->regression = false;
    flash->row_half.array = NULL;
    timer_del(flash->timer);
    read_freely(mcu);
    flash->acr = 0;
    flash->sr = faults_on(mcu, FAULT_INT_FLAGS) ? faults_value(mcu, FAULT_INT_FLAGS) & (SR_FLAGS & ~SR_EOP) : 0;
    flash->cr = CR_LOCK;
    flash->optcr = options_loaded(flash) | OPTCR_OPTLOCK;
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
    flash->regression = false;
    timer_del(flash->timer);
    read_freely(mcu);
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

static enum nor_times times_named(const char *times)
{
    if (strcmp(times, "typical") == 0 || strcmp(times, "maximum") == 0)
        return strcmp(times, "maximum") == 0 ? NOR_MAXIMUM : NOR_TYPICAL;
    error_report("flash-times: %s is unknown; known are typical and maximum", times);
    exit(1);
}

void flash_init(Mcu *mcu, const char *internal, const char *otp, const char *times, bool stale_cache)
{
    Flash *flash = &mcu->flash;
    flash->stale_cache = stale_cache;
    enum nor_times which = times_named(times);
    flash->array = (struct nor_array){
        .part = &nor_stm32f407_x32,
        .cells = shared_file("internal", internal, RAIL_INTERNAL_SIZE),
        .erases = mcu->faults.erases,
        .marks = &flash->marks,
        .times = which,
    };
    flash->otp = (struct nor_array){
        .part = &nor_stm32f407_otp,
        .cells = shared_file("otp", otp, RAIL_OTP_SIZE),
        .marks = &flash->otp_marks,
        .times = which,
    };
    flash->options = flash->otp.cells + RAIL_OTP_OPTIONS;
    flash->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, timer, mcu);
    init_main(mcu, flash->array.cells);
    flash_system_init(mcu);
    mcu_map(mcu, &flash->mmio, &flash_ops, mcu, "flash-interface", 0x40023C00);
}
