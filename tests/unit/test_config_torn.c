/* SPDX-License-Identifier: MIT
 *
 * The config store under power losses in a row, torn in every way of the menu, with weak bits that read differently
 * at each start: each value is the old one or the new one, what was finished is never lost, and what an opening has
 * told does not change any more.
 *
 * MATTERHORN_CONFIG_WRITES=N makes as many writes in the random part, instead of 100,000.
 */
#include "config_fixture.h"

#include "matterhorn/bytes.h"

#define HEAD_CLOSED 12u
#define WRITES 100000u
#define OTHER_TAG 7u
#define TAG 0x8001u
#define NOISES 3u
#define DEPTH 2u

static const uint8_t other[9] = "untouched";

static void assert_others(void)
{
    assert_true(has_mac());
    assert_true(is_value(OTHER_TAG, other, sizeof other));
}

/// Every operation, torn in every way ///

/* What the device does, and what it may find afterwards. */
static const struct step {
    const char *name;
    const char *old_value, *new_value; /* of TAG; "" is none */
    bool full;                         /* the sector is full, so that the step compacts */
} steps[] = {
    {"the first value", "", "a new value", false},
    {"another value", "an old value", "a newer one", false},
    {"one word", "\xFF\xFF\xFF\xFE", "\xFF\xFF\xFF\xFD", false},
    {"a deletion", "an old value", "", false},
    {"another value, compacting", "an old value", "a newer one", true},
    {"a deletion, compacting", "an old value", "", true},
};

static enum mh_error take(struct mh_config *config, const char *value)
{
    return *value ? mh_config_write(config, TAG, (const uint8_t *)value, (uint32_t)strlen(value))
                  : mh_config_delete(config, TAG);
}

/* Leaves so much room, and not much more that counts. */
static void fill_up(struct mh_config *config, uint32_t room)
{
    uint8_t value[1000];

    for (unsigned i = 0; MH_CONFIG_SIZE - config->end > room + 24; i++) {
        const uint32_t left = MH_CONFIG_SIZE - config->end - room - 44;
        memset(value, (int)i, sizeof value);
        assert_int_equal(mh_config_write(config, 0x8002, value, left <= sizeof value ? left : 500), MH_OK);
    }
    assert_int_equal(mh_config_write(config, 0x8002, value, 4), MH_OK);
    assert_int_equal(config->end, MH_CONFIG_SIZE - room);
}

/* The MAC address in the first record, what counts beside it in the last ones. */
static void make_device(struct mh_config *config, const char *old_value, bool full)
{
    make_new_device(config);
    if (full) {
        fill_up(config, 32 + MH_CONFIG_RECORD_SIZE + ((uint32_t)strlen(old_value) + 3) / 4 * 4);
    }
    assert_int_equal(mh_config_write(config, OTHER_TAG, other, sizeof other), MH_OK);
    assert_int_equal(take(config, old_value), MH_OK);
    assert_int_equal(config->end == MH_CONFIG_SIZE, full);
}

static enum mh_error open_only(struct mh_config *config, const struct step *step)
{
    (void)step;
    return mh_config_open(config, &torn.device);
}

static enum mh_error open_and_take(struct mh_config *config, const struct step *step)
{
    const enum mh_error error = mh_config_open(config, &torn.device);

    return error ? error : take(config, step->new_value);
}

/* States that were met before: where the new value was certain is another one, and so is where more losses are to
 * follow. */
#define MET (1u << 20)
static uint64_t met[MET];
static uint32_t states;

static uint64_t hash(uint64_t seed, const void *bytes, size_t length)
{
    uint64_t word;

    for (size_t i = 0; i + sizeof word <= length; i += sizeof word) {
        memcpy(&word, (const uint8_t *)bytes + i, sizeof word);
        seed = (seed ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        seed ^= seed >> 29;
    }
    return seed;
}

static uint64_t hash_marks(uint64_t seed, const struct nor_marks *marks)
{
    for (uint32_t i = 0; i < marks->count; i++) {
        const struct nor_mark *mark = &marks->list[i];
        seed = hash(seed, (const uint64_t[]){mark->kind, mark->offset, mark->length, mark->bit}, 32);
    }
    return hash(seed, (const uint64_t[]){marks->count}, 8);
}

static bool is_new_state(bool certain, unsigned depth)
{
    uint64_t key = hash(2 * depth + certain, torn_sector(&torn), MH_CONFIG_SIZE);
    key = hash(key, torn_shadow(&torn), MH_CONFIG_SIZE);
    key = hash_marks(hash_marks(key, torn.internal.marks), torn.nor.marks) | 1;
    uint32_t at = (uint32_t)(key >> 32) % MET;
    while (met[at] != 0 && met[at] != key) {
        at = (at + 1) % MET;
    }
    if (met[at] == key) {
        return false;
    }
    met[at] = key;
    states++;
    assert_true(states < MET / 2);
    return true;
}

static bool told(const struct step *step, bool certain)
{
    const bool is_new = is_value(TAG, step->new_value, (uint32_t)strlen(step->new_value));

    assert_true(is_new || (!certain && is_value(TAG, step->old_value, (uint32_t)strlen(step->old_value))));
    assert_others();
    return is_new;
}

/* Power comes to stay: what the first start tells is so from then on, for one who only reads, too; and the next write
 * works. */
static void live_on(const struct step *step, bool certain, uint64_t noise)
{
    struct mh_config config;

    torn_device_start(&torn, noise, 0, NOR_TEAR_BEFORE);
    assert_int_equal(mh_config_resume(&torn.device), MH_OK);
    const bool first = told(step, certain);
    const uint32_t erases = torn_erases(&torn);
    for (uint64_t later = noise + 1; later < noise + 8; later++) {
        torn_device_start(&torn, later, 0, NOR_TEAR_BEFORE);
        assert_int_equal(told(step, certain), first);
    }
    assert_int_equal(mh_config_open(&config, &torn.device), MH_OK);
    assert_int_equal(told(step, certain), first);
    torn_device_start(&torn, noise, 0, NOR_TEAR_BEFORE);
    assert_int_equal(mh_config_open(&config, &torn.device), MH_OK);
    assert_int_equal(torn_erases(&torn), erases);
    assert_int_equal(told(step, certain), first);
    assert_int_equal(take(&config, "what comes next"), MH_OK);
    torn_device_start(&torn, noise + 8, 0, NOR_TEAR_BEFORE);
    assert_true(is_value(TAG, "what comes next", 15));
    assert_others();
}

static struct torn_snapshot snapshots[8];

/* Loses power at each operation of a start that does `act`, and then, `depth` - 1 times more, at each of those that
 * recover. */
static void lose_everywhere(const struct step *step, enum mh_error (*act)(struct mh_config *, const struct step *),
                            unsigned depth, bool certain, uint64_t noise)
{
    struct torn_snapshot *snapshot = &snapshots[depth];
    bool lost = true;

    torn_device_save(&torn, snapshot);
    for (uint64_t operation = 1; lost; operation++) {
        for (enum nor_tear tear = 0; lost && tear < NOR_TEARS; tear++) {
            struct mh_config config;
            torn_device_restore(&torn, snapshot);
            torn_device_start(&torn, noise, operation, tear);
            const bool done = act(&config, step) == MH_OK;
            lost = !torn.power;
            const bool now_certain = certain || (act == open_and_take && done);
            if (!lost || !nor_tear_applies(torn.lost, tear) || !is_new_state(now_certain, depth)) {
                continue;
            }
            for (uint64_t other_noise = 0; other_noise < NOISES; other_noise++) {
                if (depth > 1) {
                    lose_everywhere(step, open_only, depth - 1, now_certain, other_noise * 77 + operation);
                    torn_device_restore(&torn, &snapshots[depth - 1]);
                }
                struct torn_snapshot *here = &snapshots[0];
                torn_device_save(&torn, here);
                live_on(step, now_certain, other_noise * 77 + operation);
                torn_device_restore(&torn, here);
            }
        }
    }
}

static void every_operation_is_torn_in_every_way(void **state)
{
    struct mh_config config;

    (void)state;
    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
        memset(met, 0, sizeof met);
        states = 0;
        make_device(&config, steps[i].old_value, steps[i].full);
        lose_everywhere(&steps[i], open_and_take, DEPTH, false, 0);
        print_message("%s: %u states\n", steps[i].name, states);
    }
}

/// Ways to lose something, step by step ///

/* A bit that cells cannot show: it reads 0 or 1, as noise has it. */
static void weaken(uint32_t at, unsigned bit)
{
    const struct nor_mark mark = {.kind = NOR_WEAK, .offset = TORN_SECTOR_OFFSET + at, .bit = bit};

    assert_true(nor_mark(&torn.internal, &mark));
}

/* All that the cells at `at` have of a word that was begun. */
static void weaken_word(uint32_t at)
{
    for (uint32_t bit = 0; bit < 32; bit++) {
        if (!(torn_sector(&torn)[at + bit / 8] >> bit % 8 & 1)) {
            weaken(at + bit / 8, bit % 8);
        }
    }
}

/* A noise with which the word at `at` reads blank, or does not. */
static uint64_t noise_for(uint32_t at, bool blank)
{
    for (uint64_t noise = 0; noise < 1000; noise++) {
        torn_device_start(&torn, noise, 0, NOR_TEAR_BEFORE);
        if ((mh_get32(torn.view + at) == UINT32_MAX) == blank) {
            return noise;
        }
    }
    fail_msg("the word at %u reads the same under every noise", at);
    return 0;
}

/* Starts with that noise and does `act`, again and again, each time losing power one operation later, until one tears
 * the word at `at` or, for at = 0, the sector's erase. */
static void lose_at_word(const struct step *step, enum mh_error (*act)(struct mh_config *, const struct step *),
                         uint64_t noise, enum nor_tear tear, uint32_t at)
{
    static struct torn_snapshot before;
    const uint32_t erases = torn_erases(&torn), word = mh_get32(torn_sector(&torn) + at);
    struct mh_config config;
    uint64_t operation = 1;

    torn_device_save(&torn, &before);
    do {
        torn_device_restore(&torn, &before);
        torn_device_start(&torn, noise, operation++, tear);
        (void)act(&config, step);
        assert_false(torn.power);
    } while (at ? mh_get32(torn_sector(&torn) + at) == word : torn_erases(&torn) == erases);
}

/* The mark that closes the sector is torn, and what little of it was programmed is weak. A start that reads it begun
 * erases the sector, and what an erase leaves of it that loses power too must count in no start. */
static void the_mark_is_firm_before_the_sector_is_erased_for_it(void **state)
{
    const struct step *step = &steps[4];
    static struct torn_snapshot left;
    struct mh_config config;

    (void)state;
    make_device(&config, step->old_value, step->full);
    lose_at_word(step, open_and_take, 0, NOR_TEAR_ONEBIT, HEAD_CLOSED);
    weaken_word(HEAD_CLOSED);
    lose_at_word(step, open_only, noise_for(HEAD_CLOSED, false), NOR_TEAR_HALF, 0);
    torn_device_save(&torn, &left);
    for (uint64_t noise = 0; noise < 64; noise++) {
        torn_device_restore(&torn, &left);
        torn_device_start(&torn, noise, 0, NOR_TEAR_BEFORE);
        assert_int_equal(mh_config_open(&config, &torn.device), MH_OK);
        assert_true(told(step, false));
    }
}

/* Power is lost as the first word of a record is programmed: what little of it was done is weak, and the next start
 * reads it blank. What that start writes stays, however the word reads later; so it does behind a second such loss. */
static void nothing_is_written_over_a_word_that_reads_blank(void **state)
{
    static struct torn_snapshot written;
    struct mh_config config;

    (void)state;
    make_device(&config, "", false);
    for (unsigned loss = 0; loss < 2; loss++) {
        torn_sector(&torn)[config.end + 2] &= 0xFD; /* of tag 0x8001, and 1 in what is written instead */
        weaken(config.end + 2, 1);
        torn_device_start(&torn, noise_for(config.end, true), 0, NOR_TEAR_BEFORE);
        assert_int_equal(mh_config_open(&config, &torn.device), MH_OK);
        assert_int_equal(mh_config_write(&config, 0x8002 + 4 * loss, other, sizeof other), MH_OK);
    }
    torn_device_save(&torn, &written);
    for (uint64_t noise = 0; noise < 64; noise++) {
        torn_device_restore(&torn, &written);
        torn_device_start(&torn, noise, 0, NOR_TEAR_BEFORE);
        assert_true(is_value(0x8002, other, sizeof other) && is_value(0x8006, other, sizeof other));
        assert_int_equal(mh_config_open(&config, &torn.device), MH_OK);
        assert_true(is_value(0x8002, other, sizeof other) && is_value(0x8006, other, sizeof other));
        assert_others();
    }
}

/// Many writes, and power lost at random ///

static const char *const random_tags = "abcdefgh";

/* A value as long as it says, so that one of another write is not taken for it. */
static uint32_t make_value(uint32_t number, uint8_t value[128])
{
    const uint32_t length = 4 + number * 7 % 90;

    for (uint32_t i = 0; i < length; i++) {
        value[i] = (uint8_t)(number >> i % 4 * 8 ^ i / 4);
    }
    return length;
}

/* The numbers of the value of each tag, 0 for none: the last one that was finished, and the one begun after it. */
struct expectation {
    uint32_t finished[8], begun[8];
};

static bool is_number(unsigned tag, uint32_t number)
{
    uint8_t value[128];
    const uint32_t length = number ? make_value(number, value) : 0;

    return is_value(0x8000 + tag, value, length);
}

static void check(struct expectation *expected)
{
    for (unsigned tag = 0; tag < strlen(random_tags); tag++) {
        const bool begun = is_number(tag, expected->begun[tag]);
        assert_true(begun || is_number(tag, expected->finished[tag]));
        if (begun) {
            expected->finished[tag] = expected->begun[tag];
        }
        expected->begun[tag] = expected->finished[tag]; /* what an opening has told does not change any more */
    }
    assert_others();
}

static enum mh_error change_one(struct mh_config *config, struct expectation *expected, uint32_t number)
{
    const unsigned tag = torn_device_draw(&torn, 8);
    const bool deletes = torn_device_draw(&torn, 12) == 0;
    uint8_t value[128];
    const uint32_t length = make_value(number, value);

    expected->begun[tag] = deletes ? 0 : number;
    const enum mh_error error =
        deletes ? mh_config_delete(config, 0x8000 + tag) : mh_config_write(config, 0x8000 + tag, value, length);
    if (error == MH_OK) {
        expected->finished[tag] = expected->begun[tag];
    } else {
        assert_false(torn.power);
    }
    return error;
}

static uint32_t writes_wanted(void)
{
    const char *text = getenv("MATTERHORN_CONFIG_WRITES");

    return text ? (uint32_t)strtoul(text, NULL, 10) : WRITES;
}

/* What one start did to the power. */
struct losses {
    uint32_t all;
    uint32_t not_whole; /* of them, with the sector not whole afterwards */
};

/* Seldom in an append, of which there are so many; often where the sector is full, and while it is written anew. */
static void choose_losses(const struct mh_config *config)
{
    const bool rare = config->whole && config->end + 128 < MH_CONFIG_SIZE;

    torn.loss_chance = rare ? 800 : 10 + torn_device_draw(&torn, 400);
}

static void one_start(struct expectation *expected, uint32_t *number, uint32_t wanted, struct losses *losses)
{
    struct mh_config config = {0};

    choose_losses(&config);
    torn_device_start(&torn, torn_device_draw(&torn, UINT32_MAX), 0, NOR_TEAR_BEFORE);
    enum mh_error error = mh_config_open(&config, &torn.device);
    if (error == MH_OK) {
        check(expected);
    }
    while (error == MH_OK && *number < wanted) {
        choose_losses(&config);
        error = change_one(&config, expected, ++*number);
    }
    assert_true(error == MH_OK || !torn.power);
    losses->all += !torn.power;
    losses->not_whole += !torn.power && memcmp(torn_sector(&torn) + 8, "\0\0\0\0\xFF\xFF\xFF\xFF", 8) != 0;
}

/* Records per erase: with the values above, more than 200 fit. A power loss costs one erase more at most, where it
 * was in a compaction. */
#define RECORDS_PER_ERASE 200u

static void nothing_finished_is_ever_lost(void **state)
{
    struct expectation expected = {{0}, {0}};
    struct losses losses = {0};
    uint32_t number = 0;
    const uint32_t wanted = writes_wanted();
    struct mh_config config;

    (void)state;
    make_device(&config, "", false);
    torn.random = 0x9E3779B97F4A7C15;
    while (number < wanted) {
        one_start(&expected, &number, wanted, &losses);
    }
    print_message("%u writes, %u power losses, %u of them while the sector was written anew, %u erases of it\n", number,
                  losses.all, losses.not_whole, torn_erases(&torn));
    assert_in_range(losses.all, wanted / 50, wanted);
    assert_in_range(losses.not_whole, wanted / 500, losses.all);
    assert_in_range(torn_erases(&torn), 1, wanted / RECORDS_PER_ERASE + losses.not_whole + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_is_torn_in_every_way),
        cmocka_unit_test(the_mark_is_firm_before_the_sector_is_erased_for_it),
        cmocka_unit_test(nothing_is_written_over_a_word_that_reads_blank),
        cmocka_unit_test(nothing_finished_is_ever_lost),
    };
    return cmocka_run_group_tests(tests, create_device, free_device);
}
