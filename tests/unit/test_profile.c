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
    assert_null(profile->budget.idle_operations); /* which is not 0 */
    assert_int_equal(profile->cuts.count, 20);
    assert_null(profile->next);
    profile_free(profile);
}

static void a_budget_of_no_operations_is_one(void **state)
{
    (void)state;
    char text[2000];
    struct profile *profile;
    struct problem problem;
    snprintf(text, sizeof text, "%srecovered: {lines: [x]}\nbudget: {boots: 4, seconds: 30, idle_operations: 0}\n%s",
             head, cuts);
    assert_true(load(text, &profile, &problem));
    assert_non_null(profile->budget.idle_operations);
    assert_int_equal(*profile->budget.idle_operations, 0);
    profile_free(profile);
    snprintf(text, sizeof text, "%srecovered: {lines: [x]}\nbudget: {boots: 4, seconds: 30, idle_operations: -1}\n%s",
             head, cuts);
    assert_false(load(text, &profile, &problem));
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
    expect_bad(head, rest, "cuts: {count: 5, tears: [half, before, half]}\n", "\"half\": it is named twice");
    expect_bad(head, rest, "cuts: {count: 5, minimum: [{phase: lunch, count: 1}]}\n", "there is no such phase");
    expect_bad(head, rest, "cuts: {count: 5, minimum: [{area: attic, count: 1}]}\n", "there is no such area");
    expect_bad(head,
               "pins: [{pin: E13, name: green}]\n"
               "recovered: {lines: [x]}\nbudget: {boots: 1, seconds: 1}\n",
               cuts, "like PE13");
    expect_bad(head, "areas:\n  - {name: far, chip: nor, address: 0x7FFFFF, size: 2}\n"
                     "recovered: {lines: [x]}\nbudget: {boots: 1, seconds: 1}\n", cuts, "not on the chip");
    expect_bad(head, "recovered: {}\nbudget: {boots: 1, seconds: 1}\n", cuts, "when a run ends");
    expect_bad(head, "recovered: {lines: [x]}\nbudget: {boots: 0, seconds: 1}\n", cuts, "budget");
}

static void numbers_are_numbers_to_the_last_letter(void **state)
{
    (void)state;
    static const char *const none[] = {"48K", "4M",     "0x8Z",  "0x",  "010", "00", "+1",
                                       "1.5", "\"4 \"", "1_000", "1 2", "0b1", "1e3"};
    char text[200], word[20];
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        snprintf(text, sizeof text, "recovered: {lines: [x]}\nbudget: {boots: %s, seconds: 1}\n", none[i]);
        expect_bad(head, text, cuts, "is no number (line 5): write decimal digits");
        snprintf(text, sizeof text,
                 "recovered: {lines: [x], unchanged: [{name: a, chip: nor, address: %s, size: 1}]}\n", none[i]);
        snprintf(word, sizeof word, "address \"%.3s", none[i][0] == '"' ? "4 " : none[i]);
        expect_bad(head, text, "budget: {boots: 1, seconds: 1}\ncuts: {count: 1}\n", word);
    }
    expect_bad(head, rest, "cuts: {count: 1, seed: 3k}\n", "seed \"3k\" is no number");
    expect_bad(head, "recovered: {lines: [x]}\nbudget: {boots: -1, seconds: 1}\n", cuts, "-1");
    expect_bad(head, "recovered: {lines: [x]}\nbudget: {boots: , seconds: 1}\n", cuts, "boots");
    expect_bad(head, "recovered: {lines: [x]}\nbudget: {boots: 4294967296, seconds: 1}\n", cuts, "4294967296");
    expect_bad(head, "recovered: {edges: [{pin: PE13, count: 0}]}\nbudget: {boots: 1, seconds: 1}\n", cuts,
               "at least 1");
}

static const char short_rest[] = "budget: {boots: 1, seconds: 1}\ncuts: {count: 1}\n";

static void a_device_may_end_in_several_ways(void **state)
{
    (void)state;
    static const char ways[] =
        "recovered:\n"
        "  running: {address: 0x08020200, size: 0x1FE00}\n"
        "  counters: [{name: floor, chip: internal, address: 0x08004000, size: 16, form: unary}]\n"
        "  any:\n"
        "    - {name: new, matches: [\"^app 2\"], vectors: [{name: v, address: 0x08020200, size: 512}]}\n"
        "    - {name: old, lines: [back], levels: [{pin: PA3, level: high}]}\n";
    char text[2000];
    struct profile *profile;
    struct problem problem;
    snprintf(text, sizeof text, "%s%s%s", head, ways, short_rest);
    assert_true(load(text, &profile, &problem));
    assert_int_equal(profile->wanted.any_count, 2);
    assert_string_equal(profile->wanted.any[0].name, "new");
    assert_int_equal(profile->wanted.any[0].pattern_count, 1);
    assert_int_equal(regexec(&profile->wanted.any[0].patterns[0], "app 2: up", 0, NULL, 0), 0);
    assert_int_not_equal(regexec(&profile->wanted.any[0].patterns[0], "an app 2", 0, NULL, 0), 0);
    assert_int_equal(profile->wanted.any[1].levels[0].pin, 3);
    assert_int_equal(profile->wanted.any[1].levels[0].high, 1);
    assert_true(profile->wanted.vectors && profile->wanted_again.vectors);
    assert_int_equal(profile->recovered.counters[0].offset, 0x4000);
    assert_int_equal(profile->recovered.any[0].vectors[0].offset, 0x20200);
    profile_free(profile);
}

static void bad_oracles_are_said(void **state)
{
    (void)state;
    static const struct {
        const char *recovered, *said;
    } bad[] = {
        {"{matches: [\"app (2\"]}", "recovered.matches \"app (2\": Unmatched ( or \\("},
        {"{matches: [\".*\"]}", "it matches an empty line"},
        {"{matches: [\"^app ++++++++++++++++++++++++++++++ up\"]}", "its repeats of repeats make it too large"},
        {"{matches: [\"a{250}{,250}{250,}\"]}", "its repeats of repeats make it too large"},
        {"{levels: [{pin: PX1, level: high}]}", "recovered.levels \"PX1\": a pin is written like PE13"},
        {"{levels: [{pin: PA1, level: up}]}", "up"},
        {"{lines: [x], vectors: [{name: v, address: 0x08020002, size: 8}]}", "begins at a word"},
        {"{lines: [x], vectors: [{name: v, address: 0x20000000, size: 8}]}", "of the internal flash"},
        {"{lines: [x], vectors: [{name: v, address: 0x08020000, size: 4}]}", "at least 8 bytes"},
        {"{lines: [x], running: {address: 0x08020000, size: 0}}", "recovered.running: a size is at least 1"},
        {"{lines: [x], counters: [{name: c, chip: nor, address: 0x7FFFFF, size: 4, form: big}]}", "not on the chip"},
        {"{lines: [x], counters: [{name: c, chip: nor, address: 0, size: 16, form: little}]}", "form: unary"},
        {"{lines: [x], counters: [{name: c, chip: nor, address: 0, size: 4, form: roman}]}", "roman"},
        {"{any: [{name: one, lines: [x]}]}", "Insufficient entries"},
        {"{any: [{name: one, lines: [x]}, {name: one, lines: [y]}]}", "\"one\": it is named twice"},
        {"{any: [{name: one, lines: [x]}, {name: two}]}", "recovered.any two: without lines, matches, edges or levels"},
        {"{any: [{name: one, lines: [x]}, {name: two, matches: [\"[\"]}]}", "recovered.any two.matches"},
        {"{any: [{name: one, lines: [x]}, {name: two, lines: [y], counters: []}]}", "counters"},
    };
    char text[300];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "recovered: %s\n", bad[i].recovered);
        expect_bad(head, text, short_rest, bad[i].said);
    }
}

static void what_is_no_profile_is_said(void **state)
{
    (void)state;
    static const char bomb[] = "machine: &a [x, x, x, x, x, x, x, x]\ndevice: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n";
    expect_bad(head, rest, "cuts: {count: 1}\n---\nname: second\n", "a second document begins in line 13");
    expect_bad("name: &n example\nmachine: *n\ndevice: d\n", rest, cuts, "alias");
    expect_bad("name: example\n", bomb, "symbols: [*b, *b, *b]\n", "STRING");
    expect_bad("\177ELF\001\002", "\003\004", "", "control characters");
    expect_bad("\377\376\375", "", "", "/tmp/matterhorn-profile-");
    expect_bad("- a\n", "", "", "MAPPING");
    char *huge = malloc(2 << 20);
    struct profile *profile;
    struct problem problem;
    assert_non_null(huge);
    memset(huge, '#', (2 << 20) - 1);
    huge[(2 << 20) - 1] = '\0';
    assert_false(load(huge, &profile, &problem));
    assert_non_null(strstr(problem.text, "at most 1048576"));
    free(huge);
    problem = (struct problem){0};
    assert_false(profile_load("/tmp/", &profile, &problem));
    assert_non_null(strstr(problem.text, "/tmp/ is not a file"));
}

static void names_are_short_and_plain(void **state)
{
    (void)state;
    static const char recovered[] = "recovered: {lines: [x]}\nbudget: {boots: 1, seconds: 1}\n";
    static const char *const bad_names[] = {"Z\303\274rich", "\"a\\nb\"", "a/b", "\"<b>\"",
                                            "a234567890123456789012345678901bc"};
    static const struct {
        const char *head, *tail, *key;
    } places[] = {{"pins: [{pin: PE13, name: ", "}]\n", "pins"},
                  {"phases: [{begins: x, name: ", "}]\n", "phases"},
                  {"areas: [{chip: nor, address: 0, size: 2, name: ", "}]\n", "areas"}};
    char text[200];
    for (size_t name = 0; name < sizeof bad_names / sizeof bad_names[0]; name++) {
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            snprintf(text, sizeof text, "%s%s%s%s", places[i].head, bad_names[name], places[i].tail, recovered);
            expect_bad(head, text, cuts, "a name has 1 to 32 characters");
            expect_bad(head, text, cuts, places[i].key);
        }
        snprintf(text, sizeof text, "name: %s\nmachine: m\ndevice: d\n", bad_names[name]);
        expect_bad(text, recovered, cuts, "a name has 1 to 32 characters");
        snprintf(text, sizeof text, "recovered: {lines: [x], equal: [{chip: nor, address: 0, file: f, name: %s}]}\n",
                 bad_names[name]);
        expect_bad(head, text, "budget: {boots: 1, seconds: 1}\ncuts: {count: 1}\n", "recovered.equal");
    }
    struct profile *profile;
    struct problem problem;
    snprintf(text, sizeof text, "%spins: [{pin: PE13, name: \"A user's 2.lamp_x-23456789012345\"}]\n", head);
    char whole[600];
    snprintf(whole, sizeof whole, "%s%s%s", text, recovered, cuts);
    assert_true(load(whole, &profile, &problem));
    profile_free(profile);
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
        cmocka_unit_test(a_budget_of_no_operations_is_one),
        cmocka_unit_test(the_next_update_has_a_command_and_a_goal),
        cmocka_unit_test(a_bad_next_update_is_said),
        cmocka_unit_test(bad_yaml_is_said_with_its_line),
        cmocka_unit_test(bad_values_are_said),
        cmocka_unit_test(numbers_are_numbers_to_the_last_letter),
        cmocka_unit_test(a_device_may_end_in_several_ways),
        cmocka_unit_test(bad_oracles_are_said),
        cmocka_unit_test(what_is_no_profile_is_said),
        cmocka_unit_test(names_are_short_and_plain),
        cmocka_unit_test(a_missing_profile_is_said),
    };
    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
