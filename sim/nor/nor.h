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
    uint64_t program_typical_ns;      /* one program operation, of whatever length */
    uint64_t program_maximum_ns;
    uint64_t first_typical_ns;        /* of its first byte, then `more` for each; 0: it takes as long as a page */
    uint64_t first_maximum_ns;
    uint64_t more_typical_ns;
    uint64_t more_maximum_ns;
    uint64_t status_typical_ns;       /* a write of the status registers; 0: it has none */
    uint64_t status_maximum_ns;
    uint32_t endurance;               /* erase cycles per sector */
};

/* STM32F407VG main array, by how many bits are programmed at a time: DS8626 Rev 12 tables 39 to 42; RM0090 Rev 21
 * table 5. */
extern const struct nor_part nor_stm32f407_x8, nor_stm32f407_x16, nor_stm32f407_x32, nor_stm32f407_x64;
/* STM32F407VG one-time programmable area, 512 + 16 B: RM0090 Rev 21 section 3.6.5. It has no erase. */
extern const struct nor_part nor_stm32f407_otp;
/* S25FL064K with the times of its W25Q64 die: W25Q64JV Rev J section 9.6. */
extern const struct nor_part nor_s25fl064k;
/* W25Q64JV: Rev J section 9.6. */
extern const struct nor_part nor_w25q64;

/* What a torn operation leaves that cells do not show. Programming a weak bit again to 0 makes it firm; an erase that
 * completes removes every mark. */
enum nor_mark_kind {
    NOR_WEAK,   /* one bit that reads 0 or 1, as noise has it; its value in the cells means nothing */
    NOR_NOTAKE, /* an incompletely erased range: programs to it leave one seeded bit per operation unprogrammed */
};

struct nor_mark {
    enum nor_mark_kind kind;
    uint32_t offset;
    uint32_t length; /* NOR_NOTAKE: bytes; NOR_WEAK: 1 */
    uint8_t bit;     /* NOR_WEAK: 0 to 7 */
};

/* The marks of one chip, in the caller's memory. Every function here keeps the list canonical, so that equal marks are
 * equal lists: weak bits first, in order of offset and bit, each once; then not-taking ranges in order, merged where
 * they touch. */
struct nor_marks {
    struct nor_mark *list;
    uint32_t count;
    uint32_t capacity; /* at least NOR_MARKS_PER_TEAR more than `count` before a tear; one more before an erase */
};
#define NOR_MARKS_PER_TEAR 64u

/* Which times of the data sheet operations take. */
enum nor_times { NOR_TYPICAL, NOR_MAXIMUM };

/* A bit that keeps its value whatever is done to it. */
struct nor_stuck {
    bool there;
    bool value;
    uint8_t bit;
    uint32_t offset;
};
#define NOR_STUCK_MOST 2u

/* What is wrong with one specimen of a part (fault.h gives them names). Zeros are nothing. How much of it is an
 * assumption: data sheets say how long parts last, not what they do then. */
struct nor_defects {
    uint32_t slow;       /* operations take so many times the data sheet's maximum; 0: as `times` says */
    uint32_t aging;      /* percent by which each erase of a sector makes its later operations longer */
    bool wears;          /* erases of a sector after the first `worn_after` leave NOR_BAD_PER_SECTOR of its bits at 0 */
    uint32_t worn_after;
    struct nor_stuck stuck[NOR_STUCK_MOST];
};
#define NOR_BAD_PER_SECTOR 32u

/* The cells of one chip. */
struct nor_array {
    const struct nor_part *part;
    uint8_t *cells;          /* part->size bytes */
    uint32_t *erases;        /* per smallest sector; NULL when nobody counts */
    struct nor_marks *marks; /* NULL: tears that leave marks are refused */
    enum nor_times times;
    const struct nor_defects *defects; /* NULL: none. Wear and aging need `erases` */
};

enum nor_kind { NOR_PROGRAM, NOR_ERASE };

struct nor_op {
    enum nor_kind kind;
    uint32_t offset;     /* in the array */
    uint32_t length;     /* bytes */
    const uint8_t *data; /* NOR_PROGRAM: `length` bytes */
};

/* What a power loss leaves of the operation during which it happens: a finite menu, named in scenario ids.
 *
 * A tear is a function of the operation and of the cells and marks that it covers, nothing else. What is seeded comes
 * from a hash of (tear, kind, offset, length, data), so that the same loss leaves the same cells in every run and
 * process. Beyond that
 *  - a torn erase treats each byte by itself: its result depends on no other cell;
 *  - a torn program depends on other bytes only through the bits that it has to clear, which are those that are 1 or
 *    weak now and 0 in the data; bytes programmed with 0xFF are as if they were not there.
 * Sources: what a program leaves, that bits stay weak, and that programs do not take after an incomplete erase are
 * published (Tseng et al., DAC 2011; MTD on unstable bits), zeros from the end too (UBI, nor_erase_prepare); how many
 * bits and which ones are assumptions. */
enum nor_tear {
    NOR_TEAR_BEFORE, /* nothing happened */
    NOR_TEAR_HALF,   /* program: the low half of the bytes is done; erase: zeros from the end over half, head intact */
    NOR_TEAR_MASK,   /* program: a seeded subset of the bits to clear, of two or more neither none nor all; erase: each
                      * bit as it was (half of them), 0 or 1 */
    NOR_TEAR_WEAK,   /* program: done, one seeded bit of those to clear weak; erase: reads all ones, NOR_WEAK_PER_ERASE
                      * seeded bits weak, one in each equal part of the range */
    NOR_TEAR_AFTER,  /* all of it happened */
    NOR_TEAR_ONEBIT, /* program only: a single seeded bit was cleared */
    NOR_TEAR_LAST,   /* program only: all but the last byte is done */
    NOR_TEAR_ZEROS,  /* erase only: everything was programmed to zeros, nothing erased yet */
    NOR_TEAR_NOTAKE, /* erase only: reads all ones, but programs do not take */
    NOR_TEARS
};
#define NOR_WEAK_PER_ERASE 32u

/* Whether the menu has this tear for this kind of operation. A loss tears what both chips do in the same way; an
 * operation whose menu has not that tear is torn with the one nearest to it: a program with `half` for `zeros` and
 * `weak` for `notake`, an erase with `mask` for `onebit` and `half` for `last`. */
bool nor_tear_applies(enum nor_kind kind, enum nor_tear tear);

/* Whether what a torn erase of `size` bytes leaves from *from on, to its end, is the same whatever cells and weak bits were there. (Not-taking ranges
 * that were there stay.) */
bool nor_tear_forgets(enum nor_tear tear, uint32_t size, uint32_t *from);
/* Whether there is a not-taking range. */
bool nor_marks_notake(const struct nor_marks *marks);

/* How a weak bit reads under this noise: 0 or 1, a function of noise, chip offset and bit. */
unsigned nor_weak_value(const struct nor_mark *mark, uint64_t noise);
/* Which bits of a byte are weak. */
uint8_t nor_weak_bits(const struct nor_array *array, uint32_t offset);
/* A byte as it reads under this noise. */
uint8_t nor_read(const struct nor_array *array, uint32_t offset, uint64_t noise);
/* Adds a mark. False (nothing done) when it is not inside the array, or the list is full. */
bool nor_mark(struct nor_array *array, const struct nor_mark *mark);

/* The name of a tear ("before", "half"); NULL beyond the menu. */
const char *nor_tear_name(enum nor_tear tear);
/* The tear of that name, or NOR_TEARS. */
enum nor_tear nor_tear_named(const char *name);

/* The names of all tears, for a message. */
#define NOR_TEAR_MENU 80
const char *nor_tear_menu(char text[NOR_TEAR_MENU]);

/* True when the operation lies within the array, within a page (program) or on whole sectors (erase). */
bool nor_valid(const struct nor_array *array, const struct nor_op *op);
/* Carries the operation out: programming only clears bits, erasing sets them. False (nothing done) when invalid, or
 * when the marks have no room. */
bool nor_apply(struct nor_array *array, const struct nor_op *op);
/* Carries out what is left when power is lost during the operation. False (nothing done) when invalid, or when the
 * marks have no room. */
bool nor_tear(struct nor_array *array, const struct nor_op *op, enum nor_tear tear);
/* The same when power is lost `elapsed_ns` after the beginning of an operation that takes `duration_ns`: how far it had
 * got decides, hence no name from the menu.
 *  - A program: each bit to clear is cleared at a moment of its own, within the first seven eighths; after that it is as
 *    `weak`. So what is done grows with time, and is among what is done at any later moment.
 *  - An erase: in the first quarter everything is programmed to zeros, from the end on; in the two quarters that follow,
 *    each bit becomes 1 at a moment of its own; in the last one it is as `weak`.
 * The order of the phases of an erase is published (as above, and that it begins with programming: TI's FAQ on F05
 * flash, UBI's nor_erase_prepare); where one ends and the next one begins is an assumption, and so is which bits are
 * the fast ones: a function of their address, so that each byte is still torn by itself. */
bool nor_tear_at(struct nor_array *array, const struct nor_op *op, uint64_t elapsed_ns, uint64_t duration_ns);
/* The tear of a write of status registers at that moment: what was to be cleared is, then some of the bits have changed.
 * An assumption. */
enum nor_tear nor_status_tear_at(uint64_t elapsed_ns, uint64_t duration_ns);
/* What a write of `data` to `count` non-volatile status registers leaves in them when power is lost during it. They are
 * written like cells, bits both ways: `half` and `last` count whole registers; of the bits that change, `mask` leaves a
 * seeded subset done and `onebit` one; `zeros` has cleared all that were to be cleared and set none; `weak` and
 * `notake`, which need marks, are as `after`. All of it is an assumption: data sheets say nothing. */
void nor_tear_status(uint8_t *status, const uint8_t *data, uint32_t count, enum nor_tear tear);
/* Whether the erase, which is counted already, was of a sector that is worn out. */
bool nor_worn_out(const struct nor_array *array, const struct nor_op *op);
/* Cells as the defects have them before any operation. */
void nor_store_defects(uint8_t *cells, const struct nor_defects *defects);
/* Duration of the operation in ns, as array->times and the defects have it; 0 when invalid. */
uint64_t nor_duration_ns(const struct nor_array *array, const struct nor_op *op);
/* Duration of a write of the status registers. */
uint64_t nor_status_duration_ns(const struct nor_array *array);

/* The smallest erase sector that holds `offset`: its number; *start and *size (bytes) when not NULL.
 * UINT32_MAX beyond the array. */
uint32_t nor_sector_at(const struct nor_part *part, uint32_t offset, uint32_t *start, uint32_t *size);
/* Number of smallest erase sectors. */
uint32_t nor_sector_count(const struct nor_part *part);

#endif
