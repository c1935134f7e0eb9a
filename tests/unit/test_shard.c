/* SPDX-License-Identifier: MIT
 *
 * Shards: what is said and in the environment, and that together they have every power loss once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shard.h"

#include <stdlib.h>
#include <string.h>

static void assert_shard(const char *text, unsigned number, unsigned count)
{
    struct shard shard;
    struct problem problem = {0};
    assert_true(shard_parse(text, &shard, &problem));
    assert_int_equal(shard.number, number);
    assert_int_equal(shard.count, count);
}

/* With what the message must say. */
static void assert_refused(const char *text, const char *words)
{
    struct shard shard;
    struct problem problem = {0};
    assert_false(shard_parse(text, &shard, &problem));
    assert_int_equal(problem.kind, PROBLEM_USE);
    assert_non_null(strstr(problem.text, words));
}

static void numbers_are_from_one(void **state)
{
    (void)state;
    assert_shard("1/1", 1, 1);
    assert_shard("8/8", 8, 8);
    assert_refused("0/8", "no shard 0 of 8");
    assert_refused("9/8", "no shard 9 of 8");
    assert_refused("1/0", "no shard 1 of 0");
    assert_refused("1/10001", "no shard");
    const char *const texts[] = {"",         "/",    "1",    "1/",   "/1",
                                 "1/2/3",    "-1/2", "1/2x", " 1/2", "12345678901234567/2",
                                 "automatic"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_refused(texts[i], "write it like 2/8");
}

static const char *const variables[] = {"SLURM_ARRAY_TASK_ID",   "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN",
                                        "SLURM_ARRAY_TASK_STEP", "JOB_COMPLETION_INDEX",   "MATTERHORN_SHARDS",
                                        "CI_NODE_INDEX",         "CI_NODE_TOTAL"};

static int without_variables(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        unsetenv(variables[i]);
    return 0;
}

static void auto_is_a_slurm_array(void **state)
{
    (void)state;
    setenv("SLURM_ARRAY_TASK_ID", "14", 1);
    assert_refused("auto", "SLURM_ARRAY_TASK_COUNT is not");
    setenv("SLURM_ARRAY_TASK_COUNT", "5", 1);
    setenv("SLURM_ARRAY_TASK_MIN", "10", 1);
    assert_shard("auto", 5, 5);
    setenv("SLURM_ARRAY_TASK_STEP", "2", 1);
    assert_shard("auto", 3, 5);
    setenv("SLURM_ARRAY_TASK_ID", "15", 1);
    assert_refused("auto", "SLURM_ARRAY_TASK_ID is 15");
    setenv("SLURM_ARRAY_TASK_ID", "x", 1);
    assert_refused("auto", "no number: x");
}

static void auto_is_an_indexed_job(void **state)
{
    (void)state;
    setenv("JOB_COMPLETION_INDEX", "0", 1);
    assert_refused("auto", "MATTERHORN_SHARDS is not");
    setenv("MATTERHORN_SHARDS", "4", 1);
    assert_shard("auto", 1, 4);
    setenv("JOB_COMPLETION_INDEX", "4", 1);
    assert_refused("auto", "no shard 5 of 4");
}

static void auto_is_parallel_in_gitlab(void **state)
{
    (void)state;
    setenv("CI_NODE_TOTAL", "1", 1); /* which is there without `parallel` too */
    assert_refused("auto", "none of");
    setenv("CI_NODE_INDEX", "2", 1);
    setenv("CI_NODE_TOTAL", "3", 1);
    assert_shard("auto", 2, 3);
    setenv("SLURM_ARRAY_TASK_ID", "1", 1);
    assert_refused("auto", "both SLURM_ARRAY_TASK_ID and CI_NODE_INDEX");
}

static struct plan plan_of(size_t count)
{
    struct plan plan = {.count = count, .whole = count, .cuts = calloc(count + 1, sizeof *plan.cuts)};
    assert_non_null(plan.cuts);
    for (size_t i = 0; i < count; i++)
        plan.cuts[i].number = i;
    return plan;
}

/* Every number once, in order within a shard; and what a shard walks in one go are whole parts. */
static void together_they_have_everything_once(void **state)
{
    (void)state;
    const size_t totals[] = {0, 1, 7, 16, 100, 1001};
    for (size_t which = 0; which < sizeof totals / sizeof totals[0]; which++) {
        for (unsigned count = 1; count <= 40; count++) {
            size_t total = totals[which], sum = 0;
            unsigned char *seen = calloc(total + 1, 1);
            for (unsigned number = 1; number <= count; number++) {
                struct shard shard = {number, count};
                struct plan plan = plan_of(total);
                assert_true(shard_take(&shard, &plan, NULL));
                assert_int_equal(plan.count, shard_share(&shard, total));
                for (size_t i = 0; i < plan.count; i++) {
                    assert_true(i == 0 || plan.cuts[i - 1].number < plan.cuts[i].number);
                    seen[plan.cuts[i].number]++;
                }
                sum += plan.count;
                plan_free(&plan);
            }
            assert_int_equal(sum, total);
            for (size_t i = 0; i < total; i++)
                assert_int_equal(seen[i], 1);
            free(seen);
        }
    }
}

/* No state is credited with one in another part: what shards walk must be what one process walks. */
static void ranges_are_the_parts_of_one_process(void **state)
{
    (void)state;
    const size_t total = 1000;
    for (unsigned count = 1; count <= SHARD_PARTS; count++) {
        size_t parts = 0;
        for (unsigned number = 1; number <= count; number++) {
            struct plan plan = plan_of(total);
            struct ranges *ranges = ranges_open(0, 1);
            struct range range;
            assert_true(shard_take(&(struct shard){number, count}, &plan, ranges));
            for (unsigned part = number - 1; part < SHARD_PARTS; part += count, parts++) {
                assert_true(ranges_take(ranges, &range));
                assert_int_equal(plan.cuts[range.from].number, part * total / SHARD_PARTS);
                assert_int_equal(plan.cuts[range.to - 1].number, (part + 1) * total / SHARD_PARTS - 1);
                ranges_done(ranges, true);
            }
            assert_false(ranges_take(ranges, &range));
            ranges_close(ranges);
            plan_free(&plan);
        }
        assert_int_equal(parts, SHARD_PARTS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_from_one),
        cmocka_unit_test_setup_teardown(auto_is_a_slurm_array, without_variables, without_variables),
        cmocka_unit_test_setup_teardown(auto_is_an_indexed_job, without_variables, without_variables),
        cmocka_unit_test_setup_teardown(auto_is_parallel_in_gitlab, without_variables, without_variables),
        cmocka_unit_test(together_they_have_everything_once),
        cmocka_unit_test(ranges_are_the_parts_of_one_process),
    };
    return cmocka_run_group_tests_name("shard", tests, NULL, NULL);
}
