/* SPDX-License-Identifier: MIT */
#include "package_set.h"
#include "target.h"

#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_sign_ed25519.h>
#include <string.h>

static const uint8_t seeds_of_keys[PACKAGE_SET_KEYS][32] = {"a key for the fuzz targets alone", "and another one"};
static const uint8_t cipher_key[MH_KEY_SIZE] = "under which packages are secret";

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
    package_set_sign(made->bytes, size, 0);
}

static void make(struct made *made, enum made_number number)
{
    static const struct {
        uint32_t sizes[MH_COMPONENTS]; /* runtime, application */
        uint32_t codec, counter;
        bool for_usb, encrypted;
        unsigned key;
        uint32_t revokes;
    } orders[MADE] = {
        [MADE_APPLICATION] = {.sizes = {0, 5001}, .codec = MH_CODEC_LZ4, .counter = 1},
        [MADE_NEWER] = {.sizes = {0, 4998}, .codec = MH_CODEC_STORED, .counter = 2},
        [MADE_RUNTIME] = {.sizes = {3001, 0}, .codec = MH_CODEC_LZ4, .counter = 1},
        [MADE_BOTH] = {.sizes = {2003, 9001}, .codec = MH_CODEC_LZ4, .counter = 2},
        [MADE_TWO_SECTORS] = {.sizes = {66000, 0}, .codec = MH_CODEC_LZ4, .counter = 2},
        [MADE_SMALLEST] = {.sizes = {0, 8}, .codec = MH_CODEC_STORED, .counter = 3},
        [MADE_WRONG_IMAGE] = {.sizes = {0, 3000}, .codec = MH_CODEC_LZ4, .counter = 3},
        [MADE_OTHER_BOARD] = {.sizes = {0, 3000}, .codec = MH_CODEC_LZ4, .counter = 3, .for_usb = true},
        [MADE_ENCRYPTED] = {.sizes = {2500, 4500}, .codec = MH_CODEC_LZ4, .counter = 2, .encrypted = true},
        [MADE_BY_KEY_1] = {.sizes = {2222, 0}, .codec = MH_CODEC_LZ4, .counter = 2, .key = 1},
        [MADE_REVOKING] = {.sizes = {0, 2345}, .codec = MH_CODEC_LZ4, .counter = 2, .revokes = 2},
        [MADE_LAST] = {.sizes = {0, 4100}, .codec = MH_CODEC_LZ4, .counter = 9},
    };
    const char *board = orders[number].for_usb ? "mountaineer-usb" : "mountaineer-eth";
    struct package_order order = {.board = mh_board_named(board),
                                  .codec = orders[number].codec,
                                  .counter = orders[number].counter,
                                  .encrypted = orders[number].encrypted,
                                  .nonces = {"the runtime", "application"},
                                  .revokes = orders[number].revokes,
                                  .version = {{1, (uint16_t)number, 0, 0}}};
    struct problem problem = {0};

    memcpy(order.seed, seeds_of_keys[orders[number].key], sizeof order.seed);
    memcpy(order.cipher_key, cipher_key, sizeof order.cipher_key);
    for (unsigned i = 0; i < MH_COMPONENTS; i++)
        make_image(&order.images[i], orders[number].sizes[i], order.board->regions[i].address, 16 + 7 * number + i);
    demand(package_check(&order, &problem) && package_write(&order, &made->bytes, &made->size, &problem));
    memcpy(made->images, order.images, sizeof made->images);
    made->counter = order.counter;
    made->key = orders[number].key;
    made->revokes = order.revokes;
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
static const uint8_t *private_key(unsigned number, uint8_t public_key[MH_KEY_SIZE])
{
    static uint8_t keys[PACKAGE_SET_KEYS][crypto_sign_ed25519_SECRETKEYBYTES], publics[PACKAGE_SET_KEYS][MH_KEY_SIZE];
    static bool made;

    for (unsigned i = 0; !made && i < PACKAGE_SET_KEYS; i++)
        crypto_sign_ed25519_seed_keypair(publics[i], keys[i], seeds_of_keys[i]);
    made = true;
    memcpy(public_key, publics[number], MH_KEY_SIZE);
    return keys[number];
}

void package_set_sign(uint8_t *bytes, uint32_t size, unsigned key)
{
    uint8_t public_key[MH_KEY_SIZE];

    crypto_sign_ed25519_detached(bytes + size, NULL, bytes, size, private_key(key, public_key));
}

void package_set_anchors(struct mh_anchors *anchors)
{
    memset(anchors, 0, sizeof *anchors);
    anchors->board = mh_board_named("mountaineer-eth")->id;
    anchors->count = PACKAGE_SET_KEYS;
    for (unsigned i = 0; i < PACKAGE_SET_KEYS; i++)
        private_key(i, anchors->keys[i]);
    anchors->cipher_key = cipher_key;
}
