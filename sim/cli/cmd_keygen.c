/* SPDX-License-Identifier: MIT
 *
 * matterhorn keygen: a key pair for signing packages, or a device key for encrypting them.
 */
#include "command.h"
#include "files.h"
#include "keys.h"
#include "options.h"

#include <sodium/crypto_sign_ed25519.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static bool make_seed(const char *hex, uint8_t seed[KEYS_SIZE], struct problem *problem)
{
    if (hex) {
        return keys_from_hex(hex, seed, KEYS_SIZE) ||
               problem_set(problem, PROBLEM_USE, "keygen: --seed takes 64 hexadecimal digits");
    }
    return getrandom(seed, KEYS_SIZE, 0) == KEYS_SIZE ||
           problem_set(problem, PROBLEM_BENCH, "keygen: the system gives no random numbers");
}

static bool put_key(struct file_writer *file, const char *title, const uint8_t key[KEYS_SIZE], struct problem *problem)
{
    char hex[2 * KEYS_SIZE + 1];

    fprintf(file->stream, "%s%s\n", title, keys_to_hex(key, KEYS_SIZE, hex));
    return files_settle(file, problem);
}

/* For its owner alone. */
static bool open_secret(struct file_writer *file, const char *path, struct problem *problem)
{
    const mode_t before = umask(077);
    const bool good = files_open(file, path, problem);

    umask(before);
    return good;
}

/* Both or none: half a pair is of no use, and in the way of the next attempt. */
static bool write_pair(const char *private_path, const uint8_t seed[KEYS_SIZE], const char *public_path,
                       const uint8_t public_key[KEYS_SIZE], struct problem *problem)
{
    struct file_writer secret = {0}, known = {0};
    const bool good =
        open_secret(&secret, private_path, problem) && files_open(&known, public_path, problem) &&
        put_key(&secret, KEYS_PRIVATE_TITLE, seed, problem) &&
        put_key(&known, KEYS_PUBLIC_TITLE, public_key, problem) && files_commit(&secret, problem) &&
        files_commit(&known, problem);
    files_discard(&secret);
    files_discard(&known);
    return good;
}

/* Nothing that may be somebody's only copy is written over. The same key again is. */
static bool may_write(const char *private_path, const char *public_path, const uint8_t seed[KEYS_SIZE],
                      struct problem *problem)
{
    struct problem ignored = {0};
    uint8_t there[KEYS_SIZE];

    if (files_same(private_path, public_path)) {
        return problem_set(problem, PROBLEM_USE, "keygen: --private and --public name the same file");
    }
    if (access(private_path, F_OK) == 0 &&
        (!keys_read_private(private_path, there, &ignored) || memcmp(there, seed, KEYS_SIZE) != 0)) {
        return problem_set(problem, PROBLEM_USE, "keygen: %s exists; it is not replaced, remove it first",
                           private_path);
    }
    ignored.kind = PROBLEM_NONE;
    return !keys_read_private(public_path, there, &ignored) ||
           problem_set(problem, PROBLEM_USE, "keygen: %s is a private key; it is not replaced", public_path);
}

static bool make_pair(const char *seed_hex, const char *private_path, const char *public_path, struct problem *problem)
{
    uint8_t seed[KEYS_SIZE], public_key[KEYS_SIZE], private_key[crypto_sign_ed25519_SECRETKEYBYTES];

    if (!make_seed(seed_hex, seed, problem) || !may_write(private_path, public_path, seed, problem)) {
        return false;
    }
    crypto_sign_ed25519_seed_keypair(public_key, private_key, seed);
    const bool written = write_pair(private_path, seed, public_path, public_key, problem);
    memset(seed, 0, sizeof seed);
    memset(private_key, 0, sizeof private_key);
    return written;
}

static bool make_device_key(const char *seed_hex, const char *path, struct problem *problem)
{
    struct problem ignored = {0};
    struct file_writer file = {0};
    uint8_t key[KEYS_SIZE], there[KEYS_SIZE];

    if (!make_seed(seed_hex, key, problem)) {
        return false;
    }
    if (access(path, F_OK) == 0 &&
        (!keys_read_device(path, there, &ignored) || memcmp(there, key, KEYS_SIZE) != 0)) {
        return problem_set(problem, PROBLEM_USE, "keygen: %s exists; it is not replaced, remove it first", path);
    }
    const bool written = open_secret(&file, path, problem) && put_key(&file, KEYS_DEVICE_TITLE, key, problem) &&
                         files_commit(&file, problem);
    files_discard(&file);
    memset(key, 0, sizeof key);
    return written;
}

static const struct options_help help = {
    .arguments = "--private FILE --public FILE | --device-key FILE",
    .text = "Makes an Ed25519 key pair: the private key signs packages, devices are provisioned with the public one.\n"
            "Or makes a device key, under which packages are encrypted; devices are provisioned with that very key, so\n"
            "it must be kept as secret as the private one.",
    .examples = "matterhorn keygen --private release.private --public release.public\n"
                "matterhorn keygen --device-key devices.key\n",
};

static int run(int argc, const char *argv[])
{
    char *seed = NULL, *private_path = NULL, *public_path = NULL, *device_path = NULL;
    const struct poptOption table[] = {
        {"private", 0, POPT_ARG_STRING, &private_path, 0, "where the private key goes (mode 0600)", "FILE"},
        {"public", 0, POPT_ARG_STRING, &public_path, 0, "where the public key goes", "FILE"},
        {"device-key", 0, POPT_ARG_STRING, &device_path, 0, "where the device key goes (mode 0600)", "FILE"},
        {"seed", 0, POPT_ARG_STRING, &seed, 0, "make the key from this seed: for development, never for devices",
         "HEX"},
        POPT_TABLEEND,
    };
    struct options options;
    struct problem problem = {0};
    int status;

    if (options_parse(&options, argc, argv, table, &help, &status)) {
        const bool pair = private_path && public_path, none = !private_path && !public_path;
        if (options.count > 0 || (device_path ? !none : !pair)) {
            status = usage_error("keygen: --private and --public are needed, or --device-key alone; see "
                                 "matterhorn keygen --help");
        } else {
            status = (pair ? make_pair(seed, private_path, public_path, &problem)
                           : make_device_key(seed, device_path, &problem))
                         ? EXIT_PASS
                         : problem_exit(&problem);
        }
    }
    options_close(&options);
    free(seed);
    free(private_path);
    free(public_path);
    free(device_path);
    return status;
}

const struct command command_keygen = {"keygen", "make a key pair for signing packages, or one for encrypting them",
                                       run};
