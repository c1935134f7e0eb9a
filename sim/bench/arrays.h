/* SPDX-License-Identifier: MIT
 *
 * The non-volatile arrays of a device, and in which pages they may differ from the provisioned device.
 *
 * A page that is not marked holds what the provisioned device holds. So loading a state and judging it cost only
 * what was ever touched.
 */
#ifndef MATTERHORN_BENCH_ARRAYS_H
#define MATTERHORN_BENCH_ARRAYS_H

#include "problem.h"
#include "trace.h"

#include <stddef.h>
#include <stdint.h>

#include "nor.h"

enum array { ARRAY_INTERNAL, ARRAY_OTP, ARRAY_NOR, ARRAYS };

#define ARRAYS_PAGE 1024u
#define ARRAYS_MOST_PAGES (RAIL_NOR_SIZE / ARRAYS_PAGE)

struct arrays {
    uint8_t *cells[ARRAYS];                              /* arrays_size() bytes each */
    uint64_t marks[ARRAYS][ARRAYS_MOST_PAGES / 64]; /* bit per page: may differ from the provisioned device */
};

/* Size in bytes; the name is that of the control channel and of the files ("internal", "otp", "nor"). */
uint32_t arrays_size(enum array array);
const char *arrays_name(enum array array);

/* Allocates the cells (all ones); free with arrays_free. */
bool arrays_allocate(struct arrays *arrays, struct problem *problem);
void arrays_free(struct arrays *arrays);

/* Reads or writes internal.bin, otp.bin and nor.bin of a folder. Reading clears all marks. */
bool arrays_read(struct arrays *arrays, const char *folder, struct problem *problem);
bool arrays_write(const struct arrays *arrays, const char *folder, struct problem *problem);

/* Where an address of a chip (enum rail_chip) is; false when no array has `size` bytes there. */
bool arrays_locate(unsigned chip, uint32_t address, uint32_t size, enum array *array, uint32_t *offset);
/* The erase sector around an address; false when there is none. The start is an address as the chip has it. */
bool arrays_sector(unsigned chip, uint32_t address, uint32_t *start, uint32_t *size);

void arrays_mark(struct arrays *arrays, enum array array, uint32_t offset, uint32_t size);
bool arrays_marked(const struct arrays *arrays, enum array array, uint32_t page);
/* Marks what an operation touches. False when the event is no operation on an array. */
bool arrays_mark_operation(struct arrays *arrays, const struct trace_item *item);

/* Carries an operation of a trace out, or what is left of it when power is lost during it. False when it is none that
 * the arrays can take (a register write, or one that the part refuses). */
bool arrays_apply(struct arrays *arrays, const struct trace_item *item);
bool arrays_tear(struct arrays *arrays, const struct trace_item *item, enum nor_tear tear);

/* The first byte at which the two differ; false when they are equal. Both stem from the same provisioned device. With
 * `thorough`, pages without marks are compared too. */
bool arrays_differ(const struct arrays *one, const struct arrays *other, bool thorough, enum array *array,
                   uint32_t *offset);

/* Makes `target` equal to `source`, which stems from the same provisioned device. `changed` is called for each run of
 * bytes that was written; it may be NULL. False when `changed` returned false. */
typedef bool arrays_changed_fn(void *context, enum array array, uint32_t offset, uint32_t size);
bool arrays_load(struct arrays *target, const struct arrays *source, arrays_changed_fn *changed, void *context);

#endif
