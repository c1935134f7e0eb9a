/* SPDX-License-Identifier: MIT
 *
 * A device in memory whose power is lost during any operation, torn in any way of sim/nor, for the tests of the
 * config store. The config sector and its shadow are all there is: an access to anything else fails the test (of the
 * internal flash, the address sanitizer sees it).
 */
#ifndef TESTS_UNIT_TORN_DEVICE_H
#define TESTS_UNIT_TORN_DEVICE_H

#include "chip.h"

#include "matterhorn/config.h"

#define TORN_SECTOR_OFFSET (MH_CONFIG_ADDRESS - MH_INTERNAL_BASE)
#define TORN_MARKS 4096u

struct torn_device {
    struct mh_device device;
    struct nor_array internal, nor;
    uint8_t *view;  /* the config sector as it reads under the noise of this start */
    uint64_t noise;
    bool power;     /* without it, every operation fails and changes nothing */
    uint64_t operations; /* since power was applied */
    uint64_t lose_at;    /* the operation that loses power, from 1 on; 0: none */
    enum nor_tear tear;
    enum nor_kind lost;   /* what the operation was that lost power */
    unsigned loss_chance; /* one program in so many loses power, and one erase in eight, torn at random; 0: none */
    uint64_t random;
    bool nor_dead;        /* reads of the SPI NOR fail, operations too */
    /* Of the SPI NOR; for those who hold the bus. May be NULL. */
    void (*before_read)(struct torn_device *torn, uint32_t address);
};

/* The secret of such a device. */
extern const uint8_t torn_device_secret[MH_SECRET_SIZE];

void torn_device_create(struct torn_device *torn);
void torn_device_free(struct torn_device *torn);

/* Blank chips without marks, which were never erased; power is on and stays. */
void torn_device_reset(struct torn_device *torn);

/* Applies power. Weak bits read as this noise has it; power is lost at operation `lose_at`, 0: never. */
void torn_device_start(struct torn_device *torn, uint64_t noise, uint64_t lose_at, enum nor_tear tear);

/* An operation on the config sector (internal) or its shadow, done or torn. */
enum mh_error torn_device_operate(struct torn_device *torn, struct nor_array *chip, const struct nor_op *op);

/* The sector as cells, and as it reads. */
static inline uint8_t *torn_sector(struct torn_device *torn)
{
    return torn->internal.cells + TORN_SECTOR_OFFSET;
}

static inline uint8_t *torn_shadow(struct torn_device *torn)
{
    return torn->nor.cells + MH_CONFIG_SHADOW_ADDRESS;
}

static inline uint32_t torn_erases(const struct torn_device *torn)
{
    return torn->internal.erases[MH_CONFIG_SECTOR];
}

/* Makes the view what the cells are, after somebody changed them. */
void torn_device_look(struct torn_device *torn);

/* What power loss leaves, to go back to. */
struct torn_snapshot {
    uint8_t sector[MH_CONFIG_SIZE], shadow[MH_CONFIG_SIZE];
    struct nor_mark internal_marks[TORN_MARKS], nor_marks[TORN_MARKS];
    uint32_t internal_count, nor_count;
};
void torn_device_save(const struct torn_device *torn, struct torn_snapshot *snapshot);
void torn_device_restore(struct torn_device *torn, const struct torn_snapshot *snapshot);

/* A number below `below`, from torn->random. */
uint32_t torn_device_draw(struct torn_device *torn, uint32_t below);

#endif
