/* SPDX-License-Identifier: MIT
 *
 * Mutates manifests field by field: a byte alone seldom makes another good list. One time in two, libFuzzer's own
 * mutations do it instead.
 */
#include "target.h"

#include "matterhorn/manifest.h"

#include <string.h>

#define BEFORE 5u   /* what stands before the manifest in an input, see fuzz_manifest.c */
#define FIRST_FIELD (BEFORE + 8u)
#define FIELDS_MOST 40u

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* A list of fields within the input, and where each of them begins; the last entry is the list's end. */
struct list {
    size_t at[FIELDS_MOST + 1];
    unsigned count;
};

struct mutation {
    uint8_t *data;
    size_t size, max_size;
    uint64_t random;
};

static unsigned draw(struct mutation *mutation, unsigned below)
{
    mutation->random = mutation->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(mutation->random >> 33) % below;
}

static struct list list_fields(const struct mutation *mutation, size_t from, size_t end)
{
    struct list list = {.count = 0};
    size_t at = from;

    while (list.count < FIELDS_MOST && at + 4 <= end) {
        const size_t size = 4 + (mh_get16(mutation->data + at + 2) + 3u) / 4 * 4;
        if (size > end - at)
            break;
        list.at[list.count++] = at;
        at += size;
    }
    list.at[list.count] = at;
    return list;
}

/* Puts `size` bytes (NULL: zeros) in the place of `old` ones. False when there is no room. */
static bool replace(struct mutation *mutation, size_t at, size_t old, const uint8_t *bytes, size_t size)
{
    if (mutation->size - old + size > mutation->max_size)
        return false;
    memmove(mutation->data + at + size, mutation->data + at + old, mutation->size - at - old);
    if (bytes != NULL)
        memcpy(mutation->data + at, bytes, size);
    else
        memset(mutation->data + at, 0, size);
    mutation->size = mutation->size - old + size;
    return true;
}

/* Every tag there is, two that nobody knows, and how long the values are. */
static void insert_field(struct mutation *mutation, size_t at)
{
    static const struct {
        uint16_t tag, length;
    } known[] = {
        {MH_TAG_BOARD, 4},   {MH_TAG_PACKAGE_SIZE, 4}, {MH_TAG_NAME, 5},    {MH_TAG_COMPONENT + 1, 0},
        {MH_TAG_COMPONENT + 2, 0}, {MH_TAG_DESTINATION, 4}, {MH_TAG_VERSION, 8}, {MH_TAG_COUNTER, 4},
        {MH_TAG_IMAGE, 36},  {MH_TAG_CODEC, 4},        {MH_TAG_CHUNKS, 40}, {MH_TAG_REQUIRES, 12},
        {MH_TAG_REVOKES, 4}, {MH_TAG_CIPHER, 24},      {0x0777, 3},         {0x8777, 4},
    };
    const unsigned which = draw(mutation, sizeof known / sizeof *known);
    const size_t size = 4 + (known[which].length + 3u) / 4 * 4;

    if (replace(mutation, at, 0, NULL, size)) {
        mh_put16(mutation->data + at, known[which].tag);
        mh_put16(mutation->data + at + 2, known[which].length);
        LLVMFuzzerMutate(mutation->data + at + 4, size - 4, size - 4);
    }
}

static void mutate_field(struct mutation *mutation, const struct list *list)
{
    const unsigned which = draw(mutation, list->count), other = draw(mutation, list->count);
    const size_t at = list->at[which], size = list->at[which + 1] - at;
    uint8_t copy[4 + MH_MANIFEST_MAX];

    switch (draw(mutation, 6)) {
    case 0:
        replace(mutation, at, size, NULL, 0);
        break;
    case 1: /* once more, or elsewhere */
        if (size <= sizeof copy) {
            memcpy(copy, mutation->data + at, size);
            replace(mutation, list->at[other], 0, copy, size);
        }
        break;
    case 2:
        insert_field(mutation, list->at[other]);
        break;
    case 3: /* a length that is a bit wrong */
        mh_put16(mutation->data + at + 2, (uint16_t)(mh_get16(mutation->data + at + 2) + draw(mutation, 9) - 4));
        break;
    case 4:
        mh_put16(mutation->data + at, mh_get16(mutation->data + mutation->size / 2));
        break;
    default:
        if (size > 4)
            LLVMFuzzerMutate(mutation->data + at + 4, size - 4, size - 4);
    }
}

static void mutate_list(struct mutation *mutation, size_t from, size_t end, bool inner)
{
    const struct list list = list_fields(mutation, from, end);

    if (list.count == 0) {
        insert_field(mutation, from);
        return;
    }
    const unsigned which = draw(mutation, list.count);
    const size_t at = list.at[which];
    const unsigned number = mh_get16(mutation->data + at) - MH_TAG_COMPONENT;
    if (inner || number < 1 || number > MH_COMPONENTS || draw(mutation, 8) == 0) {
        mutate_field(mutation, &list);
        return;
    }
    const size_t before = mutation->size;
    mutate_list(mutation, at + 4, list.at[which + 1], true);
    mh_put16(mutation->data + at + 2, (uint16_t)(mh_get16(mutation->data + at + 2) + mutation->size - before));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct mutation mutation = {data, size, max_size, seed};

    if (size < FIRST_FIELD || draw(&mutation, 2))
        return LLVMFuzzerMutate(data, size, max_size);
    mutate_list(&mutation, FIRST_FIELD, size, false);
    data[0] |= 3; /* signed and framed: what was changed is looked at */
    return mutation.size;
}
