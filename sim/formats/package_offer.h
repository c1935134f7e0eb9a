/* SPDX-License-Identifier: MIT
 *
 * A package brought to a device in memory the way an application does it.
 */
#ifndef MATTERHORN_PACKAGE_OFFER_H
#define MATTERHORN_PACKAGE_OFFER_H

#include "matterhorn/update.h"

#include <stddef.h>

/* Opens the session, begins, stores the packets that are missing, validates, and requests the install at the next
 * start. What the device refuses is its answer. `update` need not be initialized. */
enum mh_error package_offer(struct mh_update *update, const struct mh_device *device, const uint8_t *bytes,
                            size_t size);

#endif
