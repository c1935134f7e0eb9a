/* SPDX-License-Identifier: MIT
 *
 * Data of an application's own in the user's part of the SPI NOR: areas of any contents, packets, power losses; and any
 * calls of the user's flash functions.
 *
 *   1      where the area lies, and how many sectors it has
 *   9      the update: its size (2), the size of its packets (2), its version (1); where the contents begin (2), how
 *          many they are (2); then these
 *   12 ... actions: what (1), when power is lost in it and how (3), two numbers (4 each)
 *
 * Nothing outside the area is touched by an update, nothing outside the user's part by any call. What was acknowledged
 * is there after every power loss, and reads as it was given; it is never taken for a packet of another update.
 */
#include "nor.h"
#include "target.h"

#include "matterhorn/mfupdate.h"
#include "matterhorn/user_flash.h"

#include <sodium/crypto_hash_sha256.h>
#include <string.h>

#define SECTOR MH_USER_FLASH_SECTOR
#define SECTORS_MOST 4u
#define PACKETS_MOST 64u
#define ACTIONS_MOST 24u
#define MARKS_MOST 4096u
#define OPERATIONS_MOST 4000u

enum action { OPEN, PACKET, OTHER_PACKET, VALIDATE, ERASE, USER_READ, USER_PROGRAM, USER_ERASE, ACTIONS };

static struct {
    struct nor_array array;
    struct nor_marks marks;
    struct mh_device device;
    uint32_t from, to; /* which addresses may be touched now */
    bool power;
    uint32_t operations, lost_at; /* 0: not at all */
    enum nor_tear tear;
    uint64_t noise;
} chip;

/// The chip ///

static bool is_allowed(uint32_t address, uint32_t length)
{
    return address >= chip.from && address <= chip.to && length <= chip.to - address;
}

static enum mh_error operate(const struct nor_op *op)
{
    demand(is_allowed(op->offset, op->length) && ++chip.operations <= OPERATIONS_MOST);
    if (!chip.power)
        return MH_ERR_FLASH;
    chip.power = chip.operations != chip.lost_at;
    const enum nor_tear tear = nor_tear_applies(op->kind, chip.tear) ? chip.tear : NOR_TEAR_HALF;
    demand(chip.power ? nor_apply(&chip.array, op) : nor_tear(&chip.array, op, tear));
    return chip.power ? MH_OK : MH_ERR_FLASH;
}

static enum mh_error read_chip(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    (void)context;
    demand(is_allowed(address, length));
    memcpy(buffer, chip.array.cells + address, length);
    for (uint32_t i = 0; i < chip.marks.count; i++) {
        const struct nor_mark *mark = &chip.marks.list[i];
        if (mark->kind == NOR_WEAK && mark->offset - address < length)
            buffer[mark->offset - address] = nor_read(&chip.array, mark->offset, chip.noise);
    }
    return chip.power ? MH_OK : MH_ERR_FLASH;
}

static enum mh_error program_chip(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    (void)context;
    demand(length >= 1 && length <= 256 && address / 256 == (address + length - 1) / 256);
    return operate(&(struct nor_op){NOR_PROGRAM, address, length, data});
}

static enum mh_error erase_chip(void *context, uint32_t address)
{
    (void)context;
    demand(address % SECTOR == 0);
    return operate(&(struct nor_op){NOR_ERASE, address, SECTOR, NULL});
}

static void create(void)
{
    chip.array = (struct nor_array){.part = &nor_s25fl064k, .cells = malloc(nor_s25fl064k.size), .marks = &chip.marks};
    chip.marks = (struct nor_marks){.list = calloc(MARKS_MOST, sizeof(struct nor_mark)), .capacity = MARKS_MOST};
    demand(chip.array.cells != NULL && chip.marks.list != NULL);
    memset(chip.array.cells, 0xFF, nor_s25fl064k.size);
    chip.device.nor = (struct mh_nor){read_chip, program_chip, erase_chip, NULL};
}

static void start(uint64_t noise)
{
    chip.power = true;
    chip.operations = chip.lost_at = 0;
    chip.noise = noise;
}

/// An update ///

struct run {
    struct mfupdate_area area;
    struct mfupdate_actions actions;
    struct mfupdate_provider row;
    struct mfupdate_header header;
    struct mfupdate session;
    bool there[PACKETS_MOST]; /* acknowledged, and nothing has been done to them since */
};

static enum mh_error install_nothing(void *context, struct mfupdate *session)
{
    (void)context;
    (void)session;
    return MH_OK;
}

static uint32_t length_of(const struct run *run, uint32_t index)
{
    const uint32_t left = run->header.size - index * run->header.packet_size;

    return left < run->header.packet_size ? left : run->header.packet_size;
}

/* What packet `index` of this update holds. */
static void make_packet(const struct run *run, uint32_t index, uint8_t *data)
{
    for (uint32_t i = 0; i < length_of(run, index); i++)
        data[i] = (uint8_t)(i * 7 + index * 31 + run->header.version.part[0]);
}

static void check_packets(struct run *run)
{
    static uint8_t expected[MFUPDATE_AREA_PACKET_MAX], read[MFUPDATE_AREA_PACKET_MAX];
    const struct mfupdate_storage *storage = &run->area.storage;

    for (uint32_t i = 0; i < mfupdate_packets(&run->session) && i < PACKETS_MOST; i++) {
        demand(!run->there[i] || !storage->missing(storage->context, &run->session, i));
        if (run->there[i]) {
            make_packet(run, i, expected);
            demand(storage->read(storage->context, &run->session, i * run->header.packet_size, read,
                                 length_of(run, i)) == MH_OK);
            demand(memcmp(read, expected, length_of(run, i)) == 0);
        }
    }
}

static void open_session(struct run *run)
{
    const enum mh_error error = mfupdate_initialize(&run->session, &run->row, &run->header);
    const bool fits = run->header.size != 0 && run->header.packet_size != 0 &&
                      run->header.packet_size <= MFUPDATE_AREA_PACKET_MAX &&
                      (run->header.size - 1) / run->header.packet_size < run->area.sectors;

    demand(error == (run->header.size != 0 && run->header.packet_size != 0 ? MH_OK : MH_ERR_ARGUMENT));
    if (error != MH_OK)
        return;
    demand((mfupdate_open(&run->session, NULL, 0) == MH_OK) == fits || !chip.power);
    if (run->session.open)
        check_packets(run);
}

static void give_packet(struct run *run, uint32_t index, bool other)
{
    static uint8_t data[MFUPDATE_AREA_PACKET_MAX];
    struct mfupdate_packet packet = {.index = index, .data = data};

    if (!run->session.open || index >= PACKETS_MOST)
        return;
    packet.length = index < mfupdate_packets(&run->session) ? length_of(run, index) : 1;
    if (packet.length == 0 || index >= mfupdate_packets(&run->session) || other)
        packet.length += other;
    else
        make_packet(run, index, data);
    const bool right = !other && index < mfupdate_packets(&run->session);
    if (packet.length > sizeof data)
        return;
    const bool was_missing = right && run->area.storage.missing(&run->area, &run->session, index);
    const enum mh_error error = mfupdate_packet(&run->session, &packet);
    demand(right ? error == MH_OK || !chip.power : error == MH_ERR_ARGUMENT);
    if (right && was_missing)
        run->there[index] = error == MH_OK;
    if (chip.power)
        check_packets(run);
}

static void validate(struct run *run)
{
    static uint8_t data[PACKETS_MOST * MFUPDATE_AREA_PACKET_MAX];
    uint8_t hash[crypto_hash_sha256_BYTES];
    bool ours = run->session.open;

    for (uint32_t i = 0; ours && i < mfupdate_packets(&run->session); i++) {
        make_packet(run, i, data + i * run->header.packet_size);
        ours = run->there[i];
    }
    if (!ours)
        return;
    crypto_hash_sha256(hash, data, run->header.size);
    demand(mfupdate_validate(&run->session, hash, sizeof hash) == MH_OK);
    demand(mfupdate_validate(&run->session, hash, sizeof hash - 1) == MH_ERR_ARGUMENT);
    hash[3] ^= 1;
    demand(mfupdate_validate(&run->session, hash, sizeof hash) == MH_ERR_IMAGE);
}

/// Any calls ///

/* Out of bounds they are refused; within, they are read only: what stands there is the business of updates. */
static void call_flash(enum action action, uint32_t address, uint32_t length)
{
    static uint8_t buffer[3 * SECTOR];
    const bool within = address <= MH_USER_FLASH_SIZE && length <= MH_USER_FLASH_SIZE - address;
    const bool sector = address % SECTOR == 0 && address < MH_USER_FLASH_SIZE;

    if (within && length > sizeof buffer)
        length = sizeof buffer;
    if (action == USER_READ)
        demand(mh_user_flash_read(&chip.device, address, buffer, length) == (within ? MH_OK : MH_ERR_ARGUMENT));
    else if (action == USER_PROGRAM)
        demand(within || mh_user_flash_program(&chip.device, address, buffer, length) == MH_ERR_ARGUMENT);
    else
        demand(sector || mh_user_flash_erase(&chip.device, address) == MH_ERR_ARGUMENT);
}

static void act(struct run *run, struct input *input)
{
    const enum action action = take8(input) % ACTIONS;
    const uint32_t lost_at = take16(input) % 64;
    const enum nor_tear tear = take8(input) % NOR_TEARS;
    const uint32_t number = take32(input), other = take32(input);

    if (action >= USER_READ) {
        chip.from = 0;
        chip.to = MH_USER_FLASH_SIZE;
        start(other);
        call_flash(action, number, other);
        return;
    }
    chip.from = run->area.address;
    chip.to = chip.from + run->area.sectors * SECTOR;
    if (action == OPEN || !chip.power) {
        start(other);
        open_session(run);
    }
    chip.operations = 0;
    chip.lost_at = lost_at;
    chip.tear = tear;
    if (action == PACKET || action == OTHER_PACKET) {
        give_packet(run, number % PACKETS_MOST, action == OTHER_PACKET);
    } else if (action == VALIDATE && chip.power) {
        validate(run);
    } else if (action == ERASE && run->session.provider != NULL) {
        demand(mfupdate_delete(&run->session) == MH_OK || !chip.power);
        memset(run->there, 0, sizeof run->there);
        chip.power = false; /* what is left of it is for the next opening to say */
    }
}

/// One input ///

static void set_up(struct run *run, struct input *input)
{
    static const uint32_t places[] = {0, 0x1000, 0x345000, MH_USER_FLASH_SIZE - SECTORS_MOST * SECTOR};
    const unsigned what = take8(input);
    size_t count;

    run->header = (struct mfupdate_header){.type = MFUPDATE_USER, .size = take16(input)};
    run->header.packet_size = take16(input);
    run->header.version.part[0] = (uint16_t)take8(input);
    demand(mfupdate_area(&run->area, &chip.device, places[what % 4], (1 + what / 4 % SECTORS_MOST) * SECTOR) == MH_OK);
    run->actions = (struct mfupdate_actions){.install = install_nothing};
    run->row = (struct mfupdate_provider){"area", &run->actions, &mfupdate_sha256, &run->area.storage, NULL, NULL};
    chip.marks.count = 0;
    memset(chip.array.cells + run->area.address, 0xFF, SECTORS_MOST * SECTOR);
    const uint32_t at = take16(input) % (run->area.sectors * SECTOR);
    const uint8_t *bytes = take_up_to(input, take16(input), &count);
    if (count <= run->area.sectors * SECTOR - at)
        memcpy(chip.array.cells + run->area.address + at, bytes, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct run run = {.session = {0}};

    if (chip.array.cells == NULL)
        create();
    set_up(&run, &input);
    chip.power = false;
    for (unsigned i = 0; input.left > 0 && i < ACTIONS_MOST; i++)
        act(&run, &input);
    chip.from = run.area.address;
    chip.to = chip.from + run.area.sectors * SECTOR;
    for (unsigned noise = 0; noise < 3; noise++) {
        start(noise);
        open_session(&run);
    }
    memset(chip.array.cells + run.area.address, 0xFF, SECTORS_MOST * SECTOR);
    return 0;
}
