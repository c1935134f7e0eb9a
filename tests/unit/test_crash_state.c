/* SPDX-License-Identifier: MIT
 *
 * Crash states: what a power loss at an operation of a recorded run leaves in the arrays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crash_state.h"
#include "recorded.h"

#include <stdlib.h>

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

/* Firmware chooses at run time how many bits it programs at a time; the trace says it by the size. */
static void programs_of_every_width_are_built(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t data[8] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
    static const struct {
        uint32_t size, at;
    } widths[] = {
        {1, 3}, {2, 6}, {4, 12}, {8, 20}}; /* a double word may begin at any word of its row, but not leave it */
    struct recording recording = {0};
    struct crash_state built;
    for (size_t i = 0; i < 4; i++)
        record(&recording, 1000000 * (i + 1), 16000, RAIL_PROGRAM, RAIL_CHIP_INTERNAL, SECTOR + 0x20000 + widths[i].at,
               widths[i].size, data);
    assert_true(recording_index(&recording, &no_profile, &fixture->problem));
    assert_true(crash_state_begin(&built, &recording, &fixture->device, &fixture->problem));
    const uint8_t *cells = built.arrays.cells[ARRAY_INTERNAL] + SECTOR_OFFSET + 0x20000;
    for (size_t i = 0; i < 4; i++) {
        const uint8_t *there = cells + widths[i].at;
        uint32_t size = widths[i].size;
        assert_true(crash_state_tear(&built, i, NOR_TEAR_HALF, &fixture->problem));
        assert_memory_equal(there, data, size / 2);
        for (uint32_t byte = size / 2; byte < size; byte++)
            assert_int_equal(there[byte], 0xFF);
        assert_true(crash_state_tear(&built, i, NOR_TEAR_AFTER, &fixture->problem));
        assert_memory_equal(there, data, size);
        assert_true(there[-1] == 0xFF && there[size] == 0xFF);
    }
    crash_state_free(&built);
    recording_free(&recording);
}

/* A tear is what sim/nor makes of the operation, on top of what the operations before left. */
static void every_tear_is_that_of_the_physics(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t program_data[] = {0x22, 0x22, 0x22, 0x22};
    const struct nor_op program = {NOR_PROGRAM, SECTOR_OFFSET + 4, 4, program_data};
    const struct nor_op erase = {NOR_ERASE, SECTOR_OFFSET, 0x20000, NULL};
    uint8_t *cells = malloc(RAIL_INTERNAL_SIZE);
    struct nor_mark list[2 * NOR_MARKS_PER_TEAR];
    assert_non_null(cells);
    for (enum nor_tear each = 0; each < NOR_TEARS; each++) {
        for (int torn = 0; torn < 2; torn++) {
            const struct nor_op *op = torn == 0 ? &erase : &program;
            struct nor_marks marks = {list, 0, 2 * NOR_MARKS_PER_TEAR};
            struct nor_array array = {.part = &nor_stm32f407_x32, .cells = cells, .marks = &marks};
            if (!nor_tear_applies(op->kind, each))
                continue;
            tear(fixture, torn == 0 ? 0 : 2, NOR_TEAR_BEFORE);
            memcpy(cells, fixture->state.arrays.cells[ARRAY_INTERNAL], RAIL_INTERNAL_SIZE);
            assert_true(nor_tear(&array, op, each));
            tear(fixture, torn == 0 ? 0 : 2, each);
            assert_memory_equal(fixture->state.arrays.cells[ARRAY_INTERNAL], cells, RAIL_INTERNAL_SIZE);
            assert_int_equal(fixture->state.arrays.marks[ARRAY_INTERNAL].count, marks.count);
            for (uint32_t i = 0; i < marks.count; i++)
                assert_true(arrays_marked_alike(&fixture->state.arrays.marks[ARRAY_INTERNAL], &list[i]));
        }
    }
    free(cells);
}

/* Each torn erase leaves its weak bits, in another sector: several power losses leave more than
 * any list has room for at first. */
static void marks_of_many_tears_are_all_kept(void **state)
{
    (void)state;
    struct arrays torn, copy;
    struct problem problem = {0};
    enum { TEARS = 20 };
    assert_true(arrays_allocate(&torn, &problem) && arrays_allocate(&copy, &problem));
    for (uint32_t i = 0; i < TEARS; i++) {
        struct rail_event erase = {.kind = RAIL_ERASE, .chip = RAIL_CHIP_NOR, .address = i * 0x1000, .value = 0x1000};
        assert_true(arrays_tear(&torn, &(struct trace_item){&erase, NULL}, NOR_TEAR_WEAK));
        assert_int_equal(torn.marks[ARRAY_NOR].count, (i + 1) * NOR_WEAK_PER_ERASE);
    }
    arrays_load(&copy, &torn, NULL, NULL);
    assert_int_equal(copy.marks[ARRAY_NOR].count, TEARS * NOR_WEAK_PER_ERASE);
    for (uint32_t i = 0; i < copy.marks[ARRAY_NOR].count; i++)
        assert_true(arrays_marked_alike(&torn.marks[ARRAY_NOR], &copy.marks[ARRAY_NOR].list[i]));
    arrays_free(&copy);
    arrays_free(&torn);
}

static void moving_on_undoes_a_tear_and_its_marks(void **state)
{
    struct fixture *fixture = *state;
    for (enum nor_tear each = 0; each < NOR_TEARS; each++) {
        if (!nor_tear_applies(NOR_ERASE, each))
            continue;
        tear(fixture, 0, each);
        tear(fixture, 1, NOR_TEAR_BEFORE);
        assert_int_equal(word(fixture, ARRAY_INTERNAL, SECTOR_OFFSET), 0xFFFFFFFF);
        assert_int_equal(word(fixture, ARRAY_INTERNAL, SECTOR_OFFSET + 0x1FFFC), 0xFFFFFFFF);
        assert_int_equal(fixture->state.arrays.marks[ARRAY_INTERNAL].count, 0);
        tear(fixture, 0, NOR_TEAR_BEFORE);
        assert_int_equal(word(fixture, ARRAY_INTERNAL, SECTOR_OFFSET), 0);
    }
}

static void both_chips_get_marks(void **state)
{
    struct fixture *fixture = *state;
    tear(fixture, 4, NOR_TEAR_WEAK); /* a program, while the other chip erases */
    assert_int_equal(fixture->state.arrays.marks[ARRAY_INTERNAL].count, 1);
    assert_int_equal(fixture->state.arrays.marks[ARRAY_NOR].count, NOR_WEAK_PER_ERASE);
    tear(fixture, 5, NOR_TEAR_BEFORE); /* the erase has ended */
    assert_int_equal(fixture->state.arrays.marks[ARRAY_INTERNAL].count, 0);
    assert_int_equal(fixture->state.arrays.marks[ARRAY_NOR].count, 0);
    assert_int_equal(word(fixture, ARRAY_NOR, 0x1000), 0xFFFFFFFF);
}

static void what_moved_is_said(void **state)
{
    struct fixture *fixture = *state;
    tear(fixture, 1, NOR_TEAR_HALF);
    memset(&fixture->state.moved, 0, sizeof fixture->state.moved);
    tear(fixture, 2, NOR_TEAR_BEFORE);
    assert_true(pages_have(&fixture->state.moved, ARRAY_INTERNAL, SECTOR_OFFSET / ARRAYS_PAGE));
    assert_false(pages_have(&fixture->state.moved, ARRAY_INTERNAL, SECTOR_OFFSET / ARRAYS_PAGE + 1));
    assert_false(pages_have(&fixture->state.moved, ARRAY_NOR, 4));
    tear(fixture, 5, NOR_TEAR_BEFORE);
    assert_true(pages_have(&fixture->state.moved, ARRAY_NOR, 4));
    memset(&fixture->state.moved, 0, sizeof fixture->state.moved);
    tear(fixture, 0, NOR_TEAR_BEFORE); /* back to the start */
    assert_true(pages_have(&fixture->state.moved, ARRAY_INTERNAL, SECTOR_OFFSET / ARRAYS_PAGE + 127));
    assert_true(pages_have(&fixture->state.moved, ARRAY_NOR, 7));
}

static void weak_cells_may_differ(void **state)
{
    struct fixture *fixture = *state;
    struct arrays machine;
    enum array array;
    uint32_t offset;
    assert_true(arrays_allocate(&machine, &fixture->problem));
    tear(fixture, 2, NOR_TEAR_WEAK);
    memcpy(machine.cells[ARRAY_NOR], fixture->device.cells[ARRAY_NOR], RAIL_NOR_SIZE);
    memcpy(machine.cells[ARRAY_INTERNAL], fixture->state.arrays.cells[ARRAY_INTERNAL], RAIL_INTERNAL_SIZE);
    const struct nor_mark *mark = &fixture->state.arrays.marks[ARRAY_INTERNAL].list[0];
    machine.cells[ARRAY_INTERNAL][mark->offset] ^= (uint8_t)(1u << mark->bit);
    assert_false(arrays_differ(&fixture->state.arrays, &machine, true, &array, &offset));
    machine.cells[ARRAY_INTERNAL][mark->offset + 8] ^= 1;
    assert_true(arrays_differ(&fixture->state.arrays, &machine, true, &array, &offset));
    assert_int_equal(offset, mark->offset + 8);
    arrays_free(&machine);
}

static void only_touched_pages_are_in_the_set(void **state)
{
    struct fixture *fixture = *state;
    tear(fixture, 1, NOR_TEAR_AFTER);
    assert_false(pages_have(&fixture->state.arrays.pages, ARRAY_INTERNAL, SECTOR_OFFSET / ARRAYS_PAGE - 1));
    assert_true(pages_have(&fixture->state.arrays.pages, ARRAY_INTERNAL, SECTOR_OFFSET / ARRAYS_PAGE));
    assert_true(pages_have(&fixture->state.arrays.pages, ARRAY_INTERNAL, SECTOR_OFFSET / ARRAYS_PAGE + 127));
    assert_false(pages_have(&fixture->state.arrays.pages, ARRAY_INTERNAL, SECTOR_OFFSET / ARRAYS_PAGE + 128));
    assert_false(pages_have(&fixture->state.arrays.pages, ARRAY_NOR, 4));
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

/* Status registers are written like cells, and torn like them. */
static void status_registers_belong_to_the_state(void **state)
{
    struct fixture *fixture = *state;
    struct recording recording = {0};
    struct crash_state other;
    fixture->device.status = (struct arrays_status){2, {0x00, 0x02}};
    record(&recording, 0, 10000000, RAIL_STATUS, RAIL_CHIP_NOR, 0, 2, "\x1c\x40");
    record(&recording, 20000000, 10000000, RAIL_STATUS, RAIL_CHIP_NOR, 0, 2, "\x00\x40");
    record_program(&recording, 40000000, RAIL_CHIP_NOR, 0x1000, 0);
    assert_true(recording_index(&recording, &no_profile, &fixture->problem));
    assert_true(crash_state_begin(&other, &recording, &fixture->device, &fixture->problem));
    static const struct {
        size_t operation;
        enum nor_tear tear;
        uint8_t expected[2];
    } cases[] = {
        {0, NOR_TEAR_BEFORE, {0x00, 0x02}}, {0, NOR_TEAR_AFTER, {0x1C, 0x40}}, {0, NOR_TEAR_HALF, {0x1C, 0x02}},
        {1, NOR_TEAR_BEFORE, {0x1C, 0x40}}, {2, NOR_TEAR_AFTER, {0x00, 0x40}}, {0, NOR_TEAR_ZEROS, {0x00, 0x00}},
        {1, NOR_TEAR_HALF, {0x00, 0x40}},   {0, NOR_TEAR_BEFORE, {0x00, 0x02}},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(crash_state_tear(&other, cases[i].operation, cases[i].tear, &fixture->problem));
        assert_memory_equal(other.arrays.status.registers, cases[i].expected, 2);
    }
    crash_state_free(&other);
    recording_free(&recording);
}

/* How often a sector was erased is part of a state: a torn erase wears it, and moving on undoes that. */
static void counts_of_erases_belong_to_the_state(void **state)
{
    struct fixture *fixture = *state;
    const struct nor_defects defects = {.wears = true, .worn_after = 0};
    fixture->state.arrays.defects = &defects;
    tear(fixture, 0, NOR_TEAR_BEFORE);
    assert_int_equal(fixture->state.arrays.erases[5], 0);
    tear(fixture, 0, NOR_TEAR_HALF);
    assert_int_equal(fixture->state.arrays.erases[5], 1);
    tear(fixture, 0, NOR_TEAR_BEFORE);
    assert_int_equal(fixture->state.arrays.erases[5], 0);
    tear(fixture, 1, NOR_TEAR_BEFORE);
    assert_int_equal(fixture->state.arrays.erases[5], 1);
    unsigned bad = 0;
    for (uint32_t i = SECTOR_OFFSET; i < SECTOR_OFFSET + 0x20000; i++)
        bad += fixture->state.arrays.cells[ARRAY_INTERNAL][i] != 0xFF;
    assert_int_equal(bad, NOR_BAD_PER_SECTOR);
}

/* Of the SPI NOR too, and going back undoes it. */
static void counts_of_erases_of_the_spi_nor_belong_to_the_state(void **state)
{
    struct fixture *fixture = *state;
    const struct nor_defects defects = {.wears = true, .worn_after = 0};
    fixture->device.nor_defects = fixture->state.arrays.nor_defects = &defects;
    const uint8_t *cells = fixture->state.arrays.cells[ARRAY_NOR] + 0x1000;
    const uint32_t *erases = fixture->state.arrays.nor_erases;
    for (unsigned time = 0; time < 2; time++) { /* the second time backwards */
        tear(fixture, 3, NOR_TEAR_BEFORE);
        assert_int_equal(erases[1], 0);
        tear(fixture, 3, NOR_TEAR_ZEROS);
        assert_int_equal(erases[1], 1);
        tear(fixture, 3, NOR_TEAR_BEFORE);
        assert_int_equal(erases[1], 0);
        tear(fixture, 5, NOR_TEAR_BEFORE);
        assert_int_equal(erases[1], 1);
        unsigned bad = 0;
        for (uint32_t i = 0; i < 0x1000; i++)
            bad += cells[i] != 0xFF;
        assert_int_equal(bad, NOR_BAD_PER_SECTOR);
        assert_int_equal(erases[0] + erases[2], 0);
    }
}

/* A power loss in a recovery: the state of the one before has marks, which each operation meets, and no tear loses. */
static void marks_of_an_earlier_power_loss_stay_until_an_operation_removes_them(void **state)
{
    struct fixture *fixture = *state;
    struct crash_state first, second;
    struct recording *recording = &fixture->recording;
    assert_true(crash_state_begin(&first, recording, &fixture->device, &fixture->problem));
    assert_true(crash_state_tear(&first, 0, NOR_TEAR_WEAK, &fixture->problem));
    uint32_t marks = first.arrays.marks[ARRAY_INTERNAL].count;
    assert_int_equal(marks, NOR_WEAK_PER_ERASE);
    assert_true(crash_state_begin(&second, recording, &first.arrays, &fixture->problem));
    assert_true(pages_have(&second.arrays.pages, ARRAY_INTERNAL, SECTOR_OFFSET / ARRAYS_PAGE));
    for (unsigned time = 0; time < 2; time++) { /* the second time backwards */
        assert_true(crash_state_tear(&second, 0, NOR_TEAR_BEFORE, &fixture->problem));
        assert_int_equal(second.arrays.marks[ARRAY_INTERNAL].count, marks);
        assert_true(crash_state_tear(&second, 0, NOR_TEAR_NOTAKE, &fixture->problem));
        assert_true(crash_state_tear(&second, 0, NOR_TEAR_BEFORE, &fixture->problem));
        assert_int_equal(second.arrays.marks[ARRAY_INTERNAL].count, marks);
        assert_memory_equal(second.arrays.marks[ARRAY_INTERNAL].list, first.arrays.marks[ARRAY_INTERNAL].list,
                            marks * sizeof(struct nor_mark));
        assert_true(crash_state_tear(&second, 1, NOR_TEAR_BEFORE, &fixture->problem));
        assert_int_equal(second.arrays.marks[ARRAY_INTERNAL].count, 0); /* the erase was completed */
    }
    crash_state_free(&second);
    crash_state_free(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(before_is_the_prefix_and_after_includes_the_operation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(going_back_gives_the_same_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_other_chips_operation_is_torn_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(programs_of_every_width_are_built, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_tear_is_that_of_the_physics, set_up, tear_down),
        cmocka_unit_test(marks_of_many_tears_are_all_kept),
        cmocka_unit_test_setup_teardown(moving_on_undoes_a_tear_and_its_marks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(both_chips_get_marks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_moved_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(weak_cells_may_differ, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_touched_pages_are_in_the_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loading_copies_only_what_differs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_operation_that_the_part_refuses_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(status_registers_belong_to_the_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_of_erases_belong_to_the_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_of_erases_of_the_spi_nor_belong_to_the_state, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(marks_of_an_earlier_power_loss_stay_until_an_operation_removes_them, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("crash_state", tests, NULL, NULL);
}
