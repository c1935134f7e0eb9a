/* SPDX-License-Identifier: MIT
 *
 * Profiles: what is good loads, what is bad is said in one line with its file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char head[] = "name: example\n"
                           "machine: mountaineer-eth\n"
                           "device: build/device\n";
static const char rest[] = "recovered:\n"
                           "  lines: [\"confirmed\"]\n"
                           "  edges:\n"
                           "    - {pin: PE13, count: 2}\n"
                           "  unchanged:\n"
                           "    - {name: config, chip: internal, address: 0x0800C000, size: 0x4000}\n"
                           "budget: {boots: 4, seconds: 30}\n";
static const char cuts[] = "cuts: {count: 20, seed: 3, tears: [before]}\n";

/* Loads a profile with this text. */
static bool load(const char *text, struct profile **profile, struct problem *problem)
{
    char path[] = "/tmp/matterhorn-profile-XXXXXX.yaml";
    int file = mkstemps(path, 5);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    *problem = (struct problem){0};
    bool good = profile_load(path, profile, problem);
    unlink(path);
    return good;
}

static void expect_bad(const char *one, const char *two, const char *three, const char *said)
{
    char text[2000];
    struct profile *profile;
    struct problem problem;
    snprintf(text, sizeof text, "%s%s%s", one, two, three);
    assert_false(load(text, &profile, &problem));
    assert_null(profile);
    assert_int_equal(problem.kind, PROBLEM_USE);
    assert_non_null(strstr(problem.text, "/tmp/matterhorn-profile-"));
    assert_null(strchr(problem.text, '\n'));
    if (strstr(problem.text, said) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", problem.text, said);
}

static void a_good_profile_loads(void **state)
{
    (void)state;
    char text[2000];
    struct profile *profile;
    struct problem problem;
    enum nor_tear tears[NOR_TEARS];
    snprintf(text, sizeof text, "%s%s%s", head, rest, cuts);
    assert_true(load(text, &profile, &problem));
    assert_string_equal(profile->name, "example");
    assert_int_equal(profile->wanted.line_count, 1);
    assert_int_equal(profile->wanted.edge_count, 1);
    assert_int_equal(profile->wanted.edges[0].pin, 4 * 16 + 13);
    assert_int_equal(profile->recovered.unchanged[0].offset, 0xC000);
    assert_int_equal(profile_tears(profile, tears), 1);
    assert_int_equal(tears[0], NOR_TEAR_BEFORE);
    assert_int_equal(profile->budget.seconds, 30);
    assert_int_equal(profile->budget.erases, 0);
    assert_int_equal(profile->cuts.count, 20);
    assert_null(profile->next);
    profile_free(profile);
}

static const char next[] = "next:\n"
                           "  command: [\"{matterhorn}\", deploy, \"{device}\", third.nmf]\n"
                           "  recovered:\n"
                           "    lines: [\"third\"]\n"
                           "    edges:\n"
                           "      - {pin: PE14, count: 3}\n"
                           "    unchanged:\n"
                           "      - {name: otp, chip: internal, address: 0x1FFF7800, size: 544}\n";

static void the_next_update_has_a_command_and_a_goal(void **state)
{
    (void)state;
    char text[2000];
    struct profile *profile;
    struct problem problem;
    snprintf(text, sizeof text, "%s%s%scuts: {count: all}\n", head, next, rest);
    assert_true(load(text, &profile, &problem));
    assert_int_equal(profile->cuts.count, 0);
    assert_non_null(profile->next);
    assert_int_equal(profile->next->command_count, 4);
    assert_string_equal(profile->next->command[2], "{device}");
    assert_int_equal(profile->wanted_next.line_count, 1);
    assert_string_equal(profile->wanted_next.lines[0], "third");
    assert_int_equal(profile->wanted_next.edges[0].pin, 4 * 16 + 14);
    assert_int_equal(profile->next->recovered.unchanged[0].array, ARRAY_OTP);
    profile_free(profile);
}

static void a_bad_next_update_is_said(void **state)
{
    (void)state;
    expect_bad(head, "next: {command: [], recovered: {lines: [x]}}\n", rest, "Insufficient entries");
    expect_bad(head, "next: {command: [true], recovered: {}}\n"
                     "recovered: {lines: [x]}\nbudget: {boots: 1, seconds: 1}\n", cuts, "next.recovered");
    expect_bad(head, "next: {recovered: {lines: [x]}}\n", rest, "command");
}

static void bad_yaml_is_said_with_its_line(void **state)
{
    (void)state;
    expect_bad(head, "wheels: 4\n", rest, "wheels");
    expect_bad(head, "wheels: 4\n", rest, "(line: ");
    expect_bad("name: example\n", rest, cuts, "machine");
    expect_bad(head, rest, "cuts: {count: many}\n", "many");
    expect_bad(head, rest, "cuts: {count: -3}\n", "-3");
    expect_bad(head, "areas:\n  - {name: a, chip: eeprom, address: 0, size: 4}\n", rest, "eeprom");
    expect_bad("name: [", "", "", "line");
    expect_bad("", "", "", "the file is empty");
}

static void bad_values_are_said(void **state)
{
    (void)state;
    expect_bad(head, rest, "cuts: {count: 0}\n", "at least 1");
    expect_bad(head, rest, "cuts: {count: 5, tears: [sideways]}\n", "there is no such tear");
    expect_bad(head, rest, "cuts: {count: 5, minimum: [{phase: lunch, count: 1}]}\n", "there is no such phase");
    expect_bad(head, rest, "cuts: {count: 5, minimum: [{area: attic, count: 1}]}\n", "there is no such area");
    expect_bad(head, "pins: [{pin: E13, name: green}]\n" "recovered: {lines: [x]}\nbudget: {boots: 1, seconds: 1}\n", cuts,
               "like PE13");
    expect_bad(head, "areas:\n  - {name: far, chip: nor, address: 0x7FFFFF, size: 2}\n"
                     "recovered: {lines: [x]}\nbudget: {boots: 1, seconds: 1}\n", cuts, "not on the chip");
    expect_bad(head, "recovered: {}\nbudget: {boots: 1, seconds: 1}\n", cuts, "when a run ends");
    expect_bad(head, "recovered: {lines: [x]}\nbudget: {boots: 0, seconds: 1}\n", cuts, "budget");
}

static void a_missing_profile_is_said(void **state)
{
    (void)state;
    struct profile *profile;
    struct problem problem = {0};
    assert_false(profile_load("no-such-profile", &profile, &problem));
    assert_int_equal(problem.kind, PROBLEM_USE);
    assert_non_null(strstr(problem.text, "no-such-profile"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_profile_loads),
        cmocka_unit_test(the_next_update_has_a_command_and_a_goal),
        cmocka_unit_test(a_bad_next_update_is_said),
        cmocka_unit_test(bad_yaml_is_said_with_its_line),
        cmocka_unit_test(bad_values_are_said),
        cmocka_unit_test(a_missing_profile_is_said),
    };
    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
