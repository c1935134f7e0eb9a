/* SPDX-License-Identifier: MIT
 *
 * A whole device for targets: the update core over both flashes of sim/nor, power losses and torn operations included.
 * Every access is checked: what lies outside the areas that belong to the updater is not even read, and an operation
 * on it is a finding. So are more operations or reads than any start or call may need.
 */
#ifndef MATTERHORN_FUZZ_DEVICE_TARGET_H
#define MATTERHORN_FUZZ_DEVICE_TARGET_H

#include "array_device.h"
#include "package_set.h"
#include "target.h"

#include "matterhorn/trial.h"
#include "matterhorn/update.h"

#define TARGET_PAGES 256u /* of 4 KB: in the reserved megabyte, in the internal flash */

/* When power is lost, and how. */
struct loss {
    uint32_t operation; /* since power was applied, from 1; 0: not at all */
    enum nor_tear tear; /* where its menu has not that one: the one nearest to it */
};

struct target {
    struct array_device array; /* the cells */
    struct mh_device device;   /* what the core is given */
    uint8_t *view;             /* the internal flash as it reads */
    uint8_t *otp_view;         /* the one-time programmable area as it reads, and its lock bytes */
    uint64_t noise;            /* of weak bits, until power is applied again */
    bool power;                /* without it every operation fails and changes nothing */
    struct loss loss;
    uint32_t operations, reads; /* since power was applied */
    /* The package that an install works on: of the internal flash, only regions of its components may change. NULL:
     * nothing may. */
    const struct mh_package *package;
    struct nor_marks internal_marks, nor_marks, otp_marks;
    bool dirty_internal[TARGET_PAGES], dirty_nor[TARGET_PAGES]; /* pages that are not blank */
    struct mh_update update; /* a session, and what a start needs */
};

/* The one device, with blank cells, anchors and power. */
struct target *target_open(void);
/* Applies power: weak bits read as this noise has them. */
void target_start(struct target *target, uint64_t noise, struct loss loss);
/* Takes from the input when power is lost, soon or (highest bit) any time later, two bytes; and how, one. */
struct loss target_take_loss(struct input *input);

/* Writes cells as they are, as if nothing were known of how they came to be. Offsets: from the start of the reserved
 * megabyte, of the internal flash; what lies behind their end is left out. */
void target_put_nor(struct target *target, uint32_t offset, const uint8_t *bytes, size_t count);
void target_put_internal(struct target *target, uint32_t offset, const uint8_t *bytes, size_t count);
/* A weak bit where there is a 0, in the chip's own offsets: a program has left it. */
void target_put_weak(struct target *target, struct nor_array *chip, uint32_t offset, unsigned bit);
/* What an erase of the sector around there leaves that loses power. */
void target_put_torn_erase(struct target *target, struct nor_array *chip, uint32_t offset, enum nor_tear tear);
/* A component of the package as an install leaves it. */
void target_put_component(struct target *target, const struct made *made, unsigned number);

/* What the bootloader does: opens the journal, goes on with what is pending, decides whether to start. True: it starts
 * what is installed. `blamed`: behind a reset by watchdog or software. */
bool target_boot(struct target *target, bool blamed);
/* Whether an install, a rollback or a confirmation is still wanted. */
bool target_pending(const struct target *target);
/* The package that component `number` was installed from, when it verifies: then it is that one byte by byte. NULL:
 * nothing there may be started. */
const struct made *target_installed(const struct target *target, unsigned number);

#endif
