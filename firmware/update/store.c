/* SPDX-License-Identifier: MIT */
#include "matterhorn/store.h"

#include <string.h>

static uint32_t extents_for(uint32_t length)
{
    return length / MH_EXTENT_SIZE + (length % MH_EXTENT_SIZE != 0);
}

/* Gives the incoming package the lowest extents that no running one has. False when they are too few. */
static bool choose_extents(struct mh_state *state, uint32_t wanted)
{
    uint8_t *chosen = state->entries[MH_INCOMING].extents;

    memset(chosen, 0, MH_BITMAP_SIZE);
    for (unsigned n = 0; n < MH_EXTENTS && wanted > 0; n++) {
        if (!mh_bit(state->entries[MH_RUNTIME - 1].extents, n) &&
            !mh_bit(state->entries[MH_APPLICATION - 1].extents, n)) {
            mh_bit_set(chosen, n);
            wanted--;
        }
    }
    return wanted == 0;
}

/* Gives up the running packages of the components in the mask. */
static void drop_running(struct mh_state *state, unsigned components)
{
    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        if (components >> i & 1) {
            memset(&state->entries[i], 0, sizeof state->entries[i]);
        }
    }
}

enum mh_error mh_store_allocate(struct mh_state *state, uint32_t length, const uint8_t id[MH_ID_SIZE],
                                unsigned components)
{
    struct mh_entry *incoming = &state->entries[MH_INCOMING];

    if (extents_for(length) > MH_EXTENTS) {
        return MH_ERR_NO_ROOM;
    }
    /* The running packages are kept to go back to; that must not keep the next one out. */
    if (!choose_extents(state, extents_for(length))) {
        drop_running(state, ~components);
        if (!choose_extents(state, extents_for(length))) {
            drop_running(state, components);
            (void)choose_extents(state, extents_for(length));
        }
    }
    incoming->length = length;
    memcpy(incoming->id, id, MH_ID_SIZE);
    memset(state->received, 0, sizeof state->received);
    return MH_OK;
}

static uint32_t extent_address(const struct mh_stored *stored, unsigned index)
{
    return MH_RESERVED_ADDRESS + stored->extents[index] * MH_EXTENT_SIZE;
}

/* How many bytes from `offset` on can be read at once: to the end of the extents that follow one another, as they
 * mostly do. */
static uint32_t contiguous(const struct mh_stored *stored, uint32_t offset)
{
    unsigned last = offset / MH_EXTENT_SIZE;

    while (last + 1 < stored->count && stored->extents[last + 1] == stored->extents[last] + 1) {
        last++;
    }
    return (last + 1) * MH_EXTENT_SIZE - offset;
}

static enum mh_error stored_read(void *context, uint32_t offset, uint8_t *buffer, uint32_t length)
{
    const struct mh_stored *stored = context;

    while (length > 0) {
        if (offset / MH_EXTENT_SIZE >= stored->count) {
            return MH_ERR_TRUNCATED;
        }
        const uint32_t together = contiguous(stored, offset), part = length < together ? length : together;
        const uint32_t address = extent_address(stored, offset / MH_EXTENT_SIZE) + offset % MH_EXTENT_SIZE;
        enum mh_error error = stored->nor->read(stored->nor->context, address, buffer, part);
        if (error) {
            return error;
        }
        buffer += part;
        offset += part;
        length -= part;
    }
    return MH_OK;
}

enum mh_error mh_stored_open(struct mh_stored *stored, const struct mh_nor *nor, const struct mh_entry *entry,
                             struct mh_source *source)
{
    stored->nor = nor;
    stored->count = 0;
    for (unsigned n = 0; n < MH_EXTENTS && stored->count < extents_for(entry->length); n++) {
        if (mh_bit(entry->extents, n)) {
            stored->extents[stored->count++] = (uint8_t)n;
        }
    }
    if (entry->length == 0 || stored->count < extents_for(entry->length)) {
        return MH_ERR_LAYOUT;
    }
    *source = (struct mh_source){stored_read, stored, entry->length};
    return MH_OK;
}

static bool reads_back(const struct mh_nor *nor, uint32_t address, const uint8_t *data, uint32_t length)
{
    uint8_t page[MH_PAGE_SIZE];

    return nor->read(nor->context, address, page, length) == MH_OK && memcmp(page, data, length) == 0;
}

enum mh_error mh_stored_write(const struct mh_stored *stored, unsigned index, const uint8_t *data, uint32_t length)
{
    const struct mh_nor *nor = stored->nor;

    if (index >= stored->count || length < 1 || length > MH_EXTENT_SIZE) {
        return MH_ERR_ARGUMENT;
    }
    const uint32_t address = extent_address(stored, index);
    /* Always erased, even when it reads blank: an erase that lost power can read blank and still not hold data. */
    enum mh_error error = nor->erase(nor->context, address);
    for (uint32_t at = 0; error == MH_OK && at < length; at += MH_PAGE_SIZE) {
        const uint32_t part = length - at < MH_PAGE_SIZE ? length - at : MH_PAGE_SIZE;
        error = nor->program(nor->context, address + at, data + at, part);
        if (error == MH_OK && !reads_back(nor, address + at, data + at, part)) {
            error = MH_ERR_FLASH;
        }
    }
    return error;
}
