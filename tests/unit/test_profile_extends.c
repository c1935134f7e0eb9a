/* SPDX-License-Identifier: MIT
 *
 * Profiles that extend others: what is joined, and what of it is said to be wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "files.h"
#include "profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char base[] = "name: base\n"
                           "machine: mountaineer-eth\n"
                           "device: build/device\n"
                           "pins: [{pin: PE11, name: red}, {pin: PE13, name: green}]\n"
                           "recovered:\n"
                           "  lines: [\"app: confirmed\"]\n"
                           "  edges: [{pin: PE13, count: 2}]\n"
                           "  equal: [{name: app, chip: internal, address: 0x080A0000, file: base.bin}]\n"
                           "budget: {boots: 4, seconds: 20, erases: 1}\n"
                           "cuts: {count: 20, seed: 3, tears: [before]}\n";

struct folder {
    char path[60];
};

static int make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    assert_non_null(folder);
    strcpy(folder->path, "/tmp/matterhorn-profiles-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *folder = *state;
    files_remove_folder(folder->path);
    free(folder);
    return 0;
}

static char *in_folder(void **state, const char *name)
{
    const struct folder *folder = *state;
    return files_join(folder->path, name);
}

static void put(void **state, const char *name, const char *text)
{
    struct problem problem = {0};
    char *path = in_folder(state, name);
    assert_true(files_write(path, text, strlen(text), &problem));
    free(path);
}

static struct profile *load_good(void **state, const char *name)
{
    struct profile *profile;
    struct problem problem = {0};
    char *path = in_folder(state, name);
    if (!profile_load(path, &profile, &problem))
        fail_msg("%s", problem.text);
    free(path);
    return profile;
}

static void expect_bad(void **state, const char *text, const char *said)
{
    struct profile *profile;
    struct problem problem = {0};
    char *path = in_folder(state, "own.yaml");
    put(state, "own.yaml", text);
    assert_false(profile_load(path, &profile, &problem));
    assert_null(profile);
    assert_int_equal(problem.kind, PROBLEM_USE);
    assert_non_null(strstr(problem.text, path));
    assert_null(strchr(problem.text, '\n'));
    if (strstr(problem.text, said) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", problem.text, said);
    free(path);
}

static void mappings_are_joined_and_the_rest_is_replaced(void **state)
{
    put(state, "base.yaml", base);
    put(state, "own.yaml", "name: own\nextends: base\ndevice: \"build/other\"\npins: [{pin: PE14, name: blue}]\n"
                           "recovered:\n  equal: [{name: app, chip: internal, address: 0x080A0000, file: own.bin}]\n"
                           "  over: [\"not again: never\"]\nbudget: {seconds: 60}\n");
    struct profile *profile = load_good(state, "own.yaml");
    assert_string_equal(profile->name, "own");
    assert_string_equal(profile->device, "build/other");
    assert_string_equal(profile->machine, "mountaineer-eth");
    assert_int_equal(profile->pins_count, 1);
    assert_string_equal(profile->pins[0].name, "blue");
    assert_string_equal(profile->recovered.lines[0], "app: confirmed");
    assert_int_equal(profile->recovered.edges[0].count, 2);
    assert_string_equal(profile->recovered.equal[0].file, "own.bin");
    assert_int_equal(profile->recovered.equal[0].address, 0x080A0000);
    assert_string_equal(profile->recovered.over[0], "not again: never");
    assert_int_equal(profile->budget.boots, 4);
    assert_int_equal(profile->budget.seconds, 60);
    assert_int_equal(profile->budget.erases, 1);
    assert_int_equal(profile->cuts.count, 20);
    profile_free(profile);
}

/* Stores and bundles keep this text, and nothing beside it. */
static void the_text_kept_is_whole(void **state)
{
    struct profile *again;
    struct problem problem = {0};
    put(state, "base.yaml", base);
    put(state, "own.yaml", "extends: base\nname: own\n");
    struct profile *profile = load_good(state, "own.yaml");
    if (!profile_parse("kept", profile->text, profile->text_size, &again, &problem))
        fail_msg("%s", problem.text);
    assert_string_equal(again->name, "own");
    assert_string_equal(again->recovered.equal[0].file, "base.bin");
    assert_int_equal(again->recovered.equal[0].address, 0x080A0000);
    profile_free(again);
    profile_free(profile);
}

static void one_that_extends_may_be_extended(void **state)
{
    put(state, "base.yaml", base);
    put(state, "middle.yaml", "extends: base\nname: middle\nbudget: {boots: 9}\n");
    char *path = in_folder(state, "middle.yaml");
    char text[200];
    snprintf(text, sizeof text, "extends: %s\nname: own\nbudget: {seconds: 7}\n", path);
    put(state, "own.yaml", text);
    struct profile *profile = load_good(state, "own.yaml");
    assert_string_equal(profile->name, "own");
    assert_int_equal(profile->budget.boots, 9);
    assert_int_equal(profile->budget.seconds, 7);
    assert_int_equal(profile->budget.erases, 1);
    profile_free(profile);
    free(path);
}

static void what_cannot_be_joined_is_said(void **state)
{
    put(state, "base.yaml", base);
    put(state, "broken.yaml", "name: [");
    put(state, "list.yaml", "- name\n");
    put(state, "aliases.yaml", "name: base\nmachine: &m m\ndevice: *m\n");
    expect_bad(state, "extends: nobody\nname: own\n", "nobody.yaml");
    expect_bad(state, "extends: broken\nname: own\n", "is no YAML");
    expect_bad(state, "extends: list\nname: own\n", "has no keys");
    expect_bad(state, "extends: [base]\nname: own\n", "name one profile");
    expect_bad(state, "extends: own\nname: own\n", "in a circle");
    expect_bad(state, "extends: aliases\nname: own\n", "aliases");
    expect_bad(state, "extends: base\nname: &n own\nmachine: *n\n", "aliases");
    expect_bad(state, "extends: base\nname: own\n---\nname: second\n", "second document");
}

/* As in a profile that is whole. */
static void what_comes_of_joining_is_checked(void **state)
{
    put(state, "base.yaml", base);
    expect_bad(state, "extends: base\nname: own\nwheels: 4\n", "wheels");
    expect_bad(state, "extends: base\nname: own\nbudget: {seconds: 48K}\n",
               "with what it extends: seconds \"48K\" is no number");
    expect_bad(state, "extends: base\nname: own\nname: twice\n", "name");
    expect_bad(state, "extends: base\nname: own\nbudget: 4\n", "MAPPING");
    expect_bad(state, "extends: base\nname: own\nrecovered: {extends: base}\n", "extends");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(mappings_are_joined_and_the_rest_is_replaced, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_text_kept_is_whole, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(one_that_extends_may_be_extended, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_cannot_be_joined_is_said, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_comes_of_joining_is_checked, make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("profile-extends", tests, NULL, NULL);
}
