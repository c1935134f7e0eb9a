/* SPDX-License-Identifier: MIT
 *
 * Crash states: what a power loss at an operation of a recorded run leaves in the arrays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recorded.h"

#define SECTOR 0x08020000u
#define SECTOR_OFFSET 0x20000u

struct fixture {
    struct arrays device;
    struct recording recording;
    struct crash_state state;
    struct problem problem;
};

static struct profile no_profile;

/* Erase, two words, then a NOR erase during which a third word is programmed. */
static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    *state = &fixture;
    assert_true(arrays_allocate(&fixture.device, &fixture.problem));
    memset(fixture.device.cells[ARRAY_INTERNAL] + SECTOR_OFFSET, 0x00, 0x20000);
    memset(fixture.device.cells[ARRAY_NOR], 0x55, 0x2000);
    record_erase(&fixture.recording, 0, RAIL_CHIP_INTERNAL, SECTOR, 0x20000);
    record_program(&fixture.recording, 2000000, RAIL_CHIP_INTERNAL, SECTOR, 0x11111111);
    record_program(&fixture.recording, 3000000, RAIL_CHIP_INTERNAL, SECTOR + 4, 0x22222222);
    record_erase(&fixture.recording, 4000000, RAIL_CHIP_NOR, 0x1000, 0x1000);
    record_program(&fixture.recording, 4500000, RAIL_CHIP_INTERNAL, SECTOR + 8, 0x33333333);
    record_program(&fixture.recording, 9000000, RAIL_CHIP_NOR, 0x1000, 0x44444444);
    assert_true(recording_index(&fixture.recording, &no_profile, &fixture.problem));
    assert_true(crash_state_begin(&fixture.state, &fixture.recording, &fixture.device, &fixture.problem));
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    crash_state_free(&fixture->state);
    recording_free(&fixture->recording);
    arrays_free(&fixture->device);
    return 0;
}

static uint32_t word(const struct fixture *fixture, enum array array, uint32_t offset)
{
    uint32_t value;
    memcpy(&value, fixture->state.arrays.cells[array] + offset, sizeof value);
    return value;
}

static void tear(struct fixture *fixture, size_t operation, enum nor_tear tear)
{
    assert_true(crash_state_tear(&fixture->state, operation, tear, &fixture->problem));
}

static void before_is_the_prefix_and_after_includes_the_operation(void **state)
{
    struct fixture *fixture = *state;
    tear(fixture, 0, NOR_TEAR_BEFORE);
    assert_int_equal(word(fixture, ARRAY_INTERNAL, SECTOR_OFFSET), 0);
    tear(fixture, 0, NOR_TEAR_AFTER);
    assert_int_equal(word(fixture, ARRAY_INTERNAL, SECTOR_OFFSET), 0xFFFFFFFF);
    tear(fixture, 2, NOR_TEAR_BEFORE);
    assert_int_equal(word(fixture, ARRAY_INTERNAL, SECTOR_OFFSET), 0x11111111);
    assert_int_equal(word(fixture, ARRAY_INTERNAL, SECTOR_OFFSET + 4), 0xFFFFFFFF);
}

static void going_back_gives_the_same_state(void **state)
{
    struct fixture *fixture = *state;
    tear(fixture, 5, NOR_TEAR_AFTER);
    assert_int_equal(word(fixture, ARRAY_NOR, 0x1000), 0x44444444);
    tear(fixture, 1, NOR_TEAR_AFTER);
    assert_int_equal(word(fixture, ARRAY_NOR, 0x1000), 0x55555555);
    assert_int_equal(word(fixture, ARRAY_INTERNAL, SECTOR_OFFSET), 0x11111111);
    assert_int_equal(word(fixture, ARRAY_INTERNAL, SECTOR_OFFSET + 4), 0xFFFFFFFF);
    tear(fixture, 1, NOR_TEAR_BEFORE);
    assert_int_equal(word(fixture, ARRAY_INTERNAL, SECTOR_OFFSET), 0xFFFFFFFF);
}

static void the_other_chips_operation_is_torn_too(void **state)
{
    struct fixture *fixture = *state;
    tear(fixture, 4, NOR_TEAR_BEFORE);
    assert_int_equal(word(fixture, ARRAY_NOR, 0x1000), 0x55555555);
    tear(fixture, 4, NOR_TEAR_AFTER);
    assert_int_equal(word(fixture, ARRAY_NOR, 0x1000), 0xFFFFFFFF);
    assert_int_equal(word(fixture, ARRAY_INTERNAL, SECTOR_OFFSET + 8), 0x33333333);
    tear(fixture, 5, NOR_TEAR_BEFORE); /* it has ended by then */
    assert_int_equal(word(fixture, ARRAY_NOR, 0x1000), 0xFFFFFFFF);
}

static void only_touched_pages_are_marked(void **state)
{
    struct fixture *fixture = *state;
    tear(fixture, 1, NOR_TEAR_AFTER);
    assert_false(arrays_marked(&fixture->state.arrays, ARRAY_INTERNAL, SECTOR_OFFSET / ARRAYS_PAGE - 1));
    assert_true(arrays_marked(&fixture->state.arrays, ARRAY_INTERNAL, SECTOR_OFFSET / ARRAYS_PAGE));
    assert_true(arrays_marked(&fixture->state.arrays, ARRAY_INTERNAL, SECTOR_OFFSET / ARRAYS_PAGE + 127));
    assert_false(arrays_marked(&fixture->state.arrays, ARRAY_INTERNAL, SECTOR_OFFSET / ARRAYS_PAGE + 128));
    assert_false(arrays_marked(&fixture->state.arrays, ARRAY_NOR, 4));
}

struct announced {
    unsigned calls;
    uint32_t bytes;
};

static bool announce(void *context, enum array array, uint32_t offset, uint32_t size)
{
    struct announced *announced = context;
    (void)array;
    (void)offset;
    announced->calls++;
    announced->bytes += size;
    return true;
}

static void loading_copies_only_what_differs(void **state)
{
    struct fixture *fixture = *state;
    struct announced announced = {0, 0};
    struct arrays target;
    enum array array;
    uint32_t offset;
    assert_true(arrays_allocate(&target, &fixture->problem));
    for (enum array each = 0; each < ARRAYS; each++)
        memcpy(target.cells[each], fixture->device.cells[each], arrays_size(each));
    tear(fixture, 5, NOR_TEAR_AFTER);
    assert_true(arrays_differ(&target, &fixture->state.arrays, false, &array, &offset));
    assert_true(arrays_load(&target, &fixture->state.arrays, announce, &announced));
    assert_int_equal(announced.calls, 2); /* one run per chip */
    assert_int_equal(announced.bytes, 0x20000 + 0x1000);
    assert_false(arrays_differ(&target, &fixture->state.arrays, true, &array, &offset));
    assert_true(arrays_load(&target, &fixture->device, announce, &announced));
    assert_false(arrays_differ(&target, &fixture->device, true, &array, &offset));
    arrays_free(&target);
}

static void an_operation_that_the_part_refuses_is_said(void **state)
{
    struct fixture *fixture = *state;
    struct recording recording = {0};
    struct crash_state other;
    record(&recording, 0, 0, RAIL_STATUS, RAIL_CHIP_NOR, 0, 1, "x");
    record_program(&recording, 9, RAIL_CHIP_NOR, 0, 0);
    assert_true(recording_index(&recording, &no_profile, &fixture->problem));
    assert_true(crash_state_begin(&other, &recording, &fixture->device, &fixture->problem));
    assert_false(crash_state_tear(&other, 1, NOR_TEAR_BEFORE, &fixture->problem));
    assert_int_equal(fixture->problem.kind, PROBLEM_BENCH);
    assert_non_null(strstr(fixture->problem.text, "nor.000000.s1"));
    crash_state_free(&other);
    recording_free(&recording);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(before_is_the_prefix_and_after_includes_the_operation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(going_back_gives_the_same_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_other_chips_operation_is_torn_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_touched_pages_are_marked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loading_copies_only_what_differs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_operation_that_the_part_refuses_is_said, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("crash_state", tests, NULL, NULL);
}
