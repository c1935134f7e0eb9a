/* SPDX-License-Identifier: MIT
 *
 * Changes of the config store that need no erase, and what a power loss leaves of them.
 */
#include "config_parts.h"

#include "matterhorn/bytes.h"

#include <string.h>

#define WORD 4u /* what is programmed at once */

/// Cells ///

enum mh_error config_program(const struct mh_device *device, uint32_t at, const uint8_t *bytes, uint32_t length)
{
    const struct mh_internal *internal = &device->internal;
    const enum mh_error error = internal->program(internal->context, MH_CONFIG_ADDRESS + at, bytes, length);

    return error || memcmp(config_sector(device) + at, bytes, length) == 0 ? error : MH_ERR_FLASH;
}

enum mh_error config_clear(const struct mh_device *device, uint32_t at, uint32_t length)
{
    static const uint8_t zeros[4];
    enum mh_error error = MH_OK;

    for (uint32_t i = 0; error == MH_OK && i < length; i += sizeof zeros) {
        error = config_program(device, at + i, zeros, sizeof zeros);
    }
    return error;
}

enum mh_error config_finish_mark(const struct mh_device *device, uint32_t at)
{
    const uint32_t mark = mh_get32(config_sector(device) + at);

    return mark == CONFIG_MARK_BLANK || mark == 0 ? MH_OK : config_clear(device, at, 4);
}

/// Opening ///

/* Clears an unfinished record. Its header goes last, so that it covers the rest until nothing of that is left. */
static enum mh_error clear_record(const struct mh_device *device, uint32_t at, const struct record *record)
{
    const enum mh_error error = config_clear(device, at + RECORD_VALUE, record->size - RECORD_VALUE);

    return error ? error : config_clear(device, at, RECORD_VALUE);
}

/* What stands at `at` made firm: a finished record with its seal, nothing in the place of an unfinished one or of a
 * part of a header. *size is how much that was. */
static enum mh_error settle_at(const struct mh_device *device, uint32_t at, uint32_t *size)
{
    struct record record;

    if (!config_record_at(config_sector(device), at, &record)) {
        *size = 4;
        return config_finish_mark(device, at);
    }
    *size = record.size;
    return record.sealed ? config_finish_mark(device, at + record.size - RECORD_SEAL_SIZE)
                         : clear_record(device, at, &record);
}

static enum mh_error settle(struct mh_config *config)
{
    const uint8_t *sector = config_sector(config->device);
    enum mh_error error = MH_OK;
    uint32_t size;

    config->end = MH_CONFIG_HEAD_SIZE;
    for (uint32_t at = MH_CONFIG_HEAD_SIZE; error == MH_OK && at < MH_CONFIG_SIZE; at += size) {
        error = settle_at(config->device, at, &size);
        if (mh_get32(sector + at) != CONFIG_MARK_BLANK) {
            config->end = at + size;
        }
    }
    return error;
}

enum mh_error mh_config_open(struct mh_config *config, const struct mh_device *device)
{
    *config = (struct mh_config){.device = device};
    enum mh_error error = mh_config_resume(device);
    config->whole = config_is_whole(config_sector(device));
    if (error == MH_OK && config->whole) {
        error = settle(config);
        config_drop_shadow(device);
    }
    config->open = error == MH_OK;
    return error;
}

/// Changes ///

struct place {
    const struct mh_device *device;
    uint32_t at;
};

static enum mh_error program_next(void *context, const uint8_t *bytes, uint32_t length)
{
    struct place *place = context;
    const enum mh_error error = config_program(place->device, place->at, bytes, length);

    place->at += length;
    return error;
}

/* Whether the sector says so already. */
static bool is_made(const uint8_t *sector, const struct change *change)
{
    uint32_t length;
    const uint8_t *value = mh_config_find(sector, change->tag, &length);

    if (!value || change->length == 0) {
        return !value && change->length == 0;
    }
    return length == change->length && memcmp(value, change->value, length) == 0;
}

/* The word behind the last one that does not read blank may have been begun too, and read blank only now: nothing that
 * shall last goes over it. Where power is lost here, the same is true of it at the next start. */
static enum mh_error pass_over_word(struct mh_config *config)
{
    if (config->passed_over) {
        return MH_OK;
    }
    const enum mh_error error = config_clear(config->device, config->end, WORD);
    if (error == MH_OK) {
        config->end += WORD;
        config->passed_over = true;
    }
    return error;
}

static enum mh_error append(struct mh_config *config, const struct change *change)
{
    enum mh_error error = pass_over_word(config);
    struct place place = {config->device, config->end};

    if (error == MH_OK) {
        error = config_emit(change, config->end, program_next, &place);
    }
    if (error == MH_OK && config_clear(config->device, place.at, RECORD_SEAL_SIZE) == MH_OK) {
        config->end = place.at + RECORD_SEAL_SIZE;
        return MH_OK;
    }
    config->open = settle(config) == MH_OK; /* behind cells that do not hold it there is room for the next attempt */
    return config->open && is_made(config_sector(config->device), change) ? MH_OK : MH_ERR_FLASH;
}

static bool has_room(const struct mh_config *config, const struct change *change)
{
    const uint32_t begin = config->end + (config->passed_over ? 0 : WORD);

    return begin + config_record_size(change->length) <= MH_CONFIG_SIZE;
}

static enum mh_error make(struct mh_config *config, const struct change *change)
{
    const uint8_t *sector = config_sector(config->device);

    if (!config->open) {
        return MH_ERR_FLASH;
    }
    if (is_made(sector, change)) {
        return MH_OK;
    }
    if (config->whole && has_room(config, change)) {
        return append(config, change);
    }
    if (config_size_with(sector, change) > MH_CONFIG_SIZE) {
        return MH_ERR_NO_ROOM;
    }
    const enum mh_error error = config_compact(config->device, change);
    config->whole = config_is_whole(sector);
    if (error == MH_OK) {
        config->end = config_size_with(sector, &(struct change){0});
        config->passed_over = true; /* the sector was erased just now */
    }
    config->open = error == MH_OK || config->whole;
    return error;
}

enum mh_error mh_config_write(struct mh_config *config, unsigned tag, const uint8_t *value, uint32_t length)
{
    if (tag < 1 || tag > MH_CONFIG_TAG_MAX || length < 1 || length > MH_CONFIG_VALUE_MAX) {
        return MH_ERR_ARGUMENT;
    }
    return make(config, &(struct change){tag, value, length});
}

enum mh_error mh_config_delete(struct mh_config *config, unsigned tag)
{
    if (tag < 1 || tag > MH_CONFIG_TAG_MAX) {
        return MH_ERR_ARGUMENT;
    }
    return make(config, &(struct change){.tag = tag});
}

uint32_t mh_config_room(const struct mh_config *config)
{
    const uint32_t taken = config_size_with(config_sector(config->device), &(struct change){0});

    return taken + MH_CONFIG_RECORD_SIZE < MH_CONFIG_SIZE ? MH_CONFIG_SIZE - taken - MH_CONFIG_RECORD_SIZE : 0;
}
