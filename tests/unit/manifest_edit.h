/* SPDX-License-Identifier: MIT
 *
 * Packages with one thing changed: everything that depends on it is computed anew, so that nothing else is wrong.
 */
#ifndef TESTS_UNIT_MANIFEST_EDIT_H
#define TESTS_UNIT_MANIFEST_EDIT_H

#include "fixture.h"

/* A good package taken apart. */
struct edit {
    uint8_t manifest[2048];
    uint32_t size;        /* of the manifest */
    uint8_t *payload;     /* what follows the signature */
    uint32_t payload_size;
    bool mend_size;       /* manifest size and package size are made right; true at first */
    bool mend_signature;  /* the manifest is signed; true at first */
    bool mend_tables;     /* the hashes of chunk tables are made right; true at first */
};

#define TOP 0u /* the list of top-level fields; MH_RUNTIME and MH_APPLICATION are those of the components */

void edit_begin(struct edit *edit, const struct blob *good);
/* The package; the edit is over. Free its bytes. */
struct blob edit_end(struct edit *edit);

/* Where the field of that tag begins in a list; NULL when there is none. */
uint8_t *edit_field(struct edit *edit, unsigned list, uint16_t tag);
/* Its value; the test fails when there is no such field. */
uint8_t *edit_value(struct edit *edit, unsigned list, uint16_t tag);
void edit_remove(struct edit *edit, unsigned list, uint16_t tag);
/* A field at the end of a list: `length` bytes of `value`, padded; NULL: zeros. */
void edit_append(struct edit *edit, unsigned list, uint16_t tag, uint16_t length, const void *value);
/* Changes the length of a field's value; the value is cut off, or zeros follow it. */
void edit_resize(struct edit *edit, unsigned list, uint16_t tag, uint16_t length);

/* The chunk table of a component, within the payload; chunks are counted from there. */
uint8_t *edit_table(struct edit *edit, unsigned component);

#endif
