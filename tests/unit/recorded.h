/* SPDX-License-Identifier: MIT
 *
 * Recordings made by hand, for tests of the bench.
 */
#ifndef MATTERHORN_TESTS_RECORDED_H
#define MATTERHORN_TESTS_RECORDED_H

#include "recording.h"

#include <string.h>

static inline void record(struct recording *recording, uint64_t time_ns, uint64_t duration_ns, enum rail_kind kind,
                   enum rail_chip chip, uint32_t address, uint32_t value, const void *data)
{
    struct {
        struct rail_event event;
        uint8_t payload[256];
    } memory;
    memset(&memory, 0, sizeof memory);
    memory.event = (struct rail_event){.time_ns = time_ns,
                                       .duration_ns = duration_ns,
                                       .address = address,
                                       .value = value,
                                       .payload = data != NULL ? (uint16_t)value : 0,
                                       .kind = (uint8_t)kind,
                                       .chip = (uint8_t)chip};
    if (data != NULL)
        memcpy(memory.payload, data, value);
    recording_take(recording, &(struct trace_item){&memory.event, memory.payload});
}

static inline void record_program(struct recording *recording, uint64_t time_ns, enum rail_chip chip, uint32_t address,
                                  uint32_t word)
{
    record(recording, time_ns, 16000, RAIL_PROGRAM, chip, address, 4, &word);
}

static inline void record_erase(struct recording *recording, uint64_t time_ns, enum rail_chip chip, uint32_t address,
                                uint32_t size)
{
    record(recording, time_ns, 1000000, RAIL_ERASE, chip, address, size, NULL);
}

static inline void record_line(struct recording *recording, uint64_t time_ns, const char *text)
{
    for (; *text != '\0'; text++)
        record(recording, time_ns, 0, RAIL_UART, RAIL_CHIP_NONE, 1, (uint8_t)*text, NULL);
    record(recording, time_ns, 0, RAIL_UART, RAIL_CHIP_NONE, 1, '\n', NULL);
}

#endif
