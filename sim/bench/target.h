/* SPDX-License-Identifier: MIT
 *
 * What is put to the test: a provisioned device, what it must become, and its run without power loss.
 */
#ifndef MATTERHORN_BENCH_TARGET_H
#define MATTERHORN_BENCH_TARGET_H

#include "recording.h"
#include "recovery.h"

#include "fault.h"

struct target {
    const struct profile *profile;
    char *root;           /* where relative paths of the profile start */
    struct arrays device; /* as provisioned, and as its faults have left it */
    /* of its parts, at every power-on of the run without power loss, of recoveries and of what follows */
    struct fault_set faults;
    struct nor_defects defects;  /* what they are for the internal flash */
    struct nor_defects nor_defects; /* and for the SPI NOR */
    struct oracle oracle;
    char firmware[65]; /* SHA-256 of its internal flash, hexadecimal */
};

/* SRAM and noise of the run without power loss: any will do, and the same ones keep names of operations the same. */
extern const struct conditions target_clean_conditions[RECOVERY_MOST];

/* Refuses a machine that keeps more than its arrays over a loss of power: whoever has a target puts states into it.
 * `faults` come on top of the profile's. `root` NULL: the project. `device` NULL: the profile's folder. */
bool target_open(struct target *target, const struct profile *profile, const struct fault_set *faults, const char *root,
                 const char *device, struct problem *problem);
/* Whether crash states can be built from a recording of it: a problem where its faults leave what no trace tells. */
bool target_can_be_built(const struct target *target, struct problem *problem);
/* A machine of the target, on the device. */
bool target_start(struct target *target, struct machine *machine, unsigned gdb_port, struct problem *problem);
/* Harmless on a zeroed target. */
void target_close(struct target *target);

#endif
