/* SPDX-License-Identifier: MIT
 *
 * Store, install, confirm, and what power loss between any two operations leaves; on a device in memory.
 */
#include "device_fixture.h"

#include "matterhorn/bytes.h"

#include <stdlib.h>
#include <string.h>

/* Over two sectors of 128 KB, the last word incomplete: what resume and rounding have to get right. */
#define SMALL 5001u
#define LARGE (0x20000u + 9003u)

static void assert_installed(uint32_t size, uint32_t seed)
{
    assert_true(fixture_holds(&array, MH_APPLICATION, size, seed));
}

static void install(uint32_t size, uint32_t seed)
{
    struct blob package = fixture_package(size, 0, seed, 0);

    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    assert_int_equal(update.journal.state.phase, MH_REQUESTED);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    free(package.bytes);
}

static void update_installs_and_confirms(void **state)
{
    (void)state;
    install(LARGE, 1);
    assert_installed(LARGE, 1);
    assert_true(mh_update_unconfirmed(&update));
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_false(mh_update_unconfirmed(&update));
    assert_int_equal(update.journal.state.entries[MH_INCOMING].length, 0);
    assert_int_not_equal(update.journal.state.entries[MH_APPLICATION - 1].length, 0);
}

static void both_components_install_together(void **state)
{
    struct blob package = fixture_package(LARGE, SMALL, 3, 0);

    (void)state;
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_true(fixture_holds(&array, MH_RUNTIME, SMALL, 3));
    assert_installed(LARGE, 3);
    free(package.bytes);
}

static void largest_image_fits(void **state)
{
    (void)state;
    install(0x60000 - MH_HEADER_SIZE, 4);
    assert_installed(0x60000 - MH_HEADER_SIZE, 4);
}

/* A byte of the SPI NOR that a cut program has left weak: programmed again it is firm. */
static struct {
    uint32_t address;
    bool weak, reads_wrong;
    struct mh_nor nor; /* the chip's own functions */
} weak;

static enum mh_error read_weak(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    const enum mh_error error = weak.nor.read(context, address, buffer, length);

    if (weak.weak && weak.reads_wrong && weak.address - address < length) {
        buffer[weak.address - address] ^= 1;
    }
    return error;
}

static enum mh_error program_weak(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    weak.weak &= weak.address - address >= length;
    return weak.nor.program(context, address, data, length);
}

/* The record of the trial was cut and reads good at one start only: the application must
 * find the trial all the same. */
static void trial_outlives_a_record_that_reads_good_only_once(void **state)
{
    (void)state;
    install(SMALL, 1);
    weak.nor = array.device.nor;
    weak.address = MH_JOURNAL_ADDRESS + update.journal.sector * MH_EXTENT_SIZE +
                   (update.journal.next_page - 1u) * MH_PAGE_SIZE + 9;
    weak.weak = true;
    weak.reads_wrong = false;
    array.device.nor.read = read_weak;
    array.device.nor.program = program_weak;
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK); /* a start in which it reads good */
    weak.reads_wrong = true;
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_true(mh_update_unconfirmed(&update));
}

static void each_sector_is_erased_once(void **state)
{
    uint32_t erases[12] = {0};

    (void)state;
    array.internal.erases = erases;
    install(LARGE, 1);
    for (unsigned sector = 0; sector < 12; sector++) {
        assert_int_equal(erases[sector], sector == 9 || sector == 10);
    }
}

static void nothing_outside_the_reserved_megabyte_and_the_region_changes(void **state)
{
    (void)state;
    memset(array.nor.cells, 0x5A, MH_RESERVED_ADDRESS);
    uint8_t *before = malloc(0xA0000);
    memcpy(before, array.internal.cells, 0xA0000);
    install(LARGE, 1);
    assert_memory_equal(before, array.internal.cells, 0xA0000);
    for (uint32_t i = 0; i < MH_RESERVED_ADDRESS; i++) {
        assert_int_equal(array.nor.cells[i], 0x5A);
    }
    free(before);
}

/* Lets the device go on after a power loss: what was stored is kept, what was requested gets installed. */
static void recover(const struct blob *package)
{
    array.operations_left = UINT64_MAX;
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    if (!mh_update_unconfirmed(&update) && !fixture_holds(&array, MH_APPLICATION, LARGE, 2)) {
        /* the request had not been made: the old image still runs, and offers the package again */
        assert_installed(SMALL, 1);
        assert_int_equal(fixture_store(&update, &array.device, package), MH_OK);
        assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    }
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    assert_installed(LARGE, 2);
}

/* The whole update with power for `operations` operations, then a start with power for `more`, then for good. */
static bool lose_power_after(const struct array_device *start, const struct blob *package, uint64_t operations,
                             uint64_t more)
{
    memcpy(array.internal.cells, start->internal.cells, array.internal.part->size);
    memcpy(array.nor.cells + MH_RESERVED_ADDRESS, start->nor.cells + MH_RESERVED_ADDRESS, 0x100000);
    array.operations_left = operations;
    enum mh_error error = fixture_store(&update, &array.device, package);
    if (error == MH_OK) {
        error = fixture_boot(&update, &array.device);
    }
    if (error == MH_OK) {
        error = mh_update_confirm(&update);
    }
    array.operations_left = more;
    (void)fixture_boot(&update, &array.device);
    recover(package);
    return error == MH_OK;
}

static void power_loss_between_operations_never_loses_the_device(void **state)
{
    struct array_device start;
    struct blob package = fixture_package(LARGE, 0, 2, 0);
    uint64_t points = 0;

    (void)state;
    fixture_device(&start);
    install(SMALL, 1);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    memcpy(start.internal.cells, array.internal.cells, start.internal.part->size);
    memcpy(start.nor.cells, array.nor.cells, start.nor.part->size);
    /* every operation up to the first words of the install, then a stride that is prime to sectors and chunks */
    for (uint64_t after = 0; !lose_power_after(&start, &package, after, after % 40); points++) {
        after += after < 700 ? 1 : 397;
    }
    assert_true(points > 700);
    array_device_free(&start);
    free(package.bytes);
}

static void resume_erases_only_the_sector_that_was_cut(void **state)
{
    struct blob package = fixture_package(LARGE, 0, 2, 0);
    uint32_t erases[12] = {0};

    (void)state;
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    array.internal.erases = erases;
    array.operations_left = 4000; /* sector 10 is written first and whole, the first words of sector 9 follow */
    assert_int_not_equal(fixture_boot(&update, &array.device), MH_OK);
    array.operations_left = UINT64_MAX;
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_installed(LARGE, 2);
    assert_int_equal(erases[10], 1);
    assert_int_equal(erases[9], 2);
    free(package.bytes);
}

static void tampered_store_is_refused_before_anything_is_erased(void **state)
{
    struct blob package = fixture_package(LARGE, 0, 2, 0);
    uint32_t erases[12] = {0};

    (void)state;
    install(SMALL, 1);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    array.internal.erases = erases;
    const unsigned extent = update.stored.extents[update.stored.count - 1];
    array.nor.cells[MH_RESERVED_ADDRESS + extent * MH_EXTENT_SIZE + 5] ^= 1;
    assert_int_equal(fixture_boot(&update, &array.device), MH_ERR_CHUNK);
    assert_installed(SMALL, 1);
    for (unsigned sector = 0; sector < 12; sector++) {
        assert_int_equal(erases[sector], 0);
    }
    assert_int_equal(update.journal.state.phase, MH_IDLE);
    assert_int_equal(update.journal.state.refusal, MH_ERR_CHUNK);
    /* it was the copy that was bad, not the package */
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_installed(LARGE, 2);
    free(package.bytes);
}

/* A journal that says so was not written by us: all of the package is installed all the same. */
static void what_was_done_before_an_install_began_does_not_count(void **state)
{
    struct blob package = fixture_package(LARGE, 0, 2, 0);

    (void)state;
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    update.journal.state.sectors_done = 0xFFF;
    assert_int_equal(mh_journal_write(&update.journal), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_installed(LARGE, 2);
    free(package.bytes);
}

/* A properly signed package whose image hash is of another image: every copy of it is as bad. */
static void package_that_is_itself_wrong_is_not_taken_again(void **state)
{
    struct blob package = fixture_package(SMALL, 0, 2, 0);

    (void)state;
    for (size_t at = 0; at + 40 < MH_MANIFEST_MAX; at += 4) {
        if (mh_get16(package.bytes + at) == MH_TAG_IMAGE && mh_get16(package.bytes + at + 2) == 36) {
            package.bytes[at + 8] ^= 1;
            break;
        }
    }
    fixture_sign(&package);
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_ERR_IMAGE);
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_ERR_REFUSED_BEFORE);
    free(package.bytes);
}

static void package_swapped_during_a_cut_install_is_not_programmed(void **state)
{
    struct blob package = fixture_package(LARGE, 0, 2, 0);

    (void)state;
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    array.operations_left = 100;
    assert_int_not_equal(fixture_boot(&update, &array.device), MH_OK);
    array.operations_left = UINT64_MAX;
    const unsigned extent = update.stored.extents[3];
    array.nor.cells[MH_RESERVED_ADDRESS + extent * MH_EXTENT_SIZE + 77] ^= 4;
    assert_int_equal(fixture_boot(&update, &array.device), MH_ERR_CHUNK);
    assert_int_equal(update.journal.state.phase, MH_INSTALLING); /* still wanted */
    array.nor.cells[MH_RESERVED_ADDRESS + extent * MH_EXTENT_SIZE + 77] ^= 4;
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_installed(LARGE, 2);
    free(package.bytes);
}

/* Whoever holds the SPI bus may write a journal in which sectors are done that never were. An install that begins does
 * not ask; of one that is resumed, the first start may find that out only when it compares the whole image, and the
 * second one then does all of it. */
static void forged_progress_does_not_pass_for_an_install(void **state)
{
    static const uint32_t masks[] = {0xFFFFFFFF, 1u << 9, 1u << 10, 1u << 9 | 1u << 10};
    static const enum mh_phase phases[] = {MH_REQUESTED, MH_INSTALLING};

    (void)state;
    for (unsigned i = 0; i < 2 * sizeof masks / sizeof *masks; i++) {
        struct blob package = fixture_package(LARGE, 0, 10 + i, 0);
        assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
        update.journal.state.phase = phases[i % 2];
        update.journal.state.sectors_done = masks[i / 2];
        assert_int_equal(mh_journal_write(&update.journal), MH_OK);
        if (fixture_boot(&update, &array.device) != MH_OK) {
            assert_int_equal(phases[i % 2], MH_INSTALLING);
            assert_int_equal(update.journal.state.sectors_done, 0);
            assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
        }
        assert_installed(LARGE, 10 + i);
        assert_int_equal(mh_update_confirm(&update), MH_OK);
        free(package.bytes);
    }
}

static bool has_header_of(const struct blob *package, unsigned number)
{
    const uint32_t address = array.device.board->regions[number - 1].address;

    return memcmp(array.internal.cells + (address - MH_INTERNAL_BASE), package->bytes, 256) == 0;
}

/* Between the two components of a package, and only there; wherever power is lost. */
static void half_of_a_package_does_not_belong_to_what_was_there(void **state)
{
    unsigned mixed = 0, whole = 0;

    for (uint64_t operations = 0; whole == 0; operations += 97) {
        tear_down_device(state);
        set_up_device(state);
        install(SMALL, 1);
        assert_int_equal(mh_update_confirm(&update), MH_OK);
        struct blob package = fixture_package(SMALL, SMALL, 2, 0);
        assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
        array.operations_left = operations;
        whole = fixture_boot(&update, &array.device) == MH_OK;
        const bool half = has_header_of(&package, MH_RUNTIME) && !has_header_of(&package, MH_APPLICATION);
        assert_int_equal(mh_installed_mixed(&array.device, &update.journal.state), half);
        mixed += half;
        free(package.bytes);
    }
    assert_true(mixed > 3);
}

/* What is not of one package is doubtful where a header names both, however it has come to that; else it is not. */
static void headers_alone_tell_whether_a_pair_may_be_two_halves(void **state)
{
    struct blob both = fixture_package(SMALL, SMALL, 1, 0), application = fixture_package(SMALL, 0, 2, 0),
                runtime = fixture_package(0, SMALL, 3, 0);

    (void)state;
    assert_false(mh_installed_doubtful(&array.device)); /* nothing is there */
    install_and_confirm(&both);
    assert_false(mh_installed_doubtful(&array.device));
    install_and_confirm(&application);
    assert_true(mh_installed_doubtful(&array.device));
    install_and_confirm(&runtime);
    assert_false(mh_installed_doubtful(&array.device));
    install_and_confirm(&both);
    install_and_confirm(&runtime);
    assert_true(mh_installed_doubtful(&array.device));
    free(both.bytes);
    free(application.bytes);
    free(runtime.bytes);
}

/* Who holds the SPI bus shows good bytes until the runtime is installed, and wrong ones from then on. */
static struct {
    const struct blob *package;
    struct mh_nor nor; /* the chip's own functions */
} shown;

static enum mh_error read_until_half_is_installed(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    const enum mh_error error = shown.nor.read(context, address, buffer, length);

    if (address < MH_JOURNAL_ADDRESS && has_header_of(shown.package, MH_RUNTIME)) {
        buffer[0] ^= 1;
    }
    return error;
}

/* An install that this journal tells of, of the package that stands in the store. */
static enum mh_error install_by_forged_journal(const struct blob *package, bool right_id, uint32_t sectors_done)
{
    assert_int_equal(fixture_store(&update, &array.device, package), MH_OK);
    update.journal.state.phase = MH_INSTALLING;
    update.journal.state.sectors_done = sectors_done;
    update.journal.state.entries[MH_INCOMING].id[0] ^= right_id ? 0 : 1;
    assert_int_equal(mh_journal_write(&update.journal), MH_OK);
    shown.package = package;
    shown.nor = array.device.nor;
    array.device.nor.read = read_until_half_is_installed;
    const enum mh_error error = fixture_boot(&update, &array.device);
    array.device.nor = shown.nor;
    return error;
}

/* A journal names a package, another good one stands in the store: nothing is erased for it. */
static void package_that_the_journal_does_not_name_is_not_installed(void **state)
{
    uint32_t erases[12] = {0};

    (void)state;
    struct blob first = fixture_package(SMALL, SMALL, 1, 0), second = fixture_package(SMALL, SMALL, 2, 0);
    install_and_confirm(&first);
    array.internal.erases = erases;
    assert_int_equal(install_by_forged_journal(&second, false, 0), MH_ERR_LAYOUT);
    array.internal.erases = NULL;
    assert_int_equal(erases[4] + erases[9], 0);
    assert_false(mh_installed_mixed(&array.device, &update.journal.state));
    assert_true(fixture_holds(&array, MH_RUNTIME, SMALL, 1));
    assert_installed(SMALL, 1);
    free(first.bytes);
    free(second.bytes);
}

/* Nor does a journal in which the application's header is there already, and nothing before it, lead to half of it. */
static void forged_progress_does_not_make_half_of_a_package_pass(void **state)
{
    static const uint32_t masks[] = {0, 1u << 9, 0xFFFFFFFF & ~(1u << 4)};

    for (unsigned i = 0; i < sizeof masks / sizeof *masks; i++) {
        tear_down_device(state);
        set_up_device(state);
        struct blob first = fixture_package(SMALL, SMALL, 1, 0), second = fixture_package(SMALL, SMALL, 2, 0);
        install_and_confirm(&first);
        assert_int_equal(install_by_forged_journal(&second, true, masks[i]), MH_ERR_TABLE);
        assert_true(fixture_holds(&array, MH_RUNTIME, SMALL, 2));
        assert_installed(SMALL, 1);
        assert_true(mh_installed_mixed(&array.device, &update.journal.state));
        free(first.bytes);
        free(second.bytes);
    }
}

/* Of one component alone there is no half. */
static void package_of_one_component_never_leaves_half_of_it(void **state)
{
    struct blob package = fixture_package(SMALL, 0, 2, 0);

    (void)state;
    install(SMALL, 1);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    for (array.operations_left = 200; fixture_boot(&update, &array.device) != MH_OK; array.operations_left = 2000) {
        assert_false(mh_installed_mixed(&array.device, &update.journal.state));
    }
    assert_false(mh_installed_mixed(&array.device, &update.journal.state));
    free(package.bytes);
}

static void missing_packets_alone_are_sent_again(void **state)
{
    struct blob package = fixture_package(LARGE, 0, 2, 0);
    unsigned missing = 0;

    (void)state;
    array.operations_left = 100; /* one record, then 18 operations per packet */
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_ERR_FLASH);
    array.operations_left = UINT64_MAX;
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_begin(&update, package.bytes, MH_PACKET_SIZE, (uint32_t)package.size), MH_OK);
    for (uint32_t i = 0; i < mh_update_packets(&update); i++) {
        missing += mh_update_missing(&update, i);
    }
    assert_int_equal(mh_update_packets(&update) - missing, 5);
    free(package.bytes);
}

static void lower_counter_is_refused(void **state)
{
    struct blob higher = fixture_package(SMALL, 0, 1, 7), lower = fixture_package(SMALL, 0, 2, 6);

    (void)state;
    assert_int_equal(fixture_store(&update, &array.device, &higher), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    assert_int_equal(fixture_store(&update, &array.device, &lower), MH_ERR_COUNTER);
    assert_int_equal(mh_otp_raise(&array.device.otp, MH_RUNTIME, 8), MH_OK); /* nothing to do with the application's */
    assert_int_equal(fixture_store(&update, &array.device, &higher), MH_OK);
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_otp_raise(&array.device.otp, MH_APPLICATION, 8), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_ERR_COUNTER); /* the bootloader asks once more */
    assert_int_equal(fixture_store(&update, &array.device, &higher), MH_ERR_COUNTER);
    free(higher.bytes);
    free(lower.bytes);
}

static void calls_out_of_order_are_refused(void **state)
{
    struct blob package = fixture_package(SMALL, 0, 1, 0);

    (void)state;
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_packet(&update, 0, package.bytes, MH_PACKET_SIZE), MH_ERR_STATE);
    assert_int_equal(mh_update_validate(&update), MH_ERR_STATE);
    assert_int_equal(mh_update_install(&update), MH_ERR_STATE);
    assert_int_equal(mh_update_begin(&update, package.bytes, MH_PACKET_SIZE, (uint32_t)package.size), MH_OK);
    assert_int_equal(mh_update_packet(&update, 99, package.bytes, MH_PACKET_SIZE), MH_ERR_ARGUMENT);
    assert_int_equal(mh_update_packet(&update, 0, package.bytes, 17), MH_ERR_ARGUMENT);
    assert_int_equal(mh_update_validate(&update), MH_ERR_STATE); /* packets are missing */
    assert_int_equal(mh_update_install(&update), MH_ERR_STATE);
    assert_int_equal(mh_update_confirm(&update), MH_OK); /* nothing awaits it */
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_ERR_STATE); /* requested, not installed */
    free(package.bytes);
}

/* What is kept to go back to must not keep the next package out. */
static void full_store_gives_up_the_running_packages(void **state)
{
    struct blob package = fixture_package(SMALL, 0, 1, 0);
    struct mh_journal journal;

    (void)state;
    assert_int_equal(mh_journal_open(&journal, &array.device.nor), MH_OK);
    memset(journal.state.entries[0].extents, 0xFF, MH_BITMAP_SIZE);
    journal.state.entries[0].length = 1;
    assert_int_equal(mh_journal_write(&journal), MH_OK);
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_installed(SMALL, 1);
    struct mh_state state_of = {0};
    assert_int_equal(mh_store_allocate(&state_of, MH_EXTENTS * MH_EXTENT_SIZE + 1, package.bytes, 2), MH_ERR_NO_ROOM);
    free(package.bytes);
}

/* Packets of another good package than the one that was begun. */
static void what_is_validated_is_what_was_begun(void **state)
{
    struct blob begun = fixture_package(SMALL, 0, 1, 0), other = fixture_package(SMALL, 0, 2, 0);

    (void)state;
    assert_int_equal(begun.size, other.size);
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_begin(&update, begun.bytes, MH_PACKET_SIZE, (uint32_t)begun.size), MH_OK);
    for (uint32_t i = 0; i < mh_update_packets(&update); i++) {
        const uint32_t left = (uint32_t)other.size - i * MH_PACKET_SIZE;
        assert_int_equal(mh_update_packet(&update, i, other.bytes + i * MH_PACKET_SIZE,
                                          left < MH_PACKET_SIZE ? left : MH_PACKET_SIZE), MH_OK);
    }
    assert_int_equal(mh_update_validate(&update), MH_ERR_LAYOUT);
    free(begun.bytes);
    free(other.bytes);
}

/* What is tried is still the incoming package, and what it replaced must stay to go back to. */
static void unconfirmed_image_is_confirmed_before_it_is_updated(void **state)
{
    struct blob next = fixture_package(LARGE, 0, 2, 0);

    (void)state;
    install(SMALL, 1);
    assert_true(mh_update_unconfirmed(&update));
    assert_int_equal(fixture_store(&update, &array.device, &next), MH_ERR_STATE);
    assert_int_equal(mh_update_delete(&update), MH_ERR_STATE);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    install(LARGE, 2);
    assert_installed(LARGE, 2);
    free(next.bytes);
}

static void request_outlives_what_the_session_does_after_it(void **state)
{
    struct blob package = fixture_package(SMALL, 0, 1, 0);

    (void)state;
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    assert_int_equal(mh_update_validate(&update), MH_ERR_STATE);
    assert_int_equal(mh_update_begin(&update, package.bytes, MH_PACKET_SIZE, (uint32_t)package.size), MH_ERR_STATE);
    assert_int_equal(mh_update_delete(&update), MH_ERR_STATE);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_installed(SMALL, 1);
    free(package.bytes);
}

static enum mh_error dead_read(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    (void)context;
    (void)address;
    memset(buffer, 0xFF, length);
    return MH_ERR_FLASH;
}

static void dead_spi_flash_leaves_the_application_verified(void **state)
{
    struct mh_manifest manifest;

    (void)state;
    install(SMALL, 1);
    array.device.nor.read = dead_read;
    assert_int_equal(fixture_boot(&update, &array.device), MH_ERR_FLASH);
    assert_int_equal(mh_update_begin(&update, (const uint8_t *)"", 0, 0), MH_ERR_FLASH);
    assert_int_equal(mh_update_delete(&update), MH_ERR_FLASH);
    assert_int_equal(mh_update_confirm(&update), MH_ERR_FLASH);
    assert_int_equal(mh_component_verify(&array.device, MH_APPLICATION, &manifest), MH_OK);
}

static void every_single_bit_of_header_and_image_counts(void **state)
{
    struct mh_manifest manifest;
    uint8_t *region = array.internal.cells + 0xA0000;

    (void)state;
    install(SMALL, 1);
    assert_int_equal(mh_component_verify(&array.device, MH_APPLICATION, &manifest), MH_OK);
    const uint32_t header = manifest.size + MH_SIGNATURE_SIZE;
    for (uint32_t at = 0; at < MH_HEADER_SIZE + SMALL; at += at < header ? 3 : 211) {
        if (at >= header && at < MH_HEADER_SIZE) {
            continue; /* padding */
        }
        region[at] ^= (uint8_t)(1u << at % 8);
        assert_int_not_equal(mh_component_verify(&array.device, MH_APPLICATION, &manifest), MH_OK);
        region[at] ^= (uint8_t)(1u << at % 8);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_device, tear_down_device)

int main(void)
{
    const struct CMUnitTest installer[] = {
        TEST(update_installs_and_confirms),
        TEST(both_components_install_together),
        TEST(largest_image_fits),
        TEST(trial_outlives_a_record_that_reads_good_only_once),
        TEST(each_sector_is_erased_once),
        TEST(nothing_outside_the_reserved_megabyte_and_the_region_changes),
        TEST(power_loss_between_operations_never_loses_the_device),
        TEST(resume_erases_only_the_sector_that_was_cut),
        TEST(tampered_store_is_refused_before_anything_is_erased),
        TEST(what_was_done_before_an_install_began_does_not_count),
        TEST(package_that_is_itself_wrong_is_not_taken_again),
        TEST(package_swapped_during_a_cut_install_is_not_programmed),
        TEST(forged_progress_does_not_pass_for_an_install),
        TEST(half_of_a_package_does_not_belong_to_what_was_there),
        TEST(headers_alone_tell_whether_a_pair_may_be_two_halves),
        TEST(package_that_the_journal_does_not_name_is_not_installed),
        TEST(forged_progress_does_not_make_half_of_a_package_pass),
        TEST(package_of_one_component_never_leaves_half_of_it),
        TEST(missing_packets_alone_are_sent_again),
        TEST(lower_counter_is_refused),
        TEST(calls_out_of_order_are_refused),
        TEST(full_store_gives_up_the_running_packages),
        TEST(what_is_validated_is_what_was_begun),
        TEST(unconfirmed_image_is_confirmed_before_it_is_updated),
        TEST(request_outlives_what_the_session_does_after_it),
        TEST(dead_spi_flash_leaves_the_application_verified),
        TEST(every_single_bit_of_header_and_image_counts),
    };
    return cmocka_run_group_tests(installer, NULL, NULL);
}
