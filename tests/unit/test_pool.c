/* SPDX-License-Identifier: MIT
 *
 * States that were run, kept to credit others with them, whichever recovery those stem from: what is
 * credited is what credit.h credits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan.h"
#include "pool.h"

#include <string.h>

#define EXTENT 0x701000u
#define PLACES 6

/* Bytes that states of these tests differ in: two in a page, one in the next page, of both large arrays. */
static const struct place {
    enum array array;
    uint32_t offset;
} places[PLACES] = {{ARRAY_NOR, EXTENT},
                    {ARRAY_NOR, EXTENT + 100},
                    {ARRAY_NOR, EXTENT + ARRAYS_PAGE},
                    {ARRAY_INTERNAL, 0x20000},
                    {ARRAY_INTERNAL, 0x20000 + 7},
                    {ARRAY_INTERNAL, 0x20000 + ARRAYS_PAGE - 1}};

struct fixture {
    struct arrays device, state;
    struct representative representative;
    struct wild wild;
    struct pool *pool;
    struct pool_index *index;
    struct pooled *kept[200];
    size_t count;
    struct problem problem;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.count = 0};
    *state = &fixture;
    assert_true(arrays_allocate(&fixture.device, &fixture.problem));
    assert_true(arrays_allocate(&fixture.state, &fixture.problem));
    assert_true(representative_open(&fixture.representative, &fixture.device, &fixture.problem));
    assert_true(wild_open(&fixture.wild, &fixture.problem));
    fixture.pool = pool_open(&fixture.device);
    fixture.index = pool_index_open(fixture.pool);
    assert_non_null(fixture.index);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    pool_index_close(fixture->index);
    for (size_t i = 0; i < fixture->count; i++)
        pooled_free(fixture->kept[i]);
    pool_close(fixture->pool);
    wild_close(&fixture->wild);
    representative_close(&fixture->representative);
    arrays_free(&fixture->state);
    arrays_free(&fixture->device);
    return 0;
}

static void put(struct arrays *arrays, const struct place *place, uint8_t value)
{
    arrays->cells[place->array][place->offset] = value;
    pages_add(&arrays->pages, place->array, place->offset, 1);
}

static void mark(struct arrays *arrays, const struct place *place)
{
    struct nor_marks *marks = &arrays->marks[place->array];
    assert_true(marks->capacity > marks->count);
    marks->list[marks->count++] = (struct nor_mark){.kind = NOR_WEAK, .offset = place->offset, .bit = 3};
}

/* Keeps the representative as it is now. */
static size_t keep(struct fixture *fixture)
{
    struct pooled *pooled = pool_keep(fixture->pool, &fixture->representative);
    assert_non_null(pooled);
    fixture->kept[fixture->count] = pooled;
    pool_index_add(fixture->index, pooled, fixture->count);
    return fixture->count++;
}

static void matters(struct fixture *fixture, const struct place *place)
{
    bytes_add(&fixture->representative.matters, place->array, place->offset, 1);
}

static size_t find(struct fixture *fixture)
{
    return pool_index_find(fixture->index, &fixture->state, &fixture->wild);
}

/* --- what is credited --- */

static void a_byte_that_does_not_matter_may_differ(void **state)
{
    struct fixture *fixture = *state;
    matters(fixture, &places[0]);
    put(&fixture->representative.state, &places[0], 0x12);
    size_t number = keep(fixture);
    assert_int_equal(find(fixture), SIZE_MAX);
    put(&fixture->state, &places[0], 0x12);
    assert_int_equal(find(fixture), number);
    put(&fixture->state, &places[1], 0x34);
    put(&fixture->state, &places[3], 0x34);
    assert_int_equal(find(fixture), number);
    put(&fixture->state, &places[0], 0x13);
    assert_int_equal(find(fixture), SIZE_MAX);
}

static void a_byte_that_only_the_state_has_counts(void **state)
{
    struct fixture *fixture = *state;
    matters(fixture, &places[2]);
    size_t number = keep(fixture);
    assert_int_equal(find(fixture), number);
    put(&fixture->state, &places[2], 0xFF);
    assert_int_equal(find(fixture), number);
    put(&fixture->state, &places[2], 0xFE);
    assert_int_equal(find(fixture), SIZE_MAX);
}

static void marks_count_where_they_matter(void **state)
{
    struct fixture *fixture = *state;
    matters(fixture, &places[0]);
    size_t number = keep(fixture);
    mark(&fixture->state, &places[1]);
    assert_int_equal(find(fixture), number);
    mark(&fixture->state, &places[0]);
    assert_int_equal(find(fixture), SIZE_MAX);
}

static void marks_of_the_one_that_was_run_count_too(void **state)
{
    struct fixture *fixture = *state;
    matters(fixture, &places[0]);
    mark(&fixture->representative.state, &places[0]);
    keep(fixture);
    assert_int_equal(find(fixture), SIZE_MAX);
}

static void a_wild_byte_must_not_matter(void **state)
{
    struct fixture *fixture = *state;
    matters(fixture, &places[0]);
    size_t number = keep(fixture);
    wild_add(&fixture->wild, places[1].array, places[1].offset, 1);
    assert_int_equal(find(fixture), number);
    wild_add(&fixture->wild, places[0].array, places[0].offset, 1);
    assert_int_equal(find(fixture), SIZE_MAX);
}

static void the_first_one_is_found(void **state)
{
    struct fixture *fixture = *state;
    matters(fixture, &places[0]);
    matters(fixture, &places[3]);
    size_t first = keep(fixture);
    bytes_add(&fixture->representative.matters, ARRAY_NOR, EXTENT + 1, 1); /* another set of bytes that matter */
    keep(fixture);
    keep(fixture);
    assert_int_equal(find(fixture), first);
}

static void what_was_kept_credits_as_it_did(void **state)
{
    struct fixture *fixture = *state;
    matters(fixture, &places[0]);
    matters(fixture, &places[5]);
    put(&fixture->representative.state, &places[0], 0x55);
    size_t number = keep(fixture);
    put(&fixture->representative.state, &places[4], 0x66);
    matters(fixture, &places[4]);
    pooled_load(fixture->kept[number], &fixture->representative);
    put(&fixture->state, &places[0], 0x55);
    put(&fixture->state, &places[1], 0x77);
    struct pages moved = fixture->state.pages;
    pages_add_all(&moved, &fixture->representative.state.pages);
    assert_true(representative_credits(&fixture->representative, &fixture->state, &moved));
    put(&fixture->state, &places[5], 0x77);
    moved = fixture->state.pages;
    assert_false(representative_credits(&fixture->representative, &fixture->state, &moved));
}

/* --- the index --- */

static void draw(struct arrays *arrays, uint64_t *random)
{
    for (unsigned i = 0; i < PLACES; i++)
        put(arrays, &places[i], plan_random(random) % 2 != 0 ? 0xFF : 0x0F);
}

/* Many states of few values, in which each place matters or not: what the index finds is the first one that
 * each of them, asked, credits. */
static void the_index_finds_what_asking_each_finds(void **state)
{
    struct fixture *fixture = *state;
    uint64_t random = 1;
    unsigned found = 0;
    for (unsigned i = 0; i < 200; i++) {
        for (enum array array = 0; array < ARRAYS; array++)
            memset(fixture->representative.matters.bits[array], 0,
                   arrays_pages(array) * BYTES_PAGE_WORDS * sizeof(uint64_t));
        draw(&fixture->representative.state, &random);
        for (unsigned place = 0; place < PLACES; place++)
            if (plan_random(&random) % 4 != 0)
                matters(fixture, &places[place]);
        keep(fixture);
    }
    for (unsigned i = 0; i < 500; i++) {
        size_t expected = 0;
        draw(&fixture->state, &random);
        wild_clear(&fixture->wild);
        for (unsigned place = 0; place < PLACES; place++)
            if (plan_random(&random) % 3 == 0)
                wild_add(&fixture->wild, places[place].array, places[place].offset, 1);
        while (expected < fixture->count && !pooled_credits(fixture->kept[expected], &fixture->state, &fixture->wild))
            expected++;
        assert_int_equal(find(fixture), expected < fixture->count ? expected : SIZE_MAX);
        found += expected < fixture->count;
    }
    assert_in_range(found, 50, 450);
}

/* What a machine does to a weak bit is no operation: the page must be known as one that may differ,
 * though its cells are the device's. */
static void a_state_comes_back_with_the_pages_of_its_marks(void **state)
{
    struct fixture *fixture = *state;
    put(&fixture->representative.state, &places[3], 0x12);
    put(&fixture->representative.state, &places[0], 0xFF); /* as in the device */
    mark(&fixture->representative.state, &places[0]);
    size_t number = keep(fixture);
    put(&fixture->state, &places[2], 0x34);
    pooled_load_state(fixture->kept[number], &fixture->state);
    assert_int_equal(fixture->state.cells[places[3].array][places[3].offset], 0x12);
    assert_int_equal(fixture->state.cells[places[2].array][places[2].offset], 0xFF);
    assert_int_equal(fixture->state.marks[places[0].array].count, 1);
    assert_true(pages_have(&fixture->state.pages, places[3].array, places[3].offset / ARRAYS_PAGE));
    assert_true(pages_have(&fixture->state.pages, places[0].array, places[0].offset / ARRAYS_PAGE));
    assert_false(pages_have(&fixture->state.pages, places[2].array, places[2].offset / ARRAYS_PAGE));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_byte_that_does_not_matter_may_differ), TEST(a_byte_that_only_the_state_has_counts),
        TEST(marks_count_where_they_matter),          TEST(marks_of_the_one_that_was_run_count_too),
        TEST(a_wild_byte_must_not_matter),            TEST(the_first_one_is_found),
        TEST(what_was_kept_credits_as_it_did),        TEST(the_index_finds_what_asking_each_finds),
        TEST(a_state_comes_back_with_the_pages_of_its_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
