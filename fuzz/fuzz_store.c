/* SPDX-License-Identifier: MIT
 *
 * Starts of a device whose reserved megabyte and component regions hold anything, with power losses.
 *
 *   2      what is installed: runtime, application (which of the set's packages; or none)
 *   1      which packages lie in the store: bit n, that of directory entry n of the state that follows
 *   14 ... that state; its packages are put where its entries say
 *   1 ...  how many changes of bytes in the store, then for each: where (3), how many bytes (1), these
 *   1 ...  the same in the internal flash
 *   1 ...  the journal, see journal_target_take(); with none, it holds the state
 *   1 ...  how many starts that lose power, then for each: noise (1), when and how (3)
 *
 * Whatever there is: what is started is byte by byte what the key has signed; what was installed stays, unless a package
 * that is whole takes its place; bootloader, config, the user's part of the SPI NOR and components that no package is
 * for are not touched (every access is checked, see device_target.h). Each start ends. When nothing is pending any
 * more, the next update works.
 */
#include "journal_target.h"
#include "package_offer.h"

#include <string.h>

#define STARTS_MOST 6u
#define CHANGES_MOST 16u
#define WHERE_MOST 0x100000u

/// Contents ///

static void put_package(struct target *target, const struct mh_entry *entry)
{
    const struct made *made = package_set_find(entry->id);
    size_t at = 0;

    for (unsigned n = 0; made != NULL && n < MH_EXTENTS && at < made->size; n++)
        if (mh_bit(entry->extents, n)) {
            const size_t left = made->size - at;
            target_put_nor(target, n * MH_EXTENT_SIZE, made->bytes + at, left < MH_EXTENT_SIZE ? left : MH_EXTENT_SIZE);
            at += MH_EXTENT_SIZE;
        }
}

static void put_record(struct target *target, const struct mh_state *state)
{
    uint8_t record[MH_PAGE_SIZE];

    journal_target_record(state, 0, record);
    for (unsigned copy = 0; copy < 2; copy++)
        target_put_nor(target, MH_JOURNAL_ADDRESS - MH_RESERVED_ADDRESS + copy * MH_PAGE_SIZE, record, sizeof record);
}

typedef void put_fn(struct target *target, uint32_t offset, const uint8_t *bytes, size_t count);

static void put_changes(struct input *input, struct target *target, put_fn *put)
{
    for (unsigned count = take8(input) % CHANGES_MOST; count > 0; count--) {
        const uint32_t offset = (take16(input) << 8 | take8(input)) % WHERE_MOST;
        size_t length;
        const uint8_t *bytes = take_up_to(input, take8(input), &length);
        put(target, offset, bytes, length);
    }
}

static void set_up(struct input *input, struct target *target)
{
    struct mh_state state;

    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        const unsigned made = take8(input);
        if (made < MADE && package_set()[made].images[number - 1].path != NULL && made != MADE_WRONG_IMAGE)
            target_put_component(target, &package_set()[made], number);
    }
    const unsigned stored = take8(input);
    journal_target_take_state(input, &state);
    for (unsigned i = 0; i < MH_ENTRIES; i++)
        if (stored >> i & 1)
            put_package(target, &state.entries[i]);
    put_record(target, &state);
    put_changes(input, target, target_put_nor);
    put_changes(input, target, target_put_internal);
    journal_target_take(input, target);
}

/// What must hold ///

struct installed {
    const struct made *components[MH_COMPONENTS];
};

static struct installed look_at(const struct target *target)
{
    struct installed installed;

    for (unsigned i = 0; i < MH_COMPONENTS; i++)
        installed.components[i] = target_installed(target, i + 1);
    return installed;
}

/* A start that keeps power. */
static void start_with_power(struct target *target, bool blamed, struct installed *installed)
{
    const struct mh_state *state = &target->update.journal.state;
    const struct installed before = *installed;

    struct mh_journal peeked;

    target_start(target, 0, (struct loss){0});
    demand(mh_journal_peek(&peeked, &target->device.nor) == MH_OK);
    const bool starts = target_boot(target, blamed);
    *installed = look_at(target);
    const bool whole = installed->components[0] != NULL && installed->components[1] != NULL;
    demand(whole || !starts);
    demand(starts || !whole || (target_pending(target) && state->sectors_done != 0));
    for (unsigned i = 0; i < MH_COMPONENTS; i++)
        if (before.components[i] != NULL && !target_pending(target))
            demand(installed->components[i] != NULL &&
                   installed->components[i]->counter >= mh_otp_counter(target->otp_view, i + 1));
    for (unsigned i = 0; i < MH_COMPONENTS; i++)
        if (peeked.state.phase == MH_TRIAL && state->phase == MH_IDLE && peeked.state.tried >> i & 1) /* rolled back */
            demand(memcmp(installed->components[i]->id, peeked.state.entries[i].id, MH_ID_SIZE) == 0);
}

/* A trial ends, or all that would be rolled back to is gone. */
static void end_trial(struct target *target, struct installed *installed)
{
    const struct mh_state *state = &target->update.journal.state;

    while (state->phase == MH_TRIAL && state->credit > 0) {
        const unsigned credit = state->credit;
        start_with_power(target, true, installed);
        demand(state->phase != MH_TRIAL || state->credit < credit);
    }
}

/* The device starts, nothing is pending: so a package with a higher counter is taken, and installed. */
static void check_next_update(struct target *target, struct installed *installed)
{
    const struct made *last = &package_set()[MADE_LAST];
    struct mh_update *update = &target->update;

    target_start(target, 0, (struct loss){0});
    demand(mh_update_initialize(update, &target->device) == MH_OK);
    demand(mh_update_confirm(update) == MH_OK);
    /* once more where the journal said that packets are there, and they are not: what was there is refused then */
    demand(package_offer(update, &target->device, last->bytes, last->size) == MH_OK ||
           package_offer(update, &target->device, last->bytes, last->size) == MH_OK);
    start_with_power(target, false, installed);
    demand(update->journal.state.phase == MH_TRIAL && installed->components[MH_APPLICATION - 1] == last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct target *target = target_open();

    set_up(&input, target);
    struct installed installed = look_at(target);
    for (unsigned count = take8(&input) % STARTS_MOST; count > 0; count--) {
        const unsigned noise = take8(&input);
        target_start(target, noise, target_take_loss(&input));
        target_boot(target, noise & 1);
        installed = look_at(target);
    }
    for (unsigned i = 0; i < 3; i++)
        start_with_power(target, false, &installed);
    end_trial(target, &installed);
    const struct installed before = installed;
    start_with_power(target, false, &installed);
    demand(memcmp(&before, &installed, sizeof before) == 0);
    if (target_pending(target))
        return 0;
    demand(target->operations <= 1); /* nothing is left to be put in order */
    if (installed.components[0] != NULL && installed.components[1] != NULL)
        check_next_update(target, &installed);
    return 0;
}
