/* SPDX-License-Identifier: MIT
 *
 * An update session: calls of the MFUpdate API and starts of the device in any order, with power losses and torn
 * operations in any of them, on a device that was well before.
 *
 *   1      what is installed at first
 *   6 ...  actions: what (1), when power is lost in it and how (3), the noise of weak bits after it (1), an argument (1)
 *
 * What must hold: every start that keeps power starts approved images; a request that was accepted is carried out; a
 * package that was not validated is not; what a call says is what the format's order of checks says; what was told of
 * the journal stays; in the end the next update works. Accesses are checked, see device_target.h.
 */
#include "journal_target.h"
#include "package_offer.h"

#include <string.h>

#define ACTIONS_MOST 40u

enum action { BOOT, SESSION, BEGIN, ALL_PACKETS, PACKET, SPOILED_PACKET, VALIDATE, INSTALL, DELETE, CONFIRM, OFFER, ACTIONS };

struct run {
    struct target *target;
    const struct made *installed[MH_COMPONENTS]; /* after the last start that kept power */
    const struct made *begun;                    /* in this session */
    bool session;                                /* power has been there since it was opened */
};

/// Starts ///

/* What a start of that state must leave installed. */
static void expect(const struct run *run, const struct mh_state *state, const struct made *expected[MH_COMPONENTS])
{
    memcpy(expected, run->installed, sizeof run->installed);
    if (state->phase != MH_REQUESTED && state->phase != MH_INSTALLING)
        return;
    const struct made *incoming = package_set_find(state->entries[MH_INCOMING].id);
    demand(incoming != NULL && incoming != &package_set()[MADE_WRONG_IMAGE]);
    for (unsigned i = 0; i < MH_COMPONENTS; i++)
        if (incoming->images[i].path != NULL)
            expected[i] = incoming;
}

static void boot(struct run *run, unsigned noise, struct loss loss)
{
    struct target *target = run->target;
    const struct made *expected[MH_COMPONENTS];
    struct mh_journal peeked;

    run->session = false;
    run->begun = NULL;
    target_start(target, noise, loss);
    demand(mh_journal_peek(&peeked, &target->device.nor) == MH_OK);
    expect(run, &peeked.state, expected);
    const bool starts = target_boot(target);
    if (!target->power)
        return;
    demand(starts && !target_pending(target));
    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        run->installed[i] = target_installed(target, i + 1);
        demand(run->installed[i] == expected[i]);
    }
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
    demand((mh_update_initialize(&target->update, &target->device) == MH_OK) == target->power);
    run->session = target->power;
}

/* The first reason that applies, in the order of docs/SPEC.md 2.4. */
static enum mh_error expected_of_begin(const struct run *run, const struct made *made, uint32_t available, uint32_t length)
{
    const struct mh_state *state = &run->target->update.journal.state;

    if (target_pending(run->target))
        return MH_ERR_STATE;
    if (available < mh_get16(made->bytes + 6) + MH_SIGNATURE_SIZE)
        return MH_ERR_TRUNCATED;
    if (made == &package_set()[MADE_OTHER_BOARD])
        return MH_ERR_BOARD;
    if (length != made->size)
        return length < made->size ? MH_ERR_TRUNCATED : MH_ERR_TRAILING;
    for (unsigned i = 0; i < MH_COMPONENTS; i++)
        if (made->images[i].path != NULL && run->installed[i]->counter > made->counter)
            return MH_ERR_COUNTER;
    return memcmp(state->refused_id, made->id, MH_ID_SIZE) == 0 ? MH_ERR_REFUSED_BEFORE : MH_OK;
}

static void begin(struct run *run, unsigned argument)
{
    const struct made *made = &package_set()[argument % MADE];
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

static void call(struct run *run, enum action action, unsigned argument)
{
    struct mh_update *update = &run->target->update;
    const bool pending = target_pending(run->target);

    switch (action) {
    case BEGIN: begin(run, argument); break;
    case ALL_PACKETS: send_all(run); break;
    case PACKET:
    case SPOILED_PACKET: send(run, argument, action == SPOILED_PACKET); break;
    case VALIDATE: validate(run); break;
    case INSTALL: request(run); break;
    case DELETE:
        demand((mh_update_delete(update) == (pending ? MH_ERR_STATE : MH_OK)) || !run->target->power);
        run->begun = pending ? run->begun : NULL;
        break;
    default:
        demand((mh_update_confirm(update) == (pending ? MH_ERR_STATE : MH_OK)) || !run->target->power);
        demand(!run->target->power || !mh_update_unconfirmed(update));
    }
}

/* A whole update at once. */
static void offer(struct run *run, unsigned argument)
{
    begin(run, argument % MADE);
    if (run->begun != NULL && run->target->power) {
        send_all(run);
        if (run->target->power)
            validate(run);
        if (run->target->power)
            request(run);
    }
}

static void act(struct run *run, struct input *input)
{
    const enum action action = take8(input) % ACTIONS;
    const struct loss loss = target_take_loss(input);
    const unsigned noise = take8(input), argument = take8(input);

    if (action == BOOT) {
        boot(run, noise, loss);
        return;
    }
    if (action == SESSION || !run->session)
        open_session(run, noise, action == SESSION ? loss : (struct loss){0});
    if (action == SESSION || !run->session)
        return;
    run->target->operations = run->target->reads = 0;
    run->target->loss = loss;
    if (action == OFFER)
        offer(run, argument);
    else
        call(run, action, argument);
    run->session = run->target->power;
    if (run->session)
        check_stored(run);
}

/// One input ///

static void set_up(struct run *run, unsigned what)
{
    static const enum made_number runtimes[] = {MADE_RUNTIME, MADE_BOTH, MADE_TWO_SECTORS, MADE_RUNTIME};
    static const enum made_number applications[] = {MADE_APPLICATION, MADE_NEWER, MADE_BOTH, MADE_SMALLEST};

    run->target = target_open();
    run->installed[MH_RUNTIME - 1] = &package_set()[runtimes[what % 4]];
    run->installed[MH_APPLICATION - 1] = &package_set()[applications[what / 4 % 4]];
    for (unsigned i = 0; i < MH_COMPONENTS; i++)
        target_put_component(run->target, run->installed[i], i + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct run run = {.session = false};

    set_up(&run, take8(&input));
    for (unsigned i = 0; input.left > 0 && i < ACTIONS_MOST; i++)
        act(&run, &input);
    boot(&run, 0, (struct loss){0});
    boot(&run, 1, (struct loss){0});
    open_session(&run, 2, (struct loss){0});
    offer(&run, MADE_LAST);
    if (!target_pending(run.target)) /* packets of it that were not right are thrown away, and sent again */
        offer(&run, MADE_LAST);
    boot(&run, 3, (struct loss){0});
    demand(run.installed[MH_APPLICATION - 1] == &package_set()[MADE_LAST]);
    return 0;
}
