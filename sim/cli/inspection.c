/* SPDX-License-Identifier: MIT */
#include "inspection.h"

#include "keys.h"
#include "protection.h"

#include "matterhorn/bytes.h"
#include "matterhorn/config.h"
#include "matterhorn/installer.h"

#include <jansson.h>
#include <sodium/crypto_hash_sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Pieces ///

static json_t *json_hex(const uint8_t *bytes, size_t size)
{
    char text[2 * MH_HASH_SIZE + 1];

    return json_string(keys_to_hex(bytes, size, text));
}

static json_t *json_version(const struct mh_version *version)
{
    return json_sprintf("%u.%u.%u.%u", version->part[0], version->part[1], version->part[2], version->part[3]);
}

static json_t *json_bits(const uint8_t *bitmap, unsigned count)
{
    json_t *list = json_array();

    for (unsigned n = 0; n < count; n++) {
        if (mh_bit(bitmap, n)) {
            json_array_append_new(list, json_integer(n));
        }
    }
    return list;
}

static json_t *json_component(const struct mh_component *component, unsigned number)
{
    static const char *const codecs[] = {
        [MH_CODEC_STORED] = "stored", [MH_CODEC_LZ4] = "lz4", [MH_CODEC_LZMA] = "lzma"};
    json_t *object = json_pack(
        "{s:s, s:I, s:o, s:I, s:I, s:o, s:s, s:i, s:I, s:I}", "component", mh_component_name(number), "destination",
        (json_int_t)component->destination, "version", json_version(&component->version), "security_counter",
        (json_int_t)component->counter, "image_size", (json_int_t)component->image_size, "image_sha256",
        json_hex(component->image_hash, MH_HASH_SIZE), "codec",
        codecs[component->codec], "chunk_size", MH_CHUNK_SIZE, "stored_size",
        (json_int_t)component->stored_size, "chunks", (json_int_t)mh_package_chunks(component));

    if (component->requires) {
        json_object_set_new(object, "requires",
                            json_pack("{s:s, s:o}", "component", mh_component_name(component->requires), "version",
                                      json_version(&component->requires_version)));
    }
    if (component->cipher) {
        json_object_set_new(object, "cipher",
                            json_pack("{s:s, s:o, s:o}", "name", "chacha20", "nonce",
                                      json_hex(component->nonce, MH_NONCE_SIZE), "key_id",
                                      json_hex(component->cipher_key_id, MH_KEY_ID_SIZE)));
    }
    return object;
}

static const char *board_name(uint32_t id)
{
    const struct mh_board *board = mh_board_numbered(id);

    return board ? board->name : "unknown";
}

/// Printing ///

/* Numbers that are addresses. */
static bool is_address(const char *key)
{
    return strcmp(key, "destination") == 0;
}

static void print_scalar(const char *key, const json_t *value)
{
    if (json_is_integer(value)) {
        printf(is_address(key) ? "0x%08llX" : "%lld", (long long)json_integer_value(value));
    } else if (json_is_string(value)) {
        fputs(json_string_value(value), stdout);
    } else {
        fputs(json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "none", stdout);
    }
}

/* Ascending numbers, runs of them as "first-last". */
static void print_numbers(const json_t *list)
{
    const size_t size = json_array_size(list);

    for (size_t i = 0, last; i < size; i = last + 1) {
        const json_int_t first = json_integer_value(json_array_get(list, i));
        for (last = i; last + 1 < size &&
                       json_integer_value(json_array_get(list, last + 1)) == first + (json_int_t)(last + 1 - i);) {
            last++;
        }
        printf(last > i ? "%s%lld-%lld" : "%s%lld", i ? ", " : "", (long long)first,
               (long long)first + (long long)(last - i));
    }
    fputs(size ? "" : "none", stdout);
}

static void print_list(const char *key, json_t *list)
{
    json_t *element;
    size_t i;

    if (!json_is_string(json_array_get(list, 0))) {
        print_numbers(list);
        return;
    }
    json_array_foreach(list, i, element) {
        fputs(i ? ", " : "", stdout);
        print_scalar(key, element);
    }
}

static void print_tree(json_t *object, int indent)
{
    const char *key;
    json_t *value, *element;
    size_t i;

    json_object_foreach(object, key, value) {
        printf("%*s%s:", indent, "", key);
        if (json_is_object(value)) {
            putchar('\n');
            print_tree(value, indent + 2);
        } else if (json_is_object(json_array_get(value, 0))) {
            putchar('\n');
            json_array_foreach(value, i, element) {
                print_tree(element, indent + 2);
            }
        } else {
            putchar(' ');
            if (json_is_array(value)) {
                print_list(key, value);
            } else {
                print_scalar(key, value);
            }
            putchar('\n');
        }
    }
}

/* One object on one line for machines, a tree for people. */
static void print(json_t *object, bool as_json)
{
    if (as_json) {
        json_dumpf(object, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        print_tree(object, 0);
    }
    json_decref(object);
}

/// Package ///

static bool is_encrypted(const struct mh_manifest *manifest)
{
    return manifest->components[0].cipher != MH_CIPHER_NONE || manifest->components[1].cipher != MH_CIPHER_NONE;
}

/* Whether what is encrypted stays so, because nobody said the key. A device is asked with the key that it has. */
static bool stays_encrypted(const struct asked *asked, const struct mh_manifest *manifest)
{
    return !asked->device && !asked->anchors.cipher_key && is_encrypted(manifest);
}

static enum mh_error open_package(struct mh_package *package, const struct mh_source *source, const struct asked *asked,
                                  const struct mh_board *board)
{
    const struct mh_anchors *anchors = asked->device ? &asked->device->anchors : &asked->anchors;
    const enum mh_error error = mh_package_open(package, source, anchors->count ? anchors : NULL, board);

    if (error == MH_ERR_CIPHER_KEY && stays_encrypted(asked, &package->manifest)) {
        return MH_OK; /* the last of these checks */
    }
    return error == MH_OK && asked->anchors.cipher_key ? mh_package_unlock(package, anchors->cipher_key) : error;
}

/* Tables and chunks, but not what they decode to. */
static enum mh_error verify_as_stored(struct mh_package *package)
{
    enum mh_error error = MH_OK;
    uint32_t length;

    for (unsigned number = 1; error == MH_OK && number <= MH_COMPONENTS; number++) {
        const struct mh_component *component = &package->manifest.components[number - 1];
        if (component->present) {
            error = mh_package_load_table(package, number);
        }
        for (uint32_t i = 0; error == MH_OK && component->present && i < mh_package_chunks(component); i++) {
            error = mh_package_read_chunk(package, i, &length);
            error = error == MH_ERR_CIPHER_KEY ? MH_OK : error;
        }
    }
    return error;
}

/* What the device says, in the order of docs/SPEC.md 2.4. */
static enum mh_error ask(struct mh_package *package, const struct mh_source *source, const struct asked *asked,
                         const struct mh_board *board)
{
    struct mh_installed installed = {.recorded = {asked->counter, asked->counter},
                                     .capacity = {MH_COUNTER_MAX, MH_COUNTER_MAX},
                                     .revocable = UINT32_MAX};
    struct mh_journal journal = {0};

    enum mh_error error = open_package(package, source, asked, board);
    if (error == MH_OK && asked->device) {
        error = mh_journal_peek(&journal, &asked->device->nor);
        mh_installed_read(asked->device, &journal.state, &installed);
    }
    if (error == MH_OK) {
        error = mh_manifest_accept(&package->manifest, &installed);
    }
    if (error) {
        return error;
    }
    return stays_encrypted(asked, &package->manifest) ? verify_as_stored(package) : mh_package_verify(package, NULL);
}

/* What the manifest claims, believed or not. */
static json_t *json_claims(const uint8_t *bytes, uint32_t size, struct mh_manifest *manifest)
{
    json_t *object = json_object();
    uint32_t manifest_size;

    memset(manifest, 0, sizeof *manifest);
    if (mh_manifest_frame(bytes, size, &manifest_size) ||
        mh_manifest_parse(bytes, manifest_size, manifest)) {
        return object;
    }
    json_object_set_new(object, "board", json_string(board_name(manifest->board)));
    json_object_set_new(object, "name", json_string(manifest->name));
    json_object_set_new(object, "id", json_hex(manifest->id, MH_ID_SIZE));
    json_object_set_new(object, "package_size", json_integer(manifest->package_size));
    if (manifest->revokes) {
        json_object_set_new(object, "revokes_keys", json_bits(&(uint8_t){(uint8_t)manifest->revokes}, MH_KEYS_MAX));
    }
    json_t *components = json_array();
    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        if (manifest->components[number - 1].present) {
            json_array_append_new(components, json_component(&manifest->components[number - 1], number));
        }
    }
    json_object_set_new(object, "components", components);
    return object;
}

/* By which of the device's keys it is signed, and what of it was looked at. */
static void add_checks(json_t *object, const uint8_t *bytes, const struct mh_manifest *claimed,
                       const struct asked *asked)
{
    const struct mh_anchors *anchors = asked->device ? &asked->device->anchors : &asked->anchors;

    json_object_set_new(object, "signature", json_string(anchors->count ? "checked" : "not checked, give --key"));
    if (anchors->count && claimed->size) {
        const unsigned signer = mh_manifest_signer(bytes, claimed->size, anchors);
        json_object_set_new(object, "signed_by_key", signer < MH_KEYS_MAX ? json_integer(signer) : json_null());
    }
    if (is_encrypted(claimed)) {
        const char *what = stays_encrypted(asked, claimed) ? "checked as stored, give --device-key" : "checked";
        json_object_set_new(object, "content", json_string(what));
    }
}

bool inspection_print_package(const uint8_t *bytes, uint32_t size, const struct asked *asked, bool as_json)
{
    const struct mh_source source = mh_source_memory(bytes, size);
    struct mh_package *package = calloc(1, sizeof *package);
    struct mh_manifest claimed;

    if (!package) {
        return false;
    }
    json_t *object = json_claims(bytes, size, &claimed);
    const struct mh_board *board = asked->device ? asked->device->board : asked->board;
    if (!board) {
        board = mh_board_numbered(claimed.board);
    }
    const enum mh_error error = ask(package, &source, asked, board ? board : &mh_boards[0]);
    add_checks(object, bytes, &claimed, asked);
    json_object_set_new(object, "verdict", json_string(error ? "refused" : "accepted"));
    json_object_set_new(object, "reason", json_string(mh_error_text(error)));
    print(object, as_json);
    if (!as_json) {
        printf("%s%s\n", error ? "refused: " : "", mh_error_text(error));
    }
    free(package);
    return error == MH_OK;
}

/// Device ///

/* The names of components of a mask: bit n - 1 for component n. */
static json_t *json_components(unsigned components)
{
    json_t *list = json_array();

    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        if (components >> (number - 1) & 1) {
            json_array_append_new(list, json_string(mh_component_name(number)));
        }
    }
    return list;
}

static json_t *json_entry(const struct mh_entry *entry)
{
    if (entry->length == 0) {
        return json_null();
    }
    return json_pack("{s:o, s:I, s:o}", "extents", json_bits(entry->extents, MH_EXTENTS), "length",
                     (json_int_t)entry->length, "id", json_hex(entry->id, MH_ID_SIZE));
}

static json_t *json_journal(const struct mh_journal *journal)
{
    const struct mh_state *state = &journal->state;
    const uint8_t sectors[2] = {(uint8_t)state->sectors_done, (uint8_t)(state->sectors_done >> 8)};

    return json_pack("{s:s, s:i, s:o, s:i, s:o, s:i, s:s, s:o, s:o, s:{s:o, s:o, s:o}, s:o}", "phase",
                     mh_phase_name(state->phase), "credit", state->credit, "tried", json_components(state->tried),
                     "generation", journal->generation, "sectors_done", json_bits(sectors, MH_SECTORS), "reason",
                     (int)state->refusal, "reason_text", state->refusal ? mh_error_text(state->refusal) : "",
                     "refused_id", json_hex(state->refused_id, MH_ID_SIZE), "rolled_back_id",
                     json_hex(state->rolled_back_id, MH_ID_SIZE), "packages", "runtime",
                     json_entry(&state->entries[MH_RUNTIME - 1]), "application",
                     json_entry(&state->entries[MH_APPLICATION - 1]), "incoming",
                     json_entry(&state->entries[MH_INCOMING]), "received",
                     json_bits(state->received, 8 * MH_BITMAP_SIZE));
}

static json_t *json_anchors(const struct mh_anchors *anchors)
{
    json_t *keys = json_array();

    for (unsigned i = 0; i < anchors->count; i++) {
        json_array_append_new(keys, json_hex(anchors->keys[i], MH_KEY_SIZE));
    }
    json_t *object = json_pack("{s:s, s:o}", "board", board_name(anchors->board), "keys", keys);
    uint8_t id[MH_HASH_SIZE];

    if (anchors->cipher_key) {
        crypto_hash_sha256(id, anchors->cipher_key, MH_KEY_SIZE);
        json_object_set_new(object, "device_key_id", json_hex(id, MH_KEY_ID_SIZE));
    }
    return object;
}

/* What is recorded in the one-time programmable area. */
static json_t *json_otp(const uint8_t *cells)
{
    uint8_t revoked[4];

    mh_put32(revoked, mh_otp_revoked(cells));
    return json_pack("{s:{s:I, s:I}, s:o}", "security_counters", mh_component_name(MH_RUNTIME),
                     (json_int_t)mh_otp_counter(cells, MH_RUNTIME), mh_component_name(MH_APPLICATION),
                     (json_int_t)mh_otp_counter(cells, MH_APPLICATION), "revoked_keys", json_bits(revoked, 32));
}

static json_t *json_config(const struct array_device *array)
{
    json_t *object = json_object();
    uint32_t length;
    const uint8_t *mac =
        mh_config_find(array->internal.cells + (MH_CONFIG_ADDRESS - MH_INTERNAL_BASE), MH_CONFIG_MAC, &length);

    if (mac && length == MH_MAC_SIZE) {
        json_object_set_new(object, "mac",
                            json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                                         mac[5]));
    }
    return object;
}

/* The components as installed; *all_verified becomes false when one is not good. */
static json_t *json_installed(const struct mh_device *device, bool *all_verified)
{
    json_t *list = json_array();

    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        struct mh_manifest manifest;
        const enum mh_error error = mh_component_verify(device, number, &manifest);
        json_t *object = json_pack("{s:s, s:b, s:s}", "component", mh_component_name(number), "verified",
                                   error == MH_OK, "reason", error ? mh_error_text(error) : "");
        if (error == MH_OK) {
            const struct mh_component *component = &manifest.components[number - 1];
            json_object_set_new(object, "version", json_version(&component->version));
            json_object_set_new(object, "security_counter", json_integer(component->counter));
            json_object_set_new(object, "image_size", json_integer(component->image_size));
            json_object_set_new(object, "id", json_hex(manifest.id, MH_ID_SIZE));
        }
        *all_verified = *all_verified && error == MH_OK;
        json_array_append_new(list, object);
    }
    return list;
}

static void print_warnings(const json_t *warnings)
{
    size_t i;
    json_t *warning;

    json_array_foreach(warnings, i, warning) {
        printf("warning: %s\n", json_string_value(warning));
    }
}

enum inspection_result inspection_print_device(const struct array_device *array, bool as_json)
{
    struct mh_journal journal;
    bool all_verified = true;
    json_t *warnings = protection_warnings(array);

    (void)mh_journal_peek(&journal, &array->device.nor); /* reading an array cannot fail */
    json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "anchors", json_anchors(&array->device.anchors),
                               "otp", json_otp(array->otp), "config", json_config(array), "journal", json_journal(&journal), "components",
                               json_installed(&array->device, &all_verified), "protection",
                               protection_describe(array));
    if (as_json) {
        json_object_set(object, "warnings", warnings);
    }
    print(object, as_json);
    if (!as_json) {
        print_warnings(warnings);
    }
    const bool warned = json_array_size(warnings) > 0;
    json_decref(warnings);
    return !all_verified ? INSPECTION_BAD : warned ? INSPECTION_WARNED : INSPECTION_GOOD;
}

/// Offer ///

void inspection_print_offer(const struct mh_update *update, enum mh_error answer, bool as_json)
{
    const struct mh_state *state = &update->journal.state;
    json_t *object = json_pack("{s:s, s:s}", "verdict", answer ? "refused" : "accepted", "reason",
                               mh_error_text(answer));

    if (answer == MH_OK) {
        json_object_set_new(object, "phase", json_string(mh_phase_name(state->phase)));
        json_object_set_new(object, "packets", json_integer(mh_update_packets(update)));
        json_object_set_new(object, "incoming", json_entry(&state->entries[MH_INCOMING]));
        json_object_set_new(object, "rollback_off", json_components(mh_update_rollback_off(update)));
    }
    print(object, as_json);
    if (!as_json) {
        printf("%s%s\n", answer ? "refused: " : "stored, its install is requested",
               answer ? mh_error_text(answer) : "");
    }
}
