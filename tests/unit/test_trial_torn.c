/* SPDX-License-Identifier: MIT
 *
 * Updates, trials, confirmations and rollbacks at random, with power lost at any operation of both chips and of the
 * one-time programmable area, torn in every way of the menu, and weak bits that read differently at each start. Of a
 * small model of what may have become of the device: what was confirmed stays, counters are those of what was confirmed
 * and firm, nothing is rolled back that is not to be blamed, and what was rolled back does not come again.
 */
#include "chance.h"
#include "chip.h"
#include "fixture.h"

#include "matterhorn/bytes.h"

#define RUNS 600u
#define STARTS 40u
#define PACKAGES 6u
#define MARKS 4096u
#define SECTOR_9 0xA0000u
#define SECTOR_9_SIZE 0x20000u
#define RESERVED_SIZE 0x100000u

/// The device ///

/* One chip, and its cells as they read under the noise of this start. */
struct part {
    struct nor_array array;
    uint8_t *view;
    unsigned loss_chance[2]; /* of programs, of erases: one in so many loses power */
};

static struct part internal, nor, otp;
static struct mh_device device;
static struct mh_update update;
static uint64_t random_state, noise;
static bool power, lossless;

static uint32_t draw(uint32_t below)
{
    return chance_draw(&random_state, below);
}

static void look(struct part *part, uint32_t offset, uint32_t length)
{
    const struct nor_marks *marks = part->array.marks;

    memcpy(part->view + offset, part->array.cells + offset, length);
    for (uint32_t i = 0; i < marks->count && marks->list[i].kind == NOR_WEAK; i++) {
        if (marks->list[i].offset - offset < length) {
            part->view[marks->list[i].offset] = nor_read(&part->array, marks->list[i].offset, noise);
        }
    }
}

static enum mh_error operate(struct part *part, const struct nor_op *op)
{
    if (!power) {
        return MH_ERR_FLASH;
    }
    power = lossless || draw(part->loss_chance[op->kind]) != 0;
    assert_true(power ? nor_apply(&part->array, op) : nor_tear(&part->array, op, chance_tear(&random_state, op->kind)));
    look(part, op->offset, op->length);
    return power ? MH_OK : MH_ERR_FLASH;
}

static enum mh_error program_words(struct part *part, uint32_t offset, const uint8_t *data, uint32_t length)
{
    enum mh_error error = MH_OK;

    for (uint32_t at = 0; error == MH_OK && at < length; at += 4) {
        const struct nor_op op = program(offset + at, data + at, 4);
        if (mh_get32(data + at) != UINT32_MAX) { /* which the driver does not program either */
            error = operate(part, &op);
        }
    }
    return error;
}

static enum mh_error program_internal(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    (void)context;
    assert_in_range(address - MH_INTERNAL_BASE, SECTOR_9, SECTOR_9 + SECTOR_9_SIZE - length);
    return program_words(&internal, address - MH_INTERNAL_BASE, data, length);
}

static enum mh_error erase_internal(void *context, unsigned sector)
{
    const struct nor_op op = erase(SECTOR_9, SECTOR_9_SIZE);

    (void)context;
    assert_int_equal(sector, 9);
    return operate(&internal, &op);
}

static enum mh_error program_otp(void *context, uint32_t offset, const uint8_t *data, uint32_t length)
{
    (void)context;
    return program_words(&otp, offset, data, length);
}

static enum mh_error read_nor(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    (void)context;
    assert_true(address >= MH_RESERVED_ADDRESS);
    memcpy(buffer, nor.view + address, length);
    return power ? MH_OK : MH_ERR_FLASH;
}

static enum mh_error program_nor(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    const struct nor_op op = program(address, data, length);

    (void)context;
    assert_true(address >= MH_RESERVED_ADDRESS);
    return operate(&nor, &op);
}

static enum mh_error erase_nor(void *context, uint32_t address)
{
    const struct nor_op op = erase(address, MH_EXTENT_SIZE);

    (void)context;
    assert_true(address >= MH_RESERVED_ADDRESS);
    return operate(&nor, &op);
}

static void make_part(struct part *part, const struct nor_part *kind, unsigned programs, unsigned erases)
{
    part->array = chip(kind);
    memset(part->array.cells, 0xFF, kind->size);
    part->array.marks->list = realloc(part->array.marks->list, MARKS * sizeof *part->array.marks->list);
    part->array.marks->capacity = MARKS;
    part->view = malloc(kind->size);
    assert_non_null(part->array.marks->list);
    assert_non_null(part->view);
    memcpy(part->view, part->array.cells, kind->size);
    part->loss_chance[NOR_PROGRAM] = programs;
    part->loss_chance[NOR_ERASE] = erases;
}

static void free_part(struct part *part)
{
    release(&part->array);
    free(part->view);
}

/// What may have become of it ///

/* Each has the application alone; a later one has a counter that is not lower. */
static struct package {
    struct blob blob;
    uint8_t id[MH_ID_SIZE];
    uint32_t size, counter;
} packages[PACKAGES];

static const uint32_t counters[PACKAGES] = {3, 3, 5, 40, 40, 70};

/* What the device was last seen to be, and what may have become of it since. */
static struct {
    unsigned running, tried; /* packages; `tried` is PACKAGES when nothing is */
    unsigned next;           /* that is being offered */
    unsigned refused;        /* that was rolled back last: it must not come again */
    bool may_try, must_try;
    bool may_confirm, must_confirm;
    bool may_go_back, must_go_back;
    unsigned cost; /* of the trial, at most */
} model;

static unsigned package_with(const uint8_t id[MH_ID_SIZE])
{
    for (unsigned i = 0; i < PACKAGES; i++) {
        if (memcmp(packages[i].id, id, MH_ID_SIZE) == 0) {
            return i;
        }
    }
    return PACKAGES;
}

static void assert_holds(unsigned package)
{
    struct mh_manifest manifest;

    assert_int_equal(mh_component_verify(&device, MH_APPLICATION, &manifest), MH_OK);
    assert_int_equal(package_with(manifest.id), package);
}

/* A trial goes on, or is seen for the first time. */
static void see_trial(const struct mh_state *state)
{
    const unsigned tried = package_with(state->entries[MH_INCOMING].id);

    assert_false(model.must_confirm || model.must_go_back);
    assert_true(model.tried != PACKAGES || model.may_try);
    assert_int_equal(tried, model.tried != PACKAGES ? model.tried : model.next);
    assert_int_not_equal(tried, model.refused);
    assert_true(MH_TRIAL_CREDIT - state->credit <= model.cost);
    model.tried = tried;
    assert_holds(tried);
}

/* Nothing is going on: the old one runs, as before or again, or the new one was confirmed. */
static void see_idle(const struct mh_state *state)
{
    const unsigned running = package_with(state->entries[MH_APPLICATION - 1].id);
    const unsigned tried = model.tried != PACKAGES ? model.tried : model.may_try ? model.next : PACKAGES;

    if (running != model.running) {
        assert_int_equal(running, tried);
        assert_true(model.may_confirm && !model.must_go_back);
    } else if (tried != PACKAGES && package_with(state->rolled_back_id) == tried) {
        assert_true(model.may_go_back || model.cost >= MH_TRIAL_CREDIT);
        assert_false(model.must_confirm);
        model.refused = tried;
    } else {
        assert_true(model.tried == PACKAGES && !model.must_try);
    }
    model.running = running;
    model.tried = PACKAGES;
    assert_holds(running);
}

static void see(void)
{
    const struct mh_state *state = &update.journal.state;

    assert_true(state->phase == MH_IDLE || state->phase == MH_TRIAL);
    if (state->phase == MH_TRIAL) {
        see_trial(state);
    } else {
        see_idle(state);
    }
    assert_int_equal(package_with(state->entries[MH_APPLICATION - 1].id), model.running);
    assert_int_equal(mh_otp_counter(otp.view, MH_APPLICATION), packages[model.running].counter);
    assert_int_equal(otp.array.marks->count, 0);
    model.may_try = model.must_try = model.may_confirm = model.must_confirm = false;
    model.may_go_back = model.must_go_back = false;
}

/// The game ///

static void offer(void)
{
    const unsigned chosen = (model.running + 1 + draw(PACKAGES - 1)) % PACKAGES;
    const struct package *package = &packages[chosen];

    model.next = chosen;
    model.cost = 0;
    const enum mh_error expected = package->counter < packages[model.running].counter ? MH_ERR_COUNTER
                                   : chosen == model.refused                          ? MH_ERR_ROLLED_BACK
                                                                                      : MH_OK;
    const enum mh_error error = fixture_store(&update, &device, &package->blob);
    assert_true(!power || error == expected);
    model.may_try = expected == MH_OK;
    model.must_try = power && expected == MH_OK;
}

/* Whether a call was finished. Nothing but a loss of power keeps it from that. */
static bool power_outlives(enum mh_error error)
{
    assert_true(!power || error == MH_OK);
    return power;
}

static void decide(void)
{
    switch (draw(6)) {
    case 0:
        model.may_confirm = true;
        model.must_confirm = power_outlives(mh_update_confirm(&update));
        break;
    case 1:
        model.may_go_back = true;
        model.must_go_back = power_outlives(mh_update_rollback(&update));
        break;
    default:
        break;
    }
}

/* What the application does when the bootloader has started it. */
static void run_application(void)
{
    if (mh_update_initialize(&update, &device) != MH_OK) {
        return;
    }
    if (update.journal.state.phase == MH_IDLE) {
        offer();
    } else {
        decide();
    }
}

static void power_on(void)
{
    power = true;
    noise = draw(UINT32_MAX);
    look(&internal, SECTOR_9, SECTOR_9_SIZE);
    look(&nor, MH_RESERVED_ADDRESS, RESERVED_SIZE);
    look(&otp, 0, MH_OTP_SIZE);
}

static void one_start(void)
{
    const bool blamed = draw(8) == 0;

    power_on();
    model.cost += blamed ? MH_TRIAL_BLAMED : MH_TRIAL_START;
    enum mh_error error = mh_update_initialize(&update, &device);
    if (error == MH_OK) {
        error = mh_proceed(&device, &update.journal, &update.package, blamed);
    }
    if (!power) {
        return;
    }
    assert_int_equal(error, MH_OK);
    see();
    run_application();
}

static struct {
    uint8_t *internal, *nor;
    uint8_t otp[MH_OTP_SIZE + MH_OTP_BLOCKS];
} beginning;

static void begin_again(void)
{
    memcpy(internal.array.cells + SECTOR_9, beginning.internal, SECTOR_9_SIZE);
    memcpy(nor.array.cells + MH_RESERVED_ADDRESS, beginning.nor, RESERVED_SIZE);
    memcpy(otp.array.cells, beginning.otp, sizeof beginning.otp);
    internal.array.marks->count = nor.array.marks->count = otp.array.marks->count = 0;
    memset(&model, 0, sizeof model);
    model.tried = model.refused = PACKAGES;
}

static void one_run(uint64_t seed)
{
    random_state = seed * 0x9E3779B97F4A7C15u | 1;
    begin_again();
    for (unsigned i = 0; i < STARTS; i++) {
        lossless = i + 2 >= STARTS;
        one_start();
    }
    assert_true(power);
}

static void whatever_happens_it_is_what_was_confirmed_or_is_tried(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        one_run(seed);
    }
}

/// Setting up ///

static void make_packages(void)
{
    for (unsigned i = 0; i < PACKAGES; i++) {
        packages[i].size = 40 + 97 * i;
        packages[i].counter = counters[i];
        packages[i].blob = fixture_package(packages[i].size, 0, i + 1, counters[i]);
        assert_int_equal(mh_package_open_manifest(&update.package, packages[i].blob.bytes, MH_HEADER_SIZE,
                                                  (uint32_t)packages[i].blob.size, NULL, device.board),
                         MH_OK);
        memcpy(packages[i].id, update.package.manifest.id, MH_ID_SIZE);
    }
}

/* The first package is installed and confirmed. */
static void make_beginning(void)
{
    lossless = true;
    power_on();
    assert_int_equal(fixture_store(&update, &device, &packages[0].blob), MH_OK);
    assert_int_equal(fixture_boot(&update, &device), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    beginning.internal = malloc(SECTOR_9_SIZE);
    beginning.nor = malloc(RESERVED_SIZE);
    memcpy(beginning.internal, internal.array.cells + SECTOR_9, SECTOR_9_SIZE);
    memcpy(beginning.nor, nor.array.cells + MH_RESERVED_ADDRESS, RESERVED_SIZE);
    memcpy(beginning.otp, otp.array.cells, sizeof beginning.otp);
}

static int set_up(void **state)
{
    struct array_device trusted;

    (void)state;
    make_part(&internal, &nor_stm32f407_x32, 300, 6);
    make_part(&nor, &nor_s25fl064k, 20, 12);
    make_part(&otp, &nor_stm32f407_otp, 3, 1);
    fixture_device(&trusted);
    device = (struct mh_device){
        .board = trusted.device.board,
        .nor = {read_nor, program_nor, erase_nor, NULL},
        .internal = {internal.view, program_internal, erase_internal, NULL},
        .anchors = trusted.device.anchors,
        .otp = {otp.view, program_otp, NULL},
    };
    array_device_free(&trusted);
    random_state = 1;
    make_packages();
    make_beginning();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PACKAGES; i++) {
        free(packages[i].blob.bytes);
    }
    free(beginning.internal);
    free(beginning.nor);
    free_part(&internal);
    free_part(&nor);
    free_part(&otp);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whatever_happens_it_is_what_was_confirmed_or_is_tried, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
