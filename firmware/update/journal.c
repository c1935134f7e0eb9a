/* SPDX-License-Identifier: MIT */
#include "matterhorn/journal.h"

#include "matterhorn/bytes.h"

#include <string.h>

#define JOURNAL_MAGIC "MTHJ"
#define JOURNAL_FORMAT 2u
#define READ_ATTEMPTS 3
#define CLEAR 0xFFu
#define HEAD_SIZE 6 /* up to the generation */

enum {
    OFF_FORMAT = 4,
    OFF_GENERATION = 5,
    OFF_PHASE = 6,
    OFF_CREDIT = 7,
    OFF_SECTORS = 8,
    OFF_REFUSAL = 12,
    OFF_REFUSED_ID = 16,
    OFF_TRIED = 32,
    OFF_CLEAR = 33, /* neither of the state nor in the CRC: what the second page says of the other sector */
    OFF_ENTRIES = 36,
    OFF_RECEIVED = 192,
    OFF_ROLLED_BACK_ID = 224,
    OFF_CRC = 252,
    ENTRY_LENGTH = 32,
    ENTRY_ID = 36,
    ENTRY_SIZE = 52,
};

const char *mh_phase_name(enum mh_phase phase)
{
    static const char *const names[MH_PHASES] = {"idle",  "requested",  "installing",
                                                   "trial", "confirming", "rolling back"};

    return (unsigned)phase < MH_PHASES ? names[phase] : "unknown";
}

/// State ///

bool mh_state_pending(const struct mh_state *state)
{
    return state->phase != MH_IDLE && state->phase != MH_TRIAL;
}

void mh_state_drop_incoming(struct mh_state *state)
{
    memset(&state->entries[MH_INCOMING], 0, sizeof state->entries[MH_INCOMING]);
    memset(state->received, 0, sizeof state->received);
}

void mh_state_end_trial(struct mh_state *state)
{
    state->phase = MH_IDLE;
    state->credit = 0;
    state->tried = 0;
    mh_state_drop_incoming(state);
}

void mh_state_refuse(struct mh_state *state, enum mh_error reason)
{
    state->sectors_done = 0;
    state->refusal = reason;
    if (reason == MH_ERR_IMAGE) {
        memcpy(state->refused_id, state->entries[MH_INCOMING].id, MH_ID_SIZE);
    }
    mh_state_end_trial(state);
}

/// One record ///

/* Whether both records are of one state. */
static bool is_like(const uint8_t page[MH_PAGE_SIZE], const uint8_t other[MH_PAGE_SIZE])
{
    return memcmp(page, other, OFF_CLEAR) == 0 &&
           memcmp(page + OFF_CLEAR + 1, other + OFF_CLEAR + 1, MH_PAGE_SIZE - OFF_CLEAR - 1) == 0;
}

/* With the byte that may be taken back as 0. */
static uint32_t crc_of(const uint8_t page[MH_PAGE_SIZE])
{
    static const uint8_t zero;
    const uint32_t crc = mh_crc32_more(mh_crc32(page, OFF_CLEAR), &zero, 1);

    return mh_crc32_more(crc, page + OFF_CLEAR + 1, OFF_CRC - OFF_CLEAR - 1);
}

static void encode(uint8_t page[MH_PAGE_SIZE], const struct mh_state *state, uint8_t generation, bool clear)
{
    memset(page, 0, MH_PAGE_SIZE);
    memcpy(page, JOURNAL_MAGIC, 4);
    page[OFF_FORMAT] = JOURNAL_FORMAT;
    page[OFF_GENERATION] = generation;
    page[OFF_PHASE] = (uint8_t)state->phase;
    page[OFF_CREDIT] = state->credit;
    mh_put32(page + OFF_SECTORS, state->sectors_done);
    mh_put32(page + OFF_REFUSAL, state->refusal);
    memcpy(page + OFF_REFUSED_ID, state->refused_id, MH_ID_SIZE);
    page[OFF_TRIED] = state->tried;
    page[OFF_CLEAR] = clear ? CLEAR : 0;
    for (unsigned i = 0; i < MH_ENTRIES; i++) {
        uint8_t *entry = page + OFF_ENTRIES + i * ENTRY_SIZE;
        memcpy(entry, state->entries[i].extents, MH_BITMAP_SIZE);
        mh_put32(entry + ENTRY_LENGTH, state->entries[i].length);
        memcpy(entry + ENTRY_ID, state->entries[i].id, MH_ID_SIZE);
    }
    memcpy(page + OFF_RECEIVED, state->received, MH_BITMAP_SIZE);
    memcpy(page + OFF_ROLLED_BACK_ID, state->rolled_back_id, MH_ID_SIZE);
    mh_put32(page + OFF_CRC, crc_of(page));
}

static bool is_good(const uint8_t page[MH_PAGE_SIZE])
{
    return memcmp(page, JOURNAL_MAGIC, 4) == 0 && mh_get32(page + OFF_CRC) == crc_of(page) &&
           page[OFF_FORMAT] == JOURNAL_FORMAT && page[OFF_GENERATION] <= 3 && page[OFF_PHASE] < MH_PHASES;
}

static void decode(const uint8_t page[MH_PAGE_SIZE], struct mh_state *state, uint8_t *generation)
{
    *generation = page[OFF_GENERATION];
    state->phase = page[OFF_PHASE];
    state->credit = page[OFF_CREDIT];
    state->sectors_done = mh_get32(page + OFF_SECTORS);
    state->refusal = mh_get32(page + OFF_REFUSAL);
    memcpy(state->refused_id, page + OFF_REFUSED_ID, MH_ID_SIZE);
    state->tried = page[OFF_TRIED];
    for (unsigned i = 0; i < MH_ENTRIES; i++) {
        const uint8_t *entry = page + OFF_ENTRIES + i * ENTRY_SIZE;
        memcpy(state->entries[i].extents, entry, MH_BITMAP_SIZE);
        state->entries[i].length = mh_get32(entry + ENTRY_LENGTH);
        memcpy(state->entries[i].id, entry + ENTRY_ID, MH_ID_SIZE);
    }
    memcpy(state->received, page + OFF_RECEIVED, MH_BITMAP_SIZE);
    memcpy(state->rolled_back_id, page + OFF_ROLLED_BACK_ID, MH_ID_SIZE);
}

static bool is_blank(const uint8_t *bytes, unsigned count)
{
    while (count > 0 && bytes[count - 1] == 0xFF) {
        count--;
    }
    return count == 0;
}

/// Scan ///

#define SECOND 1u /* page of a sector */

static uint32_t page_address(unsigned sector, unsigned page)
{
    return MH_JOURNAL_ADDRESS + sector * MH_EXTENT_SIZE + page * MH_PAGE_SIZE;
}

/* The beginning of a page: magic, format, generation. */
struct head {
    uint8_t bytes[HEAD_SIZE];
};

/* Reads a head until it reads the same twice: one disturbed read must not lose the newest state. */
static enum mh_error read_head(const struct mh_nor *nor, uint32_t address, struct head *head)
{
    struct head again;
    enum mh_error error = nor->read(nor->context, address, head->bytes, HEAD_SIZE);

    for (unsigned attempt = 1; !error && attempt < READ_ATTEMPTS; attempt++) {
        error = nor->read(nor->context, address, again.bytes, HEAD_SIZE);
        if (!error && memcmp(&again, head, sizeof again) == 0) {
            break;
        }
        *head = again;
    }
    return error;
}

static bool begins_record(const struct head *head)
{
    return memcmp(head->bytes, JOURNAL_MAGIC, 4) == 0 && head->bytes[OFF_FORMAT] == JOURNAL_FORMAT &&
           head->bytes[OFF_GENERATION] <= 3;
}

enum page_kind { PAGE_FREE, PAGE_GOOD, PAGE_DAMAGED };

/* Reads a page, several times when it seems damaged. No more than the head of one in which no record begins: what a torn erase has left there
 * matters to nobody then. */
static enum mh_error read_page(const struct mh_nor *nor, uint32_t address, uint8_t page[MH_PAGE_SIZE],
                               enum page_kind *kind)
{
    struct head head;
    enum mh_error error = read_head(nor, address, &head);

    *kind = PAGE_DAMAGED;
    if (error || !(begins_record(&head) || is_blank(head.bytes, HEAD_SIZE))) {
        return error;
    }
    for (unsigned attempt = 0; *kind == PAGE_DAMAGED && attempt < READ_ATTEMPTS; attempt++) {
        error = nor->read(nor->context, address, page, MH_PAGE_SIZE);
        if (error) {
            return error;
        }
        *kind = is_blank(page, MH_PAGE_SIZE) ? PAGE_FREE : is_good(page) ? PAGE_GOOD : PAGE_DAMAGED;
    }
    return MH_OK;
}

/* What a sector seems to hold, by the head of its last page that is not free. */
struct sight {
    bool record; /* a record seems to begin there */
    uint8_t generation;
    uint8_t end; /* behind that page; 0: all are free */
};

static enum mh_error look(const struct mh_nor *nor, unsigned sector, struct sight *sight)
{
    uint8_t page[MH_PAGE_SIZE];
    struct head head;

    memset(sight, 0, sizeof *sight);
    for (unsigned i = MH_JOURNAL_PAGES; i > 0 && sight->end == 0; i--) {
        const uint32_t address = page_address(sector, i - 1);
        enum page_kind kind = PAGE_DAMAGED;
        enum mh_error error = read_head(nor, address, &head);
        if (error == MH_OK && is_blank(head.bytes, HEAD_SIZE)) {
            error = read_page(nor, address, page, &kind);
        }
        if (error) {
            return error;
        }
        if (kind != PAGE_FREE) {
            *sight = (struct sight){begins_record(&head), head.bytes[OFF_GENERATION], (uint8_t)i};
        }
    }
    return MH_OK;
}

/* The newest record of a sector. */
struct scan {
    bool good;    /* there is one */
    bool damaged; /* something stands behind it; where there is no record: anywhere */
    bool twice;   /* at rest: the page before holds the same */
    uint8_t generation;
    uint8_t page;
    uint8_t end; /* behind the last page that is not free */
    uint8_t bytes[MH_PAGE_SIZE]; /* the record, as it was read good */
    struct mh_state state;
};

/* A state that lasts. It stands twice, so that nothing need be written when it is opened again and again, and in the first
 * pages of its sector: when an update is over, nothing is left of how it went. Any other leads to the next one soon. */
static bool is_at_rest(const struct mh_state *state)
{
    return state->phase == MH_IDLE && state->entries[MH_INCOMING].length == 0;
}

static enum mh_error scan_sector(const struct mh_nor *nor, unsigned sector, unsigned end, struct scan *scan)
{
    uint8_t before[MH_PAGE_SIZE];
    enum page_kind kind;
    enum mh_error error = MH_OK;

    memset(scan, 0, sizeof *scan);
    scan->end = scan->page = (uint8_t)end;
    while (error == MH_OK && !scan->good && scan->page > 0) {
        error = read_page(nor, page_address(sector, --scan->page), scan->bytes, &kind);
        if (kind == PAGE_GOOD) {
            decode(scan->bytes, &scan->state, &scan->generation);
            scan->good = true;
        } else {
            scan->damaged = true; /* be it free now: it was not when it was looked at */
        }
    }
    if (error == MH_OK && scan->good && scan->page > 0 && is_at_rest(&scan->state)) {
        error = read_page(nor, page_address(sector, scan->page - 1u), before, &kind);
        scan->twice = error == MH_OK && kind == PAGE_GOOD && is_like(scan->bytes, before);
    }
    return error;
}

/* How the newest state was found. */
struct found {
    bool any;     /* there is one */
    bool twice;   /* at rest: it stands twice in a row */
    bool damaged; /* something behind it is damaged; where there is no state: anything is */
    bool alone;   /* the other sector is blank */
    uint8_t page; /* of the state */
    uint8_t bytes[MH_PAGE_SIZE]; /* of that page */
};

static void take(struct mh_journal *journal, struct found *found, unsigned sector, const struct scan *scan)
{
    journal->sector = (uint8_t)sector;
    journal->next_page = scan->end;
    journal->generation = scan->generation;
    journal->state = scan->state;
    *found = (struct found){.any = true, .twice = scan->twice, .damaged = scan->damaged, .page = scan->page};
    memcpy(found->bytes, scan->bytes, MH_PAGE_SIZE);
}

static bool follows(uint8_t generation, uint8_t other)
{
    return generation == ((other + 1) & 3);
}

/* Everything that both sectors hold. */
static enum mh_error compare_sectors(struct mh_journal *journal, const struct sight sights[MH_JOURNAL_SECTORS], struct found *found)
{
    struct scan scans[MH_JOURNAL_SECTORS];

    for (unsigned i = 0; i < MH_JOURNAL_SECTORS; i++) {
        const enum mh_error error = scan_sector(journal->nor, i, sights[i].end, &scans[i]);
        if (error) {
            return error;
        }
    }
    if (scans[0].good || scans[1].good) {
        const bool second = scans[1].good && (!scans[0].good || follows(scans[1].generation, scans[0].generation));
        take(journal, found, second, &scans[second]);
        return MH_OK;
    }
    /* As if a full second sector came before: the first record then goes to the first one. */
    journal->sector = 1;
    journal->next_page = MH_JOURNAL_PAGES;
    journal->generation = 3;
    *found = (struct found){.damaged = scans[0].damaged || scans[1].damaged};
    return MH_OK;
}

/* In the newer sector, by what is seen of both. Where that turns out to be wrong, both are read. */
static enum mh_error read_newest(struct mh_journal *journal, struct found *found)
{
    struct sight sights[MH_JOURNAL_SECTORS];
    struct scan scan;
    enum mh_error error = MH_OK;

    for (unsigned i = 0; error == MH_OK && i < MH_JOURNAL_SECTORS; i++) {
        error = look(journal->nor, i, &sights[i]);
    }
    if (error) {
        return error;
    }
    const unsigned newer = sights[1].record && (!sights[0].record || follows(sights[1].generation, sights[0].generation));
    error = scan_sector(journal->nor, newer, sights[newer].end, &scan);
    if (error == MH_OK && scan.good && sights[newer].record && scan.generation == sights[newer].generation) {
        take(journal, found, newer, &scan);
    } else if (error == MH_OK) {
        error = compare_sectors(journal, sights, found);
    }
    found->alone = sights[journal->sector ^ 1u].end == 0;
    return error;
}

/// Writing ///

static enum mh_error program_page(const struct mh_journal *journal, unsigned index, const uint8_t page[MH_PAGE_SIZE])
{
    const struct mh_nor *nor = journal->nor;
    const uint32_t address = page_address(journal->sector, index);
    uint8_t back[MH_PAGE_SIZE];

    enum mh_error error = nor->program(nor->context, address, page, MH_PAGE_SIZE);
    if (error == MH_OK) {
        error = nor->read(nor->context, address, back, MH_PAGE_SIZE);
    }
    if (error == MH_OK && memcmp(page, back, MH_PAGE_SIZE) != 0) {
        error = MH_ERR_FLASH;
    }
    return error;
}

static enum mh_error write_page(const struct mh_journal *journal, unsigned index, bool clear)
{
    uint8_t page[MH_PAGE_SIZE];

    encode(page, &journal->state, journal->generation, clear);
    return program_page(journal, index, page);
}

/* The state on the next page. `clear`: which says that the other sector is, if it can. */
static enum mh_error write_behind(struct mh_journal *journal, bool clear)
{
    const unsigned page = journal->next_page;

    if (page >= MH_JOURNAL_PAGES) {
        return MH_ERR_FLASH;
    }
    journal->next_page++;
    return write_page(journal, page, clear && page == SECOND);
}

/* Twice if something is left: where the chip did not hear the erase, the old records would count again once the end of the newer sector is damaged.
 * What still is there then no erase removes; a sector that is worn out must not cost the device its updates.
 * *end: behind the last page that is not free even now. */
static enum mh_error clear_to(const struct mh_journal *journal, unsigned sector, uint8_t *end)
{
    struct sight sight = {.end = 1};
    enum mh_error error = MH_OK;

    for (unsigned attempt = 0; sight.end > 0 && attempt < 2; attempt++) {
        if (journal->alive) {
            journal->alive();
        }
        error = journal->nor->erase(journal->nor->context, page_address(sector, 0));
        if (error == MH_OK) {
            error = look(journal->nor, sector, &sight);
        }
    }
    *end = sight.end;
    return error;
}

/* Programs one byte to 0, twice if need be: a command may be unheard. *done: it reads 0. A part that takes no second program of a page leaves it, and
 * its moves must not end for that. */
static enum mh_error program_zero(const struct mh_nor *nor, uint32_t address, bool *done)
{
    const uint8_t zero = 0;
    uint8_t there = CLEAR;
    enum mh_error error = nor->read(nor->context, address, &there, 1);

    for (unsigned attempt = 0; error == MH_OK && there != 0 && attempt < 2; attempt++) {
        error = nor->program(nor->context, address, &zero, 1);
        if (error == MH_OK) {
            error = nor->read(nor->context, address, &there, 1);
        }
    }
    *done = error == MH_OK && there == 0;
    return error;
}

/* Of a sector that reads blank nothing tells whether a power loss has left that of its erase, and it does not hold what is written there. So
 * the second copy of a state at rest says that the other sector was erased to its end before. That is taken back here, before anything is
 * begun there; also what may say so at another reading. *clear: it was until now, and nothing says so any more. */
static enum mh_error withdraw_clear(const struct mh_journal *journal, bool *clear)
{
    uint8_t first[MH_PAGE_SIZE], second[MH_PAGE_SIZE];
    enum page_kind kind, kind_of_first = PAGE_DAMAGED;
    bool withdrawn = true;
    enum mh_error error = read_page(journal->nor, page_address(journal->sector, SECOND), second, &kind);

    if (error == MH_OK && kind == PAGE_GOOD && second[OFF_CLEAR] == CLEAR) {
        error = read_page(journal->nor, page_address(journal->sector, 0), first, &kind_of_first);
    }
    if (error == MH_OK && kind != PAGE_FREE) {
        error = program_zero(journal->nor, page_address(journal->sector, SECOND) + OFF_CLEAR, &withdrawn);
    }
    *clear = error == MH_OK && withdrawn && kind_of_first == PAGE_GOOD && is_like(first, second);
    return error;
}

/* Clears the other sector. *end as of clear_to. */
static enum mh_error clear_other(const struct mh_journal *journal, uint8_t *end)
{
    bool clear;
    const enum mh_error error = withdraw_clear(journal, &clear);

    return error ? error : clear_to(journal, journal->sector ^ 1u, end);
}

/* The same, without an erase where one has cleared it before. */
static enum mh_error prepare_other(const struct mh_journal *journal, uint8_t *end)
{
    struct sight sight = {.end = 1};
    bool clear;
    enum mh_error error = withdraw_clear(journal, &clear);

    if (error == MH_OK && clear) {
        error = look(journal->nor, journal->sector ^ 1u, &sight);
    }
    *end = sight.end;
    return error || sight.end == 0 ? error : clear_to(journal, journal->sector ^ 1u, end);
}

/* The second copy, in the first page that holds it: an opening that finds one damaged moves the state. `clear` as of write_behind. */
static void write_second(struct mh_journal *journal, bool clear)
{
    while (write_behind(journal, clear) != MH_OK && journal->next_page < MH_JOURNAL_PAGES) {
    }
}

/* The state in the other sector, from that page on; that sector is then the newer one, and the old one is cleared.
 * Until the record is whole, the old sector counts; where it cannot be had, it goes on counting, so nothing newer may
 * be left in the other one. `anywhere`: in any page behind that one, because some of a worn-out sector hold it. The second copy
 * of a state at rest comes last; where that fails, the next opening makes up for it. */
static enum mh_error compact(struct mh_journal *journal, unsigned page, bool anywhere)
{
    struct mh_journal moved = *journal;
    uint8_t end;

    moved.sector ^= 1;
    moved.generation = (journal->generation + 1) & 3;
    moved.next_page = (uint8_t)page;
    enum mh_error error = prepare_other(journal, &end);
    if (error) {
        return error;
    }
    do {
        error = write_behind(&moved, false);
    } while (error && anywhere && moved.next_page < MH_JOURNAL_PAGES);
    if (error == MH_OK) {
        moved.next_page = moved.next_page > end ? moved.next_page : end; /* as the next opening sees it */
        *journal = moved;
    }
    const enum mh_error uncleared = clear_other(journal, &end);
    journal->newer_left = error && uncleared;
    journal->uncleared = uncleared != MH_OK;
    if (error == MH_OK && uncleared == MH_OK && is_at_rest(&journal->state)) {
        write_second(journal, end == 0);
    }
    return error;
}

/* Twice if need be, as the next start would: one command that the chip did not hear must not cost this one its updates. A
 * state at rest goes to the first page. Any other keeps its page: so it stands there whatever was lost on the way to it,
 * and there are few journals. Where the other sector is worn out, it stays in this one as long as there are pages. */
static enum mh_error move(struct mh_journal *journal, unsigned page)
{
    const unsigned to = is_at_rest(&journal->state) || page >= MH_JOURNAL_PAGES ? 0 : page;
    enum mh_error error = compact(journal, to, false);

    if (error) {
        error = compact(journal, to, true);
    }
    if (error == MH_OK) {
        return MH_OK;
    }
    error = write_behind(journal, false);
    return error == MH_OK && is_at_rest(&journal->state) ? write_behind(journal, false) : error;
}

/* The state on the next free page. */
static enum mh_error append(struct mh_journal *journal)
{
    const unsigned page = journal->next_page;

    return write_behind(journal, false) == MH_OK ? MH_OK : move(journal, page);
}

/* What a move has left in the other sector: that of one that failed would count instead of all that is written behind the end of this one; that of
 * any other, when the end of this one is damaged, which is worth less than writing on beside a sector that no longer erases. */
static enum mh_error remove_left(struct mh_journal *journal)
{
    uint8_t end;
    const enum mh_error error = journal->uncleared ? clear_other(journal, &end) : MH_OK;

    journal->uncleared = error != MH_OK;
    return journal->newer_left || error == MH_ERR_SUPPLY ? error : MH_OK;
}

enum mh_error mh_journal_write(struct mh_journal *journal)
{
    const enum mh_error error = remove_left(journal);

    if (error) {
        return error;
    }
    return is_at_rest(&journal->state) ? move(journal, 0) : append(journal);
}

static bool has_room(const struct mh_journal *journal, unsigned pages)
{
    return MH_JOURNAL_PAGES - journal->next_page >= pages;
}

/* The second time wherever the other sector holds it; the third time back from one that turned out to be worn out. */
enum mh_error mh_journal_reserve(struct mh_journal *journal, unsigned pages)
{
    for (unsigned attempt = 0; !has_room(journal, pages) && attempt < 3; attempt++) {
        (void)compact(journal, 0, attempt > 0);
    }
    return has_room(journal, pages) ? MH_OK : MH_ERR_FLASH;
}

/// Opening ///

/* Brings the journal to a form in which no power loss has left anything. Only then may anything depend on the state: what the other sector
 * holds may be a newer one, which reads damaged now and good the next time. First of all the newest record goes over itself: what a power loss left
 * weak of it is firm then, whatever is erased for it next. It goes there as it was read good, which it may be but once: what is reserved in it may be
 * another firmware's. What stands behind it does not make it firm: it may be from an erase. */
static enum mh_error settle(struct mh_journal *journal, const struct found *found)
{
    const bool again = found->any && !found->twice;
    enum mh_error error = again ? program_page(journal, found->page, found->bytes) : MH_OK;
    uint8_t end;

    if (error == MH_ERR_SUPPLY) {
        return error; /* a copy behind a record that may be weak would be taken for its like */
    }
    if (error || found->damaged) {
        return move(journal, found->page);
    }
    /* The other sector first: what it still holds would count beside a torn copy. */
    error = found->alone ? MH_OK : clear_other(journal, &end);
    return error || !again || !is_at_rest(&journal->state) ? error : append(journal);
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
