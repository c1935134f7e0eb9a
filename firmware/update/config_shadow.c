/* SPDX-License-Identifier: MIT
 *
 * The config sector written anew, by way of its shadow in the SPI NOR.
 */
#include "config_parts.h"

#include "matterhorn/bytes.h"

#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/crypto_verify_32.h>
#include <sodium/utils.h>
#include <stddef.h>
#include <string.h>

#define SHADOW_MAGIC "MTHS"
#define READ_ATTEMPTS 3
#define NOR_PAGE_SIZE 256u
#define NOR_SECTOR_SIZE 4096u
#define STACK_OF_HMAC 1024u /* bytes, more than it takes: words of the secret are among what it leaves there */

enum { SHADOW_FORMAT = 4, SHADOW_END = 8, SHADOW_TAG = 16, SHADOW_TAG_SIZE = crypto_auth_hmacsha256_BYTES };

/* The first bytes of a shadow, in the place of the sector's head. What stands behind them is the sector's, byte for
 * byte. */
struct shadow {
    uint8_t head[MH_CONFIG_HEAD_SIZE];
    uint32_t end; /* of the records; of the shadow too */
};

/* Whose shadow it is, and for what sector: the secret, then all of the head before the authentication tag. */
static void begin_tag(crypto_auth_hmacsha256_state *state, const struct mh_device *device, const struct shadow *shadow)
{
    crypto_auth_hmacsha256_init(state, device->anchors.secret, MH_SECRET_SIZE);
    sodium_stackzero(STACK_OF_HMAC);
    crypto_auth_hmacsha256_update(state, shadow->head, SHADOW_TAG);
}

static bool has_tag(crypto_auth_hmacsha256_state *state, const struct shadow *shadow)
{
    uint8_t tag[SHADOW_TAG_SIZE];

    crypto_auth_hmacsha256_final(state, tag);
    return crypto_verify_32(tag, shadow->head + SHADOW_TAG) == 0;
}

/// Reading a shadow ///

/* Hands all that stands behind the head to the sink, a page at a time. */
static enum mh_error read_records(const struct mh_device *device, const struct shadow *shadow, config_sink *sink,
                                  void *context)
{
    uint8_t piece[NOR_PAGE_SIZE];
    enum mh_error error = MH_OK;

    for (uint32_t at = MH_CONFIG_HEAD_SIZE, length; error == MH_OK && at < shadow->end; at += length) {
        length = shadow->end - at < sizeof piece ? shadow->end - at : sizeof piece;
        error = device->nor.read(device->nor.context, MH_CONFIG_SHADOW_ADDRESS + at, piece, length);
        if (error == MH_OK) {
            error = sink(context, piece, length);
        }
        mh_stay_alive(device);
    }
    return error;
}

static enum mh_error hash(void *context, const uint8_t *bytes, uint32_t length)
{
    crypto_auth_hmacsha256_update(context, bytes, length);
    return MH_OK;
}

/* MH_ERR_SIGNATURE when this device did not make what stands there. */
static enum mh_error authenticate(const struct mh_device *device, struct shadow *shadow)
{
    crypto_auth_hmacsha256_state state;
    enum mh_error error =
        device->nor.read(device->nor.context, MH_CONFIG_SHADOW_ADDRESS, shadow->head, sizeof shadow->head);

    if (error) {
        return error;
    }
    shadow->end = mh_get32(shadow->head + SHADOW_END);
    if (memcmp(shadow->head, SHADOW_MAGIC, 4) != 0 || mh_get32(shadow->head + SHADOW_FORMAT) != CONFIG_FORMAT ||
        shadow->end < MH_CONFIG_HEAD_SIZE || shadow->end > MH_CONFIG_SIZE || shadow->end % 4 != 0 ||
        !device->anchors.secret) {
        return MH_ERR_SIGNATURE;
    }
    begin_tag(&state, device, shadow);
    error = read_records(device, shadow, hash, &state);
    const bool is_ours = has_tag(&state, shadow); /* in any case: what made the tag is wiped by that */
    return error || is_ours ? error : MH_ERR_SIGNATURE;
}

/* Several times before it counts as none: one disturbed read must not lose the config. */
static enum mh_error find_shadow(const struct mh_device *device, struct shadow *shadow)
{
    enum mh_error error = MH_ERR_SIGNATURE;

    for (unsigned attempt = 0; error != MH_OK && attempt < READ_ATTEMPTS; attempt++) {
        error = authenticate(device, shadow);
    }
    return error;
}

static enum mh_error erase_nor(const struct mh_device *device, uint32_t address)
{
    mh_stay_alive(device);
    return device->nor.erase(device->nor.context, address);
}

void config_drop_shadow(const struct mh_device *device)
{
    uint8_t head[MH_CONFIG_HEAD_SIZE], blank[MH_CONFIG_HEAD_SIZE];

    memset(blank, 0xFF, sizeof blank);
    if (device->nor.read(device->nor.context, MH_CONFIG_SHADOW_ADDRESS, head, sizeof head) == MH_OK &&
        memcmp(head, blank, sizeof head) != 0) {
        (void)erase_nor(device, MH_CONFIG_SHADOW_ADDRESS); /* of a whole sector it counts for nothing anyway */
    }
}

/// Writing the sector from it ///

/* Where the next bytes go, and what came so far. */
struct copy {
    const struct mh_device *device;
    uint32_t at;
    crypto_auth_hmacsha256_state state;
};

static enum mh_error copy_piece(void *context, const uint8_t *bytes, uint32_t length)
{
    struct copy *copy = context;
    const enum mh_error error = config_program(copy->device, copy->at, bytes, length);

    crypto_auth_hmacsha256_update(&copy->state, bytes, length);
    copy->at += length;
    return error;
}

/* The sector's head: only with its mark is the sector whole, and that is begun when all else was read back. */
static enum mh_error open_sector(const struct mh_device *device)
{
    uint8_t head[HEAD_OPENED];

    memcpy(head, CONFIG_HEAD_MAGIC, 4);
    mh_put32(head + HEAD_FORMAT, CONFIG_FORMAT);
    const enum mh_error error = config_program(device, 0, head, sizeof head);
    return error ? error : config_clear(device, HEAD_OPENED, 4);
}

/* From here on the shadow counts, whatever an erase that loses power leaves of the sector. So the mark is programmed
 * once more where it was begun: a power loss may have left it weak, and read blank it would make what is left whole.
 * Whether all of its bits take does not matter. */
static enum mh_error close_sector(const struct mh_device *device)
{
    const uint8_t *sector = config_sector(device);

    if (!config_is_opened(sector)) {
        return MH_OK;
    }
    const enum mh_error error = config_clear(device, HEAD_CLOSED, 4);
    return error == MH_ERR_SUPPLY || config_is_whole(sector) ? error : MH_OK;
}

static enum mh_error erase_sector(const struct mh_device *device)
{
    mh_stay_alive(device);
    const enum mh_error error = device->internal.erase(device->internal.context, MH_CONFIG_SECTOR);
    mh_stay_alive(device);
    return error;
}

/* Whoever holds the SPI bus may have put something else into the shadow since it was authenticated: what was
 * programmed is authenticated again, and does not count otherwise. */
static enum mh_error restore(const struct mh_device *device, const struct shadow *shadow)
{
    struct copy copy = {.device = device, .at = MH_CONFIG_HEAD_SIZE};
    enum mh_error error = close_sector(device);

    if (error == MH_OK) {
        error = erase_sector(device);
    }
    begin_tag(&copy.state, device, shadow);
    if (error == MH_OK) {
        error = read_records(device, shadow, copy_piece, &copy);
    }
    const bool is_ours = has_tag(&copy.state, shadow); /* as in authenticate */
    if (error == MH_OK && !is_ours) {
        error = MH_ERR_FLASH;
    }
    return error ? error : open_sector(device);
}

enum mh_error mh_config_resume(const struct mh_device *device)
{
    struct shadow shadow;

    if (config_is_whole(config_sector(device))) {
        return config_finish_mark(device, HEAD_OPENED);
    }
    enum mh_error error = find_shadow(device, &shadow);
    if (error == MH_ERR_SIGNATURE) {
        return MH_OK; /* there is none */
    }
    if (error == MH_OK) {
        error = restore(device, &shadow);
    }
    if (config_is_whole(config_sector(device))) {
        config_drop_shadow(device);
    }
    return error;
}

/// Writing a shadow ///

/* Everything that shall count, as it will stand in the sector. */
static enum mh_error emit_record(const struct change *change, uint32_t *at, config_sink *sink, void *context)
{
    static const uint8_t seal[RECORD_SEAL_SIZE];
    const enum mh_error error = config_emit(change, *at, sink, context);

    *at += config_record_size(change->length);
    return error ? error : sink(context, seal, sizeof seal);
}

static enum mh_error emit_all(const uint8_t *sector, const struct change *change, config_sink *sink, void *context)
{
    enum mh_error error = MH_OK;
    uint32_t at = MH_CONFIG_HEAD_SIZE;

    for (struct mh_config_value value = {0}; error == MH_OK && mh_config_next(sector, &value);) {
        if (value.tag != change->tag) {
            error = emit_record(&(struct change){value.tag, value.value, value.length}, &at, sink, context);
        }
    }
    return error || change->length == 0 ? error : emit_record(change, &at, sink, context);
}

/* What is yet to be programmed into a page. */
struct page {
    const struct mh_nor *nor;
    uint32_t address;
    uint32_t filled;
    uint8_t bytes[NOR_PAGE_SIZE];
};

static enum mh_error flush(struct page *page)
{
    const struct mh_nor *nor = page->nor;
    const uint32_t filled = page->filled;

    page->filled = 0;
    page->address += NOR_PAGE_SIZE;
    return filled ? nor->program(nor->context, page->address - NOR_PAGE_SIZE, page->bytes, filled) : MH_OK;
}

static enum mh_error fill_page(void *context, const uint8_t *bytes, uint32_t length)
{
    struct page *page = context;
    enum mh_error error = MH_OK;

    while (error == MH_OK && length > 0) {
        const uint32_t room = NOR_PAGE_SIZE - page->filled, part = length < room ? length : room;
        memcpy(page->bytes + page->filled, bytes, part);
        page->filled += part;
        bytes += part;
        length -= part;
        error = page->filled == NOR_PAGE_SIZE ? flush(page) : MH_OK;
    }
    return error;
}

/* The head of the shadow of that sector with that change, its tag included. */
static void make_head(const struct mh_device *device, const struct change *change, struct shadow *shadow)
{
    crypto_auth_hmacsha256_state state;

    memset(shadow->head, 0, sizeof shadow->head);
    shadow->end = config_size_with(config_sector(device), change);
    memcpy(shadow->head, SHADOW_MAGIC, 4);
    mh_put32(shadow->head + SHADOW_FORMAT, CONFIG_FORMAT);
    mh_put32(shadow->head + SHADOW_END, shadow->end);
    begin_tag(&state, device, shadow);
    (void)emit_all(config_sector(device), change, hash, &state);
    crypto_auth_hmacsha256_final(&state, shadow->head + SHADOW_TAG);
}

/* Writes the shadow and reads it back. */
static enum mh_error write_shadow(const struct mh_device *device, const struct change *change, struct shadow *shadow)
{
    struct page page = {.nor = &device->nor, .address = MH_CONFIG_SHADOW_ADDRESS};
    struct shadow back;
    enum mh_error error = MH_OK;

    make_head(device, change, shadow);
    for (uint32_t at = 0; error == MH_OK && at < shadow->end; at += NOR_SECTOR_SIZE) {
        error = erase_nor(device, MH_CONFIG_SHADOW_ADDRESS + at);
    }
    if (error == MH_OK) {
        error = fill_page(&page, shadow->head, sizeof shadow->head);
    }
    if (error == MH_OK) {
        error = emit_all(config_sector(device), change, fill_page, &page);
    }
    if (error == MH_OK) {
        error = flush(&page);
    }
    if (error == MH_OK) {
        error = authenticate(device, &back);
    }
    return error || memcmp(&back, shadow, sizeof back) == 0 ? error : MH_ERR_FLASH;
}

enum mh_error config_compact(const struct mh_device *device, const struct change *change)
{
    struct shadow shadow;

    if (!device->anchors.secret) {
        return MH_ERR_STATE;
    }
    enum mh_error error = write_shadow(device, change, &shadow);
    if (error) {
        return error == MH_ERR_SIGNATURE ? MH_ERR_FLASH : error;
    }
    error = restore(device, &shadow);
    if (config_is_whole(config_sector(device))) {
        config_drop_shadow(device);
    }
    return error;
}
