/* SPDX-License-Identifier: MIT
 *
 * Faults of the parts, by name: what a specimen may do that its data sheet excludes, or that somebody left behind. One
 * table, for the machine, the bench and docs/FAULTS.md. What a power loss leaves of an operation is a tear (nor.h).
 */
#ifndef MATTERHORN_NOR_FAULT_H
#define MATTERHORN_NOR_FAULT_H

#include "nor.h"

#include <stddef.h>

enum fault {
    FAULT_INT_STUCK_0,
    FAULT_INT_STUCK_1,
    FAULT_INT_WORN,
    FAULT_INT_WORN_OPERR,
    FAULT_INT_SLOW,
    FAULT_INT_AGING,
    FAULT_INT_FLAGS,
    FAULT_INT_OPTIONS_TORN,
    FAULT_INT_STALE_CACHE,
    FAULT_NOR_WORN,
    FAULT_NOR_SLOW,
    FAULT_NOR_WIP_STUCK,
    FAULT_NOR_STATUS_READS,
    FAULT_NOR_DEAD,
    FAULT_NOR_MISO_LOW,
    FAULT_NOR_MISO_HIGH,
    FAULT_NOR_STATUS_TORN,
    FAULT_NOR_READ_ONLY,
    FAULT_NOR_POWERED_DOWN,
    FAULT_NOR_SUSPENDED,
    FAULT_NOR_CONTINUOUS_READ,
    FAULT_NOR_WEL_DROP,
    FAULT_NOR_JEDEC,
    FAULT_NOR_READ_FLIP,
    FAULT_NOR_RETENTION,
    FAULT_NOR_MULTIPASS_REFUSED,
    FAULT_NOR_POWERUP_SLOW,
    FAULT_VDD_LOW,
    FAULT_VDD_DIP,
    FAULT_VCC_LOW,
    FAULT_VCC_DIP,
    FAULT_RESET_AT,
    FAULT_HSE_DEAD,
    FAULTS
};

/* What stands behind the = of a fault. */
enum fault_shape {
    FAULT_PLAIN,  /* nothing */
    FAULT_NUMBER, /* decimal */
    FAULT_HEX,    /* hexadecimal digits */
    FAULT_BIT,    /* an address in hexadecimal, a dot, the number of a bit in that byte */
    FAULT_SPAN,   /* when it begins, a dot, how long it lasts: decimal, us since power-on */
};

struct fault_kind {
    const char *name;
    const char *argument; /* for people; "" when there is none, in [] when it may be left out */
    enum fault_shape shape;
    unsigned digits;      /* hexadecimal ones of the argument when it is written */
    uint32_t least, most; /* of the argument */
    uint32_t usual;       /* when it is left out */
    bool beyond_cells;    /* what it does in a recovery depends on more than the bytes that the recovery touches */
    const char *effect;
    const char *source;
};

extern const struct fault_kind fault_menu[FAULTS];

/* What is a fault too, but not given by name to `fault`: a tear, a property of the machine, or what it always does. */
struct fault_elsewhere {
    const char *name;
    const char *what; /* "tear", "property", "id", "always" */
    const char *effect;
    const char *source;
};

/* Ends with a name of NULL. */
extern const struct fault_elsewhere fault_elsewhere[];

struct fault_setting {
    bool on;
    uint8_t bit;
    uint32_t value;
    uint32_t length; /* of a span */
};

/* A scenario's faults: each of the menu once or not at all. Zeros are none. */
struct fault_set {
    struct fault_setting of[FAULTS];
};

/* Adds "NAME" or "NAME=ARGUMENT". False, with one line in `why`: there is none of that name (the line has the menu),
 * the argument is none, or the name is there already. */
#define FAULT_WHY 900
bool fault_parse(struct fault_set *set, const char *text, char why[FAULT_WHY]);
bool fault_any(const struct fault_set *set);
/* Whether what happens in a recovery depends on more than the bytes that it touches. */
bool fault_beyond_cells(const struct fault_set *set);
/* Whether an operation may leave something else than the trace of it says, so that crash states cannot be built. */
bool fault_beyond_trace(const struct fault_set *set);
/* Those of `more` are added; where both have one, that of `more` counts. */
void fault_add(struct fault_set *set, const struct fault_set *more);
/* "NAME=ARGUMENT" as an id has it. */
#define FAULT_TEXT 48
void fault_format(const struct fault_set *set, enum fault fault, char text[FAULT_TEXT]);

/* What it makes of cells and option bytes before the first power-on; the second time it changes nothing. The arrays
 * are as large as rail.h says. */
void fault_store(const struct fault_set *set, uint8_t *internal, uint8_t *options, uint8_t *nor);
/* The defects of the cells' physics. */
struct nor_defects fault_defects_internal(const struct fault_set *set);
struct nor_defects fault_defects_nor(const struct fault_set *set);
/* What the non-volatile status registers of the SPI NOR hold before the first power-on, instead of what the factory
 * left there. */
void fault_status(const struct fault_set *set, uint8_t *status, const uint8_t *writable, unsigned count);

#endif
