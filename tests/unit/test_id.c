/* SPDX-License-Identifier: MIT
 *
 * Ids of scenarios: what is written is read again, what is wrong is said in one line, and the command fits a shell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "id.h"
#include "recorded.h"

static struct profile no_profile;

static void expect_round_trip(const char *text)
{
    struct problem problem = {0};
    struct id id;
    char again[ID_TEXT];
    if (!id_parse(text, &id, &problem))
        fail_msg("%s", problem.text);
    id_format(&id, again);
    assert_string_equal(again, text);
}

static void expect_bad(const char *text, const char *said)
{
    struct problem problem = {0};
    struct id id;
    assert_false(id_parse(text, &id, &problem));
    assert_int_equal(problem.kind, PROBLEM_USE);
    assert_null(strchr(problem.text, '\n'));
    if (strstr(problem.text, said) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", problem.text, said);
}

static void what_is_read_is_written_again(void **state)
{
    (void)state;
    expect_round_trip("eth-app-update~s1/int.080A4800.p1.before");
    expect_round_trip("eth-app-update~s18446744073709551615/int.1FFF7800.p4294967295.after");
    expect_round_trip("a~s3n4/int.080A4800.p1.before");
    expect_round_trip("a~s0/nor.7FE000.e2.before@0123456789ab");
    expect_round_trip("a~b~s7/nor.000000.s1.after");
    expect_round_trip("a~s7!nor-wip-stuck=0/int.080A4800.p1.before");
    expect_round_trip("a~s7n8!int-stuck-0=080A0000.3!int-worn=3!nor-dead=12!nor-jedec=C22017/nor.7FE000.e2.before@0123456789ab");
    expect_round_trip("a~s7/int.080A4800.p1.before+nor.701000.e2.after+int.080A4800.e1.before@ffffffffffff");
}

static void every_tear_of_the_menu_has_its_text(void **state)
{
    (void)state;
    for (enum nor_tear tear = 0; tear < NOR_TEARS; tear++) {
        char text[ID_TEXT];
        snprintf(text, sizeof text, "a~s1/int.080A0000.%c1.%s", nor_tear_applies(NOR_PROGRAM, tear) ? 'p' : 'e',
                 nor_tear_name(tear));
        expect_round_trip(text);
    }
}

static void the_parts_are_told_apart(void **state)
{
    (void)state;
    struct problem problem = {0};
    struct id id;
    assert_true(id_parse("usb~s9/int.080a4800.p3.before+nor.7fe000.e12.after@ABCDEF123456", &id, &problem));
    assert_string_equal(id.profile, "usb");
    assert_int_equal(id.seed, 9);
    assert_int_equal(id.noise, 9);
    assert_string_equal(id.firmware, "abcdef123456");
    assert_int_equal(id.count, 2);
    assert_int_equal(id.cuts[0].chip, RAIL_CHIP_INTERNAL);
    assert_int_equal(id.cuts[0].address, 0x080A4800);
    assert_int_equal(id.cuts[0].kind, RAIL_PROGRAM);
    assert_int_equal(id.cuts[0].occurrence, 3);
    assert_int_equal(id.cuts[0].tear, NOR_TEAR_BEFORE);
    assert_int_equal(id.cuts[1].chip, RAIL_CHIP_NOR);
    assert_int_equal(id.cuts[1].address, 0x7FE000);
    assert_int_equal(id.cuts[1].kind, RAIL_ERASE);
    assert_int_equal(id.cuts[1].occurrence, 12);
    assert_int_equal(id.cuts[1].tear, NOR_TEAR_AFTER);
    assert_true(id_parse("usb~s9n7/int.080A4800.p1.before", &id, &problem));
    assert_int_equal(id.seed, 9);
    assert_int_equal(id.noise, 7);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } bad[] = {
        {"", "must look like"},
        {"eth", "must look like"},
        {"eth/int.080A4800.p1.before", "must begin like"},
        {"~s1/int.080A4800.p1.before", "must begin like"},
        {"eth~1/int.080A4800.p1.before", "must begin like"},
        {"eth~s/int.080A4800.p1.before", "must begin like"},
        {"eth~s1n/int.080A4800.p1.before", "must begin like"},
        {"eth~s1n2n3/int.080A4800.p1.before", "must begin like"},
        {"eth~sn2/int.080A4800.p1.before", "must begin like"},
        {"eth~s-1/int.080A4800.p1.before", "must begin like"},
        {"eth~s18446744073709551616/int.080A4800.p1.before", "must begin like"},
        {"eth~s1!/int.080A4800.p1.before", "no fault \"\""},
        {"eth~s1!nor-dead!/int.080A4800.p1.before", "no fault \"\""},
        {"eth~s1!nor-typo=1/int.080A4800.p1.before", "no fault \"nor-typo\", there are: int-stuck-0"},
        {"eth~s1!nor-dead!nor-dead=1/int.080A4800.p1.before", "named twice"},
        {"eth~s1!int-worn=x/int.080A4800.p1.before", "int-worn=N: from 0"},
        {"eth!nor-dead/int.080A4800.p1.before", "must begin like"},
        {"eth~s1/", "no cut"},
        {"eth~s1/int.080A4800.p1", "no cut"},
        {"eth~s1/int.080A4800.p1.before+", "no cut"},
        {"eth~s1/+int.080A4800.p1.before", "no cut"},
        {"eth~s1/ram.080A4800.p1.before", "no chip \"ram\""},
        {"eth~s1/int.80A4800.p1.before", "\"80A4800\""},
        {"eth~s1/nor.0007FE000.p1.before", "6 hexadecimal digits"},
        {"eth~s1/int.080A480G.p1.before", "\"080A480G\""},
        {"eth~s1/int.080A4800..before", "no operation"},
        {"eth~s1/int.080A4800.p.before", "no operation"},
        {"eth~s1/int.080A4800.p0.before", "no operation"},
        {"eth~s1/int.080A4800.p4294967296.before", "no operation"},
        {"eth~s1/int.080A4800.x1.before", "\"x1\""},
        {"eth~s1/int.080A4800.p1.quarter", "no tear \"quarter\""},
        {"eth~s1/int.080A4800.p1.", "no tear \"\""},
        {"eth~s1/int.080A4800.p1.zeros", "a program is not torn as \"zeros\""},
        {"eth~s1/int.080A4800.e1.onebit", "an erase is not torn as \"onebit\""},
        {"eth~s1/int.080A4800.p1.before@", "behind the @"},
        {"eth~s1/int.080A4800.p1.before@0123456789a", "behind the @"},
        {"eth~s1/int.080A4800.p1.before@0123456789abc", "behind the @"},
        {"eth~s1/int.080A4800.p1.before@0123456789ag", "behind the @"},
        {"a-name-that-is-so-long-that-no-profile-has-it-because-nobody-could~s1/int.080A4800.p1.before", "too long"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_bad(bad[i].text, bad[i].said);
}

static void faults_are_in_the_order_of_the_menu(void **state)
{
    (void)state;
    struct problem problem = {0};
    struct id id;
    char text[ID_TEXT], faults[ID_FAULTS];
    assert_true(id_parse("a~s1!nor-slow=2!int-slow=3!nor-wip-stuck/nor.000000.e1.before", &id, &problem));
    id_format(&id, text);
    assert_string_equal(text, "a~s1!int-slow=3!nor-slow=2!nor-wip-stuck=0/nor.000000.e1.before");
    for (enum fault fault = 0; fault < FAULTS; fault++)
        id.faults.of[fault].on = true;
    assert_false(id_format_faults(&id.faults, faults));
    assert_in_range(strlen(faults), 1, ID_FAULTS - 1);
}

static void a_long_text_ends(void **state)
{
    (void)state;
    char text[2 * ID_TEXT];
    memset(text, '+', sizeof text);
    text[sizeof text - 1] = '\0';
    expect_bad(text, "too long");
}

static void there_are_only_so_many_cuts(void **state)
{
    static const char cut[] = "int.080A4800.p4294967295.before";
    char text[ID_TEXT] = "a~s18446744073709551615/";
    struct id id;
    struct problem problem = {0};
    (void)state;
    for (unsigned i = 0; i < ID_CUTS; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? "+" : "", cut);
    assert_true(id_parse(text, &id, &problem));
    assert_int_equal(id.count, ID_CUTS);
    assert_true(strlen(text) + sizeof cut < sizeof text);
    strcat(strcat(text, "+"), cut);
    expect_bad(text, "more than 64 cuts");
}

static void an_operation_is_found_by_its_occurrence(void **state)
{
    (void)state;
    struct recording recording = {0};
    struct problem problem = {0};
    size_t operation;
    record_program(&recording, 0, RAIL_CHIP_NOR, 0x7FE000, 1);
    record_program(&recording, 1000000, RAIL_CHIP_INTERNAL, 0x080A0000, 2);
    record_program(&recording, 2000000, RAIL_CHIP_NOR, 0x7FE000, 3);
    record_erase(&recording, 3000000, RAIL_CHIP_NOR, 0x7FE000, 0x1000);
    assert_true(recording_index(&recording, &no_profile, &problem));
    struct id_cut cut = {RAIL_CHIP_NOR, 0x7FE000, RAIL_PROGRAM, 2, NOR_TEAR_BEFORE};
    assert_true(id_find(&cut, &recording, &operation, &problem));
    assert_int_equal(operation, 2);
    cut.kind = RAIL_ERASE;
    cut.occurrence = 1;
    assert_true(id_find(&cut, &recording, &operation, &problem));
    assert_int_equal(operation, 3);
    cut.occurrence = 2;
    assert_false(id_find(&cut, &recording, &operation, &problem));
    assert_int_equal(problem.kind, PROBLEM_USE);
    assert_non_null(strstr(problem.text, "nor.7FE000.e2.before"));
    recording_free(&recording);
}

static void the_command_is_safe_in_a_shell(void **state)
{
    (void)state;
    static const char hash[] = "0123456789abcdef0123";
    char command[ID_COMMAND];
    id_command("eth~s1/int.080A4800.p1.before", hash, &(struct id_target){NULL, NULL, NULL}, command);
    assert_string_equal(command, "matterhorn replay eth~s1/int.080A4800.p1.before@0123456789ab");
    id_command("a b~s1/int.080A4800.p1.before", hash,
               &(struct id_target){"my profile.yaml", "~root", "it's; rm -rf $HOME"}, command);
    assert_string_equal(command,
                        "matterhorn replay 'a b~s1/int.080A4800.p1.before@0123456789ab' --profile 'my profile.yaml' "
                        "--root '~root' --device 'it'\\''s; rm -rf $HOME'");
}

static void a_command_that_is_too_long_is_cut_off(void **state)
{
    (void)state;
    char command[ID_COMMAND], root[2 * ID_COMMAND];
    memset(root, '\'', sizeof root);
    root[sizeof root - 1] = '\0';
    id_command("eth~s1/int.080A4800.p1.before", "0123456789ab", &(struct id_target){root, root, root}, command);
    assert_in_range(strlen(command), 1, ID_COMMAND - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_written_again),
        cmocka_unit_test(every_tear_of_the_menu_has_its_text),
        cmocka_unit_test(the_parts_are_told_apart),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(faults_are_in_the_order_of_the_menu),
        cmocka_unit_test(a_long_text_ends),
        cmocka_unit_test(there_are_only_so_many_cuts),
        cmocka_unit_test(an_operation_is_found_by_its_occurrence),
        cmocka_unit_test(the_command_is_safe_in_a_shell),
        cmocka_unit_test(a_command_that_is_too_long_is_cut_off),
    };
    return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
