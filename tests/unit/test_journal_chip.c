/* SPDX-License-Identifier: MIT
 *
 * The journal on a chip that reads wrong, does not hear a command, or does not hold what is written; and one that nobody wrote.
 */
#include "journal_fixture.h"

/// One read that is disturbed ///

static uint8_t kept[2 * MH_EXTENT_SIZE];
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

/// A chip that does not hear one command, or does not hold ///

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

/* Of the second sector nothing but the first page can be programmed. */
static enum mh_error (*program_chip)(void *context, uint32_t address, const uint8_t *data, uint32_t length);

static enum mh_error program_but(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    const bool lost = address >= MH_JOURNAL_ADDRESS + MH_EXTENT_SIZE + MH_PAGE_SIZE;

    return lost ? MH_OK : program_chip(context, address, data, length);
}

/* In the other sector the first copy holds, the second does not. The state is there all the same, and the next opening brings it where
 * both do. */
static void a_second_copy_that_does_not_hold_is_made_up_for(void **state)
{
    (void)state;
    write(1);
    assert_int_equal(journal.sector, 0);
    program_chip = array.device.nor.program;
    array.device.nor.program = program_but;
    write(2);
    assert_int_equal(journal.sector, 1);
    assert_int_equal(reopen(), 2);
    assert_nothing_but(0, 0, 2);
    write(3);
    write_on_the_way(4);
    assert_int_equal(reopen(), 4);
    array.device.nor.program = program_chip;
    write(5);
    assert_int_equal(reopen(), 5);
    assert_nothing_but(journal.sector, 0, 2);
}

static enum mh_error program_but_second_pages(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    const bool lost = address / MH_PAGE_SIZE % MH_JOURNAL_PAGES == 1;

    return lost ? MH_OK : program_chip(context, address, data, length);
}

/* The second copy stands behind them then, and no opening erases anything for it. */
static void second_pages_that_do_not_hold_are_left_out(void **state)
{
    uint32_t erases[2048] = {0}, before[2048];

    (void)state;
    program_chip = array.device.nor.program;
    array.device.nor.program = program_but_second_pages;
    array.nor.erases = erases;
    for (uint32_t mark = 1; mark <= 4; mark++) {
        write(mark);
        assert_int_equal(reopen(), mark);
        memcpy(before, erases, sizeof before);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(reopen(), mark);
        }
        assert_memory_equal(erases, before, sizeof before);
    }
    array.nor.erases = NULL;
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

static enum mh_error program_once(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    const uint32_t in_page = address / MH_PAGE_SIZE * MH_PAGE_SIZE;

    return is_free(array.nor.cells + in_page, MH_PAGE_SIZE) ? program_chip(context, address, data, length) : MH_OK;
}

/* A part that programs a page once only, and says nothing: no move depends on spoiling one. */
static void a_part_that_takes_no_second_program_is_moved_on(void **state)
{
    (void)state;
    program_chip = array.device.nor.program;
    array.device.nor.program = program_once;
    for (uint32_t mark = 1; mark <= 100; mark++) {
        if (mark % 30 == 0) {
            write(mark);
        } else {
            write_on_the_way(mark);
        }
        assert_int_equal(reopen(), mark);
    }
}

/* One sector is worn out: every opening is made, and costs the other one nothing. */
static void a_worn_sector_does_not_wear_the_other_one(void **state)
{
    const struct nor_defects worn = {.wears = true, .worn_after = 1000};
    const uint32_t first = MH_JOURNAL_ADDRESS / MH_EXTENT_SIZE;
    uint32_t erases[2048] = {0};

    (void)state;
    array.nor.erases = erases;
    array.nor.defects = &worn;
    for (unsigned which = 0; which < 2; which++) {
        for (uint32_t mark = 1; mark <= 40; mark++) {
            start_anew();
            erases[first + which] = 1000;
            erases[first + (which ^ 1u)] = 0;
            journal.state.credit = (uint8_t)mark; /* another CRC */
            write_on_the_way(1);
            write(mark);
            assert_int_equal(reopen(), mark);
            assert_int_equal(reopen(), mark);
            const uint32_t before = erases[first + (which ^ 1u)];
            for (unsigned i = 0; i < 5; i++) {
                assert_int_equal(reopen(), mark);
            }
            assert_int_equal(erases[first + (which ^ 1u)], before);
        }
    }
    array.nor.defects = NULL;
    array.nor.erases = NULL;
}

int main(void)
{
    const struct CMUnitTest journal_tests[] = {
        TEST(one_disturbed_read_loses_nothing),
        TEST(one_disturbed_generation_does_not_make_the_old_sector_the_newer_one),
        TEST(a_generation_that_an_erase_has_changed_does_not_make_the_old_sector_the_newer_one),
        TEST(a_page_that_did_not_look_free_is_not_used),
        TEST(a_record_that_reads_good_but_once_is_made_firm_first),
        TEST(whatever_stands_there_is_opened),
        TEST(one_command_unheard_loses_no_record),
        TEST(a_second_copy_that_does_not_hold_is_made_up_for),
        TEST(second_pages_that_do_not_hold_are_left_out),
        TEST(a_part_that_takes_no_second_program_is_moved_on),
        TEST(a_worn_sector_does_not_wear_the_other_one),
        TEST(room_that_cannot_be_had_costs_nothing),
    };
    return cmocka_run_group_tests(journal_tests, NULL, NULL);
}
