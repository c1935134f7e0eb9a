/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SPI NOR S25FL064K, which is a W25Q64 die: W25Q64JV Rev J section 8. It knows nothing of the MCU's resets and goes on
 * with what it does. Typical times; the rarely used commands are logged and ignored.
 */
#include "mcu.h"
#include "qemu/error-report.h"
#include "qemu/units.h"

enum {
    WRSR = 0x01,
    PAGE_PROGRAM = 0x02,
    READ = 0x03,
    WRDI = 0x04,
    RDSR1 = 0x05,
    WREN = 0x06,
    FAST_READ = 0x0B,
    ERASE_4K = 0x20,
    RDSR2 = 0x35,
    ERASE_32K = 0x52,
    CHIP_ERASE_60 = 0x60,
    RESET_ENABLE = 0x66,
    DEVICE_ID = 0x90,
    RESET = 0x99,
    JEDEC_ID = 0x9F,
    RELEASE_POWER_DOWN = 0xAB,
    POWER_DOWN = 0xB9,
    CHIP_ERASE = 0xC7,
    ERASE_64K = 0xD8,
};

enum { SR1_WIP = 1u << 0, SR1_WEL = 1u << 1, SR1_WRITABLE = 0xFC };

#define DEVICE 0x16
static const uint8_t jedec_id[] = {0xEF, 0x40, 0x17};
static const uint8_t device_id[] = {0xEF, DEVICE};

#define HIGH_Z 0xFF
#define WRITE_STATUS_NS (10 * SCALE_MS)
#define RESET_NS (30 * SCALE_US)

static bool busy(SpiNor *nor)
{
    return time_now(nor->mcu) < nor->busy_until;
}

void spi_nor_settle(Mcu *mcu)
{
    operation_settle(mcu, &mcu->nor.operation);
}

/// Operations: they start when chip select rises ///

static bool writable(SpiNor *nor)
{
    if (!nor->write_enabled)
        qemu_log_mask(LOG_GUEST_ERROR, "NOR: command 0x%02x without WEL is ignored\n", nor->command);
    return nor->write_enabled;
}

static void start(SpiNor *nor, const struct nor_op *op)
{
    nor->write_enabled = false;
    if (operation_start(nor->mcu, &nor->operation, &nor->array, op, RAIL_CHIP_NOR, op->offset, time_pc(nor->mcu)) ==
        OPERATION_STARTED)
        nor->busy_until = nor->operation.end;
}

/* Bytes wrap inside the page; of more than a page, the last 256 count. Those not sent stay as they are. */
static void page_program(SpiNor *nor)
{
    uint32_t page = sizeof(nor->page);
    uint32_t offset = nor->address % page;
    uint32_t count = MIN(nor->received, page);
    struct nor_op op = {.kind = NOR_PROGRAM, .offset = nor->address, .length = count, .data = nor->page + offset};
    if (count == 0 || !writable(nor))
        return;
    if (nor->received > page - offset) {
        op.offset = nor->address - offset;
        op.length = page;
        op.data = nor->page;
    }
    start(nor, &op);
}

static void erase(SpiNor *nor, uint32_t size)
{
    if (writable(nor))
        start(nor, &(struct nor_op){.kind = NOR_ERASE, .offset = nor->address & ~(size - 1), .length = size});
}

static void write_status(SpiNor *nor)
{
    if (!writable(nor))
        return;
    uint8_t data[2] = {nor->page[0] & SR1_WRITABLE, nor->received > 1 ? nor->page[1] : nor->status[1]};
    nor->write_enabled = false;
    nor->busy_until = time_now(nor->mcu) + WRITE_STATUS_NS;
    memcpy(nor->status, data, sizeof(data));
    operation_status(nor->mcu, RAIL_CHIP_NOR, 0, data, sizeof(data), WRITE_STATUS_NS);
}

static void software_reset(SpiNor *nor)
{
    if (!nor->reset_enabled)
        return;
    operation_tear(nor->mcu, &nor->operation, NOR_TEAR_BEFORE);
    nor->write_enabled = nor->powered_down = false;
    nor->busy_until = time_now(nor->mcu) + RESET_NS;
}

/* `index` counts the whole bytes, the command included. */
static void execute(SpiNor *nor)
{
    bool reset_enabled = false;
    switch (nor->command) {
    case WREN:
        nor->write_enabled |= nor->index == 1;
        break;
    case WRDI:
        nor->write_enabled &= nor->index != 1;
        break;
    case WRSR:
        if (nor->received == 1 || nor->received == 2)
            write_status(nor);
        break;
    case PAGE_PROGRAM:
        page_program(nor);
        break;
    case ERASE_4K:
        if (nor->index == 4)
            erase(nor, 4 * KiB);
        break;
    case ERASE_32K:
        if (nor->index == 4)
            erase(nor, 32 * KiB);
        break;
    case ERASE_64K:
        if (nor->index == 4)
            erase(nor, 64 * KiB);
        break;
    case CHIP_ERASE:
    case CHIP_ERASE_60:
        if (nor->index == 1) {
            nor->address = 0;
            erase(nor, nor->array.part->size);
        }
        break;
    case POWER_DOWN:
        nor->powered_down |= nor->index == 1;
        break;
    case RELEASE_POWER_DOWN:
        nor->powered_down = false;
        break;
    case RESET_ENABLE:
        reset_enabled = nor->index == 1;
        break;
    case RESET:
        software_reset(nor);
        break;
    }
    nor->reset_enabled = reset_enabled;
}

/// The bus ///

void spi_nor_select(Mcu *mcu, bool selected, bool boundary)
{
    SpiNor *nor = &mcu->nor;
    spi_nor_settle(mcu);
    nor->selected = selected;
    if (selected) {
        nor->index = nor->received = nor->address = 0;
        nor->ignored = false;
        return;
    }
    if (!nor->present || nor->index == 0 || nor->ignored)
        return;
    if (boundary)
        execute(nor);
    else
        qemu_log_mask(LOG_GUEST_ERROR, "NOR: chip select rose inside a byte, command 0x%02x is lost\n", nor->command);
}

static void begin(SpiNor *nor, uint8_t command)
{
    nor->command = command;
    bool status = command == RDSR1 || command == RDSR2;
    bool reset = command == RESET_ENABLE || command == RESET;
    if (!status)
        nor->poll.count = 0;
    nor->ignored = (nor->powered_down && command != RELEASE_POWER_DOWN) || (busy(nor) && !status && !reset);
    if (nor->ignored)
        qemu_log_mask(LOG_GUEST_ERROR, "NOR: command 0x%02x while %s is ignored\n", command,
                      nor->powered_down ? "powered down" : "busy");
    if (command == READ || command == FAST_READ)
        nor->reads++;
    if (command == PAGE_PROGRAM)
        memset(nor->page, 0xFF, sizeof(nor->page));
}

/* Weak bits read anew in each command. */
static uint8_t read_cells(SpiNor *nor)
{
    uint64_t noise = nor->mcu->rail.noise + nor->reads * RAIL_NOISE_STEP;
    uint8_t byte = nor_read(&nor->array, nor->address, noise);
    touch_nor(nor->mcu, nor->address);
    nor->address = (nor->address + 1) % nor->array.part->size;
    return byte;
}

static uint8_t read_status(SpiNor *nor)
{
    uint8_t status = nor->status[0] | (busy(nor) ? SR1_WIP : 0) | (nor->write_enabled || busy(nor) ? SR1_WEL : 0);
    if (busy(nor))
        time_poll(nor->mcu, &nor->poll, status, nor->busy_until);
    return status;
}

/* The answer to a byte after the command and, where there is one, after the address. */
static uint8_t answer(SpiNor *nor, uint8_t byte)
{
    uint32_t index = nor->index;
    switch (nor->command) {
    case RDSR1:
        return read_status(nor);
    case RDSR2:
        return nor->status[1];
    case JEDEC_ID:
        return jedec_id[(index - 1) % sizeof(jedec_id)];
    case WRSR:
        if (nor->received < 2)
            nor->page[nor->received] = byte;
        nor->received++;
        return HIGH_Z;
    case RELEASE_POWER_DOWN:
        return index >= 4 ? DEVICE : HIGH_Z;
    case READ:
    case FAST_READ:
    case PAGE_PROGRAM:
    case DEVICE_ID:
    case ERASE_4K:
    case ERASE_32K:
    case ERASE_64K:
        break;
    case WREN:
    case WRDI:
    case CHIP_ERASE:
    case CHIP_ERASE_60:
    case POWER_DOWN:
    case RESET_ENABLE:
    case RESET:
        return HIGH_Z;
    default:
        if (index == 1)
            qemu_log_mask(LOG_UNIMP, "NOR: command 0x%02x is not modelled\n", nor->command);
        return HIGH_Z;
    }
    if (index <= 3) {
        nor->address = (nor->address << 8 | byte) % nor->array.part->size;
        return HIGH_Z;
    }
    switch (nor->command) {
    case READ:
        return read_cells(nor);
    case FAST_READ:
        return index == 4 ? HIGH_Z : read_cells(nor);
    case DEVICE_ID:
        return device_id[(index + nor->address) % 2];
    case PAGE_PROGRAM:
        nor->page[(nor->address + nor->received++) % sizeof(nor->page)] = byte;
        break;
    }
    return HIGH_Z;
}

uint8_t spi_nor_exchange(Mcu *mcu, uint8_t byte)
{
    SpiNor *nor = &mcu->nor;
    uint8_t reply = HIGH_Z;
    if (!nor->selected || !nor->present)
        return HIGH_Z;
    spi_nor_settle(mcu);
    if (nor->index == 0)
        begin(nor, byte);
    else if (!nor->ignored)
        reply = answer(nor, byte);
    nor->index++;
    return reply;
}

/// Life ///

void spi_nor_power_on(Mcu *mcu)
{
    SpiNor *nor = &mcu->nor;
    nor->selected = nor->ignored = nor->powered_down = nor->reset_enabled = nor->write_enabled = false;
    nor->index = nor->received = nor->address = 0;
    nor->command = 0;
    nor->reads = 0;
    nor->status[0] = nor->status[1] = 0;
    nor->busy_until = 0;
    nor->poll = (Poll){0};
}

void spi_nor_power_off(Mcu *mcu, enum nor_tear tear)
{
    spi_nor_settle(mcu);
    operation_tear(mcu, &mcu->nor.operation, tear);
}

void spi_nor_init(Mcu *mcu, const char *path, const char *part)
{
    SpiNor *nor = &mcu->nor;
    nor->mcu = mcu;
    nor->present = g_strcmp0(part, "none") != 0;
    if (nor->present && g_strcmp0(part, nor_s25fl064k.name) != 0) {
        error_report("nor-part: %s is unknown; known are %s and none", part, nor_s25fl064k.name);
        exit(1);
    }
    nor->array = (struct nor_array){
        .part = &nor_s25fl064k,
        .cells = shared_file("nor", path, RAIL_NOR_SIZE),
        .marks = &nor->marks,
    };
}
