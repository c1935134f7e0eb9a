/* SPDX-License-Identifier: MIT
 *
 * A provisioned device in memory and packages for it, for the tests of the update core.
 */
#ifndef TESTS_UNIT_FIXTURE_H
#define TESTS_UNIT_FIXTURE_H

#include "array_device.h"
#include "package_offer.h"
#include "package_writer.h"

#include "matterhorn/update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct blob {
    uint8_t *bytes;
    size_t size;
};

/* A signed package for the Ethernet board with an application of `size` bytes (0 = none) and a runtime of
 * `runtime_size` (0 = none), their contents from `seed`. */
struct blob fixture_package(uint32_t size, uint32_t runtime_size, uint32_t seed, uint32_t counter);

/* The same, encrypted under this key, each component with a nonce of its own. */
extern const uint8_t fixture_cipher_key[MH_KEY_SIZE];
struct blob fixture_encrypted(uint32_t size, uint32_t runtime_size, uint32_t seed);

/* One with an application of `size` bytes alone, which needs version MAJOR.0.0.0 of the runtime. */
struct blob fixture_package_requiring(uint32_t size, uint32_t seed, uint32_t counter, uint16_t major);

/* Signs the manifest of a package again after it was changed. */
void fixture_sign(struct blob *package);

/* Cells with anchors for the key that signs these packages, and nothing else. */
void fixture_device(struct array_device *array);

/* Has the package stored and requested through the update API; MH_OK unless power is lost or it is refused. */
enum mh_error fixture_store(struct mh_update *update, const struct mh_device *device, const struct blob *package);

/* A start of the device: opens the journal and carries out what is pending. */
enum mh_error fixture_boot(struct mh_update *update, const struct mh_device *device);

/* Whether the component's region holds the package's header and the image made from `seed`, and verifies. */
bool fixture_holds(const struct array_device *array, unsigned component, uint32_t size, uint32_t seed);

#endif
