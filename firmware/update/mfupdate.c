/* SPDX-License-Identifier: MIT */
#include "matterhorn/mfupdate.h"

#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_verify_32.h>
#include <string.h>

const struct mfupdate_provider *mfupdate_provider(const struct mfupdate_provider *rows, uint32_t count,
                                                  const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool stores(const struct mfupdate_storage *storage)
{
    return storage && storage->open && storage->create && storage->missing && storage->write && storage->read &&
           storage->erase;
}

static bool is_whole(const struct mfupdate_provider *provider)
{
    return provider && provider->update && provider->update->install && provider->validation &&
           provider->validation->check_update && stores(provider->storage) &&
           (!provider->backup ||
            (provider->backup->create && provider->backup->restore && provider->backup->drop)) &&
           (!provider->transport || provider->transport->fetch);
}

enum mh_error mfupdate_initialize(struct mfupdate *session, const struct mfupdate_provider *provider,
                                  const struct mfupdate_header *header)
{
    *session = (struct mfupdate){0};
    if (!is_whole(provider)) {
        return MH_ERR_NO_PROVIDER;
    }
    if (header->size == 0 || header->packet_size == 0) {
        return MH_ERR_ARGUMENT;
    }
    session->provider = provider;
    session->header = *header;
    const struct mfupdate_actions *update = provider->update;
    const enum mh_error error = update->initialize ? update->initialize(update->context, session) : MH_OK;
    if (error) {
        session->provider = NULL;
    }
    return error;
}

enum mh_error mfupdate_command(struct mfupdate *session, uint32_t command, const uint8_t *arguments, uint32_t length,
                               uint8_t *answer, uint32_t *answer_length)
{
    const uint32_t room = *answer_length;

    *answer_length = 0;
    if (!session->provider) {
        return MH_ERR_STATE;
    }
    const struct mfupdate_validation *validation = session->provider->validation;
    if (!validation->command) {
        return MH_ERR_NO_PROVIDER;
    }
    uint32_t given = room;
    enum mh_error error = validation->command(validation->context, session, command, arguments, length, answer, &given);
    if (error == MH_OK && given > room) {
        error = MH_ERR_ARGUMENT;
    }
    *answer_length = error ? 0 : given;
    return error;
}

static enum mh_error open_or_create(struct mfupdate *session)
{
    const struct mfupdate_storage *storage = session->provider->storage;
    bool found = false;
    const enum mh_error error = storage->open(storage->context, session, &found);

    return error || found ? error : storage->create(storage->context, session);
}

enum mh_error mfupdate_open(struct mfupdate *session, const uint8_t *credentials, uint32_t length)
{
    session->open = false;
    session->validated = false;
    if (!session->provider) {
        return MH_ERR_STATE;
    }
    const struct mfupdate_validation *validation = session->provider->validation;
    enum mh_error error = MH_OK;
    if (validation->authenticate) {
        error = validation->authenticate(validation->context, session, credentials, length);
    }
    if (error == MH_OK) {
        error = open_or_create(session);
    }
    session->open = error == MH_OK;
    return error;
}

/// Packets ///

uint32_t mfupdate_packets(const struct mfupdate *session)
{
    const struct mfupdate_header *header = &session->header;

    return session->provider ? (header->size - 1) / header->packet_size + 1 : 0;
}

static bool is_missing(const struct mfupdate *session, uint32_t index)
{
    const struct mfupdate_storage *storage = session->provider->storage;

    return storage->missing(storage->context, session, index);
}

uint32_t mfupdate_next_missing(const struct mfupdate *session, uint32_t index)
{
    const uint32_t packets = mfupdate_packets(session);

    if (!session->open) {
        return packets;
    }
    while (index < packets && !is_missing(session, index)) {
        index++;
    }
    return index < packets ? index : packets;
}

uint32_t mfupdate_missing(const struct mfupdate *session)
{
    const uint32_t packets = mfupdate_packets(session);
    uint32_t count = 0;

    for (uint32_t i = mfupdate_next_missing(session, 0); i < packets; i = mfupdate_next_missing(session, i + 1)) {
        count++;
    }
    return count;
}

static uint32_t packet_length(const struct mfupdate_header *header, uint32_t index)
{
    const uint32_t left = header->size - index * header->packet_size;

    return left < header->packet_size ? left : header->packet_size;
}

enum mh_error mfupdate_packet(struct mfupdate *session, const struct mfupdate_packet *packet)
{
    if (!session->open) {
        return MH_ERR_STATE;
    }
    if (packet->index >= mfupdate_packets(session) || !packet->data ||
        packet->length != packet_length(&session->header, packet->index)) {
        return MH_ERR_ARGUMENT;
    }
    if (!is_missing(session, packet->index)) {
        return MH_OK;
    }
    const struct mfupdate_validation *validation = session->provider->validation;
    const struct mfupdate_storage *storage = session->provider->storage;
    enum mh_error error = MH_OK;
    if (validation->check_packet) {
        error = validation->check_packet(validation->context, session, packet);
    }
    if (error == MH_OK) {
        session->validated = false;
        error = storage->write(storage->context, session, packet->index, packet->data, packet->length);
    }
    return error;
}

static enum mh_error fetch_and_store(struct mfupdate *session, uint32_t index)
{
    const struct mfupdate_transport *transport = session->provider->transport;
    struct mfupdate_packet packet = {.index = index};
    enum mh_error error = transport->fetch(transport->context, session, &packet);

    if (error) {
        return error;
    }
    packet.index = index;
    error = MH_ERR_FLASH;
    for (unsigned i = 0; error == MH_ERR_FLASH && i < MFUPDATE_ATTEMPTS; i++) {
        error = mfupdate_packet(session, &packet);
    }
    return error;
}

enum mh_error mfupdate_download(struct mfupdate *session)
{
    const uint32_t packets = mfupdate_packets(session);
    enum mh_error error = MH_OK;

    if (!session->open) {
        return MH_ERR_STATE;
    }
    if (!session->provider->transport) {
        return MH_ERR_NO_PROVIDER;
    }
    for (uint32_t i = mfupdate_next_missing(session, 0); error == MH_OK && i < packets;
         i = mfupdate_next_missing(session, i + 1)) {
        error = fetch_and_store(session, i);
    }
    return error;
}

/// The whole ///

enum mh_error mfupdate_validate(struct mfupdate *session, const uint8_t *check, uint32_t length)
{
    session->validated = false;
    if (!session->open || mfupdate_missing(session) > 0) {
        return MH_ERR_STATE;
    }
    const struct mfupdate_validation *validation = session->provider->validation;
    const enum mh_error error = validation->check_update(validation->context, session, check, length);
    session->validated = error == MH_OK;
    return error;
}

enum mh_error mfupdate_install(struct mfupdate *session, const uint8_t *check, uint32_t length)
{
    enum mh_error error = session->validated ? MH_OK : mfupdate_validate(session, check, length);

    if (error) {
        return error;
    }
    const struct mfupdate_backup *backup = session->provider->backup;
    const struct mfupdate_actions *update = session->provider->update;
    if (backup) {
        error = backup->create(backup->context, session);
    }
    if (error == MH_OK) {
        error = update->install(update->context, session);
    }
    if (error == MH_OK) {
        session->open = false;
        session->validated = false;
    }
    return error;
}

enum mh_error mfupdate_delete(struct mfupdate *session)
{
    session->open = false;
    session->validated = false;
    if (!session->provider) {
        return MH_ERR_STATE;
    }
    const struct mfupdate_storage *storage = session->provider->storage;
    return storage->erase(storage->context, session);
}

enum mh_error mfupdate_confirm(struct mfupdate *session)
{
    const struct mfupdate_backup *backup = session->provider ? session->provider->backup : NULL;

    return backup ? backup->drop(backup->context, session) : MH_ERR_NO_PROVIDER;
}

enum mh_error mfupdate_rollback(struct mfupdate *session)
{
    const struct mfupdate_backup *backup = session->provider ? session->provider->backup : NULL;

    return backup ? backup->restore(backup->context, session) : MH_ERR_NO_PROVIDER;
}

/// Properties ///

enum mh_error mfupdate_get(struct mfupdate *session, const char *name, uint8_t *value, uint32_t *length)
{
    const struct mfupdate_actions *update = session->provider ? session->provider->update : NULL;

    return update && update->get ? update->get(update->context, session, name, value, length) : MH_ERR_NO_PROVIDER;
}

enum mh_error mfupdate_set(struct mfupdate *session, const char *name, const uint8_t *value, uint32_t length)
{
    const struct mfupdate_actions *update = session->provider ? session->provider->update : NULL;

    return update && update->set ? update->set(update->context, session, name, value, length) : MH_ERR_NO_PROVIDER;
}

/// SHA-256 ///

#define PIECE 256u

static enum mh_error hash_stored(struct mfupdate *session, uint8_t hash[crypto_hash_sha256_BYTES])
{
    const struct mfupdate_storage *storage = session->provider->storage;
    crypto_hash_sha256_state state;
    uint8_t piece[PIECE];
    uint32_t length;

    crypto_hash_sha256_init(&state);
    for (uint32_t at = 0; at < session->header.size; at += length) {
        length = session->header.size - at < PIECE ? session->header.size - at : PIECE;
        const enum mh_error error = storage->read(storage->context, session, at, piece, length);
        if (error) {
            return error;
        }
        crypto_hash_sha256_update(&state, piece, length);
    }
    crypto_hash_sha256_final(&state, hash);
    return MH_OK;
}

static enum mh_error check_hash(void *context, struct mfupdate *session, const uint8_t *check, uint32_t length)
{
    uint8_t hash[crypto_hash_sha256_BYTES];

    (void)context;
    if (!check || length != sizeof hash) {
        return MH_ERR_ARGUMENT;
    }
    const enum mh_error error = hash_stored(session, hash);
    if (error) {
        return error;
    }
    return crypto_verify_32(hash, check) == 0 ? MH_OK : MH_ERR_IMAGE;
}

const struct mfupdate_validation mfupdate_sha256 = {.check_update = check_hash};
