/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SPI NOR's side of the bus: W25Q64JV Rev J section 8, also of the S25FL064K, which is such a die. It knows nothing
 * of the MCU's resets and goes on with what it does. The rarely used commands are logged and ignored.
 */
#include "spi-nor.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "trace/trace-hw_arm.h"

enum {
    WRSR1 = 0x01,
    PAGE_PROGRAM = 0x02,
    READ = 0x03,
    WRDI = 0x04,
    RDSR1 = 0x05,
    WREN = 0x06,
    FAST_READ = 0x0B,
    WRSR3 = 0x11,
    RDSR3 = 0x15,
    ERASE_4K = 0x20,
    WRSR2 = 0x31,
    RDSR2 = 0x35,
    UNIQUE_ID = 0x4B,
    VOLATILE_WREN = 0x50,
    ERASE_32K = 0x52,
    READ_SFDP = 0x5A,
    CHIP_ERASE_60 = 0x60,
    RESET_ENABLE = 0x66,
    SUSPEND = 0x75,
    RESUME = 0x7A,
    DEVICE_ID = 0x90,
    RESET = 0x99,
    JEDEC_ID = 0x9F,
    RELEASE_POWER_DOWN = 0xAB,
    POWER_DOWN = 0xB9,
    CHIP_ERASE = 0xC7,
    ERASE_64K = 0xD8,
};

#define HIGH_Z 0xFF
#define LISTENS_NS (20 * SCALE_US) /* tVSL, of both data sheets; section 9.3 */
#define WRITES_NS (5 * SCALE_MS)   /* tPUW */
#define RELEASE_NS (3 * SCALE_US)  /* tRES1 */

static bool reads_status(uint8_t command)
{
    return command == RDSR1 || command == RDSR2 || command == RDSR3;
}

static bool writes(uint8_t command)
{
    static const uint8_t commands[] = {WREN, VOLATILE_WREN, WRSR1, WRSR2, WRSR3, PAGE_PROGRAM, ERASE_4K, ERASE_32K,
                                       ERASE_64K, CHIP_ERASE, CHIP_ERASE_60};
    return memchr(commands, command, sizeof(commands)) != NULL;
}

/// Commands that are carried out when chip select rises ///

static void execute_erase(SpiNor *nor)
{
    uint32_t size = nor->command == ERASE_4K ? 4 * KiB : nor->command == ERASE_32K ? 32 * KiB : 64 * KiB;
    if (nor->index == 4)
        spi_nor_erase(nor, size);
}

/* Those of one byte. */
static void execute_plain(SpiNor *nor)
{
    switch (nor->command) {
    case WREN:
        if (!faults_drops_write_enable(nor->mcu))
            nor->write_enabled = true;
        break;
    case WRDI:
        nor->write_enabled = false;
        break;
    case CHIP_ERASE:
    case CHIP_ERASE_60:
        nor->address = 0;
        spi_nor_erase(nor, nor->array.part->size);
        break;
    case SUSPEND:
        spi_nor_suspend(nor);
        break;
    case RESUME:
        spi_nor_resume(nor);
        break;
    case POWER_DOWN:
        nor->powered_down = true;
        break;
    case RESET:
        if (nor->reset_enabled)
            spi_nor_software_reset(nor);
        break;
    }
}

static void release_power_down(SpiNor *nor)
{
    if (nor->powered_down)
        nor->listens_at = time_now(nor->mcu) + RELEASE_NS;
    nor->powered_down = false;
}

/* `index` counts the whole bytes, the command included. */
static void execute(SpiNor *nor)
{
    switch (nor->command) {
    case WRSR1:
        spi_nor_status_write(nor, 0);
        break;
    case WRSR2:
        spi_nor_status_write(nor, 1);
        break;
    case WRSR3:
        spi_nor_status_write(nor, 2);
        break;
    case PAGE_PROGRAM:
        spi_nor_page_program(nor);
        break;
    case ERASE_4K:
    case ERASE_32K:
    case ERASE_64K:
        execute_erase(nor);
        break;
    case RELEASE_POWER_DOWN:
        release_power_down(nor);
        break;
    default:
        if (nor->index == 1)
            execute_plain(nor);
        break;
    }
    nor->reset_enabled = nor->command == RESET_ENABLE && nor->index == 1;
    nor->volatile_enabled = nor->command == VOLATILE_WREN && nor->index == 1;
}

/// The bus ///

void spi_nor_select(Mcu *mcu, bool selected, bool boundary)
{
    SpiNor *nor = &mcu->nor;
    spi_nor_settle(mcu);
    nor->selected = selected;
    if (mcu->faults.bus)
        faults_nor_selected(mcu, selected);
    if (selected) {
        nor->index = nor->received = nor->address = 0;
        nor->ignored = nor->inside_byte = false;
        return;
    }
    if (nor->model == NULL || nor->index == 0 || nor->ignored)
        return;
    if (boundary && !nor->inside_byte)
        execute(nor);
    else
        qemu_log_mask(LOG_GUEST_ERROR, "NOR: chip select rose inside a byte, command 0x%02x is lost\n", nor->command);
}

void spi_nor_clock_lost(Mcu *mcu)
{
    mcu->nor.inside_byte = mcu->nor.selected && mcu->nor.index != 0;
}

/* Why the chip does not heed a command; NULL when it does. */
static const char *refusal(SpiNor *nor, uint8_t command)
{
    int64_t now = time_now(nor->mcu);
    bool third = command == RDSR3 || command == WRSR2 || command == WRSR3;
    bool anytime = reads_status(command) || command == RESET_ENABLE || command == RESET || command == SUSPEND;
    if (now < nor->listens_at)
        return "within tVSL or tRES1";
    if (nor->powered_down && command != RELEASE_POWER_DOWN)
        return "powered down";
    if (now < nor->writes_at && writes(command))
        return "within tPUW";
    if (spi_nor_busy(nor) && !anytime)
        return "busy";
    return third && nor->model->registers < 3 ? "the part has no such register" : NULL;
}

static void begin(SpiNor *nor, uint8_t command)
{
    nor->command = command;
    if (!reads_status(command))
        nor->poll.count = 0;
    const char *why = refusal(nor, command);
    nor->ignored = why != NULL;
    if (trace_event_get_state_backends(TRACE_MATTERHORN_NOR_COMMAND)) /* time_now() is not free */
        trace_matterhorn_nor_command(time_now(nor->mcu), command, why != NULL ? why : "heeded");
    if (nor->ignored)
        qemu_log_mask(LOG_GUEST_ERROR, "NOR: command 0x%02x while %s is ignored\n", command, why);
    if (command == READ || command == FAST_READ)
        nor->reads++;
    if (command == PAGE_PROGRAM)
        memset(nor->page, 0xFF, sizeof(nor->page));
}

static uint8_t random_byte(uint32_t offset, uint64_t noise)
{
    uint8_t byte = 0;
    for (uint8_t bit = 0; bit < 8; bit++)
        byte |= nor_weak_value(&(struct nor_mark){.offset = offset, .bit = bit}, noise) << bit;
    return byte;
}

/* Weak bits read anew in each command. */
static uint64_t noise(const SpiNor *nor)
{
    return nor->mcu->rail.noise + nor->reads * RAIL_NOISE_STEP;
}

static uint8_t read_cells(SpiNor *nor)
{
    uint8_t byte = nor_read(&nor->array, nor->address, noise(nor));
    if (spi_nor_undefined(nor, nor->address)) {
        qemu_log_mask(LOG_GUEST_ERROR, "NOR: read of 0x%06x, where an operation is suspended\n", nor->address);
        byte = random_byte(nor->address, noise(nor));
    }
    touch_nor(nor->mcu, nor->address, 1);
    nor->address = (nor->address + 1) % nor->array.part->size;
    return nor->mcu->faults.flips ? faults_read(nor->mcu, byte) : byte;
}

static uint8_t read_status(SpiNor *nor)
{
    bool busy = spi_nor_busy(nor);
    uint8_t status = nor->status[0] | (busy ? SR1_WIP : 0) | (nor->write_enabled || busy ? SR1_WEL : 0);
    if (busy && !nor->mcu->faults.nor_polls)
        time_poll(nor->mcu, &nor->poll, status, nor->busy_until);
    return status;
}

/* The answer to a data byte of a command with an address. */
static uint8_t answer_at_address(SpiNor *nor, uint8_t byte)
{
    uint32_t index = nor->index;
    if (index <= 3) {
        nor->address = (nor->address << 8 | byte) % nor->array.part->size;
        return HIGH_Z;
    }
    switch (nor->command) {
    case READ:
        return read_cells(nor);
    case FAST_READ:
        return index == 4 ? HIGH_Z : read_cells(nor);
    case READ_SFDP:
        return index == 4 ? HIGH_Z : spi_nor_sfdp(nor->model, nor->address++);
    case DEVICE_ID:
        return nor->model->device_id[(index + nor->address) % 2];
    case PAGE_PROGRAM:
        nor->page[(nor->address + nor->received++) % sizeof(nor->page)] = byte;
        break;
    }
    return HIGH_Z;
}

static void take_status(SpiNor *nor, uint8_t byte)
{
    if (nor->received < 2)
        nor->page[nor->received] = byte;
    nor->received++;
}

static uint8_t jedec_id(SpiNor *nor, uint32_t index)
{
    uint32_t other = faults_value(nor->mcu, FAULT_NOR_JEDEC);
    return faults_on(nor->mcu, FAULT_NOR_JEDEC) ? other >> (16 - 8 * index) : nor->model->jedec_id[index];
}

/* The answer to a byte after the command. */
static uint8_t answer(SpiNor *nor, uint8_t byte)
{
    const SpiNorModel *model = nor->model;
    uint32_t index = nor->index;
    switch (nor->command) {
    case RDSR1:
        return read_status(nor);
    case RDSR2:
        return nor->status[1] | (nor->suspended.pending ? SR2_SUS : 0);
    case RDSR3:
        return nor->status[2];
    case JEDEC_ID:
        return jedec_id(nor, (index - 1) % sizeof(model->jedec_id));
    case UNIQUE_ID:
        return index >= 5 ? model->unique_id[(index - 5) % sizeof(model->unique_id)] : HIGH_Z;
    case RELEASE_POWER_DOWN:
        return index >= 4 ? model->device_id[1] : HIGH_Z;
    case WRSR1:
    case WRSR2:
    case WRSR3:
        take_status(nor, byte);
        return HIGH_Z;
    case READ:
    case FAST_READ:
    case READ_SFDP:
    case PAGE_PROGRAM:
    case DEVICE_ID:
    case ERASE_4K:
    case ERASE_32K:
    case ERASE_64K:
        return answer_at_address(nor, byte);
    case WREN:
    case VOLATILE_WREN:
    case WRDI:
    case CHIP_ERASE:
    case CHIP_ERASE_60:
    case SUSPEND:
    case RESUME:
    case POWER_DOWN:
    case RESET_ENABLE:
    case RESET:
        return HIGH_Z;
    }
    if (index == 1)
        qemu_log_mask(LOG_UNIMP, "NOR: command 0x%02x is not modelled\n", nor->command);
    return HIGH_Z;
}

static uint8_t exchange_byte(Mcu *mcu, uint8_t byte)
{
    SpiNor *nor = &mcu->nor;
    uint8_t reply = HIGH_Z;
    if (!nor->selected || nor->model == NULL || nor->inside_byte || !nor->powered)
        return HIGH_Z;
    if (mcu->faults.bus && !faults_nor_hears(mcu, byte))
        return HIGH_Z;
    if (nor->operation.pending || nor->writes_status)
        spi_nor_settle(mcu);
    if (nor->index == 0)
        begin(nor, byte);
    else if (!nor->ignored)
        reply = answer(nor, byte);
    if (mcu->faults.bus)
        reply = faults_nor_reply(mcu, reply);
    nor->index++;
    return reply;
}

/* In the middle of a read, of cells that neither an operation nor a fault makes special. */
static bool reads_on(const SpiNor *nor)
{
    const Mcu *mcu = nor->mcu;
    bool data = (nor->command == READ && nor->index > 3) || (nor->command == FAST_READ && nor->index > 4);
    return data && nor->selected && nor->model != NULL && nor->powered && !nor->inside_byte && !nor->ignored &&
           !nor->operation.pending && !nor->suspended.pending && !nor->writes_status && !mcu->faults.bus &&
           !mcu->faults.flips;
}

/* What exchange_byte() would do for each of them, up to the end of the array; returns how many. Reads are most of what
 * is exchanged. */
static uint32_t read_on(SpiNor *nor, uint8_t *bytes, uint32_t count)
{
    const struct nor_marks *marks = nor->array.marks;
    uint32_t length = MIN(count, nor->array.part->size - nor->address);
    memcpy(bytes, nor->array.cells + nor->address, length);
    for (uint32_t n = 0; n < marks->count && marks->list[n].kind == NOR_WEAK; n++)
        if (marks->list[n].offset - nor->address < length)
            bytes[marks->list[n].offset - nor->address] = nor_read(&nor->array, marks->list[n].offset, noise(nor));
    touch_nor(nor->mcu, nor->address, length);
    nor->address = (nor->address + length) % nor->array.part->size;
    nor->index += length;
    return length;
}

void spi_nor_exchange(Mcu *mcu, uint8_t *bytes, uint32_t count)
{
    uint32_t done = 0;
    while (done < count) {
        if (reads_on(&mcu->nor)) {
            done += read_on(&mcu->nor, bytes + done, count - done);
        } else {
            bytes[done] = exchange_byte(mcu, bytes[done]);
            done++;
        }
    }
}

/// Life ///

void spi_nor_power_on(Mcu *mcu)
{
    SpiNor *nor = &mcu->nor;
    nor->selected = nor->ignored = nor->inside_byte = nor->powered_down = nor->reset_enabled = false;
    nor->write_enabled = nor->volatile_enabled = false;
    nor->index = nor->received = nor->address = 0;
    nor->command = 0;
    nor->reads = 0;
    nor->busy_until = nor->resumed_at = nor->rest = 0;
    bool slow = nor->slow_power_up || faults_on(mcu, FAULT_NOR_POWERUP_SLOW);
    nor->listens_at = slow ? LISTENS_NS : 0;
    nor->writes_at = slow ? WRITES_NS : 0;
    nor->poll = (Poll){0};
    nor->powered = true;
    if (nor->model != NULL)
        spi_nor_status_power_on(nor);
}

/* Below VWI it is in reset and knows no commands (section 7); nothing drives MISO then. */
void spi_nor_supply(Mcu *mcu, bool on)
{
    SpiNor *nor = &mcu->nor;
    if (!on) {
        spi_nor_power_off(mcu, TEAR_BY_PHASE);
        nor->powered = nor->selected = false;
        nor->index = 0;
        nor->busy_until = 0;
        return;
    }
    spi_nor_power_on(mcu);
    nor->listens_at += time_now(mcu);
    nor->writes_at += time_now(mcu);
}

/* Which of two words was given: false for the first, which is also meant when none was. */
static bool second(const char *property, const char *value, const char *first, const char *other)
{
    if (value == NULL || strcmp(value, first) == 0)
        return false;
    if (strcmp(value, other) == 0)
        return true;
    error_report("%s: %s is unknown; known are %s and %s", property, value, first, other);
    exit(1);
}

static const SpiNorModel *model_named(const char *name)
{
    if (strcmp(name, "none") == 0)
        return NULL;
    const SpiNorModel *model = spi_nor_model(name);
    if (model == NULL) {
        g_autofree char *known = spi_nor_model_names();
        error_report("nor-part: %s is unknown; known are %s", name, known);
        exit(1);
    }
    return model;
}

void spi_nor_init(Mcu *mcu, const char *path, const SpiNorOptions *options)
{
    SpiNor *nor = &mcu->nor;
    bool maximum = second("nor-times", options->times, "typical", "maximum");
    nor->mcu = mcu;
    nor->model = model_named(options->part);
    nor->slow_power_up = second("nor-powerup", options->power_up, "instant", "datasheet");
    nor->floating = second("nor-cs", options->chip_select, "pulled", "floating");
    nor->one_pass = second("nor-multipass", options->multipass, "allowed", "refused");
    nor->array = (struct nor_array){
        .part = nor->model != NULL ? nor->model->part : &nor_s25fl064k,
        .cells = shared_file("nor", path, RAIL_NOR_SIZE),
        .erases = mcu->faults.nor_erases,
        .marks = &nor->marks,
        .times = maximum ? NOR_MAXIMUM : NOR_TYPICAL,
    };
    spi_nor_status_set(mcu, NULL);
}
