/* SPDX-License-Identifier: MIT
 *
 * What the bench makes of a machine's name with its properties.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model.h"

#include <string.h>

static void has_faults(const char *model, const char *names)
{
    const struct fault_set set = model_faults(model);
    char all[200] = "", text[FAULT_TEXT];
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        if (!set.of[fault].on)
            continue;
        fault_format(&set, fault, text);
        strcat(strcat(all, all[0] != '\0' ? " " : ""), text);
    }
    assert_string_equal(all, names);
}

static void properties_are_as_faults_where_they_do_the_same(void **state)
{
    (void)state;
    has_faults("mountaineer-eth", "");
    has_faults("stm32f407-nor,hse=25000000,nor-part=w25q64,nor-times=maximum", "");
    has_faults("mountaineer-eth,stale-cache=on", "int-stale-cache");
    has_faults("mountaineer-eth,nor-part=w25q64,stale-cache=yes,poll-skip=off", "int-stale-cache");
    has_faults("mountaineer-eth,stale-cache=off,nor-multipass=allowed,nor-powerup=instant", "");
    has_faults("mountaineer-eth,stale-cache=no,nor-multipass=refused", "nor-multipass-refused");
    has_faults("mountaineer-eth,stale-cache=off,stale-cache=on", "int-stale-cache");
    has_faults("mountaineer-eth,nor-powerup=datasheet", "nor-powerup-slow");
    has_faults("mountaineer-eth,stale-caches=on,stale=on,nor-multipass=", "nor-multipass-refused");
    has_faults("stale-cache=on", "");
    has_faults("mountaineer-eth,stale-cache", "int-stale-cache");
}

static void forgets(const char *model, bool expected)
{
    struct problem problem = {0};
    assert_int_equal(model_forgets(model, &problem), expected);
    assert_int_equal(problem.kind, expected ? PROBLEM_NONE : PROBLEM_USE);
    assert_true(expected || strstr(problem.text, model) != NULL);
}

static void a_battery_outlives_a_loss_of_power(void **state)
{
    (void)state;
    forgets("stm32f407-nor", true);
    forgets("stm32f407-nor,vbat=off", true);
    forgets("stm32f407-nor,vbat=false,hse=8000000", true);
    forgets("stm32f407-nor,vbat=on", false);
    forgets("stm32f407-nor,hse=8000000,vbat=true,nor-spi=2", false);
    forgets("stm32f407-nor,vbat=offline", false);
    forgets("stm32f407-nor,vbats=on", true);
}

static void checked(const char *model, const char *refused)
{
    struct problem problem = {0};
    assert_int_equal(model_check(model, &problem), refused == NULL);
    assert_true(refused == NULL || strstr(problem.text, refused) != NULL);
}

static void properties_of_the_bench_cannot_be_set(void **state)
{
    (void)state;
    checked("mountaineer-eth", NULL);
    checked("stm32f407-nor,hse=8000000,nor-cs-pin=PB12", NULL);
    checked("", "is no name of a machine");
    checked("Mountaineer", "is no name of a machine");
    checked("mountaineer-eth,", "cannot be set here");
    checked("mountaineer-eth,stale-cache", "cannot be set here");
    checked("mountaineer-eth,stale_cache=on", "cannot be set here");
    checked("mountaineer-eth,hse=1,,vbat=on", "cannot be set here");
    checked("mountaineer-eth,rail=x", "cannot be set here");
    checked("mountaineer-eth,hse=8,internal=x,nor-spi=1", "\"internal=x,nor-spi=1\" cannot be set here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties_are_as_faults_where_they_do_the_same),
        cmocka_unit_test(a_battery_outlives_a_loss_of_power),
        cmocka_unit_test(properties_of_the_bench_cannot_be_set),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
