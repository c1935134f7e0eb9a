/* SPDX-License-Identifier: MIT
 *
 * The journal (docs/SPEC.md 3.2): the state of updates, one whole record per change, in two sectors of the SPI NOR.
 *
 * A record whose writing lost power may read good now and damaged later. So nothing may depend on a record that was only
 * read: opening programs the newest one over itself, which makes it firm, unless it stands twice in a row, as a state at rest
 * does: the first copy was firm before the second was begun.
 *
 * A sector whose erase lost power may read blank and not hold what is written there. So between the two copies of a state at rest the other sector
 * is erased, and the second one says so, until that is taken back before anything is begun there.
 *
 * States are finitely many, and few: an opening that finds something damaged behind the newest record leaves nothing of it or of what stood before
 * it, but the state in the same page of one sector, and the other one erased. A state at rest always stands in the first two pages of a sector, and
 * nothing else in the journal: of how an update went, nothing is left when it is over.
 */
#ifndef MATTERHORN_JOURNAL_H
#define MATTERHORN_JOURNAL_H

#include "matterhorn/manifest.h"

#define MH_RESERVED_ADDRESS 0x700000u /* of the SPI NOR */
#define MH_EXTENT_SIZE 4096u
#define MH_EXTENTS 250u /* the shadow of the config sector follows them */
#define MH_JOURNAL_ADDRESS 0x7FE000u
#define MH_JOURNAL_SECTORS 2u
#define MH_JOURNAL_PAGES 16u
#define MH_PAGE_SIZE 256u
#define MH_BITMAP_SIZE 32u

enum mh_phase {
    MH_IDLE = 0,
    MH_REQUESTED = 1,    /* the incoming package shall be installed */
    MH_INSTALLING = 2,   /* from before its first erase on */
    MH_TRIAL = 3,        /* it is installed, and not confirmed: it is still the incoming one */
    MH_CONFIRMING = 4,   /* it is confirmed; the one-time programmable area is to be told */
    MH_ROLLING_BACK = 5, /* the running packages are to be installed again in its place */
    MH_PHASES
};

/* "idle", "requested", "installing", "trial", "confirming", "rolling back". */
const char *mh_phase_name(enum mh_phase phase);

/* Directory entries: the running package of component n is entry n - 1. */
#define MH_INCOMING 2u
#define MH_ENTRIES 3u

struct mh_entry {
    uint8_t extents[MH_BITMAP_SIZE]; /* bit n: extent n */
    uint32_t length;                 /* bytes; 0 = no package */
    uint8_t id[MH_ID_SIZE];
};

struct mh_state {
    enum mh_phase phase;
    uint8_t credit; /* of a trial: what its starts may still cost; see mh_trial_start */
    uint8_t tried;  /* components that the incoming package replaces from its trial on: bit n - 1 for component n. While
                     * it is being installed: none, unless it is a rollback that could not be finished (mh_rollback) */
    uint32_t sectors_done;
    uint32_t refusal; /* enum mh_error */
    uint8_t refused_id[MH_ID_SIZE];
    uint8_t rolled_back_id[MH_ID_SIZE];
    struct mh_entry entries[MH_ENTRIES];
    uint8_t received[MH_BITMAP_SIZE]; /* bit k: packet k of the incoming package */
};

struct mh_journal {
    const struct mh_nor *nor;
    void (*alive)(void); /* as in struct mh_device, before each erase; whoever has opened the journal may set it */
    struct mh_state state;
    uint8_t sector;     /* the one that holds the newest record */
    uint8_t next_page;  /* the one behind the last that is not free; MH_JOURNAL_PAGES when there is none */
    uint8_t generation; /* of that sector */
    bool uncleared;     /* a move could not clear the other sector */
    bool newer_left;    /* as it failed: what is left there would count */
};

static inline bool mh_bit(const uint8_t *bitmap, unsigned n)
{
    return bitmap[n / 8] >> n % 8 & 1;
}

static inline void mh_bit_set(uint8_t *bitmap, unsigned n)
{
    bitmap[n / 8] |= (uint8_t)(1u << n % 8);
}

static inline void mh_bit_clear(uint8_t *bitmap, unsigned n)
{
    bitmap[n / 8] &= (uint8_t)~(1u << n % 8);
}

/* Whether the bootloader has something to finish: an install, a rollback or a confirmation. */
bool mh_state_pending(const struct mh_state *state);

/* Forgets the incoming package. */
void mh_state_drop_incoming(struct mh_state *state);

/* Back to idle, the incoming package forgotten: its trial is over, one way or the other. */
void mh_state_end_trial(struct mh_state *state);

/* Back to idle without the incoming package, which was refused for `reason`. Its id is kept, so that it is never
 * taken again, only when what was signed is itself wrong (MH_ERR_IMAGE): any other package may have been damaged on
 * its way, and its undamaged twin has the same id. */
void mh_state_refuse(struct mh_state *state, enum mh_error reason);

/* Reads the newest state, makes it firm, and removes what a power loss has left. A journal at rest is only read; an empty one stays empty.
 * MH_ERR_FLASH when the SPI NOR cannot be read or written; the state is then empty and must not be relied on. */
enum mh_error mh_journal_open(struct mh_journal *journal, const struct mh_nor *nor);

/* Reads the newest state without ever writing. */
enum mh_error mh_journal_peek(struct mh_journal *journal, const struct mh_nor *nor);

/* Makes journal->state the newest record, read back. One at rest costs one erase where the
 * second page says that the other sector is clear, which is so after one at rest unless power was lost or the state was moved; else two. MH_ERR_FLASH when it could not be written. */
enum mh_error mh_journal_write(struct mh_journal *journal);

/* Sees to it that so many pages (at most 14) are free behind the newest record, so that as many can follow without an
 * erase: before something from which nothing leads back, which a journal that wears out must not stop on its way.
 * MH_ERR_FLASH when they cannot be had; the state stays. */
enum mh_error mh_journal_reserve(struct mh_journal *journal, unsigned pages);

#endif
