/* SPDX-License-Identifier: MIT
 *
 * Starts without work: which power-ups are like one that was run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "idle.h"

#include <string.h>

#define JOURNAL 0x7FE000u
#define TABLE 0x20000u

struct fixture {
    struct arrays device, state;
    struct representative begin;
    struct pool *pool;
    struct idles *idles;
    struct problem problem;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    *state = &fixture;
    assert_true(arrays_allocate(&fixture.device, &fixture.problem) &&
                arrays_allocate(&fixture.state, &fixture.problem));
    assert_true(representative_open(&fixture.begin, &fixture.device, &fixture.problem));
    fixture.pool = pool_open(&fixture.device);
    fixture.idles = idles_open(fixture.pool);
    assert_non_null(fixture.idles);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    idles_close(fixture->idles);
    pool_close(fixture->pool);
    representative_close(&fixture->begin);
    arrays_free(&fixture->state);
    arrays_free(&fixture->device);
    return 0;
}

static void put(struct arrays *arrays, enum array array, uint32_t offset, uint8_t value)
{
    arrays->cells[array][offset] = value;
    pages_add(&arrays->pages, array, offset, 1);
}

/* One that read 16 bytes of the journal and 4 of a table, and took so long. */
static void add(struct fixture *fixture, uint64_t time_ns)
{
    struct session_result result = {.end = SESSION_REACHED, .time_ns = time_ns};
    bytes_add(&fixture->begin.matters, ARRAY_NOR, JOURNAL, 16);
    bytes_add(&fixture->begin.matters, ARRAY_INTERNAL, TABLE, 4);
    assert_true(idles_add(fixture->idles, &fixture->begin, &result, 100 + time_ns));
}

static uint64_t found(struct fixture *fixture)
{
    const struct idle *idle = idles_find(fixture->idles, &fixture->state);
    if (idle != NULL)
        assert_int_equal(idle->trace, 100 + idle->result.time_ns);
    return idle != NULL ? idle->result.time_ns : 0;
}

static void what_was_read_must_be_the_same(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(found(fixture), 0);
    put(&fixture->begin.state, ARRAY_NOR, JOURNAL, 1);
    add(fixture, 7);
    assert_int_equal(found(fixture), 0);
    put(&fixture->state, ARRAY_NOR, JOURNAL, 1);
    assert_int_equal(found(fixture), 7);
    put(&fixture->state, ARRAY_NOR, JOURNAL + 16, 5); /* nobody read that */
    put(&fixture->state, ARRAY_INTERNAL, TABLE + 4, 5);
    assert_int_equal(found(fixture), 7);
    put(&fixture->state, ARRAY_INTERNAL, TABLE + 3, 5);
    assert_int_equal(found(fixture), 0);
}

static void a_weak_bit_that_was_read_must_be_the_same(void **state)
{
    struct fixture *fixture = *state;
    const struct nor_mark weak = {.kind = NOR_WEAK, .offset = JOURNAL + 15, .length = 1, .bit = 2};
    add(fixture, 7);
    fixture->state.marks[ARRAY_NOR].list[0] = weak;
    fixture->state.marks[ARRAY_NOR].count = 1;
    assert_int_equal(found(fixture), 0);
    fixture->state.marks[ARRAY_NOR].list[0].offset++;
    assert_int_equal(found(fixture), 7);
    fixture->begin.state.marks[ARRAY_NOR].list[0] = weak;
    fixture->begin.state.marks[ARRAY_NOR].count = 1;
    add(fixture, 8);
    assert_int_equal(found(fixture), 7);
    fixture->state.marks[ARRAY_NOR].list[0] = weak;
    assert_int_equal(found(fixture), 8);
}

static void each_that_was_run_is_found(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 1; i <= 50; i++) {
        put(&fixture->begin.state, ARRAY_NOR, JOURNAL + 3, (uint8_t)i);
        add(fixture, i);
    }
    for (unsigned i = 1; i <= 50; i++) {
        put(&fixture->state, ARRAY_NOR, JOURNAL + 3, (uint8_t)i);
        assert_int_equal(found(fixture), i);
    }
    put(&fixture->state, ARRAY_NOR, JOURNAL + 3, 51);
    assert_int_equal(found(fixture), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_read_must_be_the_same),
        TEST(a_weak_bit_that_was_read_must_be_the_same),
        TEST(each_that_was_run_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
