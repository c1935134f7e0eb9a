/* SPDX-License-Identifier: MIT */
#include "device_target.h"

#include <string.h>

#define MARKS_MOST 4096u
#define OPERATIONS_MOST 60000u /* the largest install of the set programs 17,000 words, and may begin anew once */
#define READS_MOST 20000u
#define PAGE 4096u
#define RESERVED_SIZE 0x100000u
#define OTP_USED (MH_OTP_REVOKED_OFFSET + 4) /* docs/SPEC.md 4.1 */

/// Cells ///

/* The internal flash is read through a pointer, so weak bits are put into a copy. */
static void look(struct target *target, uint32_t offset, uint32_t length)
{
    const struct nor_array *chip = &target->array.internal;

    memcpy(target->view + offset, chip->cells + offset, length);
    for (uint32_t i = 0; i < chip->marks->count; i++) {
        const struct nor_mark *mark = &chip->marks->list[i];
        if (mark->kind == NOR_WEAK && mark->offset - offset < length)
            target->view[mark->offset] = nor_read(chip, mark->offset, target->noise);
    }
}

static void look_at_otp(struct target *target)
{
    const struct nor_array *chip = &target->array.otp_area;

    memcpy(target->otp_view, chip->cells, chip->part->size);
    for (uint32_t i = 0; i < chip->marks->count; i++)
        target->otp_view[chip->marks->list[i].offset] = nor_read(chip, chip->marks->list[i].offset, target->noise);
}

static void touch(bool dirty[TARGET_PAGES], uint32_t offset, uint32_t length)
{
    for (uint32_t page = offset / PAGE; page <= (offset + length - 1) / PAGE; page++)
        dirty[page] = true;
}

static bool is_reserved(uint32_t address, uint32_t length)
{
    return address >= MH_RESERVED_ADDRESS && length >= 1 && length <= RESERVED_SIZE &&
           address - MH_RESERVED_ADDRESS <= RESERVED_SIZE - length;
}

/* The shadow of the config sector lies within the reserved megabyte, and is none of the updater's. */
static bool is_updaters(uint32_t address, uint32_t length)
{
    return is_reserved(address, length) && (address + length <= MH_RESERVED_ADDRESS + MH_EXTENTS * MH_EXTENT_SIZE ||
                                            address >= MH_JOURNAL_ADDRESS);
}

/* Whether the package that is being installed has the component whose region that is in. */
static bool is_being_installed(const struct target *target, uint32_t address, uint32_t length)
{
    for (unsigned i = 0; target->package != NULL && i < MH_COMPONENTS; i++) {
        const struct mh_region *region = &target->device.board->regions[i];
        if (target->package->manifest.components[i].present && address >= region->address &&
            address - region->address < region->size && length <= region->size - (address - region->address))
            return true;
    }
    return false;
}

/* Whether it is the first word of a header, over itself: what a power loss has left weak of one is made firm so. */
static bool is_made_firm(const struct target *target, uint32_t address, const uint8_t *data, uint32_t length)
{
    const uint8_t *there = target->device.internal.cells + (address - MH_INTERNAL_BASE);

    for (unsigned i = 0; length == 4 && i < MH_COMPONENTS; i++) {
        if (address == target->device.board->regions[i].address)
            return memcmp(there, data, length) == 0;
    }
    return false;
}

/// Drivers ///

static enum nor_tear nearest(enum nor_kind kind, enum nor_tear tear)
{
    if (nor_tear_applies(kind, tear))
        return tear;
    if (kind == NOR_ERASE)
        return tear == NOR_TEAR_ONEBIT ? NOR_TEAR_MASK : NOR_TEAR_HALF;
    return tear == NOR_TEAR_ZEROS ? NOR_TEAR_HALF : NOR_TEAR_WEAK;
}

static enum mh_error operate(struct target *target, struct nor_array *chip, const struct nor_op *op)
{
    if (!target->power)
        return MH_ERR_FLASH; /* to code that no device would run any more */
    demand(++target->operations <= OPERATIONS_MOST);
    if (chip == &target->array.nor)
        touch(target->dirty_nor, op->offset - MH_RESERVED_ADDRESS, op->length);
    else if (chip == &target->array.internal)
        touch(target->dirty_internal, op->offset, op->length);
    target->power = target->operations != target->loss.operation;
    demand(target->power ? nor_apply(chip, op) : nor_tear(chip, op, nearest(op->kind, target->loss.tear)));
    if (chip == &target->array.internal)
        look(target, op->offset, op->length);
    else if (chip == &target->array.otp_area)
        look_at_otp(target);
    return target->power ? MH_OK : MH_ERR_FLASH;
}

static enum mh_error read_nor(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    struct target *target = context;
    const struct nor_array *chip = &target->array.nor;

    demand(is_updaters(address, length) && ++target->reads <= READS_MOST);
    memcpy(buffer, chip->cells + address, length);
    for (uint32_t i = 0; i < chip->marks->count; i++) {
        const struct nor_mark *mark = &chip->marks->list[i];
        if (mark->kind == NOR_WEAK && mark->offset - address < length)
            buffer[mark->offset - address] = nor_read(chip, mark->offset, target->noise);
    }
    return MH_OK;
}

static enum mh_error program_nor(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    struct target *target = context;

    demand(is_updaters(address, length) && address / 256 == (address + length - 1) / 256);
    return operate(target, &target->array.nor, &(struct nor_op){NOR_PROGRAM, address, length, data});
}

static enum mh_error erase_nor(void *context, uint32_t address)
{
    struct target *target = context;

    demand(address % PAGE == 0 && is_updaters(address, PAGE));
    return operate(target, &target->array.nor, &(struct nor_op){NOR_ERASE, address, PAGE, NULL});
}

static enum mh_error program_internal(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    struct target *target = context;
    enum mh_error error = MH_OK;

    demand(address % 4 == 0 && length % 4 == 0);
    demand(is_being_installed(target, address, length) || is_made_firm(target, address, data, length));
    for (uint32_t at = 0; error == MH_OK && at < length; at += 4)
        error = operate(target, &target->array.internal,
                        &(struct nor_op){NOR_PROGRAM, address - MH_INTERNAL_BASE + at, 4, data + at});
    return error;
}

static enum mh_error erase_internal(void *context, unsigned sector)
{
    struct target *target = context;

    demand(sector < MH_SECTORS);
    const struct mh_region region = mh_sector(sector);
    demand(is_being_installed(target, region.address, region.size));
    return operate(target, &target->array.internal,
                   &(struct nor_op){NOR_ERASE, region.address - MH_INTERNAL_BASE, region.size, NULL});
}

/* What is reserved there stays as it is, and so do the lock bytes. */
static enum mh_error program_otp(void *context, uint32_t offset, const uint8_t *data, uint32_t length)
{
    struct target *target = context;
    enum mh_error error = MH_OK;

    demand(offset % 4 == 0 && length % 4 == 0 && length <= OTP_USED && offset <= OTP_USED - length);
    for (uint32_t at = 0; error == MH_OK && at < length; at += 4)
        error = operate(target, &target->array.otp_area, &(struct nor_op){NOR_PROGRAM, offset + at, 4, data + at});
    return error;
}

/// Life ///

static void mark(struct nor_array *chip, struct nor_marks *marks)
{
    *marks = (struct nor_marks){.list = calloc(MARKS_MOST, sizeof(struct nor_mark)), .capacity = MARKS_MOST};
    demand(marks->list != NULL);
    chip->marks = marks;
}

static void create(struct target *target)
{
    demand(array_device_create(&target->array, mh_board_named("mountaineer-eth")));
    target->view = malloc(MH_INTERNAL_SIZE);
    target->otp_view = malloc(target->array.otp_area.part->size);
    demand(target->view != NULL && target->otp_view != NULL);
    memset(target->view, 0xFF, MH_INTERNAL_SIZE);
    mark(&target->array.internal, &target->internal_marks);
    mark(&target->array.nor, &target->nor_marks);
    mark(&target->array.otp_area, &target->otp_marks);
    target->device = target->array.device;
    target->device.nor = (struct mh_nor){read_nor, program_nor, erase_nor, target};
    target->device.internal = (struct mh_internal){target->view, program_internal, erase_internal, target};
    target->device.otp = (struct mh_otp){target->otp_view, program_otp, target};
    package_set_anchors(&target->device.anchors);
}

struct target *target_open(void)
{
    static struct target target;

    if (target.view == NULL)
        create(&target);
    target.internal_marks.count = target.nor_marks.count = target.otp_marks.count = 0;
    memset(target.array.otp, 0xFF, target.array.otp_area.part->size);
    for (unsigned page = 0; page < TARGET_PAGES; page++) {
        if (target.dirty_nor[page])
            memset(target.array.nor.cells + MH_RESERVED_ADDRESS + page * PAGE, 0xFF, PAGE);
        if (target.dirty_internal[page])
            memset(target.array.internal.cells + page * PAGE, 0xFF, PAGE);
        if (target.dirty_internal[page])
            look(&target, page * PAGE, PAGE);
        target.dirty_nor[page] = target.dirty_internal[page] = false;
    }
    memset(&target.update, 0, sizeof target.update);
    target_start(&target, 0, (struct loss){0});
    return &target;
}

void target_start(struct target *target, uint64_t noise, struct loss loss)
{
    target->noise = noise;
    target->power = true;
    target->loss = loss;
    target->operations = target->reads = 0;
    target->package = NULL;
    for (uint32_t i = 0; i < target->internal_marks.count; i++)
        if (target->internal_marks.list[i].kind == NOR_WEAK)
            look(target, target->internal_marks.list[i].offset, 1);
    look_at_otp(target);
    target->device.anchors.revoked = mh_otp_revoked(target->otp_view);
}

struct loss target_take_loss(struct input *input)
{
    const uint32_t when = take16(input);

    return (struct loss){when & 0x8000 ? when & 0x7FFF : when & 0x3F, take8(input) % NOR_TEARS};
}

/// Contents ///

/* Bytes that are put are firm. And in a sector that holds anything no erase can have lost power: what is weak there
 * are bits that a program was to clear. */
static void forget_marks(const struct nor_array *chip, uint32_t offset, uint32_t length)
{
    struct nor_marks *marks = chip->marks;
    uint32_t start, size, kept = 0;

    nor_sector_at(chip->part, offset, &start, &size);
    for (uint32_t i = 0; i < marks->count; i++) {
        const struct nor_mark mark = marks->list[i];
        const bool put = mark.offset - offset < length;
        const bool erased = mark.offset + mark.length > start && mark.offset < start + size &&
                            (mark.kind == NOR_NOTAKE || chip->cells[mark.offset] >> mark.bit & 1);
        if (!put && !erased)
            marks->list[kept++] = mark;
    }
    marks->count = kept;
}

static size_t within(uint32_t offset, size_t count, size_t size)
{
    if (offset >= size)
        return 0;
    return count < size - offset ? count : size - offset;
}

void target_put_nor(struct target *target, uint32_t offset, const uint8_t *bytes, size_t count)
{
    count = within(offset, count, RESERVED_SIZE);
    if (count == 0)
        return;
    touch(target->dirty_nor, offset, (uint32_t)count);
    forget_marks(&target->array.nor, MH_RESERVED_ADDRESS + offset, (uint32_t)count);
    memcpy(target->array.nor.cells + MH_RESERVED_ADDRESS + offset, bytes, count);
}

void target_put_internal(struct target *target, uint32_t offset, const uint8_t *bytes, size_t count)
{
    count = within(offset, count, MH_INTERNAL_SIZE);
    if (count == 0)
        return;
    touch(target->dirty_internal, offset, (uint32_t)count);
    forget_marks(&target->array.internal, offset, (uint32_t)count);
    memcpy(target->array.internal.cells + offset, bytes, count);
    look(target, offset, (uint32_t)count);
}

void target_put_weak(struct target *target, struct nor_array *chip, uint32_t offset, unsigned bit)
{
    const struct nor_mark mark = {.kind = NOR_WEAK, .offset = offset, .length = 1, .bit = (uint8_t)(bit % 8)};

    if (chip->marks->count >= MARKS_MOST / 2 || chip->cells[offset] >> mark.bit & 1)
        return;
    demand(nor_mark(chip, &mark));
    if (chip == &target->array.internal)
        look(target, offset, 1);
}

void target_put_torn_erase(struct target *target, struct nor_array *chip, uint32_t offset, enum nor_tear tear)
{
    struct nor_op op = {NOR_ERASE, 0, 0, NULL};

    nor_sector_at(chip->part, offset, &op.offset, &op.length);
    if (chip->marks->count >= MARKS_MOST / 2)
        return;
    if (chip == &target->array.nor)
        touch(target->dirty_nor, op.offset - MH_RESERVED_ADDRESS, op.length);
    else
        touch(target->dirty_internal, op.offset, op.length);
    demand(nor_tear(chip, &op, nearest(NOR_ERASE, tear)));
    if (chip == &target->array.internal)
        look(target, op.offset, op.length);
}

void target_put_component(struct target *target, const struct made *made, unsigned number)
{
    const uint32_t region = target->device.board->regions[number - 1].address - MH_INTERNAL_BASE;
    const struct package_image *image = &made->images[number - 1];

    target_put_internal(target, region, made->bytes, mh_get16(made->bytes + 6) + MH_SIGNATURE_SIZE);
    target_put_internal(target, region + MH_HEADER_SIZE, image->bytes, image->size);
}

/// Starts ///

bool target_pending(const struct target *target)
{
    return mh_state_pending(&target->update.journal.state);
}

/* As boot/main.c: what is installed is whole, but the install or rollback that is still wanted cannot be finished. */
static bool give_up(struct mh_journal *journal, enum mh_error error)
{
    if (error == MH_ERR_FLASH)
        return true;
    if (journal->state.sectors_done != 0)
        return false;
    if (journal->state.phase == MH_ROLLING_BACK) {
        (void)mh_rollback_give_up(journal);
    } else {
        mh_state_refuse(&journal->state, error);
        (void)mh_journal_write(journal);
    }
    return true;
}

bool target_boot(struct target *target, bool blamed)
{
    struct mh_update *update = &target->update;
    const struct mh_device *device = &target->device;
    struct mh_manifest manifest;
    enum mh_error unfinished = MH_OK;

    if (mh_journal_open(&update->journal, &device->nor) == MH_OK) {
        target->package = &update->package;
        unfinished = mh_proceed(device, &update->journal, &update->package, blamed);
        target->package = NULL;
    }
    if (mh_component_verify(device, MH_RUNTIME, &manifest) != MH_OK ||
        mh_component_verify(device, MH_APPLICATION, &manifest) != MH_OK)
        return false;
    if (unfinished == MH_OK || !target_pending(target) || update->journal.state.phase == MH_CONFIRMING)
        return true;
    return give_up(&update->journal, unfinished);
}

const struct made *target_installed(const struct target *target, unsigned number)
{
    const uint32_t region = target->device.board->regions[number - 1].address - MH_INTERNAL_BASE;
    struct mh_manifest manifest;

    if (mh_component_verify(&target->device, number, &manifest) != MH_OK)
        return NULL;
    const struct made *made = package_set_find(manifest.id);
    demand(made != NULL);
    const struct package_image *image = &made->images[number - 1];
    demand(image->path != NULL && memcmp(target->view + region + MH_HEADER_SIZE, image->bytes, image->size) == 0);
    demand(memcmp(target->view + region, made->bytes, mh_get16(made->bytes + 6) + MH_SIGNATURE_SIZE) == 0);
    return made;
}
