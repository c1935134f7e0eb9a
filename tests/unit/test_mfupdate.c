/* SPDX-License-Identifier: MIT
 *
 * MFUpdate: the built-in row, rows of an application's own, downloads that lose power, and that nothing that can be
 * exchanged gets an image past the core.
 */
#include "mfupdate_fixture.h"

#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/crypto_hash_sha256.h>

/// The built-in row ///

static void package_that_is_downloaded_is_installed(void **state)
{
    (void)state;
    assert_int_equal(bed_update(&bed.row), MH_OK);
    assert_false(bed.session.open);
    assert_int_equal(bed_boot(), MH_OK);
    assert_true(fixture_holds(&bed.array, MH_APPLICATION, IMAGE_SIZE, 1));
    assert_int_equal(mfupdate_confirm(&bed.session), MH_OK);
    assert_false(mh_update_unconfirmed(&bed.core));
}

static void update_is_rolled_back(void **state)
{
    struct blob next = fixture_package(IMAGE_SIZE, 0, 2, 0);
    uint8_t value[4];
    uint32_t length = sizeof value;

    (void)state;
    assert_int_equal(bed_update(&bed.row), MH_OK);
    assert_int_equal(bed_boot(), MH_OK);
    assert_int_equal(mfupdate_confirm(&bed.session), MH_OK);
    assert_int_equal(mfupdate_rollback(&bed.session), MH_ERR_STATE);
    bed.carried.bytes = next.bytes;
    bed.carried.size = (uint32_t)next.size;
    assert_int_equal(mfupdate_describe(&bed.header, next.bytes, 512, bed.carried.size), MH_OK);
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_download(&bed.session), MH_OK);
    assert_int_equal(mfupdate_get(&bed.session, "rollback-off", value, &length), MH_OK);
    assert_int_equal(mh_get32(value), 0);
    assert_int_equal(mfupdate_install(&bed.session, NULL, 0), MH_OK);
    assert_int_equal(bed_boot(), MH_OK);
    assert_true(fixture_holds(&bed.array, MH_APPLICATION, IMAGE_SIZE, 2));
    assert_int_equal(mfupdate_rollback(&bed.session), MH_OK);
    assert_int_equal(bed_boot(), MH_OK);
    assert_true(fixture_holds(&bed.array, MH_APPLICATION, IMAGE_SIZE, 1));
    free(next.bytes);
}

static void packets_may_be_handed_over_in_any_order_behind_the_first(void **state)
{
    static const uint32_t order[] = {0, 3, 1, 2};

    (void)state;
    assert_int_equal(bed_open(&bed.builtin.row), MH_OK);
    assert_int_equal(mfupdate_missing(&bed.session), mfupdate_packets(&bed.session));
    const struct mfupdate_packet early = packet_of_package(1);
    assert_int_equal(mfupdate_packet(&bed.session, &early), MH_ERR_STATE);
    assert_true(mfupdate_packets(&bed.session) >= 4);
    for (unsigned i = 0; i < 4; i++) {
        const struct mfupdate_packet packet = packet_of_package(order[i]);
        assert_int_equal(mfupdate_packet(&bed.session, &packet), MH_OK);
    }
    for (uint32_t i = 4; i < mfupdate_packets(&bed.session); i++) {
        const struct mfupdate_packet packet = packet_of_package(i);
        assert_int_equal(mfupdate_install(&bed.session, NULL, 0), MH_ERR_STATE);
        assert_int_equal(mfupdate_packet(&bed.session, &packet), MH_OK);
    }
    assert_int_equal(mfupdate_install(&bed.session, NULL, 0), MH_OK);
}

static void header_of_something_else_is_refused(void **state)
{
    struct mfupdate_header header = bed.header;

    (void)state;
    header.type = MFUPDATE_USER;
    assert_int_equal(mfupdate_initialize(&bed.session, &bed.row, &header), MH_ERR_ARGUMENT);
    assert_int_equal(mfupdate_open(&bed.session, NULL, 0), MH_ERR_STATE);
    header = bed.header;
    header.packet_size = 1024;
    assert_int_equal(mfupdate_initialize(&bed.session, &bed.row, &header), MH_ERR_ARGUMENT);
    header.packet_size = 0;
    assert_int_equal(mfupdate_initialize(&bed.session, &bed.row, &header), MH_ERR_ARGUMENT);
    header = bed.header;
    header.size = 0;
    assert_int_equal(mfupdate_initialize(&bed.session, &bed.row, &header), MH_ERR_ARGUMENT);
    assert_int_equal(mfupdate_packets(&bed.session), 0);
    assert_int_equal(mfupdate_describe(&header, (const uint8_t *)"no package here", 15, 15), MH_ERR_MAGIC);
    assert_int_equal(mfupdate_describe(&header, bed.package.bytes, 100, bed.carried.size), MH_ERR_TRUNCATED);
}

/* Packet 0 of another package than was offered: what is there of the first one stays. */
static void other_package_under_the_same_offer_is_refused(void **state)
{
    struct blob other = fixture_package(IMAGE_SIZE, 0, 2, 0);

    (void)state;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    bed.carried.fails_at = 3;
    assert_int_equal(mfupdate_download(&bed.session), MH_ERR_TRUNCATED);
    const uint32_t missing = mfupdate_missing(&bed.session);
    assert_int_equal(missing, mfupdate_packets(&bed.session) - 2);

    struct mfupdate_header header = bed.header;
    struct mfupdate wrong;
    header.id[0] ^= 1;
    const struct mfupdate_packet packet = {.data = other.bytes, .length = MH_PACKET_SIZE};
    assert_int_equal(mfupdate_initialize(&wrong, &bed.builtin.row, &header), MH_OK);
    assert_int_equal(mfupdate_open(&wrong, NULL, 0), MH_OK);
    assert_int_equal(mfupdate_packet(&wrong, &packet), MH_ERR_ARGUMENT);
    assert_int_equal(mfupdate_delete(&wrong), MH_OK); /* has nothing */
    assert_int_equal(mfupdate_missing(&bed.session), missing);
    free(other.bytes);
}

/* Its id is learnt from the first packet, which is then sent again at each start; no other one is. */
static void package_of_unknown_id_is_resumed_with_its_first_packet(void **state)
{
    (void)state;
    memset(bed.header.id, 0, sizeof bed.header.id);
    assert_int_equal(bed_open(&bed.row), MH_OK);
    bed.carried.fails_at = 4;
    assert_int_equal(mfupdate_download(&bed.session), MH_ERR_TRUNCATED);
    assert_int_equal(bed_start(0, 0, NOR_TEAR_BEFORE), MH_OK);
    bed.carried.fails_at = 0;
    assert_int_equal(bed_update(&bed.row), MH_OK);
    assert_int_equal(bed.carried.given[0], 1);
    assert_int_equal(bed.carried.given[1] + bed.carried.given[2], 0);
    assert_int_equal(bed.carried.given[3], 1);
}

static void properties_say_what_is_there(void **state)
{
    uint8_t value[16];
    uint32_t length = sizeof value;

    (void)state;
    assert_int_equal(mfupdate_get(&bed.session, "phase", value, &length), MH_ERR_NO_PROVIDER); /* no session */
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_get(&bed.session, "application-version", value, &length), MH_ERR_NO_IMAGE);
    assert_int_equal(mfupdate_download(&bed.session), MH_OK);
    assert_int_equal(mfupdate_get(&bed.session, "incoming-id", value, &length), MH_OK);
    assert_int_equal(length, 16);
    assert_memory_equal(value, bed.header.id, 16);
    assert_int_equal(mfupdate_get(&bed.session, "received", value, &length), MH_OK);
    assert_int_equal(length, 4);
    assert_int_equal(mh_get32(value), mfupdate_packets(&bed.session));
    assert_int_equal(mfupdate_get(&bed.session, "incoming-length", value, &length), MH_OK);
    assert_int_equal(mh_get32(value), bed.header.size);
    assert_int_equal(mfupdate_install(&bed.session, NULL, 0), MH_OK);
    assert_int_equal(mfupdate_get(&bed.session, "phase", value, &length), MH_OK);
    assert_int_equal(mh_get32(value), MH_REQUESTED);
    assert_int_equal(bed_boot(), MH_OK);
    length = 8;
    assert_int_equal(mfupdate_get(&bed.session, "application-version", value, &length), MH_OK);
    assert_int_equal(mh_get16(value), 1);
    assert_int_equal(mfupdate_get(&bed.session, "runtime-version", value, &length), MH_ERR_NO_IMAGE);
    length = 7;
    assert_int_equal(mfupdate_get(&bed.session, "application-version", value, &length), MH_ERR_ARGUMENT);
    assert_int_equal(length, 8);
    length = 0;
    assert_int_equal(mfupdate_get(&bed.session, "refused-id", NULL, &length), MH_OK);
    assert_int_equal(length, 16);
    assert_int_equal(mfupdate_get(&bed.session, "Phase", value, &length), MH_ERR_ARGUMENT);
    assert_int_equal(mfupdate_set(&bed.session, "phase", value, 4), MH_ERR_NO_PROVIDER);
}

static void refusal_is_told_and_its_packets_are_wanted_again(void **state)
{
    uint8_t value[4];
    uint32_t length = sizeof value;

    (void)state;
    bed.package.bytes[bed.carried.size - 1] ^= 1;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_download(&bed.session), MH_OK);
    assert_int_equal(mfupdate_validate(&bed.session, NULL, 0), MH_ERR_CHUNK);
    assert_int_equal(mfupdate_get(&bed.session, "refusal", value, &length), MH_OK);
    assert_int_equal(mh_get32(value), MH_ERR_CHUNK);
    assert_int_equal(mfupdate_missing(&bed.session), mfupdate_packets(&bed.session));
    bed.package.bytes[bed.carried.size - 1] ^= 1;
    assert_int_equal(mfupdate_download(&bed.session), MH_OK);
    assert_int_equal(mfupdate_install(&bed.session, NULL, 0), MH_OK);
}

static void without_the_flash_everything_says_so(void **state)
{
    uint8_t value[16];
    uint32_t length = sizeof value;

    (void)state;
    bed.nor.power = false;
    memset(&bed.core, 0, sizeof bed.core);
    assert_int_equal(mh_update_initialize(&bed.core, &bed.device), MH_ERR_FLASH);
    assert_int_equal(bed_open(&bed.row), MH_ERR_FLASH);
    assert_int_equal(mfupdate_get(&bed.session, "phase", value, &length), MH_ERR_FLASH);
    assert_int_equal(mfupdate_confirm(&bed.session), MH_ERR_FLASH);
    assert_int_equal(mfupdate_next_missing(&bed.session, 0), mfupdate_packets(&bed.session));
}

/// Power ///

/* After a loss at each operation of a download, torn in each way: what is asked for again is what is not recorded as
 * stored, and over both starts no packet but the torn one is given twice. */
static void after_any_loss_only_what_is_missing_is_given(void **state)
{
    uint32_t given[256], losses = 0;
    bool lost = true;

    (void)state;
    for (uint32_t at = 1; lost; at++) {
        lost = false;
        for (enum nor_tear tear = 0; tear < NOR_TEARS; tear++) {
            torn_nor_blank(&bed.nor, MH_RESERVED_ADDRESS, bed.nor.array.part->size - MH_RESERVED_ADDRESS);
            (void)bed_start(0, at, tear);
            (void)bed_update(&bed.row);
            if (bed.nor.power) {
                continue;
            }
            lost = true;
            losses++;
            memcpy(given, bed.carried.given, sizeof given);
            assert_int_equal(bed_start(at, 0, tear), MH_OK);
            if (bed.core.journal.state.phase == MH_REQUESTED) {
                continue; /* the request was the last operation */
            }
            assert_int_equal(bed_open(&bed.row), MH_OK);
            const uint32_t missing = mfupdate_missing(&bed.session);
            assert_int_equal(mfupdate_download(&bed.session), MH_OK);
            assert_int_equal(bed.carried.count, missing);
            uint32_t twice = 0;
            for (uint32_t i = 0; i < mfupdate_packets(&bed.session); i++) {
                assert_in_range(given[i] + bed.carried.given[i], 1, 2);
                twice += given[i] + bed.carried.given[i] - 1;
            }
            assert_in_range(twice, 0, 1);
            assert_int_equal(mfupdate_install(&bed.session, NULL, 0), MH_OK);
        }
    }
    assert_true(losses > 300);
}

static void flash_that_fails_twice_is_tried_a_third_time(void **state)
{
    (void)state;
    bed.nor.fails_at = 30;
    bed.nor.fails = 2;
    assert_int_equal(bed_update(&bed.row), MH_OK);
    assert_int_equal(bed_boot(), MH_OK);
}

static void flash_that_fails_thrice_ends_the_download_and_loses_nothing(void **state)
{
    (void)state;
    bed.nor.fails_at = 30;
    bed.nor.fails = 1000;
    assert_int_equal(bed_update(&bed.row), MH_ERR_FLASH);
    bed.nor.fails = 0;
    const uint32_t stored = mfupdate_packets(&bed.session) - mfupdate_missing(&bed.session);
    assert_true(stored > 0);
    bed.carried.count = 0;
    assert_int_equal(mfupdate_download(&bed.session), MH_OK);
    assert_int_equal(bed.carried.count, mfupdate_packets(&bed.session) - stored);
}

/// Who has the last word ///

static enum mh_error say_yes(void *context, struct mfupdate *session, const uint8_t *check, uint32_t length)
{
    (void)session;
    (void)check;
    (void)length;
    ++*(unsigned *)context;
    return MH_OK;
}

/* A row whose own validation takes everything gets nothing past the core. */
static void own_validation_cannot_take_what_the_core_refuses(void **state)
{
    unsigned asked = 0;
    const struct mfupdate_validation lenient = {.check_update = say_yes, .context = &asked};

    (void)state;
    bed.row.validation = &lenient;
    bed.package.bytes[bed.carried.size - 1] ^= 1;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_download(&bed.session), MH_OK);
    assert_int_equal(mfupdate_validate(&bed.session, NULL, 0), MH_OK);
    assert_int_equal(asked, 1);
    assert_int_equal(mfupdate_install(&bed.session, NULL, 0), MH_ERR_CHUNK);
    assert_int_equal(bed.core.journal.state.phase, MH_IDLE);
}

static void own_storage_cannot_be_installed_by_the_core(void **state)
{
    struct mfupdate_area area;
    unsigned asked = 0;
    const struct mfupdate_validation lenient = {.check_update = say_yes, .context = &asked};
    const struct mfupdate_actions any_packet_size = {.install = bed.builtin.update.install, .context = &bed.builtin};

    (void)state;
    assert_int_equal(mfupdate_area(&area, &bed.device, 0, 0x10000), MH_OK);
    bed.row.update = &any_packet_size;
    bed.row.storage = &area.storage;
    bed.row.validation = &lenient;
    bed.header.packet_size = 4000;
    assert_int_equal(bed_update(&bed.row), MH_ERR_STATE);
    assert_int_equal(bed.core.journal.state.phase, MH_IDLE);
}

/* Two sessions, one core: the one whose package was given up begins anew, and cannot have the other one installed. */
static void session_whose_package_was_given_up_installs_nothing(void **state)
{
    struct blob other = fixture_package(IMAGE_SIZE, 0, 2, 0);
    struct mfupdate_header header;
    struct mfupdate second;

    (void)state;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_download(&bed.session), MH_OK);
    assert_int_equal(mfupdate_validate(&bed.session, NULL, 0), MH_OK);
    assert_int_equal(mfupdate_describe(&header, other.bytes, 512, (uint32_t)other.size), MH_OK);
    bed.carried.bytes = other.bytes;
    bed.carried.size = (uint32_t)other.size;
    assert_int_equal(mfupdate_initialize(&second, &bed.row, &header), MH_OK);
    assert_int_equal(mfupdate_open(&second, NULL, 0), MH_OK);
    assert_int_equal(mfupdate_download(&second), MH_OK);
    assert_int_equal(mfupdate_install(&bed.session, NULL, 0), MH_ERR_STATE);
    assert_int_equal(mfupdate_missing(&bed.session), mfupdate_packets(&bed.session));
    assert_int_equal(mfupdate_install(&second, NULL, 0), MH_OK);
    free(other.bytes);
}

/// Authentication ///

static const uint8_t key[crypto_auth_hmacsha256_KEYBYTES] = "a key that both of them have";

struct guard {
    uint8_t challenge[8];
    uint32_t answer_length; /* what it claims to have given; 0: the truth */
};

static enum mh_error challenge(void *context, struct mfupdate *session, uint32_t command, const uint8_t *arguments,
                               uint32_t length, uint8_t *answer, uint32_t *answer_length)
{
    struct guard *guard = context;

    (void)session;
    if (command != 7 || length != 1 || *answer_length < sizeof guard->challenge) {
        return MH_ERR_ARGUMENT;
    }
    memset(guard->challenge, arguments[0], sizeof guard->challenge);
    memcpy(answer, guard->challenge, sizeof guard->challenge);
    *answer_length = guard->answer_length ? guard->answer_length : sizeof guard->challenge;
    return MH_OK;
}

static enum mh_error authenticate(void *context, struct mfupdate *session, const uint8_t *credentials, uint32_t length)
{
    const struct guard *guard = context;

    (void)session;
    return length == crypto_auth_hmacsha256_BYTES &&
                   crypto_auth_hmacsha256_verify(credentials, guard->challenge, sizeof guard->challenge, key) == 0
               ? MH_OK
               : MH_ERR_AUTHENTICATION;
}

static void only_who_answers_the_challenge_may_offer_an_update(void **state)
{
    struct guard guard = {{0}, 0};
    struct mfupdate_validation validation = bed.builtin.validation;
    uint8_t answer[16], proof[crypto_auth_hmacsha256_BYTES];
    uint32_t length = sizeof answer;

    (void)state;
    validation.command = challenge;
    validation.authenticate = authenticate;
    validation.check_update = say_yes;
    validation.context = &guard;
    bed.row.validation = &validation;
    assert_int_equal(mfupdate_initialize(&bed.session, &bed.row, &bed.header), MH_OK);
    assert_int_equal(mfupdate_command(&bed.session, 7, (const uint8_t *)"x", 1, answer, &length), MH_OK);
    assert_int_equal(length, 8);
    crypto_auth_hmacsha256(proof, answer, length, key);
    proof[0] ^= 1;
    assert_int_equal(mfupdate_open(&bed.session, proof, sizeof proof), MH_ERR_AUTHENTICATION);
    assert_int_equal(mfupdate_open(&bed.session, NULL, 0), MH_ERR_AUTHENTICATION);
    const struct mfupdate_packet packet = packet_of_package(0);
    assert_int_equal(mfupdate_packet(&bed.session, &packet), MH_ERR_STATE);
    assert_int_equal(mfupdate_download(&bed.session), MH_ERR_STATE);
    assert_int_equal(mfupdate_install(&bed.session, NULL, 0), MH_ERR_STATE);
    assert_int_equal(bed.nor.operations, 0);
    proof[0] ^= 1;
    assert_int_equal(mfupdate_open(&bed.session, proof, sizeof proof), MH_OK);
    assert_int_equal(mfupdate_packet(&bed.session, &packet), MH_OK);
    assert_int_equal(mfupdate_open(&bed.session, proof, sizeof proof - 1), MH_ERR_AUTHENTICATION); /* and is not open */
    assert_int_equal(mfupdate_download(&bed.session), MH_ERR_STATE);
}

static void answer_that_is_longer_than_its_room_is_not_given(void **state)
{
    struct guard guard = {{0}, 17};
    const struct mfupdate_validation validation = {.command = challenge, .check_update = say_yes, .context = &guard};
    uint8_t answer[16];
    uint32_t length = sizeof answer;

    (void)state;
    bed.row.validation = &validation;
    assert_int_equal(mfupdate_initialize(&bed.session, &bed.row, &bed.header), MH_OK);
    assert_int_equal(mfupdate_command(&bed.session, 7, (const uint8_t *)"x", 1, answer, &length), MH_ERR_ARGUMENT);
    assert_int_equal(length, 0);
    length = 7;
    assert_int_equal(mfupdate_command(&bed.session, 7, (const uint8_t *)"x", 1, answer, &length), MH_ERR_ARGUMENT);
    bed.row.validation = &bed.builtin.validation;
    assert_int_equal(mfupdate_command(&bed.session, 7, NULL, 0, answer, &length), MH_ERR_NO_PROVIDER);
}

/// Rows ///

static void row_that_lacks_what_it_needs_is_no_provider(void **state)
{
    struct mfupdate_provider row = bed.row;
    const struct mfupdate_actions no_install = {0};
    const struct mfupdate_validation no_check = {0};
    struct mfupdate_storage storage = bed.builtin.storage;
    const struct mfupdate_transport no_fetch = {0};
    struct mfupdate_backup backup = bed.builtin.backup;

    (void)state;
    assert_null(mfupdate_provider(&bed.row, 1, "matterhorn"));
    assert_null(mfupdate_provider(&bed.row, 0, "Matterhorn"));
    assert_ptr_equal(mfupdate_provider(&bed.row, 1, "Matterhorn"), &bed.row);
    assert_int_equal(mfupdate_initialize(&bed.session, NULL, &bed.header), MH_ERR_NO_PROVIDER);
    row.update = &no_install;
    assert_int_equal(mfupdate_initialize(&bed.session, &row, &bed.header), MH_ERR_NO_PROVIDER);
    row = bed.row;
    row.validation = &no_check;
    assert_int_equal(mfupdate_initialize(&bed.session, &row, &bed.header), MH_ERR_NO_PROVIDER);
    row = bed.row;
    row.storage = NULL;
    assert_int_equal(mfupdate_initialize(&bed.session, &row, &bed.header), MH_ERR_NO_PROVIDER);
    storage.erase = NULL;
    row.storage = &storage;
    assert_int_equal(mfupdate_initialize(&bed.session, &row, &bed.header), MH_ERR_NO_PROVIDER);
    row = bed.row;
    row.transport = &no_fetch;
    assert_int_equal(mfupdate_initialize(&bed.session, &row, &bed.header), MH_ERR_NO_PROVIDER);
    row.transport = NULL;
    backup.drop = NULL;
    row.backup = &backup;
    assert_int_equal(mfupdate_initialize(&bed.session, &row, &bed.header), MH_ERR_NO_PROVIDER);
    row.backup = NULL;
    assert_int_equal(mfupdate_initialize(&bed.session, &row, &bed.header), MH_OK);
    assert_int_equal(mfupdate_rollback(&bed.session), MH_ERR_NO_PROVIDER);
    assert_int_equal(mfupdate_confirm(&bed.session), MH_ERR_NO_PROVIDER);
    assert_int_equal(mfupdate_open(&bed.session, NULL, 0), MH_OK);
    assert_int_equal(mfupdate_download(&bed.session), MH_ERR_NO_PROVIDER);
}

struct keeper {
    unsigned created, installed;
    enum mh_error result;
};

static enum mh_error create_backup(void *context, struct mfupdate *session)
{
    struct keeper *keeper = context;

    (void)session;
    assert_int_equal(keeper->installed, 0);
    keeper->created++;
    return keeper->result;
}

static enum mh_error count_install(void *context, struct mfupdate *session)
{
    struct keeper *keeper = context;

    assert_true(session->validated);
    keeper->installed++;
    return MH_OK;
}

static enum mh_error do_nothing(void *context, struct mfupdate *session)
{
    (void)context;
    (void)session;
    return MH_OK;
}

static void nothing_is_installed_without_its_backup(void **state)
{
    struct keeper keeper = {.result = MH_ERR_NO_ROOM};
    const struct mfupdate_backup backup = {create_backup, do_nothing, do_nothing, &keeper};
    const struct mfupdate_actions update = {.install = count_install, .context = &keeper};

    (void)state;
    bed.row.backup = &backup;
    bed.row.update = &update;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_download(&bed.session), MH_OK);
    assert_int_equal(mfupdate_install(&bed.session, NULL, 0), MH_ERR_NO_ROOM);
    assert_int_equal(keeper.installed, 0);
    keeper.result = MH_OK;
    assert_int_equal(mfupdate_install(&bed.session, NULL, 0), MH_OK);
    assert_int_equal(keeper.created, 2);
    assert_int_equal(keeper.installed, 1);
    assert_int_equal(mfupdate_rollback(&bed.session), MH_OK);
}

/// Data of an application's own ///

#define DATA_SIZE 9001u
#define DATA_PACKET 4000u
#define AREA_ADDRESS 0x6FA000u
#define AREA_SIZE 0x6000u /* the last six sectors */

static struct mfupdate_area area;
static uint8_t data[DATA_SIZE], data_hash[crypto_hash_sha256_BYTES];

static void make_data_row(struct keeper *keeper, struct mfupdate_actions *update)
{
    for (uint32_t i = 0; i < DATA_SIZE; i++) {
        data[i] = (uint8_t)(i * 13 + i / 256);
    }
    crypto_hash_sha256(data_hash, data, sizeof data);
    *update = (struct mfupdate_actions){.install = count_install, .context = keeper};
    assert_int_equal(mfupdate_area(&area, &bed.device, AREA_ADDRESS, AREA_SIZE), MH_OK);
    bed.row = (struct mfupdate_provider){.name = "data",
                                         .update = update,
                                         .validation = &mfupdate_sha256,
                                         .storage = &area.storage,
                                         .transport = &bed.transport};
    bed.header = (struct mfupdate_header){
        .id = {1}, .type = MFUPDATE_USER, .size = DATA_SIZE, .packet_size = DATA_PACKET};
    bed.carried = (struct carried){.bytes = data, .size = DATA_SIZE};
}

static void data_is_stored_read_and_checked(void **state)
{
    struct keeper keeper = {0};
    struct mfupdate_actions update;
    uint8_t back[DATA_SIZE];

    (void)state;
    make_data_row(&keeper, &update);
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_packets(&bed.session), 3);
    assert_int_equal(mfupdate_download(&bed.session), MH_OK);
    assert_int_equal(area.storage.read(&area, &bed.session, 0, back, DATA_SIZE), MH_OK);
    assert_memory_equal(back, data, DATA_SIZE);
    assert_int_equal(area.storage.read(&area, &bed.session, DATA_SIZE, back, 1), MH_ERR_ARGUMENT);
    assert_int_equal(area.storage.read(&area, &bed.session, 1, back, UINT32_MAX), MH_ERR_ARGUMENT);
    data_hash[31] ^= 1;
    assert_int_equal(mfupdate_install(&bed.session, data_hash, sizeof data_hash), MH_ERR_IMAGE);
    data_hash[31] ^= 1;
    assert_int_equal(mfupdate_install(&bed.session, data_hash, sizeof data_hash), MH_OK);
    assert_int_equal(keeper.installed, 1);
    for (uint32_t at = MH_USER_FLASH_SIZE; at < MH_USER_FLASH_SIZE + 4096; at++) {
        assert_int_equal(bed.nor.array.cells[at], 0xFF);
    }
}

static void area_of_sectors_of_the_user_alone(void **state)
{
    static const struct {
        uint32_t address, size;
    } bad[] = {{0x6FF000, 0x2000}, {0x700000, 0x1000}, {0, 0x701000}, {0, 0},         {0x1001, 0x1000},
               {0, 0x1001},        {0x1000, 0},        {0xFFFFF000, 0x1000}, {0x1000, 0xFFFFF000}};
    struct keeper keeper = {0};
    struct mfupdate_actions update;

    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(mfupdate_area(&area, &bed.device, bad[i].address, bad[i].size), MH_ERR_ARGUMENT);
    }
    assert_int_equal(mfupdate_area(&area, &bed.device, 0, 0x700000), MH_OK);
    assert_int_equal(area.sectors, MFUPDATE_AREA_SECTORS_MAX);
    make_data_row(&keeper, &update);
    bed.header.packet_size = 4093;
    assert_int_equal(bed_open(&bed.row), MH_ERR_ARGUMENT);
    bed.header.packet_size = 4092;
    bed.header.size = 6 * 4092 + 1;
    assert_int_equal(bed_open(&bed.row), MH_ERR_NO_ROOM);
    bed.header.size = 6 * 4092;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_packets(&bed.session), 6);
    bed.header = (struct mfupdate_header){.type = MFUPDATE_USER, .size = UINT32_MAX, .packet_size = 1};
    assert_int_equal(bed_open(&bed.row), MH_ERR_NO_ROOM);
}

/* As above, and under other noise: a packet of which a bit is weak may count as there now and as missing later, but
 * what is installed is what was sent. */
static void data_survives_any_loss(void **state)
{
    struct keeper keeper = {0};
    struct mfupdate_actions update;
    uint32_t losses = 0;
    bool lost = true;

    (void)state;
    make_data_row(&keeper, &update);
    for (uint32_t at = 1; lost; at++) {
        lost = false;
        for (enum nor_tear tear = 0; tear < NOR_TEARS; tear++) {
            torn_nor_blank(&bed.nor, AREA_ADDRESS, AREA_SIZE);
            memset(bed.nor.array.cells + AREA_ADDRESS, 0x3C, AREA_SIZE); /* what somebody had there */
            torn_nor_start(&bed.nor, 0, at, tear);
            bed.carried.count = 0;
            (void)bed_open(&bed.row);
            (void)mfupdate_download(&bed.session);
            if (bed.nor.power) {
                continue;
            }
            const uint32_t before = bed.carried.count;
            lost = true;
            losses++;
            torn_nor_start(&bed.nor, at * NOR_TEARS + tear, 0, tear);
            bed.carried.count = 0;
            assert_int_equal(bed_open(&bed.row), MH_OK);
            assert_in_range(mfupdate_missing(&bed.session), 3 - before, 3 - before + 1);
            assert_int_equal(mfupdate_download(&bed.session), MH_OK);
            assert_int_equal(mfupdate_validate(&bed.session, data_hash, sizeof data_hash), MH_OK);
        }
    }
    assert_true(losses > 200);
}

static void loss_while_data_is_deleted_costs_nothing(void **state)
{
    struct keeper keeper = {0};
    struct mfupdate_actions update;

    (void)state;
    make_data_row(&keeper, &update);
    for (uint32_t at = 1; at <= 3; at++) {
        for (enum nor_tear tear = 0; tear < NOR_TEARS; tear++) {
            torn_nor_start(&bed.nor, 0, 0, tear);
            assert_int_equal(bed_open(&bed.row), MH_OK);
            assert_int_equal(mfupdate_download(&bed.session), MH_OK);
            torn_nor_start(&bed.nor, 0, at, tear);
            const bool torn = mfupdate_delete(&bed.session) != MH_OK;
            assert_int_equal(torn, nor_tear_applies(NOR_ERASE, tear));
            torn_nor_start(&bed.nor, at, 0, tear);
            assert_int_equal(bed_open(&bed.row), MH_OK);
            assert_in_range(mfupdate_missing(&bed.session), at - 1, 3);
            assert_int_equal(mfupdate_download(&bed.session), MH_OK);
            assert_int_equal(mfupdate_validate(&bed.session, data_hash, sizeof data_hash), MH_OK);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BED_TEST(package_that_is_downloaded_is_installed),
        BED_TEST(update_is_rolled_back),
        BED_TEST(packets_may_be_handed_over_in_any_order_behind_the_first),
        BED_TEST(header_of_something_else_is_refused),
        BED_TEST(other_package_under_the_same_offer_is_refused),
        BED_TEST(package_of_unknown_id_is_resumed_with_its_first_packet),
        BED_TEST(properties_say_what_is_there),
        BED_TEST(refusal_is_told_and_its_packets_are_wanted_again),
        BED_TEST(without_the_flash_everything_says_so),
        BED_TEST(after_any_loss_only_what_is_missing_is_given),
        BED_TEST(flash_that_fails_twice_is_tried_a_third_time),
        BED_TEST(flash_that_fails_thrice_ends_the_download_and_loses_nothing),
        BED_TEST(own_validation_cannot_take_what_the_core_refuses),
        BED_TEST(own_storage_cannot_be_installed_by_the_core),
        BED_TEST(session_whose_package_was_given_up_installs_nothing),
        BED_TEST(only_who_answers_the_challenge_may_offer_an_update),
        BED_TEST(answer_that_is_longer_than_its_room_is_not_given),
        BED_TEST(row_that_lacks_what_it_needs_is_no_provider),
        BED_TEST(nothing_is_installed_without_its_backup),
        BED_TEST(data_is_stored_read_and_checked),
        BED_TEST(area_of_sectors_of_the_user_alone),
        BED_TEST(data_survives_any_loss),
        BED_TEST(loss_while_data_is_deleted_costs_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
