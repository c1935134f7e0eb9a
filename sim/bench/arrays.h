/* SPDX-License-Identifier: MIT
 *
 * The non-volatile arrays of a device, the marks that torn operations left there, and in which pages the cells may
 * differ from the provisioned device.
 *
 * A page that is not in the set holds what the provisioned device holds. So loading a state and judging it cost only
 * what was ever touched.
 */
#ifndef MATTERHORN_BENCH_ARRAYS_H
#define MATTERHORN_BENCH_ARRAYS_H

#include "pages.h"
#include "problem.h"
#include "trace.h"

#include <stddef.h>
#include <stdint.h>

#include "nor.h"

#define ARRAYS_SECTORS 12 /* of the internal flash */
#define ARRAYS_NOR_SECTORS 2048
#define ARRAYS_STATUS 3

/* The non-volatile status registers of the SPI NOR. */
struct arrays_status {
    uint8_t count; /* 0: there are none, or nobody asked */
    uint8_t registers[ARRAYS_STATUS];
};

struct arrays {
    uint8_t *cells[ARRAYS];         /* arrays_size() bytes each */
    struct pages pages;             /* that may differ from the provisioned device */
    /* what torn operations left that cells do not show; they grow as needed, where there are any */
    struct nor_marks marks[ARRAYS];
    struct arrays_status status;
    /* of the internal flash since the device was provisioned; faults may depend on them */
    uint32_t erases[ARRAYS_SECTORS];
    uint32_t nor_erases[ARRAYS_NOR_SECTORS]; /* of the SPI NOR; nobody counts without defects of it */
    const struct nor_defects *defects, *nor_defects; /* of the internal flash, of the SPI NOR; NULL: none */
};

/* Size in bytes; number of pages; the size of a page, of which the last may be smaller; the name is that of the control
 * channel and of the files ("internal", "otp", "nor"). */
uint32_t arrays_size(enum array array);
uint32_t arrays_pages(enum array array);
uint32_t arrays_page_size(enum array array, uint32_t page);
const char *arrays_name(enum array array);

/* Unprogrammed option bytes of a new part: RDP level 0, no write protection, BOR off (RM0090 3.7.1). */
extern const uint8_t arrays_factory_options[RAIL_OTP_SIZE - RAIL_OTP_OPTIONS];

/* Allocates the cells (all ones) and room for marks (none); free with arrays_free. */
bool arrays_allocate(struct arrays *arrays, struct problem *problem);
/* Room for marks alone, where the cells are somebody else's. */
bool arrays_allocate_marks(struct arrays *arrays, struct problem *problem);
void arrays_free(struct arrays *arrays);

/* Reads or writes internal.bin, otp.bin and nor.bin of a folder. Reading empties the set of pages
 * and forgets all marks. */
bool arrays_read(struct arrays *arrays, const char *folder, struct problem *problem);
bool arrays_write(const struct arrays *arrays, const char *folder, struct problem *problem);
/* The same into a folder that is there and soon gone again: without waiting for the disk. */
bool arrays_write_scratch(const struct arrays *arrays, const char *folder, struct problem *problem);
/* Whether a path names one of the three, in this folder: a result must not take its place. */
bool arrays_has_file(const char *folder, const char *path);

/* Where an address of a chip (enum rail_chip) is; false when no array has `size` bytes there. */
bool arrays_locate(unsigned chip, uint32_t address, uint32_t size, enum array *array, uint32_t *offset);
/* The erase sector around an address; false when there is none. The start is an address as the chip has it. */
bool arrays_sector(unsigned chip, uint32_t address, uint32_t *start, uint32_t *size);

/* The array and the range that an operation of a trace changes. False when the event is no operation on an array. */
bool arrays_range(const struct rail_event *event, enum array *array, uint32_t *offset, uint32_t *size);

/* Whether an event is a write of the SPI NOR's status registers. */
bool arrays_is_status(const struct rail_event *event);

/* Carries an operation of a trace out, or what is left of it when power is lost during it. False when it is none that
 * the arrays can take (a write of option bytes, or one that the part refuses). */
bool arrays_apply(struct arrays *arrays, const struct trace_item *item);
bool arrays_tear(struct arrays *arrays, const struct trace_item *item, enum nor_tear tear);

/* Adds the pages that differ from those of `device` to the set, by comparing all cells. */
void arrays_find_pages(struct arrays *arrays, const struct arrays *device);

/* The first byte at which the two differ, those aside in which a bit of `one` is weak; false when they are equal. Both
 * stem from the same provisioned device. With `thorough`, pages that are in neither set are compared too. */
bool arrays_differ(const struct arrays *one, const struct arrays *other, bool thorough, enum array *array,
                   uint32_t *offset);
/* Whether one of the marks is the same. */
bool arrays_marked_alike(const struct nor_marks *marks, const struct nor_mark *mark);

/* A number that is the same for the same cells, and in practice for no others: whatever the set of pages says. */
uint64_t arrays_hash(const struct arrays *arrays, const struct arrays *device);

/* Makes cells, pages, marks and all else of `target` equal to those of `source`, which stems from the same
 * provisioned device. `changed` is called for each run of bytes that was written; it may be NULL. False
 * when `changed` returned false. */
typedef bool arrays_changed_fn(void *context, enum array array, uint32_t offset, uint32_t size);
bool arrays_load(struct arrays *target, const struct arrays *source, arrays_changed_fn *changed, void *context);
/* The marks alone. */
void arrays_load_marks(struct arrays *target, const struct arrays *source);
/* All but cells and pages. */
void arrays_load_beside(struct arrays *target, const struct arrays *source);

#endif
