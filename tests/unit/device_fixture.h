/* SPDX-License-Identifier: MIT
 *
 * What tests of the update core share that need one device: a blank one for each of them, and the session of its
 * runtime.
 */
#ifndef TESTS_UNIT_DEVICE_FIXTURE_H
#define TESTS_UNIT_DEVICE_FIXTURE_H

#include "fixture.h"

#include <string.h>

static struct array_device array;
static struct mh_update update;

/* Before and behind each test. */
static inline int set_up_device(void **state)
{
    (void)state;
    fixture_device(&array);
    memset(&update, 0, sizeof update);
    return 0;
}

static inline int tear_down_device(void **state)
{
    (void)state;
    array_device_free(&array);
    return 0;
}

/* From the offer to the confirmation. */
static inline void install_and_confirm(const struct blob *package)
{
    assert_int_equal(fixture_store(&update, &array.device, package), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
}

#endif
