/* SPDX-License-Identifier: MIT
 *
 * What is kept in the one-time programmable area (docs/SPEC.md 4.1): a security counter for each component, and which
 * keys are revoked. Bits are programmed from 1 to 0 and never go back (RM0090 3.6.5).
 */
#ifndef MATTERHORN_OTP_H
#define MATTERHORN_OTP_H

#include "matterhorn/error.h"

#include <stdint.h>

#define MH_OTP_SIZE 512u
#define MH_OTP_BLOCK_SIZE 32u    /* what one lock byte locks */
#define MH_OTP_BLOCKS 16u        /* their lock bytes follow the area */
#define MH_OTP_COUNTER_SIZE 224u /* of one component's counter; that of component n begins at (n - 1) times this */
#define MH_COUNTER_MAX (8u * MH_OTP_COUNTER_SIZE)
#define MH_OTP_REVOKED_OFFSET 448u

struct mh_otp {
    const uint8_t *cells; /* the area, MH_OTP_SIZE bytes, and MH_OTP_BLOCKS lock bytes behind them */
    /* `offset` and `length` are multiples of 4, within the area. Programming only clears bits. MH_ERR_FLASH when the
     * flash says that it did not, MH_ERR_SUPPLY when it was not tried; a caller reads back all the same. */
    enum mh_error (*program)(void *context, uint32_t offset, const uint8_t *data, uint32_t length);
    void *context;
};

/* The security counter of component `number` (1 or 2): its programmed bits, 0 to MH_COUNTER_MAX. */
uint32_t mh_otp_counter(const uint8_t *cells, unsigned number);

/* The highest counter that can be recorded for component `number`: bits in locked blocks stay what they are. */
uint32_t mh_otp_capacity(const uint8_t *cells, unsigned number);

/* The revoked keys: bit n for key n of the trust anchors. */
uint32_t mh_otp_revoked(const uint8_t *cells);

/* The keys that are revoked or can be: in a locked block, those that are. */
uint32_t mh_otp_revocable(const uint8_t *cells);

/* Makes the counter of component `number` at least `counter`. Programs all of it again, what is there already too:
 * bits that a power loss has left weak are firm then. So it can be done again after any power loss; it never falls.
 * MH_ERR_SUPPLY: not now. MH_ERR_COUNTER_FULL: never, because blocks are locked or bits do not take. */
enum mh_error mh_otp_raise(const struct mh_otp *otp, unsigned number, uint32_t counter);

/* Revokes the keys of the mask `keys`, firmly, as above; 0 does nothing. MH_ERR_SUPPLY: not now. MH_ERR_REVOCATION:
 * never, as above. */
enum mh_error mh_otp_revoke(const struct mh_otp *otp, uint32_t keys);

#endif
