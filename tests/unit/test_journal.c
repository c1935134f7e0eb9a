/* SPDX-License-Identifier: MIT
 *
 * The journal: what is read back, what damage does, what is looked at, and that its states are finitely many.
 */
#include "device_fixture.h"

#include "matterhorn/bytes.h"

#include <string.h>

static struct mh_journal journal;

static uint8_t *page(unsigned sector, unsigned number)
{
    return array.nor.cells + MH_JOURNAL_ADDRESS + sector * MH_EXTENT_SIZE + number * MH_PAGE_SIZE;
}

static int set_up(void **state)
{
    set_up_device(state);
    assert_int_equal(mh_journal_open(&journal, &array.device.nor), MH_OK);
    return 0;
}

static void start_anew(void)
{
    memset(page(0, 0), 0xFF, MH_JOURNAL_SECTORS * MH_EXTENT_SIZE);
    assert_int_equal(mh_journal_open(&journal, &array.device.nor), MH_OK);
}

/* A state at rest, which stands twice, in the first pages of a sector. */
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

static bool is_free(const uint8_t *cells, uint32_t size)
{
    while (size > 0 && cells[size - 1] == 0xFF) {
        size--;
    }
    return size == 0;
}

static bool sector_is_free(unsigned sector)
{
    return is_free(page(sector, 0), MH_EXTENT_SIZE);
}

/* The journal is that many copies of one record, from that page on, and nothing else. */
static void assert_nothing_but(unsigned sector, unsigned first, unsigned copies)
{
    assert_true(sector_is_free(sector ^ 1u));
    assert_true(is_free(page(sector, 0), first * MH_PAGE_SIZE));
    for (unsigned i = first; i < first + copies; i++) {
        assert_memory_equal(page(sector, i), "MTHJ", 4);
        assert_memory_equal(page(sector, i), page(sector, first), MH_PAGE_SIZE);
    }
    assert_true(is_free(page(sector, first) + copies * MH_PAGE_SIZE, (MH_JOURNAL_PAGES - first - copies) * MH_PAGE_SIZE));
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

/// Where a state stands ///

/* On the way, and the page behind it is what a power loss has left. */
static void damage_behind(unsigned records)
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
static void rest_behind(unsigned records)
{
    start_anew();
    for (unsigned i = 1; i <= records; i++) {
        write_on_the_way(i);
    }
    write(7);
}

/* At rest, and its second copy is what a power loss has left. */
static void damage_of_the_second_copy(unsigned records)
{
    rest_behind(records);
    page(journal.sector, 1)[9] ^= 1;
}

/* At rest, one copy alone, on that page of the second sector. */
static void a_single_copy_on(unsigned number)
{
    static uint8_t record[MH_PAGE_SIZE];

    rest_behind(1);
    memcpy(record, page(1, 0), sizeof record);
    memset(page(1, 0), 0xFF, 2 * MH_PAGE_SIZE);
    memcpy(page(1, number), record, sizeof record);
}

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
        assert_in_range(losses, 4, 6); /* over itself, an erase, one copy or two, an erase */
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
            if (!looked_at && !free) {
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

/* The page before the newest is of no use as its second copy when it is damaged, whatever was read there before. */
static void a_damaged_page_is_no_copy(void **state)
{
    (void)state;
    write(1);
    assert_int_equal(reopen(), 1);
    memset(page(0, 0), 0, 4);
    assert_int_equal(reopen(), 1);
    assert_memory_equal(page(0, 1), page(0, 2), MH_PAGE_SIZE);
}

/// One read that is disturbed ///

static unsigned reads, disturbed_read, disturbed_byte;
static uint8_t disturbed_bits;

static enum mh_error read_disturbed(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    const enum mh_error error = array.device.nor.read(context, address, buffer, length);

    if (++reads == disturbed_read && disturbed_byte < length) {
        buffer[disturbed_byte] ^= disturbed_bits;
    }
    return error;
}

/* Opens with each read of the opening disturbed in each byte of a head, and behind it, in turn. */
static void assert_no_disturbed_read_matters(uint32_t expected)
{
    static const uint8_t patterns[] = {0x01, 0x02, 0x03, 0x80, 0xFF};
    struct mh_nor nor = array.device.nor;

    nor.read = read_disturbed;
    memcpy(kept, page(0, 0), sizeof kept);
    for (disturbed_read = 1; disturbed_read == 1 || reads >= disturbed_read - 1; disturbed_read++) {
        for (unsigned i = 0; i < 8 * sizeof patterns; i++) {
            disturbed_byte = i / sizeof patterns;
            disturbed_bits = patterns[i % sizeof patterns];
            memcpy(page(0, 0), kept, sizeof kept);
            reads = 0;
            assert_int_equal(mh_journal_open(&journal, &nor), MH_OK);
            assert_int_equal(journal.state.sectors_done, expected);
            assert_int_equal(reopen(), expected);
        }
    }
    assert_true(disturbed_read > 2 * MH_JOURNAL_SECTORS);
}

static void one_disturbed_read_loses_nothing(void **state)
{
    (void)state;
    for (unsigned records = 1; records <= 2 * MH_JOURNAL_PAGES; records += 5) {
        damage_behind(records);
        assert_no_disturbed_read_matters(records);
    }
}

/* All generations of both sectors, at the moment when the record has been moved and the old sector is still there. */
static void one_disturbed_generation_does_not_make_the_old_sector_the_newer_one(void **state)
{
    static uint8_t old[MH_EXTENT_SIZE];
    uint32_t mark = 0;

    (void)state;
    for (unsigned compactions = 0; compactions < 4; compactions++) {
        while (mark == 0 || journal.next_page < MH_JOURNAL_PAGES) {
            write_on_the_way(++mark);
        }
        const unsigned sector = journal.sector;
        memcpy(old, page(sector, 0), sizeof old);
        write_on_the_way(++mark);
        memcpy(page(sector, 0), old, sizeof old);
        assert_no_disturbed_read_matters(mark);
    }
}

/* The end of the old sector may say another generation than it had when its erase lost power in that very byte: the
 * records before it say the right one. */
static void a_generation_that_an_erase_has_changed_does_not_make_the_old_sector_the_newer_one(void **state)
{
    static uint8_t old[MH_EXTENT_SIZE];
    uint32_t mark = 0;

    (void)state;
    for (unsigned compactions = 0; compactions < 4; compactions++) {
        while (mark == 0 || journal.next_page < MH_JOURNAL_PAGES) {
            write_on_the_way(++mark);
        }
        const unsigned sector = journal.sector, generation = journal.generation;
        memcpy(old, page(sector, 0), sizeof old);
        write_on_the_way(++mark);
        for (uint8_t other = 0; other < 4; other++) {
            memcpy(page(sector, 0), old, sizeof old);
            page(sector, MH_JOURNAL_PAGES - 1)[5] = other;
            assert_int_equal(reopen(), mark);
            assert_true(sector_is_free(sector));
        }
        assert_int_not_equal(journal.generation, generation);
    }
}

static uint32_t misread_address;
static unsigned misreads_left;

static enum mh_error read_misread(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    const enum mh_error error = array.device.nor.read(context, address, buffer, length);

    if (address == misread_address && misreads_left > 0) {
        misreads_left--;
        buffer[0] ^= 1;
    }
    return error;
}

/* A page that did not look free and then does may hold something that is read now and then. Nothing is written
 * there, and nothing of it is left. */
static void a_page_that_did_not_look_free_is_not_used(void **state)
{
    struct mh_nor nor = array.device.nor;

    (void)state;
    nor.read = read_misread;
    for (unsigned i = 0; i < 2 * (MH_JOURNAL_PAGES - 1); i++) {
        const bool rests = i % 2;
        if (rests) {
            rest_behind(0);
        } else {
            damage_behind(1);
        }
        memset(page(0, 1), 0xFF, MH_PAGE_SIZE); /* there is one record, and nothing behind it */
        misread_address = MH_JOURNAL_ADDRESS + (1 + i / 2) * MH_PAGE_SIZE;
        misreads_left = 2;
        assert_int_equal(mh_journal_open(&journal, &nor), MH_OK);
        assert_int_equal(journal.state.sectors_done, rests ? 7 : 1);
        assert_nothing_but(1, 0, rests ? 2 : 1);
    }
}

static uint32_t once_address;
static unsigned once_reads;
static bool made_firm;

/* A page with weak bits: it reads good but once, until it is programmed again. */
static enum mh_error read_good_once(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    const enum mh_error error = array.device.nor.read(context, address, buffer, length);

    if (address == once_address && length == MH_PAGE_SIZE && !made_firm && once_reads++ > 0) {
        buffer[100] ^= 0x10;
    }
    return error;
}

static enum mh_error program_makes_firm(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    made_firm = made_firm || (address == once_address && memcmp(data, page(0, 1), length) == 0);
    return array.device.nor.program(context, address, data, length);
}

/* What was read good is what goes over it, before anything else is done: nothing else may hold that state. */
static void a_record_that_reads_good_but_once_is_made_firm_first(void **state)
{
    struct mh_nor nor = array.device.nor;

    (void)state;
    nor.read = read_good_once;
    nor.program = program_makes_firm;
    once_address = MH_JOURNAL_ADDRESS + MH_PAGE_SIZE;
    for (uint64_t operations = 1; operations < 4; operations++) {
        start_anew();
        write_on_the_way(1);
        write_on_the_way(2);
        once_reads = 0;
        made_firm = false;
        array.operations_left = operations;
        (void)mh_journal_open(&journal, &nor);
        array.operations_left = UINT64_MAX;
        assert_true(made_firm);
        assert_int_equal(reopen(), 2);
    }
}

/// Journals nobody wrote ///

static uint32_t random_state = 1;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

/* Each page free, a whole record, the head of one, or noise, in any order and of any generation. */
static void draw_journal(const uint8_t records[4][MH_PAGE_SIZE])
{
    for (unsigned i = 0; i < MH_JOURNAL_SECTORS * MH_JOURNAL_PAGES; i++) {
        uint8_t *to = page(0, 0) + i * MH_PAGE_SIZE;
        const unsigned kind = draw(5);
        memset(to, 0xFF, MH_PAGE_SIZE);
        if (kind == 1 || kind == 2) {
            memcpy(to, records[draw(4)], kind == 1 ? MH_PAGE_SIZE : 6);
        }
        for (unsigned j = kind == 2 ? 6 : 0; kind >= 2 && kind <= 3 && j < MH_PAGE_SIZE; j++) {
            to[j] = (uint8_t)draw(256);
        }
    }
}

static void whatever_stands_there_is_opened(void **state)
{
    static uint8_t records[4][MH_PAGE_SIZE];
    struct mh_nor nor = array.device.nor;

    (void)state;
    nor.read = read_disturbed;
    disturbed_read = 0;
    for (uint32_t mark = 1; mark <= 3 * MH_JOURNAL_PAGES + 1; mark++) {
        write_on_the_way(mark);
        memcpy(records[journal.generation], page(journal.sector, journal.next_page - 1u), MH_PAGE_SIZE);
    }
    for (unsigned i = 0; i < 3000; i++) {
        draw_journal(records);
        reads = 0;
        assert_int_equal(mh_journal_open(&journal, &nor), MH_OK);
        assert_in_range(reads, 1, 16 * MH_JOURNAL_SECTORS * MH_JOURNAL_PAGES);
        const uint32_t told = journal.state.sectors_done;
        const uint64_t before = array.operations_left;
        assert_int_equal(reopen(), told);
        assert_true(before - array.operations_left <= 1); /* over itself: nothing is left to be put in order */
        write(told + 1);
        assert_int_equal(reopen(), told + 1);
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
    assert_memory_equal(page(0, 0), page(0, 1), MH_PAGE_SIZE);
    assert_int_equal(page(0, 2)[0], 0xFF);
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

/* A move fails on its way, as when the supply is low, and comes back in the same session: what is written then is found
 * by the next start, whatever the move has left. */
static void what_is_written_after_a_move_that_failed_is_found(void **state)
{
    (void)state;
    for (uint64_t operations = 0; operations < 8; operations++) {
        for (unsigned still_low = 0; still_low < 2; still_low++) {
            start_anew();
            write(1);
            journal.state.sectors_done = 2;
            array.operations_left = operations;
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
        start_anew();
        for (unsigned i = 1; i <= records; i++) {
            write_on_the_way(i);
        }
        struct mh_nor nor = array.device.nor;
        nor.program = program_unless_unheard;
        nor.erase = erase_unless_unheard;
        commands = 0;
        journal.nor = &nor;
        then(0x5A);
        if (journal.next_page < MH_JOURNAL_PAGES) {
            /* the writing of the next one lost power */
            memset(page(journal.sector, journal.next_page), 0, MH_PAGE_SIZE / 2);
        }
        assert_int_equal(reopen(), 0x5A);
    } while (commands >= unheard);
    assert_true(unheard > 1);
}

/* Not even when the next one then loses power: an old sector that was left for its erased
 * would be taken for the newer one. */
static void one_command_unheard_loses_no_record(void **state)
{
    (void)state;
    for (unsigned records = 3; records <= 32; records++) {
        write_with_a_command_unheard(records, write);
        write_with_a_command_unheard(records, write_on_the_way);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_device)

/* Of the second sector nothing but the first page can be programmed. */
static enum mh_error (*program_chip)(void *context, uint32_t address, const uint8_t *data, uint32_t length);

static enum mh_error program_but(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    const bool lost = address >= MH_JOURNAL_ADDRESS + MH_EXTENT_SIZE + MH_PAGE_SIZE;

    return lost ? MH_OK : program_chip(context, address, data, length);
}

/* In the other sector the first copy holds, the second does not. So the state comes back, and what is written behind it
 * counts. */
static void a_move_that_fails_half_way_leaves_nothing_newer(void **state)
{
    (void)state;
    write(1);
    assert_int_equal(journal.sector, 0);
    program_chip = array.device.nor.program;
    array.device.nor.program = program_but;
    write(2);
    assert_int_equal(journal.sector, 0);
    write_on_the_way(3);
    assert_int_equal(reopen(), 3);
    assert_int_equal(journal.next_page, 3);
    array.device.nor.program = program_chip;
    write(4);
    assert_nothing_but(1, 0, 2);
}

/* Where nothing holds what comes, the state that was there stays. */
static void room_that_cannot_be_had_costs_nothing(void **state)
{
    const struct nor_defects worn = {.wears = true, .worn_after = 0};
    uint32_t erases[2048] = {0};

    (void)state;
    write_on_the_way(1);
    for (unsigned records = 2; records <= 12; records++) {
        write_on_the_way(records);
    }
    assert_int_equal(mh_journal_reserve(&journal, 4), MH_OK);
    assert_int_equal(journal.next_page, 12);
    array.nor.erases = erases;
    array.nor.defects = &worn;
    assert_int_equal(mh_journal_reserve(&journal, 5), MH_ERR_FLASH);
    assert_int_equal(mh_journal_peek(&journal, &array.device.nor), MH_OK);
    assert_int_equal(journal.state.sectors_done, 12);
    array.nor.defects = NULL;
    assert_int_equal(reopen(), 12);
    assert_int_equal(mh_journal_reserve(&journal, 5), MH_OK);
    assert_int_equal(reopen(), 12);
    assert_in_range(journal.next_page, 1, MH_JOURNAL_PAGES - 5);
}

int main(void)
{
    const struct CMUnitTest journal_tests[] = {
        TEST(empty_journal_is_idle_and_costs_nothing),
        TEST(first_record_goes_to_the_first_sector),
        TEST(every_field_is_read_back),
        TEST(newest_of_many_is_read),
        TEST(power_loss_at_each_operation_leaves_the_old_or_the_new_state),
        TEST(a_state_on_the_way_keeps_its_page),
        TEST(a_state_at_rest_goes_to_the_first_page),
        TEST(damage_moves_a_state_at_rest_to_the_first_page),
        TEST(a_single_copy_gets_its_like_behind_it),
        TEST(writing_goes_on_behind_free_pages),
        TEST(power_loss_at_each_operation_of_a_move_keeps_state_and_page),
        TEST(older_records_and_what_is_damaged_matter_by_their_heads_alone),
        TEST(leading_free_pages_say_nothing),
        TEST(a_damaged_page_is_no_copy),
        TEST(one_disturbed_read_loses_nothing),
        TEST(one_disturbed_generation_does_not_make_the_old_sector_the_newer_one),
        TEST(a_generation_that_an_erase_has_changed_does_not_make_the_old_sector_the_newer_one),
        TEST(a_page_that_did_not_look_free_is_not_used),
        TEST(a_record_that_reads_good_but_once_is_made_firm_first),
        TEST(whatever_stands_there_is_opened),
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
        TEST(one_command_unheard_loses_no_record),
        TEST(a_move_that_fails_half_way_leaves_nothing_newer),
        TEST(room_that_cannot_be_had_costs_nothing),
    };
    return cmocka_run_group_tests(journal_tests, NULL, NULL);
}
