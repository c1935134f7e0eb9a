/* SPDX-License-Identifier: MIT
 *
 * Bad journals, field by field of docs/SPEC.md 3: records that are damaged, and records whose checksum is right and
 * whose contents are not, as somebody who holds the SPI bus can write them. A start then says why it does not do what
 * they ask for, changes neither the internal flash nor anything but the journal, and the next update works.
 *
 * `row` is the row of SPEC that a case attacks, by section and first cell; the last test sees to it that none is
 * missing. The device runs older packages of both components, which are in the store, and is asked to install a newer
 * one of both.
 */
#include "kept_device.h"
#include "spec_rows.h"

#include "matterhorn/bytes.h"
#include "matterhorn/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 9001u
#define RUNTIME_SIZE 5001u
#define OLD_SIZE 3000u
#define OLD 1u /* seeds of the images */
#define NEW 2u
#define NEXT 3u
#define JOURNAL_SIZE (MH_JOURNAL_SECTORS * MH_EXTENT_SIZE)
#define CRC 252u
#define INCOMING 140u /* of a record: its directory entry */
#define ENTRY_LENGTH 32u
#define ENTRY_ID 36u

static uint32_t package_size;

/* The older one runs, confirmed; the newer one is stored and requested. */
static int set_up(void **state)
{
    struct blob old = fixture_package(OLD_SIZE, OLD_SIZE, OLD, 1), new = fixture_package(SIZE, RUNTIME_SIZE, NEW, 1);

    set_up_device(state);
    install_and_confirm(&old);
    assert_int_equal(fixture_store(&update, &array.device, &new), MH_OK);
    package_size = (uint32_t)new.size;
    keep_device();
    free(old.bytes);
    free(new.bytes);
    return 0;
}

static int tear_down(void **state)
{
    forget_device();
    return tear_down_device(state);
}

static uint8_t *newest_record(void)
{
    struct mh_journal journal;

    assert_int_equal(mh_journal_peek(&journal, &array.device.nor), MH_OK);
    return array.nor.cells + MH_JOURNAL_ADDRESS + journal.sector * MH_EXTENT_SIZE +
           (journal.next_page - 1u) * MH_PAGE_SIZE;
}

/// What a start makes of it ///

/* Whether the image of either package stands there, whole. */
static bool runs(unsigned seed)
{
    return fixture_holds(&array, MH_APPLICATION, seed == OLD ? OLD_SIZE : SIZE, seed) &&
           fixture_holds(&array, MH_RUNTIME, seed == OLD ? OLD_SIZE : RUNTIME_SIZE, seed);
}

static void assert_nothing_but_the_journal_changed(const char *name)
{
    assert_internal_unchanged(name);
    assert_nor_unchanged(name, MH_JOURNAL_ADDRESS);
}

/* Whatever it was: another package is taken, and installed. */
static void assert_next_update_works(const char *name)
{
    struct blob next = fixture_package(OLD_SIZE + 4, 0, NEXT, 2);

    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    const enum mh_error confirmed = mh_update_confirm(&update);
    const enum mh_error offered = fixture_store(&update, &array.device, &next);
    const enum mh_error installed = fixture_boot(&update, &array.device);
    if (confirmed || offered || installed || !fixture_holds(&array, MH_APPLICATION, OLD_SIZE + 4, NEXT)) {
        fail_msg("%s: the next update: \"%s\", \"%s\", \"%s\"", name, mh_error_text(confirmed),
                 mh_error_text(offered), mh_error_text(installed));
    }
    free(next.bytes);
}

#define DAMAGED (-1)  /* the record does not count: nothing was requested */
#define INSTALLED 0   /* it counts, and the field does not matter to the install */

static void assert_start(const char *name, int expected)
{
    const enum mh_error error = fixture_boot(&update, &array.device);

    if (error != (expected == DAMAGED ? MH_OK : (enum mh_error)expected)) {
        fail_msg("%s: \"%s\"", name, mh_error_text(error));
    }
    if (expected == INSTALLED) {
        if (!runs(NEW) || update.journal.state.phase != MH_TRIAL) {
            fail_msg("%s: not installed", name);
        }
    } else {
        assert_int_equal(update.journal.state.phase, MH_IDLE);
        assert_nothing_but_the_journal_changed(name);
    }
    if (expected > INSTALLED && update.journal.state.refusal != (uint32_t)expected) {
        fail_msg("%s: the reason is not kept", name);
    }
    assert_next_update_works(name);
    restore_device();
}

/// Records (3.2) ///

static void fields_of_the_record(void **state)
{
    static const struct {
        const char *row, *name;
        unsigned offset, width;
        uint32_t value;
        bool mend;
        int expected;
    } cases[] = {
        {"3.2 0", "no magic", 0, 4, 0, true, DAMAGED},
        {"3.2 0", "one letter", 3, 1, 'H', true, DAMAGED},
        {"3.2 0", "blank magic", 0, 4, 0xFFFFFFFF, true, DAMAGED},
        {"3.2 4", "format 0", 4, 1, 0, true, DAMAGED},
        {"3.2 4", "the format before", 4, 1, 1, true, DAMAGED},
        {"3.2 4", "the next format", 4, 1, 3, true, DAMAGED},
        {"3.2 4", "highest format", 4, 1, 0xFF, true, DAMAGED},
        {"3.2 5", "one generation too many", 5, 1, 4, true, DAMAGED},
        {"3.2 5", "highest generation", 5, 1, 0xFF, true, DAMAGED},
        {"3.2 6", "one phase too many", 6, 1, MH_PHASES, true, DAMAGED},
        {"3.2 6", "highest phase", 6, 1, 0xFF, true, DAMAGED},
        {"3.2 7", "credit before there is a trial", 7, 1, 0xFF, true, INSTALLED},
        {"3.2 8", "all sectors done before it began", 8, 4, 0xFFFFFFFF, true, INSTALLED},
        {"3.2 8", "that of the header done before it began", 8, 4, 1u << 9, true, INSTALLED},
        {"3.2 12", "a reason that nobody knows", 12, 4, 0xFFFFFFFF, true, INSTALLED},
        {"3.2 12", "one reason too many", 12, 4, MH_ERRORS, true, INSTALLED},
        {"3.2 16", "refused id", 16, 4, 0xFFFFFFFF, true, INSTALLED},
        {"3.2 32", "components on trial before there is one", 32, 1, 0xFF, true, INSTALLED},
        {"3.2 33", "the other sector clear, which is not", 33, 1, 0xFF, false, INSTALLED},
        {"3.2 33", "what nobody writes there", 33, 1, 0x5A, false, INSTALLED},
        {"3.2 34", "reserved", 34, 1, 0xFF, true, INSTALLED},
        {"3.2 34", "last of the reserved", 35, 1, 0xFF, true, INSTALLED},
        {"3.2 36", "extents of the running runtime", 36, 4, 0xFFFFFFFF, true, INSTALLED},
        {"3.2 36", "its length", 36 + ENTRY_LENGTH, 4, 0xFFFFFFFF, true, INSTALLED},
        {"3.2 36", "its id", 36 + ENTRY_ID, 4, 0, true, INSTALLED},
        {"3.2 88", "extents of the running application", 88, 4, 0, true, INSTALLED},
        {"3.2 88", "its length", 88 + ENTRY_LENGTH, 4, 1, true, INSTALLED},
        {"3.2 88", "its id", 88 + ENTRY_ID, 4, 0, true, INSTALLED},
        {"3.2 140", "no incoming package", INCOMING + ENTRY_LENGTH, 4, 0, true, MH_ERR_LAYOUT},
        {"3.2 140", "highest length", INCOMING + ENTRY_LENGTH, 4, 0xFFFFFFFF, true, MH_ERR_LAYOUT},
        {"3.2 140", "length of more extents than it has", INCOMING + ENTRY_LENGTH, 4, 0x10000, true, MH_ERR_LAYOUT},
        {"3.2 140", "length of its first byte", INCOMING + ENTRY_LENGTH, 4, 1, true, MH_ERR_TRUNCATED},
        {"3.2 140", "length of its first extent", INCOMING + ENTRY_LENGTH, 4, 4096, true, MH_ERR_TRUNCATED},
        {"3.2 140", "no extents", INCOMING, 4, 0, true, MH_ERR_LAYOUT},
        {"3.2 140", "one extent too many before it", INCOMING, 1, 0xFF, true, MH_ERR_TRAILING},
        {"3.2 192", "no packet received", 192, 4, 0, true, INSTALLED},
        {"3.2 224", "id that was rolled back", 224, 4, 0xFFFFFFFF, true, INSTALLED},
        {"3.2 240", "reserved", 240, 4, 0xFFFFFFFF, true, INSTALLED},
        {"3.2 240", "last of the reserved", 251, 1, 0x55, true, INSTALLED},
        {"3.2 252", "checksum of zeros", CRC, 4, 0, false, DAMAGED},
        {"3.2 252", "blank checksum", CRC, 4, 0xFFFFFFFF, false, DAMAGED},
        {"3.2 252", "one byte of it", CRC, 1, 0x5A, false, DAMAGED},
        {"3.2 252", "a field without it", 40, 1, 0x5A, false, DAMAGED},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *record = newest_record();
        memcpy(record + cases[i].offset, &cases[i].value, cases[i].width);
        if (cases[i].mend) {
            mh_put32(record + CRC, mh_crc32(record, CRC));
        }
        assert_start(cases[i].name, cases[i].expected);
        spec_rows_cover(cases[i].row);
    }
}

/* What the record says of the package is compared with what the package says of itself. */
static void ids_and_lengths_of_the_package(void **state)
{
    static const struct {
        const char *name;
        int more; /* than its length */
        enum mh_error expected;
    } cases[] = {{"one byte longer", 1, MH_ERR_TRAILING}, {"one byte shorter", -1, MH_ERR_TRUNCATED}};

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *record = newest_record();
        mh_put32(record + INCOMING + ENTRY_LENGTH, package_size + (uint32_t)cases[i].more);
        mh_put32(record + CRC, mh_crc32(record, CRC));
        assert_start(cases[i].name, cases[i].expected);
    }
    for (unsigned field = 16; field <= 224; field += 224 - 16) { /* refused, rolled back */
        uint8_t *record = newest_record();
        memcpy(record + field, record + INCOMING + ENTRY_ID, MH_ID_SIZE);
        mh_put32(record + CRC, mh_crc32(record, CRC));
        assert_start("id that is refused", field == 16 ? MH_ERR_REFUSED_BEFORE : MH_ERR_ROLLED_BACK);
    }
}

/// The sectors of the reserved megabyte (3) ///

/* Extents are 0 to 249. What lies behind them is no place for a package, whoever says so. */
static void extents_that_are_none(void **state)
{
    static const char *const rows[] = {"3 0–249", "3 250–253", "3 254, 255"};
    const unsigned wanted = (package_size + MH_EXTENT_SIZE - 1) / MH_EXTENT_SIZE;

    (void)state;
    for (unsigned last = MH_EXTENTS - 1; last < 8 * MH_BITMAP_SIZE; last++) {
        uint8_t *record = newest_record();
        memset(record + INCOMING, 0, MH_BITMAP_SIZE);
        for (unsigned n = 0; n < wanted; n++) {
            mh_bit_set(record + INCOMING, last - n);
        }
        mh_put32(record + CRC, mh_crc32(record, CRC));
        /* of extents that are some, but not this package's, the manifest is the first thing that is wrong */
        assert_start("extents", last < MH_EXTENTS ? MH_ERR_MAGIC : MH_ERR_LAYOUT);
        spec_rows_cover(rows[last < MH_EXTENTS ? 0 : last < 254 ? 1 : 2]);
    }
}

/* As many as there are, and no other ones, be the first of them in use or not. */
static void no_package_gets_other_extents(void **state)
{
    static const uint8_t id[MH_ID_SIZE];

    (void)state;
    for (unsigned used = 0; used < 2; used++) {
        struct mh_state full = {0};
        full.entries[0].length = used;
        full.entries[0].extents[0] = (uint8_t)used;
        assert_int_equal(mh_store_allocate(&full, MH_EXTENTS * MH_EXTENT_SIZE, id, 1), MH_OK);
        for (unsigned n = 0; n < 8 * MH_BITMAP_SIZE; n++) {
            assert_int_equal(mh_bit(full.entries[MH_INCOMING].extents, n), n < MH_EXTENTS);
        }
        assert_int_equal(mh_store_allocate(&full, MH_EXTENTS * MH_EXTENT_SIZE + 1, id, 1), MH_ERR_NO_ROOM);
        assert_int_equal(mh_store_allocate(&full, 0xFFFFFFFF, id, 1), MH_ERR_NO_ROOM);
    }
}

/// Phases (3.2, 3.3) ///

static void forge(void (*change)(struct mh_state *state))
{
    struct mh_journal journal;

    assert_int_equal(mh_journal_open(&journal, &array.device.nor), MH_OK);
    change(&journal.state);
    assert_int_equal(mh_journal_write(&journal), MH_OK);
}

static void confirming_what_is_not_there(struct mh_state *state)
{
    state->phase = MH_CONFIRMING;
    state->tried = 0xFF;
}

static void rolling_back_nothing(struct mh_state *state)
{
    state->phase = MH_ROLLING_BACK;
    state->tried = 0;
}

static void rolling_back_what_is_done(struct mh_state *state)
{
    state->phase = MH_ROLLING_BACK;
    state->tried = 3;
    state->sectors_done = 0xFFFFFFFF;
}

static void trial_of_nothing(struct mh_state *state)
{
    state->phase = MH_TRIAL;
    mh_state_drop_incoming(state);
}

static void trial_of_no_component(struct mh_state *state)
{
    state->phase = MH_TRIAL;
    state->credit = 0xFF;
    state->tried = 0xFC;
}

static void idle_with_all_of_it(struct mh_state *state)
{
    state->phase = MH_IDLE;
    state->credit = 0xFF;
    state->tried = 0xFF;
    state->sectors_done = 0xFFFFFFFF;
}

/* Phases that contradict the rest of the state. The older packages run, and go on running. */
static void phases_without_what_they_need(void **state)
{
    static void (*const cases[])(struct mh_state *) = {confirming_what_is_not_there, rolling_back_nothing,
                                                       rolling_back_what_is_done,    trial_of_nothing,
                                                       trial_of_no_component,        idle_with_all_of_it};

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[20];
        snprintf(name, sizeof name, "phase case %u", i);
        forge(cases[i]);
        for (unsigned start = 0; start < 4; start++) {
            (void)fixture_boot(&update, &array.device);
            assert_true(runs(OLD));
            assert_nothing_but_the_journal_changed(name);
        }
        assert_next_update_works(name);
        restore_device();
    }
}

/* A rollback that was forged, or whose journal says that it is done already, still installs what was there before. */
static void a_rollback_that_begins_has_nothing_done(void **state)
{
    (void)state;
    for (unsigned requested = 0; requested < 2; requested++) {
        assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
        assert_true(runs(NEW));
        update.journal.state.sectors_done = 0xFFFFFFFF;
        update.journal.state.credit = requested ? MH_TRIAL_CREDIT : 0;
        assert_int_equal(mh_journal_write(&update.journal), MH_OK);
        if (requested) {
            assert_int_equal(mh_update_rollback(&update), MH_OK);
        }
        assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
        assert_int_equal(update.journal.state.phase, MH_IDLE);
        assert_true(runs(OLD));
        restore_device();
    }
}

/// Pages ///

/* Nothing of the journal, nothing but one byte, or only what belongs to the other sector. */
static void journals_of_one_byte(void **state)
{
    uint8_t *journal = array.nor.cells + MH_JOURNAL_ADDRESS;

    (void)state;
    for (unsigned value = 0; value < 256; value += 17) {
        memset(journal, (int)value, JOURNAL_SIZE);
        assert_start("journal of one byte", DAMAGED);
    }
    for (unsigned page = 0; page < JOURNAL_SIZE / MH_PAGE_SIZE; page++) {
        uint8_t record[MH_PAGE_SIZE];
        memcpy(record, newest_record(), sizeof record);
        memset(journal, 0xFF, JOURNAL_SIZE);
        memcpy(journal + page * MH_PAGE_SIZE, record, sizeof record); /* it counts wherever it stands */
        assert_start("request alone", INSTALLED);
        memcpy(record, newest_record(), sizeof record);
        memset(journal, 0x00, JOURNAL_SIZE);
        memcpy(journal + page * MH_PAGE_SIZE, record, sizeof record);
        assert_start("request among zeros", INSTALLED);
    }
}

static void every_row_has_a_case(void **state)
{
    (void)state;
    spec_rows_check("3", NULL);
    spec_rows_check("3.2", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fields_of_the_record),
        TEST(ids_and_lengths_of_the_package),
        TEST(extents_that_are_none),
        TEST(no_package_gets_other_extents),
        TEST(phases_without_what_they_need),
        TEST(a_rollback_that_begins_has_nothing_done),
        TEST(journals_of_one_byte),
        cmocka_unit_test(every_row_has_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
