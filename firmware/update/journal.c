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

/* What one sector holds. It was erased completely before its first page was written, so nothing stands behind a free page. */
struct scan {
    bool empty;   /* the first page is free */
    bool good;    /* there is a good record; the newest one is in `state` */
    bool damaged; /* there is a page that is neither good nor free */
    bool twice;   /* the page before the newest record holds the same */
    uint8_t generation;
    uint8_t next_page; /* the first free one */
    struct mh_state state;
};

static enum mh_error scan_sector(const struct mh_nor *nor, unsigned sector, struct scan *scan)
{
    uint8_t pages[2][MH_PAGE_SIZE]; /* this one and the one before, alternating */

    memset(scan, 0, sizeof *scan);
    for (; scan->next_page < MH_JOURNAL_PAGES; scan->next_page++) {
        const unsigned i = scan->next_page;
        enum page_kind kind;
        const enum mh_error error = read_page(nor, page_address(sector, i), pages[i % 2], &kind);
        if (error) {
            return error;
        }
        if (kind == PAGE_FREE) {
            break;
        }
        if (kind == PAGE_GOOD) {
            decode(pages[i % 2], &scan->state, &scan->generation);
            scan->good = true;
            scan->twice = i > 0 && memcmp(pages[0], pages[1], MH_PAGE_SIZE) == 0;
        } else {
            scan->damaged = true;
        }
    }
    scan->empty = scan->next_page == 0;
    return MH_OK;
}

/* How the newest state was found. */
struct found {
    bool any;     /* there is one */
    bool twice;   /* it stands twice in a row */
    bool damaged; /* so is a page of its sector */
    bool alone;   /* the other sector is empty */
};

static enum mh_error read_newest(struct mh_journal *journal, struct found *found)
{
    struct scan scans[MH_JOURNAL_SECTORS];

    for (unsigned i = 0; i < MH_JOURNAL_SECTORS; i++) {
        const enum mh_error error = scan_sector(journal->nor, i, &scans[i]);
        if (error) {
            return error;
        }
    }
    if (!scans[0].good && !scans[1].good) {
        /* As if a full second sector came before: the first record then goes to the first one. */
        journal->sector = 1;
        journal->next_page = MH_JOURNAL_PAGES;
        journal->generation = 3;
        *found = (struct found){.damaged = scans[0].damaged || scans[1].damaged, .alone = true};
        return MH_OK;
    }
    const bool second = scans[1].good &&
                        (!scans[0].good || scans[1].generation == ((scans[0].generation + 1) & 3));
    const struct scan *newer = &scans[second];
    journal->sector = second;
    journal->next_page = newer->next_page;
    journal->generation = newer->generation;
    journal->state = newer->state;
    *found = (struct found){
        .any = true, .twice = newer->twice, .damaged = newer->damaged, .alone = scans[!second].empty};
    return MH_OK;
}

/// Writing ///

static enum mh_error write_page(const struct mh_journal *journal, unsigned index)
{
    const struct mh_nor *nor = journal->nor;
    const uint32_t address = page_address(journal->sector, index);
    uint8_t page[MH_PAGE_SIZE], back[MH_PAGE_SIZE];

    encode(page, &journal->state, journal->generation);
    enum mh_error error = nor->program(nor->context, address, page, MH_PAGE_SIZE);
    if (error == MH_OK) {
        error = nor->read(nor->context, address, back, MH_PAGE_SIZE);
    }
    if (error == MH_OK && memcmp(page, back, MH_PAGE_SIZE) != 0) {
        error = MH_ERR_FLASH;
    }
    return error;
}

static enum mh_error clear(const struct mh_journal *journal, unsigned sector)
{
    return journal->nor->erase(journal->nor->context, page_address(sector, 0));
}

/* A state that lasts stands twice, so that nothing need be written when it is opened again and again. Any other leads to the next one soon. */
static unsigned copies_of(const struct mh_state *state)
{
    return state->phase == MH_IDLE && state->entries[MH_INCOMING].length == 0 ? 2 : 1;
}

/* The state as the first record of the other sector, which from then on is the newer one; the old one is cleared. Until the record is whole,
 * the old sector counts. */
static enum mh_error compact(struct mh_journal *journal)
{
    struct mh_journal moved = *journal;

    moved.sector ^= 1;
    moved.generation = (journal->generation + 1) & 3;
    moved.next_page = (uint8_t)copies_of(&journal->state);
    enum mh_error error = clear(&moved, moved.sector);
    for (unsigned i = 0; error == MH_OK && i < moved.next_page; i++) {
        error = write_page(&moved, i);
    }
    if (error == MH_OK) {
        *journal = moved;
        (void)clear(journal, journal->sector ^ 1u); /* what stands there is older; if this fails, the next opening clears it */
    }
    return error;
}

/* Twice if need be, as the next start would: one command that the chip did not hear must not cost this one its updates. */
static enum mh_error move(struct mh_journal *journal)
{
    const enum mh_error error = compact(journal);

    return error ? compact(journal) : MH_OK;
}

/* The state on so many free pages. */
static enum mh_error append(struct mh_journal *journal, unsigned copies)
{
    enum mh_error error = journal->next_page + copies <= MH_JOURNAL_PAGES ? MH_OK : MH_ERR_FLASH;

    for (; error == MH_OK && copies > 0; copies--) {
        error = write_page(journal, journal->next_page++);
    }
    return error ? move(journal) : MH_OK;
}

enum mh_error mh_journal_write(struct mh_journal *journal)
{
    return append(journal, copies_of(&journal->state));
}

/// Opening ///

/* The newest record once more, over itself: what a power loss left weak of it is firm then. Its second copy if that is missing. */
static enum mh_error firm_up(struct mh_journal *journal)
{
    if (write_page(journal, journal->next_page - 1u) != MH_OK) {
        return move(journal);
    }
    return copies_of(&journal->state) > 1 ? append(journal, 1) : MH_OK;
}

/* Brings the journal to a form in which no power loss has left anything. Only then may anything depend on the state: what the other sector
 * holds may be a newer one, which reads damaged now and good the next time. */
static enum mh_error settle(struct mh_journal *journal, const struct found *found)
{
    if (found->damaged) {
        return move(journal);
    }
    const enum mh_error error = found->any && !found->twice ? firm_up(journal) : MH_OK;
    return error || found->alone ? error : clear(journal, journal->sector ^ 1u);
}

enum mh_error mh_journal_peek(struct mh_journal *journal, const struct mh_nor *nor)
{
    struct found found;

    memset(journal, 0, sizeof *journal);
    journal->nor = nor;
    return read_newest(journal, &found);
}

enum mh_error mh_journal_open(struct mh_journal *journal, const struct mh_nor *nor)
{
    struct found found;

    memset(journal, 0, sizeof *journal);
    journal->nor = nor;
    enum mh_error error = read_newest(journal, &found);
    if (error == MH_OK) {
        error = settle(journal, &found);
    }
    if (error) {
        memset(&journal->state, 0, sizeof journal->state);
    }
    return error;
}
