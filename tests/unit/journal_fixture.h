/* SPDX-License-Identifier: MIT
 *
 * What tests of the journal share: the one of the device of device_fixture.h, what they write into it, and what it must then be.
 */
#ifndef TESTS_UNIT_JOURNAL_FIXTURE_H
#define TESTS_UNIT_JOURNAL_FIXTURE_H

#include "device_fixture.h"

#include <string.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_device)

static struct mh_journal journal;

static inline uint8_t *page(unsigned sector, unsigned number)
{
    return array.nor.cells + MH_JOURNAL_ADDRESS + sector * MH_EXTENT_SIZE + number * MH_PAGE_SIZE;
}

static inline int set_up(void **state)
{
    set_up_device(state);
    assert_int_equal(mh_journal_open(&journal, &array.device.nor), MH_OK);
    return 0;
}

static inline void start_anew(void)
{
    memset(page(0, 0), 0xFF, MH_JOURNAL_SECTORS * MH_EXTENT_SIZE);
    assert_int_equal(mh_journal_open(&journal, &array.device.nor), MH_OK);
}

/* A state at rest, which stands twice, in the first pages of a sector. */
static inline void write(uint32_t mark)
{
    journal.state.phase = MH_IDLE;
    journal.state.sectors_done = mark;
    assert_int_equal(mh_journal_write(&journal), MH_OK);
}

/* A state that leads on, which stands once. */
static inline void write_on_the_way(uint32_t mark)
{
    journal.state.phase = MH_INSTALLING;
    journal.state.sectors_done = mark;
    assert_int_equal(mh_journal_write(&journal), MH_OK);
}

static inline bool is_free(const uint8_t *cells, uint32_t size)
{
    while (size > 0 && cells[size - 1] == 0xFF) {
        size--;
    }
    return size == 0;
}

static inline bool sector_is_free(unsigned sector)
{
    return is_free(page(sector, 0), MH_EXTENT_SIZE);
}

#define CLEAR 33u /* of a record: that the other sector is */

static inline void assert_one_state(const uint8_t *record, const uint8_t *other)
{
    assert_memory_equal(record, other, CLEAR);
    assert_memory_equal(record + CLEAR + 1, other + CLEAR + 1, MH_PAGE_SIZE - CLEAR - 1);
}

/* The journal is that many copies of one record, from that page on, and nothing else. The second page alone may say that the other
 * sector is clear. */
static inline void assert_nothing_but(unsigned sector, unsigned first, unsigned copies)
{
    assert_true(sector_is_free(sector ^ 1u));
    assert_true(is_free(page(sector, 0), first * MH_PAGE_SIZE));
    for (unsigned i = first; i < first + copies; i++) {
        assert_memory_equal(page(sector, i), "MTHJ", 4);
        assert_one_state(page(sector, i), page(sector, first));
        assert_true(page(sector, i)[CLEAR] == 0 || (page(sector, i)[CLEAR] == 0xFF && i == 1 && first == 0));
    }
    assert_true(is_free(page(sector, first) + copies * MH_PAGE_SIZE, (MH_JOURNAL_PAGES - first - copies) * MH_PAGE_SIZE));
}

static inline uint32_t reopen(void)
{
    assert_int_equal(mh_journal_open(&journal, &array.device.nor), MH_OK);
    return journal.state.sectors_done;
}

/// Left by a power loss ///

/* On the way, and the page behind it is what a power loss has left. */
static inline void damage_behind(unsigned records)
{
    start_anew();
    for (unsigned i = 1; i <= records; i++) {
        write_on_the_way(i);
    }
    if (records < MH_JOURNAL_PAGES) {
        memset(page(0, records), 0, MH_PAGE_SIZE / 2);
    }
}

/* At rest, after so many records on the way. */
static inline void rest_behind(unsigned records)
{
    start_anew();
    for (unsigned i = 1; i <= records; i++) {
        write_on_the_way(i);
    }
    write(7);
}

/* At rest, and its second copy is what a power loss has left. */
static inline void damage_of_the_second_copy(unsigned records)
{
    rest_behind(records);
    page(journal.sector, 1)[9] ^= 1;
}

/* At rest, one copy alone, on that page of the second sector. */
static inline void a_single_copy_on(unsigned number)
{
    static uint8_t record[MH_PAGE_SIZE];

    rest_behind(1);
    memcpy(record, page(1, 0), sizeof record);
    memset(page(1, 0), 0xFF, 2 * MH_PAGE_SIZE);
    memcpy(page(1, number), record, sizeof record);
}

#endif
