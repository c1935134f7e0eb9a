/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "matterhorn/bytes.h"

#include <sodium/crypto_sign_ed25519.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t seed_of_key[32] = "a key for the tests of the core";

/* Mixes as MurmurHash3 ends: no codec finds anything in it. */
static uint32_t noise(uint32_t number)
{
    number = (number ^ number >> 16) * 0x85EBCA6Bu;
    number = (number ^ number >> 13) * 0xC2B2AE35u;
    return number ^ number >> 16;
}

static uint8_t image_byte(uint32_t seed, uint32_t at)
{
    /* runs and noise, so that some chunks compress and some do not */
    return (uint8_t)(at / MH_CHUNK_SIZE % 2 ? noise(at + seed * 0x10000u) : at / 64 + seed);
}

static void make_image(struct package_image *image, uint32_t size, uint32_t region, uint32_t seed)
{
    image->path = "image";
    image->size = size;
    image->bytes = malloc(size);
    for (uint32_t i = 0; i < size; i++) {
        image->bytes[i] = image_byte(seed, i);
    }
    mh_put32(image->bytes, 0x20020000);
    mh_put32(image->bytes + 4, region + MH_HEADER_SIZE + 1);
}

static struct blob make_package(struct package_order *order, uint32_t size, uint32_t runtime_size, uint32_t seed)
{
    const struct mh_board *board = mh_board_named("mountaineer-eth");
    struct problem problem = {0};
    struct blob blob = {0};

    order->board = board;
    order->codec = MH_CODEC_LZ4;
    order->name = "test";
    memcpy(order->seed, seed_of_key, sizeof order->seed);
    order->version.part[0] = (uint16_t)seed;
    if (size) {
        make_image(&order->images[MH_APPLICATION - 1], size, board->regions[MH_APPLICATION - 1].address, seed);
    }
    if (runtime_size) {
        make_image(&order->images[MH_RUNTIME - 1], runtime_size, board->regions[MH_RUNTIME - 1].address, seed);
    }
    assert_true(package_check(order, &problem));
    assert_true(package_write(order, &blob.bytes, &blob.size, &problem));
    free(order->images[0].bytes);
    free(order->images[1].bytes);
    return blob;
}

struct blob fixture_package(uint32_t size, uint32_t runtime_size, uint32_t seed, uint32_t counter)
{
    struct package_order order = {.counter = counter};

    return make_package(&order, size, runtime_size, seed);
}

const uint8_t fixture_cipher_key[MH_KEY_SIZE] = "a device key for the tests alone";

struct blob fixture_encrypted(uint32_t size, uint32_t runtime_size, uint32_t seed)
{
    struct package_order order = {.encrypted = true, .nonces = {"the runtime", "application"}};

    memcpy(order.cipher_key, fixture_cipher_key, sizeof order.cipher_key);
    return make_package(&order, size, runtime_size, seed);
}

/* Where the field with this tag stands in the list of top-level fields. */
static uint8_t *top_level_field(const struct blob *package, uint16_t tag)
{
    uint8_t *field = package->bytes + 8;

    while (mh_get16(field) != tag) {
        field += 4 + (mh_get16(field + 2) + 3) / 4 * 4;
        assert_true(field < package->bytes + mh_get16(package->bytes + 6));
    }
    return field;
}

struct blob fixture_package_requiring(uint32_t size, uint32_t seed, uint32_t counter, uint16_t major)
{
    struct blob package = fixture_package(size, 0, seed, counter);
    uint8_t requires[16] = {[4] = MH_RUNTIME, [8] = (uint8_t)major};

    mh_put16(requires, MH_TAG_REQUIRES);
    mh_put16(requires + 2, sizeof requires - 4);
    package.bytes = realloc(package.bytes, package.size + sizeof requires);
    assert_non_null(package.bytes);
    uint8_t *component = top_level_field(&package, MH_TAG_COMPONENT + MH_APPLICATION);
    uint8_t *end = component + 4 + mh_get16(component + 2);
    memmove(end + sizeof requires, end, package.size - (size_t)(end - package.bytes));
    memcpy(end, requires, sizeof requires);
    package.size += sizeof requires;
    mh_put16(component + 2, (uint16_t)(mh_get16(component + 2) + sizeof requires));
    mh_put16(package.bytes + 6, (uint16_t)(mh_get16(package.bytes + 6) + sizeof requires));
    mh_put32(top_level_field(&package, MH_TAG_PACKAGE_SIZE) + 4, (uint32_t)package.size);
    fixture_sign(&package);
    return package;
}

void fixture_sign(struct blob *package)
{
    const uint32_t size = mh_get16(package->bytes + 6);
    uint8_t public_key[crypto_sign_ed25519_PUBLICKEYBYTES], private_key[crypto_sign_ed25519_SECRETKEYBYTES];

    crypto_sign_ed25519_seed_keypair(public_key, private_key, seed_of_key);
    crypto_sign_ed25519_detached(package->bytes + size, NULL, package->bytes, size, private_key);
}

void fixture_device(struct array_device *array)
{
    uint8_t anchors[MH_ANCHORS_SIZE], private_key[crypto_sign_ed25519_SECRETKEYBYTES];

    assert_true(array_device_create(array, mh_board_named("mountaineer-eth")));
    array->device.anchors.board = array->device.board->id;
    array->device.anchors.count = 1;
    crypto_sign_ed25519_seed_keypair(array->device.anchors.keys[0], private_key, seed_of_key);
    mh_anchors_write(&array->device.anchors, anchors);
    array_device_place(array, MH_ANCHORS_ADDRESS, anchors, sizeof anchors);
}

enum mh_error fixture_store(struct mh_update *update, const struct mh_device *device, const struct blob *package)
{
    return package_offer(update, device, package->bytes, package->size);
}

enum mh_error fixture_boot(struct mh_update *update, const struct mh_device *device)
{
    enum mh_error error = mh_update_initialize(update, device);

    return error ? error : mh_proceed(device, &update->journal, &update->package, false);
}

bool fixture_holds(const struct array_device *array, unsigned component, uint32_t size, uint32_t seed)
{
    const uint32_t region = array->device.board->regions[component - 1].address;
    const uint8_t *image = array->internal.cells + (region + MH_HEADER_SIZE - MH_INTERNAL_BASE);
    struct mh_manifest manifest;

    if (mh_component_verify(&array->device, component, &manifest) != MH_OK ||
        manifest.components[component - 1].image_size != size || mh_get32(image) != 0x20020000) {
        return false;
    }
    for (uint32_t i = 8; i < size; i++) {
        if (image[i] != image_byte(seed, i)) {
            return false;
        }
    }
    return true;
}
