/* SPDX-License-Identifier: MIT
 *
 * The journal under power losses in a row, torn in every way of the menu, with weak bits that read differently at each
 * start: a state whose writing was finished is never lost, and no older one comes back.
 */
#include "chip.h"

#include "matterhorn/journal.h"

#define RUNS 3000u
#define STARTS 14u

/* The chip under test, and the power. */
static struct nor_array array;
static struct mh_nor nor;
static uint64_t random_state, noise;
static unsigned loss_chance; /* one operation in so many loses power; 0 = none */
static struct {
    enum nor_kind kind;
    enum nor_tear tear;
    bool armed; /* the next operation of this kind loses power */
} loss;
static bool power;

static uint32_t draw(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16) % below;
}

static enum nor_tear draw_tear(enum nor_kind kind)
{
    enum nor_tear tear;

    do {
        tear = draw(NOR_TEARS);
    } while (!nor_tear_applies(kind, tear));
    return tear;
}

static enum mh_error carry_out(const struct nor_op *op)
{
    if (!power) {
        return MH_ERR_FLASH;
    }
    if (loss_chance && draw(loss_chance) == 0) {
        power = false;
        assert_true(nor_tear(&array, op, draw_tear(op->kind)));
        return MH_ERR_FLASH;
    }
    if (loss.armed && op->kind == loss.kind) {
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
}

/* What a start may find: the last state whose writing was finished, or one whose writing was begun after it. */
struct expectation {
    uint32_t finished;
    uint32_t begun;
};

/* One start: opens, checks, writes some states, until power is lost or it is done. */
static void start(struct expectation *expected)
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
        journal.state.phase = draw(3) ? MH_INSTALLING : MH_IDLE; /* which is at rest */
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
        start(&expected);
    }
    assert_true(power);
}

static void nothing_finished_is_ever_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        one_run(seed, 3 + seed % 12);
    }
}

/// One way to lose several, step by step ///

#define NOISES 256u

/* The oldest and the newest state that the journal may tell, as noise has it; `noise` is then one that tells the newest,
 * or the oldest. */
static void look(uint32_t *oldest, uint32_t *newest, bool keep_newest)
{
    uint64_t kept = 0;

    power = true;
    *oldest = UINT32_MAX;
    *newest = 0;
    for (noise = 0; noise < NOISES; noise++) {
        struct mh_journal journal;
        assert_int_equal(mh_journal_peek(&journal, &nor), MH_OK);
        const uint32_t told = journal.state.sectors_done;
        if (keep_newest ? told > *newest : told < *oldest) {
            kept = noise;
        }
        *oldest = told < *oldest ? told : *oldest;
        *newest = told > *newest ? told : *newest;
    }
    noise = kept;
}

static void open_and_lose_its_erase(void)
{
    struct mh_journal journal;

    loss.armed = true;
    loss.kind = NOR_ERASE;
    loss.tear = NOR_TEAR_HALF;
    assert_int_not_equal(mh_journal_open(&journal, &nor), MH_OK);
    assert_false(loss.armed);
}

/* The first record of a compacted sector is left weak. One start finds it damaged and erases its sector; that erase leaves the
 * head as it was. The next start finds it good, so the other sector is erased for it: it must be firm before. */
static void a_weak_head_is_firm_before_the_other_sector_is_erased_for_it(void **state)
{
    struct mh_journal journal;
    uint32_t oldest, newest;

    (void)state;
    forget_everything();
    loss_chance = 0;
    power = true;
    assert_int_equal(mh_journal_open(&journal, &nor), MH_OK);
    journal.state.phase = MH_INSTALLING;
    for (journal.state.sectors_done = 1; journal.state.sectors_done <= MH_JOURNAL_PAGES; journal.state.sectors_done++) {
        assert_int_equal(mh_journal_write(&journal), MH_OK);
    }
    loss.armed = true;
    loss.kind = NOR_PROGRAM;
    loss.tear = NOR_TEAR_WEAK;
    assert_int_not_equal(mh_journal_write(&journal), MH_OK);

    look(&oldest, &newest, false);
    assert_int_equal(oldest, MH_JOURNAL_PAGES);
    assert_int_equal(newest, MH_JOURNAL_PAGES + 1);
    open_and_lose_its_erase();
    look(&oldest, &newest, true);
    open_and_lose_its_erase();
    look(&oldest, &newest, false);
    assert_int_equal(oldest, MH_JOURNAL_PAGES + 1);
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
        cmocka_unit_test_setup_teardown(a_weak_head_is_firm_before_the_other_sector_is_erased_for_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
