/* SPDX-License-Identifier: MIT
 *
 * The journal: what is read back, what damage does, and that its states are finitely many.
 */
#include "fixture.h"

#include <string.h>

static struct array_device array;
static struct mh_journal journal;

static uint8_t *page(unsigned sector, unsigned number)
{
    return array.nor.cells + MH_JOURNAL_ADDRESS + sector * MH_EXTENT_SIZE + number * MH_PAGE_SIZE;
}

static int set_up(void **state)
{
    (void)state;
    fixture_device(&array);
    assert_int_equal(mh_journal_open(&journal, &array.device.nor), MH_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    array_device_free(&array);
    return 0;
}

/* A state at rest, which stands twice. */
static void write(uint32_t mark)
{
    journal.state.phase = MH_IDLE;
    journal.state.sectors_done = mark;
    assert_int_equal(mh_journal_write(&journal), MH_OK);
}

/* A state that leads on, which stands once. */
static void write_on_the_way(uint32_t mark)
{
    journal.state.phase = MH_INSTALLING;
    journal.state.sectors_done = mark;
    assert_int_equal(mh_journal_write(&journal), MH_OK);
}

static bool sector_is_free(unsigned sector)
{
    for (unsigned i = 0; i < MH_EXTENT_SIZE; i++) {
        if (page(sector, 0)[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

static uint32_t reopen(void)
{
    assert_int_equal(mh_journal_open(&journal, &array.device.nor), MH_OK);
    return journal.state.sectors_done;
}

static void empty_journal_is_idle_and_costs_nothing(void **state)
{
    const uint64_t before = array.operations_left;

    (void)state;
    assert_int_equal(reopen(), 0);
    assert_int_equal(journal.state.phase, MH_IDLE);
    assert_int_equal(array.operations_left, before);
}

static void first_record_goes_to_the_first_sector(void **state)
{
    (void)state;
    write(1);
    assert_memory_equal(page(0, 0), "MTHJ", 4);
    assert_int_equal(page(0, 0)[5], 0);
}

static void every_field_is_read_back(void **state)
{
    struct mh_state *written = &journal.state;

    (void)state;
    memset(written, 0, sizeof *written);
    written->phase = MH_INSTALLING;
    written->sectors_done = 0x0A5;
    written->refusal = MH_ERR_CHUNK;
    memset(written->refused_id, 0x11, MH_ID_SIZE);
    for (unsigned i = 0; i < MH_ENTRIES; i++) {
        memset(written->entries[i].extents, 0x20 + (int)i, MH_BITMAP_SIZE);
        memset(written->entries[i].id, 0x30 + (int)i, MH_ID_SIZE);
        written->entries[i].length = 1000 + i;
    }
    memset(written->received, 0x77, MH_BITMAP_SIZE);
    const struct mh_state expected = *written;
    assert_int_equal(mh_journal_write(&journal), MH_OK);
    (void)reopen();
    assert_memory_equal(&journal.state, &expected, sizeof expected);
}

static void newest_of_many_is_read(void **state)
{
    (void)state;
    for (uint32_t mark = 1; mark <= 200; mark++) { /* many compactions, generations wrap */
        write(mark);
        assert_int_equal(reopen(), mark);
    }
}

static void power_loss_at_each_operation_leaves_the_old_or_the_new_state(void **state)
{
    (void)state;
    for (uint32_t mark = 1; mark <= 80; mark++) {
        for (uint64_t operations = 0; operations < 6; operations++) {
            journal.state.phase = mark % 3 ? MH_INSTALLING : MH_IDLE;
            journal.state.sectors_done = mark;
            array.operations_left = operations;
            const enum mh_error error = mh_journal_write(&journal);
            array.operations_left = UINT64_MAX;
            const uint32_t read = reopen();
            assert_true(read == mark || (error != MH_OK && read == mark - 1));
        }
        write(mark);
    }
}

static void damage_is_gone_when_the_journal_was_opened(void **state)
{
    (void)state;
    for (unsigned records = 1; records < MH_JOURNAL_PAGES; records++) {
        tear_down(NULL);
        set_up(NULL);
        for (unsigned i = 1; i <= records; i++) {
            write_on_the_way(i);
        }
        memset(page(0, records), 0, MH_PAGE_SIZE / 2); /* the writing of the next one lost power */
        assert_int_equal(reopen(), records);
        assert_true(sector_is_free(0));
        assert_memory_equal(page(1, 0), "MTHJ", 4);
        assert_int_equal(page(1, 1)[0], 0xFF); /* once: it leads on */
        assert_int_equal(reopen(), records);
    }
}

/* The form of a state after damage: it begins one sector, the other one is free, whatever came before. */
static void what_came_before_damage_is_forgotten(void **state)
{
    (void)state;
    for (unsigned records = 1; records < 40; records++) {
        tear_down(NULL);
        set_up(NULL);
        for (unsigned i = 1; i < records; i++) {
            write_on_the_way(i);
        }
        write(7);
        page(journal.sector, journal.next_page - 1u)[9] ^= 1;
        assert_int_equal(reopen(), 7);
        assert_true(sector_is_free(journal.sector ^ 1u));
        assert_memory_equal(page(journal.sector, 0), page(journal.sector, 1), MH_PAGE_SIZE);
        assert_int_equal(page(journal.sector, 2)[0], 0xFF);
    }
}

/* Whatever is opened stays what it is, also when the record that was read turns out to be damaged afterwards. */
static void what_was_opened_is_firm(void **state)
{
    (void)state;
    for (uint32_t mark = 1; mark <= 40; mark++) { /* on every page of both sectors */
        write(mark);
        uint8_t *newest = page(journal.sector, journal.next_page - 1u);
        assert_int_equal(reopen(), mark);
        newest[77] ^= 4;
        assert_int_equal(reopen(), mark);
        assert_int_equal(reopen(), mark);
    }
}

static void opening_at_rest_writes_nothing(void **state)
{
    (void)state;
    for (uint32_t mark = 1; mark <= 40; mark++) {
        write(mark);
        const uint64_t before = array.operations_left;
        assert_int_equal(reopen(), mark);
        assert_int_equal(array.operations_left, before);
    }
}

static void opening_on_the_way_uses_no_page(void **state)
{
    (void)state;
    write_on_the_way(1);
    for (unsigned i = 0; i < 100; i++) {
        const uint64_t before = array.operations_left;
        assert_int_equal(reopen(), 1);
        assert_int_equal(array.operations_left, before - 1); /* over itself */
        assert_int_equal(journal.next_page, 1);
    }
}

static void second_copy_is_made_up_for(void **state)
{
    (void)state;
    write(1);
    memset(page(0, 1), 0xFF, MH_PAGE_SIZE); /* power was lost before it was written */
    assert_int_equal(reopen(), 1);
    assert_memory_equal(page(0, 0), page(0, 1), MH_PAGE_SIZE);
    assert_int_equal(page(0, 2)[0], 0xFF);
}

static void leftovers_of_a_torn_erase_do_not_count(void **state)
{
    static uint8_t before[MH_EXTENT_SIZE];

    (void)state;
    for (uint32_t mark = 1; mark <= 8; mark++) {
        write(mark); /* the first sector is full */
    }
    memcpy(before, page(0, 0), MH_EXTENT_SIZE);
    write(9);
    memcpy(page(0, 0), before, MH_EXTENT_SIZE / 2); /* the erase of the first sector lost power: zeros from the end */
    memset(page(0, 8), 0, MH_EXTENT_SIZE / 2);
    assert_int_equal(reopen(), 9);
    assert_true(sector_is_free(0));
    write(10);
    assert_int_equal(reopen(), 10);
}

/* A failure that no power loss explains: the head of the only sector cannot be read any more. */
static void records_behind_a_lost_head_are_found(void **state)
{
    (void)state;
    write(1);
    write(2);
    memset(page(0, 0), 0x42, MH_PAGE_SIZE);
    assert_int_equal(reopen(), 2);
    assert_true(sector_is_free(0));
    assert_int_equal(reopen(), 2);
}

static void each_bit_of_a_record_counts(void **state)
{
    (void)state;
    write_on_the_way(1);
    write_on_the_way(2);
    for (unsigned bit = 0; bit < 8 * MH_PAGE_SIZE; bit++) {
        struct mh_journal peeked;
        page(0, 1)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(mh_journal_peek(&peeked, &array.device.nor), MH_OK);
        assert_int_equal(peeked.state.sectors_done, 1);
        page(0, 1)[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void journal_with_nothing_good_starts_anew(void **state)
{
    (void)state;
    memset(page(0, 0), 0x42, 2 * MH_EXTENT_SIZE);
    assert_int_equal(reopen(), 0);
    write(5);
    assert_int_equal(reopen(), 5);
}

/* The contents of both sectors after n identical writes repeat: no counter in them grows. */
static void contents_are_finitely_many(void **state)
{
    static uint8_t then[2 * MH_EXTENT_SIZE];

    (void)state;
    for (unsigned i = 0; i < 16 * 4; i++) {
        write(3);
    }
    memcpy(then, page(0, 0), sizeof then);
    for (unsigned i = 0; i < 16 * 4; i++) {
        write(3);
    }
    assert_memory_equal(then, page(0, 0), sizeof then);
}

/// A chip that does not hear one command ///

static unsigned commands, unheard;

static enum mh_error program_unless_unheard(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    return ++commands == unheard ? MH_OK : array.device.nor.program(context, address, data, length);
}

static enum mh_error erase_unless_unheard(void *context, uint32_t address)
{
    return ++commands == unheard ? MH_OK : array.device.nor.erase(context, address);
}

/* Each command of the write behind so many records, in turn. */
static void write_with_a_command_unheard(unsigned records, void (*then)(uint32_t mark))
{
    unheard = 0;
    do {
        unheard++;
        tear_down(NULL);
        set_up(NULL);
        for (unsigned i = 1; i <= records; i++)
            write(i);
        struct mh_nor nor = array.device.nor;
        nor.program = program_unless_unheard;
        nor.erase = erase_unless_unheard;
        commands = 0;
        journal.nor = &nor;
        then(0x5A);
        assert_int_equal(reopen(), 0x5A);
    } while (commands >= unheard);
    assert_true(unheard > 1);
}

static void one_command_unheard_loses_no_record(void **state)
{
    (void)state;
    for (unsigned records = 3; records <= 32; records++) {
        write_with_a_command_unheard(records, write);
        write_with_a_command_unheard(records, write_on_the_way);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest journal_tests[] = {
        TEST(empty_journal_is_idle_and_costs_nothing),
        TEST(first_record_goes_to_the_first_sector),
        TEST(every_field_is_read_back),
        TEST(newest_of_many_is_read),
        TEST(power_loss_at_each_operation_leaves_the_old_or_the_new_state),
        TEST(damage_is_gone_when_the_journal_was_opened),
        TEST(what_came_before_damage_is_forgotten),
        TEST(what_was_opened_is_firm),
        TEST(opening_at_rest_writes_nothing),
        TEST(opening_on_the_way_uses_no_page),
        TEST(second_copy_is_made_up_for),
        TEST(leftovers_of_a_torn_erase_do_not_count),
        TEST(records_behind_a_lost_head_are_found),
        TEST(each_bit_of_a_record_counts),
        TEST(journal_with_nothing_good_starts_anew),
        TEST(contents_are_finitely_many),
        TEST(one_command_unheard_loses_no_record),
    };
    return cmocka_run_group_tests(journal_tests, NULL, NULL);
}
