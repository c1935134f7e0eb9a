/* SPDX-License-Identifier: MIT
 *
 * What is put to the test: a provisioned device, what it must become, and its run without power loss.
 */
#ifndef MATTERHORN_BENCH_TARGET_H
#define MATTERHORN_BENCH_TARGET_H

#include "oracle.h"
#include "recording.h"

struct target {
    const struct profile *profile;
    char *root;           /* where relative paths of the profile start */
    struct arrays device; /* as provisioned */
    struct oracle oracle;
    char firmware[65]; /* SHA-256 of its internal flash, hexadecimal */
};

/* SRAM at the power-ups of the run without power loss; any will do. */
extern const char *const target_srams[2];

/* `root` NULL: the project. `device` NULL: the profile's folder. */
bool target_open(struct target *target, const struct profile *profile, const char *root, const char *device,
                 struct problem *problem);
/* Harmless on a zeroed target. */
void target_close(struct target *target);

#endif
