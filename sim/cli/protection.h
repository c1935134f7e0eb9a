/* SPDX-License-Identifier: MIT
 *
 * What protects a device, and what does not: for `inspect`, the last step of provisioning (docs/PROVISIONING.md).
 */
#ifndef MATTERHORN_PROTECTION_H
#define MATTERHORN_PROTECTION_H

#include "array_device.h"

#include <jansson.h>

/* {"read_protection", "write_protected": [sectors], "brown_out", "watchdog", "option_bytes"} of its option bytes. */
json_t *protection_describe(const struct array_device *array);

/* A sentence for each thing that a device in the field should not be like. */
json_t *protection_warnings(const struct array_device *array);

#endif
