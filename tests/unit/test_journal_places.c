/* SPDX-License-Identifier: MIT
 *
 * The journal: where in it a state stands, whatever was lost on the way there, and what of it is looked at.
 */
#include "journal_fixture.h"

static void a_state_on_the_way_keeps_its_page(void **state)
{
    (void)state;
    for (unsigned records = 1; records < MH_JOURNAL_PAGES; records++) {
        damage_behind(records);
        assert_int_equal(reopen(), records);
        assert_nothing_but(1, records - 1, 1);
        assert_int_equal(reopen(), records);
        assert_nothing_but(1, records - 1, 1);
    }
}

/* When an update is over, nothing is left of how it went: one state at rest has as many
 * journals as there are generations. */
static void a_state_at_rest_goes_to_the_first_page(void **state)
{
    static uint8_t kept[4][2 * MH_EXTENT_SIZE];
    bool met[4] = {false};

    (void)state;
    for (unsigned records = 0; records <= 5 * MH_JOURNAL_PAGES; records++) {
        rest_behind(records);
        assert_int_equal(journal.sector, records == 0 ? 0 : (records - 1) / MH_JOURNAL_PAGES % 2 ^ 1);
        assert_nothing_but(journal.sector, 0, 2);
        uint8_t *of_generation = kept[journal.generation];
        if (met[journal.generation]) {
            assert_memory_equal(page(0, 0), of_generation, sizeof kept[0]);
        }
        met[journal.generation] = true;
        memcpy(of_generation, page(0, 0), sizeof kept[0]);
        const uint64_t before = array.operations_left;
        assert_int_equal(reopen(), 7);
        assert_int_equal(array.operations_left, before);
    }
    assert_true(met[0] && met[1] && met[2] && met[3]);
}

static void damage_moves_a_state_at_rest_to_the_first_page(void **state)
{
    (void)state;
    for (unsigned records = 0; records <= 2 * MH_JOURNAL_PAGES; records++) {
        damage_of_the_second_copy(records);
        const unsigned sector = journal.sector;
        assert_int_equal(reopen(), 7);
        assert_nothing_but(sector ^ 1u, 0, 2);
        const uint64_t before = array.operations_left;
        assert_int_equal(reopen(), 7);
        assert_int_equal(array.operations_left, before);
    }
}

/* No device writes it there, but a first copy may have been lost to something else than a power loss. */
static void a_single_copy_gets_its_like_behind_it(void **state)
{
    (void)state;
    for (unsigned number = 0; number < MH_JOURNAL_PAGES; number++) {
        const bool room = number + 1 < MH_JOURNAL_PAGES;
        a_single_copy_on(number);
        assert_int_equal(reopen(), 7);
        assert_nothing_but(room ? 1 : 0, room ? number : 0, 2);
        a_single_copy_on(number);
        if (room) {
            page(1, number + 1)[9] = 0;
        }
        assert_int_equal(reopen(), 7);
        assert_nothing_but(0, 0, 2);
    }
}

static void writing_goes_on_behind_free_pages(void **state)
{
    (void)state;
    for (unsigned records = 1; records < MH_JOURNAL_PAGES; records++) {
        damage_behind(records);
        assert_int_equal(reopen(), records);
        for (uint32_t mark = 100; mark < 140; mark++) {
            write_on_the_way(mark);
            assert_int_equal(reopen(), mark);
        }
    }
}

/* Whatever is lost on the way to it, it comes to the same page. */
static void power_loss_at_each_operation_of_a_move_keeps_state_and_page(void **state)
{
    (void)state;
    for (unsigned at = 0; at < 2 * (MH_JOURNAL_PAGES - 1); at++) {
        const bool rests = at % 2;
        const unsigned records = at / 2 + 1;
        unsigned losses = 0;
        for (uint64_t operations = 0;; operations++, losses++) {
            if (rests) {
                damage_of_the_second_copy(records);
            } else {
                damage_behind(records);
            }
            array.operations_left = operations;
            const enum mh_error error = mh_journal_open(&journal, &array.device.nor);
            const bool lost = array.operations_left == 0;
            array.operations_left = UINT64_MAX;
            assert_int_equal(reopen(), rests ? 7 : records);
            assert_nothing_but(journal.sector, rests ? 0 : records - 1, rests ? 2 : 1);
            if (!lost && error == MH_OK) {
                break;
            }
        }
        assert_in_range(losses, 4, 7); /* over itself, what the second page says, an erase, a copy, an erase, a copy */
    }
}

/// What is looked at ///

static uint8_t kept[2 * MH_EXTENT_SIZE], after[2 * MH_EXTENT_SIZE];

/* A newest record on page 4 of the first sector, a damaged page behind it unless it is whole; in the second sector,
 * what a torn erase has left of older ones. */
static void a_journal_with_a_past(bool whole)
{
    start_anew();
    for (uint32_t mark = 1; mark <= 2 * MH_JOURNAL_PAGES; mark++) {
        write_on_the_way(mark);
    }
    memcpy(kept + MH_EXTENT_SIZE, page(1, 0), MH_EXTENT_SIZE);
    for (uint32_t mark = 1; mark <= 5; mark++) {
        write_on_the_way(100 + mark);
    }
    memcpy(page(1, 0), kept + MH_EXTENT_SIZE, MH_EXTENT_SIZE / 2);
    memset(page(1, 8), 0, MH_EXTENT_SIZE / 2);
    if (!whole) {
        memset(page(0, 5), 0x42, MH_PAGE_SIZE);
    }
    memcpy(kept, page(0, 0), sizeof kept);
}

/* What opening makes of it when that byte is another one: the state, the operations that it takes, and, in
 * `after`, what is then there. */
static uint32_t open_with_a_byte_changed(unsigned offset, uint64_t *operations)
{
    memcpy(page(0, 0), kept, sizeof kept);
    page(0, 0)[offset] ^= 0x55;
    const uint64_t before = array.operations_left;
    const uint32_t told = reopen();
    *operations = before - array.operations_left;
    memcpy(after, page(0, 0), sizeof after);
    return told;
}

static void older_records_and_what_is_damaged_matter_by_their_heads_alone(void **state)
{
    static uint8_t usual[2 * MH_EXTENT_SIZE];
    const unsigned newest = 4 * MH_PAGE_SIZE, end = newest + MH_PAGE_SIZE;
    const unsigned last = 2 * MH_EXTENT_SIZE - MH_PAGE_SIZE; /* of the second sector */
    uint64_t operations, usually;

    (void)state;
    for (int whole = 0; whole <= 1; whole++) {
        a_journal_with_a_past(whole);
        assert_int_equal(open_with_a_byte_changed(newest + 77, &usually), 104); /* the newest one matters */
        assert_int_equal(open_with_a_byte_changed(0, &usually), 105);
        memcpy(usual, after, sizeof usual);
        /* the sector of the newest record, with all that is older there */
        const unsigned stays = whole ? MH_EXTENT_SIZE : 0;
        for (unsigned i = 0; i < sizeof kept; i++) {
            const bool looked_at = (i >= newest && i < end + (whole ? 0 : 6)) || (i >= last && i < last + 6);
            const bool free = i >= end && i < MH_EXTENT_SIZE && kept[i] == 0xFF;
            const bool clear = i / MH_PAGE_SIZE == 1; /* before an erase, what the second page says is asked */
            if (!looked_at && !free && !clear) {
                assert_int_equal(open_with_a_byte_changed(i, &operations), 105);
                assert_int_equal(operations, usually);
                assert_memory_equal(after + stays, usual + stays, sizeof usual - stays);
            }
        }
    }
}

/* Which sector is older is told by the end of each. */
static void leading_free_pages_say_nothing(void **state)
{
    (void)state;
    for (unsigned records = 1; records < MH_JOURNAL_PAGES; records++) {
        damage_behind(records);
        memcpy(kept, page(0, 0), MH_EXTENT_SIZE);
        assert_int_equal(reopen(), records);
        write_on_the_way(50);
        memcpy(page(0, 0), kept, records * MH_PAGE_SIZE); /* the erase of the sector that was left was not done */
        assert_int_equal(reopen(), 50);
        assert_true(sector_is_free(0));
    }
}

/* A state at rest whose old sector was not erased, for whatever reason: it counts at each operation of clearing that up. */
static void older_records_beside_a_state_at_rest_do_not_count(void **state)
{
    (void)state;
    for (unsigned records = 1; records < MH_JOURNAL_PAGES; records++) {
        for (uint64_t operations = 0; operations < 9; operations++) {
            start_anew();
            for (unsigned i = 1; i <= records; i++) {
                write_on_the_way(i);
            }
            memcpy(kept, page(0, 0), MH_EXTENT_SIZE);
            write(70);
            memcpy(page(0, 0), kept, MH_EXTENT_SIZE);
            array.operations_left = operations;
            (void)mh_journal_open(&journal, &array.device.nor);
            array.operations_left = UINT64_MAX;
            assert_int_equal(reopen(), 70);
            assert_nothing_but(journal.sector, 0, 2);
        }
    }
}

/* The page before the newest is of no use as its second copy when it is damaged, whatever was read there before. */
static void a_damaged_page_is_no_copy(void **state)
{
    (void)state;
    write(1);
    assert_int_equal(reopen(), 1);
    memset(page(0, 0), 0, 4);
    assert_int_equal(reopen(), 1);
    assert_one_state(page(0, 1), page(0, 2));
}

int main(void)
{
    const struct CMUnitTest journal_tests[] = {
        TEST(a_state_on_the_way_keeps_its_page),
        TEST(a_state_at_rest_goes_to_the_first_page),
        TEST(damage_moves_a_state_at_rest_to_the_first_page),
        TEST(a_single_copy_gets_its_like_behind_it),
        TEST(writing_goes_on_behind_free_pages),
        TEST(power_loss_at_each_operation_of_a_move_keeps_state_and_page),
        TEST(older_records_and_what_is_damaged_matter_by_their_heads_alone),
        TEST(leading_free_pages_say_nothing),
        TEST(older_records_beside_a_state_at_rest_do_not_count),
        TEST(a_damaged_page_is_no_copy),
    };
    return cmocka_run_group_tests(journal_tests, NULL, NULL);
}
