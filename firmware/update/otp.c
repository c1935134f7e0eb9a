/* SPDX-License-Identifier: MIT */
#include "matterhorn/otp.h"

#include "matterhorn/bytes.h"

#include <stdbool.h>

static uint32_t first_byte(unsigned number)
{
    return (number - 1) * MH_OTP_COUNTER_SIZE;
}

static uint32_t count_zeros(uint8_t byte)
{
    uint32_t count = 0;

    for (unsigned zeros = (uint8_t)~byte; zeros; zeros &= zeros - 1) {
        count++;
    }
    return count;
}

uint32_t mh_otp_counter(const uint8_t *cells, unsigned number)
{
    uint32_t programmed = 0;

    for (uint32_t i = 0; i < MH_OTP_COUNTER_SIZE; i++) {
        programmed += count_zeros(cells[first_byte(number) + i]);
    }
    return programmed;
}

static bool is_locked(const uint8_t *cells, uint32_t offset)
{
    return cells[MH_OTP_SIZE + offset / MH_OTP_BLOCK_SIZE] == 0;
}

uint32_t mh_otp_capacity(const uint8_t *cells, unsigned number)
{
    uint32_t capacity = 0;

    for (uint32_t i = 0; i < MH_OTP_COUNTER_SIZE; i++) {
        const uint32_t offset = first_byte(number) + i;
        capacity += is_locked(cells, offset) ? count_zeros(cells[offset]) : 8;
    }
    return capacity;
}

uint32_t mh_otp_revoked(const uint8_t *cells)
{
    return ~mh_get32(cells + MH_OTP_REVOKED_OFFSET);
}

uint32_t mh_otp_revocable(const uint8_t *cells)
{
    return is_locked(cells, MH_OTP_REVOKED_OFFSET) ? mh_otp_revoked(cells) : UINT32_MAX;
}

/* Clears bits of a word, once more those that are cleared. Whether that went well is for who reads it back to say:
 * in a locked block, or with a bit that is broken, it did not. MH_ERR_SUPPLY alone says nothing of the cells. */
static enum mh_error clear_bits(const struct mh_otp *otp, uint32_t offset, uint32_t bits)
{
    uint8_t word[4];

    mh_put32(word, mh_get32(otp->cells + offset) & ~bits);
    const enum mh_error error = otp->program(otp->context, offset, word, sizeof word);
    return error == MH_ERR_SUPPLY ? error : MH_OK;
}

static enum mh_error clear_first_bits(const struct mh_otp *otp, uint32_t offset, uint32_t count)
{
    enum mh_error error = MH_OK;

    for (; error == MH_OK && count >= 32; count -= 32, offset += 4) {
        error = clear_bits(otp, offset, UINT32_MAX);
    }
    return error == MH_OK && count > 0 ? clear_bits(otp, offset, (1u << count) - 1) : error;
}

/* Makes firm what is programmed of a counter behind its first bits: where some of those do not take it counts in their
 * place, and a power loss may have left it weak. */
static enum mh_error program_again(const struct mh_otp *otp, uint32_t offset, uint32_t end)
{
    enum mh_error error = MH_OK;

    for (; error == MH_OK && offset < end; offset += 4) {
        if (mh_get32(otp->cells + offset) != UINT32_MAX) {
            error = clear_bits(otp, offset, 0);
        }
    }
    return error;
}

enum mh_error mh_otp_raise(const struct mh_otp *otp, unsigned number, uint32_t counter)
{
    const uint32_t first = first_byte(number);
    uint32_t bits = counter, reached = 0;

    if (counter == 0) {
        return MH_OK;
    }
    while (bits <= MH_COUNTER_MAX) {
        const enum mh_error error = clear_first_bits(otp, first, bits);
        if (error) {
            return error;
        }
        reached = mh_otp_counter(otp->cells, number);
        if (reached >= counter) {
            return program_again(otp, first + (bits + 31) / 32 * 4, first + MH_OTP_COUNTER_SIZE);
        }
        bits += counter - reached; /* as many as did not take; each round has more bits, so this ends */
    }
    return MH_ERR_COUNTER_FULL;
}

enum mh_error mh_otp_revoke(const struct mh_otp *otp, uint32_t keys)
{
    if (keys == 0) {
        return MH_OK;
    }
    const enum mh_error error = clear_bits(otp, MH_OTP_REVOKED_OFFSET, keys);
    if (error) {
        return error;
    }
    return (mh_otp_revoked(otp->cells) & keys) == keys ? MH_OK : MH_ERR_REVOCATION;
}
