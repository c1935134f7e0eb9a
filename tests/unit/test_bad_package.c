/* SPDX-License-Identifier: MIT
 *
 * Bad packages as a whole: their framing (docs/SPEC.md 2.1, the first table), signature and acceptance. Fields, values
 * and chunks are in test_bad_fields.c, test_bad_values.c and test_bad_chunks.c.
 */
#include "bad_package.h"

/* What the cases differ from is taken, once edited and put together again too. */
static void the_good_package_is_taken(void **state)
{
    struct edit edit;
    bool begun;

    (void)state;
    edit_begin(&edit, &good);
    struct blob package = edit_end(&edit);
    assert_int_equal(package.size, good.size);
    assert_memory_equal(package.bytes, good.bytes, good.size);
    assert_int_equal(offer(&package, (uint32_t)package.size, &begun), MH_OK);
    restore_device();
    put_request(&package, (uint32_t)package.size);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_true(fixture_holds(&array, MH_APPLICATION, SIZE, 2));
    assert_true(fixture_holds(&array, MH_RUNTIME, RUNTIME_SIZE, 2));
    free(package.bytes);
}

/// Framing (2.1, the first table) ///

static void framing(void **state)
{
    static const struct {
        const char *row, *name;
        unsigned offset, width;
        uint32_t value;
        enum mh_error expected;
    } cases[] = {
        {"2.1 0", "magic of zeros", 0, 4, 0, MH_ERR_MAGIC},
        {"2.1 0", "first byte of the magic", 0, 1, 'm', MH_ERR_MAGIC},
        {"2.1 0", "last byte of the magic", 3, 1, 'Q', MH_ERR_MAGIC},
        {"2.1 0", "blank magic", 0, 4, 0xFFFFFFFF, MH_ERR_MAGIC},
        {"2.1 4", "format 0", 4, 2, 0, MH_ERR_FORMAT},
        {"2.1 4", "the next format", 4, 2, MH_MANIFEST_FORMAT + 1, MH_ERR_FORMAT},
        {"2.1 4", "the format in the upper byte", 4, 2, MH_MANIFEST_FORMAT << 8, MH_ERR_FORMAT},
        {"2.1 4", "highest format", 4, 2, 0xFFFF, MH_ERR_FORMAT},
        {"2.1 6", "manifest size 0", 6, 2, 0, MH_ERR_MANIFEST_SIZE},
        {"2.1 6", "manifest without its own head", 6, 2, 4, MH_ERR_MANIFEST_SIZE},
        {"2.1 6", "manifest size 7", 6, 2, 7, MH_ERR_MANIFEST_SIZE},
        {"2.1 6", "manifest size no multiple of 4", 6, 2, 290, MH_ERR_MANIFEST_SIZE},
        {"2.1 6", "manifest one byte too large", 6, 2, MH_MANIFEST_MAX + 1, MH_ERR_MANIFEST_SIZE},
        {"2.1 6", "manifest one word too large", 6, 2, MH_MANIFEST_MAX + 4, MH_ERR_MANIFEST_SIZE},
        {"2.1 6", "highest manifest size", 6, 2, 0xFFFF, MH_ERR_MANIFEST_SIZE},
        {"2.1 6", "signed manifest without fields", 6, 2, 8, MH_ERR_MISSING_FIELD},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct edit edit;
        edit_begin(&edit, &good);
        edit.mend_size = false;
        edit.mend_signature = cases[i].expected == MH_ERR_MISSING_FIELD;
        memcpy(edit.manifest + cases[i].offset, &cases[i].value, cases[i].width);
        end_refused(cases[i].name, &edit, cases[i].expected);
        spec_rows_cover(cases[i].row);
    }
}

/* Signed as it stands: only the signature's place is another one. */
static void sizes_that_cut_a_field_off(void **state)
{
    const uint32_t size = mh_get16(good.bytes + 6);
    struct edit edit;

    (void)state;
    for (uint32_t shorter = 4; shorter <= 40; shorter += 4) {
        edit_begin(&edit, &good);
        edit.mend_size = false;
        mh_put16(edit.manifest + 6, (uint16_t)(size - shorter));
        end_refused("manifest that ends within its last component", &edit, MH_ERR_FIELD_LENGTH);
    }
    edit_begin(&edit, &good);
    edit.mend_signature = false;
    edit.mend_size = false;
    mh_put16(edit.manifest + 6, (uint16_t)(size + 4));
    end_refused("manifest that takes in part of its signature", &edit, MH_ERR_SIGNATURE);
    edit_begin(&edit, &good);
    edit.manifest[edit.size] = 9; /* a tag, or what is left of one */
    edit.size += 4;
    memmove(edit.manifest + edit.size, edit.manifest + edit.size - 4, 4);
    edit.manifest[edit.size - 2] = 0xFF; /* its length */
    end_refused("field whose value is not there", &edit, MH_ERR_FIELD_LENGTH);
    spec_rows_cover("2.1 8");
}

static void cut_off_and_longer_packages(void **state)
{
    const uint32_t head = mh_get16(good.bytes + 6) + MH_SIGNATURE_SIZE, size = (uint32_t)good.size;
    static const uint8_t more[4096];

    (void)state;
    for (uint32_t length = 1; length < size; length += length < 8 ? 1 : length < head ? head - 9 : size / 5) {
        const struct blob part = {good.bytes, length};
        assert_refused("cut off", &part, MH_ERR_TRUNCATED);
    }
    const struct blob last = {good.bytes, size - 1};
    assert_refused("cut off by one byte", &last, MH_ERR_TRUNCATED);
    struct blob longer = {malloc(size + sizeof more), size + 1};
    memcpy(longer.bytes, good.bytes, size);
    memcpy(longer.bytes + size, more, sizeof more);
    assert_refused("one byte behind the end", &longer, MH_ERR_TRAILING);
    longer.size = size + sizeof more;
    assert_refused("an extent behind the end", &longer, MH_ERR_TRAILING);
    free(longer.bytes);
}

/// Signature ///

static void signatures(void **state)
{
    const uint32_t at = mh_get16(good.bytes + 6);
    struct edit edit;

    (void)state;
    for (uint32_t byte = 0; byte < MH_SIGNATURE_SIZE; byte += 7) {
        good.bytes[at + byte] ^= 0x20;
        assert_refused("changed signature", &good, MH_ERR_SIGNATURE);
        good.bytes[at + byte] ^= 0x20;
    }
    for (unsigned filling = 0; filling < 256; filling += 255) { /* the point of order 1, and no point at all */
        edit_begin(&edit, &good);
        edit.mend_signature = false;
        memset(edit.manifest + edit.size, (int)filling, MH_SIGNATURE_SIZE);
        end_refused("signature of one byte over and over", &edit, MH_ERR_SIGNATURE);
    }
    for (uint32_t byte = 8; byte < at; byte += 5) { /* not a field is looked at before */
        good.bytes[byte] ^= 0xFF;
        assert_refused("changed field under the old signature", &good, MH_ERR_SIGNATURE);
        good.bytes[byte] ^= 0xFF;
    }
}

/// Acceptance ///

/* By what it says of itself; nobody has so many bytes. */
static void a_package_that_is_larger_than_the_store(void **state)
{
    struct edit edit;
    bool begun;

    (void)state;
    edit_begin(&edit, &good);
    edit.mend_size = false;
    const uint32_t length = MH_EXTENTS * MH_EXTENT_SIZE + 1, size = (uint32_t)good.size;
    uint8_t *stored = edit_value(&edit, MH_APPLICATION, MH_TAG_CHUNKS) + 4;
    mh_put32(stored, mh_get32(stored) + length - size);
    mh_put32(edit_value(&edit, TOP, MH_TAG_PACKAGE_SIZE), length);
    struct blob package = edit_end(&edit);
    assert_error("too large", "offered", offer(&package, length, &begun), MH_ERR_NO_ROOM);
    assert_internal_unchanged("too large");
    assert_nor_unchanged("too large", 0);
    free(package.bytes);
}

static void counters_of_the_device(void **state)
{
    (void)state;
    assert_int_equal(mh_otp_raise(&array.device.otp, MH_APPLICATION, COUNTER + 1), MH_OK);
    keep_device();
    assert_refused("counter below the recorded one", &good, MH_ERR_COUNTER);
}

static void a_package_that_was_refused_is_not_taken_again(void **state)
{
    struct edit edit;
    bool begun;

    (void)state;
    edit_begin(&edit, &good);
    edit_value(&edit, MH_APPLICATION, MH_TAG_IMAGE)[4] ^= 1;
    struct blob wrong = edit_end(&edit);
    assert_int_equal(offer(&wrong, (uint32_t)wrong.size, &begun), MH_ERR_IMAGE);
    keep_device();
    assert_refused("refused before", &wrong, MH_ERR_REFUSED_BEFORE);
    free(wrong.bytes);
}

/// All of them ///

static void every_row_has_a_case(void **state)
{
    (void)state;
    spec_rows_check("2.1", "offset");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_good_package_is_taken),
        TEST(framing),
        TEST(sizes_that_cut_a_field_off),
        TEST(cut_off_and_longer_packages),
        TEST(signatures),
        TEST(a_package_that_is_larger_than_the_store),
        TEST(counters_of_the_device),
        TEST(a_package_that_was_refused_is_not_taken_again),
        cmocka_unit_test(every_row_has_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
