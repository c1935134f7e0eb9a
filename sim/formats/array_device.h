/* SPDX-License-Identifier: MIT
 *
 * A device in memory: the driver interface of the update core over two arrays with the physics of sim/nor. What
 * `provision` fills and `inspect` reads is written and read by the same code that runs on the board.
 */
#ifndef MATTERHORN_ARRAY_DEVICE_H
#define MATTERHORN_ARRAY_DEVICE_H

#include "matterhorn/device.h"
#include "nor.h"
#include "problem.h"
#include "rail.h"

struct array_device {
    struct mh_device device;
    struct nor_array internal;
    struct nor_array nor;
    struct nor_array otp_area; /* the cells of `otp` that can be programmed: the area and its lock bytes */
    uint8_t otp[RAIL_OTP_SIZE];
    /* Operations until power is lost; from then on nothing changes any more and every operation fails. */
    uint64_t operations_left;
};

/* Blank cells for `board`. False when there is no memory. The device must not be moved afterwards. */
bool array_device_create(struct array_device *array, const struct mh_board *board);
void array_device_free(struct array_device *array);

/* Copies raw bytes into the internal array, as a programmer with a probe would. */
void array_device_place(struct array_device *array, uint32_t address, const uint8_t *bytes, uint32_t size);

/* Takes the trust anchors from the internal array; errors of mh_anchors_read. What is secret of them stays there. */
enum mh_error array_device_read_anchors(struct array_device *array);

/* The folder with internal.bin, otp.bin and nor.bin (docs/SPEC.md 7). Reading also takes board and anchors from it. */
bool array_device_write(const struct array_device *array, const char *folder, struct problem *problem);
bool array_device_read(struct array_device *array, const char *folder, struct problem *problem);

#endif
