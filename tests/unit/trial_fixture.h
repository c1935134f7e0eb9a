/* SPDX-License-Identifier: MIT
 *
 * Steps of tests of what follows an install, on the one device of device_fixture.h: packages are offered, installed,
 * tried, started and confirmed, and a device's contents kept, to go back to.
 */
#ifndef TESTS_UNIT_TRIAL_FIXTURE_H
#define TESTS_UNIT_TRIAL_FIXTURE_H

#include "device_fixture.h"

#include "matterhorn/bytes.h"

#include <stdlib.h>

#define SMALL 5001u
#define LARGE (0x20000u + 9003u) /* over sectors 9 and 10; 9 holds the header and is written last */
#define LAST UINT32_MAX
#define POWER_ON false
#define BLAMED true
#define APPLICATION_BIT (1u << (MH_APPLICATION - 1))
#define RUNTIME_BIT (1u << (MH_RUNTIME - 1))

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_device, tear_down_device)

static inline const struct mh_state *now(void)
{
    return &update.journal.state;
}

static inline enum mh_error start(bool blamed)
{
    const enum mh_error error = mh_update_initialize(&update, &array.device);

    return error ? error : mh_proceed(&array.device, &update.journal, &update.package, blamed);
}

/* Stores a package, has it installed, and leaves it on trial. */
static inline void try(uint32_t size, uint32_t runtime_size, uint32_t seed, uint32_t counter)
{
    struct blob package = fixture_package(size, runtime_size, seed, counter);

    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    assert_int_equal(start(BLAMED), MH_OK); /* it was the old image's reset */
    assert_int_equal(now()->phase, MH_TRIAL);
    free(package.bytes);
}

static inline void install(uint32_t size, uint32_t runtime_size, uint32_t seed, uint32_t counter)
{
    try(size, runtime_size, seed, counter);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
}

static inline enum mh_error offer(uint32_t size, uint32_t runtime_size, uint32_t seed, uint32_t counter)
{
    struct blob package = fixture_package(size, runtime_size, seed, counter);
    const enum mh_error error = fixture_store(&update, &array.device, &package);

    free(package.bytes);
    return error;
}

static inline bool holds(unsigned component, uint32_t size, uint32_t seed)
{
    return fixture_holds(&array, component, size, seed);
}

static inline uint32_t recorded(unsigned component)
{
    return mh_otp_counter(array.otp, component);
}

static inline uint8_t *byte_in_store(const struct mh_entry *entry, uint32_t offset)
{
    struct mh_stored stored;
    struct mh_source source;

    assert_int_equal(mh_stored_open(&stored, &array.device.nor, entry, &source), MH_OK);
    return array.nor.cells + MH_RESERVED_ADDRESS + stored.extents[offset / MH_EXTENT_SIZE] * MH_EXTENT_SIZE +
           offset % MH_EXTENT_SIZE;
}

/* The first byte in the store of the package that runs as this component. */
static inline uint8_t *stored_byte(unsigned component)
{
    return byte_in_store(&now()->entries[component - 1], 0);
}

/* A byte of the incoming package in the store, or its last one. */
static inline uint8_t *incoming_byte(uint32_t offset)
{
    const struct mh_entry *incoming = &now()->entries[MH_INCOMING];

    return byte_in_store(incoming, offset == LAST ? incoming->length - 1 : offset);
}

static struct {
    struct mh_internal chip;
    unsigned components; /* bit n - 1: the first word of component n's header was programmed over itself, before anything else */
    unsigned programs;
} firm;

static inline enum mh_error program_and_look(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        const uint8_t *there = array.internal.cells + (address - MH_INTERNAL_BASE);
        if (address == array.device.board->regions[number - 1].address && memcmp(there, data, sizeof(uint32_t)) == 0) {
            firm.components |= 1u << (number - 1);
        }
    }
    firm.programs++;
    return firm.chip.program(context, address, data, length);
}

/* A start that has nothing more to install: all that it programs of the internal flash is what a power loss may have left weak of the
 * headers of these components. */
static inline void assert_made_firm(unsigned components)
{
    unsigned count = 0;

    firm.components = firm.programs = 0;
    firm.chip = array.device.internal;
    array.device.internal.program = program_and_look;
    assert_int_equal(start(POWER_ON), MH_OK);
    array.device.internal = firm.chip;
    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        count += components >> (number - 1) & 1;
    }
    assert_int_equal(firm.components, components);
    assert_int_equal(firm.programs, count);
}

/* What a power loss leaves, to go back to. */
static inline void save(struct array_device *copy)
{
    fixture_device(copy);
    memcpy(copy->internal.cells, array.internal.cells, array.internal.part->size);
    memcpy(copy->nor.cells, array.nor.cells, array.nor.part->size);
    memcpy(copy->otp, array.otp, sizeof array.otp);
}

static inline void restore(const struct array_device *copy)
{
    memcpy(array.internal.cells, copy->internal.cells, array.internal.part->size);
    memcpy(array.nor.cells + MH_RESERVED_ADDRESS, copy->nor.cells + MH_RESERVED_ADDRESS, 0x100000);
    memcpy(array.otp, copy->otp, sizeof array.otp);
}

#endif
