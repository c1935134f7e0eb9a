/* SPDX-License-Identifier: MIT */
#include "journal_target.h"

#include <string.h>

#define JOURNAL_OFFSET (MH_JOURNAL_ADDRESS - MH_RESERVED_ADDRESS)
#define PAGES (MH_JOURNAL_SECTORS * MH_JOURNAL_PAGES)
#define RECORD_GENERATION 5u
#define RECORD_CRC 252u
#define RECORD_CLEAR 33u /* counts as 0 in it */

/// Records ///

/* A journal of a single page, of which the last record that was written is kept. */
struct keeper {
    uint8_t page[MH_PAGE_SIZE], record[MH_PAGE_SIZE];
};

static enum mh_error keep(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    struct keeper *keeper = context;

    (void)address;
    demand(length == MH_PAGE_SIZE);
    memcpy(keeper->page, data, length);
    memcpy(keeper->record, data, length);
    return MH_OK;
}

static enum mh_error read_kept(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    const struct keeper *keeper = context;

    demand(address % MH_PAGE_SIZE + length <= MH_PAGE_SIZE);
    memcpy(buffer, keeper->page + address % MH_PAGE_SIZE, length);
    return MH_OK;
}

static enum mh_error blank(void *context, uint32_t address)
{
    struct keeper *keeper = context;

    (void)address;
    memset(keeper->page, 0xFF, MH_PAGE_SIZE);
    return MH_OK;
}

void journal_target_record(const struct mh_state *state, unsigned generation, uint8_t page[MH_PAGE_SIZE])
{
    struct keeper keeper;
    const struct mh_nor nor = {read_kept, keep, blank, &keeper};

    for (unsigned before = 0; before < 2; before++) { /* a state at rest goes to the next generation */
        struct mh_journal journal = {.nor = &nor, .state = *state};
        journal.generation = (uint8_t)((generation - before) & 3);
        memset(&keeper, 0xFF, sizeof keeper);
        demand(mh_journal_write(&journal) == MH_OK);
        if (keeper.record[RECORD_GENERATION] == generation)
            break;
    }
    demand(keeper.record[RECORD_GENERATION] == generation);
    memcpy(page, keeper.record, MH_PAGE_SIZE);
}

bool journal_target_same(const struct mh_state *one, const struct mh_state *other)
{
    uint8_t pages[2][MH_PAGE_SIZE];

    if (memcmp(one, other, sizeof *one) == 0)
        return true;
    journal_target_record(one, 0, pages[0]);
    journal_target_record(other, 0, pages[1]);
    return memcmp(pages[0], pages[1], MH_PAGE_SIZE) == 0;
}

/// From the input ///

/* Which package, from which extent on, and how its extents and its length differ from what they should be. */
static void take_entry(struct input *input, struct mh_entry *entry)
{
    const unsigned number = take8(input) % (MADE_LAST + 1);
    const unsigned first = take8(input), form = take8(input);

    memset(entry, 0, sizeof *entry);
    if (number == MADE_LAST) /* which is for the next update */
        return;
    const struct made *made = &package_set()[number];
    const unsigned step = 1 + (form >> 2 & 1);
    unsigned count = (unsigned)((made->size + MH_EXTENT_SIZE - 1) / MH_EXTENT_SIZE);
    count += form & 3 ? (form & 3) - 2 : 0; /* one too few, as many, one too many */
    for (unsigned n = first; count > 0 && n < 8 * MH_BITMAP_SIZE; n += step, count--)
        mh_bit_set(entry->extents, n);
    entry->length = (uint32_t)made->size + (form >> 3 & 1) - (form >> 4 & 1);
    if (form & 0x20)
        entry->length = form & 0x40 ? 0xFFFFFFFF : 0xFFFFF000;
    memcpy(entry->id, made->id, MH_ID_SIZE);
    entry->id[0] ^= form >> 7;
}

void journal_target_take_state(struct input *input, struct mh_state *state)
{
    memset(state, 0, sizeof *state);
    const unsigned phase = take8(input);
    state->phase = phase % 8 % MH_PHASES;
    state->tried = phase >> 3 & 3;
    state->credit = (uint8_t)(phase >> 5 ? 1u << (phase >> 5) : 0);
    state->sectors_done = take16(input);
    state->refusal = take8(input);
    if (state->refusal & 0x80)
        memcpy(state->refusal & 0x40 ? state->refused_id : state->rolled_back_id,
               package_set()[state->refusal % MADE_LAST].id, MH_ID_SIZE);
    for (unsigned i = 0; i < MH_ENTRIES; i++)
        take_entry(input, &state->entries[i]);
    memset(state->received, (int)take8(input), sizeof state->received);
}

static void take_page(struct input *input, struct target *target, uint8_t record[MH_PAGE_SIZE])
{
    const uint32_t offset = JOURNAL_OFFSET + take8(input) % PAGES * MH_PAGE_SIZE;
    const unsigned kind = take8(input);
    uint8_t page[MH_PAGE_SIZE];
    struct mh_state state;
    size_t count = 0;

    memcpy(page, target->array.nor.cells + MH_RESERVED_ADDRESS + offset, MH_PAGE_SIZE);
    const unsigned at = kind % 8 > 3 ? take8(input) : 0;
    switch (kind % 8) {
    case 4:
    case 5: /* bytes of any kind, be their checksum right or not */
        memcpy(page + at, take_up_to(input, kind >> 3, &count), at + count <= sizeof page ? count : 0);
        if (kind % 8 == 5) {
            const uint8_t clear = page[RECORD_CLEAR];
            page[RECORD_CLEAR] = 0;
            mh_put32(page + RECORD_CRC, mh_crc32(page, RECORD_CRC));
            page[RECORD_CLEAR] = clear;
        }
        break;
    case 6:
        target_put_torn_erase(target, &target->array.nor, MH_RESERVED_ADDRESS + offset, at % NOR_TEARS);
        return;
    case 7:
        target_put_weak(target, &target->array.nor, MH_RESERVED_ADDRESS + offset + at, kind >> 3);
        return;
    case 3: /* the record before once more */
        memcpy(page, record, sizeof page);
        break;
    default:
        journal_target_take_state(input, &state);
        journal_target_record(&state, kind >> 3 & 3, record);
        memcpy(page, record, sizeof page);
    }
    target_put_nor(target, offset, page, sizeof page);
}

void journal_target_take(struct input *input, struct target *target)
{
    uint8_t record[MH_PAGE_SIZE];

    memset(record, 0xFF, sizeof record);
    for (unsigned count = take8(input) % (2 * PAGES); count > 0; count--)
        take_page(input, target, record);
}
