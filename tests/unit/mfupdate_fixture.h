/* SPDX-License-Identifier: MIT
 *
 * A device whose SPI NOR can lose power, a package for it, the built-in row of MFUpdate, and a transport over bytes
 * in memory that counts.
 */
#ifndef TESTS_UNIT_MFUPDATE_FIXTURE_H
#define TESTS_UNIT_MFUPDATE_FIXTURE_H

#include "fixture.h"
#include "torn_nor.h"

#include "matterhorn/bytes.h"
#include "matterhorn/mfupdate.h"
#include "matterhorn/user_flash.h"

#include <stdlib.h>
#include <string.h>

#define IMAGE_SIZE 34001u /* five packets, the last one short */

struct carried {
    const uint8_t *bytes;
    uint32_t size;
    uint32_t given[256]; /* how often each packet was */
    uint32_t count;
    uint32_t fails_at; /* the fetch that fails, from 1 on */
};

struct bed {
    struct array_device array;
    struct torn_nor nor;
    struct mh_device device;
    struct mh_update core;
    struct mfupdate_matterhorn builtin;
    struct mfupdate_provider row; /* the built-in one, with the transport below */
    struct mfupdate_transport transport;
    struct carried carried;
    struct blob package;
    struct mfupdate_header header; /* of the package */
    struct mfupdate session;
};

static struct bed bed;

static inline enum mh_error carried_fetch(void *context, struct mfupdate *session, struct mfupdate_packet *packet)
{
    struct carried *carried = context;
    const uint32_t at = packet->index * session->header.packet_size, left = carried->size - at;

    carried->count++;
    if (carried->count == carried->fails_at) {
        return MH_ERR_TRUNCATED;
    }
    carried->given[packet->index]++;
    packet->data = carried->bytes + at;
    packet->length = left < session->header.packet_size ? left : session->header.packet_size;
    return MH_OK;
}

/* What a start of the runtime does. */
static inline enum mh_error bed_start(uint64_t noise, uint32_t lose_at, enum nor_tear tear)
{
    torn_nor_start(&bed.nor, noise, lose_at, tear);
    memset(&bed.core, 0, sizeof bed.core);
    memset(&bed.carried.given, 0, sizeof bed.carried.given);
    bed.carried.count = 0;
    const enum mh_error error = mh_update_initialize(&bed.core, &bed.device);
    mfupdate_matterhorn(&bed.builtin, &bed.core);
    bed.row = bed.builtin.row;
    bed.row.transport = &bed.transport;
    return error;
}

static inline int bed_set_up(void **state)
{
    (void)state;
    memset(&bed, 0, sizeof bed);
    fixture_device(&bed.array);
    torn_nor_create(&bed.nor);
    bed.device = bed.array.device;
    bed.device.nor = torn_nor_driver(&bed.nor);
    bed.package = fixture_package(IMAGE_SIZE, 0, 1, 0);
    bed.carried = (struct carried){.bytes = bed.package.bytes, .size = (uint32_t)bed.package.size};
    bed.transport = (struct mfupdate_transport){carried_fetch, &bed.carried};
    assert_int_equal(bed_start(0, 0, NOR_TEAR_BEFORE), MH_OK);
    assert_int_equal(mfupdate_describe(&bed.header, bed.package.bytes, 512, bed.carried.size), MH_OK);
    return 0;
}

static inline int bed_tear_down(void **state)
{
    (void)state;
    free(bed.package.bytes);
    release(&bed.nor.array);
    array_device_free(&bed.array);
    return 0;
}

/* Packet `index` of the package. */
static inline struct mfupdate_packet packet_of_package(uint32_t index)
{
    const uint32_t at = index * MH_PACKET_SIZE, left = bed.carried.size - at;

    return (struct mfupdate_packet){
        .index = index, .data = bed.package.bytes + at, .length = left < MH_PACKET_SIZE ? left : MH_PACKET_SIZE};
}

static inline enum mh_error bed_open(const struct mfupdate_provider *row)
{
    const enum mh_error error = mfupdate_initialize(&bed.session, row, &bed.header);

    return error ? error : mfupdate_open(&bed.session, NULL, 0);
}

/* From the offer to the request. */
static inline enum mh_error bed_update(const struct mfupdate_provider *row)
{
    enum mh_error error = bed_open(row);

    if (error == MH_OK) {
        error = mfupdate_download(&bed.session);
    }
    return error ? error : mfupdate_install(&bed.session, NULL, 0);
}

/* What the bootloader does. */
static inline enum mh_error bed_boot(void)
{
    return fixture_boot(&bed.core, &bed.device);
}

#define BED_TEST(name) cmocka_unit_test_setup_teardown(name, bed_set_up, bed_tear_down)

#endif
