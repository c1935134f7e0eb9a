/* SPDX-License-Identifier: MIT
 *
 * The trust anchors, and what is kept in the one-time programmable area.
 *
 *   1      the lowest bit: the checksum is made right before the run
 *   256    the anchors
 *   1      which cells of the area are broken: every so many; 0: none
 *   3 ...  changes of a blank area: what, and a number (2)
 *   528    what is programmed there then, lock bytes included; more changes follow
 */
#include "target.h"

#include "matterhorn/device.h"

#include <string.h>

#define CRC 252u
#define OTP_BYTES (MH_OTP_SIZE + MH_OTP_BLOCKS)
#define CHANGES_MOST 6u
#define PROGRAMS_MOST (MH_COUNTER_MAX * (MH_OTP_COUNTER_SIZE / 4u + 1u))

/* It stays where it stands; zeros are none. */
static void check_secret(const uint8_t *read, const uint8_t *again, const uint8_t *there)
{
    static const uint8_t none[MH_KEY_SIZE];

    demand(read == (memcmp(there, none, MH_KEY_SIZE) == 0 ? NULL : there));
    demand(read ? memcmp(again, there, MH_KEY_SIZE) == 0 : again == NULL);
}

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
    check_secret(anchors.secret, again.secret, bytes + 144);
    check_secret(anchors.cipher_key, again.cipher_key, bytes + 176);
    demand(anchors.revoked == 0);
}

/// The one-time programmable area ///

struct otp {
    uint8_t *cells; /* of exactly their size */
    unsigned broken; /* every so many bits do not take a 0; 0: all do */
    uint32_t programs;
};

/* As RM0090 3.6.5 has it, and with cells that are broken. */
static enum mh_error program(void *context, uint32_t offset, const uint8_t *data, uint32_t length)
{
    struct otp *otp = context;

    demand(offset % 4 == 0 && length == 4 && offset <= MH_OTP_REVOKED_OFFSET && ++otp->programs < PROGRAMS_MOST);
    if (otp->cells[MH_OTP_SIZE + offset / MH_OTP_BLOCK_SIZE] == 0)
        return MH_ERR_FLASH;
    for (uint32_t bit = 8 * offset; bit < 8 * (offset + length); bit++)
        if ((otp->broken == 0 || bit % otp->broken != 0) && !(data[bit / 8 - offset] >> bit % 8 & 1))
            otp->cells[bit / 8] &= (uint8_t)~(1u << bit % 8);
    return MH_OK;
}

static void raise_counter(struct otp *otp, unsigned number, uint32_t counter)
{
    const struct mh_otp area = {otp->cells, program, otp};
    const uint32_t before = mh_otp_counter(otp->cells, number), capacity = mh_otp_capacity(otp->cells, number);
    const uint32_t other = mh_otp_counter(otp->cells, MH_COMPONENTS + 1 - number);
    const uint32_t revoked = mh_otp_revoked(otp->cells);

    demand(before <= capacity && capacity <= MH_COUNTER_MAX);
    otp->programs = 0;
    const enum mh_error error = mh_otp_raise(&area, number, counter);
    const uint32_t after = mh_otp_counter(otp->cells, number);
    demand(after >= before && mh_otp_capacity(otp->cells, number) == capacity);
    demand(error == MH_OK ? after >= counter : error == MH_ERR_COUNTER_FULL);
    demand(error == MH_OK || counter > capacity || otp->broken != 0);
    demand(mh_otp_counter(otp->cells, MH_COMPONENTS + 1 - number) == other && mh_otp_revoked(otp->cells) == revoked);
}

static void revoke(struct otp *otp, uint32_t keys)
{
    const struct mh_otp area = {otp->cells, program, otp};
    const uint32_t before = mh_otp_revoked(otp->cells), revocable = mh_otp_revocable(otp->cells);
    const uint32_t counters[] = {mh_otp_counter(otp->cells, 1), mh_otp_counter(otp->cells, 2)};

    otp->programs = 0;
    const enum mh_error error = mh_otp_revoke(&area, keys);
    const uint32_t after = mh_otp_revoked(otp->cells);
    demand((after & before) == before && (after & ~(before | keys)) == 0);
    demand(error == MH_OK ? (after & keys) == keys : error == MH_ERR_REVOCATION);
    demand(otp->broken != 0 || (error == MH_OK) == ((keys & ~revocable) == 0));
    demand(mh_otp_counter(otp->cells, 1) == counters[0] && mh_otp_counter(otp->cells, 2) == counters[1]);
}

static void use_otp(struct input *input, struct otp *otp)
{
    size_t length;

    otp->broken = take8(input);
    for (unsigned i = 0; i < CHANGES_MOST && input->left > OTP_BYTES; i++) {
        const unsigned what = take8(input);
        if (what & 2)
            revoke(otp, take16(input));
        else
            raise_counter(otp, 1 + (what & 1), what & 4 ? 0xFFFFFFFF - take16(input) : take16(input) % 2000);
    }
    const uint8_t *given = take_up_to(input, OTP_BYTES, &length);
    for (size_t i = 0; i < length; i++)
        otp->cells[i] &= given[i];
    raise_counter(otp, 1, otp->broken * 7);
    raise_counter(otp, 2, mh_otp_capacity(otp->cells, 2));
    revoke(otp, 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct otp otp = {.cells = malloc(OTP_BYTES)};
    const unsigned flags = take8(&input);
    size_t length;

    uint8_t *bytes = calloc(1, MH_ANCHORS_SIZE);
    demand(bytes != NULL && otp.cells != NULL);
    const uint8_t *given = take_up_to(&input, MH_ANCHORS_SIZE, &length);
    memcpy(bytes, given, length);
    if (flags & 1)
        mh_put32(bytes + CRC, mh_crc32(bytes, CRC));
    read_anchors(bytes);
    memset(otp.cells, 0xFF, OTP_BYTES);
    use_otp(&input, &otp);
    free(bytes);
    free(otp.cells);
    return 0;
}
