/* SPDX-License-Identifier: MIT
 *
 * A package (docs/SPEC.md 2) behind a reader: opened once, then verified and decoded chunk by chunk. What is used
 * was hashed in memory right before, so the flash behind the reader need not be trusted.
 */
#ifndef MATTERHORN_PACKAGE_H
#define MATTERHORN_PACKAGE_H

#include "matterhorn/lzma.h"
#include "matterhorn/manifest.h"

/* Where the bytes of a package come from. */
struct mh_source {
    /* Fills the buffer with bytes [offset, offset + length) of the package; they lie within source->length. */
    enum mh_error (*read)(void *context, uint32_t offset, uint8_t *buffer, uint32_t length);
    void *context;
    uint32_t length; /* bytes offered */
};

/* A source over bytes in memory, which must outlive it. */
struct mh_source mh_source_memory(const uint8_t *bytes, uint32_t length);

#define MH_CHUNK_ENTRY_SIZE 72u
#define MH_CHUNKS_MAX 144u /* the largest region, 576 KB */

/* Working memory of one open package: about 20 KB (and MH_LZMA_WORK), static on a device. Reachable by DMA. */
struct mh_package {
    struct mh_source source;
    struct mh_manifest manifest;
    const uint8_t *cipher_key;      /* of the device, for chunks that are encrypted; NULL: they cannot be read */
    uint8_t header[MH_HEADER_SIZE]; /* component header: manifest, signature, 0xFF */
    unsigned table_of;              /* component number whose table is loaded, 0 = none */
    uint8_t table[MH_CHUNKS_MAX * MH_CHUNK_ENTRY_SIZE];
    uint8_t stored[MH_CHUNK_SIZE];
    uint8_t plain[MH_CHUNK_SIZE];
    uint32_t lzma_work[MH_LZMA_WORK / sizeof(uint32_t)];
    /* The installer's: bit n of `installed` when component n was, whole, since this memory was zeroed; the sum of what
     * it has written of the loaded component. */
    unsigned installed;
    uint64_t written;
};

/* Opens a package for `board`: framing, signature (by a key that was not revoked), fields, ranges, length, the key
 * under which it is encrypted. When anchors is NULL, keys are not looked at. The anchors must outlive the package. */
enum mh_error mh_package_open(struct mh_package *package, const struct mh_source *source,
                              const struct mh_anchors *anchors, const struct mh_board *board);

/* The same, for a reader of the manifest alone: `bytes` holds the first `available` bytes of a package that has `length`. */
enum mh_error mh_package_open_manifest(struct mh_package *package, const uint8_t *bytes, uint32_t available,
                                       uint32_t length, const struct mh_anchors *anchors,
                                       const struct mh_board *board);

/* Gives an opened package the key of the device (docs/SPEC.md 4), MH_KEY_SIZE bytes, which must outlive it; NULL: it
 * has none. Opening with anchors has done so. MH_ERR_CIPHER_KEY when a component is encrypted, but not under it. */
enum mh_error mh_package_unlock(struct mh_package *package, const uint8_t *key);

/* Number of chunks of a component. */
uint32_t mh_package_chunks(const struct mh_component *component);

/* Reads and checks the chunk table of a component (number 1 or 2, present); the next calls use it. */
enum mh_error mh_package_load_table(struct mh_package *package, unsigned number);

/* Reads chunk `index` of the loaded component, checks it as stored, and decrypts and decodes it to package->plain.
 * Whether it decodes to what the table promises is for mh_package_verify to say, once: the same bytes decode to the
 * same. MH_ERR_CIPHER_KEY when it is good as stored, but encrypted, and there is no key. */
enum mh_error mh_package_read_chunk(struct mh_package *package, uint32_t index, uint32_t *length);

/* Checks table, chunks and image of a component (number 1 or 2, present). */
enum mh_error mh_package_verify_component(struct mh_package *package, unsigned number, void (*alive)(void));

/* Checks every table, every chunk and every image. `alive` (may be NULL) is called after each chunk. */
enum mh_error mh_package_verify(struct mh_package *package, void (*alive)(void));

/* The same, but hashes of plain chunks count only where an image is wrong: for the installer, before whom
 * mh_package_verify has found the package good. That it has not changed since the hashes of its chunks as stored tell,
 * and that its images are what was signed theirs. */
enum mh_error mh_package_verify_again(struct mh_package *package, void (*alive)(void));

#endif
