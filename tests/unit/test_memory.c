/* SPDX-License-Identifier: MIT
 *
 * The rooms that input files fill, and how the format of a file is recognised.
 */
#include "inputs.h"

#include "input.h"

static void bytes_are_where_they_were_put_and_the_rest_is_blank(void **state)
{
    (void)state;
    assert_true(memory_put(&memory, APPLICATION + 12, (const uint8_t *)"xy", 2, &problem));
    assert_true(memory_put(&memory, APPLICATION + 4, (const uint8_t *)"abcd", 4, &problem));
    assert_int_equal(memory.rooms[1].used, 14);
    assert_memory_equal(memory.rooms[1].bytes, "\xFF\xFF\xFF\xFF" "abcd" "\xFF\xFF\xFF\xFFxy\xFF", 15);
    assert_int_equal(memory_first(&memory.rooms[1]), APPLICATION + 4);
    assert_int_equal(memory.rooms[0].used, 0);
}

static void room_is_filled_to_its_last_byte_and_not_beyond(void **state)
{
    static const uint8_t bytes[ROOM + 1];

    (void)state;
    assert_true(memory_put(&memory, RUNTIME, bytes, ROOM, &problem));
    assert_false(memory_put(&memory, APPLICATION, bytes, ROOM + 1, &problem));
    assert_non_null(strstr(problem.text, "12289 bytes at 0x080A0200 are not within"));
    assert_non_null(strstr(problem.text, "the runtime region (0x08010200 to 0x080131FF)"));
    assert_int_equal(memory.rooms[1].used, 0);
}

static void what_lies_outside_is_refused(void **state)
{
    static const uint8_t byte[2];
    static const uint32_t outside[] = {0,          RUNTIME - 513, RUNTIME + ROOM, APPLICATION + ROOM - 1,
                                       0x20000000, 0xFFFFFFFE};

    (void)state;
    for (unsigned i = 0; i < sizeof outside / sizeof *outside; i++) {
        problem = (struct problem){0};
        assert_false(memory_put(&memory, outside[i], byte, 2, &problem));
        assert_non_null(strstr(problem.text, "2 bytes at 0x"));
        assert_non_null(strstr(problem.text, "not within"));
    }
    assert_int_equal(memory.rooms[0].used + memory.rooms[1].used, 0);
}

static void header_of_a_component_is_named(void **state)
{
    static const uint32_t inside[] = {APPLICATION - 512, APPLICATION - 1};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        problem = (struct problem){0};
        assert_false(memory_put(&memory, inside[i], (const uint8_t *)"x", 1, &problem));
        assert_non_null(strstr(problem.text, "header: link the image for 0x080A0200"));
    }
}

static void overlap_is_refused_and_says_where(void **state)
{
    (void)state;
    assert_true(memory_put(&memory, APPLICATION + 8, (const uint8_t *)"abcd", 4, &problem));
    assert_false(memory_put(&memory, APPLICATION + 6, (const uint8_t *)"1234", 4, &problem));
    assert_non_null(strstr(problem.text, "0x080A0208 is filled twice"));
    assert_holds(1, APPLICATION + 8, "abcd", 4);
    assert_int_equal(memory.rooms[1].filled[6], 0); /* of what was refused, nothing was put */
    problem = (struct problem){0};
    /* even when it is the same */
    assert_false(memory_put(&memory, APPLICATION + 11, (const uint8_t *)"d", 1, &problem));
}

static void nothing_may_be_put_anywhere(void **state)
{
    (void)state;
    assert_true(memory_put(&memory, 0x20000000, NULL, 0, &problem));
    assert_int_equal(memory.rooms[0].used + memory.rooms[1].used, 0);
}

static void formats_are_recognised(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum input_format format;
    } cases[] = {
        {"\x7f" "ELF", 4, INPUT_ELF},
        {"\x7f" "EL", 3, INPUT_RAW},
        {":", 1, INPUT_HEX},
        {"\n:00000001FF", 12, INPUT_HEX},
        {"\r\n:00000001FF", 13, INPUT_HEX},
        {"S0", 2, INPUT_SREC},
        {"S9", 2, INPUT_SREC},
        {"S", 1, INPUT_RAW},
        {"SA00", 4, INPUT_RAW},
        {"\n", 1, INPUT_RAW},
        {"\r", 1, INPUT_RAW},
        {"\x00\x02\x0a\x08", 4, INPUT_NETMF},
        {"\x00\x00\x00\x08", 4, INPUT_NETMF},
        {"\xff\xff\x0f\x08", 4, INPUT_NETMF},
        {"\x00\x00\x10\x08", 4, INPUT_RAW},
        {"\xff\xff\xff\x07", 4, INPUT_RAW},
        {"\x00\x02\x0a", 3, INPUT_RAW},
        {"\x00\x00\x02\x20\x01\x02\x0a\x08", 8, INPUT_RAW}, /* stack pointer, reset vector */
        {"", 0, INPUT_RAW},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(input_guess((const uint8_t *)cases[i].bytes, cases[i].size), cases[i].format);
    }
}

static bool read_auto(const uint8_t *bytes, size_t size, struct memory *to, struct problem *said)
{
    return input_read(INPUT_AUTO, bytes, size, APPLICATION, to, said);
}

static bool read_as_raw(const uint8_t *bytes, size_t size, struct memory *to, struct problem *said)
{
    return input_read(INPUT_RAW, bytes, size, APPLICATION, to, said);
}

static void format_is_followed_and_can_be_overridden(void **state)
{
    static const char hex[] = ":02000004080AE8\n:010200002AD3\n:00000001FF\n";

    (void)state;
    assert_read(read_auto, hex, sizeof hex - 1);
    assert_int_equal(memory.rooms[1].used, 1);
    assert_holds(1, APPLICATION, "*", 1);
    assert_read(read_as_raw, hex, sizeof hex - 1);
    assert_int_equal(memory.rooms[1].used, sizeof hex - 1);
    assert_holds(1, APPLICATION, hex, sizeof hex - 1);
    assert_refused(read_auto, "", 0, "the file is empty");
}

static void formats_have_names(void **state)
{
    enum input_format format = INPUT_AUTO;

    (void)state;
    assert_true(input_named("srec", &format));
    assert_int_equal(format, INPUT_SREC);
    assert_true(input_named("netmf", &format));
    assert_int_equal(format, INPUT_NETMF);
    assert_false(input_named("coff", &format));
    assert_false(input_named("", &format));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_memory, close_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_are_where_they_were_put_and_the_rest_is_blank),
        TEST(room_is_filled_to_its_last_byte_and_not_beyond),
        TEST(what_lies_outside_is_refused),
        TEST(header_of_a_component_is_named),
        TEST(overlap_is_refused_and_says_where),
        TEST(nothing_may_be_put_anywhere),
        TEST(formats_are_recognised),
        TEST(format_is_followed_and_can_be_overridden),
        TEST(formats_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
