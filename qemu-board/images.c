/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Files for the internal flash, each at an address: what a programmer would write before the first power-on. All of
 * them are read and checked before the first byte is written.
 */
#include "mcu.h"
#include "qapi/error.h"
#include "qemu/cutils.h"

#define FLASH_BASE 0x08000000u

struct Image {
    char *path;
    uint32_t offset; /* in the flash */
    gsize length;
    char *bytes;
    Image *next;
};

/* Splits "FILE@ADDRESS"; the file's name may have an @ of its own. */
static bool parse(Image *image, const char *text, Error **errp)
{
    const char *at = strrchr(text, '@');
    uint64_t address;
    if (at == NULL || at == text || qemu_strtou64(at + 1, NULL, 0, &address) != 0) {
        error_setg(errp, "load: '%s' is not FILE@ADDRESS, such as zephyr.bin@0x08000000", text);
        return false;
    }
    if (address < FLASH_BASE || address >= FLASH_BASE + RAIL_INTERNAL_SIZE) {
        error_setg(errp, "load: %s is outside the flash (0x%08x to 0x%08x)", text, FLASH_BASE,
                   FLASH_BASE + RAIL_INTERNAL_SIZE - 1);
        return false;
    }
    image->path = g_strndup(text, at - text);
    image->offset = address - FLASH_BASE;
    return true;
}

static bool read_file(Image *image, Error **errp)
{
    GError *failure = NULL;
    if (!g_file_get_contents(image->path, &image->bytes, &image->length, &failure)) {
        error_setg(errp, "load: %s", failure->message);
        g_error_free(failure);
        return false;
    }
    if (image->length >= 4 && memcmp(image->bytes, "\177ELF", 4) == 0) {
        error_setg(errp, "load: %s is an ELF file, a raw binary is needed (objcopy -O binary)", image->path);
        return false;
    }
    if (image->length == 0 || image->length > RAIL_INTERNAL_SIZE - image->offset) {
        error_setg(errp, "load: %s has %zu bytes, from 0x%08x on there is room for 1 to %u", image->path, image->length,
                   FLASH_BASE + image->offset, RAIL_INTERNAL_SIZE - image->offset);
        return false;
    }
    return true;
}

static bool apart(const Image *image, const Image *others, Error **errp)
{
    for (const Image *other = others; other != NULL; other = other->next)
        if (image->offset < other->offset + other->length && other->offset < image->offset + image->length) {
            error_setg(errp, "load: %s and %s overlap", other->path, image->path);
            return false;
        }
    return true;
}

static void forget(Image *images)
{
    while (images != NULL) {
        Image *next = images->next;
        g_free(images->path);
        g_free(images->bytes);
        g_free(images);
        images = next;
    }
}

Image *images_read(const char *list, Error **errp)
{
    g_auto(GStrv) names = g_strsplit(list[0] != '\0' ? list : ";", ";", -1); /* an empty list is one empty name */
    Image *images = NULL;
    for (char **name = names; *name != NULL; name++) {
        Image *image = g_new0(Image, 1);
        bool good = parse(image, *name, errp) && read_file(image, errp) && apart(image, images, errp);
        image->next = images;
        images = image;
        if (!good) {
            forget(images);
            return NULL;
        }
    }
    return images;
}

void images_place(Mcu *mcu)
{
    for (Image *image = mcu->board.images; image != NULL; image = image->next)
        memcpy(mcu->flash.array.cells + image->offset, image->bytes, image->length);
    forget(mcu->board.images);
    mcu->board.images = NULL;
}
