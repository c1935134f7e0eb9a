/* SPDX-License-Identifier: MIT
 *
 * The journal: what is read back, that what was opened is firm, and that its states are finitely many.
 */
#include "journal_fixture.h"

#include "matterhorn/bytes.h"

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
    written->credit = 17;
    written->tried = 2;
    memset(written->rolled_back_id, 0x66, MH_ID_SIZE);
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
    for (uint32_t mark = 1; mark <= 300; mark++) { /* many compactions, generations wrap */
        if (mark % 37 == 0) {
            write(mark);
        } else {
            write_on_the_way(mark);
        }
        assert_int_equal(reopen(), mark);
    }
}

static void power_loss_at_each_operation_leaves_the_old_or_the_new_state(void **state)
{
    (void)state;
    for (uint32_t mark = 1; mark <= 80; mark++) {
        const bool rests = mark % 9 == 0;
        for (uint64_t operations = 0; operations < 6; operations++) {
            journal.state.phase = rests ? MH_IDLE : MH_INSTALLING;
            journal.state.sectors_done = mark;
            array.operations_left = operations;
            const enum mh_error error = mh_journal_write(&journal);
            array.operations_left = UINT64_MAX;
            const uint32_t read = reopen();
            assert_true(read == mark || (error != MH_OK && read == mark - 1));
            if (rests && read == mark) {
                assert_nothing_but(journal.sector, 0, 2);
            }
        }
        if (rests) {
            write(mark);
        } else {
            write_on_the_way(mark);
        }
    }
}

/// What was opened ///

/* Whatever is opened stays what it is, also when the record that was read turns out to be damaged afterwards. */
static void what_was_opened_is_firm(void **state)
{
    (void)state;
    for (uint32_t mark = 1; mark <= 40; mark++) { /* in both sectors, of all generations */
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
    assert_nothing_but(0, 0, 2);
}

static void leftovers_of_a_torn_erase_do_not_count(void **state)
{
    static uint8_t before[MH_EXTENT_SIZE];

    (void)state;
    for (uint32_t mark = 1; mark <= MH_JOURNAL_PAGES; mark++) {
        write_on_the_way(mark); /* the first sector is full */
    }
    memcpy(before, page(0, 0), MH_EXTENT_SIZE);
    write(17);
    memcpy(page(0, 0), before, MH_EXTENT_SIZE / 2); /* the erase of the first sector lost power: zeros from the end */
    memset(page(0, 8), 0, MH_EXTENT_SIZE / 2);
    assert_int_equal(reopen(), 17);
    assert_nothing_but(journal.sector, 0, 2);
    write(18);
    assert_int_equal(reopen(), 18);
}

static void each_bit_of_a_record_counts(void **state)
{
    (void)state;
    write_on_the_way(1);
    write_on_the_way(2);
    for (unsigned bit = 0; bit < 8 * MH_PAGE_SIZE; bit++) {
        struct mh_journal peeked;
        if (bit / 8 == CLEAR) {
            continue;
        }
        page(0, 1)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(mh_journal_peek(&peeked, &array.device.nor), MH_OK);
        assert_int_equal(peeked.state.sectors_done, 1);
        page(0, 1)[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* What is reserved may be another firmware's: it must not cost the record when that is programmed over itself, which a
 * power loss may follow. */
static void reserved_bytes_stay_what_they_are(void **state)
{
    static uint8_t before[MH_PAGE_SIZE];

    (void)state;
    for (unsigned at = 240; at < 252; at++) {
        start_anew();
        write_on_the_way(1);
        write_on_the_way(2);
        page(0, 1)[at] = 0x5A;
        mh_put32(page(0, 1) + 252, mh_crc32(page(0, 1), 252));
        memcpy(before, page(0, 1), sizeof before);
        array.operations_left = 1;
        assert_int_equal(reopen(), 2);
        assert_int_equal(array.operations_left, 0);
        array.operations_left = UINT64_MAX;
        assert_memory_equal(page(0, 1), before, sizeof before);
    }
}

static struct mh_nor held; /* the chip whose supply goes low */
static bool done_all_the_same;

/* The first program that fails is done, and its verification fails. */
static enum mh_error program_as_the_supply_goes(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    if (array.operations_left == 0 && done_all_the_same) {
        done_all_the_same = false;
        memcpy(array.nor.cells + address, data, length);
        return MH_ERR_SUPPLY;
    }
    return held.program(context, address, data, length);
}

/* A move fails on its way, as when the supply is low, and comes back in the same session: what is written then is found
 * by the next start, whatever the move has left. */
static void what_is_written_after_a_move_that_failed_is_found(void **state)
{
    (void)state;
    held = array.device.nor;
    array.device.nor.program = program_as_the_supply_goes;
    for (unsigned i = 0; i < 8 * 4; i++) {
        const bool still_low = i & 1;
        start_anew();
        write(1);
        journal.state.sectors_done = 2;
        done_all_the_same = i & 2;
        array.operations_left = i / 4;
        const enum mh_error error = mh_journal_write(&journal);
        journal.state.phase = MH_REQUESTED;
        journal.state.sectors_done = 3;
        if (still_low && error) {
            array.operations_left = 0;
            assert_int_not_equal(mh_journal_write(&journal), MH_OK);
        }
        array.operations_left = UINT64_MAX;
        assert_int_equal(mh_journal_write(&journal), MH_OK);
        assert_int_equal(reopen(), 3);
        assert_int_equal(journal.state.phase, MH_REQUESTED);
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
        write_on_the_way(3);
    }
    memcpy(then, page(0, 0), sizeof then);
    for (unsigned i = 0; i < 16 * 4; i++) {
        write_on_the_way(3);
    }
    assert_memory_equal(then, page(0, 0), sizeof then);
}

int main(void)
{
    const struct CMUnitTest journal_tests[] = {
        TEST(empty_journal_is_idle_and_costs_nothing),
        TEST(first_record_goes_to_the_first_sector),
        TEST(every_field_is_read_back),
        TEST(newest_of_many_is_read),
        TEST(power_loss_at_each_operation_leaves_the_old_or_the_new_state),
        TEST(what_was_opened_is_firm),
        TEST(opening_at_rest_writes_nothing),
        TEST(opening_on_the_way_uses_no_page),
        TEST(second_copy_is_made_up_for),
        TEST(leftovers_of_a_torn_erase_do_not_count),
        TEST(each_bit_of_a_record_counts),
        TEST(reserved_bytes_stay_what_they_are),
        TEST(what_is_written_after_a_move_that_failed_is_found),
        TEST(journal_with_nothing_good_starts_anew),
        TEST(contents_are_finitely_many),
    };
    return cmocka_run_group_tests(journal_tests, NULL, NULL);
}
