/* SPDX-License-Identifier: MIT
 *
 * MFUpdate: a toolbox with which an application builds its own way of being updated (docs/UPDATING.md). A session works
 * on a *provider*: a row of tables of functions, each of which does one thing and can be exchanged.
 *
 *   update      what kinds of update there are, their properties, and what installing one means
 *   validation  who may offer an update, and whether packets and the whole are good
 *   storage     where packets are kept until they are complete, over power losses
 *   backup      what going back needs (optional)
 *   transport   how packets come (optional: else the application hands them over)
 *
 * The row "Matterhorn" is the update core: packages in the reserved megabyte, which the bootloader installs. An
 * application may put its own validation and transport into a copy of that row. It cannot lower what is demanded: the
 * row's `install` takes nothing but what the core itself has stored and verified, and the bootloader verifies that
 * again. Data of its own goes into the user's part of the SPI NOR (struct mfupdate_area).
 *
 * All memory is the caller's. Nothing here blocks, but for the flashes and a transport. Sizes are in bytes.
 */
#ifndef MATTERHORN_MFUPDATE_H
#define MATTERHORN_MFUPDATE_H

#include "matterhorn/manifest.h"

struct mh_update;
struct mfupdate;

/// What an update is ///

#define MFUPDATE_FIRMWARE 0x0000u /* runtime, application or both: what the package says */
#define MFUPDATE_USER 0x8000u     /* from here on: the application's own types */

struct mfupdate_header {
    uint8_t id[MH_ID_SIZE]; /* tells updates of one type apart; of a package: docs/SPEC.md 2.1. Zeros: not known */
    struct mh_version version; /* for the application; that of a package stands in its manifest */
    uint16_t type;
    uint16_t subtype;     /* the application's */
    uint32_t size;        /* of the whole update, at least 1 */
    uint32_t packet_size; /* at least 1; of the last packet, what is left. Of firmware: 4096 */
};

struct mfupdate_packet {
    uint32_t index; /* from 0 on */
    const uint8_t *data;
    uint32_t length;
    const uint8_t *check; /* what the validation provider looks at; NULL: nothing came along */
    uint32_t check_length;
};

/// Providers. Each function gets the `context` of its table, and the session ///

/* A function that is marked so may be NULL. The others must be there: mfupdate_initialize sees to it. */
struct mfupdate_actions {
    /* Accepts or refuses session->header. May be NULL: accepts all. */
    enum mh_error (*initialize)(void *context, struct mfupdate *session);
    /* A property's value into `value`, which has room for *length bytes; *length becomes its length. Without room, or
     * with `value` NULL, only *length is told, and the result is MH_ERR_ARGUMENT or MH_OK. Unknown names:
     * MH_ERR_ARGUMENT. May be NULL. */
    enum mh_error (*get)(void *context, struct mfupdate *session, const char *name, uint8_t *value, uint32_t *length);
    /* May be NULL. Whether values outlive a power loss is the provider's to say. */
    enum mh_error (*set)(void *context, struct mfupdate *session, const char *name, const uint8_t *value,
                         uint32_t length);
    /* Of a complete, validated update. MH_OK: it is done, or will be at the next start. */
    enum mh_error (*install)(void *context, struct mfupdate *session);
    void *context;
};

struct mfupdate_validation {
    /* The provider's own handshake, before the update is opened: `command` and `arguments` mean what it says. The
     * answer has room for *answer_length bytes, and *answer_length becomes its length. May be NULL. */
    enum mh_error (*command)(void *context, struct mfupdate *session, uint32_t command, const uint8_t *arguments,
                             uint32_t length, uint8_t *answer, uint32_t *answer_length);
    /* MH_ERR_AUTHENTICATION: not who may offer an update. May be NULL: everybody may. */
    enum mh_error (*authenticate)(void *context, struct mfupdate *session, const uint8_t *credentials, uint32_t length);
    /* Before a packet is stored, whether or not a check came along. May be NULL: only the whole is checked. */
    enum mh_error (*check_packet)(void *context, struct mfupdate *session, const struct mfupdate_packet *packet);
    /* The whole update, as stored. */
    enum mh_error (*check_update)(void *context, struct mfupdate *session, const uint8_t *check, uint32_t length);
    void *context;
};

struct mfupdate_storage {
    /* Takes up what is stored of this very update (id, version, type, subtype, sizes); *found is false when there is
     * nothing of it. What is stored of another one is not touched. An error is no "nothing". */
    enum mh_error (*open)(void *context, struct mfupdate *session, bool *found);
    /* Makes room for the update, none of which is stored. */
    enum mh_error (*create)(void *context, struct mfupdate *session);
    bool (*missing)(void *context, const struct mfupdate *session, uint32_t index);
    /* MH_OK only when the packet would still be there after a power loss; else it stays missing. */
    enum mh_error (*write)(void *context, struct mfupdate *session, uint32_t index, const uint8_t *data,
                           uint32_t length);
    /* Any range within the update's size. */
    enum mh_error (*read)(void *context, struct mfupdate *session, uint32_t offset, uint8_t *buffer, uint32_t length);
    /* Gives up what is stored of this update. */
    enum mh_error (*erase)(void *context, struct mfupdate *session);
    void *context;
};

struct mfupdate_backup {
    /* Before an install: keeps what going back needs. An error stops the install. */
    enum mh_error (*create)(void *context, struct mfupdate *session);
    enum mh_error (*restore)(void *context, struct mfupdate *session);
    /* The installed update is good: what was kept may go. */
    enum mh_error (*drop)(void *context, struct mfupdate *session);
    void *context;
};

struct mfupdate_transport {
    /* Gets packet packet->index: data, length and check, in memory that lives until the next fetch. */
    enum mh_error (*fetch)(void *context, struct mfupdate *session, struct mfupdate_packet *packet);
    void *context;
};

struct mfupdate_provider {
    const char *name;
    const struct mfupdate_actions *update;
    const struct mfupdate_validation *validation;
    const struct mfupdate_storage *storage;
    const struct mfupdate_backup *backup;       /* NULL: there is no way back */
    const struct mfupdate_transport *transport; /* NULL: packets are handed over */
};

/* The row of this name, or NULL. Capitals count. */
const struct mfupdate_provider *mfupdate_provider(const struct mfupdate_provider *rows, uint32_t count,
                                                  const char *name);

/// The session ///

struct mfupdate {
    const struct mfupdate_provider *provider;
    struct mfupdate_header header;
    bool open;      /* authenticated, and the storage has it */
    bool validated; /* as it is stored now */
};

/* Begins a session, which need not be cleared before. MH_ERR_NO_PROVIDER when `provider` is NULL or lacks what it
 * must have (update, validation, storage); MH_ERR_ARGUMENT for a header with a size of 0; or why the provider
 * refuses it. */
enum mh_error mfupdate_initialize(struct mfupdate *session, const struct mfupdate_provider *provider,
                                  const struct mfupdate_header *header);

/* Asks the validation provider something before the update is opened, such as for a challenge. MH_ERR_NO_PROVIDER when
 * it does not talk; MH_ERR_ARGUMENT, and an answer of no bytes, when it gave more than there is room for. */
enum mh_error mfupdate_command(struct mfupdate *session, uint32_t command, const uint8_t *arguments, uint32_t length,
                               uint8_t *answer, uint32_t *answer_length);

/* Authenticates whoever offers the update, and then opens it: resumes what is stored of it already, else creates it.
 * MH_ERR_AUTHENTICATION or an error of the storage; then the session is not open. */
enum mh_error mfupdate_open(struct mfupdate *session, const uint8_t *credentials, uint32_t length);

/* Number of packets; 0 when there is no session. */
uint32_t mfupdate_packets(const struct mfupdate *session);

/* The first missing packet at `index` or behind; mfupdate_packets() when there is none, or the session is not open. */
uint32_t mfupdate_next_missing(const struct mfupdate *session, uint32_t index);

/* How many are missing. */
uint32_t mfupdate_missing(const struct mfupdate *session);

/* Stores a packet: of exactly packet_size bytes, the last one of what is left. One that is there already is not
 * written again, nor looked at. MH_ERR_STATE when the session is not open; MH_ERR_ARGUMENT for a wrong index or
 * length; what the validation provider says; MH_ERR_FLASH: it is still missing. */
enum mh_error mfupdate_packet(struct mfupdate *session, const struct mfupdate_packet *packet);

/* Fetches and stores all that is missing. A write that fails is tried MFUPDATE_ATTEMPTS times. MH_ERR_NO_PROVIDER
 * without a transport. What was stored before an error stays: call it again. */
#define MFUPDATE_ATTEMPTS 3u
enum mh_error mfupdate_download(struct mfupdate *session);

/* Has the whole update checked; `check` is the validation provider's. MH_ERR_STATE while packets are missing. Each
 * call looks anew: a failed one leaves nothing behind that a later one could pass by. */
enum mh_error mfupdate_validate(struct mfupdate *session, const uint8_t *check, uint32_t length);

/* Validates unless that was done since the last packet, makes the backup, and installs. MH_OK: the session is at
 * its end; the caller restarts where the provider needs it ("Matterhorn" does). */
enum mh_error mfupdate_install(struct mfupdate *session, const uint8_t *check, uint32_t length);

/* Gives up what is stored of this update, open or not. The session is then not open. */
enum mh_error mfupdate_delete(struct mfupdate *session);

/* The installed update is good, or shall be undone. MH_ERR_NO_PROVIDER without a backup provider. */
enum mh_error mfupdate_confirm(struct mfupdate *session);
enum mh_error mfupdate_rollback(struct mfupdate *session);

/* Properties; see struct mfupdate_actions. MH_ERR_NO_PROVIDER where the provider has none to get, or to set. */
enum mh_error mfupdate_get(struct mfupdate *session, const char *name, uint8_t *value, uint32_t *length);
enum mh_error mfupdate_set(struct mfupdate *session, const char *name, const uint8_t *value, uint32_t length);

/// The row "Matterhorn" ///

#define MFUPDATE_MATTERHORN "Matterhorn"

/* Makes the header of a package of `size` bytes from its first ones: at least its manifest and signature, 512
 * always suffice. Only the framing is looked at, and what it says is what is offered; whether it is taken is said
 * when packet 0 is stored. */
enum mh_error mfupdate_describe(struct mfupdate_header *header, const uint8_t *first, uint32_t available,
                                uint32_t size);

/* The built-in row over a session of the core. Packets are of 4096 bytes. Packet 0 comes first (MH_ERR_STATE for
 * others before it), because it has the manifest: everything in docs/SPEC.md 2.4, 1 to 6, is checked with it,
 * before anything is erased. Where `header.id` is known, packet 0 must have it (MH_ERR_ARGUMENT), and it is not
 * wanted again after a power loss. An update that does not validate is dropped by the core: then all its packets
 * are missing.
 *
 * Properties, to be read only; integers are little-endian: "phase" (4 bytes, docs/SPEC.md 3.2), "refusal" (4, 2.5),
 * "refused-id" (16), "incoming-id" (16), "incoming-length" (4; 0: none), "received" (4: packets), "rollback-off" (4,
 * from packet 0 on: bit n - 1 when component n could not be rolled back to what runs now), "runtime-version",
 * "application-version" (8; MH_ERR_NO_IMAGE when none is installed). What an application wants to keep goes into the
 * config store. */
struct mfupdate_matterhorn {
    struct mh_update *core;
    uint8_t first[MH_HEADER_SIZE]; /* of a package that is resumed: not on the stack, which its signature takes */
    struct mfupdate_actions update;
    struct mfupdate_validation validation;
    struct mfupdate_storage storage;
    struct mfupdate_backup backup;
    struct mfupdate_provider row;
};
/* Fills it in. It must not be moved afterwards. */
void mfupdate_matterhorn(struct mfupdate_matterhorn *provider, struct mh_update *core);

/// For data of an application's own ///

/* A storage provider over sectors of the user's SPI NOR: packet n is in sector n, with a CRC-32 of header, number
 * and data in its last 4 bytes, written last. A packet is there when that is right. So nothing else must be kept or
 * cleaned up: whatever a power loss or another update has left in a sector is not this update's, and is erased when
 * its packet comes. */
#define MFUPDATE_AREA_PACKET_MAX 4092u
#define MFUPDATE_AREA_SECTORS_MAX 1792u
struct mfupdate_area {
    struct mfupdate_storage storage;
    const struct mh_device *device;
    uint32_t address;
    uint32_t sectors;
    uint8_t present[MFUPDATE_AREA_SECTORS_MAX / 8]; /* bit n: packet n */
};
/* `address` and `size` are multiples of 4096, `size` at least one of them, all in the user's part; else
 * MH_ERR_ARGUMENT. The area must not be moved afterwards. Opening an update with packets of more than 4092 bytes:
 * MH_ERR_ARGUMENT; with more packets than sectors: MH_ERR_NO_ROOM. */
enum mh_error mfupdate_area(struct mfupdate_area *area, const struct mh_device *device, uint32_t address,
                            uint32_t size);

/* A validation provider that compares the SHA-256 of the whole, as stored, with `check` (32 bytes; another length
 * is MH_ERR_ARGUMENT, another hash MH_ERR_IMAGE). It says nothing of where the update comes from: that hash must
 * come from who is trusted. */
extern const struct mfupdate_validation mfupdate_sha256;

#endif
