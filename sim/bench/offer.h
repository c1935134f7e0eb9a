/* SPDX-License-Identifier: MIT
 *
 * An update put into a machine's device by a command of the profile, which sees cells and no marks, while power is off.
 *
 * A weak bit is shown to it as 0, which is one of the values that it may read. A sector in which the command then set a
 * bit was erased by it: that counts as one erase, and its marks are gone. So was one that was incompletely erased and
 * has other contents now. What it erased without setting a bit, because all were set or the same was written again,
 * cannot be seen: there its erases are counted too low, and marks stay.
 */
#ifndef MATTERHORN_BENCH_OFFER_H
#define MATTERHORN_BENCH_OFFER_H

#include "device_command.h"
#include "life.h"
#include "scratch.h"

/* What it takes; zeroed at first, and kept from one time to the next. */
struct offer {
    struct scratch scratch;
    struct arrays given; /* as the command got it */
    struct arrays left;  /* and left it */
};

/* The machine goes on with what the command leaves, unless the device does not take the update: then `verdict` says
 * so and nothing is changed. */
bool offer_update(struct offer *offer, struct machine *machine, const struct device_command *command,
                  const struct arrays *device, struct life *life, struct verdict *verdict, struct problem *problem);
void offer_close(struct offer *offer);

#endif
