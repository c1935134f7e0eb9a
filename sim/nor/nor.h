/* SPDX-License-Identifier: MIT
 *
 * The physics of NOR flash: what program, erase and power loss do to cells, and how long they take.
 *
 * Pure C without dependencies, shared by the QEMU devices, the bench and the host builds. The one place that says
 * what a power loss leaves behind. The caller owns all memory.
 */
#ifndef MATTERHORN_NOR_H
#define MATTERHORN_NOR_H

#include <stdbool.h>
#include <stdint.h>

/* A run of equal erase sectors. */
struct nor_run {
    uint32_t count;
    uint32_t size; /* bytes */
};

/* An erase command of a part: what it clears and how long that takes. */
struct nor_erase_time {
    uint32_t size; /* bytes; the start is aligned to it */
    uint64_t typical_ns;
    uint64_t maximum_ns;
};

/* What a data sheet says of a part. */
struct nor_part {
    const char *name;
    uint32_t size;                    /* bytes */
    uint32_t page;                    /* bytes that one program operation may cover; it wraps inside */
    const struct nor_run *runs;       /* the smallest erase sectors, in address order; ends with count 0 */
    const struct nor_erase_time *erase; /* ascending size; ends with size 0 */
    uint64_t program_typical_ns;      /* one program operation */
    uint64_t program_maximum_ns;
    uint32_t endurance;               /* erase cycles per sector */
};

/* STM32F407VG main array, x32 programming: DS8626 Rev 12 tables 40, 42; RM0090 Rev 21 table 5. */
extern const struct nor_part nor_stm32f407_x32;
/* STM32F407VG one-time programmable area, 512 + 16 B: RM0090 Rev 21 section 3.6.5. It has no erase. */
extern const struct nor_part nor_stm32f407_otp;
/* S25FL064K with the times of its W25Q64 die: W25Q64JV Rev J section 9.6. */
extern const struct nor_part nor_s25fl064k;

/* The cells of one chip. */
struct nor_array {
    const struct nor_part *part;
    uint8_t *cells;   /* part->size bytes */
    uint32_t *erases; /* per smallest sector; NULL when nobody counts */
};

enum nor_kind { NOR_PROGRAM, NOR_ERASE };

struct nor_op {
    enum nor_kind kind;
    uint32_t offset;     /* in the array */
    uint32_t length;     /* bytes */
    const uint8_t *data; /* NOR_PROGRAM: `length` bytes */
};

/* What a power loss leaves of the operation during which it happens: a finite menu, named in scenario ids. */
enum nor_tear { NOR_TEAR_BEFORE, NOR_TEAR_AFTER, NOR_TEARS };

/* The name of a tear ("before", "after"); NULL beyond the menu. */
const char *nor_tear_name(enum nor_tear tear);
/* The tear of that name, or NOR_TEARS. */
enum nor_tear nor_tear_named(const char *name);

/* True when the operation lies within the array, within a page (program) or on whole sectors (erase). */
bool nor_valid(const struct nor_array *array, const struct nor_op *op);
/* Carries the operation out: programming only clears bits, erasing sets them. False (nothing done) when invalid. */
bool nor_apply(struct nor_array *array, const struct nor_op *op);
/* Carries out what is left when power is lost during the operation. False (nothing done) when invalid. */
bool nor_tear(struct nor_array *array, const struct nor_op *op, enum nor_tear tear);
/* Typical duration of the operation in ns; 0 when invalid. */
uint64_t nor_duration_ns(const struct nor_array *array, const struct nor_op *op);

/* The smallest erase sector that holds `offset`: its number; *start and *size (bytes) when not NULL.
 * UINT32_MAX beyond the array. */
uint32_t nor_sector_at(const struct nor_part *part, uint32_t offset, uint32_t *start, uint32_t *size);
/* Number of smallest erase sectors. */
uint32_t nor_sector_count(const struct nor_part *part);

#endif
