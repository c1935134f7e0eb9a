/* SPDX-License-Identifier: MIT
 *
 * The journal, of any contents: how it is found, put in order, and written, with power losses in between.
 *
 *   1 ...   both sectors, see journal_target_take()
 *   14 ...  actions: what, when power is lost (3), the noise of weak bits then; and a state, if one is to be written
 *
 * What was opened is firm: every later opening finds the same, whatever noise there is. A loss during a write leaves the
 * old state or the new one. Records of the core are good as they are; those of the input get their checksums right
 * where the input says so.
 */
#include "journal_target.h"

#include <string.h>

#define ACTIONS_MOST 24u
#define OPENING_MOST 12u /* operations of one opening: two moves that fail, each twice, and an erase */

/* What counts, as far as anybody was told. */
struct told {
    bool known; /* an opening has told it */
    struct mh_state state;
    bool between; /* power was lost while `next` was being written: one of the two counts */
    struct mh_state next;
};

static void check_opened(struct told *told, const struct mh_state *state)
{
    demand(!told->known || journal_target_same(state, &told->state) ||
           (told->between && journal_target_same(state, &told->next)));
    told->known = true;
    told->between = false;
    told->state = *state;
}

static void open_journal(struct target *target, struct told *told)
{
    struct mh_journal *journal = &target->update.journal, peeked;
    const enum mh_error error = mh_journal_open(journal, &target->device.nor);

    demand(target->operations <= OPENING_MOST);
    demand(error == MH_OK || !target->power);
    if (!target->power)
        return;
    check_opened(told, &journal->state);
    demand(mh_journal_peek(&peeked, &target->device.nor) == MH_OK);
    demand(journal_target_same(&peeked.state, &journal->state) && peeked.sector == journal->sector);
    demand(journal->next_page <= MH_JOURNAL_PAGES && journal->sector < MH_JOURNAL_SECTORS && journal->generation <= 3);
}

static void write_state(struct target *target, struct told *told, struct input *input, struct loss loss, unsigned noise)
{
    struct mh_journal *journal = &target->update.journal;

    target_start(target, noise, (struct loss){0});
    open_journal(target, told);
    journal_target_take_state(input, &journal->state);
    told->next = journal->state;
    target->loss = loss;
    target->operations = 0;
    const enum mh_error error = mh_journal_write(journal);
    demand(error == MH_OK || !target->power);
    told->between = !target->power;
    if (target->power)
        told->state = told->next;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct target *target = target_open();
    struct told told = {.known = false};

    journal_target_take(&input, target);
    for (unsigned i = 0; input.left > 0 && i < ACTIONS_MOST; i++) {
        const unsigned what = take8(&input);
        const struct loss loss = target_take_loss(&input);
        const unsigned noise = take8(&input);
        if (what % 2) {
            write_state(target, &told, &input, (struct loss){loss.operation % 32, loss.tear}, noise);
        } else {
            target_start(target, noise, (struct loss){loss.operation % 16, loss.tear});
            open_journal(target, &told);
        }
    }
    for (unsigned i = 0; i < 6; i++) {
        target_start(target, i / 2, (struct loss){0});
        open_journal(target, &told);
        demand(i % 2 == 0 || target->operations <= 1); /* over itself: nothing is left to be put in order */
    }
    return 0;
}
