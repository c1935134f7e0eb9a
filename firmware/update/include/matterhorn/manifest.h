/* SPDX-License-Identifier: MIT
 *
 * The signed manifest of a package (docs/SPEC.md 2.1): framing, signature, fields, and what a device accepts.
 */
#ifndef MATTERHORN_MANIFEST_H
#define MATTERHORN_MANIFEST_H

#include "matterhorn/device.h"

#include <stdbool.h>

#define MH_MANIFEST_MAX 448u
#define MH_SIGNATURE_SIZE 64u
#define MH_HEADER_SIZE 512u /* of a component in its region */
#define MH_HASH_SIZE 32u
#define MH_ID_SIZE 16u
#define MH_NAME_MAX 32u
#define MH_CHUNK_SIZE 4096u

#define MH_NONCE_SIZE 12u
#define MH_KEY_ID_SIZE 8u

enum mh_codec { MH_CODEC_STORED = 0, MH_CODEC_LZ4 = 1, MH_CODEC_LZMA = 2 };
enum mh_cipher { MH_CIPHER_NONE = 0, MH_CIPHER_CHACHA20 = 1 };

struct mh_version {
    uint16_t part[4]; /* major, minor, build, revision */
};

/* Negative, zero or positive as `a` is older than, the same as or newer than `b`. */
int mh_version_compare(const struct mh_version *a, const struct mh_version *b);

struct mh_component {
    bool present;
    uint32_t destination;
    struct mh_version version;
    uint32_t counter;
    uint32_t image_size;
    uint8_t image_hash[MH_HASH_SIZE];
    uint32_t codec;       /* enum mh_codec */
    uint32_t stored_size; /* chunk table and chunks */
    uint8_t table_hash[MH_HASH_SIZE];
    uint32_t requires;    /* number of the other component, 0 = nothing */
    struct mh_version requires_version;
    uint32_t cipher;      /* enum mh_cipher: of every chunk as stored */
    uint8_t nonce[MH_NONCE_SIZE];
    uint8_t cipher_key_id[MH_KEY_ID_SIZE]; /* which key it was encrypted under (docs/SPEC.md 2.1) */
};

struct mh_manifest {
    uint32_t size; /* of the manifest; the signature follows it */
    uint32_t board;
    uint32_t package_size;
    uint32_t revokes; /* bit n: key n is no longer trusted once this is confirmed */
    struct mh_component components[MH_COMPONENTS]; /* by component number - 1 */
    char name[MH_NAME_MAX + 1];                    /* empty when there is none */
    uint8_t id[MH_ID_SIZE];
};

/* Tags of the format (docs/SPEC.md 2.1), for those who write it. */
enum mh_tag {
    MH_TAG_CRITICAL = 0x8000,
    MH_TAG_BOARD = 0x8001,
    MH_TAG_PACKAGE_SIZE = 0x8002,
    MH_TAG_REVOKES = 0x8003,
    MH_TAG_COMPONENT = 0x8010, /* plus the component's number */
    MH_TAG_NAME = 0x0020,
    MH_TAG_DESTINATION = 0x8101,
    MH_TAG_VERSION = 0x8102,
    MH_TAG_COUNTER = 0x8103,
    MH_TAG_IMAGE = 0x8104,
    MH_TAG_CODEC = 0x8105,
    MH_TAG_CHUNKS = 0x8106,
    MH_TAG_REQUIRES = 0x8107,
    MH_TAG_CIPHER = 0x8108,
};

#define MH_MANIFEST_MAGIC "MTHP"
#define MH_MANIFEST_FORMAT 1u

/* Checks the framing of a manifest at the start of `bytes` and tells its size; the signature is within `length`. */
enum mh_error mh_manifest_frame(const uint8_t *bytes, uint32_t length, uint32_t *size);

/* Number of the key that made the signature behind a manifest of `size` bytes, framed before; MH_KEYS_MAX: none of the
 * device's. Of a key that the device has twice, the first number. */
unsigned mh_manifest_signer(const uint8_t *bytes, uint32_t size, const struct mh_anchors *anchors);

/* Which keys count: of what is installed every one, for else revoking the key of one component would stop the other
 * one from starting; of what is new, those that were not revoked. */
enum mh_keys { MH_ANY_KEY, MH_VALID_KEY };

/* Checks the signature behind a manifest of `size` bytes, framed before. MH_ERR_SIGNATURE; MH_ERR_REVOKED when a
 * revoked key did make it. */
enum mh_error mh_manifest_authenticate(const uint8_t *bytes, uint32_t size, const struct mh_anchors *anchors,
                                       enum mh_keys keys);

/* Reads the fields of a manifest of `size` bytes, framed before. */
enum mh_error mh_manifest_parse(const uint8_t *bytes, uint32_t size, struct mh_manifest *manifest);

/* Checks that the parsed manifest fits the board's regions and that its sizes add up. */
enum mh_error mh_manifest_fits(const struct mh_manifest *manifest, const struct mh_board *board);

/* The components that the package has: bit n - 1 for component n. */
unsigned mh_manifest_components(const struct mh_manifest *manifest);

/* What a device already has, for mh_manifest_accept. */
struct mh_installed {
    bool present[MH_COMPONENTS];
    struct mh_version version[MH_COMPONENTS];
    uint32_t counter[MH_COMPONENTS];
    uint32_t recorded[MH_COMPONENTS]; /* security counters of the one-time programmable area */
    uint32_t capacity[MH_COMPONENTS]; /* the highest that it can record */
    uint32_t revocable;               /* keys that are revoked or can be: bit n for key n */
    uint32_t requires[MH_COMPONENTS]; /* number of the other component, 0 = nothing */
    struct mh_version requires_version[MH_COMPONENTS];
    uint8_t refused_id[MH_ID_SIZE];     /* all zero = none */
    uint8_t rolled_back_id[MH_ID_SIZE]; /* all zero = none */
};

/* Checks counters, required versions, those that what stays requires too, revocations, the last refusal and the last
 * rollback. */
enum mh_error mh_manifest_accept(const struct mh_manifest *manifest, const struct mh_installed *installed);

#endif
