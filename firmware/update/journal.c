/* SPDX-License-Identifier: MIT */
#include "matterhorn/journal.h"

#include "matterhorn/bytes.h"

#include <string.h>

#define JOURNAL_MAGIC "MTHJ"
#define JOURNAL_FORMAT 1u
#define READ_ATTEMPTS 3

enum {
    OFF_FORMAT = 4,
    OFF_GENERATION = 5,
    OFF_PHASE = 6,
    OFF_SECTORS = 8,
    OFF_REFUSAL = 12,
    OFF_REFUSED_ID = 16,
    OFF_ENTRIES = 36,
    OFF_RECEIVED = 192,
    OFF_CRC = 252,
    ENTRY_LENGTH = 32,
    ENTRY_ID = 36,
    ENTRY_SIZE = 52,
};

const char *mh_phase_name(enum mh_phase phase)
{
    static const char *const names[MH_PHASES] = {"idle", "requested", "installing", "trial"};

    return (unsigned)phase < MH_PHASES ? names[phase] : "unknown";
}

/// State ///

void mh_state_drop_incoming(struct mh_state *state)
{
    memset(&state->entries[MH_INCOMING], 0, sizeof state->entries[MH_INCOMING]);
    memset(state->received, 0, sizeof state->received);
}

void mh_state_refuse(struct mh_state *state, enum mh_error reason)
{
    if (state->phase != MH_TRIAL) {
        state->phase = MH_IDLE;
    }
    state->refusal = reason;
    if (reason == MH_ERR_IMAGE) {
        memcpy(state->refused_id, state->entries[MH_INCOMING].id, MH_ID_SIZE);
    }
    mh_state_drop_incoming(state);
}

/// One record ///

static void encode(uint8_t page[MH_PAGE_SIZE], const struct mh_state *state, uint8_t generation)
{
    memset(page, 0, MH_PAGE_SIZE);
    memcpy(page, JOURNAL_MAGIC, 4);
    page[OFF_FORMAT] = JOURNAL_FORMAT;
    page[OFF_GENERATION] = generation;
    page[OFF_PHASE] = (uint8_t)state->phase;
    mh_put32(page + OFF_SECTORS, state->sectors_done);
    mh_put32(page + OFF_REFUSAL, state->refusal);
    memcpy(page + OFF_REFUSED_ID, state->refused_id, MH_ID_SIZE);
    for (unsigned i = 0; i < MH_ENTRIES; i++) {
        uint8_t *entry = page + OFF_ENTRIES + i * ENTRY_SIZE;
        memcpy(entry, state->entries[i].extents, MH_BITMAP_SIZE);
        mh_put32(entry + ENTRY_LENGTH, state->entries[i].length);
        memcpy(entry + ENTRY_ID, state->entries[i].id, MH_ID_SIZE);
    }
    memcpy(page + OFF_RECEIVED, state->received, MH_BITMAP_SIZE);
    mh_put32(page + OFF_CRC, mh_crc32(page, OFF_CRC));
}

static bool is_good(const uint8_t page[MH_PAGE_SIZE])
{
    return memcmp(page, JOURNAL_MAGIC, 4) == 0 && mh_get32(page + OFF_CRC) == mh_crc32(page, OFF_CRC) &&
           page[OFF_FORMAT] == JOURNAL_FORMAT && page[OFF_GENERATION] <= 3 && page[OFF_PHASE] < MH_PHASES;
}

static void decode(const uint8_t page[MH_PAGE_SIZE], struct mh_state *state, uint8_t *generation)
{
    *generation = page[OFF_GENERATION];
    state->phase = page[OFF_PHASE];
    state->sectors_done = mh_get32(page + OFF_SECTORS);
    state->refusal = mh_get32(page + OFF_REFUSAL);
    memcpy(state->refused_id, page + OFF_REFUSED_ID, MH_ID_SIZE);
    for (unsigned i = 0; i < MH_ENTRIES; i++) {
        const uint8_t *entry = page + OFF_ENTRIES + i * ENTRY_SIZE;
        memcpy(state->entries[i].extents, entry, MH_BITMAP_SIZE);
        state->entries[i].length = mh_get32(entry + ENTRY_LENGTH);
        memcpy(state->entries[i].id, entry + ENTRY_ID, MH_ID_SIZE);
    }
    memcpy(state->received, page + OFF_RECEIVED, MH_BITMAP_SIZE);
}

static bool is_free(const uint8_t page[MH_PAGE_SIZE])
{
    for (unsigned i = 0; i < MH_PAGE_SIZE; i++) {
        if (page[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

/// Scan ///

static uint32_t page_address(unsigned sector, unsigned page)
{
    return MH_JOURNAL_ADDRESS + sector * MH_EXTENT_SIZE + page * MH_PAGE_SIZE;
}

enum page_kind { PAGE_FREE, PAGE_GOOD, PAGE_DAMAGED };

/* Reads a page, several times when it seems damaged: one disturbed read must not lose the newest state. */
static enum mh_error read_page(const struct mh_nor *nor, uint32_t address, uint8_t page[MH_PAGE_SIZE],
                               enum page_kind *kind)
{
    *kind = PAGE_DAMAGED;
    for (unsigned attempt = 0; *kind == PAGE_DAMAGED && attempt < READ_ATTEMPTS; attempt++) {
        enum mh_error error = nor->read(nor->context, address, page, MH_PAGE_SIZE);
        if (error) {
            return error;
        }
        *kind = is_free(page) ? PAGE_FREE : is_good(page) ? PAGE_GOOD : PAGE_DAMAGED;
    }
    return MH_OK;
}

/* What one sector holds. */
struct scan {
    bool good; /* holds a good record; the newest one is in `state` */
    bool damaged;
    uint8_t generation;
    bool twice;        /* the page before the newest record holds the same */
    uint8_t next_page; /* behind the last page that is not free */
    struct mh_state state;
};

static enum mh_error scan_sector(const struct mh_nor *nor, unsigned sector, struct scan *scan)
{
    uint8_t pages[2][MH_PAGE_SIZE]; /* this one and the one before, alternating */

    memset(scan, 0, sizeof *scan);
    for (unsigned i = 0; i < MH_JOURNAL_PAGES; i++) {
        enum page_kind kind;
        enum mh_error error = read_page(nor, page_address(sector, i), pages[i % 2], &kind);
        if (error) {
            return error;
        }
        if (kind == PAGE_FREE) {
            continue;
        }
        if (kind == PAGE_GOOD) {
            decode(pages[i % 2], &scan->state, &scan->generation);
            scan->good = true;
            scan->twice = i > 0 && memcmp(pages[0], pages[1], MH_PAGE_SIZE) == 0;
        } else {
            scan->damaged = true;
        }
        scan->next_page = (uint8_t)(i + 1);
    }
    return MH_OK;
}

/* Takes over the newest state of both sectors. `firm`: it stands twice in a row, and nothing is damaged. */
static enum mh_error read_newest(struct mh_journal *journal, bool *firm)
{
    struct scan scans[MH_JOURNAL_SECTORS];

    for (unsigned i = 0; i < MH_JOURNAL_SECTORS; i++) {
        enum mh_error error = scan_sector(journal->nor, i, &scans[i]);
        if (error) {
            return error;
        }
    }
    const bool damaged = scans[0].damaged || scans[1].damaged;
    if (!scans[0].good && !scans[1].good) {
        /* As if a full second sector came before: the first record then goes to the first one. */
        journal->sector = 1;
        journal->next_page = MH_JOURNAL_PAGES;
        journal->generation = 3;
        *firm = !damaged;
        return MH_OK;
    }
    const bool second = scans[1].good &&
                        (!scans[0].good || scans[1].generation == ((scans[0].generation + 1) & 3));
    journal->sector = second;
    journal->next_page = scans[second].next_page;
    journal->generation = scans[second].generation;
    journal->state = scans[second].state;
    *firm = !damaged && scans[second].twice;
    return MH_OK;
}

/// Writing ///

static enum mh_error write_page(const struct mh_journal *journal, unsigned sector, unsigned index,
                                uint8_t generation)
{
    const struct mh_nor *nor = journal->nor;
    uint8_t page[MH_PAGE_SIZE], back[MH_PAGE_SIZE];

    encode(page, &journal->state, generation);
    enum mh_error error = nor->program(nor->context, page_address(sector, index), page, MH_PAGE_SIZE);
    if (error == MH_OK) {
        error = nor->read(nor->context, page_address(sector, index), back, MH_PAGE_SIZE);
    }
    if (error == MH_OK && memcmp(page, back, MH_PAGE_SIZE) != 0) {
        error = MH_ERR_FLASH;
    }
    return error;
}

/* Programs every page of a sector that is not free to zeros. An erase that loses power may leave some of the old records as they
 * were; none of them must ever read good again. */
static enum mh_error spoil(const struct mh_nor *nor, unsigned sector)
{
    static const uint8_t zeros[MH_PAGE_SIZE];
    uint8_t page[MH_PAGE_SIZE];

    for (unsigned i = 0; i < MH_JOURNAL_PAGES; i++) {
        enum mh_error error = nor->read(nor->context, page_address(sector, i), page, MH_PAGE_SIZE);
        if (error == MH_OK && !is_free(page)) {
            error = nor->program(nor->context, page_address(sector, i), zeros, MH_PAGE_SIZE);
        }
        if (error) {
            return error;
        }
    }
    return MH_OK;
}

/* The other sector becomes the newer one, with the state as its first record. Until that record is whole, the present
 * sector counts. */
static enum mh_error compact(struct mh_journal *journal)
{
    const struct mh_nor *nor = journal->nor;
    const uint8_t sector = journal->sector ^ 1, generation = (journal->generation + 1) & 3;
    enum mh_error error = spoil(nor, sector);

    if (error == MH_OK) {
        error = nor->erase(nor->context, page_address(sector, 0));
    }
    if (error == MH_OK) {
        error = write_page(journal, sector, 0, generation);
    }
    if (error == MH_OK) {
        journal->sector = sector;
        journal->generation = generation;
        journal->next_page = 1;
    }
    return error;
}

enum mh_error mh_journal_write(struct mh_journal *journal)
{
    if (journal->next_page < MH_JOURNAL_PAGES) {
        const uint8_t page = journal->next_page++;
        if (write_page(journal, journal->sector, page, journal->generation) == MH_OK) {
            return MH_OK;
        }
    }
    /* Once more, as the next start would: one command that the chip did not hear must not cost this one its updates. */
    const enum mh_error error = compact(journal);
    return error ? compact(journal) : MH_OK;
}

enum mh_error mh_journal_peek(struct mh_journal *journal, const struct mh_nor *nor)
{
    bool firm;

    memset(journal, 0, sizeof *journal);
    journal->nor = nor;
    return read_newest(journal, &firm);
}

enum mh_error mh_journal_open(struct mh_journal *journal, const struct mh_nor *nor)
{
    bool firm;

    memset(journal, 0, sizeof *journal);
    journal->nor = nor;
    enum mh_error error = read_newest(journal, &firm);
    if (error == MH_OK && !firm) {
        error = mh_journal_write(journal);
    }
    if (error) {
        memset(&journal->state, 0, sizeof journal->state);
    }
    return error;
}
