/* SPDX-License-Identifier: MIT */
#include "protection.h"

#include "option_bytes.h"

#include "matterhorn/config.h"

#include <sodium/crypto_sign_ed25519.h>
#include <string.h>

/* Of the bootloader and the trust anchors. */
#define BOOT_SECTORS 3u

/* Blocks of the one-time programmable area that hold counters and revocations (docs/SPEC.md 4); each has a lock byte of
 * its own, which is 0xFF unless it is locked (RM0090 3.8). */
#define OTP_BLOCKS_USED 15u

/* What firmware/CMakeLists.txt makes its devices with: everybody can read it there. */
static const char development_seed[] = "matterhorn: a key known to all!!"; /* and the device key */
static const char development_secret[] = "matterhorn: a secret for no one.";

json_t *protection_describe(const struct array_device *array)
{
    const uint32_t optcr = option_bytes_get(array->otp);
    json_t *sectors = json_array();

    for (unsigned sector = 0; sector < MH_SECTORS; sector++) {
        if (option_bytes_write_protected(optcr, sector)) {
            json_array_append_new(sectors, json_integer(sector));
        }
    }
    return json_pack("{s:i, s:o, s:i, s:s, s:o}", "read_protection", (int)option_bytes_read_protection(optcr),
                     "write_protected", sectors, "brown_out", (int)option_bytes_brown_out(optcr), "watchdog",
                     option_bytes_hardware_watchdog(optcr) ? "hardware" : "software", "option_bytes",
                     json_sprintf("0x%08X", (unsigned)optcr));
}

static void warn_if(json_t *warnings, bool condition, const char *text)
{
    if (condition) {
        json_array_append_new(warnings, json_string(text));
    }
}

static bool boot_is_write_protected(uint32_t optcr)
{
    for (unsigned sector = 0; sector < BOOT_SECTORS; sector++) {
        if (!option_bytes_write_protected(optcr, sector)) {
            return false;
        }
    }
    return true;
}

static bool updates_are_write_protected(uint32_t optcr)
{
    for (unsigned sector = BOOT_SECTORS; sector < MH_SECTORS; sector++) {
        if (option_bytes_write_protected(optcr, sector)) {
            return true;
        }
    }
    return false;
}

static bool otp_is_locked(const struct array_device *array)
{
    for (unsigned block = 0; block < OTP_BLOCKS_USED; block++) {
        if (array->otp[RAIL_OTP_LOCKS + block] != 0xFF) {
            return true;
        }
    }
    return false;
}

/* Whether there is a key, and it is this one. */
static bool is_key(const uint8_t *key, const void *known)
{
    return key && memcmp(key, known, MH_KEY_SIZE) == 0;
}

static bool trusts_development_key(const struct mh_anchors *anchors)
{
    uint8_t public_key[crypto_sign_ed25519_PUBLICKEYBYTES], secret_key[crypto_sign_ed25519_SECRETKEYBYTES];

    crypto_sign_ed25519_seed_keypair(public_key, secret_key, (const uint8_t *)development_seed);
    for (unsigned i = 0; i < anchors->count; i++) {
        if (memcmp(anchors->keys[i], public_key, MH_KEY_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

/* The keys that the device still trusts. */
static unsigned valid_keys(const struct mh_anchors *anchors)
{
    unsigned valid = 0;

    for (unsigned i = 0; i < anchors->count; i++) {
        valid += !(anchors->revoked >> i & 1);
    }
    return valid;
}

static bool has_mac(const struct array_device *array)
{
    uint32_t length;

    return mh_config_find(array->internal.cells + (MH_CONFIG_ADDRESS - MH_INTERNAL_BASE), MH_CONFIG_MAC, &length) &&
           length == MH_MAC_SIZE;
}

json_t *protection_warnings(const struct array_device *array)
{
    const struct mh_anchors *anchors = &array->device.anchors;
    const uint32_t optcr = option_bytes_get(array->otp);
    json_t *list = json_array();

    warn_if(list, option_bytes_read_protection(optcr) == 0,
            "read protection is at level 0: the debug port reads and writes all of the flash, the secret included");
    warn_if(list, !boot_is_write_protected(optcr),
            "sectors 0 to 2 are not write-protected: bootloader and trust anchors can be erased");
    warn_if(list, updates_are_write_protected(optcr),
            "a sector behind the bootloader is write-protected: config or updates cannot be written there");
    warn_if(list, option_bytes_brown_out(optcr) < 3,
            "brown-out reset is below level 3: the flash may be programmed at too low a voltage");
    warn_if(list, otp_is_locked(array),
            "a block of the one-time programmable area is locked: no counter or revocation can be programmed there");
    warn_if(list, !anchors->secret,
            "there is no secret: the config cannot be written anew when its sector is full");
    warn_if(list, is_key(anchors->secret, development_secret),
            "the secret is the one of the development devices: everybody knows it");
    warn_if(list, trusts_development_key(anchors),
            "the development key is trusted: everybody can sign with it");
    warn_if(list, is_key(anchors->cipher_key, development_seed),
            "the key for encrypted packages is the one of the development devices: everybody can read them");
    warn_if(list, valid_keys(anchors) < 2, "there is one key only: when it is stolen or lost, no other can follow it");
    warn_if(list, !has_mac(array), "there is no MAC address");
    return list;
}
