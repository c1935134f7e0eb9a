/* SPDX-License-Identifier: MIT
 *
 * Standing at a recovery of a closure: what is wild when power is lost in it, and by which members of a class one may
 * come there. Searches made by hand, of a few states.
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
#define WAYS 100u /* that are tried */

static struct profile no_profile;

struct fixture {
    struct sweep_options options;
    struct closure_result result;
    struct closure_search search;
    struct closure_worker worker;
    struct closure_node nodes[2];
    struct closure_state states[4];
    struct closure_range ranges[2];
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
    fixture->search.states = fixture->states;
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

/* --- ways --- */

/* Entry 0 was run, which is node 1. In its recovery entry 1 was found, in the second depth; in that depth entry 2
 * joined its class. Entry 3 was found in its recovery in the third. */
static void make_search(struct fixture *fixture)
{
    const struct closure_state before = {.parent = CLOSURE_ROOT, .states = 1, .operations = 1, .tear = NOR_TEAR_BEFORE};
    for (unsigned i = 0; i < 4; i++)
        fixture->states[i] = before;
    fixture->states[1].parent = fixture->states[3].parent = 1;
    fixture->states[2].operation = 1;
    fixture->states[2].tear = NOR_TEAR_AFTER;
    fixture->ranges[0] = (struct closure_range){0, 1};
    fixture->ranges[1] = (struct closure_range){2, 1};
    fixture->nodes[1].ranges = fixture->ranges;
    fixture->nodes[1].range_count = fixture->nodes[1].entries = fixture->nodes[1].members = 2;
    fixture->result.depth_count = 3;
    fixture->result.depths[1].first = 1;
    fixture->result.depths[2].first = 3;
}

/* How many of the ways lead through the member that joined. */
static unsigned through_the_joined(struct fixture *fixture, size_t entry)
{
    const struct closure_worker *worker = &fixture->worker;
    unsigned count = 0;
    for (uint64_t random = 0; random < WAYS; random++) {
        uint64_t numbers = random;
        assert_true(closure_stand_at_other(&fixture->worker, entry, &numbers));
        assert_int_equal(worker->played, 1);
        count += worker->state.arrays.cells[ARRAY_NOR][EXTENT] == 0x11;
    }
    return count;
}

static void ways_lead_through_members_of_earlier_depths(void **state)
{
    struct fixture *fixture = *state;
    make_search(fixture);
    assert_int_equal(through_the_joined(fixture, 1), 0);
    unsigned joined = through_the_joined(fixture, 3);
    assert_in_range(joined, WAYS / 4, 3 * WAYS / 4);
}

static void others_are_members_of_earlier_depths(void **state)
{
    struct fixture *fixture = *state;
    make_search(fixture);
    fixture->states[1].node = fixture->states[3].node = 0;
    fixture->nodes[0].state = 1;
    assert_false(closure_has_others(&fixture->search, 1));
    fixture->nodes[0].state = 3;
    assert_true(closure_has_others(&fixture->search, 3));
}

static void a_range_of_members_may_reach_into_a_later_depth(void **state)
{
    struct fixture *fixture = *state;
    make_search(fixture);
    fixture->result.depths[1].first = 0;
    fixture->result.depths[2].first = 2;
    fixture->ranges[1].first = 1;
    fixture->ranges[1].count = 3;
    assert_int_equal(closure_earlier(&fixture->search, &fixture->nodes[1], 3), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_torn_erase_forgets_what_it_overwrites),
        TEST(a_torn_erase_forgets_nothing_where_members_may_not_take),
        TEST(a_device_may_come_with_ranges_that_do_not_take),
        TEST(ways_lead_through_members_of_earlier_depths),
        TEST(others_are_members_of_earlier_depths),
        TEST(a_range_of_members_may_reach_into_a_later_depth),
    };
    return cmocka_run_group_tests_name("closure", tests, NULL, NULL);
}
