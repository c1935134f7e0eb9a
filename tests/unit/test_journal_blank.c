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
} seen;

static unsigned sector_of(uint32_t address)
{
    return (address - MH_JOURNAL_ADDRESS) / MH_EXTENT_SIZE;
}

static enum mh_error program_what_holds(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    seen.relied_upon += seen.half_erased[sector_of(address)];
    if (array.operations_left == 1) { /* it loses power half-way */
        (void)chip.program(context, address, data, length / 2);
        return MH_ERR_FLASH;
    }
    return chip.program(context, address, data, length);
}

static enum mh_error erase_half(void *context, uint32_t address)
{
    const bool torn = array.operations_left == 1;
    const enum mh_error error = chip.erase(context, address);

    if (error == MH_OK) {
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
    array.device.nor.program = program_what_holds;
    array.device.nor.erase = erase_half;
    return 0;
}

/* What a start may do with the journal, after opening it. */
enum deed { NOTHING, REST, ON_THE_WAY, BOTH, ROOM, DEEDS };

static void start(enum deed deed)
{
    struct mh_journal journal;
    enum mh_error error = mh_journal_open(&journal, &array.device.nor);

    if (error == MH_OK && (deed == ON_THE_WAY || deed == BOTH)) {
        journal.state.phase = MH_INSTALLING;
        journal.state.sectors_done++;
        error = mh_journal_write(&journal);
    }
    if (error == MH_OK && (deed == REST || deed == BOTH)) {
        journal.state.phase = MH_IDLE;
        error = mh_journal_write(&journal);
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

/* Two starts that lose power, at each operation of each, whatever they do; and then one that does not. */
static void what_is_half_erased_is_not_relied_upon(void **state)
{
    const uint64_t most = 9; /* operations, with which every deed is done */

    (void)state;
    for (unsigned begin = 0; begin < 4; begin++) {
        for (unsigned deeds = 0; deeds < DEEDS * DEEDS; deeds++) {
            for (uint64_t cuts = 0; cuts < most * most; cuts++) {
                forget_everything(begin & 1, begin & 2);
                start_until(deeds % DEEDS, 1 + cuts % most);
                start_until(deeds / DEEDS, 1 + cuts / most);
                start(BOTH);
                assert_int_equal(seen.relied_upon, 0);
            }
        }
    }
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
        cmocka_unit_test_setup_teardown(a_state_at_rest_costs_one_erase, set_up, tear_down_device),
        cmocka_unit_test_setup_teardown(the_erases_of_states_at_rest_go_to_both_sectors_in_turn, set_up, tear_down_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
