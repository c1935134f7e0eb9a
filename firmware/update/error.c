/* SPDX-License-Identifier: MIT */
#include "matterhorn/error.h"

static const char *const texts[MH_ERRORS] = {
    [MH_OK] = "accepted",
    [MH_ERR_FLASH] = "flash does not answer or does not hold what was written",
    [MH_ERR_TRUNCATED] = "package is truncated",
    [MH_ERR_TRAILING] = "data follows the end of the package",
    [MH_ERR_MAGIC] = "not a package",
    [MH_ERR_FORMAT] = "format version is not known",
    [MH_ERR_MANIFEST_SIZE] = "manifest size is out of bounds",
    [MH_ERR_SIGNATURE] = "signature does not verify under any key of this device",
    [MH_ERR_FIELD_LENGTH] = "field has a wrong length",
    [MH_ERR_FIELD_VALUE] = "field has a forbidden value",
    [MH_ERR_UNKNOWN_CRITICAL] = "unknown critical field",
    [MH_ERR_DUPLICATE] = "duplicate field",
    [MH_ERR_MISSING_FIELD] = "required field is missing",
    [MH_ERR_BOARD] = "made for another board",
    [MH_ERR_DESTINATION] = "destination is not the component's region",
    [MH_ERR_TOO_LARGE] = "image does not fit its region",
    [MH_ERR_LAYOUT] = "sizes contradict one another",
    [MH_ERR_COUNTER] = "security counter is lower than the device's",
    [MH_ERR_REQUIRES] = "a newer version of the other component is required",
    [MH_ERR_REFUSED_BEFORE] = "this package was refused before",
    [MH_ERR_TABLE] = "chunk table does not have its hash",
    [MH_ERR_CHUNK] = "chunk does not have its hash",
    [MH_ERR_IMAGE] = "image does not have its hash",
    [MH_ERR_NO_ROOM] = "not enough room in the reserved megabyte",
    [MH_ERR_NO_IMAGE] = "no image is installed",
    [MH_ERR_STATE] = "not possible in this state",
    [MH_ERR_ARGUMENT] = "argument is out of bounds",
    [MH_ERR_ROLLED_BACK] = "was not confirmed, and rolled back",
    [MH_ERR_COUNTER_FULL] = "security counter is above what the device can record",
    [MH_ERR_REVOKED] = "the key that signed it was revoked",
    [MH_ERR_CIPHER_KEY] = "encrypted under a key that this device does not have",
    [MH_ERR_AUTHENTICATION] = "authentication failed",
    [MH_ERR_NO_PROVIDER] = "no provider does this",
    [MH_ERR_SUPPLY] = "supply voltage is too low",
    [MH_ERR_CODEC] = "codec is not built into this device",
    [MH_ERR_REVOCATION] = "it revokes keys, which the device cannot record",
    [MH_ERR_REQUIRED] = "the other component requires a newer version of it",
};

const char *mh_error_text(enum mh_error error)
{
    return (unsigned)error < MH_ERRORS ? texts[error] : "unknown error";
}
