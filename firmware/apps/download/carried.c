/* SPDX-License-Identifier: MIT
 *
 * A source that is part of the image: the package behind the application (apps/demo/resource.S). It is offered once at
 * each start.
 */
#include "source.h"

#include "../demo/resource.h"

static uint32_t given;
static bool offered;

bool source_offer(const struct runtime_api *api, struct mfupdate_header *header)
{
    if (offered || mh_resource.magic != RESOURCE_MAGIC) {
        return false;
    }
    offered = true;
    return api->mfupdate->describe(header, mh_resource.bytes, mh_resource.length, mh_resource.length) == MH_OK;
}

static enum mh_error fetch(void *context, struct mfupdate *session, struct mfupdate_packet *packet)
{
    const uint32_t at = packet->index * session->header.packet_size;

    (void)context;
    packet->data = mh_resource.bytes + at;
    packet->length = resource_packet_length(at, session->header.packet_size);
    given++;
    return MH_OK;
}

const struct mfupdate_provider *source_provider(const struct runtime_api *api)
{
    static const struct mfupdate_transport transport = {.fetch = fetch};
    static struct mfupdate_provider row;

    row = *api->mfupdate->provider(MFUPDATE_MATTERHORN);
    row.name = "carried";
    row.transport = &transport;
    return &row;
}

enum mh_error source_prove(const struct runtime_api *api, struct mfupdate *session,
                           uint8_t credentials[CREDENTIALS_SIZE], uint32_t *length)
{
    (void)api;
    (void)session;
    (void)credentials;
    *length = 0;
    return MH_OK;
}

void source_end(enum mh_error error)
{
    (void)error;
}

uint32_t source_given(void)
{
    return given;
}
