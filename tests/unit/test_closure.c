/* SPDX-License-Identifier: MIT
 *
 * Standing at a recovery of a closure: what is wild when power is lost in it. Searches made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "closure_shared.h"
#include "recorded.h"

#include <stdlib.h>
#include <string.h>

#define EXTENT 0x701000u
#define SIZE 0x1000u

static struct profile no_profile;

struct fixture {
    struct sweep_options options;
    struct closure_result result;
    struct closure_search search;
    struct closure_worker worker;
    struct closure_node nodes[2];
    struct recording recovery;
    struct problem problem;
};

static void copy_cells(struct arrays *arrays, const struct arrays *device)
{
    for (enum array array = 0; array < ARRAYS; array++)
        memcpy(arrays->cells[array], device->cells[array], arrays_size(array));
}

/* Both nodes do the same: 0: an extent of the NOR is erased; 1: a word of it is programmed. */
static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct closure_worker *worker = &fixture->worker;
    struct arrays *device = &fixture->search.sweep.target.device;
    *state = fixture;
    assert_true(arrays_allocate(device, &fixture->problem));
    memset(device->cells[ARRAY_NOR] + EXTENT, 0, SIZE);
    record_erase(&fixture->recovery, 0, RAIL_CHIP_NOR, EXTENT, SIZE);
    record_program(&fixture->recovery, 10000000, RAIL_CHIP_NOR, EXTENT, 0x11111111);
    assert_true(recording_index(&fixture->recovery, &no_profile, &fixture->problem));
    fixture->search.sweep.options = &fixture->options;
    fixture->search.result = &fixture->result;
    fixture->search.nodes = fixture->nodes;
    fixture->search.tapes = tapes_open();
    for (unsigned i = 0; i < 2; i++)
        fixture->nodes[i].tape = tapes_keep(fixture->search.tapes, &fixture->recovery);
    worker->search = &fixture->search;
    worker->stands = SIZE_MAX;
    assert_true(arrays_allocate(&worker->base, &fixture->problem));
    copy_cells(&worker->base, device);
    assert_true(wild_open(&worker->wild, &fixture->problem) && wild_open(&worker->torn, &fixture->problem));
    assert_true(crash_state_begin(&worker->state, &fixture->recovery, device, &fixture->problem));
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    struct closure_worker *worker = &fixture->worker;
    crash_state_free(&worker->state);
    recording_free(&worker->recording);
    wild_close(&worker->wild);
    wild_close(&worker->torn);
    arrays_free(&worker->base);
    for (unsigned i = 0; i < 2; i++) {
        free(fixture->nodes[i].tape);
        free(fixture->nodes[i].wild);
    }
    tapes_close(fixture->search.tapes);
    recording_free(&fixture->recovery);
    arrays_free(&fixture->search.sweep.target.device);
    free(fixture);
    return 0;
}

/* --- what a torn erase forgets --- */

static void set_menu(struct fixture *fixture, enum nor_tear one, enum nor_tear other)
{
    fixture->options.tears[0] = one;
    fixture->options.tears[1] = other;
    fixture->options.tear_count = 2;
}

/* Of the extent, when power is lost in its erase and all of it was wild. */
static size_t still_wild(struct fixture *fixture, enum nor_tear tear)
{
    struct wild wild;
    assert_true(wild_open(&wild, &fixture->problem));
    wild_add(&wild, ARRAY_NOR, EXTENT, SIZE);
    assert_true(wild_keep(&wild, &fixture->nodes[CLOSURE_ROOT].wild));
    wild_close(&wild);
    assert_true(closure_stand(&fixture->worker, CLOSURE_ROOT));
    assert_true(closure_lose_power(&fixture->worker, 0, tear));
    return bytes_count(&fixture->worker.at->bytes);
}

/* In how many bytes a member of the root's class differs from what the root left when it has lost power before, in an
 * erase of the extent too, and now in the same way as the root. */
static size_t member_differs(struct fixture *fixture, enum nor_tear before, enum nor_tear tear)
{
    struct crash_state member;
    struct arrays base;
    struct wild difference;
    const struct arrays *device = &fixture->search.sweep.target.device;
    assert_true(crash_state_begin(&member, &fixture->recovery, device, &fixture->problem));
    assert_true(arrays_allocate(&base, &fixture->problem) && wild_open(&difference, &fixture->problem));
    copy_cells(&base, device);
    assert_true(crash_state_tear(&member, 0, before, &fixture->problem));
    arrays_load(&base, &member.arrays, NULL, NULL);
    crash_state_restart(&member, &fixture->recovery, &base);
    assert_true(crash_state_tear(&member, 0, tear, &fixture->problem));
    wild_add_difference(&difference, &member.arrays, &fixture->worker.state.arrays, &member.arrays.pages);
    size_t count = bytes_count(&difference.bytes);
    wild_close(&difference);
    crash_state_free(&member);
    arrays_free(&base);
    return count;
}

static void a_torn_erase_forgets_what_it_overwrites(void **state)
{
    struct fixture *fixture = *state;
    set_menu(fixture, NOR_TEAR_MASK, NOR_TEAR_WEAK);
    assert_int_equal(still_wild(fixture, NOR_TEAR_WEAK), 0);
    assert_int_equal(member_differs(fixture, NOR_TEAR_MASK, NOR_TEAR_WEAK), 0);
}

/* The state that was run has no such range itself. */
static void a_torn_erase_forgets_nothing_where_members_may_not_take(void **state)
{
    struct fixture *fixture = *state;
    set_menu(fixture, NOR_TEAR_NOTAKE, NOR_TEAR_WEAK);
    assert_int_equal(still_wild(fixture, NOR_TEAR_WEAK), SIZE);
    assert_false(nor_marks_notake(&fixture->worker.state.arrays.marks[ARRAY_NOR]));
    assert_int_equal(member_differs(fixture, NOR_TEAR_NOTAKE, NOR_TEAR_WEAK), SIZE);
}

static void a_device_may_come_with_ranges_that_do_not_take(void **state)
{
    struct fixture *fixture = *state;
    struct nor_marks *marks = &fixture->search.sweep.target.device.marks[ARRAY_NOR];
    struct nor_mark mark = {.kind = NOR_NOTAKE, .offset = 0x1000, .length = SIZE};
    set_menu(fixture, NOR_TEAR_MASK, NOR_TEAR_WEAK);
    assert_true(marks->capacity > 0);
    marks->list[marks->count++] = mark;
    assert_int_equal(still_wild(fixture, NOR_TEAR_WEAK), SIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_torn_erase_forgets_what_it_overwrites),
        TEST(a_torn_erase_forgets_nothing_where_members_may_not_take),
        TEST(a_device_may_come_with_ranges_that_do_not_take),
    };
    return cmocka_run_group_tests_name("closure", tests, NULL, NULL);
}
