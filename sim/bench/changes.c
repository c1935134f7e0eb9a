/* SPDX-License-Identifier: MIT */
#include "changes.h"

#include <string.h>

/* The last range may reach further: operations in a row lie side by side, and a tear is undone where it was. */
static bool extend(struct changes *changes, enum array array, uint32_t offset, uint32_t size)
{
    struct change *last = changes->count > 0 ? &changes->list[changes->count - 1] : NULL;
    if (last == NULL || last->array != array || offset < last->offset || offset > last->offset + last->size)
        return false;
    if (offset + size > last->offset + last->size)
        last->size = offset + size - last->offset;
    return true;
}

void changes_add(struct changes *changes, enum array array, uint32_t offset, uint32_t size)
{
    if (size == 0 || extend(changes, array, offset, size))
        return;
    if (changes->count < CHANGES_MOST) {
        changes->list[changes->count++] = (struct change){array, offset, size};
        return;
    }
    changes->many = true;
    pages_add(&changes->pages, array, offset, size);
}

void changes_add_pages(struct changes *changes, const struct pages *pages)
{
    changes->many = true;
    pages_add_all(&changes->pages, pages);
}

void changes_clear(struct changes *changes)
{
    changes->count = 0;
    if (changes->many)
        memset(&changes->pages, 0, sizeof changes->pages);
    changes->many = false;
}
