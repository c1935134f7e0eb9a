/* SPDX-License-Identifier: MIT
 *
 * Names of operations, and which cuts a sweep makes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan.h"
#include "recorded.h"

#define WORDS 1000
#define TEARS 2
#define APPLICATION 0x080A0000u

static struct profile_phase phases[] = {{"store", "storing"}, {"install", "installing"}};
static struct profile_area areas[] = {
    {"application", RAIL_CHIP_INTERNAL, APPLICATION, 0x60000, ARRAY_INTERNAL, 0xA0000},
    {"journal", RAIL_CHIP_NOR, 0x7FE000, 0x2000, ARRAY_NOR, 0x7FE000},
};

/* Two phases; in the second an erase, WORDS words, and one journal page. */
static struct recording example(const struct profile *profile)
{
    struct recording recording = {0};
    struct problem problem = {0};
    record(&recording, 0, 0, RAIL_POWER_ON, RAIL_CHIP_NONE, 0, 0, NULL);
    record_line(&recording, 10, "demo: storing");
    record_erase(&recording, 20, RAIL_CHIP_NOR, 0x701000, 4096);
    record_program(&recording, 2000000, RAIL_CHIP_NOR, 0x701000, 0x12345678);
    record_line(&recording, 3000000, "boot: installing");
    record_erase(&recording, 4000000, RAIL_CHIP_INTERNAL, APPLICATION, 0x20000);
    for (uint32_t i = 0; i < WORDS; i++)
        record_program(&recording, 6000000 + i * 20000, RAIL_CHIP_INTERNAL, APPLICATION + 4 * i, i);
    record_program(&recording, 50000000, RAIL_CHIP_NOR, 0x7FE000, 1);
    record_program(&recording, 51000000, RAIL_CHIP_NOR, 0x7FE000, 0);
    assert_true(recording_index(&recording, profile, &problem));
    return recording;
}

static struct profile profile_of(struct profile_minimum *minimum, unsigned count)
{
    return (struct profile){.name = "example",
                            .phases = phases,
                            .phases_count = 2,
                            .areas = areas,
                            .areas_count = 2,
                            .cuts = {.minimum = minimum, .minimum_count = count}};
}

static void names_say_chip_address_kind_and_occurrence(void **state)
{
    (void)state;
    struct profile profile = profile_of(NULL, 0);
    struct recording recording = example(&profile);
    char name[PLAN_NAME];
    assert_int_equal(recording.count, WORDS + 5);
    plan_name(&recording, &(struct cut){.tear = NOR_TEAR_AFTER}, name);
    assert_string_equal(name, "nor.701000.e1.after");
    plan_name(&recording, &(struct cut){.operation = 3, .tear = NOR_TEAR_BEFORE}, name);
    assert_string_equal(name, "int.080A0000.p1.before");
    plan_name(&recording, &(struct cut){.operation = WORDS + 4, .tear = NOR_TEAR_BEFORE}, name);
    assert_string_equal(name, "nor.7FE000.p2.before");
    recording_free(&recording);
}

static void phases_begin_at_their_lines(void **state)
{
    (void)state;
    struct profile profile = profile_of(NULL, 0);
    struct recording recording = example(&profile);
    assert_string_equal(recording_phase_name(&profile, recording.operations[0].phase), "store");
    assert_string_equal(recording_phase_name(&profile, recording.operations[2].phase), "install");
    assert_string_equal(recording_area_name(&recording.operations[2]), "application");
    assert_string_equal(recording_area_name(&recording.operations[0]), "nor");
    recording_free(&recording);
}

static void a_phase_that_never_begins_is_said(void **state)
{
    (void)state;
    struct profile profile = profile_of(NULL, 0);
    struct recording recording = {0};
    struct problem problem = {0};
    record_line(&recording, 10, "demo: storing");
    assert_false(recording_index(&recording, &profile, &problem));
    assert_int_equal(problem.kind, PROBLEM_USE);
    assert_non_null(strstr(problem.text, "\"install\""));
    recording_free(&recording);
}

static struct plan make(const struct recording *recording, const struct profile *profile, size_t count, bool all)
{
    struct plan plan;
    struct problem problem = {0};
    struct plan_request request = {.seed = 7, .count = count, .all = all, .tears = {NOR_TEAR_BEFORE, NOR_TEAR_AFTER},
                                   .tear_count = TEARS};
    assert_true(plan_make(&plan, recording, profile, &request, &problem));
    return plan;
}

static size_t count_kind(const struct recording *recording, const struct plan *plan, unsigned kind)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->count; i++)
        count += recording->operations[plan->cuts[i].operation].item.event->kind == kind;
    return count;
}

static void all_means_each_operation_with_each_tear_once(void **state)
{
    (void)state;
    struct profile profile = profile_of(NULL, 0);
    struct recording recording = example(&profile);
    struct plan plan = make(&recording, &profile, 0, true);
    assert_int_equal(plan.points, recording.count * TEARS);
    assert_int_equal(plan.count, plan.points);
    assert_int_equal(plan.repeated, 0);
    for (size_t i = 1; i < plan.count; i++)
        assert_true(plan.cuts[i - 1].operation < plan.cuts[i].operation || plan.cuts[i - 1].tear < plan.cuts[i].tear);
    plan_free(&plan);
    recording_free(&recording);
}

static void cuts_are_spread_and_distinct(void **state)
{
    (void)state;
    struct profile profile = profile_of(NULL, 0);
    struct recording recording = example(&profile);
    struct plan plan = make(&recording, &profile, 100, false);
    size_t tenths[10] = {0};
    assert_int_equal(plan.count, 100);
    for (size_t i = 0; i < plan.count; i++)
        tenths[plan.cuts[i].operation * 10 / recording.count]++;
    for (size_t i = 0; i < 10; i++)
        assert_in_range(tenths[i], 8, 12);
    for (size_t i = 1; i < plan.count; i++)
        assert_true(plan.cuts[i - 1].operation != plan.cuts[i].operation ||
                    plan.cuts[i - 1].tear != plan.cuts[i].tear);
    plan_free(&plan);
    recording_free(&recording);
}

static void minima_repeat_where_operations_are_few(void **state)
{
    (void)state;
    struct profile_minimum minimum[] = {{.kind = RAIL_ERASE, .count = 4 * TEARS + 1},
                                        {.area = "journal", .count = 2},
                                        {.phase = "install", .count = 30}};
    struct profile profile = profile_of(minimum, 3);
    struct recording recording = example(&profile);
    struct plan plan = make(&recording, &profile, 50, false);
    assert_int_equal(plan.count, 50);
    assert_in_range(count_kind(&recording, &plan, RAIL_ERASE), 4 * TEARS + 1, 50);
    assert_in_range(plan.repeated, 2 * TEARS + 1, 50);
    for (size_t i = 1; i < plan.count; i++) {
        const struct cut *one = &plan.cuts[i - 1], *next = &plan.cuts[i];
        if (one->operation == next->operation && one->tear == next->tear)
            assert_int_equal(next->repeat, one->repeat + 1);
    }
    plan_free(&plan);
    recording_free(&recording);
}

static void minima_may_need_more_than_was_asked_for(void **state)
{
    (void)state;
    struct profile_minimum minimum[] = {{.phase = "install", .count = 30}, {.phase = "store", .count = 3}};
    struct profile profile = profile_of(minimum, 2);
    struct recording recording = example(&profile);
    struct plan plan = make(&recording, &profile, 1, false);
    assert_int_equal(plan.count, 33);
    plan_free(&plan);
    recording_free(&recording);
}

static void a_minimum_that_nothing_matches_ends(void **state)
{
    (void)state;
    struct profile_minimum minimum[] = {{.kind = RAIL_STATUS, .count = 3}};
    struct profile profile = profile_of(minimum, 1);
    struct recording recording = example(&profile);
    struct plan plan = make(&recording, &profile, 5, false);
    assert_int_equal(plan.count, 5);
    plan_free(&plan);
    recording_free(&recording);
}

static void the_same_request_gives_the_same_plan(void **state)
{
    (void)state;
    struct profile profile = profile_of(NULL, 0);
    struct recording recording = example(&profile);
    struct plan one = make(&recording, &profile, 80, false), other = make(&recording, &profile, 80, false);
    assert_int_equal(one.count, other.count);
    assert_memory_equal(one.cuts, other.cuts, one.count * sizeof *one.cuts);
    plan_free(&one);
    plan_free(&other);
    recording_free(&recording);
}

static void tears_of_the_other_kind_are_left_out(void **state)
{
    (void)state;
    struct profile profile = profile_of(NULL, 0);
    struct recording recording = example(&profile);
    struct plan plan;
    struct problem problem = {0};
    struct plan_request request = {.all = true,
                                   .tears = {NOR_TEAR_BEFORE, NOR_TEAR_ZEROS, NOR_TEAR_LAST},
                                   .tear_count = 3};
    assert_true(plan_make(&plan, &recording, &profile, &request, &problem));
    assert_int_equal(plan.points, 2 * recording.count);
    assert_int_equal(plan.count, plan.points);
    assert_int_equal(plan.cuts[1].tear, NOR_TEAR_ZEROS); /* of the erase */
    assert_int_equal(plan.cuts[3].tear, NOR_TEAR_LAST);  /* of the program */
    for (size_t i = 0; i < recording.count; i++)
        assert_int_equal(plan_points(&plan, &recording.operations[i]), 2);
    plan_free(&plan);
    recording_free(&recording);
}

static void conditions_follow_from_seeds_repeat_and_power_up(void **state)
{
    (void)state;
    struct seeds seeds = {7, 7, 7}, sram = {7, 8, 7}, noise = {7, 7, 8};
    struct conditions one = plan_conditions(&seeds, 0, 0), same = plan_conditions(&seeds, 0, 0);
    struct conditions repeat = plan_conditions(&seeds, 1, 0), later = plan_conditions(&seeds, 0, 1);
    struct seeds more = {7, 8, 8};
    struct conditions as_id = plan_conditions(&more, 0, 0); /* an id has the seed of a repeat */
    assert_string_equal(repeat.sram, as_id.sram);
    assert_int_equal(repeat.noise, as_id.noise);
    struct conditions other_sram = plan_conditions(&sram, 0, 0), other_noise = plan_conditions(&noise, 0, 0);
    assert_string_equal(one.sram, same.sram);
    assert_int_equal(one.noise, same.noise);
    assert_string_not_equal(one.sram, repeat.sram);
    assert_int_not_equal(one.noise, repeat.noise);
    assert_string_not_equal(one.sram, later.sram);
    assert_int_not_equal(one.noise, later.noise);
    assert_string_not_equal(one.sram, other_sram.sram);
    assert_int_equal(one.noise, other_sram.noise);
    assert_string_equal(one.sram, other_noise.sram);
    assert_int_not_equal(one.noise, other_noise.noise);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_say_chip_address_kind_and_occurrence),
        cmocka_unit_test(phases_begin_at_their_lines),
        cmocka_unit_test(a_phase_that_never_begins_is_said),
        cmocka_unit_test(all_means_each_operation_with_each_tear_once),
        cmocka_unit_test(cuts_are_spread_and_distinct),
        cmocka_unit_test(minima_repeat_where_operations_are_few),
        cmocka_unit_test(minima_may_need_more_than_was_asked_for),
        cmocka_unit_test(a_minimum_that_nothing_matches_ends),
        cmocka_unit_test(the_same_request_gives_the_same_plan),
        cmocka_unit_test(tears_of_the_other_kind_are_left_out),
        cmocka_unit_test(conditions_follow_from_seeds_repeat_and_power_up),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
