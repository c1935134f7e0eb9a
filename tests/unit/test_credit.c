/* SPDX-License-Identifier: MIT
 *
 * Which states are credited with the verdict of another, on small traces made by hand, and which must not be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crash_state.h"
#include "credit.h"
#include "recorded.h"
#include "wear.h"

#define SECTOR 0x08020000u /* number 5, 128 KB */
#define SECTOR_OFFSET 0x20000u
#define EXTENT 0x701000u

struct fixture {
    struct arrays device;
    struct recording update;
    struct crash_state state;
    struct representative representative;
    struct credit_rules rules;
    enum credit_look look;
    struct footprint recovery;
    uint8_t touched[RAIL_TOUCHED_SIZE];
    struct problem problem;
};

static struct profile no_profile;

/* 0: an extent of the NOR is erased, 1, 2: two pages of it programmed; 3: a sector of the internal flash is erased,
 * 4, 5: two words programmed, a page apart. */
static int set_up(void **state)
{
    static struct fixture fixture;
    uint32_t pages[2] = {0x11111111, 0x22222222};
    fixture = (struct fixture){.look = CREDIT_COMPARED};
    *state = &fixture;
    assert_true(arrays_allocate(&fixture.device, &fixture.problem));
    memset(fixture.device.cells[ARRAY_INTERNAL] + SECTOR_OFFSET, 0x00, 0x20000);
    memset(fixture.device.cells[ARRAY_NOR] + EXTENT, 0x00, 0x1000);
    record_erase(&fixture.update, 0, RAIL_CHIP_NOR, EXTENT, 0x1000);
    record_program(&fixture.update, 10000000, RAIL_CHIP_NOR, EXTENT, pages[0]);
    record_program(&fixture.update, 20000000, RAIL_CHIP_NOR, EXTENT + 256, pages[1]);
    record_erase(&fixture.update, 30000000, RAIL_CHIP_INTERNAL, SECTOR, 0x20000);
    record_program(&fixture.update, 40000000, RAIL_CHIP_INTERNAL, SECTOR, 0x33333333);
    record_program(&fixture.update, 50000000, RAIL_CHIP_INTERNAL, SECTOR + ARRAYS_PAGE, 0x44444444);
    assert_true(recording_index(&fixture.update, &no_profile, &fixture.problem));
    assert_true(crash_state_begin(&fixture.state, &fixture.update, &fixture.device, &fixture.problem));
    assert_true(representative_open(&fixture.representative, &fixture.device, &fixture.problem));
    assert_true(credit_rules_open(&fixture.rules, &fixture.problem));
    footprint_begin(&fixture.recovery);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    credit_rules_close(&fixture->rules);
    representative_close(&fixture->representative);
    crash_state_free(&fixture->state);
    recording_free(&fixture->update);
    arrays_free(&fixture->device);
    return 0;
}

/* --- what the recovery of the representative does --- */

static void take(struct fixture *fixture, uint64_t time_ns, uint64_t duration_ns, enum rail_kind kind,
                 enum rail_chip chip, uint32_t address, uint32_t value)
{
    static const uint8_t zeros[256];
    const struct rail_event event = {.time_ns = time_ns, .duration_ns = duration_ns, .address = address, .value = value,
                                     .kind = (uint8_t)kind, .chip = (uint8_t)chip};
    footprint_take(&fixture->recovery, &(struct trace_item){&event, zeros});
}

/* In the next power-up. */
static void erases(struct fixture *fixture, enum rail_chip chip, uint32_t address, uint32_t size)
{
    take(fixture, 0, 1000, RAIL_ERASE, chip, address, size);
    take(fixture, 2000, 0, RAIL_POWER_OFF, RAIL_CHIP_NONE, 0, UINT32_MAX);
    footprint_compared(&fixture->recovery);
}

static void touches_internal(struct fixture *fixture, uint32_t offset)
{
    fixture->touched[RAIL_TOUCHED_INTERNAL + offset / 8] |= (uint8_t)(1u << offset % 8);
}

static void touches_nor(struct fixture *fixture, uint32_t offset)
{
    fixture->touched[RAIL_TOUCHED_NOR + offset / 8] |= (uint8_t)(1u << offset % 8);
}

static void run(struct fixture *fixture, size_t operation, enum nor_tear tear)
{
    assert_true(crash_state_tear(&fixture->state, operation, tear, &fixture->problem));
    representative_set(&fixture->representative, &fixture->state.arrays, fixture->touched, &fixture->recovery,
                       &fixture->rules, fixture->look);
}

static bool credited(struct fixture *fixture, size_t operation, enum nor_tear tear)
{
    assert_true(crash_state_tear(&fixture->state, operation, tear, &fixture->problem));
    return representative_credits(&fixture->representative, &fixture->state.arrays, &fixture->state.moved);
}

/* --- the tests --- */

static void other_status_registers_are_not_credited(void **state)
{
    struct fixture *fixture = *state;
    erases(fixture, RAIL_CHIP_INTERNAL, SECTOR, 0x20000);
    fixture->state.arrays.status = (struct arrays_status){2, {0x00, 0x02}};
    run(fixture, 3, NOR_TEAR_BEFORE);
    assert_true(credited(fixture, 3, NOR_TEAR_AFTER));
    fixture->state.under.status.registers[0] = 0x04; /* what lies under the tear comes back */
    assert_false(credited(fixture, 3, NOR_TEAR_AFTER));
}

static void what_was_erased_unread_is_credited(void **state)
{
    struct fixture *fixture = *state;
    fixture->look = CREDIT_ALL;
    erases(fixture, RAIL_CHIP_INTERNAL, SECTOR, 0x20000);
    run(fixture, 3, NOR_TEAR_BEFORE);
    for (size_t operation = 3; operation <= 5; operation++)
        for (enum nor_tear tear = 0; tear < NOR_TEARS; tear++)
            assert_true(credited(fixture, operation, tear));
}

/* A later power-up erases what the one before left wrong. */
static void what_was_compared_before_it_was_erased_is_not_credited(void **state)
{
    struct fixture *fixture = *state;
    credit_rules_compare(&fixture->rules, ARRAY_INTERNAL, SECTOR_OFFSET + ARRAYS_PAGE + 3, 1);
    for (unsigned look = CREDIT_COMPARED; look <= CREDIT_ALL; look++) {
        fixture->look = (enum credit_look)look;
        footprint_begin(&fixture->recovery);
        erases(fixture, RAIL_CHIP_NOR, EXTENT, 0x1000);
        erases(fixture, RAIL_CHIP_INTERNAL, SECTOR, 0x20000);
        run(fixture, 4, NOR_TEAR_BEFORE);
        assert_true(credited(fixture, 4, NOR_TEAR_AFTER));
        assert_false(credited(fixture, 5, NOR_TEAR_AFTER));
    }
}

static void what_was_read_before_is_not_credited(void **state)
{
    struct fixture *fixture = *state;
    erases(fixture, RAIL_CHIP_NOR, EXTENT, 0x1000);
    touches_nor(fixture, EXTENT + 256 + 1);
    run(fixture, 1, NOR_TEAR_BEFORE);
    assert_true(credited(fixture, 1, NOR_TEAR_HALF));
    assert_true(credited(fixture, 1, NOR_TEAR_MASK));
    assert_true(credited(fixture, 1, NOR_TEAR_WEAK));
    assert_true(credited(fixture, 2, NOR_TEAR_BEFORE));
    assert_false(credited(fixture, 2, NOR_TEAR_HALF));
    assert_false(credited(fixture, 2, NOR_TEAR_AFTER));
    assert_false(credited(fixture, 3, NOR_TEAR_BEFORE)); /* it keeps differing there */
    assert_true(credited(fixture, 2, NOR_TEAR_BEFORE));  /* and does no more */
}

static void what_was_read_beside_it_does_not_matter(void **state)
{
    struct fixture *fixture = *state;
    erases(fixture, RAIL_CHIP_INTERNAL, SECTOR, 0x20000);
    touches_internal(fixture, SECTOR_OFFSET - 1);
    touches_internal(fixture, SECTOR_OFFSET + 4);
    touches_internal(fixture, SECTOR_OFFSET + ARRAYS_PAGE + 3);
    run(fixture, 4, NOR_TEAR_BEFORE);
    assert_true(credited(fixture, 4, NOR_TEAR_AFTER));
    assert_true(credited(fixture, 5, NOR_TEAR_BEFORE));
    assert_false(credited(fixture, 5, NOR_TEAR_AFTER));
    assert_true(credited(fixture, 5, NOR_TEAR_HALF)); /* its low half alone */
}

static void what_is_left_is_not_credited_where_it_is_compared(void **state)
{
    struct fixture *fixture = *state;
    credit_rules_compare(&fixture->rules, ARRAY_INTERNAL, SECTOR_OFFSET + ARRAYS_PAGE + 3, 1);
    run(fixture, 4, NOR_TEAR_BEFORE);
    assert_true(credited(fixture, 4, NOR_TEAR_AFTER));
    assert_false(credited(fixture, 5, NOR_TEAR_AFTER));
}

/* The verdict of a counter depends on what it was, even where the run erases it. */
static void what_is_kept_is_not_credited_although_it_is_erased(void **state)
{
    struct fixture *fixture = *state;
    erases(fixture, RAIL_CHIP_INTERNAL, SECTOR, 0x20000);
    run(fixture, 4, NOR_TEAR_BEFORE);
    assert_true(credited(fixture, 5, NOR_TEAR_AFTER));
    credit_rules_keep(&fixture->rules, ARRAY_INTERNAL, SECTOR_OFFSET + ARRAYS_PAGE + 3, 1);
    run(fixture, 4, NOR_TEAR_BEFORE);
    assert_true(credited(fixture, 4, NOR_TEAR_AFTER));
    assert_false(credited(fixture, 5, NOR_TEAR_AFTER));
}

static void what_is_left_is_credited_when_nobody_looked(void **state)
{
    struct fixture *fixture = *state;
    credit_rules_compare(&fixture->rules, ARRAY_INTERNAL, SECTOR_OFFSET, 0x20000);
    touches_internal(fixture, SECTOR_OFFSET);
    fixture->look = CREDIT_NOTHING;
    run(fixture, 5, NOR_TEAR_BEFORE);
    assert_true(credited(fixture, 5, NOR_TEAR_AFTER));
    assert_false(credited(fixture, 4, NOR_TEAR_BEFORE));
}

static void what_is_left_is_not_credited_when_all_is_read_later(void **state)
{
    struct fixture *fixture = *state;
    fixture->look = CREDIT_ALL;
    run(fixture, 4, NOR_TEAR_BEFORE);
    assert_true(credited(fixture, 4, NOR_TEAR_BEFORE));
    assert_false(credited(fixture, 4, NOR_TEAR_AFTER));
}

static void a_mark_counts_like_its_bytes(void **state)
{
    struct fixture *fixture = *state;
    erases(fixture, RAIL_CHIP_NOR, EXTENT, 0x1000);
    run(fixture, 2, NOR_TEAR_BEFORE);
    assert_true(credited(fixture, 1, NOR_TEAR_WEAK));
    assert_true(credited(fixture, 0, NOR_TEAR_NOTAKE));
    for (uint32_t i = 0; i < 256; i++)
        touches_nor(fixture, EXTENT + i);
    run(fixture, 1, NOR_TEAR_AFTER);
    assert_true(credited(fixture, 2, NOR_TEAR_BEFORE));
    assert_false(credited(fixture, 1, NOR_TEAR_WEAK)); /* the same cells, and a bit that may read otherwise */
    run(fixture, 1, NOR_TEAR_WEAK);
    assert_true(credited(fixture, 1, NOR_TEAR_WEAK));
    assert_false(credited(fixture, 2, NOR_TEAR_BEFORE)); /* the representative's mark counts too */
}

static void a_not_taking_range_counts_as_a_whole(void **state)
{
    struct fixture *fixture = *state;
    struct nor_mark one = {NOR_NOTAKE, SECTOR_OFFSET, 0x20000, 0};
    erases(fixture, RAIL_CHIP_INTERNAL, SECTOR, 0x20000);
    run(fixture, 4, NOR_TEAR_BEFORE);
    fixture->state.arrays.marks[ARRAY_INTERNAL].list[0] = one;
    fixture->state.arrays.marks[ARRAY_INTERNAL].count = 1;
    assert_true(representative_credits(&fixture->representative, &fixture->state.arrays, &fixture->state.moved));
    touches_internal(fixture, SECTOR_OFFSET + 0x1FFFF);
    run(fixture, 4, NOR_TEAR_BEFORE);
    fixture->state.arrays.marks[ARRAY_INTERNAL].list[0] = one;
    fixture->state.arrays.marks[ARRAY_INTERNAL].count = 1;
    assert_false(representative_credits(&fixture->representative, &fixture->state.arrays, &fixture->state.moved));
}

static void an_erase_cut_short_is_no_erase(void **state)
{
    struct fixture *fixture = *state;
    take(fixture, 0, 1000, RAIL_ERASE, RAIL_CHIP_INTERNAL, SECTOR, 0x20000);
    take(fixture, 500, 0, RAIL_RESET, RAIL_CHIP_NONE, 0, 0);
    take(fixture, 2000, 1000, RAIL_ERASE, RAIL_CHIP_NOR, EXTENT, 0x1000);
    take(fixture, 2500, 0, RAIL_POWER_OFF, RAIL_CHIP_NONE, 0, UINT32_MAX);
    run(fixture, 4, NOR_TEAR_BEFORE);
    assert_false(credited(fixture, 4, NOR_TEAR_AFTER));
    run(fixture, 1, NOR_TEAR_BEFORE);
    assert_false(credited(fixture, 1, NOR_TEAR_AFTER));
}

static void the_nor_goes_on_erasing_over_a_reset(void **state)
{
    struct fixture *fixture = *state;
    fixture->look = CREDIT_ALL;
    take(fixture, 0, 1000, RAIL_ERASE, RAIL_CHIP_NOR, EXTENT, 0x1000);
    take(fixture, 500, 0, RAIL_RESET, RAIL_CHIP_NONE, 0, 0);
    take(fixture, 2500, 0, RAIL_POWER_OFF, RAIL_CHIP_NONE, 0, UINT32_MAX);
    run(fixture, 1, NOR_TEAR_BEFORE);
    assert_true(credited(fixture, 1, NOR_TEAR_AFTER));
}

static void the_one_time_area_is_never_credited(void **state)
{
    struct fixture *fixture = *state;
    run(fixture, 0, NOR_TEAR_BEFORE);
    fixture->state.arrays.cells[ARRAY_OTP][3] = 0;
    pages_add(&fixture->state.moved, ARRAY_OTP, 3, 1);
    assert_false(representative_credits(&fixture->representative, &fixture->state.arrays, &fixture->state.moved));
}

static void the_trace_tells_runs_apart(void **state)
{
    struct fixture *fixture = *state;
    struct footprint other;
    footprint_begin(&other);
    assert_int_equal(fixture->recovery.trace, other.trace);
    take(fixture, 1, 0, RAIL_UART, RAIL_CHIP_NONE, 1, 'a');
    uint64_t first = fixture->recovery.trace;
    footprint_begin(&fixture->recovery);
    take(fixture, 2, 0, RAIL_UART, RAIL_CHIP_NONE, 1, 'a');
    assert_int_not_equal(first, fixture->recovery.trace);
}

static void wear_counts_before_and_after_the_cut(void **state)
{
    struct fixture *fixture = *state;
    struct profile profile = {.budget = {.erases = 1}};
    struct wear wear;
    struct verdict verdict = {.pass = true};
    assert_true(wear_open(&wear, &fixture->update, &fixture->problem));
    erases(fixture, RAIL_CHIP_INTERNAL, SECTOR, 0x20000);
    assert_int_equal(fixture->recovery.erases[5], 1);
    assert_true(wear_judge(&wear, &profile, &(struct cut){.operation = 5}, fixture->recovery.erases, &verdict));
    erases(fixture, RAIL_CHIP_INTERNAL, SECTOR, 0x20000);
    assert_true(wear_judge(&wear, &profile, &(struct cut){.operation = 3}, fixture->recovery.erases, &verdict));
    assert_true(verdict.pass);
    assert_false(wear_judge(&wear, &profile, &(struct cut){.operation = 3, .tear = NOR_TEAR_HALF},
                            fixture->recovery.erases, &verdict));
    assert_string_equal(verdict.oracle, "wear");
    assert_false(verdict.pass);
    profile.budget.erases = 0;
    assert_true(wear_judge(&wear, &profile, &(struct cut){.operation = 5}, fixture->recovery.erases, &verdict));
    wear_close(&wear);
}

static void wear_of_several_power_losses_adds_up(void **state)
{
    struct fixture *fixture = *state;
    struct profile profile = {.budget = {.erases = 1}};
    struct cut before = {.operation = 3}, half = {.operation = 3, .tear = NOR_TEAR_HALF};
    struct wear wear;
    struct verdict verdict = {.pass = true};
    uint32_t erased[FOOTPRINT_SECTORS] = {[5] = 1};
    assert_true(wear_open(&wear, &fixture->update, &fixture->problem));
    wear_add(&wear, &before, erased);
    assert_int_equal(erased[5], 1); /* the erase is the operation that lost power, and had not begun */
    wear_add(&wear, &half, erased);
    wear_add(&wear, &half, erased);
    assert_int_equal(erased[5], 3);
    assert_true(wear_judge_all(&profile, 2, erased, &verdict));
    assert_false(wear_judge_all(&profile, 1, erased, &verdict));
    assert_string_equal(verdict.oracle, "wear");
    assert_non_null(strstr(verdict.detail, "erased 3 times, budget is 1 and one more"));
    erased[5]++;
    assert_false(wear_judge_all(&profile, 2, erased, &verdict));
    assert_non_null(strstr(verdict.detail, "budget is 1 and 2 more"));
    wear_close(&wear);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(other_status_registers_are_not_credited),
        TEST(what_was_erased_unread_is_credited),
        TEST(what_was_compared_before_it_was_erased_is_not_credited),
        TEST(what_was_read_before_is_not_credited),
        TEST(what_was_read_beside_it_does_not_matter),
        TEST(what_is_left_is_not_credited_where_it_is_compared),
        TEST(what_is_kept_is_not_credited_although_it_is_erased),
        TEST(what_is_left_is_credited_when_nobody_looked),
        TEST(what_is_left_is_not_credited_when_all_is_read_later),
        TEST(a_mark_counts_like_its_bytes),
        TEST(a_not_taking_range_counts_as_a_whole),
        TEST(an_erase_cut_short_is_no_erase),
        TEST(the_nor_goes_on_erasing_over_a_reset),
        TEST(the_one_time_area_is_never_credited),
        TEST(the_trace_tells_runs_apart),
        TEST(wear_counts_before_and_after_the_cut),
        TEST(wear_of_several_power_losses_adds_up),
    };
    return cmocka_run_group_tests_name("credit", tests, NULL, NULL);
}
