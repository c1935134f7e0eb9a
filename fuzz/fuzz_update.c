/* SPDX-License-Identifier: MIT
 *
 * An update session: calls of the MFUpdate API and starts of the device in any order, with power losses and torn
 * operations in any of them, on a device that was well before.
 *
 *   1      what is installed at first, and whether its packages are in the store
 *   6 ...  actions: what (1), when power is lost in it and how (3), the noise of weak bits after it (1), an argument (1)
 *
 * What must hold: every start that keeps power starts approved images; a request that was accepted is carried out; a
 * package that was not validated is not; a trial ends as docs/SPEC.md 3.3 says; security counters never fall; what a
 * call says is what the order of checks says; what was told of the journal stays; in the end the next update works.
 * Accesses are checked, see device_target.h.
 */
#include "journal_target.h"

#include <string.h>

#define ACTIONS_MOST 40u

enum action {
    BOOT,
    SESSION,
    BEGIN,
    ALL_PACKETS,
    PACKET,
    SPOILED_PACKET,
    VALIDATE,
    INSTALL,
    DELETE,
    CONFIRM,
    OFFER,
    ROLL_BACK,
    BLAMED_BOOT,
    ACTIONS
};

struct run {
    struct target *target;
    const struct made *installed[MH_COMPONENTS]; /* after the last start that kept power */
    const struct made *begun;                    /* in this session */
    bool session;                                /* power has been there since it was opened */
    uint32_t counters[MH_COMPONENTS];            /* that were recorded when that was looked at last */
    uint32_t confirmed[MH_COMPONENTS];           /* that the last confirmation, finished or not, has to record */
    uint32_t revoked, revokes;                   /* the same of keys */
};

/// Starts ///

static bool is_tried(const struct mh_state *state, unsigned i)
{
    return state->tried >> i & 1;
}

/* Whether a directory entry has all of its package in the store. */
static const struct made *stored_package(const struct target *target, const struct mh_entry *entry)
{
    const struct made *made = package_set_find(entry->id);
    uint32_t at = 0;

    if (made == NULL || entry->length != made->size)
        return NULL;
    for (unsigned n = 0; n < MH_EXTENTS && at < made->size; n++) {
        const size_t left = made->size - at, part = left < MH_EXTENT_SIZE ? left : MH_EXTENT_SIZE;
        const uint8_t *cells = target->array.nor.cells + MH_RESERVED_ADDRESS + n * MH_EXTENT_SIZE;
        if (mh_bit(entry->extents, n)) {
            if (memcmp(cells, made->bytes + at, part) != 0)
                return NULL;
            at += MH_EXTENT_SIZE;
        }
    }
    return at >= made->size ? made : NULL;
}

static bool is_revoked(const struct run *run, const struct made *made)
{
    return mh_otp_revoked(run->target->otp_view) >> made->key & 1;
}

/* What a rollback would install. False when it is off. */
static bool find_rollback(const struct run *run, const struct mh_state *state, const struct made *found[MH_COMPONENTS])
{
    memcpy(found, run->installed, sizeof run->installed);
    for (unsigned i = 0; i < MH_COMPONENTS; i++)
        if (is_tried(state, i)) {
            found[i] = stored_package(run->target, &state->entries[i]);
            if (found[i] == NULL || found[i]->images[i].path == NULL || is_revoked(run, found[i]) ||
                found[i]->counter < mh_otp_counter(run->target->otp_view, i + 1))
                return false;
        }
    return true;
}

/* What a start that keeps power makes of a state. */
struct expected {
    enum mh_phase phase;
    const struct made *installed[MH_COMPONENTS];
};

static void expect_of_trial(const struct run *run, const struct mh_state *state, bool blamed, struct expected *expected)
{
    const struct made *before[MH_COMPONENTS];

    if (state->credit <= (blamed ? MH_TRIAL_BLAMED : MH_TRIAL_START) && find_rollback(run, state, before)) {
        expected->phase = MH_IDLE;
        memcpy(expected->installed, before, sizeof before);
    }
}

static struct expected expect(const struct run *run, const struct mh_state *state, bool blamed)
{
    const struct made *incoming = package_set_find(state->entries[MH_INCOMING].id);
    struct expected expected = {.phase = state->phase};

    memcpy(expected.installed, run->installed, sizeof run->installed);
    demand(state->phase == MH_IDLE || (incoming != NULL && incoming != &package_set()[MADE_WRONG_IMAGE]));
    switch (state->phase) {
    case MH_REQUESTED:
    case MH_INSTALLING:
        expected.phase = MH_TRIAL;
        for (unsigned i = 0; i < MH_COMPONENTS; i++)
            if (incoming->images[i].path != NULL)
                expected.installed[i] = incoming;
        break;
    case MH_TRIAL: expect_of_trial(run, state, blamed, &expected); break;
    case MH_CONFIRMING: expected.phase = MH_IDLE; break;
    case MH_ROLLING_BACK:
        expected.phase = MH_IDLE;
        demand(find_rollback(run, state, expected.installed));
        break;
    default: break;
    }
    return expected;
}

/* From here on confirmation may have begun. What became of one before has been looked at: a trial begins with a start. */
static void begin_confirmation(struct run *run, const struct mh_state *state)
{
    run->revokes = run->revoked;
    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        run->confirmed[i] = is_tried(state, i) ? run->installed[i]->counter : 0;
        run->revokes |= is_tried(state, i) ? run->installed[i]->revokes : 0;
    }
}

/* Counters never fall, and nothing raises them but confirmation, which is finished or has not begun. */
static void check_counters(struct run *run, bool finished)
{
    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        const uint32_t now = mh_otp_counter(run->target->otp_view, i + 1);
        demand(now == run->counters[i] || (now > run->counters[i] && now == run->confirmed[i]));
        demand(!finished || now >= run->confirmed[i]);
        run->counters[i] = now;
    }
    const uint32_t revoked = mh_otp_revoked(run->target->otp_view);
    demand((revoked & run->revoked) == run->revoked && (revoked & ~run->revokes) == 0);
    demand(!finished || revoked == run->revokes);
    run->revoked = revoked;
}

static void boot(struct run *run, bool blamed, unsigned noise, struct loss loss)
{
    struct target *target = run->target;
    struct mh_journal peeked;

    run->session = false;
    run->begun = NULL;
    target_start(target, noise, loss);
    demand(mh_journal_peek(&peeked, &target->device.nor) == MH_OK);
    const struct expected expected = expect(run, &peeked.state, blamed);
    if (peeked.state.phase == MH_CONFIRMING)
        begin_confirmation(run, &peeked.state);
    const bool starts = target_boot(target, blamed);
    if (!target->power)
        return;
    demand(starts && target->update.journal.state.phase == expected.phase);
    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        run->installed[i] = target_installed(target, i + 1);
        demand(run->installed[i] == expected.installed[i]);
    }
    check_counters(run, peeked.state.phase == MH_CONFIRMING);
}

/// Calls ///

/* What the session holds is what is stored. */
static void check_stored(const struct run *run)
{
    struct mh_journal peeked;

    demand(mh_journal_peek(&peeked, &run->target->device.nor) == MH_OK);
    demand(journal_target_same(&peeked.state, &run->target->update.journal.state));
}

static void open_session(struct run *run, unsigned noise, struct loss loss)
{
    struct target *target = run->target;

    run->begun = NULL;
    target_start(target, noise, loss);
    demand(mh_update_initialize(&target->update, &target->device) == MH_OK || !target->power);
    run->session = target->power;
}

static bool is_refused_id(const uint8_t id[MH_ID_SIZE], const struct made *made)
{
    return memcmp(id, made->id, MH_ID_SIZE) == 0;
}

/* The first reason that applies, in the order of docs/SPEC.md 2.4. */
static enum mh_error expected_of_begin(const struct run *run, const struct made *made, uint32_t available, uint32_t length)
{
    const struct mh_state *state = &run->target->update.journal.state;

    if (state->phase != MH_IDLE)
        return MH_ERR_STATE;
    if (available < mh_get16(made->bytes + 6) + MH_SIGNATURE_SIZE)
        return MH_ERR_TRUNCATED;
    if (is_revoked(run, made))
        return MH_ERR_REVOKED;
    if (made == &package_set()[MADE_OTHER_BOARD])
        return MH_ERR_BOARD;
    if (length != made->size)
        return length < made->size ? MH_ERR_TRUNCATED : MH_ERR_TRAILING;
    for (unsigned i = 0; i < MH_COMPONENTS; i++)
        if (made->images[i].path != NULL &&
            (run->installed[i]->counter > made->counter || run->counters[i] > made->counter))
            return MH_ERR_COUNTER;
    if (is_refused_id(state->refused_id, made))
        return MH_ERR_REFUSED_BEFORE;
    return is_refused_id(state->rolled_back_id, made) ? MH_ERR_ROLLED_BACK : MH_OK;
}

static void begin(struct run *run, const struct made *made, unsigned argument)
{
    const uint32_t whole = made->size < MH_PACKET_SIZE ? (uint32_t)made->size : MH_PACKET_SIZE;
    const uint32_t available = argument / 16 == 1 ? 99 : argument / 16 == 2 ? 440 : whole;
    const uint32_t length = (uint32_t)made->size + (argument / 16 == 3) - (argument / 16 == 4);

    const enum mh_error expected = expected_of_begin(run, made, available, length);
    const enum mh_error error = mh_update_begin(&run->target->update, made->bytes, available, length);
    demand(error == expected || !run->target->power);
    run->begun = error == MH_OK ? made : NULL;
    demand(mh_update_packets(&run->target->update) ==
           (error == MH_OK ? (length + MH_PACKET_SIZE - 1) / MH_PACKET_SIZE : 0));
}

static void send(struct run *run, uint32_t index, bool spoiled)
{
    struct mh_update *update = &run->target->update;
    static uint8_t packet[MH_PACKET_SIZE];
    enum mh_error expected = MH_OK;
    uint32_t length = MH_PACKET_SIZE;

    if (run->begun == NULL) {
        expected = MH_ERR_STATE;
    } else if (index >= mh_update_packets(update)) {
        expected = MH_ERR_ARGUMENT;
    } else {
        const uint32_t left = (uint32_t)run->begun->size - index * MH_PACKET_SIZE;
        length = left < MH_PACKET_SIZE ? left : MH_PACKET_SIZE;
        memcpy(packet, run->begun->bytes + index * MH_PACKET_SIZE, length);
    }
    packet[length / 2] ^= spoiled;
    const enum mh_error error = mh_update_packet(update, index, packet, length);
    demand(error == expected || !run->target->power);
    demand(error != MH_OK || !mh_update_missing(update, index));
}

static void send_all(struct run *run)
{
    for (uint32_t i = 0; run->target->power && i < mh_update_packets(&run->target->update); i++)
        send(run, i, false);
}

static bool is_stored_whole(const struct run *run)
{
    const struct mh_update *update = &run->target->update;

    for (uint32_t at = 0; at < run->begun->size; at += MH_EXTENT_SIZE) {
        const size_t left = run->begun->size - at;
        const uint32_t address = MH_RESERVED_ADDRESS + update->stored.extents[at / MH_EXTENT_SIZE] * MH_EXTENT_SIZE;
        if (memcmp(run->target->array.nor.cells + address, run->begun->bytes + at,
                   left < MH_EXTENT_SIZE ? left : MH_EXTENT_SIZE) != 0)
            return false;
    }
    return true;
}

static void validate(struct run *run)
{
    struct mh_update *update = &run->target->update;
    bool complete = run->begun != NULL;

    for (uint32_t i = 0; i < mh_update_packets(update); i++)
        complete = complete && !mh_update_missing(update, i);
    const enum mh_error error = mh_update_validate(update);
    demand((error == MH_ERR_STATE) == !complete);
    if (!complete)
        return;
    const bool good = is_stored_whole(run) && run->begun != &package_set()[MADE_WRONG_IMAGE];
    demand((error == MH_OK) == good);
    demand(error == MH_OK || !run->target->power || update->journal.state.refusal == (uint32_t)error);
    if (error != MH_OK)
        run->begun = NULL;
}

static void request(struct run *run)
{
    struct mh_update *update = &run->target->update;
    const bool validated = update->validated;

    const enum mh_error error = mh_update_install(update);
    demand(error == (validated ? MH_OK : MH_ERR_STATE) || !run->target->power);
    demand(!validated || is_stored_whole(run));
    if (error == MH_OK) {
        demand(target_pending(run->target));
        run->begun = NULL;
    }
}

static void confirm(struct run *run)
{
    struct mh_update *update = &run->target->update;
    const struct mh_state before = update->journal.state;
    const bool unconfirmed = before.phase == MH_TRIAL || before.phase == MH_CONFIRMING;

    demand(mh_update_unconfirmed(update) == unconfirmed);
    if (unconfirmed)
        begin_confirmation(run, &before);
    const enum mh_error error = mh_update_confirm(update);
    if (!run->target->power)
        return;
    demand(error == (unconfirmed || before.phase == MH_IDLE ? MH_OK : MH_ERR_STATE));
    if (unconfirmed)
        check_counters(run, true);
}

static void roll_back(struct run *run)
{
    struct mh_update *update = &run->target->update;
    const struct mh_state before = update->journal.state;
    const struct made *found[MH_COMPONENTS];
    const bool possible = find_rollback(run, &before, found);

    const enum mh_error error = mh_update_rollback(update);
    if (!run->target->power)
        return;
    demand(before.phase == MH_TRIAL ? (error == MH_OK) == possible : error == MH_ERR_STATE);
    demand((update->journal.state.phase == MH_ROLLING_BACK) == (error == MH_OK || before.phase == MH_ROLLING_BACK));
}

static void forget(struct run *run)
{
    struct mh_update *update = &run->target->update;
    const bool idle = update->journal.state.phase == MH_IDLE;

    demand((mh_update_delete(update) == (idle ? MH_OK : MH_ERR_STATE)) || !run->target->power);
    if (idle)
        run->begun = NULL;
}

/* A whole update at once. */
static void offer(struct run *run, const struct made *made)
{
    begin(run, made, 0);
    if (run->begun != NULL && run->target->power) {
        send_all(run);
        if (run->target->power)
            validate(run);
        if (run->target->power)
            request(run);
    }
}

static void call(struct run *run, enum action action, unsigned argument)
{
    const struct made *made = &package_set()[argument % 16 % MADE_LAST];

    switch (action) {
    case BEGIN: begin(run, made, argument); break;
    case ALL_PACKETS: send_all(run); break;
    case PACKET:
    case SPOILED_PACKET: send(run, argument, action == SPOILED_PACKET); break;
    case VALIDATE: validate(run); break;
    case INSTALL: request(run); break;
    case DELETE: forget(run); break;
    case CONFIRM: confirm(run); break;
    case ROLL_BACK: roll_back(run); break;
    default: offer(run, made);
    }
}

static void act(struct run *run, struct input *input)
{
    const enum action action = take8(input) % ACTIONS;
    const struct loss loss = target_take_loss(input);
    const unsigned noise = take8(input), argument = take8(input);

    if (action == BOOT || action == BLAMED_BOOT) {
        boot(run, action == BLAMED_BOOT, noise, loss);
        return;
    }
    if (action == SESSION || !run->session)
        open_session(run, noise, action == SESSION ? loss : (struct loss){0});
    if (action == SESSION || !run->session)
        return;
    run->target->operations = run->target->reads = 0;
    run->target->loss = loss;
    call(run, action, argument);
    run->session = run->target->power;
    if (run->session)
        check_stored(run);
}

/// One input ///

static void put_package(struct run *run, struct mh_state *state, unsigned i, unsigned first)
{
    const struct made *made = run->installed[i];
    struct mh_entry *entry = &state->entries[i];

    target_put_nor(run->target, first * MH_EXTENT_SIZE, made->bytes, made->size);
    for (size_t at = 0; at < made->size; at += MH_EXTENT_SIZE)
        mh_bit_set(entry->extents, first++);
    entry->length = (uint32_t)made->size;
    memcpy(entry->id, made->id, MH_ID_SIZE);
}

static void set_up(struct run *run, unsigned what)
{
    static const enum made_number runtimes[] = {MADE_RUNTIME, MADE_BOTH, MADE_TWO_SECTORS, MADE_RUNTIME};
    static const enum made_number applications[] = {MADE_APPLICATION, MADE_NEWER, MADE_BOTH, MADE_SMALLEST};
    struct mh_journal *journal = &run->target->update.journal;

    run->installed[MH_RUNTIME - 1] = &package_set()[runtimes[what % 4]];
    run->installed[MH_APPLICATION - 1] = &package_set()[applications[what / 4 % 4]];
    demand(mh_journal_open(journal, &run->target->device.nor) == MH_OK);
    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        target_put_component(run->target, run->installed[i], i + 1);
        if (what >> (4 + i) & 1)
            put_package(run, &journal->state, i, i == 0 ? 0 : what & 0x40 ? 240 : 20);
    }
    if (what & 0x30)
        demand(mh_journal_write(journal) == MH_OK);
}

/* Whatever was going on is brought to its end, and then a package that nobody has seen yet is installed. */
static void check_next_update(struct run *run)
{
    const struct made *last = &package_set()[MADE_LAST];
    const struct loss none = {0};

    boot(run, false, 0, none);
    boot(run, false, 1, none);
    open_session(run, 2, none);
    confirm(run);
    offer(run, last);
    demand(target_pending(run->target));
    boot(run, false, 3, none);
    demand(run->installed[MH_APPLICATION - 1] == last);
    open_session(run, 4, none);
    confirm(run);
    demand(run->target->update.journal.state.phase == MH_IDLE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct run run = {.target = target_open()};

    set_up(&run, take8(&input));
    for (unsigned i = 0; input.left > 0 && i < ACTIONS_MOST; i++)
        act(&run, &input);
    check_next_update(&run);
    return 0;
}
