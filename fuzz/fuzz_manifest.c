/* SPDX-License-Identifier: MIT
 *
 * The manifest as a device meets it: framing, signature, fields, whether it fits the board, whether it is accepted.
 *
 *   1      what to make of the rest, see enum flag
 *   4      the counters of what is installed and of the device, 2 bits each from the lowest on; versions; what is
 *          installed, was refused before, was rolled back, and whether few counters can be recorded
 *   3 ...  the manifest from its first byte, and the signature behind it unless it is made here
 *
 * What is accepted is compared with what stands in the bytes, by a reader that knows nothing but tags and lengths.
 */
#include "package_set.h"
#include "target.h"

#include "matterhorn/package.h"

#include <string.h>

enum flag { SIGN = 1, FRAME = 2, FITTING_LENGTH = 4, BY_KEY_1 = 8, REVOKED = 16 }; /* key 1 is */

#define FIRST_FIELD 8u

/// A reader of its own ///

struct value {
    const uint8_t *bytes;
    uint32_t length;
};

/* The field with that tag in a list that was accepted. */
static bool find(struct value list, unsigned tag, struct value *value)
{
    for (uint32_t at = 0; at + 4 <= list.length;) {
        const uint32_t length = mh_get16(list.bytes + at + 2);
        demand(length <= list.length - at - 4);
        *value = (struct value){list.bytes + at + 4, length};
        if (mh_get16(list.bytes + at) == tag)
            return true;
        at += 4 + (length + 3) / 4 * 4;
    }
    return false;
}

static void check_value(struct value list, unsigned tag, uint32_t offset, const void *read, uint32_t size)
{
    struct value value;

    demand(find(list, tag, &value) && offset + size <= value.length);
    demand(memcmp(value.bytes + offset, read, size) == 0); /* this machine is little-endian too */
}

static void check_component(struct value list, const struct mh_component *component, unsigned number)
{
    struct value value;

    check_value(list, MH_TAG_DESTINATION, 0, &component->destination, 4);
    check_value(list, MH_TAG_VERSION, 0, &component->version, 8);
    check_value(list, MH_TAG_COUNTER, 0, &component->counter, 4);
    check_value(list, MH_TAG_IMAGE, 0, &component->image_size, 4);
    check_value(list, MH_TAG_IMAGE, 4, component->image_hash, MH_HASH_SIZE);
    check_value(list, MH_TAG_CODEC, 0, &component->codec, 4);
    check_value(list, MH_TAG_CHUNKS, 4, &component->stored_size, 4);
    check_value(list, MH_TAG_CHUNKS, 8, component->table_hash, MH_HASH_SIZE);
    demand((component->requires != 0) == find(list, MH_TAG_REQUIRES, &value));
    if (component->requires != 0) {
        demand(component->requires == MH_COMPONENTS + 1 - number);
        check_value(list, MH_TAG_REQUIRES, 0, &component->requires, 4);
        check_value(list, MH_TAG_REQUIRES, 4, &component->requires_version, 8);
    }
    demand((component->cipher != MH_CIPHER_NONE) == find(list, MH_TAG_CIPHER, &value));
    if (component->cipher != MH_CIPHER_NONE) {
        check_value(list, MH_TAG_CIPHER, 0, &component->cipher, 4);
        check_value(list, MH_TAG_CIPHER, 4, component->nonce, MH_NONCE_SIZE);
        check_value(list, MH_TAG_CIPHER, 4 + MH_NONCE_SIZE, component->cipher_key_id, MH_KEY_ID_SIZE);
    }
    demand(component->image_size >= 8);
}

static void check_fields(const uint8_t *bytes, const struct mh_manifest *manifest)
{
    const struct value list = {bytes + FIRST_FIELD, manifest->size - FIRST_FIELD};
    struct value value;

    check_value(list, MH_TAG_BOARD, 0, &manifest->board, 4);
    check_value(list, MH_TAG_PACKAGE_SIZE, 0, &manifest->package_size, 4);
    demand(find(list, MH_TAG_REVOKES, &value) || manifest->revokes == 0);
    if (manifest->revokes != 0)
        check_value(list, MH_TAG_REVOKES, 0, &manifest->revokes, 4);
    demand((manifest->name[0] != '\0') == find(list, MH_TAG_NAME, &value));
    if (manifest->name[0] != '\0')
        check_value(list, MH_TAG_NAME, 0, manifest->name, (uint32_t)strlen(manifest->name));
    demand(manifest->components[0].present || manifest->components[1].present);
    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        demand(manifest->components[i].present == find(list, MH_TAG_COMPONENT + i + 1, &value));
        if (manifest->components[i].present)
            check_component(value, &manifest->components[i], i + 1);
    }
}

/// What must hold ///

static void check_fit(const struct mh_manifest *manifest, const struct mh_board *board)
{
    uint64_t sum = manifest->size + MH_SIGNATURE_SIZE;

    demand(manifest->board == board->id);
    for (unsigned i = 0; i < MH_COMPONENTS; i++)
        if (manifest->components[i].present) {
            demand(manifest->components[i].destination == board->regions[i].address);
            demand(manifest->components[i].image_size <= board->regions[i].size - MH_HEADER_SIZE);
            demand(mh_package_chunks(&manifest->components[i]) <= MH_CHUNKS_MAX);
            sum += manifest->components[i].stored_size;
        }
    demand(sum == manifest->package_size);
}

static void check_acceptance(const struct mh_manifest *manifest, struct input state)
{
    const unsigned counters = take8(&state), versions = take8(&state), flags = take8(&state);
    struct mh_installed installed = {.recorded = {counters & 3, counters & 3}};

    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        installed.present[i] = flags >> i & 1;
        installed.counter[i] = counters >> (2 + 2 * i) & 3;
        installed.capacity[i] = flags & 16 ? counters >> 6 : MH_COUNTER_MAX;
        installed.version[i].part[0] = versions >> 4 * i & 15;
        installed.requires[i] = flags >> (6 + i) & 1 ? MH_COMPONENTS - i : 0;
        installed.requires_version[i].part[0] = versions >> 4 * i & 7;
    }
    installed.revocable = flags & 32 ? 2 : UINT32_MAX;
    if (flags & 4)
        memcpy(installed.refused_id, manifest->id, MH_ID_SIZE);
    if (flags & 8)
        memcpy(installed.rolled_back_id, manifest->id, MH_ID_SIZE);
    const enum mh_error error = mh_manifest_accept(manifest, &installed);
    demand(error == MH_OK || error == MH_ERR_COUNTER || error == MH_ERR_REQUIRES || error == MH_ERR_REFUSED_BEFORE ||
           error == MH_ERR_COUNTER_FULL || error == MH_ERR_ROLLED_BACK || error == MH_ERR_REVOCATION ||
           error == MH_ERR_REQUIRED);
    demand(error != MH_OK || !(flags & 12));
    demand(error != MH_OK || !(manifest->revokes & ~installed.revocable));
    for (unsigned i = 0; error == MH_OK && i < MH_COMPONENTS; i++)
        if (!manifest->components[i].present)
            demand(installed.requires[i] == 0 ||
                   manifest->components[1 - i].version.part[0] >= installed.requires_version[i].part[0]);
        else
            demand(manifest->components[i].counter >= installed.recorded[i] &&
                   (manifest->components[i].counter <= installed.capacity[i] ||
                    (installed.present[i] && manifest->components[i].counter == installed.counter[i])) &&
                   (!installed.present[i] || manifest->components[i].counter >= installed.counter[i]));
}

static void open_manifest(const uint8_t *bytes, uint32_t available, const struct mh_board *board, unsigned flags,
                          struct input state)
{
    static struct mh_package package;
    struct mh_anchors anchors;
    uint32_t size, length = available;

    package_set_anchors(&anchors);
    anchors.revoked = flags & REVOKED ? 2 : 0;
    if (flags & FITTING_LENGTH && mh_manifest_frame(bytes, available, &size) == MH_OK &&
        mh_manifest_parse(bytes, size, &package.manifest) == MH_OK)
        length = package.manifest.package_size;
    const enum mh_error error = mh_package_open_manifest(&package, bytes, available, length, &anchors, board);
    demand(error != MH_ERR_REVOKED || flags & REVOKED);
    if (error != MH_OK)
        return;
    const unsigned signer = mh_manifest_signer(bytes, package.manifest.size, &anchors);
    demand(signer < PACKAGE_SET_KEYS && !(anchors.revoked >> signer & 1) && !(package.manifest.revokes >> signer & 1));
    demand(length == package.manifest.package_size);
    demand(memcmp(package.header, bytes, package.manifest.size + MH_SIGNATURE_SIZE) == 0);
    check_fields(bytes, &package.manifest);
    check_fit(&package.manifest, board);
    check_acceptance(&package.manifest, state);
    anchors.keys[signer][0] ^= 1;
    demand(mh_package_open_manifest(&package, bytes, available, length, &anchors, board) == MH_ERR_SIGNATURE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    const unsigned flags = take8(&input);
    const struct input state = input;
    size_t count;

    take(&input, 4);
    const uint8_t *given = take_up_to(&input, 1024, &count);
    if (flags & FRAME)
        count = count > MH_MANIFEST_MAX ? MH_MANIFEST_MAX : count / 4 * 4;
    uint8_t *bytes = malloc(count + (flags & SIGN ? MH_SIGNATURE_SIZE : 0) + 1);
    demand(bytes != NULL);
    memcpy(bytes, given, count);
    if (flags & FRAME && count >= FIRST_FIELD) {
        memcpy(bytes, MH_MANIFEST_MAGIC, 4);
        mh_put16(bytes + 4, MH_MANIFEST_FORMAT);
        mh_put16(bytes + 6, (uint16_t)count);
    }
    if (flags & SIGN) {
        package_set_sign(bytes, (uint32_t)count, flags & BY_KEY_1 ? 1 : 0);
        count += MH_SIGNATURE_SIZE;
    }
    uint8_t *exact = realloc(bytes, count > 0 ? count : 1); /* so that the address sanitizer sees its end */
    for (const struct mh_board *board = mh_boards; exact != NULL && board->id != 0; board++)
        open_manifest(exact, (uint32_t)count, board, flags, state);
    free(exact);
    return 0;
}
