/* SPDX-License-Identifier: MIT
 *
 * The one-time programmable area: counters that only rise, whatever a power loss leaves, locked blocks, broken bits.
 */
#include "chip.h"

#include "matterhorn/board.h"
#include "matterhorn/otp.h"

#define CELLS (MH_OTP_SIZE + MH_OTP_BLOCKS)
#define NOISES 64u

static struct nor_array area;
static uint8_t view[CELLS]; /* the cells as they read under the noise of this start */
static uint64_t noise;
static unsigned operations, lose_at; /* the operation that loses power, from 1 on; 0: none */
static enum nor_tear tear;
static bool power, supply_is_low;
static unsigned asked;
static uint8_t broken; /* bits of byte 0 that do not take */

static void look(void)
{
    for (uint32_t i = 0; i < CELLS; i++) {
        view[i] = nor_read(&area, i, noise);
    }
}

static enum mh_error program_otp(void *context, uint32_t offset, const uint8_t *data, uint32_t length)
{
    const struct nor_op op = program(offset, data, length);

    (void)context;
    assert_int_equal(offset % 4, 0);
    assert_int_equal(length, 4);
    asked++;
    if (supply_is_low) {
        return MH_ERR_SUPPLY;
    }
    if (!power || area.cells[MH_OTP_SIZE + offset / MH_OTP_BLOCK_SIZE] == 0) {
        return MH_ERR_FLASH;
    }
    power = ++operations != lose_at;
    assert_true(power ? nor_apply(&area, &op) : nor_tear(&area, &op, tear));
    area.cells[0] |= broken;
    look();
    return power ? MH_OK : MH_ERR_FLASH;
}

static const struct mh_otp otp = {view, program_otp, NULL};

static int set_up(void **state)
{
    (void)state;
    area = chip(&nor_stm32f407_otp);
    memset(area.cells, 0xFF, area.part->size);
    power = true;
    supply_is_low = false;
    asked = 0;
    noise = 0;
    operations = lose_at = 0;
    broken = 0;
    look();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    release(&area);
    return 0;
}

static void start(uint64_t with_noise)
{
    power = true;
    noise = with_noise;
    operations = 0;
    look();
}

static void counter_is_the_number_of_programmed_bits(void **state)
{
    (void)state;
    assert_int_equal(mh_otp_counter(view, MH_RUNTIME), 0);
    view[0] = 0;
    view[1] = 0xF8;
    assert_int_equal(mh_otp_counter(view, MH_RUNTIME), 11);
    memset(view, 0, sizeof view);
    assert_int_equal(mh_otp_counter(view, MH_RUNTIME), MH_COUNTER_MAX);
    assert_int_equal(mh_otp_counter(view, MH_APPLICATION), MH_COUNTER_MAX);
}

static void each_component_has_its_own(void **state)
{
    (void)state;
    assert_int_equal(mh_otp_raise(&otp, MH_APPLICATION, MH_COUNTER_MAX), MH_OK);
    assert_int_equal(mh_otp_counter(view, MH_APPLICATION), MH_COUNTER_MAX);
    assert_int_equal(mh_otp_counter(view, MH_RUNTIME), 0);
    assert_int_equal(mh_otp_revoked(view), 0);
    assert_int_equal(area.cells[223], 0xFF);
    assert_int_equal(area.cells[224], 0);
    assert_int_equal(area.cells[447], 0);
    assert_int_equal(area.cells[448], 0xFF);
}

static void bits_are_programmed_from_the_lowest_of_the_first_byte(void **state)
{
    static const uint8_t expected[] = {0, 0, 0, 0, 0xF8, 0xFF};

    (void)state;
    for (uint32_t counter = 0; counter <= 35; counter++) {
        assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, counter), MH_OK);
        assert_int_equal(mh_otp_counter(view, MH_RUNTIME), counter);
    }
    assert_memory_equal(area.cells, expected, sizeof expected);
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, 3), MH_OK); /* never falls */
    assert_int_equal(mh_otp_counter(view, MH_RUNTIME), 35);
}

static void nothing_is_programmed_for_zero(void **state)
{
    (void)state;
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, 0), MH_OK);
    assert_int_equal(mh_otp_revoke(&otp, 0), MH_OK);
    assert_int_equal(operations, 0);
}

/* Whatever the loss left, the next start ends with a counter that every start after it reads the same, and no bit
 * too many. */
static void counter_is_firm_behind_a_loss_at_any_word(void **state)
{
    const uint32_t from = 5, to = 70;

    (void)state;
    for (tear = 0; tear < NOR_TEARS; tear++) {
        for (unsigned at = 1; nor_tear_applies(NOR_PROGRAM, tear) && at <= 3; at++) {
            memset(area.cells, 0xFF, CELLS);
            area.marks->count = 0;
            lose_at = 0;
            start(0);
            assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, from), MH_OK);
            start(0);
            lose_at = at;
            (void)mh_otp_raise(&otp, MH_RUNTIME, to); /* to nobody */
            assert_false(power);
            lose_at = 0;
            for (uint64_t i = 0; i < NOISES; i++) {
                start(i);
                assert_in_range(mh_otp_counter(view, MH_RUNTIME), from, to);
            }
            start(at);
            assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, to), MH_OK);
            assert_int_equal(area.marks->count, 0);
            assert_int_equal(mh_otp_counter(area.cells, MH_RUNTIME), to);
        }
    }
}

static void locked_blocks_are_not_counted_on(void **state)
{
    (void)state;
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, 10), MH_OK);
    assert_int_equal(mh_otp_capacity(view, MH_RUNTIME), MH_COUNTER_MAX);
    area.cells[MH_OTP_SIZE] = 0;
    look();
    assert_int_equal(mh_otp_capacity(view, MH_RUNTIME), MH_COUNTER_MAX - 256 + 10);
    assert_int_equal(mh_otp_capacity(view, MH_APPLICATION), MH_COUNTER_MAX);
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, 12), MH_OK); /* in the next block */
    assert_int_equal(mh_otp_counter(view, MH_RUNTIME), 12);
    assert_int_equal(area.cells[MH_OTP_BLOCK_SIZE], 0xFC);
    /* and does not try for ever */
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, MH_COUNTER_MAX), MH_ERR_COUNTER_FULL);
    assert_int_equal(mh_otp_counter(view, MH_RUNTIME), MH_COUNTER_MAX - 256 + 10);
}

static void bits_that_do_not_take_are_replaced_by_the_next_ones(void **state)
{
    (void)state;
    broken = 0x24;
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, 8), MH_OK);
    assert_int_equal(area.cells[0], 0x24);
    assert_int_equal(area.cells[1], 0xFC);
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, MH_COUNTER_MAX), MH_ERR_COUNTER_FULL);
}

/* Where bits of the first word do not take, those in their place are in the next one. A loss there leaves a bit that
 * counts now, and not in the next start. */
static void bits_in_their_place_are_firm(void **state)
{
    const uint32_t counter = 31;

    (void)state;
    broken = 0x06;
    lose_at = 3; /* the word behind: the first round is one word, and the second one begins with it */
    tear = NOR_TEAR_WEAK;
    assert_int_not_equal(mh_otp_raise(&otp, MH_RUNTIME, counter), MH_OK);
    assert_false(power);
    lose_at = 0;
    for (uint64_t i = 0; i < NOISES && mh_otp_counter(view, MH_RUNTIME) < counter; i++) {
        start(i);
    }
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, counter), MH_OK);
    for (uint64_t i = 0; i < NOISES; i++) {
        start(i);
        assert_true(mh_otp_counter(view, MH_RUNTIME) >= counter);
    }
}

/* Of what is there already, no more than its own bits: a confirmation with a new counter programs no word twice. */
static void each_word_is_programmed_once(void **state)
{
    (void)state;
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, 70), MH_OK);
    assert_int_equal(operations, 3);
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, 70), MH_OK);
    assert_int_equal(operations, 6);
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, 0), MH_OK);
    assert_int_equal(operations, 6);
}

static void keys_are_revoked_by_their_bits(void **state)
{
    (void)state;
    assert_int_equal(mh_otp_revoke(&otp, 1u << 1), MH_OK);
    assert_int_equal(mh_otp_revoked(view), 1u << 1);
    assert_int_equal(area.cells[448], 0xFD);
    assert_int_equal(mh_otp_revoke(&otp, 1u << 3), MH_OK);
    assert_int_equal(mh_otp_revoked(view), 1u << 1 | 1u << 3);
    assert_int_equal(mh_otp_revocable(view), UINT32_MAX);
    memset(area.cells + MH_OTP_SIZE, 0, 14); /* the other blocks' */
    look();
    assert_int_equal(mh_otp_revocable(view), UINT32_MAX);
    area.cells[MH_OTP_SIZE + 14] = 0; /* the lock byte of that block */
    look();
    assert_int_equal(mh_otp_revocable(view), 1u << 1 | 1u << 3);
    assert_int_equal(mh_otp_revoke(&otp, 1u << 1), MH_OK); /* it is already */
    assert_int_equal(mh_otp_revoke(&otp, 1u << 2), MH_ERR_REVOCATION);
}

/* A supply that is low says nothing of the cells: it can be done later. */
static void low_supply_is_not_the_end(void **state)
{
    (void)state;
    supply_is_low = true;
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, 40), MH_ERR_SUPPLY);
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, 3), MH_ERR_SUPPLY);
    assert_int_equal(mh_otp_revoke(&otp, 1u << 2), MH_ERR_SUPPLY);
    assert_int_equal(asked, 3); /* one word each: the driver waits long enough */
    supply_is_low = false;
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, 40), MH_OK);
    supply_is_low = true;
    assert_int_equal(mh_otp_raise(&otp, MH_RUNTIME, 40), MH_ERR_SUPPLY); /* what is there may be weak */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest otp_tests[] = {
        TEST(counter_is_the_number_of_programmed_bits),
        TEST(each_component_has_its_own),
        TEST(bits_are_programmed_from_the_lowest_of_the_first_byte),
        TEST(nothing_is_programmed_for_zero),
        TEST(counter_is_firm_behind_a_loss_at_any_word),
        TEST(locked_blocks_are_not_counted_on),
        TEST(bits_that_do_not_take_are_replaced_by_the_next_ones),
        TEST(bits_in_their_place_are_firm),
        TEST(each_word_is_programmed_once),
        TEST(keys_are_revoked_by_their_bits),
        TEST(low_supply_is_not_the_end),
    };
    return cmocka_run_group_tests(otp_tests, NULL, NULL);
}
