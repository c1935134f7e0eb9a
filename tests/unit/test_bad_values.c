/* SPDX-License-Identifier: MIT
 *
 * Bad packages: values of the manifest's fields (docs/SPEC.md 2.1) that are forbidden, or that contradict the device or
 * one another. That each field has a case is for test_bad_fields.c to see.
 */
#include "bad_package.h"

#include <stdio.h>

#define APPLICATION_ROOM (0x60000u - MH_HEADER_SIZE)
#define RUNTIME_ROOM (0x90000u - MH_HEADER_SIZE)

#define OF_FIELD(number, tag) "2.1 " number, tag

static void values_of_fields(void **state)
{
    static const struct {
        const char *row;
        uint16_t tag;
        unsigned list, offset;
        uint32_t value;
        enum mh_error expected;
    } cases[] = {
        {OF_FIELD("0x8001", MH_TAG_BOARD), TOP, 0, 0, MH_ERR_BOARD},
        {OF_FIELD("0x8001", MH_TAG_BOARD), TOP, 0, 2, MH_ERR_BOARD},
        {OF_FIELD("0x8001", MH_TAG_BOARD), TOP, 0, 0x101, MH_ERR_BOARD},
        {OF_FIELD("0x8001", MH_TAG_BOARD), TOP, 0, 0x80000001, MH_ERR_BOARD},
        {OF_FIELD("0x8001", MH_TAG_BOARD), TOP, 0, 0xFFFFFFFF, MH_ERR_BOARD},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x08000000, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x0800C000, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x08010000, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x08080000, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x0809FFFF, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x080A0001, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x080A0200, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x000A0000, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0xFFFFFFFF, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_RUNTIME, 0, 0x080A0000, MH_ERR_DESTINATION},
        {OF_FIELD("0x8103", MH_TAG_COUNTER), MH_APPLICATION, 0, 0, MH_ERR_COUNTER},
        {OF_FIELD("0x8103", MH_TAG_COUNTER), MH_APPLICATION, 0, OLD_COUNTER - 1, MH_ERR_COUNTER},
        {OF_FIELD("0x8103", MH_TAG_COUNTER), MH_RUNTIME, 0, OLD_COUNTER - 1, MH_ERR_COUNTER},
        {OF_FIELD("0x8103", MH_TAG_COUNTER), MH_APPLICATION, 0, MH_COUNTER_MAX + 1, MH_ERR_COUNTER_FULL},
        {OF_FIELD("0x8103", MH_TAG_COUNTER), MH_RUNTIME, 0, 0xFFFFFFFF, MH_ERR_COUNTER_FULL},
        {OF_FIELD("0x8104", MH_TAG_IMAGE), MH_APPLICATION, 0, 0, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8104", MH_TAG_IMAGE), MH_APPLICATION, 0, 7, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8104", MH_TAG_IMAGE), MH_APPLICATION, 0, APPLICATION_ROOM + 1, MH_ERR_TOO_LARGE},
        {OF_FIELD("0x8104", MH_TAG_IMAGE), MH_APPLICATION, 0, 0xFFFFFFFF, MH_ERR_TOO_LARGE},
        {OF_FIELD("0x8104", MH_TAG_IMAGE), MH_RUNTIME, 0, RUNTIME_ROOM + 1, MH_ERR_TOO_LARGE},
        {OF_FIELD("0x8104", MH_TAG_IMAGE), MH_RUNTIME, 0, 0x80000008, MH_ERR_TOO_LARGE},
        {OF_FIELD("0x8105", MH_TAG_CODEC), MH_APPLICATION, 0, MH_CODEC_LZMA + 1, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8105", MH_TAG_CODEC), MH_APPLICATION, 0, 0xFF, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8105", MH_TAG_CODEC), MH_APPLICATION, 0, 0x101, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8105", MH_TAG_CODEC), MH_APPLICATION, 0, 0xFFFFFFFF, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8106", MH_TAG_CHUNKS), MH_APPLICATION, 0, 0, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8106", MH_TAG_CHUNKS), MH_APPLICATION, 0, MH_CHUNK_SIZE - 1, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8106", MH_TAG_CHUNKS), MH_APPLICATION, 0, MH_CHUNK_SIZE + 1, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8106", MH_TAG_CHUNKS), MH_APPLICATION, 0, 0xFFFFFFFF, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8106", MH_TAG_CHUNKS), MH_APPLICATION, 4, 0, MH_ERR_LAYOUT},
        {OF_FIELD("0x8106", MH_TAG_CHUNKS), MH_APPLICATION, 4, 0xFFFFFFFF, MH_ERR_LAYOUT},
        {OF_FIELD("0x8106", MH_TAG_CHUNKS), MH_APPLICATION, 4, 0x80000000, MH_ERR_LAYOUT},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct edit edit;
        char name[64];
        snprintf(name, sizeof name, "%s of %u: 0x%X", cases[i].row, cases[i].list, (unsigned)cases[i].value);
        edit_begin(&edit, &good);
        edit.mend_tables = false;
        mh_put32(edit_value(&edit, cases[i].list, cases[i].tag) + cases[i].offset, cases[i].value);
        end_refused(name, &edit, cases[i].expected);
    }
}

/* The sum of the sizes is the package's, be each of them possible or not. */
static void sizes_that_do_not_add_up(void **state)
{
    static const int32_t wrong[] = {-1, 1, -4, 4, -(int32_t)MH_CHUNK_ENTRY_SIZE, 4096, INT32_MIN};
    struct edit edit;

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        edit_begin(&edit, &good);
        edit.mend_size = false;
        uint8_t *size = edit_value(&edit, TOP, MH_TAG_PACKAGE_SIZE);
        mh_put32(size, mh_get32(size) + (uint32_t)wrong[i]);
        end_refused("package size", &edit, MH_ERR_LAYOUT);
        edit_begin(&edit, &good);
        edit.mend_tables = false;
        size = edit_value(&edit, MH_RUNTIME, MH_TAG_CHUNKS) + 4;
        mh_put32(size, mh_get32(size) + (uint32_t)wrong[i]);
        end_refused("stored size", &edit, MH_ERR_LAYOUT);
    }
    /* both at once, so that 32 bits of the sum are right */
    edit_begin(&edit, &good);
    edit.mend_tables = false;
    for (unsigned number = MH_RUNTIME; number <= MH_APPLICATION; number++) {
        uint8_t *size = edit_value(&edit, number, MH_TAG_CHUNKS) + 4;
        mh_put32(size, mh_get32(size) + 0x80000000);
    }
    end_refused("stored sizes whose sum overflows", &edit, MH_ERR_LAYOUT);
    edit_begin(&edit, &good);
    edit.mend_size = false;
    mh_put32(edit_value(&edit, TOP, MH_TAG_PACKAGE_SIZE), 0);
    end_refused("package size 0", &edit, MH_ERR_LAYOUT);
}

/* The sum is right, and the parts are not. */
static void sizes_of_one_component_at_the_cost_of_the_other(void **state)
{
    struct edit edit;

    (void)state;
    for (int32_t more = -200; more <= 200; more += 400) {
        edit_begin(&edit, &good);
        edit.mend_tables = false; /* where the second one would begin now there is no table */
        for (unsigned number = MH_RUNTIME; number <= MH_APPLICATION; number++) {
            uint8_t *size = edit_value(&edit, number, MH_TAG_CHUNKS) + 4;
            mh_put32(size, mh_get32(size) + (uint32_t)(number == MH_RUNTIME ? more : -more));
        }
        end_refused("stored size of the other component", &edit, more < 0 ? MH_ERR_LAYOUT : MH_ERR_TABLE);
    }
    /* too small for the table, which lies within the other one's bytes then */
    edit_begin(&edit, &good);
    edit.mend_tables = false;
    uint8_t *application = edit_value(&edit, MH_APPLICATION, MH_TAG_CHUNKS) + 4;
    uint8_t *runtime = edit_value(&edit, MH_RUNTIME, MH_TAG_CHUNKS) + 4;
    mh_put32(runtime, mh_get32(runtime) + mh_get32(application) - CHUNKS * MH_CHUNK_ENTRY_SIZE + 1);
    mh_put32(application, CHUNKS * MH_CHUNK_ENTRY_SIZE - 1);
    end_refused("stored size one byte smaller than the table", &edit, MH_ERR_LAYOUT);
}

static void names(void **state)
{
    static const uint8_t wrong[] = {0x00, 0x01, 0x09, 0x0A, 0x1B, 0x1F, 0x7F, 0x80, 0xFF};
    struct edit edit;

    (void)state;
    for (unsigned i = 0; i < sizeof wrong; i++) {
        for (unsigned at = 0; at < 4; at += 3) {
            edit_begin(&edit, &good);
            edit_value(&edit, TOP, MH_TAG_NAME)[at] = wrong[i];
            end_refused("name", &edit, MH_ERR_FIELD_VALUE);
        }
    }
}

/* A version may be any; what is wrong with one is that somebody requires another. */
static void requirements(void **state)
{
    static const struct {
        uint32_t component;
        uint16_t version[4]; /* the runtime in this package is 2.0.0.0, the one installed 1.0.0.0 */
        bool runtime_comes_along;
        enum mh_error expected;
    } cases[] = {
        {0, {0}, true, MH_ERR_FIELD_VALUE},
        {MH_APPLICATION, {0}, true, MH_ERR_FIELD_VALUE},
        {3, {0}, true, MH_ERR_FIELD_VALUE},
        {0x101, {0}, true, MH_ERR_FIELD_VALUE},
        {0xFFFFFFFF, {0}, true, MH_ERR_FIELD_VALUE},
        {MH_RUNTIME, {2, 0, 0, 1}, true, MH_ERR_REQUIRES},
        {MH_RUNTIME, {2, 0, 1, 0}, true, MH_ERR_REQUIRES},
        {MH_RUNTIME, {3, 0, 0, 0}, true, MH_ERR_REQUIRES},
        {MH_RUNTIME, {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}, true, MH_ERR_REQUIRES},
        {MH_RUNTIME, {1, 0, 0, 1}, false, MH_ERR_REQUIRES},
        {MH_RUNTIME, {1, 1, 0, 0}, false, MH_ERR_REQUIRES},
    };
    struct blob alone = fixture_package(SIZE, 0, 2, COUNTER);

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t value[12];
        struct edit edit;
        mh_put32(value, cases[i].component);
        for (unsigned part = 0; part < 4; part++) {
            mh_put16(value + 4 + 2 * part, cases[i].version[part]);
        }
        edit_begin(&edit, cases[i].runtime_comes_along ? &good : &alone);
        edit_append(&edit, MH_APPLICATION, MH_TAG_REQUIRES, sizeof value, value);
        end_refused("requires", &edit, cases[i].expected);
    }
    /* nothing is there that could be new enough */
    memset(array.internal.cells + 0x10000, 0xFF, 512);
    keep_device();
    struct edit edit;
    edit_begin(&edit, &alone);
    edit_append(&edit, MH_APPLICATION, MH_TAG_REQUIRES, 12, (const uint8_t[12]){MH_RUNTIME});
    end_refused("requires what is not installed", &edit, MH_ERR_REQUIRES);
    free(alone.bytes);
}

static void revocations(void **state)
{
    static const uint32_t wrong[] = {1, 3, 15, 16, 0x100, 0x80000000, 0xFFFFFFFF}; /* key 0 signed it */

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct edit edit;
        uint8_t value[4];
        mh_put32(value, wrong[i]);
        edit_begin(&edit, &good);
        edit_append(&edit, TOP, MH_TAG_REVOKES, sizeof value, value);
        end_refused("revokes", &edit, MH_ERR_FIELD_VALUE);
    }
    assert_int_equal(mh_otp_revoked(array.device.otp.cells), 0);
    array.device.anchors.revoked = 1;
    assert_refused("signed by a revoked key", &good, MH_ERR_REVOKED);
}

static void ciphers(void **state)
{
    static const uint32_t wrong[] = {0, 2, 0x101, 0xFFFFFFFF};
    struct blob encrypted = fixture_encrypted(SIZE, RUNTIME_SIZE, 2);
    struct edit edit;

    (void)state;
    assert_refused("encrypted, on a device without a key", &encrypted, MH_ERR_CIPHER_KEY);
    array.device.anchors.cipher_key = fixture_cipher_key;
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        edit_begin(&edit, &encrypted);
        mh_put32(edit_value(&edit, MH_APPLICATION, MH_TAG_CIPHER), wrong[i]);
        end_refused("cipher", &edit, MH_ERR_FIELD_VALUE);
    }
    for (unsigned byte = 0; byte < MH_KEY_ID_SIZE; byte += MH_KEY_ID_SIZE - 1) {
        edit_begin(&edit, &encrypted);
        edit_value(&edit, MH_RUNTIME, MH_TAG_CIPHER)[4 + MH_NONCE_SIZE + byte] ^= 1;
        end_refused("id of another key", &edit, MH_ERR_CIPHER_KEY);
    }
    free(encrypted.bytes);
}

/* It decrypts to something else, which no hash but that of the image tells where nothing has to be decoded. */
static void nonces(void **state)
{
    struct blob encrypted = fixture_encrypted(8, RUNTIME_SIZE, 2);
    static const unsigned components[] = {MH_RUNTIME, MH_APPLICATION};
    static const enum mh_error expected[] = {MH_ERR_CHUNK, MH_ERR_IMAGE};

    (void)state;
    array.device.anchors.cipher_key = fixture_cipher_key;
    /* with the counter of what is installed, which the fixture does not give it */
    for (unsigned i = 0; i < 2; i++) {
        struct edit edit;
        edit_begin(&edit, &encrypted);
        mh_put32(edit_value(&edit, MH_RUNTIME, MH_TAG_COUNTER), COUNTER);
        mh_put32(edit_value(&edit, MH_APPLICATION, MH_TAG_COUNTER), COUNTER);
        edit_value(&edit, components[i], MH_TAG_CIPHER)[4] ^= 1;
        end_refused("nonce", &edit, expected[i]);
    }
    free(encrypted.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_of_fields),
        TEST(sizes_that_do_not_add_up),
        TEST(sizes_of_one_component_at_the_cost_of_the_other),
        TEST(names),
        TEST(requirements),
        TEST(revocations),
        TEST(ciphers),
        TEST(nonces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
