/* SPDX-License-Identifier: MIT
 *
 * The package parser, from the first byte to the last decoded chunk.
 *
 * The signature is not looked at, and the hashes of chunk tables and stored chunks are made right before each run:
 * otherwise no mutation would get past them, and neither the table's checks nor the decoder would ever be reached.
 */
#include "target.h"

#include "matterhorn/package.h"

#include <sodium/crypto_hash_sha256.h>
#include <string.h>

#define ENTRY_OFFSET 0u
#define ENTRY_LENGTH 4u
#define ENTRY_STORED_HASH 8u

/* Puts `right` in the place of `wrong` wherever the manifest has it. */
static void replace_hash(uint8_t *manifest, uint32_t size, const uint8_t *wrong, const uint8_t *right)
{
    for (uint32_t i = 0; i + MH_HASH_SIZE <= size; i++)
        if (memcmp(manifest + i, wrong, MH_HASH_SIZE) == 0)
            memcpy(manifest + i, right, MH_HASH_SIZE);
}

/* Makes the hashes of one component's chunks and table right, as far as they lie within the package. */
static void mend_component(uint8_t *bytes, uint32_t size, uint32_t manifest_size, uint32_t start,
                           const struct mh_component *component)
{
    uint32_t table_size = mh_package_chunks(component) * MH_CHUNK_ENTRY_SIZE;
    if (start > size || table_size > size - start)
        return;
    uint8_t *table = bytes + start;
    for (uint8_t *entry = table; entry < table + table_size; entry += MH_CHUNK_ENTRY_SIZE) {
        uint32_t offset = mh_get32(entry + ENTRY_OFFSET);
        uint32_t length = mh_get32(entry + ENTRY_LENGTH);
        if (offset <= size - start && length <= size - start - offset && length <= MH_CHUNK_SIZE)
            crypto_hash_sha256(entry + ENTRY_STORED_HASH, table + offset, length);
    }
    uint8_t hash[MH_HASH_SIZE];
    crypto_hash_sha256(hash, table, table_size);
    replace_hash(bytes, manifest_size, component->table_hash, hash);
}

static void mend_hashes(uint8_t *bytes, uint32_t size, const struct mh_manifest *manifest)
{
    uint32_t start = manifest->size + MH_SIGNATURE_SIZE;
    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        const struct mh_component *component = &manifest->components[i];
        if (!component->present)
            continue;
        mend_component(bytes, size, manifest->size, start, component);
        start += component->stored_size;
    }
}

/* Every chunk on its own, whatever the others are like. */
static void read_chunks(struct mh_package *package)
{
    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        const struct mh_component *component = &package->manifest.components[number - 1];
        if (!component->present || mh_package_load_table(package, number) != MH_OK)
            continue;
        for (uint32_t index = 0; index < mh_package_chunks(component); index++) {
            uint32_t length = 0;
            demand(mh_package_read_chunk(package, index, &length) != MH_OK || length <= MH_CHUNK_SIZE);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* that of corpus/package/application-encrypted */
    static const uint8_t device_key[MH_KEY_SIZE] = "matterhorn: a key known to all!!";
    static struct mh_package package;

    if (size > 1u << 20)
        return 0;
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    if (bytes == NULL)
        return 0;
    memcpy(bytes, data, size);

    for (const struct mh_board *board = mh_boards; board->id != 0; board++) {
        struct mh_source source = mh_source_memory(bytes, (uint32_t)size);
        if (mh_package_open(&package, &source, NULL, board) != MH_OK)
            continue;
        mend_hashes(bytes, (uint32_t)size, &package.manifest);
        if (mh_package_open(&package, &source, NULL, board) != MH_OK)
            continue; /* the same 32 bytes stood elsewhere in the manifest too */
        (void)mh_package_unlock(&package, device_key);
        read_chunks(&package);
        mh_package_verify(&package, NULL);
    }
    free(bytes);
    return 0;
}
