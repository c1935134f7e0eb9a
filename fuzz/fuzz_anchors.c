/* SPDX-License-Identifier: MIT
 *
 * The trust anchors, and the counter in the one-time programmable area.
 *
 *   1      the lowest bit: the checksum is made right before the run
 *   256    the anchors
 *   448    the area
 */
#include "target.h"

#include "matterhorn/device.h"

#include <string.h>

#define CRC 252u

static void read_anchors(const uint8_t bytes[MH_ANCHORS_SIZE])
{
    struct mh_anchors anchors, again;
    uint8_t written[MH_ANCHORS_SIZE], twice[MH_ANCHORS_SIZE];

    memset(&anchors, 0, sizeof anchors);
    memset(&again, 0, sizeof again);
    const enum mh_error error = mh_anchors_read(&anchors, bytes);
    demand(error == MH_OK || error == MH_ERR_MAGIC || error == MH_ERR_IMAGE || error == MH_ERR_FORMAT ||
           error == MH_ERR_FIELD_VALUE);
    if (error != MH_OK)
        return;
    demand(anchors.count >= 1 && anchors.count <= MH_KEYS_MAX);
    demand(mh_get32(bytes + CRC) == mh_crc32(bytes, CRC));
    mh_anchors_write(&anchors, written);
    demand(mh_anchors_read(&again, written) == MH_OK);
    mh_anchors_write(&again, twice);
    demand(memcmp(written, twice, sizeof written) == 0);
    demand(again.board == anchors.board && again.count == anchors.count);
    demand(memcmp(again.keys, anchors.keys, anchors.count * MH_KEY_SIZE) == 0);
    demand(memcmp(again.secret, anchors.secret, MH_SECRET_SIZE) == 0);
}

static void count(uint8_t otp[MH_OTP_COUNTER_SIZE])
{
    const uint32_t before = mh_otp_counter(otp);

    demand(before <= 8 * MH_OTP_COUNTER_SIZE);
    for (unsigned bit = 0; bit < 8 * MH_OTP_COUNTER_SIZE; bit += 509) { /* no program makes it fall */
        const uint32_t now = mh_otp_counter(otp);
        otp[bit / 8] &= (uint8_t)~(1u << bit % 8);
        demand(mh_otp_counter(otp) >= now && mh_otp_counter(otp) <= now + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    const unsigned flags = take8(&input);
    size_t length;

    uint8_t *bytes = calloc(1, MH_ANCHORS_SIZE), *otp = malloc(MH_OTP_COUNTER_SIZE);
    demand(bytes != NULL && otp != NULL);
    const uint8_t *given = take_up_to(&input, MH_ANCHORS_SIZE, &length);
    memcpy(bytes, given, length);
    if (flags & 1)
        mh_put32(bytes + CRC, mh_crc32(bytes, CRC));
    read_anchors(bytes);
    memset(otp, 0xFF, MH_OTP_COUNTER_SIZE);
    given = take_up_to(&input, MH_OTP_COUNTER_SIZE, &length);
    memcpy(otp, given, length);
    count(otp);
    free(bytes);
    free(otp);
    return 0;
}
