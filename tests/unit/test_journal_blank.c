/* SPDX-License-Identifier: MIT
 *
 * A sector of the journal that reads blank, and perhaps was only half erased: nothing is written there before it is erased to its end.
 * One that is known to be clear is not erased once more, so that a state at rest costs one erase.
 */
#include "device_fixture.h"

#include <string.h>

static struct mh_nor chip; /* below it: the array's own */
static struct {
    bool half_erased[MH_JOURNAL_SECTORS]; /* reads blank, holds nothing */
    unsigned erases, relied_upon;
    bool weak[MH_JOURNAL_SECTORS * MH_JOURNAL_PAGES]; /* pages whose program lost power */
    uint32_t told; /* the state that was written, or told by an opening, last */
} seen;

static enum tear {
    HALF,
    WEAK,    /* a page that reads good at some starts */
    HEADLESS /* all but its first byte */
} tear;
static bool reads_damaged; /* pages that are weak, at this start */
static unsigned low_from, low_until; /* operations for which the supply is too low, of this start */
static unsigned operation;

static unsigned sector_of(uint32_t address)
{
    return (address - MH_JOURNAL_ADDRESS) / MH_EXTENT_SIZE;
}

static bool is_low(void)
{
    operation++;
    return operation > low_from && operation <= low_until;
}

static bool *weak_at(uint32_t address)
{
    return &seen.weak[(address - MH_JOURNAL_ADDRESS) / MH_PAGE_SIZE];
}

static enum mh_error read_weak(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    const enum mh_error error = chip.read(context, address, buffer, length);

    if (*weak_at(address) && length > 200 && reads_damaged) {
        buffer[200] ^= 1;
    }
    return error;
}

static enum mh_error program_what_holds(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    uint8_t *there = array.nor.cells + address, first = *there;

    if (is_low()) {
        return MH_ERR_SUPPLY;
    }
    const bool torn = array.operations_left == 1, changes = memcmp(there, data, length) != 0;
    seen.relied_upon += seen.half_erased[sector_of(address)];
    *weak_at(address) = torn ? *weak_at(address) || (tear == WEAK && changes) : length < MH_PAGE_SIZE && *weak_at(address);
    const enum mh_error error = chip.program(context, address, data, torn && tear == HALF ? length / 2 : length);
    if (torn && tear == HEADLESS) {
        *there = first;
    }
    return torn ? MH_ERR_FLASH : error;
}

static enum mh_error erase_half(void *context, uint32_t address)
{
    if (is_low()) {
        return MH_ERR_SUPPLY;
    }
    const bool torn = array.operations_left == 1;
    const enum mh_error error = chip.erase(context, address);
    if (error == MH_OK) {
        if (!torn) {
            memset(weak_at(address), 0, MH_JOURNAL_PAGES);
        }
        seen.half_erased[sector_of(address)] = torn;
        seen.erases++;
    }
    return torn ? MH_ERR_FLASH : error;
}

static int set_up(void **state)
{
    set_up_device(state);
    memset(&seen, 0, sizeof seen);
    chip = array.device.nor;
    array.device.nor.read = read_weak;
    array.device.nor.program = program_what_holds;
    array.device.nor.erase = erase_half;
    return 0;
}

/* What a start may do with the journal, after opening it. */
enum deed { NOTHING, REST, ON_THE_WAY, BOTH, ROOM, DEEDS, THERE_AND_BACK };

static enum mh_error write(struct mh_journal *journal, enum mh_phase phase)
{
    journal->state.phase = phase;
    journal->state.sectors_done++;
    const enum mh_error error = mh_journal_write(journal);
    seen.told = error ? seen.told : journal->state.sectors_done;
    return error;
}

static void start(enum deed deed)
{
    struct mh_journal journal;

    operation = 0;
    enum mh_error error = mh_journal_open(&journal, &array.device.nor);
    if (error == MH_OK) {
        assert_true(journal.state.sectors_done >= seen.told);
        seen.told = journal.state.sectors_done;
    }
    if (error == MH_OK && (deed == ON_THE_WAY || deed == BOTH)) {
        error = write(&journal, MH_INSTALLING);
    }
    if (error == MH_OK && (deed == REST || deed == BOTH || deed == THERE_AND_BACK)) {
        error = write(&journal, MH_IDLE);
    }
    if (error == MH_OK && deed == THERE_AND_BACK) {
        error = write(&journal, MH_INSTALLING);
    }
    if (error == MH_OK && deed == ROOM) {
        (void)mh_journal_reserve(&journal, 14);
    }
}

static void start_until(enum deed deed, uint64_t operations)
{
    array.operations_left = operations;
    start(deed);
    array.operations_left = UINT64_MAX;
}

/* The other sector of a journal at rest holds something, as when its erase was not heard. */
static void leave_something_in_the_other(void)
{
    struct mh_journal journal;

    assert_int_equal(mh_journal_peek(&journal, &array.device.nor), MH_OK);
    array.nor.cells[MH_JOURNAL_ADDRESS + (journal.sector ^ 1u) * MH_EXTENT_SIZE + 700] = 0;
}

static void forget_everything(bool rests, bool something_left)
{
    memset(array.nor.cells + MH_JOURNAL_ADDRESS, 0xFF, MH_JOURNAL_SECTORS * MH_EXTENT_SIZE);
    memset(&seen, 0, sizeof seen);
    start(rests ? REST : ON_THE_WAY);
    if (something_left) {
        leave_something_in_the_other();
    }
}

#define MOST 9u /* operations, with which every deed is done */

/* Two starts that lose power, at each operation of each, whatever they do; and then one that does not. The second and the
 * last one may find damaged what is weak. */
static void play(unsigned begin, unsigned deeds, unsigned cuts, unsigned damaged)
{
    reads_damaged = false;
    forget_everything(begin & 1, begin & 2);
    start_until(deeds % DEEDS, 1 + cuts % MOST);
    reads_damaged = damaged & 1;
    start_until(deeds / DEEDS, 1 + cuts / MOST);
    reads_damaged = damaged & 2;
    start(BOTH);
    assert_int_equal(seen.relied_upon, 0);
}

static void what_is_half_erased_is_not_relied_upon(void **state)
{
    (void)state;
    for (unsigned game = 0; game < 6 * 4; game++) {
        tear = game < 4 * 4 ? WEAK : game < 5 * 4 ? HALF : HEADLESS;
        for (unsigned deeds = 0; deeds < DEEDS * DEEDS; deeds++) {
            for (unsigned cuts = 0; cuts < MOST * MOST; cuts++) {
                play(game % 4, deeds, cuts, tear == WEAK ? game / 4 : 0);
            }
        }
    }
    reads_damaged = false;
}

/* Between a start that loses power and one that does not: one whose supply is too low for some operations, and comes back. */
static void a_supply_that_is_low_for_a_while_has_nothing_relied_upon(void **state)
{
    (void)state;
    tear = HALF;
    for (unsigned game = 0; game < 4 * DEEDS * DEEDS * MOST; game++) {
        for (unsigned window = 0; window < MOST * MOST; window++) {
            forget_everything(game & 1, game & 2);
            start_until(game / 4 % DEEDS, 1 + game / 4 / DEEDS / DEEDS);
            low_from = window % MOST;
            low_until = low_from + window / MOST;
            start(game / 4 / DEEDS % DEEDS);
            low_until = 0;
            start(BOTH);
            assert_int_equal(seen.relied_upon, 0);
        }
    }
}

/* One start loses power; in the next one the supply is too low for a while, comes back, and goes. What is weak reads good in the
 * third one, and damaged in the last one. */
static void a_supply_that_is_low_and_then_lost_loses_nothing(void **state)
{
    (void)state;
    for (unsigned game = 0; game < 4 * 3 * MOST * MOST; game++) {
        for (unsigned window = 0; window < MOST * MOST; window++) {
            reads_damaged = false;
            tear = (enum tear)(game / 4 % 3);
            forget_everything(game & 1, game & 2);
            start_until(REST, 1 + game / 4 / 3 % MOST);
            low_from = window % MOST;
            low_until = low_from + window / MOST;
            start_until(THERE_AND_BACK, 1 + game / 4 / 3 / MOST);
            low_until = 0;
            start(NOTHING);
            reads_damaged = true;
            start(BOTH);
        }
    }
    reads_damaged = false;
}

static void a_state_at_rest_costs_one_erase(void **state)
{
    (void)state;
    start(REST);
    for (unsigned i = 0; i < 40; i++) {
        const unsigned before = seen.erases;
        start(i % 2 ? REST : BOTH);
        assert_int_equal(seen.erases, before + 1);
    }
}

/* Then it is worn evenly too. */
static void the_erases_of_states_at_rest_go_to_both_sectors_in_turn(void **state)
{
    uint32_t erases[2048] = {0};
    const uint32_t first = MH_JOURNAL_ADDRESS / MH_EXTENT_SIZE;

    (void)state;
    array.nor.erases = erases;
    for (unsigned i = 0; i < 100; i++) {
        start(BOTH);
    }
    assert_in_range(erases[first], 50, 52);
    assert_in_range(erases[first + 1], 50, 52);
    array.nor.erases = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_half_erased_is_not_relied_upon, set_up, tear_down_device),
        cmocka_unit_test_setup_teardown(a_supply_that_is_low_for_a_while_has_nothing_relied_upon, set_up, tear_down_device),
        cmocka_unit_test_setup_teardown(a_supply_that_is_low_and_then_lost_loses_nothing, set_up, tear_down_device),
        cmocka_unit_test_setup_teardown(a_state_at_rest_costs_one_erase, set_up, tear_down_device),
        cmocka_unit_test_setup_teardown(the_erases_of_states_at_rest_go_to_both_sectors_in_turn, set_up, tear_down_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
