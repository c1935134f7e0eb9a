/* SPDX-License-Identifier: MIT
 *
 * matterhorn provision: the flash contents of a new device.
 */
#include "array_device.h"
#include "command.h"
#include "files.h"
#include "keys.h"
#include "option_bytes.h"
#include "options.h"
#include "package_offer.h"
#include "production.h"

#include "matterhorn/bytes.h"
#include "matterhorn/config.h"
#include "matterhorn/store.h"

#include <sodium/randombytes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than enough for every page, sector and generation to come around. */
#define JOURNAL_RECORDS_MIN 2 /* a state at rest */
#define JOURNAL_RECORDS_MAX 1000u

struct provision_arguments {
    char *board, *bootloader, *device_key, *mac, *secret, *output, *production;
    char **keys; /* ends with NULL */
    char *packages[MH_COMPONENTS];
    long long counter, user_seed, reserved_seed, journal_records;
    int lock;
};

static bool place_bootloader(struct array_device *array, const char *path, struct problem *problem)
{
    uint8_t *bytes;
    size_t size;

    if (!files_read(path, MH_INTERNAL_SIZE, &bytes, &size, problem)) {
        return false;
    }
    const uint32_t entry = size >= 8 ? mh_get32(bytes + 4) : 0;
    const bool starts = entry >= MH_INTERNAL_BASE && entry - MH_INTERNAL_BASE < size;
    if (starts && size <= MH_BOOTLOADER_SIZE) {
        array_device_place(array, MH_INTERNAL_BASE, bytes, (uint32_t)size);
    }
    free(bytes);
    if (!starts) {
        return problem_set(problem, PROBLEM_USE,
                           "provision: %s is no bootloader: its reset vector 0x%08X is not within its %zu bytes at 0x%08X",
                           path, (unsigned)entry, size, MH_INTERNAL_BASE);
    }
    return size <= MH_BOOTLOADER_SIZE ||
           problem_set(problem, PROBLEM_USE, "provision: %s has %zu bytes, a bootloader has at most %u", path, size,
                       MH_BOOTLOADER_SIZE);
}

/* From a file, for devices that shall be the same again; without one, drawn. */
static bool make_secret(uint8_t secret[MH_SECRET_SIZE], const char *path, struct problem *problem)
{
    if (path) {
        return files_read_exactly(path, secret, MH_SECRET_SIZE, problem);
    }
    randombytes_buf(secret, MH_SECRET_SIZE);
    return true;
}

/* In the order in which they are given: by that number they are revoked. */
static bool take_keys(struct mh_anchors *anchors, char *const *paths, struct problem *problem)
{
    for (anchors->count = 0; *paths; paths++, anchors->count++) {
        if (anchors->count == MH_KEYS_MAX) {
            return problem_set(problem, PROBLEM_USE, "provision: a device trusts at most %u keys", MH_KEYS_MAX);
        }
        if (!keys_read_public(*paths, anchors->keys[anchors->count], problem)) {
            return false;
        }
        for (unsigned i = 0; i < anchors->count; i++) {
            if (memcmp(anchors->keys[i], anchors->keys[anchors->count], MH_KEY_SIZE) == 0) {
                return problem_set(problem, PROBLEM_USE, "provision: %s is given twice", *paths);
            }
        }
    }
    return true;
}

static bool place_anchors(struct array_device *array, const struct provision_arguments *a, struct problem *problem)
{
    struct mh_anchors *anchors = &array->device.anchors;
    uint8_t bytes[MH_ANCHORS_SIZE], secret[MH_SECRET_SIZE], device_key[MH_KEY_SIZE];

    anchors->board = array->device.board->id;
    if (!take_keys(anchors, a->keys, problem) || !make_secret(secret, a->secret, problem) ||
        (a->device_key && !keys_read_device(a->device_key, device_key, problem))) {
        return false;
    }
    anchors->secret = secret;
    anchors->cipher_key = a->device_key ? device_key : NULL;
    mh_anchors_write(anchors, bytes);
    array_device_place(array, MH_ANCHORS_ADDRESS, bytes, sizeof bytes);
    return array_device_read_anchors(array) == MH_OK ||
           problem_set(problem, PROBLEM_BENCH, "provision: the trust anchors do not read back");
}

static bool place_config(struct array_device *array, const char *text, struct problem *problem)
{
    unsigned value[MH_MAC_SIZE];
    uint8_t mac[MH_MAC_SIZE];
    struct mh_config config;
    char rest;

    if (text[strspn(text, "0123456789abcdefABCDEF:")] != '\0' || strlen(text) != 17 ||
        sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &value[0], &value[1], &value[2], &value[3], &value[4], &value[5],
               &rest) != 6) {
        return problem_set(problem, PROBLEM_USE, "provision: '%s' is not a MAC address such as 02:00:00:00:00:01",
                           text);
    }
    if (value[0] & 1 || strspn(text, "0:") == strlen(text)) {
        return problem_set(problem, PROBLEM_USE, "provision: %s is no address of a device (multicast, or zero)", text);
    }
    for (unsigned i = 0; i < MH_MAC_SIZE; i++) {
        mac[i] = (uint8_t)value[i];
    }
    enum mh_error error = mh_config_open(&config, &array->device);
    if (error == MH_OK) {
        error = mh_config_write(&config, MH_CONFIG_MAC, mac, MH_MAC_SIZE);
    }
    return error == MH_OK ||
           problem_set(problem, PROBLEM_BENCH, "provision: the config could not be written: %s", mh_error_text(error));
}

static bool place_counter(struct array_device *array, long long counter, struct problem *problem)
{
    enum mh_error error = MH_OK;

    if (counter < 0 || counter > MH_COUNTER_MAX) {
        return problem_set(problem, PROBLEM_USE, "provision: a security counter is a number from 0 to %u",
                           MH_COUNTER_MAX);
    }
    for (unsigned number = 1; error == MH_OK && number <= MH_COMPONENTS; number++) {
        error = mh_otp_raise(&array->device.otp, number, (uint32_t)counter);
    }
    return error == MH_OK ||
           problem_set(problem, PROBLEM_BENCH, "provision: the counters could not be recorded: %s",
                       mh_error_text(error));
}

/* Fills a part of the SPI NOR with numbers that nothing else would write there (xorshift32); the
 * next ones for the next part. */
static uint32_t fill_cells(struct array_device *array, uint32_t address, uint32_t size, uint32_t seed)
{
    for (uint32_t i = 0; seed && i < size; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        array->nor.cells[address + i] = (uint8_t)seed;
    }
    return seed;
}

/* What packages of the past have left behind, in every extent that no package occupies. */
static void fill_free_extents(struct array_device *array, const struct mh_state *state, uint32_t seed)
{
    for (unsigned n = 0; n < MH_EXTENTS; n++) {
        if (!mh_bit(state->entries[MH_RUNTIME - 1].extents, n) &&
            !mh_bit(state->entries[MH_APPLICATION - 1].extents, n)) {
            seed = fill_cells(array, MH_RESERVED_ADDRESS + n * MH_EXTENT_SIZE, MH_EXTENT_SIZE, seed);
        }
    }
}

/* Installs a factory package the way a device does: offered, stored, verified, installed, confirmed. */
static enum mh_error install(struct mh_update *update, const struct mh_device *device, const uint8_t *bytes,
                             size_t size)
{
    enum mh_error error = package_offer(update, device, bytes, size);

    if (error == MH_OK) {
        error = mh_install_pending(device, &update->journal, &update->package);
    }
    return error ? error : mh_update_confirm(update);
}

static bool install_file(struct array_device *array, struct mh_update *update, unsigned number, const char *path,
                         struct problem *problem)
{
    uint8_t *bytes;
    size_t size;

    if (!files_read(path, 4 * MH_INTERNAL_SIZE, &bytes, &size, problem)) {
        return false;
    }
    const enum mh_error error = install(update, &array->device, bytes, size);
    free(bytes);
    if (error) {
        return problem_set(problem, PROBLEM_USE, "provision: %s: refused: %s", path, mh_error_text(error));
    }
    if (!update->package.manifest.components[number - 1].present) {
        return problem_set(problem, PROBLEM_USE, "provision: %s holds no %s", path, mh_component_name(number));
    }
    return true;
}

/* A new device's journal says idle, with the factory packages in the directory: a state at rest, in two
 * records. That of a device in use has a past that did not come to rest: a package was offered again and
 * again, of which no packet came. */
static bool reset_journal(struct array_device *array, struct mh_update *update, long long records,
                          struct problem *problem)
{
    static const uint8_t never_came[MH_ID_SIZE] = {1};
    const struct mh_state state = update->journal.state;

    memset(array->nor.cells + MH_JOURNAL_ADDRESS, 0xFF, MH_JOURNAL_SECTORS * MH_EXTENT_SIZE);
    enum mh_error error = mh_journal_open(&update->journal, &array->device.nor);
    update->journal.state = state;
    if (error == MH_OK) {
        error = mh_journal_write(&update->journal);
    }
    if (error == MH_OK && records > JOURNAL_RECORDS_MIN) {
        error = mh_store_allocate(&update->journal.state, MH_PACKET_SIZE, never_came, 1u << (MH_APPLICATION - 1));
    }
    for (; error == MH_OK && records > JOURNAL_RECORDS_MIN; records--) {
        error = mh_journal_write(&update->journal);
    }
    return error == MH_OK ||
           problem_set(problem, PROBLEM_BENCH, "provision: the journal could not be written: %s", mh_error_text(error));
}

static bool fill(struct array_device *array, const struct provision_arguments *a, struct problem *problem)
{
    struct mh_update *update = calloc(1, sizeof *update);
    bool good = update != NULL && place_bootloader(array, a->bootloader, problem) &&
                place_anchors(array, a, problem) && place_config(array, a->mac, problem) &&
                place_counter(array, a->counter, problem);

    fill_cells(array, 0, MH_RESERVED_ADDRESS, (uint32_t)a->user_seed); /* a bench then sees any touch */
    for (unsigned number = 1; good && number <= MH_COMPONENTS; number++) {
        good = install_file(array, update, number, a->packages[number - 1], problem);
    }
    good = good && reset_journal(array, update, a->journal_records, problem);
    if (good) {
        fill_free_extents(array, &update->journal.state, (uint32_t)a->reserved_seed);
    }
    if (a->lock) {
        option_bytes_set(array->otp, OPTION_BYTES_LOCKED);
    }
    free(update);
    return good;
}

static bool provision(const struct provision_arguments *a, struct problem *problem)
{
    const struct mh_board *board = mh_board_named(a->board);
    struct array_device array;

    if (a->user_seed < 0 || a->user_seed > UINT32_MAX) {
        return problem_set(problem, PROBLEM_USE, "provision: a seed is a number from 0 to 4294967295");
    }
    if (a->journal_records < JOURNAL_RECORDS_MIN || a->journal_records > JOURNAL_RECORDS_MAX) {
        return problem_set(problem, PROBLEM_USE, "provision: the journal has from %d to %u records",
                           JOURNAL_RECORDS_MIN, JOURNAL_RECORDS_MAX);
    }
    if (!board) {
        return problem_set(problem, PROBLEM_USE,
                           "provision: no board is called '%s'; there are mountaineer-eth and mountaineer-usb",
                           a->board);
    }
    if (!array_device_create(&array, board)) {
        return problem_set(problem, PROBLEM_BENCH, "provision: out of memory");
    }
    const bool good = fill(&array, a, problem) && array_device_write(&array, a->output, problem) &&
                      (!a->production || production_write(&array, a->production, problem));
    array_device_free(&array);
    return good;
}

static const struct options_help help = {
    .arguments = "--board NAME --bootloader FILE --key FILE --runtime FILE --application FILE --mac ADDRESS --output DIR",
    .text = "Makes the flash contents of a new device: bootloader, trust anchors, config, factory runtime and application, an "
             "idle journal. The factory packages go through the same checks as any update. With --production also the "
             "files that a production line's programmers take (docs/PROVISIONING.md).",
    .examples = "matterhorn provision --board mountaineer-eth --bootloader boot.bin --key release.public \\\n"
                "    --runtime runtime.nmf --application demo.nmf --mac 02:00:00:00:00:01 --output device\n",
};

static int run(int argc, const char *argv[])
{
    struct provision_arguments a = {.journal_records = JOURNAL_RECORDS_MIN};
    const struct poptOption table[] = {
        {"board", 0, POPT_ARG_STRING, &a.board, 0, "mountaineer-eth or mountaineer-usb", "NAME"},
        {"bootloader", 0, POPT_ARG_STRING, &a.bootloader, 0, "raw binary for 0x08000000", "FILE"},
        {"key", 0, POPT_ARG_ARGV, &a.keys, 0,
         "public key that the device shall trust; up to 4, and more than one so that one can be revoked", "FILE"},
        {"device-key", 0, POPT_ARG_STRING, &a.device_key, 0,
         "key under which packages for it may be encrypted (default: none)", "FILE"},
        {"runtime", 0, POPT_ARG_STRING, &a.packages[MH_RUNTIME - 1], 0, "factory package with the runtime", "FILE"},
        {"application", 0, POPT_ARG_STRING, &a.packages[MH_APPLICATION - 1], 0, "factory package with the application",
         "FILE"},
        {"mac", 0, POPT_ARG_STRING, &a.mac, 0, "MAC address for the config region", "ADDRESS"},
        {"secret", 0, POPT_ARG_STRING, &a.secret, 0,
         "32 bytes that are this device's secret (default: drawn at random)", "FILE"},
        {"counter", 0, POPT_ARG_LONGLONG, &a.counter, 0,
         "security counters to begin with (default: those of the packages)", "N"},
        {"user-seed", 0, POPT_ARG_LONGLONG, &a.user_seed, 0,
         "fill the user's 7 MB of SPI NOR from this seed (default: erased)", "N"},
        {"reserved-seed", 0, POPT_ARG_LONGLONG, &a.reserved_seed, 0,
         "fill what is free of the reserved megabyte from this seed (default: erased)", "N"},
        {"journal-records", 0, POPT_ARG_LONGLONG, &a.journal_records, 0,
         "age of the journal: records written to it (default 2)", "N"},
        {"lock", 0, POPT_ARG_NONE, &a.lock, 0,
         "option bytes for the field: sectors 0 to 2 write-protected, read protection level 1, brown-out level 3",
         NULL},
        {"production", 0, POPT_ARG_STRING, &a.production, 0,
         "folder for what programmers take: Intel HEX per region, reserved.bin, option-bytes.txt", "DIR"},
        {"output", 0, POPT_ARG_STRING, &a.output, 0, "folder for internal.bin, otp.bin and nor.bin", "DIR"},
        POPT_TABLEEND,
    };
    struct options options;
    struct problem problem = {0};
    int status;

    if (options_parse(&options, argc, argv, table, &help, &status)) {
        if (options.count > 0 || !a.board || !a.bootloader || !a.keys || !a.packages[0] || !a.packages[1] || !a.mac ||
            !a.output) {
            status = usage_error("provision: --board, --bootloader, --key, --runtime, --application, --mac and --output "
                                 "are needed; see matterhorn provision --help");
        } else {
            status = provision(&a, &problem) ? EXIT_PASS : problem_exit(&problem);
        }
    }
    options_close(&options);
    for (char **key = a.keys; key && *key; key++) {
        free(*key);
    }
    free(a.keys);
    char *const strings[] = {a.board,  a.bootloader, a.device_key,  a.mac,        a.secret,
                             a.output, a.production, a.packages[0], a.packages[1]};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        free(strings[i]);
    }
    return status;
}

const struct command command_provision = {"provision", "make the flash contents of a new device", run};
