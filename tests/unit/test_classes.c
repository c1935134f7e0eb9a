/* SPDX-License-Identifier: MIT
 *
 * Fingerprints of states and the wild bytes of classes: what is the same state, and what is not; and
 * what is kept of recorded runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crash_state.h"
#include "fingerprint.h"
#include "known.h"
#include "plan.h"
#include "recorded.h"
#include "tape.h"
#include "wild.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR 0x08020000u /* number 5, 128 KB */
#define SECTOR_OFFSET 0x20000u
#define EXTENT 0x701000u

struct fixture {
    struct arrays device;
    struct recording update;
    struct crash_state state;
    struct fingerprint print, anew;
    struct changes changes;
    struct wild wild;
    struct problem problem;
};

static struct profile no_profile;

/* 0: an extent of the NOR is erased; 1, 2: two pages of it programmed; 3: a sector of the internal flash is erased;
 * 4, 5: two words programmed, a page apart. */
static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.device = {.cells = {NULL}}};
    *state = &fixture;
    assert_true(arrays_allocate(&fixture.device, &fixture.problem));
    memset(fixture.device.cells[ARRAY_INTERNAL] + SECTOR_OFFSET, 0x00, 0x20000);
    memset(fixture.device.cells[ARRAY_NOR] + EXTENT, 0x00, 0x1000);
    record_erase(&fixture.update, 0, RAIL_CHIP_NOR, EXTENT, 0x1000);
    record_program(&fixture.update, 10000000, RAIL_CHIP_NOR, EXTENT, 0x11111111);
    record_program(&fixture.update, 20000000, RAIL_CHIP_NOR, EXTENT + 256, 0x22222222);
    record_erase(&fixture.update, 30000000, RAIL_CHIP_INTERNAL, SECTOR, 0x20000);
    record_program(&fixture.update, 40000000, RAIL_CHIP_INTERNAL, SECTOR, 0x33333333);
    record_program(&fixture.update, 50000000, RAIL_CHIP_INTERNAL, SECTOR + ARRAYS_PAGE, 0x44444444);
    assert_true(recording_index(&fixture.update, &no_profile, &fixture.problem));
    assert_true(crash_state_begin(&fixture.state, &fixture.update, &fixture.device, &fixture.problem));
    assert_true(wild_open(&fixture.wild, &fixture.problem));
    fixture.state.changes = &fixture.changes;
    assert_true(fingerprint_open(&fixture.print, &fixture.device, &fixture.problem));
    assert_true(fingerprint_open(&fixture.anew, &fixture.device, &fixture.problem));
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    wild_close(&fixture->wild);
    fingerprint_close(&fixture->print);
    fingerprint_close(&fixture->anew);
    crash_state_free(&fixture->state);
    recording_free(&fixture->update);
    arrays_free(&fixture->device);
    return 0;
}

/* The fingerprint of a crash state, moved from the one before. */
static uint64_t moved_to(struct fixture *fixture, size_t operation, enum nor_tear tear)
{
    assert_true(crash_state_tear(&fixture->state, operation, tear, &fixture->problem));
    fingerprint_move(&fixture->print, &fixture->state.arrays, &fixture->wild, &fixture->changes);
    changes_clear(&fixture->changes);
    return fixture->print.whole;
}

/* The same from the device on. */
static uint64_t made_anew(struct fixture *fixture)
{
    fingerprint_begin(&fixture->anew, &fixture->state.arrays, &fixture->wild);
    return fixture->anew.whole;
}

/* --- fingerprints --- */

static void moving_is_as_good_as_beginning_anew(void **state)
{
    struct fixture *fixture = *state;
    for (size_t operation = 0; operation <= 5; operation++) {
        for (enum nor_tear tear = 0; tear < NOR_TEARS; tear++) {
            uint64_t moved = moved_to(fixture, operation, tear);
            assert_int_equal(moved, made_anew(fixture));
        }
    }
    uint64_t back = moved_to(fixture, 0, NOR_TEAR_BEFORE);
    assert_int_equal(back, 0);
}

static void equal_states_have_the_same_and_others_have_not(void **state)
{
    struct fixture *fixture = *state;
    uint64_t after = moved_to(fixture, 1, NOR_TEAR_AFTER), half = moved_to(fixture, 1, NOR_TEAR_HALF);
    assert_int_equal(moved_to(fixture, 2, NOR_TEAR_BEFORE), after);
    assert_int_not_equal(half, after);
    assert_int_not_equal(moved_to(fixture, 1, NOR_TEAR_BEFORE), half);
}

static void marks_count_and_the_cells_of_weak_bits_do_not(void **state)
{
    struct fixture *fixture = *state;
    uint64_t after = moved_to(fixture, 1, NOR_TEAR_AFTER), weak = moved_to(fixture, 1, NOR_TEAR_WEAK);
    assert_int_not_equal(weak, after);
    struct nor_mark *mark = &fixture->state.arrays.marks[ARRAY_NOR].list[0];
    fixture->state.arrays.cells[ARRAY_NOR][mark->offset] ^= (uint8_t)(1u << mark->bit);
    assert_int_equal(made_anew(fixture), weak);
    mark->bit ^= 1;
    assert_int_not_equal(made_anew(fixture), weak);
    assert_int_not_equal(moved_to(fixture, 0, NOR_TEAR_NOTAKE), moved_to(fixture, 0, NOR_TEAR_AFTER));
}

static void where_a_range_that_does_not_take_ends_counts(void **state)
{
    struct fixture *fixture = *state;
    uint64_t whole = moved_to(fixture, 0, NOR_TEAR_NOTAKE);
    fixture->state.arrays.marks[ARRAY_NOR].list[0].length--;
    assert_int_not_equal(made_anew(fixture), whole);
}

/* More of them than a list holds, in pages that share words with others and in none. */
static void many_changes_are_as_good_as_few(void **state)
{
    struct fixture *fixture = *state;
    uint64_t random = 1;
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned i = 0; i < 20 * round; i++) {
            enum array array = plan_random(&random) % 2 != 0 ? ARRAY_NOR : ARRAY_INTERNAL;
            uint32_t offset = (uint32_t)(plan_random(&random) % (arrays_size(array) - 3)),
                     size = 1 + plan_random(&random) % 3;
            for (uint32_t at = offset; at < offset + size; at++)
                fixture->state.arrays.cells[array][at] ^= 0x5A;
            pages_add(&fixture->state.arrays.pages, array, offset, size);
            changes_add(&fixture->changes, array, offset, size);
        }
        fingerprint_move(&fixture->print, &fixture->state.arrays, &fixture->wild, &fixture->changes);
        changes_clear(&fixture->changes);
        uint64_t anew = made_anew(fixture);
        assert_int_equal(fixture->print.whole, anew);
    }
}

/* A beginning does not hash again what it knows: but what was wild, or weak, or other cells before. */
static void a_beginning_takes_nothing_from_the_one_before(void **state)
{
    struct fixture *fixture = *state;
    uint64_t plain = made_anew(fixture);
    wild_add(&fixture->wild, ARRAY_NOR, EXTENT + 5, 1);
    uint64_t wild = made_anew(fixture);
    wild_clear(&fixture->wild);
    assert_int_equal(made_anew(fixture), plain);
    assert_int_not_equal(wild, plain);
    uint64_t weak = moved_to(fixture, 1, NOR_TEAR_WEAK);
    assert_int_equal(made_anew(fixture), weak);
    struct nor_marks *marks = &fixture->state.arrays.marks[ARRAY_NOR];
    marks->count--;
    assert_int_not_equal(made_anew(fixture), weak);
    marks->count++;
    assert_int_equal(made_anew(fixture), weak);
    moved_to(fixture, 0, NOR_TEAR_BEFORE);
    assert_int_equal(made_anew(fixture), plain);
}

/* --- wild bytes --- */

static void members_of_a_class_have_the_same(void **state)
{
    struct fixture *fixture = *state;
    wild_add(&fixture->wild, ARRAY_NOR, EXTENT, 4);
    assert_true(crash_state_tear(&fixture->state, 1, NOR_TEAR_BEFORE, &fixture->problem));
    uint64_t class = made_anew(fixture);
    for (enum nor_tear tear = 0; tear < NOR_TEARS; tear++) {
        assert_true(crash_state_tear(&fixture->state, 1, tear, &fixture->problem));
        assert_int_equal(made_anew(fixture), class);
    }
    assert_true(crash_state_tear(&fixture->state, 2, NOR_TEAR_HALF, &fixture->problem));
    assert_int_not_equal(made_anew(fixture), class); /* that is elsewhere */
}

static void other_wild_bytes_are_another_class(void **state)
{
    struct fixture *fixture = *state;
    uint64_t none = made_anew(fixture);
    wild_add(&fixture->wild, ARRAY_INTERNAL, SECTOR_OFFSET, 1);
    uint64_t one = made_anew(fixture);
    wild_add(&fixture->wild, ARRAY_INTERNAL, SECTOR_OFFSET + 1, 1);
    assert_int_not_equal(one, none);
    assert_int_not_equal(made_anew(fixture), one);
    wild_remove(&fixture->wild, ARRAY_INTERNAL, SECTOR_OFFSET, 0x20000);
    assert_false(wild_any(&fixture->wild));
    assert_int_equal(made_anew(fixture), none);
}

static void differences_are_cells_of_those_pages_and_all_marks(void **state)
{
    struct fixture *fixture = *state;
    struct pages pages = {.bits = {{0}}};
    assert_true(crash_state_tear(&fixture->state, 5, NOR_TEAR_AFTER, &fixture->problem));
    pages_add(&pages, ARRAY_INTERNAL, SECTOR_OFFSET + ARRAYS_PAGE, 1);
    wild_add_difference(&fixture->wild, &fixture->state.arrays, &fixture->device, &pages);
    assert_int_equal(bytes_count(&fixture->wild.bytes), ARRAYS_PAGE);
    assert_false(bytes_have(&fixture->wild.bytes, ARRAY_INTERNAL, SECTOR_OFFSET));
    wild_clear(&fixture->wild);
    memset(&pages, 0, sizeof pages);
    assert_true(crash_state_tear(&fixture->state, 0, NOR_TEAR_NOTAKE, &fixture->problem));
    wild_add_difference(&fixture->wild, &fixture->device, &fixture->state.arrays, &pages);
    assert_int_equal(bytes_count(&fixture->wild.bytes), 0x1000);
    assert_true(bytes_have_any(&fixture->wild.bytes, ARRAY_NOR, EXTENT + 0xFFF, 1));
}

static void sets_meet_in_what_they_share(void **state)
{
    struct fixture *fixture = *state;
    struct bytes touched, common;
    assert_true(bytes_allocate(&touched, &fixture->problem) && bytes_allocate(&common, &fixture->problem));
    wild_add(&fixture->wild, ARRAY_NOR, EXTENT + 10, 20);
    bytes_add(&touched, ARRAY_NOR, EXTENT, 10);
    bytes_add(&touched, ARRAY_INTERNAL, EXTENT & 0xFFFF, 100);
    assert_false(wild_meets(&fixture->wild, &touched, &common));
    assert_int_equal(bytes_count(&common), 0);
    bytes_add(&touched, ARRAY_NOR, EXTENT + 28, 10);
    assert_true(wild_meets(&fixture->wild, &touched, &common));
    assert_int_equal(bytes_count(&common), 2);
    assert_true(bytes_have(&common, ARRAY_NOR, EXTENT + 29));
    bytes_free(&touched);
    bytes_free(&common);
}

static void what_is_kept_comes_back(void **state)
{
    struct fixture *fixture = *state;
    struct wild_kept *kept, *nothing;
    assert_true(wild_keep(&fixture->wild, &nothing));
    assert_null(nothing);
    wild_add(&fixture->wild, ARRAY_NOR, EXTENT + 1000, 2000);
    wild_add(&fixture->wild, ARRAY_INTERNAL, SECTOR_OFFSET, 1);
    uint64_t class = made_anew(fixture);
    assert_true(wild_keep(&fixture->wild, &kept));
    wild_load(&fixture->wild, nothing);
    assert_false(wild_any(&fixture->wild));
    assert_int_equal(bytes_count(&fixture->wild.bytes), 0);
    wild_add(&fixture->wild, ARRAY_OTP, 0, 1); /* loading takes the place of what is there */
    wild_load(&fixture->wild, kept);
    assert_int_equal(bytes_count(&fixture->wild.bytes), 2001);
    assert_int_equal(made_anew(fixture), class);
    free(kept);
}

static void what_is_kept_grows_and_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct wild_kept *kept, *more, *none;
    bool grown;
    wild_add(&fixture->wild, ARRAY_NOR, EXTENT, 3);
    wild_add(&fixture->wild, ARRAY_NOR, EXTENT + 2 * ARRAYS_PAGE, 1);
    assert_true(wild_keep(&fixture->wild, &kept));
    wild_clear(&fixture->wild);
    assert_true(wild_keep(&fixture->wild, &none));
    wild_add(&fixture->wild, ARRAY_NOR, EXTENT + 2, 1);
    assert_true(wild_keep(&fixture->wild, &more));
    assert_true(wild_keep_more(&kept, none, &grown) && !grown);
    assert_true(wild_keep_more(&kept, more, &grown) && !grown);
    free(more);
    wild_add(&fixture->wild, ARRAY_NOR, EXTENT + 3, 1);
    wild_add(&fixture->wild, ARRAY_INTERNAL, SECTOR_OFFSET, 1);
    wild_add(&fixture->wild, ARRAY_NOR, EXTENT + ARRAYS_PAGE, 1);
    assert_true(wild_keep(&fixture->wild, &more));
    assert_true(wild_keep_more(&kept, more, &grown) && grown);
    assert_true(wild_keep_more(&kept, more, &grown) && !grown);
    wild_load(&fixture->wild, kept);
    assert_int_equal(bytes_count(&fixture->wild.bytes), 7);
    assert_true(bytes_have(&fixture->wild.bytes, ARRAY_NOR, EXTENT + 3) &&
                bytes_have(&fixture->wild.bytes, ARRAY_INTERNAL, SECTOR_OFFSET));
    wild_load(&fixture->wild, none);
    assert_true(wild_keep_more(&none, more, &grown) && grown);
    free(none);
    free(more);
    free(kept);
}

/* --- what is known --- */

static void what_was_added_is_known_by_its_first_number(void **state)
{
    struct known known = {0};
    uint64_t random = 1;
    (void)state;
    assert_int_equal(known_find(&known, 5), KNOWN_NONE);
    for (uint32_t i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        assert_int_equal(known_find(&known, random << 16), KNOWN_NONE); /* low bits alike */
        assert_true(known_add(&known, random << 16, i));
    }
    random = 1;
    for (uint32_t i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        assert_true(known_add(&known, random << 16, 7));
        assert_int_equal(known_find(&known, random << 16), i);
    }
    assert_int_equal(known.count, 20000);
    known_free(&known);
}

/* --- tapes --- */

static void a_tape_has_the_same_crash_states(void **state)
{
    struct fixture *fixture = *state;
    struct recording again = {0};
    struct tapes *tapes = tapes_open();
    struct tape *first = tapes_keep(tapes, &fixture->update), *tape = tapes_keep(tapes, &fixture->update);
    uint64_t prints[6][NOR_TEARS];
    assert_non_null(first);
    assert_non_null(tape);
    for (size_t operation = 0; operation <= 5; operation++)
        for (enum nor_tear tear = 0; tear < NOR_TEARS; tear++)
            prints[operation][tear] = moved_to(fixture, operation, tear);
    assert_true(tapes_play(tapes, tape, SIZE_MAX, &again, &fixture->problem));
    assert_int_equal(again.count, fixture->update.count);
    crash_state_restart(&fixture->state, &again, &fixture->device);
    for (size_t operation = 0; operation <= 5; operation++) {
        struct operation one;
        assert_true(tapes_operation(tapes, tape, operation, &one));
        assert_int_equal(one.occurrence, 1);
        for (enum nor_tear tear = 0; tear < NOR_TEARS; tear++)
            assert_int_equal(moved_to(fixture, operation, tear), prints[operation][tear]);
    }
    crash_state_restart(&fixture->state, &fixture->update, &fixture->device);
    recording_free(&again);
    free(first);
    free(tape);
    tapes_close(tapes);
}

static void a_tape_knows_what_is_under_way(void **state)
{
    struct fixture *fixture = *state;
    struct recording both = {0}, again = {0};
    struct operation second;
    struct tapes *tapes = tapes_open();
    record_erase(&both, 1000, RAIL_CHIP_NOR, EXTENT, 0x1000);
    record_program(&both, 2000, RAIL_CHIP_INTERNAL, SECTOR, 1);
    record_program(&both, 20000, RAIL_CHIP_INTERNAL, SECTOR, 0);
    record_program(&both, 5000000, RAIL_CHIP_INTERNAL, SECTOR + 4, 0);
    assert_true(recording_index(&both, &no_profile, &fixture->problem));
    struct tape *tape = tapes_keep(tapes, &both);
    assert_non_null(tape);
    assert_true(tapes_play(tapes, tape, SIZE_MAX, &again, &fixture->problem));
    assert_int_equal(again.operations[1].under_way, 0);
    assert_int_equal(again.operations[2].under_way, 0);
    assert_true(tapes_operation(tapes, tape, 2, &second));
    assert_int_equal(second.occurrence, 2);
    assert_true(tapes_operation(tapes, tape, 3, &second));
    assert_int_equal(second.occurrence, 1);
    assert_int_equal(again.operations[3].under_way, 3);
    assert_int_equal(again.operations[3].item.data[0], 0);
    recording_free(&both);
    recording_free(&again);
    free(tape);
    tapes_close(tapes);
}

/* The marks under the tear that stood are those of another beginning. */
static void starting_again_brings_no_marks_along(void **state)
{
    struct fixture *fixture = *state;
    struct arrays weak;
    assert_true(arrays_allocate(&weak, &fixture->problem));
    memcpy(weak.cells[ARRAY_INTERNAL], fixture->device.cells[ARRAY_INTERNAL], arrays_size(ARRAY_INTERNAL));
    memcpy(weak.cells[ARRAY_NOR], fixture->device.cells[ARRAY_NOR], arrays_size(ARRAY_NOR));
    uint64_t before = moved_to(fixture, 4, NOR_TEAR_BEFORE);
    assert_true(crash_state_tear(&fixture->state, 0, NOR_TEAR_WEAK, &fixture->problem));
    arrays_load(&weak, &fixture->state.arrays, NULL, NULL);
    crash_state_restart(&fixture->state, &fixture->update, &weak);
    assert_true(crash_state_tear(&fixture->state, 4, NOR_TEAR_HALF, &fixture->problem));
    assert_true(crash_state_tear(&fixture->state, 0, NOR_TEAR_BEFORE, &fixture->problem));
    assert_int_equal(fixture->state.arrays.marks[ARRAY_NOR].count, NOR_WEAK_PER_ERASE);
    crash_state_restart(&fixture->state, &fixture->update, &fixture->device);
    assert_int_equal(moved_to(fixture, 0, NOR_TEAR_BEFORE), 0);
    assert_int_equal(moved_to(fixture, 4, NOR_TEAR_BEFORE), before);
    arrays_free(&weak);
}

/* Longer than any block, and the same again after something else. */
static void a_long_tape_comes_back_whole(void **state)
{
    struct fixture *fixture = *state;
    struct recording recordings[2] = {{0}}, again = {0};
    struct tapes *tapes = tapes_open();
    for (unsigned which = 0; which < 2; which++) {
        if (which == 1)
            record_program(&recordings[which], 0, RAIL_CHIP_NOR, EXTENT, 0);
        for (uint32_t i = 0; i < 3000; i++)
            record_program(&recordings[which], (i + 1) * UINT64_C(1000000), RAIL_CHIP_INTERNAL, SECTOR + 4 * (i % 1500),
                           i / 2);
        assert_true(recording_index(&recordings[which], &no_profile, &fixture->problem));
        struct tape *tape = tapes_keep(tapes, &recordings[which]);
        assert_non_null(tape);
        assert_true(tapes_play(tapes, tape, SIZE_MAX, &again, &fixture->problem));
        assert_int_equal(again.count, 3000 + which);
        for (size_t i = 0; i < again.count; i++) {
            const struct trace_item *one = &again.operations[i].item, *other = &recordings[which].operations[i].item;
            assert_int_equal(one->event->address, other->event->address);
            assert_memory_equal(one->data, other->data, 4);
            assert_int_equal(again.operations[i].under_way, i);
        }
        recording_free(&again);
        recording_free(&recordings[which]);
        free(tape);
    }
    tapes_close(tapes);
}

/* Runs of 3000 words: the second begins with something else, the third ends with something else. */
static struct tape *words(struct fixture *fixture, struct tapes *tapes, bool other_head, bool other_end)
{
    struct recording recording = {0};
    if (other_head)
        record_program(&recording, 0, RAIL_CHIP_NOR, EXTENT, 0);
    for (uint32_t i = 0; i < 3000; i++)
        record_program(&recording, (i + 1) * UINT64_C(1000000), RAIL_CHIP_INTERNAL, SECTOR + 4 * i, i);
    record_program(&recording, UINT64_C(4000000000), RAIL_CHIP_NOR, EXTENT, other_end ? 1 : 2);
    assert_true(recording_index(&recording, &no_profile, &fixture->problem));
    struct tape *tape = tapes_keep(tapes, &recording);
    assert_non_null(tape);
    recording_free(&recording);
    return tape;
}

/* How many places of both have the same rest; those of the second tape come so many operations later. */
static size_t joins(struct tapes *tapes, const struct tape *one, const struct tape *other, size_t later)
{
    size_t counts[2], common = 0;
    struct tape_place *places[2] = {tapes_places(tapes, one, &counts[0]), tapes_places(tapes, other, &counts[1])};
    assert_true(counts[0] > 3 && counts[1] > 3);
    for (size_t i = 0; i < counts[0]; i++)
        for (size_t j = 0; j < counts[1]; j++)
            if (places[0][i].rest == places[1][j].rest) {
                assert_int_equal(places[0][i].operation + later, places[1][j].operation);
                common++;
            }
    free(places[0]);
    free(places[1]);
    return common;
}

static void tapes_join_where_all_that_comes_is_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct tapes *tapes = tapes_open();
    struct tape *first = words(fixture, tapes, false, false), *later = words(fixture, tapes, true, false),
                *elsewhere = words(fixture, tapes, false, true);
    assert_true(joins(tapes, first, later, 1) >= 3);
    assert_int_equal(joins(tapes, first, elsewhere, 0), 0);
    free(first);
    free(later);
    free(elsewhere);
    tapes_close(tapes);
}

/* Where a run begins another block must not depend on what was kept before. */
static void places_are_those_of_the_run_alone(void **state)
{
    struct fixture *fixture = *state;
    size_t counts[2];
    struct tape_place *places[2];
    for (unsigned which = 0; which < 2; which++) {
        struct tapes *tapes = tapes_open();
        struct tape *other = which == 1 ? words(fixture, tapes, true, true) : NULL,
                    *tape = words(fixture, tapes, false, false);
        places[which] = tapes_places(tapes, tape, &counts[which]);
        assert_non_null(places[which]);
        free(other);
        free(tape);
        tapes_close(tapes);
    }
    assert_int_equal(counts[0], counts[1]);
    for (size_t i = 0; i < counts[0]; i++)
        assert_int_equal(places[0][i].operation, places[1][i].operation);
    free(places[0]);
    free(places[1]);
}

static void a_tape_comes_back_piece_by_piece(void **state)
{
    struct fixture *fixture = *state;
    struct recording pieces = {0}, whole = {0};
    struct tapes *tapes = tapes_open();
    struct tape *tape = words(fixture, tapes, true, false);
    assert_true(tapes_play(tapes, tape, SIZE_MAX, &whole, &fixture->problem));
    assert_int_equal(whole.count, tapes_count(tape));
    for (size_t count = 1; pieces.count < whole.count; count = 2 * count + 1) {
        assert_true(tapes_play(tapes, tape, count, &pieces, &fixture->problem));
        assert_int_equal(pieces.count, count < whole.count ? count : whole.count);
        assert_true(tapes_play(tapes, tape, count / 2, &pieces, &fixture->problem)); /* has them */
    }
    for (size_t i = 0; i < whole.count; i++) {
        assert_ptr_equal(pieces.operations[i].item.event, whole.operations[i].item.event);
        assert_ptr_equal(tapes_event(tapes, tape, i), whole.operations[i].item.event);
        assert_int_equal(pieces.operations[i].under_way, whole.operations[i].under_way);
    }
    recording_free(&pieces);
    recording_free(&whole);
    free(tape);
    tapes_close(tapes);
}

static void places_say_how_many_erases_come(void **state)
{
    struct fixture *fixture = *state;
    struct recording recording = {0};
    struct tapes *tapes = tapes_open();
    for (uint32_t i = 0; i < 2000; i++) {
        if (i % 10 == 9)
            record_erase(&recording, i * UINT64_C(10000000), RAIL_CHIP_NOR, EXTENT, 0x1000);
        else
            record_program(&recording, i * UINT64_C(10000000), RAIL_CHIP_INTERNAL, SECTOR + 4 * i, i);
    }
    assert_true(recording_index(&recording, &no_profile, &fixture->problem));
    struct tape *tape = tapes_keep(tapes, &recording);
    size_t count;
    struct tape_place *places = tapes_places(tapes, tape, &count);
    assert_true(count > 3);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(places[i].erases, 200 - places[i].operation / 10);
    free(places);
    free(tape);
    recording_free(&recording);
    tapes_close(tapes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(moving_is_as_good_as_beginning_anew),
        TEST(equal_states_have_the_same_and_others_have_not),
        TEST(marks_count_and_the_cells_of_weak_bits_do_not),
        TEST(where_a_range_that_does_not_take_ends_counts),
        TEST(many_changes_are_as_good_as_few),
        TEST(a_beginning_takes_nothing_from_the_one_before),
        TEST(members_of_a_class_have_the_same),
        TEST(other_wild_bytes_are_another_class),
        TEST(differences_are_cells_of_those_pages_and_all_marks),
        TEST(sets_meet_in_what_they_share),
        TEST(what_is_kept_comes_back),
        TEST(what_is_kept_grows_and_says_so),
        TEST(what_was_added_is_known_by_its_first_number),
        TEST(a_tape_has_the_same_crash_states),
        TEST(a_tape_knows_what_is_under_way),
        TEST(starting_again_brings_no_marks_along),
        TEST(a_long_tape_comes_back_whole),
        TEST(tapes_join_where_all_that_comes_is_the_same),
        TEST(places_are_those_of_the_run_alone),
        TEST(a_tape_comes_back_piece_by_piece),
        TEST(places_say_how_many_erases_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
