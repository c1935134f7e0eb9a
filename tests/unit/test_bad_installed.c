/* SPDX-License-Identifier: MIT
 *
 * Bad components as they are installed (docs/SPEC.md 2.3): what verifying one says.
 */
#include "bad_package.h"

static void installed_components(void **state)
{
    static const struct {
        const char *row, *name;
        uint32_t offset;
        uint8_t byte;
        enum mh_error expected;
    } cases[] = {
        {"2.3 0", "no magic", 0, 0xFF, MH_ERR_NO_IMAGE},
        {"2.3 0", "another format", 4, 9, MH_ERR_NO_IMAGE},
        {"2.3 0", "manifest size", 7, 0xFF, MH_ERR_NO_IMAGE},
        {"2.3 0", "a field", 40, 0x99, MH_ERR_SIGNATURE},
        {"2.3 512", "stack pointer", 512, 0x99, MH_ERR_IMAGE},
        {"2.3 512", "last byte", 512 + 2999, 0x99, MH_ERR_IMAGE},
    };
    struct mh_manifest manifest;
    uint8_t *region = array.internal.cells + 0xA0000;

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint8_t before = region[cases[i].offset];
        assert_int_not_equal(before, cases[i].byte);
        region[cases[i].offset] = cases[i].byte;
        assert_error(cases[i].name, "installed", mh_component_verify(&array.device, MH_APPLICATION, &manifest),
                     cases[i].expected);
        region[cases[i].offset] = before;
        assert_nor_unchanged(cases[i].name, 0);
        spec_rows_cover(cases[i].row);
    }
    const uint32_t size = mh_get16(region + 6) + MH_SIGNATURE_SIZE;
    region[size - 1] ^= 1;
    assert_error("signature", "installed", mh_component_verify(&array.device, MH_APPLICATION, &manifest),
                 MH_ERR_SIGNATURE);
    region[size - 1] ^= 1;
    region[size] = 0; /* nobody looks at that */
    assert_int_equal(mh_component_verify(&array.device, MH_APPLICATION, &manifest), MH_OK);
    spec_rows_cover("2.3 *m* + 64");
}

/* A header that is good, of a package without that component, or of another board. */
static void headers_of_other_components(void **state)
{
    struct blob runtime = fixture_package(0, RUNTIME_SIZE, 3, COUNTER);
    struct mh_manifest manifest;
    struct edit edit;

    (void)state;
    array_device_place(&array, 0x080A0000, runtime.bytes, MH_HEADER_SIZE);
    assert_int_equal(mh_component_verify(&array.device, MH_APPLICATION, &manifest), MH_ERR_NO_IMAGE);
    edit_begin(&edit, &good);
    mh_put32(edit_value(&edit, TOP, MH_TAG_BOARD), 2);
    struct blob other = edit_end(&edit);
    array_device_place(&array, 0x080A0000, other.bytes, MH_HEADER_SIZE);
    assert_int_equal(mh_component_verify(&array.device, MH_APPLICATION, &manifest), MH_ERR_BOARD);
    free(runtime.bytes);
    free(other.bytes);
}

/// All of them ///

static void every_row_has_a_case(void **state)
{
    (void)state;
    spec_rows_check("2.3", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(installed_components),
        TEST(headers_of_other_components),
        cmocka_unit_test(every_row_has_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
