/* SPDX-License-Identifier: MIT
 *
 * The one list of what can go wrong. The numbers stand in the journal (docs/SPEC.md 3.2): append, never renumber.
 */
#ifndef MATTERHORN_ERROR_H
#define MATTERHORN_ERROR_H

enum mh_error {
    MH_OK = 0,
    MH_ERR_FLASH,            /* a flash did not answer, or does not hold what was written to it */
    MH_ERR_TRUNCATED,        /* fewer bytes than the format says */
    MH_ERR_TRAILING,         /* more bytes than the format says */
    MH_ERR_MAGIC,            /* not a package at all */
    MH_ERR_FORMAT,           /* a format version that this reader does not know */
    MH_ERR_MANIFEST_SIZE,    /* manifest size odd, too small or too large */
    MH_ERR_SIGNATURE,        /* no key of this device made the signature */
    MH_ERR_FIELD_LENGTH,     /* a field reaches beyond its list or has a length of its own */
    MH_ERR_FIELD_VALUE,      /* a field holds a value that the format forbids */
    MH_ERR_UNKNOWN_CRITICAL, /* a critical field that this reader does not know */
    MH_ERR_DUPLICATE,        /* the same tag twice in one list */
    MH_ERR_MISSING_FIELD,    /* a required field is not there */
    MH_ERR_BOARD,            /* another board's package */
    MH_ERR_DESTINATION,      /* not the first address of the component's region */
    MH_ERR_TOO_LARGE,        /* the image does not fit its region */
    MH_ERR_LAYOUT,           /* stored sizes or chunk offsets contradict one another */
    MH_ERR_COUNTER,          /* security counter below the device's */
    MH_ERR_REQUIRES,         /* the other component is too old */
    MH_ERR_REFUSED_BEFORE,   /* the package that was refused last */
    MH_ERR_TABLE,            /* chunk table and its hash differ */
    MH_ERR_CHUNK,            /* a chunk, stored or plain, and its hash differ */
    MH_ERR_IMAGE,            /* the whole image and its hash differ */
    MH_ERR_NO_ROOM,          /* the reserved megabyte has too few free extents */
    MH_ERR_NO_IMAGE,         /* the region has no component header */
    MH_ERR_STATE,            /* the call does not fit what happened so far */
    MH_ERR_ARGUMENT,         /* an index or a length out of bounds */
    MH_ERR_ROLLED_BACK,      /* the package that was tried, not confirmed, and rolled back */
    MH_ERR_COUNTER_FULL,     /* security counter above what the one-time programmable area can record */
    MH_ERR_REVOKED,          /* signed by a key of this device that was revoked */
    MH_ERR_CIPHER_KEY,       /* encrypted under a key that is not this device's */
    MH_ERR_AUTHENTICATION,   /* whoever offers an update has not proved who they are */
    MH_ERR_NO_PROVIDER,      /* no provider of that name, or it does not do that */
    MH_ERR_SUPPLY,           /* supply voltage too low to write a flash */
    MH_ERR_CODEC,            /* a codec of the format that is not built in */
    MH_ERR_REVOCATION,       /* revokes keys, and the one-time programmable area cannot record it */
    MH_ERR_REQUIRED,         /* the other component, which stays, requires a newer version of this one */
    MH_ERRORS
};

/* What to tell people: a short sentence without full stop; never NULL. */
const char *mh_error_text(enum mh_error error);

#endif
