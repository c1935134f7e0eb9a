/* SPDX-License-Identifier: MIT */
#include "pack_keys.h"

#include "keys.h"

#include <sodium/crypto_sign_ed25519.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/// Encryption ///

/* A nonce must never come again with the same key: the exclusive or of two such ciphertexts is that of what was
 * encrypted. Of 96 random bits, none does. */
static bool draw_nonces(struct package_order *order, struct problem *problem)
{
    return getrandom(order->nonces, sizeof order->nonces, 0) == sizeof order->nonces ||
           problem_set(problem, PROBLEM_BENCH, "pack: the system gives no random numbers");
}

static bool take_nonce(const char *text, struct package_order *order, struct problem *problem)
{
    if (order->images[0].path && order->images[1].path) {
        return problem_set(problem, PROBLEM_USE, "pack: --nonce is for packages with one component");
    }
    uint8_t *nonce = order->nonces[order->images[0].path ? 0 : 1];
    return keys_from_hex(text, nonce, MH_NONCE_SIZE) ||
           problem_set(problem, PROBLEM_USE, "pack: --nonce takes %u hexadecimal digits", 2 * MH_NONCE_SIZE);
}

static bool take_cipher(const struct pack_keys *keys, struct package_order *order, struct problem *problem)
{
    if (!keys->cipher_key) {
        return !keys->nonce || problem_set(problem, PROBLEM_USE, "pack: --nonce goes with --encrypt");
    }
    order->encrypted = true;
    return keys_read_device(keys->cipher_key, order->cipher_key, problem) &&
           (keys->nonce ? take_nonce(keys->nonce, order, problem) : draw_nonces(order, problem));
}

/// Revocation ///

struct trusted {
    uint8_t keys[MH_KEYS_MAX][KEYS_SIZE];
    unsigned count;
};

/* The number of a key; `count` when it is not among them. */
static unsigned number_of(const struct trusted *trusted, const uint8_t key[KEYS_SIZE])
{
    unsigned number = 0;

    while (number < trusted->count && memcmp(trusted->keys[number], key, KEYS_SIZE) != 0) {
        number++;
    }
    return number;
}

static bool read_trusted(char *const *paths, struct trusted *trusted, struct problem *problem)
{
    for (; paths && *paths; paths++) {
        if (trusted->count == MH_KEYS_MAX) {
            return problem_set(problem, PROBLEM_USE, "pack: a device trusts at most %u keys", MH_KEYS_MAX);
        }
        if (!keys_read_public(*paths, trusted->keys[trusted->count], problem)) {
            return false;
        }
        trusted->count++;
    }
    return true;
}

static bool revoke(const char *path, const struct trusted *trusted, struct package_order *order,
                   struct problem *problem)
{
    uint8_t key[KEYS_SIZE];

    if (!keys_read_public(path, key, problem)) {
        return false;
    }
    const unsigned number = number_of(trusted, key);
    if (number == trusted->count) {
        return problem_set(problem, PROBLEM_USE, "pack: %s is not one of the keys given by --trusted", path);
    }
    order->revokes |= 1u << number;
    return true;
}

/* Whether a device that trusts these keys takes what this one signs. */
static bool check_signer(const struct pack_keys *keys, const struct trusted *trusted, const struct package_order *order,
                         struct problem *problem)
{
    uint8_t public_key[crypto_sign_ed25519_PUBLICKEYBYTES], private_key[crypto_sign_ed25519_SECRETKEYBYTES];

    if (trusted->count == 0) {
        return true;
    }
    crypto_sign_ed25519_seed_keypair(public_key, private_key, order->seed);
    memset(private_key, 0, sizeof private_key);
    const unsigned number = number_of(trusted, public_key);
    if (number == trusted->count) {
        return problem_set(problem, PROBLEM_USE, "pack: %s is not the private half of a key given by --trusted",
                           keys->key);
    }
    return !(order->revokes >> number & 1) ||
           problem_set(problem, PROBLEM_USE, "pack: %s cannot revoke itself; sign with the next key", keys->key);
}

/// All of them ///

bool pack_keys_read(const struct pack_keys *keys, struct package_order *order, struct problem *problem)
{
    struct trusted trusted = {.count = 0};

    if (!keys_read_private(keys->key, order->seed, problem) || !take_cipher(keys, order, problem) ||
        !read_trusted(keys->trusted, &trusted, problem)) {
        return false;
    }
    for (char *const *path = keys->revoked; path && *path; path++) {
        if (!revoke(*path, &trusted, order, problem)) {
            return false;
        }
    }
    return check_signer(keys, &trusted, order, problem);
}

static void free_list(char **list)
{
    for (char **each = list; each && *each; each++) {
        free(*each);
    }
    free(list);
}

void pack_keys_free(struct pack_keys *keys)
{
    free(keys->key);
    free(keys->cipher_key);
    free(keys->nonce);
    free_list(keys->trusted);
    free_list(keys->revoked);
}
