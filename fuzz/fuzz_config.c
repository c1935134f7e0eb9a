/* SPDX-License-Identifier: MIT
 *
 * The config store on a sector and a shadow of any bytes, then writes, deletions and power losses on top of it.
 *
 *   1      what to make of the rest, see enum flag
 *   2, n   n bytes of the sector, from its start or at its end; the rest is blank
 *   2, n   the same of the shadow
 *   3 ...  changes: a tag, a length (0: a deletion), after how many operations power is lost (0: not at all)
 *
 * Checksums, and the shadow's authentication where a flag says so, are made right before each run: otherwise no
 * mutation would get past them.
 */
#include "target.h"

#include "matterhorn/config.h"

#include <sodium/crypto_auth_hmacsha256.h>
#include <string.h>

enum flag { MEND_RECORDS = 1, MEND_HEAD = 2, AUTHENTIC = 4, AT_THE_END = 8, SHADOW_AT_THE_END = 16, NOR_DEAD = 32 };

#define SECTOR_OFFSET (MH_CONFIG_ADDRESS - MH_INTERNAL_BASE)
#define HEAD MH_CONFIG_HEAD_SIZE
#define CHANGES_MOST 12u

static uint8_t *sector, shadow[MH_CONFIG_SIZE];
static uint64_t operations, lost_after; /* 0: no loss */
static bool nor_dead;

/// The device ///

static bool has_power(void)
{
    return lost_after == 0 || operations < lost_after;
}

static void clear_bits(uint8_t *cells, const uint8_t *data, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        cells[i] &= data[i];
}

static uint8_t *shadow_at(uint32_t address, uint32_t length)
{
    demand(address >= MH_CONFIG_SHADOW_ADDRESS && length <= MH_CONFIG_SIZE);
    demand(address - MH_CONFIG_SHADOW_ADDRESS <= MH_CONFIG_SIZE - length);
    return shadow + (address - MH_CONFIG_SHADOW_ADDRESS);
}

static enum mh_error program_internal(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    (void)context;
    demand(address >= MH_CONFIG_ADDRESS && length <= MH_CONFIG_SIZE && address % 4 == 0 && length % 4 == 0);
    demand(address - MH_CONFIG_ADDRESS <= MH_CONFIG_SIZE - length);
    for (uint32_t at = 0; at < length; at += 4, operations++) {
        if (!has_power())
            return MH_ERR_FLASH;
        clear_bits(sector + (address - MH_CONFIG_ADDRESS) + at, data + at, 4);
    }
    return MH_OK;
}

static enum mh_error erase_internal(void *context, unsigned number)
{
    (void)context;
    demand(number == MH_CONFIG_SECTOR);
    if (!has_power())
        return MH_ERR_FLASH;
    operations++;
    memset(sector, 0xFF, MH_CONFIG_SIZE);
    return MH_OK;
}

static enum mh_error read_nor(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    (void)context;
    memcpy(buffer, shadow_at(address, length), length);
    return nor_dead ? MH_ERR_FLASH : MH_OK;
}

static enum mh_error program_nor(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    (void)context;
    demand(length <= 256 && address / 256 == (address + length - 1) / 256);
    if (!has_power() || nor_dead)
        return MH_ERR_FLASH;
    operations++;
    clear_bits(shadow_at(address, length), data, length);
    return MH_OK;
}

static enum mh_error erase_nor(void *context, uint32_t address)
{
    (void)context;
    demand(address % 4096 == 0);
    if (!has_power() || nor_dead)
        return MH_ERR_FLASH;
    operations++;
    memset(shadow_at(address, 4096), 0xFF, 4096);
    return MH_OK;
}

static struct mh_device make_device(void)
{
    /* the sector lies where the first address would lead to; nothing else is there */
    struct mh_device device = {
        .nor = {read_nor, program_nor, erase_nor, NULL},
        .internal = {(const uint8_t *)((uintptr_t)sector - SECTOR_OFFSET), program_internal, erase_internal, NULL},
    };
    static uint8_t secret[MH_SECRET_SIZE];

    memset(secret, 0x3C, sizeof secret);
    device.anchors.secret = secret;
    return device;
}

/// Checksums ///

static void mend_records(uint8_t *bytes)
{
    for (uint32_t at = HEAD, size; at + MH_CONFIG_RECORD_SIZE <= MH_CONFIG_SIZE; at += size) {
        uint8_t *record = bytes + at;
        size = 4;
        if (memcmp(record, "MC", 2) != 0)
            continue;
        const uint32_t body = 12 + (mh_get16(record + 4) + 3u) / 4 * 4;
        mh_put16(record + 6, (uint16_t)(at / 4));
        mh_put32(record + 8, mh_crc32(record, 8));
        if (body + 8 <= MH_CONFIG_SIZE - at) {
            mh_put32(record + body, mh_crc32(record, body));
            size = body + 8;
        }
    }
}

static void authenticate(uint8_t *bytes, const uint8_t secret[MH_SECRET_SIZE])
{
    crypto_auth_hmacsha256_state state;
    const uint32_t end = mh_get32(bytes + 8);

    memcpy(bytes, "MTHS\2\0\0\0", 8);
    if (end < HEAD || end > MH_CONFIG_SIZE)
        return;
    crypto_auth_hmacsha256_init(&state, secret, MH_SECRET_SIZE);
    crypto_auth_hmacsha256_update(&state, bytes, 16);
    crypto_auth_hmacsha256_update(&state, bytes + HEAD, end - HEAD);
    crypto_auth_hmacsha256_final(&state, bytes + 16);
}

/// What must hold ///

/* A value, kept aside. */
struct kept {
    bool there;
    uint32_t length;
    uint8_t bytes[MH_CONFIG_SIZE];
};

static void keep(struct kept *kept, unsigned tag)
{
    const uint8_t *value = mh_config_find(sector, tag, &kept->length);

    kept->there = value != NULL;
    if (value != NULL)
        memcpy(kept->bytes, value, kept->length);
}

static bool is_kept(const struct kept *kept, unsigned tag)
{
    uint32_t length;
    const uint8_t *value = mh_config_find(sector, tag, &length);

    if (value == NULL || !kept->there)
        return value == NULL && !kept->there;
    return length == kept->length && memcmp(value, kept->bytes, length) == 0;
}

/* Each value comes once, in the order in which they stand, and is the one that is found. */
static void list_values(void)
{
    uint32_t length, before = 0;

    for (struct mh_config_value value = {0}; mh_config_next(sector, &value); before = value.next) {
        demand(value.next > before && value.next <= MH_CONFIG_SIZE);
        demand(value.value >= sector + HEAD && value.value + value.length <= sector + MH_CONFIG_SIZE);
        demand(mh_config_find(sector, value.tag, &length) == value.value && length == value.length);
    }
}

/* What there is beside one tag, as one number. */
static uint32_t sum_of_others(unsigned tag)
{
    struct mh_config_value value = {0};
    uint32_t sum = 0;

    while (mh_config_next(sector, &value)) {
        if (value.tag != tag)
            sum += mh_crc32(value.value, value.length) * (2 * value.tag + 1); /* in whatever order they stand */
    }
    return sum;
}

static void start(void)
{
    operations = lost_after = 0;
}

/* One change, perhaps with a power loss in it: all other values stay, this one is the old or the new one. */
static void change(struct mh_config *config, unsigned tag, uint32_t length, uint32_t lost)
{
    static struct kept old, new;
    const uint32_t others = sum_of_others(tag);

    keep(&old, tag);
    new.there = length > 0;
    new.length = length;
    memset(new.bytes, (int)(length * 31 + lost + old.length), length);
    start();
    lost_after = lost;
    const enum mh_error error =
        length ? mh_config_write(config, tag, new.bytes, length) : mh_config_delete(config, tag);
    demand(error == MH_OK || error == MH_ERR_FLASH || error == MH_ERR_NO_ROOM || error == MH_ERR_ARGUMENT);
    if (!has_power()) {
        start();
        const enum mh_error opened = mh_config_open(config, config->device);
        demand(opened == MH_OK || nor_dead);
        demand(is_kept(&new, tag) || (error != MH_OK && is_kept(&old, tag)));
    } else {
        demand(is_kept(error == MH_OK ? &new : &old, tag));
    }
    demand(sum_of_others(tag) == others);
}

/* The shadow of a whole sector is not looked at, nor one that is not authentic: nothing is written, but the rest of a
 * mark. */
static void resume(const struct mh_device *device, bool authentic)
{
    const bool whole = memcmp(sector, "MTHC\2\0\0\0", 8) == 0 && mh_get32(sector + 8) != 0xFFFFFFFF &&
                       mh_get32(sector + 12) == 0xFFFFFFFF;
    const bool begun = mh_get32(sector + 8) != 0;
    const uint32_t end = mh_get32(shadow + 8);
    static uint8_t copy[MH_CONFIG_SIZE];

    memcpy(copy, shadow, sizeof copy);
    start();
    const enum mh_error error = mh_config_resume(device);
    if (whole || !authentic || nor_dead || end < HEAD || end > MH_CONFIG_SIZE || end % 4 != 0) {
        demand(operations <= (whole && begun));
        demand(error == (nor_dead && !whole ? MH_ERR_FLASH : MH_OK));
        return;
    }
    demand(error == MH_OK && memcmp(sector + HEAD, copy + HEAD, end - HEAD) == 0);
}

/// One input ///

static void fill(struct input *input, uint8_t *cells, bool at_the_end)
{
    size_t count = mh_get16(take(input, 2));

    count = count < input->left ? count : input->left;
    count = count < MH_CONFIG_SIZE ? count : MH_CONFIG_SIZE;
    memset(cells, 0xFF, MH_CONFIG_SIZE);
    memcpy(at_the_end ? cells + MH_CONFIG_SIZE - count : cells, take(input, count), count);
}

static void set_up(struct input *input, uint8_t flags, const struct mh_device *device)
{
    fill(input, sector, flags & AT_THE_END);
    fill(input, shadow, flags & SHADOW_AT_THE_END);
    if (flags & MEND_RECORDS) {
        mend_records(sector);
        mend_records(shadow);
    }
    if (flags & MEND_HEAD)
        memcpy(sector, "MTHC\2\0\0\0\0\0\0\0\xFF\xFF\xFF\xFF", 16);
    if (flags & AUTHENTIC)
        authenticate(shadow, device->anchors.secret);
    nor_dead = flags & NOR_DEAD;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct mh_config config;

    sector = malloc(MH_CONFIG_SIZE);
    demand(sector != NULL);
    const struct mh_device device = make_device();
    const uint8_t flags = *take(&input, 1);
    set_up(&input, flags, &device);
    list_values();
    resume(&device, flags & AUTHENTIC);

    start();
    const enum mh_error error = mh_config_open(&config, &device);
    demand(error == MH_OK || error == MH_ERR_FLASH);
    for (unsigned i = 0; error == MH_OK && i < CHANGES_MOST && input.left >= 3; i++) {
        const uint8_t *bytes = take(&input, 3);
        change(&config, bytes[0], bytes[1] < 0xC0 ? bytes[1] : bytes[1] * 64u, bytes[2]);
    }
    list_values();
    free(sector);
    return 0;
}
