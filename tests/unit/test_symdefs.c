/* SPDX-License-Identifier: MIT
 *
 * symdefs.txt: what armlink and people write, and each column attacked.
 */
#include "symdefs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define IDENTIFICATION "#<SYMDEFS># ARM Linker, 5.01 [Build 94]: Last Updated: Sun May 04 12:25:25 2014\n"

static struct problem problem;

static bool check(const char *text, size_t size)
{
    const struct symdefs_range range = {"the runtime", 0x08010200, 0xFFF};
    uint8_t *copy = malloc(size ? size : 1);

    memcpy(copy, text, size);
    problem = (struct problem){0};
    const bool good = symdefs_check(copy, size, &range, &problem);
    free(copy);
    return good;
}

static void assert_good(const char *text)
{
    if (!check(text, strlen(text))) {
        fail_msg("refused: %s", problem.text);
    }
}

static void assert_bad(const char *text, const char *words)
{
    if (check(text, strlen(text))) {
        fail_msg("accepted, and not refused with: %s", words);
    }
    assert_int_equal(problem.kind, PROBLEM_USE);
    if (!strstr(problem.text, words)) {
        fail_msg("refused with: %s, and not: %s", problem.text, words);
    }
}

static void files_as_armlink_writes_them(void **state)
{
    (void)state;
    assert_good(IDENTIFICATION
                ";value type name, this is an added comment\n"
                "0x08010400 D matterhorn_api\n"
                "0x080104d1 T print\n"
                "\n"
                "   # a comment\n"
                "0x08010600 A arm_code\n"
                "0xFFFFFFFD N __SIG_IGN\n");
}

static void files_as_people_write_them(void **state)
{
    (void)state;
    assert_good("0x08010400 D Deploy \r\n"); /* as echo does on Windows */
    assert_good("134284289\tT\tdecimal");
    assert_good("\n\r0X8010401   T   few_digits\r");
}

static void range_is_what_counts(void **state)
{
    (void)state;
    assert_good("0x08010200 D first\n0x080111FE D last\n");
    assert_good("0x080111FF T last_and_thumb\n0x08010201 T first_and_thumb\n");
    assert_bad("0x080101FF D x\n", "line 1: x at 0x080101FF is not in the runtime (0x08010200 to 0x080111FE)");
    assert_bad("0x080111FF D x\n", "line 1: x at 0x080111FF is not in the runtime");
    assert_bad("0x08011201 T x\n", "line 1: x at 0x08011201 is not in");
    assert_bad("0x080101FF T x\n", "line 1: x at 0x080101FF is not in");
    assert_bad("0x08010201 T x\n0x20000000 D variable\n", "line 2: variable at 0x20000000 is not in");
    assert_bad("0x00000000 A x\n", "not in");
    assert_bad("0xFFFFFFFF D x\n", "not in");
}

static void columns_that_are_wrong(void **state)
{
    (void)state;
    assert_bad(IDENTIFICATION "0x08010401 T\n", "line 2: a symbol is value, type and name");
    assert_bad("0x08010401\n", "line 1: a symbol is value, type and name");
    assert_bad("0x08010401 T two names\n", "line 1: a symbol is value, type and name");
    assert_bad("08010401 T x\n", "line 1: x at 0x007A3AA1 is not in"); /* decimal */
    assert_bad("080104d1 T x\n", "line 1: '080104d1' is no address");
    assert_bad("0x T x\n", "line 1: '0x' is no address");
    assert_bad("-1 T x\n", "line 1: '-1' is no address");
    assert_bad("0x108010401 T x\n", "line 1: '0x108010401' is no address");
    assert_bad("4294967296 T x\n", "line 1: '4294967296' is no address");
    assert_bad("0x00000000008010401 T x\n", "is no address");
    assert_bad("0x08010401 X x\n", "line 1: 'X' is no type");
    assert_bad("0x08010401 t x\n", "line 1: 't' is no type");
    assert_bad("0x08010401 TT x\n", "line 1: 'TT' is no type");
}

static void files_that_are_something_else(void **state)
{
    char text[2048];

    (void)state;
    assert_bad("", "there is no symbol in it");
    assert_bad("\n\n", "there is no symbol in it");
    assert_bad(IDENTIFICATION, "there is no symbol in it");
    assert_bad("\x7f" "ELF\n", "line 1: a symbol is value, type and name");
    assert_false(check("0x08010401 T x\0y\n", 17));
    assert_non_null(strstr(problem.text, "line 1: it is no line of a text file"));
    memset(text, 'x', sizeof text);
    memcpy(text, "0x08010401 T ", 13);
    assert_true(check(text, 1023));
    assert_false(check(text, 1024));
    assert_non_null(strstr(problem.text, "line 1: it is no line of a text file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_as_armlink_writes_them),
        cmocka_unit_test(files_as_people_write_them),
        cmocka_unit_test(range_is_what_counts),
        cmocka_unit_test(columns_that_are_wrong),
        cmocka_unit_test(files_that_are_something_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
