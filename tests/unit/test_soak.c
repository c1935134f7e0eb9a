/* SPDX-License-Identifier: MIT
 *
 * A soak's losses, which follow from seed and number of the update alone, and the life that its erases use.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beside_json.h"
#include "soak.h"
#include "soak_store.h"

#define UPDATES 20000
#define USUAL 4000

static struct profile profile = {.name = "example", .soak_count = 3};

static struct soak_conditions conditions_of(uint64_t seed, double losses)
{
    return (struct soak_conditions){.seed = seed, .losses = losses};
}

/* --- losses --- */

static void plan_follows_from_its_arguments(void **state)
{
    (void)state;
    const struct soak_conditions one = conditions_of(1, 2), two = conditions_of(2, 2);
    unsigned other_update = 0, other_seed = 0;
    for (uint64_t update = 0; update < 100; update++) {
        struct trial first, again;
        soak_plan(&first, &profile, &one, update, USUAL);
        soak_plan(&again, &profile, &one, update, USUAL);
        assert_memory_equal(&first, &again, sizeof first);
        assert_int_equal(first.soak, update % 3);
        soak_plan(&again, &profile, &one, update + 3, USUAL);
        other_update += first.seed != again.seed;
        soak_plan(&again, &profile, &two, update, USUAL);
        other_seed += first.seed != again.seed;
    }
    assert_int_equal(other_update, 100);
    assert_int_equal(other_seed, 100);
}

static void nothing_is_lost_where_nobody_knows_how_long_it_takes(void **state)
{
    (void)state;
    const struct soak_conditions conditions = conditions_of(1, 10), none = conditions_of(1, 0);
    for (uint64_t update = 0; update < 100; update++) {
        struct trial trial;
        soak_plan(&trial, &profile, &conditions, update, 0);
        assert_int_equal(trial.count, 0);
        soak_plan(&trial, &profile, &none, update, USUAL);
        assert_int_equal(trial.count, 0);
    }
}

/* One interruption for each update, of which one in eight has three more losses on average. */
static void losses_are_as_many_as_wanted_and_of_every_kind(void **state)
{
    (void)state;
    const struct soak_conditions conditions = conditions_of(7, 1);
    unsigned losses = 0, quiet = 0, tears[NOR_TEARS] = {0}, first = 0, last = 0, tenths[10] = {0};
    for (uint64_t update = 0; update < UPDATES; update++) {
        struct trial trial;
        soak_plan(&trial, &profile, &conditions, update, USUAL);
        losses += trial.count;
        quiet += trial.count == 0;
        for (unsigned i = 0; i < trial.count; i++) {
            assert_true(trial.losses[i].operation < USUAL);
            tears[trial.losses[i].tear]++;
            tenths[trial.losses[i].operation * 10 / USUAL]++;
            first += trial.losses[i].operation == 0;
            last += trial.losses[i].operation == USUAL - 1;
        }
    }
    assert_in_range(losses, UPDATES * 1.30, UPDATES * 1.45);
    assert_in_range(quiet, UPDATES * 0.48, UPDATES * 0.52);
    for (enum nor_tear tear = 0; tear < NOR_TEARS; tear++)
        assert_in_range(tears[tear], losses / NOR_TEARS * 0.9, losses / NOR_TEARS * 1.1);
    for (unsigned i = 0; i < 10; i++)
        assert_in_range(tenths[i], losses / 30, losses);
    assert_in_range(first, losses / 100, losses / 5);
    assert_in_range(last, losses / 100, losses / 5);
}

static void losses_never_overflow_their_list(void **state)
{
    (void)state;
    const struct soak_conditions conditions = conditions_of(1, 1e6);
    for (uint64_t update = 0; update < 1000; update++) {
        struct trial trial;
        soak_plan(&trial, &profile, &conditions, update, 1);
        assert_in_range(trial.count, 1, TRIAL_LOSSES);
        for (unsigned i = 0; i < trial.count; i++)
            assert_in_range(trial.losses[i].operation, 0, 7);
    }
}

/* --- life --- */

static struct profile_area areas[] = {
    {"application", RAIL_CHIP_INTERNAL, 0x080A0000, 0x60000, ARRAY_INTERNAL, 0xA0000},
    {"journal", RAIL_CHIP_NOR, 0x7FE000, 0x2000, ARRAY_NOR, 0x7FE000},
};

static struct rail_event erase_of(unsigned chip, uint32_t address, uint32_t size)
{
    return (struct rail_event){.kind = RAIL_ERASE, .chip = (uint8_t)chip, .address = address, .value = size};
}

static void sectors_of_an_erase_count_one_by_one(void **state)
{
    (void)state;
    struct life *life = test_calloc(1, sizeof *life);
    const struct rail_event block = erase_of(RAIL_CHIP_NOR, 0x700000, 0x10000),
                            sector = erase_of(RAIL_CHIP_INTERNAL, 0x0800C000, 0x4000);
    const struct rail_event program = {.kind = RAIL_PROGRAM, .chip = RAIL_CHIP_NOR, .address = 0x700000, .value = 256};
    life_take(life, &block);
    life_take(life, &sector);
    life_take(life, &sector);
    life_take(life, &program);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(life->erases[ARRAY_NOR][0x700 + i], 1);
    assert_int_equal(life->erases[ARRAY_NOR][0x6FF] + life->erases[ARRAY_NOR][0x710], 0);
    assert_int_equal(life->erases[ARRAY_INTERNAL][3], 2);
    life_take_back(life, &sector);
    life_take_back(life, &program);
    assert_int_equal(life->erases[ARRAY_INTERNAL][3], 1);
    test_free(life);
}

static void worst_sector_of_each_area_comes_first(void **state)
{
    (void)state;
    const struct profile profile_with_areas = {.areas = areas, .areas_count = 2};
    struct life *life = test_calloc(1, sizeof *life), *sum = test_calloc(1, sizeof *sum);
    struct life_row *rows;
    life->erases[ARRAY_INTERNAL][9] = 3;
    life->erases[ARRAY_INTERNAL][10] = 5;
    life->erases[ARRAY_NOR][0x7FE] = 60;
    life->erases[ARRAY_NOR][0x7FF] = 59;
    life->erases[ARRAY_NOR][0] = 40;
    life_add(sum, life);
    life_add(sum, life);
    assert_int_equal(life_rows(sum, &profile_with_areas, &rows), 3);
    assert_string_equal(rows[0].name, "journal");
    assert_int_equal(rows[0].erases, 120);
    assert_int_equal(rows[0].address, 0x7FE000);
    assert_string_equal(rows[1].name, "application");
    assert_int_equal(rows[1].address, 0x080C0000);
    assert_int_equal(rows[1].size, 0x20000);
    assert_string_equal(rows[2].name, "nor");
    assert_true(life_used(ARRAY_INTERNAL, 10) == 0.1 && life_used(ARRAY_NOR, 1000) == 1 &&
                life_used(ARRAY_OTP, 1) == 0);
    free(rows);
    test_free(life);
    test_free(sum);
}

/* --- what is beside the cells --- */

static void status_and_erases_come_back_from_json(void **state)
{
    (void)state;
    struct arrays *one = test_calloc(1, sizeof *one), *other = test_calloc(1, sizeof *other);
    one->status = (struct arrays_status){2, {0x1C, 0x42}};
    one->erases[11] = 10001;
    one->nor_erases[ARRAYS_NOR_SECTORS - 1] = UINT32_MAX;
    other->erases[0] = other->nor_erases[7] = 9; /* not of what is read */
    json_t *object = beside_json(one);
    assert_true(beside_read(object, other));
    assert_memory_equal(&other->status, &one->status, sizeof one->status);
    assert_memory_equal(other->erases, one->erases, sizeof one->erases);
    assert_memory_equal(other->nor_erases, one->nor_erases, sizeof one->nor_erases);
    json_array_append_new(json_object_get(object, "status"), json_integer(256));
    assert_false(beside_read(object, other));
    json_array_remove(json_object_get(object, "status"), 2);
    assert_true(beside_read(object, other));
    json_t *sectors = json_object_get(json_object_get(object, "erases"), "internal");
    json_array_append_new(sectors, json_pack("[i, i]", ARRAYS_SECTORS, 1));
    assert_false(beside_read(object, other));
    json_decref(object);
    test_free(one);
    test_free(other);
}

static void marks_come_back_from_json(void **state)
{
    (void)state;
    struct problem problem = {0};
    struct arrays one, other;
    const struct nor_mark weak = {NOR_WEAK, 0x7FE123, 1, 5}, notake = {NOR_NOTAKE, 0x20000, 0x20000, 0};
    assert_true(arrays_allocate_marks(&one, &problem) && arrays_allocate_marks(&other, &problem));
    one.marks[ARRAY_NOR].list[one.marks[ARRAY_NOR].count++] = weak;
    one.marks[ARRAY_INTERNAL].list[one.marks[ARRAY_INTERNAL].count++] = notake;
    json_t *object = beside_json(&one);
    assert_true(beside_read(object, &other));
    for (enum array array = 0; array < ARRAYS; array++) {
        assert_int_equal(other.marks[array].count, one.marks[array].count);
        for (uint32_t i = 0; i < one.marks[array].count; i++)
            assert_true(arrays_marked_alike(&other.marks[array], &one.marks[array].list[i]));
    }
    json_array_append_new(json_object_get(object, "nor"), json_pack("[s, i, i]", "weak", RAIL_NOR_SIZE, 0));
    assert_false(beside_read(object, &other));
    assert_int_equal(other.marks[ARRAY_NOR].count, 1);
    json_decref(object);
    for (enum array array = 0; array < ARRAYS; array++) {
        free(one.marks[array].list);
        free(other.marks[array].list);
    }
}

/* --- checkpoints --- */

static void fill(struct soak_result *result, struct arrays *device)
{
    const struct nor_mark weak = {NOR_WEAK, 0x7FE123, 1, 5};
    *result = (struct soak_result){.conditions = {UINT64_MAX - 1, 0.1, "maximum", "typical"}, .firmware = "abc"};
    result->totals = (struct soak_totals){1, 2, 3, 4, 5, 6, 7, UINT64_MAX, 8.5, {9, 10}, {{{11}, {0}, {12, 13}}}};
    for (enum array array = 0; array < ARRAYS; array++)
        device->cells[array][arrays_size(array) - 1] = (uint8_t)array;
    device->marks[ARRAY_NOR].list[device->marks[ARRAY_NOR].count++] = weak;
}

static void checkpoint_comes_back_whole(void **state)
{
    (void)state;
    char path[] = "/tmp/matterhorn-test-XXXXXX";
    struct problem problem = {0};
    struct soak_result *written = test_calloc(1, sizeof *written), *read = test_calloc(1, sizeof *read);
    struct arrays one, other;
    close(mkstemp(path));
    assert_true(arrays_allocate(&one, &problem) && arrays_allocate(&other, &problem));
    fill(written, &one);
    strcpy(read->firmware, written->firmware);
    assert_true(soak_store_write(path, &profile, written, &one, &problem));
    assert_true(soak_store_read(path, &profile, read, &other, &problem));
    assert_memory_equal(&read->conditions, &written->conditions, sizeof read->conditions);
    assert_memory_equal(&read->totals, &written->totals, sizeof read->totals);
    for (enum array array = 0; array < ARRAYS; array++)
        assert_memory_equal(one.cells[array], other.cells[array], arrays_size(array));
    assert_int_equal(other.marks[ARRAY_INTERNAL].count + other.marks[ARRAY_OTP].count, 0);
    assert_int_equal(other.marks[ARRAY_NOR].count, 1);
    assert_true(arrays_marked_alike(&other.marks[ARRAY_NOR], &one.marks[ARRAY_NOR].list[0]));
    strcpy(read->firmware, "abd");
    assert_false(soak_store_read(path, &profile, read, &other, &problem));
    assert_int_equal(problem.kind, PROBLEM_USE);
    unlink(path);
    arrays_free(&one);
    arrays_free(&other);
    test_free(written);
    test_free(read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan_follows_from_its_arguments),
        cmocka_unit_test(nothing_is_lost_where_nobody_knows_how_long_it_takes),
        cmocka_unit_test(losses_are_as_many_as_wanted_and_of_every_kind),
        cmocka_unit_test(losses_never_overflow_their_list),
        cmocka_unit_test(sectors_of_an_erase_count_one_by_one),
        cmocka_unit_test(worst_sector_of_each_area_comes_first),
        cmocka_unit_test(marks_come_back_from_json),
        cmocka_unit_test(status_and_erases_come_back_from_json),
        cmocka_unit_test(checkpoint_comes_back_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
