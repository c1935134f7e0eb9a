/* SPDX-License-Identifier: MIT */
#include "package_set.h"
#include "target.h"

#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_sign_ed25519.h>
#include <string.h>

static const uint8_t seed_of_key[32] = "a key for the fuzz targets alone";

static void make_image(struct package_image *image, uint32_t size, uint32_t region, uint32_t seed)
{
    if (size == 0)
        return;
    image->path = "image";
    image->size = size;
    image->bytes = malloc(size);
    demand(image->bytes != NULL);
    for (uint32_t i = 0; i < size; i++) /* runs, and every eighth chunk has nothing that a codec finds */
        image->bytes[i] = (uint8_t)(i / MH_CHUNK_SIZE % 8 == 1 ? (i * i * 0x9E3779B1u + seed) >> 13 : i / 64 + seed);
    mh_put32(image->bytes, 0x20020000);
    mh_put32(image->bytes + 4, region + MH_HEADER_SIZE + 1);
}

/* As if the signer had mistaken another image's hash for this one's: the first byte of it is another. */
static void spoil_image_hash(struct made *made, uint32_t size)
{
    uint8_t hash[MH_HASH_SIZE];
    const struct package_image *image = &made->images[MH_APPLICATION - 1];

    crypto_hash_sha256(hash, image->bytes, image->size);
    for (uint32_t at = 0; at + MH_HASH_SIZE <= size; at += 4)
        if (memcmp(made->bytes + at, hash, sizeof hash) == 0)
            made->bytes[at] ^= 1;
    package_set_sign(made->bytes, size);
}

static void make(struct made *made, enum made_number number)
{
    static const struct {
        const char *board;
        uint32_t sizes[MH_COMPONENTS]; /* runtime, application */
        uint32_t codec, counter;
    } orders[MADE] = {
        [MADE_APPLICATION] = {"mountaineer-eth", {0, 5001}, MH_CODEC_LZ4, 1},
        [MADE_NEWER] = {"mountaineer-eth", {0, 4998}, MH_CODEC_STORED, 2},
        [MADE_RUNTIME] = {"mountaineer-eth", {3001, 0}, MH_CODEC_LZ4, 1},
        [MADE_BOTH] = {"mountaineer-eth", {2003, 9001}, MH_CODEC_LZ4, 2},
        [MADE_TWO_SECTORS] = {"mountaineer-eth", {66000, 0}, MH_CODEC_LZ4, 2},
        [MADE_SMALLEST] = {"mountaineer-eth", {0, 8}, MH_CODEC_STORED, 3},
        [MADE_WRONG_IMAGE] = {"mountaineer-eth", {0, 3000}, MH_CODEC_LZ4, 3},
        [MADE_OTHER_BOARD] = {"mountaineer-usb", {0, 3000}, MH_CODEC_LZ4, 3},
        [MADE_LAST] = {"mountaineer-eth", {0, 4100}, MH_CODEC_LZ4, 9},
    };
    struct package_order order = {.board = mh_board_named(orders[number].board),
                                  .codec = orders[number].codec,
                                  .counter = orders[number].counter,
                                  .version = {{1, (uint16_t)number, 0, 0}}};
    struct problem problem = {0};

    memcpy(order.seed, seed_of_key, sizeof order.seed);
    for (unsigned i = 0; i < MH_COMPONENTS; i++)
        make_image(&order.images[i], orders[number].sizes[i], order.board->regions[i].address, 16 + 7 * number + i);
    demand(package_check(&order, &problem) && package_write(&order, &made->bytes, &made->size, &problem));
    memcpy(made->images, order.images, sizeof made->images);
    made->counter = order.counter;
    if (number == MADE_WRONG_IMAGE)
        spoil_image_hash(made, mh_get16(made->bytes + 6));
    uint8_t hash[MH_HASH_SIZE];
    crypto_hash_sha256(hash, made->bytes, mh_get16(made->bytes + 6));
    memcpy(made->id, hash, MH_ID_SIZE);
}

const struct made *package_set(void)
{
    static struct made set[MADE];

    for (unsigned i = 0; i < MADE && set[i].bytes == NULL; i++)
        make(&set[i], i);
    return set;
}

const struct made *package_set_find(const uint8_t id[MH_ID_SIZE])
{
    const struct made *set = package_set();

    for (unsigned i = 0; i < MADE; i++)
        if (memcmp(set[i].id, id, MH_ID_SIZE) == 0)
            return &set[i];
    return NULL;
}

/* The private one has the public one behind it. */
static const uint8_t *private_key(uint8_t public_key[MH_KEY_SIZE])
{
    static uint8_t key[crypto_sign_ed25519_SECRETKEYBYTES], its_public[MH_KEY_SIZE];
    static bool made;

    if (!made)
        crypto_sign_ed25519_seed_keypair(its_public, key, seed_of_key);
    made = true;
    if (public_key != NULL)
        memcpy(public_key, its_public, MH_KEY_SIZE);
    return key;
}

void package_set_sign(uint8_t *bytes, uint32_t size)
{
    crypto_sign_ed25519_detached(bytes + size, NULL, bytes, size, private_key(NULL));
}

void package_set_anchors(struct mh_anchors *anchors)
{
    memset(anchors, 0, sizeof *anchors);
    anchors->board = mh_board_named("mountaineer-eth")->id;
    anchors->count = 1;
    private_key(anchors->keys[0]);
}
