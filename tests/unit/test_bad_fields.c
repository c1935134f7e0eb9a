/* SPDX-License-Identifier: MIT
 *
 * Bad packages: fields of the manifest (docs/SPEC.md 2.1, the tables of tags) that are missing, there twice, of a wrong
 * length or in the wrong list.
 */
#include "bad_package.h"

struct known {
    const char *row;
    unsigned list;
    uint16_t tag, shortest, longest;
    bool required;
};

static const struct known known[] = {
    {"2.1 0x8001", TOP, MH_TAG_BOARD, 4, 4, true},
    {"2.1 0x8002", TOP, MH_TAG_PACKAGE_SIZE, 4, 4, true},
    {"2.1 0x0020", TOP, MH_TAG_NAME, 1, 32, false},
    {"2.1 0x8101", MH_APPLICATION, MH_TAG_DESTINATION, 4, 4, true},
    {"2.1 0x8102", MH_APPLICATION, MH_TAG_VERSION, 8, 8, true},
    {"2.1 0x8103", MH_APPLICATION, MH_TAG_COUNTER, 4, 4, true},
    {"2.1 0x8104", MH_APPLICATION, MH_TAG_IMAGE, 36, 36, true},
    {"2.1 0x8105", MH_APPLICATION, MH_TAG_CODEC, 4, 4, true},
    {"2.1 0x8106", MH_APPLICATION, MH_TAG_CHUNKS, 40, 40, true},
    {"2.1 0x8107", MH_APPLICATION, MH_TAG_REQUIRES, 12, 12, false},
    {"2.1 0x8003", TOP, MH_TAG_REVOKES, 4, 4, false},
    {"2.1 0x8108", MH_APPLICATION, MH_TAG_CIPHER, 24, 24, false},
};
#define KNOWN (sizeof known / sizeof *known)

/* A good package that has the field, whether it usually has or not. */
static void begin_with_field(struct edit *edit, const struct known *field)
{
    static const uint8_t value[24] = {1}; /* the runtime, a cipher, key 0: good enough not to be refused before */

    edit_begin(edit, &good);
    if (!edit_field(edit, field->list, field->tag)) {
        assert_false(field->required);
        edit_append(edit, field->list, field->tag, field->shortest, value);
    }
}

static void lengths_of_fields(void **state)
{
    struct edit edit;

    (void)state;
    for (unsigned i = 0; i < KNOWN; i++) {
        const uint16_t wrong[] = {0, (uint16_t)(known[i].shortest - 1), (uint16_t)(known[i].longest + 1),
                                  (uint16_t)(known[i].longest + 4), 100};
        for (unsigned j = 0; j < sizeof wrong / sizeof *wrong; j++) {
            begin_with_field(&edit, &known[i]);
            edit_resize(&edit, known[i].list, known[i].tag, wrong[j]);
            end_refused(known[i].row, &edit, MH_ERR_FIELD_LENGTH);
        }
        begin_with_field(&edit, &known[i]);
        mh_put16(edit_field(&edit, known[i].list, known[i].tag) + 2, 0xFFFF);
        edit.mend_tables = false;
        struct blob package = edit_end(&edit);
        assert_refused(known[i].row, &package, MH_ERR_FIELD_LENGTH);
        free(package.bytes);
        spec_rows_cover(known[i].row);
    }
}

static void fields_that_are_missing(void **state)
{
    struct edit edit;

    (void)state;
    for (unsigned i = 0; i < KNOWN; i++) {
        if (known[i].required) {
            edit_begin(&edit, &good);
            edit_remove(&edit, known[i].list, known[i].tag);
            end_refused(known[i].row, &edit, MH_ERR_MISSING_FIELD);
            edit_begin(&edit, &good);
            mh_put16(edit_field(&edit, known[i].list, known[i].tag), 0x0777); /* unknown, to be skipped */
            end_refused(known[i].row, &edit, MH_ERR_MISSING_FIELD);
        }
    }
    edit_begin(&edit, &good);
    edit_remove(&edit, TOP, MH_TAG_COMPONENT + MH_RUNTIME);
    edit_remove(&edit, TOP, MH_TAG_COMPONENT + MH_APPLICATION);
    end_refused("no component", &edit, MH_ERR_MISSING_FIELD);
}

static void fields_that_are_there_twice(void **state)
{
    struct edit edit;
    uint8_t value[64];

    (void)state;
    for (unsigned i = 0; i < KNOWN; i++) {
        begin_with_field(&edit, &known[i]);
        const uint16_t length = mh_get16(edit_field(&edit, known[i].list, known[i].tag) + 2);
        memcpy(value, edit_value(&edit, known[i].list, known[i].tag), length);
        edit_append(&edit, known[i].list, known[i].tag, length, value);
        end_refused(known[i].row, &edit, MH_ERR_DUPLICATE);
    }
    edit_begin(&edit, &good);
    edit_append(&edit, TOP, 0x0777, 4, NULL);
    edit_append(&edit, TOP, 0x0777, 0, NULL);
    end_refused("unknown field twice", &edit, MH_ERR_DUPLICATE);
}

/* Tags that would be known elsewhere, or with the other meaning of bit 15, are not known here. */
static void fields_in_the_wrong_list(void **state)
{
    static const struct {
        unsigned list;
        uint16_t tag;
        enum mh_error expected;
    } cases[] = {
        {TOP, MH_TAG_DESTINATION, MH_ERR_UNKNOWN_CRITICAL},
        {TOP, MH_TAG_COMPONENT, MH_ERR_UNKNOWN_CRITICAL},
        {TOP, MH_TAG_COMPONENT + 3, MH_ERR_UNKNOWN_CRITICAL},
        {TOP, 0x8000, MH_ERR_UNKNOWN_CRITICAL},
        {TOP, 0xFFFF, MH_ERR_UNKNOWN_CRITICAL},
        {TOP, MH_TAG_CRITICAL | MH_TAG_NAME, MH_ERR_UNKNOWN_CRITICAL},
        {MH_APPLICATION, MH_TAG_BOARD, MH_ERR_UNKNOWN_CRITICAL},
        {MH_APPLICATION, MH_TAG_COMPONENT + MH_RUNTIME, MH_ERR_UNKNOWN_CRITICAL},
        {MH_RUNTIME, 0x8777, MH_ERR_UNKNOWN_CRITICAL},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct edit edit;
        edit_begin(&edit, &good);
        edit_append(&edit, cases[i].list, cases[i].tag, 4, NULL);
        end_refused("field of another list", &edit, cases[i].expected);
    }
}

/// Components ///

static void lists_of_components(void **state)
{
    static const char *const rows[] = {"2.1 0x8011", "2.1 0x8012"};

    (void)state;
    for (unsigned number = MH_RUNTIME; number <= MH_APPLICATION; number++) {
        const uint16_t tag = (uint16_t)(MH_TAG_COMPONENT + number);
        struct edit edit;
        edit_begin(&edit, &good);
        edit_resize(&edit, TOP, tag, 0);
        end_refused("component without fields", &edit, MH_ERR_MISSING_FIELD);
        edit_begin(&edit, &good);
        edit_append(&edit, TOP, tag, 0, NULL);
        end_refused("component twice", &edit, MH_ERR_DUPLICATE);
        for (uint16_t more = 1; more < 4; more++) { /* padding is not looked at, but the head of a field is */
            edit_begin(&edit, &good);
            const uint16_t length = mh_get16(edit_field(&edit, TOP, tag) + 2);
            edit_resize(&edit, TOP, tag, (uint16_t)(length + more));
            end_refused("component with part of a field's head", &edit, MH_ERR_FIELD_LENGTH);
        }
        edit_begin(&edit, &good);
        mh_put16(edit_field(&edit, TOP, tag) + 2, 0xFFFC);
        edit.mend_tables = false;
        end_refused("component beyond the manifest", &edit, MH_ERR_FIELD_LENGTH);
        spec_rows_cover(rows[number - 1]);
    }
}

/* Its name is another one, and so is its place. */
static void a_component_is_not_another_one(void **state)
{
    struct blob alone = fixture_package(SIZE, 0, 2, COUNTER);
    struct edit edit;

    (void)state;
    edit_begin(&edit, &alone);
    mh_put16(edit_field(&edit, TOP, MH_TAG_COMPONENT + MH_APPLICATION), MH_TAG_COMPONENT + MH_RUNTIME);
    end_refused("application as runtime", &edit, MH_ERR_DESTINATION);
    free(alone.bytes);
}

/// All of them ///

static void every_row_has_a_case(void **state)
{
    (void)state;
    spec_rows_check("2.1", "tag");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lengths_of_fields),
        TEST(fields_that_are_missing),
        TEST(fields_that_are_there_twice),
        TEST(fields_in_the_wrong_list),
        TEST(lists_of_components),
        TEST(a_component_is_not_another_one),
        cmocka_unit_test(every_row_has_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
