/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The trace: what a person with a probe would see, in a file shared with the bench. The format is rail.h's.
 */
#include "mcu.h"
#include "qemu/error-report.h"

/* Room for what one instruction can cause after the pause was asked for. */
#define RESERVE 8192

void trace_open(Mcu *mcu, const char *path)
{
    if (path == NULL)
        return;
    struct stat status;
    if (stat(path, &status) != 0 || status.st_size < RAIL_TRACE_EVENTS + 2 * RESERVE) {
        error_report("trace: %s must be a file of at least %d bytes", path, RAIL_TRACE_EVENTS + 2 * RESERVE);
        exit(1);
    }
    mcu->trace.file = shared_file("trace", path, status.st_size);
    mcu->trace.header = (struct rail_trace *)mcu->trace.file;
    const struct rail_trace *header = mcu->trace.header;
    if (header->magic != RAIL_TRACE_MAGIC || header->version != RAIL_TRACE_VERSION ||
        header->size != (uint64_t)status.st_size) {
        error_report("trace: %s does not start with a header of version %u", path, RAIL_TRACE_VERSION);
        exit(1);
    }
}

uint64_t trace_used(Mcu *mcu)
{
    return mcu->trace.file == NULL ? 0 : mcu->trace.header->used;
}

void trace_event(Mcu *mcu, const struct rail_event *event, const void *payload)
{
    if (mcu->trace.file == NULL)
        return;
    struct rail_trace *header = mcu->trace.header;
    size_t padded = ROUND_UP(event->payload, 8);
    uint64_t at = RAIL_TRACE_EVENTS + header->used;
    if (at + sizeof(*event) + padded > header->size)
        return;
    memcpy(mcu->trace.file + at, event, sizeof(*event));
    if (padded != 0) {
        memset(mcu->trace.file + at + sizeof(*event) + padded - 8, 0, 8);
        memcpy(mcu->trace.file + at + sizeof(*event), payload, event->payload);
    }
    header->used += sizeof(*event) + padded;
    if (at + sizeof(*event) + padded + RESERVE > header->size)
        rail_pause(mcu, "trace-full");
}

void trace_now(Mcu *mcu, enum rail_kind kind, uint32_t pc, uint32_t address, uint32_t value)
{
    struct rail_event event = {
        .time_ns = time_now(mcu),
        .pc = pc,
        .address = address,
        .value = value,
        .kind = kind,
    };
    trace_event(mcu, &event, NULL);
}
