/* SPDX-License-Identifier: MIT
 *
 * The journal under power losses in a row, torn in every way of the menu, with weak bits that read differently at each
 * start: a state whose writing was finished is never lost, and no older one comes back. Nor when at each start, beside,
 * one read is disturbed, or the chip does not hear one erase.
 */
#include "chance.h"
#include "chip.h"

#include "matterhorn/journal.h"

#define RUNS 3000u
#define STARTS 14u
#define READS 160u /* of a start, more or less, that one of them may be disturbed */
#define ERASES 4u

/* The chip under test, and the power. */
static struct nor_array array;
static struct mh_nor nor;
static uint64_t random_state, noise;
static unsigned loss_chance; /* one operation in so many loses power; 0 = none */
static struct {
    enum nor_kind kind;
    enum nor_tear tear;
    unsigned behind; /* so many others of this kind */
    bool armed;      /* the next operation of this kind loses power */
} loss;
static bool power;

/* What goes wrong at a start beside the loss of power: a read or erase by its number; 0 = none. */
static struct {
    bool reads, erases; /* of this game */
    unsigned disturbed_read, unheard_erase;
} fault;

static uint32_t draw(uint32_t below)
{
    return chance_draw(&random_state, below);
}

static enum mh_error carry_out(const struct nor_op *op)
{
    if (!power) {
        return MH_ERR_FLASH;
    }
    if (op->kind == NOR_ERASE && fault.unheard_erase && --fault.unheard_erase == 0) {
        return MH_OK;
    }
    if (loss_chance && draw(loss_chance) == 0) {
        power = false;
        assert_true(nor_tear(&array, op, chance_tear(&random_state, op->kind)));
        return MH_ERR_FLASH;
    }
    if (loss.armed && op->kind == loss.kind && loss.behind-- == 0) {
        loss.armed = power = false;
        assert_true(nor_tear(&array, op, loss.tear));
        return MH_ERR_FLASH;
    }
    assert_true(nor_apply(&array, op));
    return MH_OK;
}

static enum mh_error read(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    (void)context;
    for (uint32_t i = 0; i < length; i++) {
        buffer[i] = nor_read(&array, address + i, noise);
    }
    if (fault.disturbed_read && --fault.disturbed_read == 0) {
        buffer[draw(length)] ^= (uint8_t)(1u << draw(8));
    }
    return power ? MH_OK : MH_ERR_FLASH;
}

static enum mh_error program_page(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    const struct nor_op op = program(address, data, length);

    (void)context;
    return carry_out(&op);
}

static enum mh_error erase_sector(void *context, uint32_t address)
{
    const struct nor_op op = erase(address, MH_EXTENT_SIZE);

    (void)context;
    return carry_out(&op);
}

static void power_on(void)
{
    power = true;
    noise = draw(UINT32_MAX);
    fault.disturbed_read = fault.reads && draw(2) ? 1 + draw(READS) : 0;
    fault.unheard_erase = fault.erases && draw(2) ? 1 + draw(ERASES) : 0;
}

/* What a start may find: the last state whose writing was finished, or one whose writing was begun after it. */
struct expectation {
    uint32_t finished;
    uint32_t begun;
};

/* One start: opens, checks, writes some states, one in so many of them at rest, until power is lost or it is done. */
static void start(struct expectation *expected, unsigned rest_chance)
{
    struct mh_journal journal;

    power_on();
    if (mh_journal_open(&journal, &nor) != MH_OK) {
        assert_false(power);
        return;
    }
    const uint32_t found = journal.state.sectors_done;
    assert_in_range(found, expected->finished, expected->begun);
    expected->finished = found; /* what an opening has told does not change any more */
    expected->begun = found;
    for (unsigned i = draw(6); i > 0 && power; i--) {
        journal.state.phase = draw(rest_chance) ? MH_INSTALLING : MH_IDLE; /* which is at rest */
        journal.state.sectors_done = ++expected->begun;
        if (mh_journal_write(&journal) == MH_OK) {
            expected->finished = expected->begun;
        }
    }
}

static void forget_everything(void)
{
    memset(array.cells + MH_JOURNAL_ADDRESS, 0xFF, MH_JOURNAL_SECTORS * MH_EXTENT_SIZE);
    array.marks->count = 0;
}

static void one_run(uint64_t seed, unsigned chance)
{
    struct expectation expected = {0, 0};

    random_state = seed * 0x9E3779B97F4A7C15u | 1;
    for (unsigned i = 0; i < 8; i++) {
        (void)draw(2);
    }
    forget_everything();
    for (unsigned i = 0; i < STARTS; i++) {
        loss_chance = i + 1 < STARTS ? chance : 0;
        start(&expected, 2u << seed % 5); /* where rest is rare, sectors run full */
    }
    assert_true(power);
}

static void play(bool reads, bool erases)
{
    fault.reads = reads;
    fault.erases = erases;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        one_run(seed, 3 + seed % 12);
    }
    memset(&fault, 0, sizeof fault);
}

static void nothing_finished_is_ever_lost(void **state)
{
    (void)state;
    play(false, false);
}

static void nothing_is_lost_beside_a_disturbed_read(void **state)
{
    (void)state;
    play(true, false);
}

static void nothing_is_lost_beside_an_erase_that_was_not_heard(void **state)
{
    (void)state;
    play(false, true);
}

/// One way to lose several, step by step ///

#define NOISES 256u

/* The oldest state that the journal may tell, as noise has it. */
static uint32_t oldest_told(void)
{
    uint32_t oldest = UINT32_MAX;

    power = true;
    for (noise = 0; noise < NOISES; noise++) {
        struct mh_journal journal;
        assert_int_equal(mh_journal_peek(&journal, &nor), MH_OK);
        oldest = journal.state.sectors_done < oldest ? journal.state.sectors_done : oldest;
    }
    return oldest;
}

/* From now on there is a noise with which this sector counts. */
static void have_noise_for(unsigned sector)
{
    struct mh_journal journal;

    power = true;
    for (noise = 0; noise < NOISES; noise++) {
        assert_int_equal(mh_journal_peek(&journal, &nor), MH_OK);
        if (journal.sector == sector) {
            return;
        }
    }
    fail_msg("with no noise does sector %u count", sector);
}

static void arm(enum nor_kind kind, enum nor_tear tear, unsigned behind)
{
    loss.armed = true;
    loss.kind = kind;
    loss.tear = tear;
    loss.behind = behind;
}

static void open_and_lose(enum nor_kind kind, enum nor_tear tear, unsigned behind)
{
    struct mh_journal journal;

    arm(kind, tear, behind);
    assert_int_not_equal(mh_journal_open(&journal, &nor), MH_OK);
    assert_false(loss.armed);
}

/* A record that was moved from damage is left weak in its new sector. One start finds it damaged and erases its
 * sector; that erase leaves the record as it was, and zeros behind it. The next start finds it good, and must
 * move it, since something damaged is behind it: it must be firm before the other sector, which has the state in
 * a firm record, is erased for that. */
static void a_weak_record_is_firm_before_the_other_sector_is_erased_for_it(void **state)
{
    struct mh_journal journal;

    (void)state;
    forget_everything();
    loss_chance = 0;
    power = true;
    assert_int_equal(mh_journal_open(&journal, &nor), MH_OK);
    journal.state.phase = MH_INSTALLING;
    for (journal.state.sectors_done = 1; journal.state.sectors_done <= 3; journal.state.sectors_done++) {
        assert_int_equal(mh_journal_write(&journal), MH_OK);
    }
    arm(NOR_PROGRAM, NOR_TEAR_ONEBIT, 0);
    assert_int_not_equal(mh_journal_write(&journal), MH_OK);

    power = true;
    open_and_lose(NOR_PROGRAM, NOR_TEAR_WEAK, 1); /* behind the one of the old record over itself */
    have_noise_for(1);
    have_noise_for(0);
    open_and_lose(NOR_ERASE, NOR_TEAR_HALF, 0);
    have_noise_for(1);
    open_and_lose(NOR_ERASE, NOR_TEAR_AFTER, 0);
    assert_int_equal(oldest_told(), 3);
}

static int set_up(void **state)
{
    (void)state;
    array = chip(&nor_s25fl064k);
    array.marks->list = realloc(array.marks->list, 4096 * sizeof *array.marks->list);
    array.marks->capacity = 4096;
    nor = (struct mh_nor){read, program_page, erase_sector, NULL};
    return array.marks->list == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    release(&array);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_finished_is_ever_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_lost_beside_a_disturbed_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_lost_beside_an_erase_that_was_not_heard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_weak_record_is_firm_before_the_other_sector_is_erased_for_it, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
