/* SPDX-License-Identifier: MIT
 *
 * A command of the profile that changes a device, such as one that puts the next update into it. The engine knows
 * nothing of what it does.
 */
#ifndef MATTERHORN_BENCH_DEVICE_COMMAND_H
#define MATTERHORN_BENCH_DEVICE_COMMAND_H

#include "oracle.h"

struct device_command {
    const char *key;    /* of the profile, for messages */
    char *const *words; /* {device} in one: the folder of the device; {matterhorn}: the running program */
    unsigned count;
    const char *root; /* where it runs */
};

/* Runs it on the device in the folder `device`. Where the device does not take the update (exit 1), `verdict` says
 * so. */
bool device_command(const struct device_command *command, const char *device, struct verdict *verdict,
                    struct problem *problem);

#endif
