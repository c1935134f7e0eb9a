/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Operations of the SPI NOR: W25Q64JV Rev J section 8.2, page program, erases, suspend, resume and software
 * reset. What is refused starts nothing: it is neither counted nor recorded, and WEL stays set.
 */
#include "spi-nor.h"

#define RESET_NS (30 * SCALE_US)   /* tRST */
#define SUSPEND_NS (20 * SCALE_US) /* tSUS */

bool spi_nor_busy(SpiNor *nor)
{
    return time_now(nor->mcu) < nor->busy_until || nor->mcu->faults.wip_stuck;
}

bool spi_nor_writable(SpiNor *nor)
{
    if (!nor->write_enabled)
        qemu_log_mask(LOG_GUEST_ERROR, "NOR: command 0x%02x without WEL is ignored\n", nor->command);
    return nor->write_enabled;
}

void spi_nor_settle(Mcu *mcu)
{
    SpiNor *nor = &mcu->nor;
    operation_settle(mcu, &nor->operation);
    if (nor->writes_status && time_now(mcu) >= nor->busy_until)
        spi_nor_status_end(nor, NOR_TEAR_AFTER);
}

/// Programs and erases ///

static bool overlap(const struct nor_op *one, uint32_t offset, uint32_t length)
{
    return offset < one->offset + one->length && one->offset < offset + length;
}

/* What a suspended operation is about: the page of a program, the range of an erase. */
static bool concerns_suspended(SpiNor *nor, uint32_t offset, uint32_t length)
{
    if (!nor->suspended.pending)
        return false;
    struct nor_op op = nor->suspended.op;
    if (op.kind == NOR_PROGRAM) {
        op.offset &= ~(uint32_t)(sizeof(nor->page) - 1);
        op.length = sizeof(nor->page);
    }
    return overlap(&op, offset, length);
}

bool spi_nor_undefined(SpiNor *nor, uint32_t offset)
{
    return concerns_suspended(nor, offset, 1);
}

static bool erased(SpiNor *nor, uint32_t offset, uint32_t length)
{
    for (uint32_t i = offset; i < offset + length; i++)
        if (nor->array.cells[i] != 0xFF || nor_weak_bits(&nor->array, i) != 0)
            return false;
    return true;
}

/* A part with ECC takes each page once, and here tells nobody: it is busy as ever. */
static bool refuse_second_pass(SpiNor *nor, const struct nor_op *op)
{
    uint32_t page = sizeof(nor->page);
    bool one_pass = nor->one_pass || faults_on(nor->mcu, FAULT_NOR_MULTIPASS_REFUSED);
    if (!one_pass || erased(nor, op->offset & ~(page - 1), page))
        return false;
    qemu_log_mask(LOG_GUEST_ERROR, "NOR: second program of the page at 0x%06x does nothing\n", op->offset);
    nor->write_enabled = false;
    nor->busy_until = time_now(nor->mcu) + nor_duration_ns(&nor->array, op);
    return true;
}

static void start(SpiNor *nor, const struct nor_op *op)
{
    const char *why = NULL;
    if (spi_nor_protected(nor, op->offset, op->length))
        why = "a protected range";
    else if (concerns_suspended(nor, op->offset, op->length))
        why = "what is suspended";
    else if (nor->suspended.pending && nor->suspended.op.kind == op->kind)
        why = "another range than that of the same kind which is suspended";
    if (why != NULL) {
        qemu_log_mask(LOG_GUEST_ERROR, "NOR: command 0x%02x at 0x%06x for %s is ignored\n", nor->command, op->offset,
                      why);
        return;
    }
    if (op->kind == NOR_PROGRAM && refuse_second_pass(nor, op))
        return;
    nor->write_enabled = false;
    if (operation_start(nor->mcu, &nor->operation, &nor->array, op, RAIL_CHIP_NOR, op->offset, time_pc(nor->mcu)) ==
        OPERATION_STARTED)
        nor->busy_until = nor->operation.end;
    faults_nor_operation(nor->mcu);
}

/* Bytes wrap inside the page; of more than a page, the last 256 count. Those not sent stay as they are. */
void spi_nor_page_program(SpiNor *nor)
{
    uint32_t page = sizeof(nor->page);
    uint32_t offset = nor->address % page;
    uint32_t count = MIN(nor->received, page);
    struct nor_op op = {.kind = NOR_PROGRAM, .offset = nor->address, .length = count, .data = nor->page + offset};
    if (count == 0 || !spi_nor_writable(nor))
        return;
    if (nor->received > page - offset) {
        op.offset = nor->address - offset;
        op.length = page;
        op.data = nor->page;
    }
    start(nor, &op);
}

void spi_nor_erase(SpiNor *nor, uint32_t size)
{
    if (spi_nor_writable(nor))
        start(nor, &(struct nor_op){.kind = NOR_ERASE, .offset = nor->address & ~(size - 1), .length = size});
}

/// Interruptions ///

static void move(Operation *to, Operation *from)
{
    *to = *from;
    if (to->op.kind == NOR_PROGRAM)
        to->op.data = to->data;
    from->pending = false;
}

void spi_nor_suspend(SpiNor *nor)
{
    Operation *operation = &nor->operation;
    int64_t now = time_now(nor->mcu);
    bool whole_chip = operation->op.kind == NOR_ERASE && operation->op.length == nor->array.part->size;
    if (!operation->pending || whole_chip || nor->suspended.pending) {
        qemu_log_mask(LOG_GUEST_ERROR, "NOR: there is nothing to suspend\n");
        return;
    }
    if (nor->resumed_at != 0 && now < nor->resumed_at + SUSPEND_NS)
        qemu_log_mask(LOG_GUEST_ERROR, "NOR: suspended less than tSUS after it was resumed\n");
    move(&nor->suspended, operation);
    nor->rest = nor->suspended.end - now;
    nor->busy_until = now + SUSPEND_NS;
}

void spi_nor_resume(SpiNor *nor)
{
    if (!nor->suspended.pending) {
        qemu_log_mask(LOG_GUEST_ERROR, "NOR: there is nothing to resume\n");
        return;
    }
    const struct nor_op anew = nor->suspended.op;
    if (faults_forget_suspension(nor->mcu)) {
        start(nor, &anew);
        return;
    }
    move(&nor->operation, &nor->suspended);
    nor->resumed_at = time_now(nor->mcu);
    nor->operation.end = nor->busy_until = nor->resumed_at + nor->rest;
}

static void tear(SpiNor *nor, enum nor_tear how)
{
    faults_forget_suspension(nor->mcu);
    operation_tear(nor->mcu, &nor->operation, how);
    nor->suspended.end = time_now(nor->mcu) + nor->rest; /* as if it had just been suspended */
    operation_tear(nor->mcu, &nor->suspended, how);
    spi_nor_status_end(nor, how);
}

void spi_nor_software_reset(SpiNor *nor)
{
    tear(nor, NOR_TEAR_BEFORE);
    spi_nor_status_restore(nor);
    nor->write_enabled = nor->volatile_enabled = nor->powered_down = false;
    nor->busy_until = time_now(nor->mcu) + RESET_NS;
}

void spi_nor_power_off(Mcu *mcu, enum nor_tear how)
{
    spi_nor_settle(mcu);
    tear(&mcu->nor, how);
}
