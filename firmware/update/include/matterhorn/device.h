/* SPDX-License-Identifier: MIT
 *
 * What the update core needs from the hardware: the driver interface. Implemented by firmware/drivers on the board
 * and over sim/nor on the host.
 */
#ifndef MATTERHORN_DEVICE_H
#define MATTERHORN_DEVICE_H

#include "matterhorn/board.h"
#include "matterhorn/error.h"
#include "matterhorn/otp.h"

#include <stdint.h>

/* The SPI NOR. Calls return when the chip is ready again, or MH_ERR_FLASH after the data sheet's longest time. */
struct mh_nor {
    enum mh_error (*read)(void *context, uint32_t address, uint8_t *buffer, uint32_t length);
    /* At most 256 bytes, within one page of 256. */
    enum mh_error (*program)(void *context, uint32_t address, const uint8_t *data, uint32_t length);
    /* The 4 KB sector that starts at `address`. */
    enum mh_error (*erase)(void *context, uint32_t address);
    void *context;
};

/* The internal flash. `cells` is where address MH_INTERNAL_BASE can be read. */
struct mh_internal {
    const uint8_t *cells;
    /* `address` and `length` are multiples of 4. Programming only clears bits: to hold `data`, words were erased before. */
    enum mh_error (*program)(void *context, uint32_t address, const uint8_t *data, uint32_t length);
    enum mh_error (*erase)(void *context, unsigned sector);
    void *context;
};

#define MH_KEY_SIZE 32u
#define MH_KEYS_MAX 4u
#define MH_SECRET_SIZE 32u

/* The trust anchors (docs/SPEC.md 4). What is secret of them stays where it is stored: read protection level 1 keeps a
 * debugger from the flash and not from the SRAM, so nobody makes a copy. */
struct mh_anchors {
    uint32_t board;
    uint32_t count;
    uint8_t keys[MH_KEYS_MAX][MH_KEY_SIZE];
    const uint8_t *secret; /* MH_SECRET_SIZE bytes, of this device alone, drawn when it is provisioned; NULL: none */
    const uint8_t *cipher_key; /* MH_KEY_SIZE bytes, under which packages for it may be encrypted; NULL: none */
    uint32_t revoked;          /* bit n: key n; not stored with them, but read from the one-time programmable area */
};

#define MH_ANCHORS_SIZE 256u
/* The bytes must outlive the anchors. No key is revoked then. MH_ERR_MAGIC, MH_ERR_FORMAT, MH_ERR_FIELD_VALUE or
 * MH_ERR_IMAGE (checksum) when there are no good ones. */
enum mh_error mh_anchors_read(struct mh_anchors *anchors, const uint8_t bytes[MH_ANCHORS_SIZE]);
void mh_anchors_write(const struct mh_anchors *anchors, uint8_t bytes[MH_ANCHORS_SIZE]);

struct mh_device {
    const struct mh_board *board;
    struct mh_nor nor;
    struct mh_internal internal;
    struct mh_anchors anchors;
    struct mh_otp otp;
    /* Called between steps of long work, at least once per 4 KB or erased sector: feed the watchdog. May be NULL. */
    void (*alive)(void);
    /* A line for people, without line feed. May be NULL. */
    void (*log)(const char *text);
};

static inline void mh_stay_alive(const struct mh_device *device)
{
    if (device->alive) {
        device->alive();
    }
}

#endif
