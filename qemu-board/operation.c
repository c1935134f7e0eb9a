/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Non-volatile operations: what the internal flash and the SPI NOR have in common. Each is counted and recorded when
 * it starts, changes its cells when it ends, and is torn when power fails in between.
 */
#include "mcu.h"
#include "trace/trace-hw_arm.h"

void operation_make_room(struct nor_marks *marks)
{
    if (marks->capacity - marks->count >= NOR_MARKS_PER_TEAR)
        return;
    marks->capacity = marks->count + 4 * NOR_MARKS_PER_TEAR;
    marks->list = g_renew(struct nor_mark, marks->list, marks->capacity);
}

/* Power is lost at the start of the chosen operation, with what the tear leaves of it. */
static enum operation_result count(Mcu *mcu)
{
    Rail *rail = &mcu->rail;
    return rail->operations++ == rail->cut ? OPERATION_CUT : OPERATION_STARTED;
}

static void lose_power(Mcu *mcu)
{
    mcu_power_off(mcu, mcu->rail.tear, mcu->rail.cut);
    rail_pause(mcu, "cut");
}

enum operation_result operation_start(Mcu *mcu, Operation *operation, struct nor_array *array, const struct nor_op *op,
                                      enum rail_chip chip, uint32_t address, uint32_t pc)
{
    int64_t duration = nor_duration_ns(array, op);
    int64_t now = time_now(mcu);
    struct rail_event event = {
        .time_ns = now,
        .duration_ns = duration,
        .pc = pc,
        .address = address,
        .value = op->length,
        .payload = op->kind == NOR_PROGRAM ? op->length : 0,
        .kind = op->kind == NOR_PROGRAM ? RAIL_PROGRAM : RAIL_ERASE,
        .chip = chip,
    };
    trace_event(mcu, &event, op->data);
    trace_matterhorn_operation_start(now, chip, event.kind, address, op->length, duration, pc);
    touch_programmed(mcu, array, op);

    operation->array = array;
    operation->op = *op;
    operation->end = now + duration;
    if (op->kind == NOR_PROGRAM) {
        memcpy(operation->data, op->data, op->length);
        operation->op.data = operation->data;
    }
    operation->pending = true;
    enum operation_result result = count(mcu);
    if (result == OPERATION_CUT)
        lose_power(mcu);
    return result;
}

enum operation_result operation_status(Mcu *mcu, enum rail_chip chip, uint32_t address, const void *data,
                                       uint16_t length, int64_t duration)
{
    return operation_status_at(mcu, chip, address, data, length, duration, time_pc(mcu));
}

enum operation_result operation_status_at(Mcu *mcu, enum rail_chip chip, uint32_t address, const void *data,
                                          uint16_t length, int64_t duration, uint32_t pc)
{
    struct rail_event event = {
        .time_ns = time_now(mcu),
        .duration_ns = duration,
        .pc = pc,
        .address = address,
        .value = length,
        .payload = length,
        .kind = RAIL_STATUS,
        .chip = chip,
    };
    trace_event(mcu, &event, data);
    trace_matterhorn_operation_start(event.time_ns, chip, RAIL_STATUS, address, length, duration, pc);
    enum operation_result result = count(mcu);
    if (result == OPERATION_CUT)
        lose_power(mcu);
    return result;
}

bool operation_settle(Mcu *mcu, Operation *operation)
{
    if (!operation->pending || time_now(mcu) < operation->end)
        return false;
    operation_tear(mcu, operation, operation_outcome(mcu, operation));
    return true;
}

static int64_t duration(const Operation *operation)
{
    return nor_duration_ns(operation->array, &operation->op);
}

/* RM0090 section 3.6.2: below the supply that PSIZE needs, what is programmed may read right and not be retained. */
enum nor_tear operation_outcome(Mcu *mcu, const Operation *operation)
{
    if (mcu->supply.vdd.count == 0 || operation != &mcu->flash.operation)
        return NOR_TEAR_AFTER;
    int32_t lowest = supply_lowest_vdd(mcu, operation->end - duration(operation), operation->end);
    if (lowest >= flash_needs_mv(mcu))
        return NOR_TEAR_AFTER;
    qemu_log_mask(LOG_GUEST_ERROR, "FLASH: operation at %d mV, where PSIZE needs %d\n", lowest, flash_needs_mv(mcu));
    return NOR_TEAR_WEAK;
}

static bool leave(Mcu *mcu, Operation *operation, enum nor_tear tear)
{
    if (tear != TEAR_BY_PHASE)
        return nor_tear(operation->array, &operation->op, tear);
    int64_t whole = duration(operation);
    return nor_tear_at(operation->array, &operation->op, whole - (operation->end - time_now(mcu)), whole);
}

void operation_tear(Mcu *mcu, Operation *operation, enum nor_tear tear)
{
    if (!operation->pending)
        return;
    operation->pending = false;
    operation_make_room(operation->array->marks);
    if (!leave(mcu, operation, tear))
        g_assert_not_reached();
    if (trace_event_get_state_backends(TRACE_MATTERHORN_OPERATION_END)) /* time_now() is not free */
        trace_matterhorn_operation_end(time_now(mcu), operation->op.offset, nor_tear_name(tear));
    if (tear == NOR_TEAR_AFTER)
        touch_erased(mcu, operation->array, &operation->op);
}
