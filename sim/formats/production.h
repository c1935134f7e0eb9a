/* SPDX-License-Identifier: MIT
 *
 * What a production line writes into a new device (docs/PROVISIONING.md), in files that its programmers take.
 */
#ifndef MATTERHORN_PRODUCTION_H
#define MATTERHORN_PRODUCTION_H

#include "array_device.h"

/* Writes into the folder, all of it or nothing: internal.hex, the whole main array; bootloader.hex (with the trust
 * anchors), config.hex, runtime.hex and application.hex, the same in parts; otp.hex, the one-time programmable area, of which
 * a device without recorded counters has nothing but the end record; reserved.bin, the SPI NOR from 0x700000 on;
 * option-bytes.txt, lines NAME=VALUE. */
bool production_write(const struct array_device *array, const char *folder, struct problem *problem);

#endif
