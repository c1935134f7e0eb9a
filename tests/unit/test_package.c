/* SPDX-License-Identifier: MIT
 *
 * Package and manifest: what is accepted, and the reason for each thing that is not. Each bad package is a good one
 * with one thing changed, signed again where the signature is not that thing.
 */
#include "fixture.h"

#include "matterhorn/bytes.h"

#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_sign_ed25519.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 9001u

static struct array_device array;
static struct mh_package package;
static struct blob good;
static uint8_t manifest[1024]; /* of the good package, to be changed */
static uint32_t manifest_size;

static int set_up(void **state)
{
    (void)state;
    fixture_device(&array);
    good = fixture_package(SIZE, 0, 1, 5);
    manifest_size = mh_get16(good.bytes + 6);
    memcpy(manifest, good.bytes, manifest_size);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    array_device_free(&array);
    free(good.bytes);
    return 0;
}

static enum mh_error open_bytes(const uint8_t *bytes, size_t size)
{
    /* an exact copy, so that the address sanitizer sees a read beyond the end */
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    const struct mh_source source = mh_source_memory(copy, (uint32_t)size);
    enum mh_error error = mh_package_open(&package, &source, &array.device.anchors, array.device.board);
    if (error == MH_OK) {
        error = mh_package_verify(&package, NULL);
    }
    free(copy);
    return error;
}

/* The good package with `manifest` in place of its own, sizes mended and signed. */
static enum mh_error open_changed(void)
{
    static const uint8_t seed[32] = "a key for the tests of the core";
    uint8_t public_key[32], private_key[64];
    const uint32_t before = mh_get16(good.bytes + 6);
    const size_t size = good.size - before + manifest_size;
    uint8_t *changed = malloc(size);

    mh_put16(manifest + 6, (uint16_t)manifest_size);
    if (mh_get16(manifest + 16) == MH_TAG_PACKAGE_SIZE) {
        mh_put32(manifest + 20, (uint32_t)size); /* behind the board, as pack writes it */
    }
    memcpy(changed, manifest, manifest_size);
    crypto_sign_ed25519_seed_keypair(public_key, private_key, seed);
    crypto_sign_ed25519_detached(changed + manifest_size, NULL, manifest, manifest_size, private_key);
    memcpy(changed + manifest_size + 64, good.bytes + before + 64, good.size - before - 64);
    const enum mh_error error = open_bytes(changed, size);
    free(changed);
    return error;
}

/* The value of a field of the application, or of the package. */
static uint8_t *value_of(uint16_t tag)
{
    for (uint32_t at = 8; at < manifest_size;) {
        const uint16_t found = mh_get16(manifest + at), length = mh_get16(manifest + at + 2);
        if (found == tag) {
            return manifest + at + 4;
        }
        at += found == MH_TAG_COMPONENT + MH_APPLICATION ? 4 : 4 + (length + 3u) / 4 * 4;
    }
    fail();
    return NULL;
}

static void append_field(uint16_t tag, uint16_t length)
{
    mh_put16(manifest + manifest_size, tag);
    mh_put16(manifest + manifest_size + 2, length);
    memset(manifest + manifest_size + 4, 0, length + 3u);
    manifest_size += 4 + (length + 3u) / 4 * 4;
}

/* The same behind the last field of the application, which is the last one of the manifest. */
static void append_to_application(uint16_t tag, uint16_t length)
{
    uint8_t *list = value_of(MH_TAG_COMPONENT + MH_APPLICATION);
    const uint32_t before = manifest_size;

    append_field(tag, length);
    mh_put16(list - 2, (uint16_t)(mh_get16(list - 2) + (manifest_size - before)));
}

static void good_package_is_accepted(void **state)
{
    (void)state;
    assert_int_equal(open_bytes(good.bytes, good.size), MH_OK);
    assert_string_equal(package.manifest.name, "test");
    assert_int_equal(package.manifest.components[MH_APPLICATION - 1].image_size, SIZE);
    assert_int_equal(open_changed(), MH_OK); /* so what follows differs by its change alone */
}

/* The first chunk of these packages compresses, the second does not and is stored as it is:
 * as long as what it decodes to. */
static void chunks_are_read_compressed_and_stored(void **state)
{
    const struct mh_source source = mh_source_memory(good.bytes, (uint32_t)good.size);
    uint32_t length;

    (void)state;
    assert_int_equal(mh_package_open(&package, &source, &array.device.anchors, array.device.board), MH_OK);
    assert_int_equal(mh_package_load_table(&package, MH_APPLICATION), MH_OK);
    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t stored = mh_get32(package.table + i * MH_CHUNK_ENTRY_SIZE + 4);
        memset(package.plain, 0, sizeof package.plain);
        assert_int_equal(mh_package_read_chunk(&package, i, &length), MH_OK);
        assert_int_equal(length, MH_CHUNK_SIZE);
        assert_true(i == 0 ? stored < length : stored == length);
        assert_int_equal(package.plain[64], i == 0 ? 2 : package.stored[64]);
        assert_int_equal(memcmp(package.plain, package.stored, length) == 0, i == 1);
    }
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < good.size; size += size < 600 ? 1 : 97) {
        assert_int_equal(open_bytes(good.bytes, size), MH_ERR_TRUNCATED);
    }
}

static void trailing_data_is_refused(void **state)
{
    uint8_t *longer = malloc(good.size + 1);

    (void)state;
    memcpy(longer, good.bytes, good.size);
    longer[good.size] = 0;
    assert_int_equal(open_bytes(longer, good.size + 1), MH_ERR_TRAILING);
    free(longer);
}

static void every_changed_byte_is_refused(void **state)
{
    (void)state;
    for (size_t at = 0; at < good.size; at += at < 600 ? 1 : 131) {
        good.bytes[at] ^= 0x10;
        assert_int_not_equal(open_bytes(good.bytes, good.size), MH_OK);
        good.bytes[at] ^= 0x10;
    }
}

static void signature_of_another_key_is_refused(void **state)
{
    (void)state;
    array.device.anchors.keys[0][0] ^= 1;
    assert_int_equal(open_bytes(good.bytes, good.size), MH_ERR_SIGNATURE);
}

/* The anchors' own key in each place: it counts where it is one of `count`, and behind them it does not. */
static void keys_behind_the_count_do_not_count(void **state)
{
    struct mh_anchors *keys = &array.device.anchors;
    uint8_t key[MH_KEY_SIZE];

    (void)state;
    memcpy(key, keys->keys[0], sizeof key);
    for (unsigned place = 0; place < MH_KEYS_MAX; place++) {
        memset(keys->keys, 0, sizeof keys->keys);
        memcpy(keys->keys[place], key, sizeof key);
        keys->count = place + 1;
        assert_int_equal(open_bytes(good.bytes, good.size), MH_OK);
        keys->count = place;
        assert_int_equal(open_bytes(good.bytes, good.size), MH_ERR_SIGNATURE);
    }
}

static void signature_of_a_revoked_key_is_refused(void **state)
{
    struct mh_anchors *keys = &array.device.anchors;
    uint8_t key[MH_KEY_SIZE];

    (void)state;
    memcpy(key, keys->keys[0], sizeof key);
    keys->count = MH_KEYS_MAX;
    for (unsigned place = 0; place < MH_KEYS_MAX; place++) {
        memset(keys->keys, 0x11, sizeof keys->keys);
        memcpy(keys->keys[place], key, sizeof key);
        keys->revoked = ~(1u << place); /* all others */
        assert_int_equal(open_bytes(good.bytes, good.size), MH_OK);
        keys->revoked = 1u << place;
        assert_int_equal(open_bytes(good.bytes, good.size), MH_ERR_REVOKED);
        assert_int_equal(mh_manifest_authenticate(good.bytes, manifest_size, keys, MH_ANY_KEY), MH_OK);
        assert_int_equal(mh_manifest_signer(good.bytes, manifest_size, keys), place);
    }
    keys->revoked = 0xF;
    good.bytes[manifest_size] ^= 1; /* nobody's signature is no revoked key's */
    assert_int_equal(open_bytes(good.bytes, good.size), MH_ERR_SIGNATURE);
    assert_int_equal(mh_manifest_signer(good.bytes, manifest_size, keys), MH_KEYS_MAX);
}

/* Every mask, signed by each of four keys: all that name the one that signs are refused, and no others. */
static void key_that_signs_cannot_be_revoked(void **state)
{
    struct mh_anchors *keys = &array.device.anchors;
    uint8_t key[MH_KEY_SIZE];

    (void)state;
    memcpy(key, keys->keys[0], sizeof key);
    append_field(MH_TAG_REVOKES, 4);
    for (unsigned place = 0; place < MH_KEYS_MAX; place++) {
        memset(keys->keys, 0x11, sizeof keys->keys);
        memcpy(keys->keys[place], key, sizeof key);
        keys->count = place + 1;
        for (uint32_t mask = 0; mask < 1u << MH_KEYS_MAX; mask++) {
            mh_put32(value_of(MH_TAG_REVOKES), mask);
            assert_int_equal(open_changed(), mask >> place & 1 ? MH_ERR_FIELD_VALUE : MH_OK);
            assert_int_equal(package.manifest.revokes, mask);
        }
    }
    for (unsigned bit = MH_KEYS_MAX; bit < 32; bit++) {
        mh_put32(value_of(MH_TAG_REVOKES), 1u << bit);
        assert_int_equal(open_changed(), MH_ERR_FIELD_VALUE);
    }
}

static void lengths_and_duplicates_of_revokes(void **state)
{
    const uint32_t before = manifest_size;

    (void)state;
    for (uint16_t length = 0; length <= 8; length++) {
        manifest_size = before;
        append_field(MH_TAG_REVOKES, length);
        assert_int_equal(open_changed(), length == 4 ? MH_OK : MH_ERR_FIELD_LENGTH);
    }
    manifest_size = before;
    append_field(MH_TAG_REVOKES, 4);
    append_field(MH_TAG_REVOKES, 4);
    assert_int_equal(open_changed(), MH_ERR_DUPLICATE);
}

static void format_and_framing(void **state)
{
    (void)state;
    good.bytes[0] = 'X';
    assert_int_equal(open_bytes(good.bytes, good.size), MH_ERR_MAGIC);
    good.bytes[0] = 'M';
    good.bytes[4] = 2;
    assert_int_equal(open_bytes(good.bytes, good.size), MH_ERR_FORMAT);
    good.bytes[4] = 1;
    /* no field at all, but it may be signed: the smallest size that is none of the bad ones */
    mh_put16(good.bytes + 6, 8);
    assert_int_equal(open_bytes(good.bytes, good.size), MH_ERR_SIGNATURE);
    assert_int_equal(open_bytes((const uint8_t *)"no magic", 8), MH_ERR_MAGIC);
    static const uint16_t sizes[] = {0, 4, 7, 10, 449, 452, 0xFFFF};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mh_put16(good.bytes + 6, sizes[i]);
        assert_int_equal(open_bytes(good.bytes, good.size), MH_ERR_MANIFEST_SIZE);
    }
}

static void unknown_fields(void **state)
{
    (void)state;
    append_field(0x0777, 5);
    assert_int_equal(open_changed(), MH_OK);
    append_field(0x0778, 0); /* nothing but its header, at the very end */
    assert_int_equal(open_changed(), MH_OK);
    append_field(0x8777, 5);
    assert_int_equal(open_changed(), MH_ERR_UNKNOWN_CRITICAL);
}

static void duplicate_fields(void **state)
{
    (void)state;
    append_field(0x0777, 4);
    append_field(0x0777, 4);
    assert_int_equal(open_changed(), MH_ERR_DUPLICATE); /* unknown ones too */
    manifest_size -= 16;
    append_field(MH_TAG_BOARD, 4);
    assert_int_equal(open_changed(), MH_ERR_DUPLICATE);
}

static void missing_fields(void **state)
{
    static const uint16_t tags[] = {MH_TAG_BOARD, MH_TAG_PACKAGE_SIZE, MH_TAG_DESTINATION, MH_TAG_VERSION,
                                    MH_TAG_COUNTER, MH_TAG_IMAGE, MH_TAG_CODEC, MH_TAG_CHUNKS};

    (void)state;
    for (unsigned i = 0; i < sizeof tags / sizeof *tags; i++) {
        uint8_t *tag = value_of(tags[i]) - 4;
        mh_put16(tag, 0x0700); /* an unknown one that may be skipped */
        assert_int_equal(open_changed(), MH_ERR_MISSING_FIELD);
        mh_put16(tag, tags[i]);
    }
    mh_put16(value_of(MH_TAG_COMPONENT + MH_APPLICATION) - 4, 0x0700);
    assert_int_equal(open_changed(), MH_ERR_MISSING_FIELD);
}

static void field_lengths(void **state)
{
    (void)state;
    append_field(0x0777, 40);
    mh_put16(manifest + manifest_size - 42, 41); /* reaches beyond the list */
    assert_int_equal(open_changed(), MH_ERR_FIELD_LENGTH);
    manifest_size -= 44;
    mh_put16(value_of(MH_TAG_COUNTER) - 2, 3); /* padded to the same size, but not four bytes */
    assert_int_equal(open_changed(), MH_ERR_FIELD_LENGTH);
}

static void values_out_of_bounds(void **state)
{
    static const struct {
        uint16_t tag;
        unsigned offset;
        uint32_t value;
        enum mh_error expected;
    } cases[] = {
        {MH_TAG_BOARD, 0, 2, MH_ERR_BOARD},
        {MH_TAG_BOARD, 0, 0, MH_ERR_BOARD},
        {MH_TAG_DESTINATION, 0, 0x08080000, MH_ERR_DESTINATION},
        {MH_TAG_DESTINATION, 0, 0x08000000, MH_ERR_DESTINATION},
        {MH_TAG_IMAGE, 0, 0x60000 - 511, MH_ERR_TOO_LARGE},
        {MH_TAG_IMAGE, 0, 0xFFFFFFFF, MH_ERR_TOO_LARGE},
        {MH_TAG_IMAGE, 0, 7, MH_ERR_FIELD_VALUE},
        {MH_TAG_CODEC, 0, MH_CODEC_LZMA, MH_ERR_CODEC}, /* test_lzma has it built in */
        {MH_TAG_CODEC, 0, 3, MH_ERR_FIELD_VALUE},
        {MH_TAG_CHUNKS, 0, 8192, MH_ERR_FIELD_VALUE},
        {MH_TAG_CHUNKS, 4, 0, MH_ERR_LAYOUT},
        {MH_TAG_CHUNKS, 4, 0xFFFFFF00, MH_ERR_LAYOUT},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *value = value_of(cases[i].tag) + cases[i].offset;
        const uint32_t before = mh_get32(value);
        mh_put32(value, cases[i].value);
        assert_int_equal(open_changed(), cases[i].expected);
        mh_put32(value, before);
    }
}

/* A name is what ASCII can print, from the space to the tilde. */
static void names(void **state)
{
    static const struct {
        uint8_t character;
        enum mh_error expected;
    } cases[] = {{0x1F, MH_ERR_FIELD_VALUE}, {0x20, MH_OK}, {0x7E, MH_OK}, {0x7F, MH_ERR_FIELD_VALUE}};

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        value_of(MH_TAG_NAME)[3] = cases[i].character;
        assert_int_equal(open_changed(), cases[i].expected);
    }
}

/// Encryption ///

static void use_encrypted(uint32_t size, uint32_t runtime_size)
{
    free(good.bytes);
    good = fixture_encrypted(size, runtime_size, 1);
    manifest_size = mh_get16(good.bytes + 6);
    memcpy(manifest, good.bytes, manifest_size);
    array.device.anchors.cipher_key = fixture_cipher_key;
}

static void encrypted_package_is_accepted(void **state)
{
    (void)state;
    use_encrypted(SIZE, 0);
    assert_int_equal(open_bytes(good.bytes, good.size), MH_OK);
    assert_int_equal(package.manifest.components[MH_APPLICATION - 1].cipher, MH_CIPHER_CHACHA20);
    assert_int_equal(open_changed(), MH_OK);
}

/* Component by component: a key stream that is not its own makes nothing of it. The images are the same, and are not
 * the same when they are encrypted. */
static void each_component_has_its_nonce(void **state)
{
    (void)state;
    use_encrypted(SIZE, SIZE);
    assert_int_equal(open_bytes(good.bytes, good.size), MH_OK);
    const uint8_t *runtime = good.bytes + manifest_size + MH_SIGNATURE_SIZE;
    const uint8_t *application = runtime + package.manifest.components[MH_RUNTIME - 1].stored_size;
    const uint32_t second = mh_get32(runtime + MH_CHUNK_ENTRY_SIZE); /* does not compress: as long in both */
    assert_memory_equal(runtime + MH_CHUNK_ENTRY_SIZE, application + MH_CHUNK_ENTRY_SIZE, 8);
    assert_memory_not_equal(runtime + second, application + second, MH_CHUNK_SIZE);
}

static void key_of_another_device_is_refused(void **state)
{
    static const uint8_t none[MH_KEY_SIZE];
    struct mh_anchors *anchors = &array.device.anchors;
    uint8_t another[MH_KEY_SIZE];

    (void)state;
    use_encrypted(SIZE, 0);
    memcpy(another, fixture_cipher_key, sizeof another);
    another[31] ^= 1;
    anchors->cipher_key = another;
    assert_int_equal(open_bytes(good.bytes, good.size), MH_ERR_CIPHER_KEY);
    anchors->cipher_key = NULL;
    assert_int_equal(open_bytes(good.bytes, good.size), MH_ERR_CIPHER_KEY);
    /* zeros are no key, although they have an id */
    uint8_t id[MH_HASH_SIZE];
    crypto_hash_sha256(id, none, sizeof none);
    memcpy(value_of(MH_TAG_CIPHER) + 16, id, MH_KEY_ID_SIZE);
    assert_int_equal(open_changed(), MH_ERR_CIPHER_KEY);
    anchors->cipher_key = fixture_cipher_key;
    assert_int_equal(open_changed(), MH_ERR_CIPHER_KEY);
}

/* One component that the device could read does not make up for one that it cannot. */
static void both_components_need_their_key(void **state)
{
    (void)state;
    use_encrypted(SIZE, SIZE);
    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        assert_int_equal(open_bytes(good.bytes, good.size), MH_OK);
        package.manifest.components[number - 1].cipher_key_id[7] ^= 1;
        assert_non_null(package.cipher_key);
        assert_int_equal(mh_package_unlock(&package, fixture_cipher_key), MH_ERR_CIPHER_KEY);
        assert_null(package.cipher_key);
    }
}

static void cipher_field_is_what_it_must_be(void **state)
{
    static const uint32_t ciphers[] = {0, 2, 0xFFFFFFFF};
    const uint32_t before = manifest_size;

    (void)state;
    for (uint16_t length = 20; length <= 28; length++) {
        append_to_application(MH_TAG_CIPHER, length);
        mh_put32(value_of(MH_TAG_CIPHER), MH_CIPHER_CHACHA20);
        assert_int_equal(open_changed(), length == 24 ? MH_ERR_CIPHER_KEY : MH_ERR_FIELD_LENGTH);
        memcpy(manifest, good.bytes, before);
        manifest_size = before;
    }
    use_encrypted(SIZE, 0);
    for (unsigned i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        mh_put32(value_of(MH_TAG_CIPHER), ciphers[i]);
        assert_int_equal(open_changed(), MH_ERR_FIELD_VALUE);
    }
    mh_put32(value_of(MH_TAG_CIPHER), MH_CIPHER_CHACHA20);
    append_to_application(MH_TAG_CIPHER, 24);
    assert_int_equal(open_changed(), MH_ERR_DUPLICATE);
}

static void nonce_is_needed_bit_by_bit(void **state)
{
    (void)state;
    use_encrypted(SIZE, 0);
    for (unsigned bit = 0; bit < 8 * MH_NONCE_SIZE; bit++) {
        uint8_t *byte = value_of(MH_TAG_CIPHER) + 4 + bit / 8;
        *byte ^= 1u << bit % 8;
        const enum mh_error error = open_changed();
        assert_true(error == MH_ERR_CHUNK || error == MH_ERR_IMAGE);
        *byte ^= 1u << bit % 8;
    }
}

/* What says to be encrypted and is not, or the other way round. */
static void cipher_that_is_not_there(void **state)
{
    (void)state;
    use_encrypted(SIZE, 0);
    uint8_t *tag = value_of(MH_TAG_CIPHER) - 4;
    mh_put16(tag, 0x0700); /* an unknown one that may be skipped */
    assert_int_equal(open_changed(), MH_ERR_CHUNK);
    free(good.bytes);
    good = fixture_package(SIZE, 0, 1, 0);
    assert_int_equal(mh_get16(good.bytes + 6) + 28, manifest_size);
    mh_put16(tag, MH_TAG_CIPHER);
    assert_int_not_equal(open_changed(), MH_OK);
}

/* Without a key the chunks can be checked as stored, and not read. */
static void encrypted_chunk_without_key(void **state)
{
    uint32_t length;

    (void)state;
    use_encrypted(SIZE, 0);
    struct mh_source source = mh_source_memory(good.bytes, (uint32_t)good.size);
    assert_int_equal(mh_package_open(&package, &source, NULL, array.device.board), MH_OK);
    assert_int_equal(mh_package_load_table(&package, MH_APPLICATION), MH_OK);
    assert_int_equal(mh_package_read_chunk(&package, 2, &length), MH_ERR_CIPHER_KEY);
    good.bytes[good.size - 1] ^= 1;
    assert_int_equal(mh_package_read_chunk(&package, 2, &length), MH_ERR_CHUNK);
    good.bytes[good.size - 1] ^= 1;
    assert_int_equal(mh_package_unlock(&package, fixture_cipher_key), MH_OK);
    assert_int_equal(mh_package_verify(&package, NULL), MH_OK);
    assert_int_equal(mh_package_open(&package, &source, NULL, array.device.board), MH_OK); /* a key does not stay */
    assert_int_equal(mh_package_verify(&package, NULL), MH_ERR_CIPHER_KEY);
}

/* Nor does the package tell them: a hash of what a small chunk decodes to would. */
static void hashes_of_plain_chunks_are_not_told(void **state)
{
    static const uint8_t zeros[MH_HASH_SIZE];

    (void)state;
    use_encrypted(SIZE, SIZE);
    assert_int_equal(open_bytes(good.bytes, good.size), MH_OK);
    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        const struct mh_source source = mh_source_memory(good.bytes, (uint32_t)good.size);
        assert_int_equal(mh_package_open(&package, &source, &array.device.anchors, array.device.board), MH_OK);
        assert_int_equal(mh_package_load_table(&package, number), MH_OK);
        for (uint32_t i = 0; i < mh_package_chunks(&package.manifest.components[number - 1]); i++) {
            assert_memory_equal(package.table + i * MH_CHUNK_ENTRY_SIZE + 40, zeros, sizeof zeros);
        }
    }
}

static void counters(void **state)
{
    struct mh_installed installed = {.recorded = {9, 7}, .capacity = {0, 8}};

    (void)state;
    assert_int_equal(open_bytes(good.bytes, good.size), MH_OK);
    struct mh_component *component = &package.manifest.components[MH_APPLICATION - 1];
    const struct {
        uint32_t counter;
        enum mh_error expected;
    } cases[] = {
        {6, MH_ERR_COUNTER},      {7, MH_OK}, {8, MH_OK}, {9, MH_ERR_COUNTER_FULL}, {UINT32_MAX, MH_ERR_COUNTER_FULL},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        component->counter = cases[i].counter;
        assert_int_equal(mh_manifest_accept(&package.manifest, &installed), cases[i].expected);
    }
    installed.counter[MH_APPLICATION - 1] = 8;
    component->counter = 7;
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_OK); /* nothing is installed */
    installed.present[MH_APPLICATION - 1] = true;
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_ERR_COUNTER);
    /* it could not be recorded when it was confirmed, and others may follow it */
    installed.counter[MH_APPLICATION - 1] = 20;
    for (component->counter = 19; component->counter <= 21; component->counter++) {
        const enum mh_error expected[] = {MH_ERR_COUNTER, MH_OK, MH_ERR_COUNTER_FULL};
        assert_int_equal(mh_manifest_accept(&package.manifest, &installed), expected[component->counter - 19]);
    }
}

static void packages_once_refused_or_rolled_back(void **state)
{
    struct mh_installed installed = {.capacity = {MH_COUNTER_MAX, MH_COUNTER_MAX}};

    (void)state;
    assert_int_equal(open_bytes(good.bytes, good.size), MH_OK);
    memcpy(installed.rolled_back_id, package.manifest.id, MH_ID_SIZE);
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_ERR_ROLLED_BACK);
    installed.rolled_back_id[MH_ID_SIZE - 1] ^= 1;
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_OK);
    memcpy(installed.refused_id, package.manifest.id, MH_ID_SIZE);
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_ERR_REFUSED_BEFORE);
}

static void requirements(void **state)
{
    struct mh_installed installed = {.capacity = {MH_COUNTER_MAX, MH_COUNTER_MAX}};

    (void)state;
    assert_int_equal(open_bytes(good.bytes, good.size), MH_OK);
    struct mh_component *component = &package.manifest.components[MH_APPLICATION - 1];
    component->requires = MH_RUNTIME;
    component->requires_version = (struct mh_version){{1, 2, 3, 4}};
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_ERR_REQUIRES);
    installed.present[MH_RUNTIME - 1] = true;
    installed.version[MH_RUNTIME - 1] = (struct mh_version){{1, 2, 3, 3}};
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_ERR_REQUIRES);
    installed.version[MH_RUNTIME - 1] = (struct mh_version){{1, 2, 3, 4}};
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_OK);
    installed.version[MH_RUNTIME - 1] = (struct mh_version){{1, 3, 0, 0}};
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_OK);
}

/* What the package does not have stays, and requires what it required. */
static void requirements_of_what_stays(void **state)
{
    static const struct mh_version lowest = {{0, 0, 0, 2}};
    struct mh_installed installed = {
        .capacity = {MH_COUNTER_MAX, MH_COUNTER_MAX},
        .present = {true, true},
        .requires = {[MH_APPLICATION - 1] = MH_RUNTIME},
        .requires_version = {[MH_APPLICATION - 1] = lowest},
    };

    (void)state;
    assert_int_equal(open_bytes(good.bytes, good.size), MH_OK);
    struct mh_component *runtime = &package.manifest.components[MH_RUNTIME - 1];
    struct mh_component *application = &package.manifest.components[MH_APPLICATION - 1];
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_OK); /* it replaces the application */
    *runtime = *application;
    application->present = false;
    runtime->version = (struct mh_version){{0, 0, 0, 1}};
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_ERR_REQUIRED);
    runtime->version = lowest;
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_OK);
    runtime->version = (struct mh_version){{0, 0, 1, 0}};
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_OK);
    runtime->version = (struct mh_version){{0, 0, 0, 1}};
    application->present = true; /* another application, which requires nothing */
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_OK);
    application->present = false;
    installed.requires[MH_APPLICATION - 1] = 0;
    assert_int_equal(mh_manifest_accept(&package.manifest, &installed), MH_OK);
}

static void revocations_that_cannot_be_recorded(void **state)
{
    struct mh_installed installed = {.capacity = {MH_COUNTER_MAX, MH_COUNTER_MAX}};

    (void)state;
    assert_int_equal(open_bytes(good.bytes, good.size), MH_OK);
    for (uint32_t revokes = 0; revokes < 16; revokes++) {
        for (installed.revocable = 0; installed.revocable < 16; installed.revocable++) {
            package.manifest.revokes = revokes;
            const enum mh_error expected = revokes & ~installed.revocable ? MH_ERR_REVOCATION : MH_OK;
            assert_int_equal(mh_manifest_accept(&package.manifest, &installed), expected);
        }
    }
}

static void every_error_has_its_text(void **state)
{
    (void)state;
    for (int a = 0; a < MH_ERRORS; a++) {
        assert_non_null(mh_error_text(a));
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(mh_error_text(a), mh_error_text(b));
        }
    }
    assert_string_equal(mh_error_text(MH_ERRORS), "unknown error");
}

static void boards_and_components_have_their_names(void **state)
{
    (void)state;
    assert_int_equal(mh_board_named("mountaineer-usb")->id, 2);
    assert_null(mh_board_named("mountaineer"));
    assert_string_equal(mh_board_numbered(1)->name, "mountaineer-eth");
    assert_null(mh_board_numbered(3));
    assert_string_equal(mh_component_name(MH_RUNTIME), "runtime");
    assert_string_equal(mh_component_name(MH_APPLICATION), "application");
}

static void crc_has_its_check_value(void **state)
{
    (void)state;
    assert_int_equal(mh_crc32("123456789", 9), 0xCBF43926);
    assert_int_equal(mh_crc32_more(mh_crc32("1234", 4), "56789", 5), 0xCBF43926);
}

static void anchors(void **state)
{
    struct mh_anchors written = {.board = 2}, read;
    uint8_t bytes[MH_ANCHORS_SIZE], secret[MH_SECRET_SIZE], device_key[MH_KEY_SIZE];

    (void)state;
    for (written.count = 0; written.count <= MH_KEYS_MAX; written.count++) {
        mh_anchors_write(&written, bytes);
        assert_int_equal(mh_anchors_read(&read, bytes), written.count == 0 ? MH_ERR_FIELD_VALUE : MH_OK);
    }
    written.count = 3;
    memset(written.keys, 0x5C, 3 * MH_KEY_SIZE);
    assert_null(read.secret);
    assert_null(read.cipher_key);
    written.secret = memset(secret, 0xA7, sizeof secret);
    written.cipher_key = memset(device_key, 0x3D, sizeof device_key);
    read.revoked = 0xF; /* is not theirs to say */
    mh_anchors_write(&written, bytes);
    assert_int_equal(mh_anchors_read(&read, bytes), MH_OK);
    assert_int_equal(read.board, 2);
    assert_int_equal(read.count, 3);
    assert_int_equal(read.revoked, 0);
    assert_memory_equal(read.keys, written.keys, sizeof read.keys);
    assert_ptr_equal(read.secret, bytes + 144); /* there is no copy */
    assert_memory_equal(read.secret, secret, sizeof secret);
    assert_ptr_equal(read.cipher_key, bytes + 176);
    assert_memory_equal(read.cipher_key, device_key, sizeof device_key);
    for (unsigned at = 0; at < sizeof bytes; at++) {
        bytes[at] ^= 2;
        assert_int_not_equal(mh_anchors_read(&read, bytes), MH_OK);
        bytes[at] ^= 2;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest package_tests[] = {
        TEST(good_package_is_accepted),
        TEST(chunks_are_read_compressed_and_stored),
        TEST(every_truncation_is_refused),
        TEST(trailing_data_is_refused),
        TEST(every_changed_byte_is_refused),
        TEST(signature_of_another_key_is_refused),
        TEST(keys_behind_the_count_do_not_count),
        TEST(signature_of_a_revoked_key_is_refused),
        TEST(key_that_signs_cannot_be_revoked),
        TEST(lengths_and_duplicates_of_revokes),
        TEST(format_and_framing),
        TEST(unknown_fields),
        TEST(duplicate_fields),
        TEST(missing_fields),
        TEST(field_lengths),
        TEST(values_out_of_bounds),
        TEST(names),
        TEST(encrypted_package_is_accepted),
        TEST(each_component_has_its_nonce),
        TEST(key_of_another_device_is_refused),
        TEST(both_components_need_their_key),
        TEST(cipher_field_is_what_it_must_be),
        TEST(nonce_is_needed_bit_by_bit),
        TEST(cipher_that_is_not_there),
        TEST(encrypted_chunk_without_key),
        TEST(hashes_of_plain_chunks_are_not_told),
        TEST(counters),
        TEST(packages_once_refused_or_rolled_back),
        TEST(requirements),
        TEST(requirements_of_what_stays),
        TEST(revocations_that_cannot_be_recorded),
        TEST(every_error_has_its_text),
        TEST(boards_and_components_have_their_names),
        TEST(crc_has_its_check_value),
        TEST(anchors),
    };
    return cmocka_run_group_tests(package_tests, NULL, NULL);
}
