/* SPDX-License-Identifier: MIT */
#include "images.h"

#include "elf_file.h"
#include "files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool images_open(struct images *images, struct problem *problem)
{
    images->count = 0;
    if (!arrays_allocate(&images->arrays, problem))
        return false;
    memcpy(images->arrays.cells[ARRAY_OTP] + RAIL_OTP_OPTIONS, arrays_factory_options, sizeof arrays_factory_options);
    return true;
}

void images_close(struct images *images)
{
    arrays_free(&images->arrays);
}

/* --- one range --- */

static bool overlaps(const struct images *images, const struct images_range *range)
{
    for (unsigned i = 0; i < images->count; i++) {
        const struct images_range *other = &images->ranges[i];
        if (other->array == range->array && other->offset < range->offset + range->size &&
            range->offset < other->offset + other->size)
            return true;
    }
    return false;
}

static bool place(struct images *images, unsigned chip, uint32_t address, const uint8_t *bytes, uint32_t size,
                  struct problem *problem)
{
    struct images_range range = {.size = size};
    if (!arrays_locate(chip, address, size, &range.array, &range.offset))
        return problem_set(problem, PROBLEM_USE, "%" PRIu32 " bytes at 0x%08" PRIX32 " are not within the %s flash",
                           size, address, chip == RAIL_CHIP_NOR ? "SPI" : "internal");
    if (overlaps(images, &range))
        return problem_set(problem, PROBLEM_USE,
                           "%" PRIu32 " bytes at 0x%08" PRIX32 " overlap what was put there before", size, address);
    if (images->count == IMAGES_MOST)
        return problem_set(problem, PROBLEM_USE, "more than %d images and sections", IMAGES_MOST);
    images->ranges[images->count++] = range;
    memcpy(images->arrays.cells[range.array] + range.offset, bytes, size);
    return true;
}

/* --- files --- */

struct loading {
    struct images *images;
    struct problem *problem;
};

static bool place_section(void *context, uint32_t address, const uint8_t *bytes, uint32_t size)
{
    struct loading *loading = context;
    return place(loading->images, RAIL_CHIP_INTERNAL, address, bytes, size, loading->problem);
}

static bool place_elf(struct images *images, const char *path, struct problem *problem)
{
    struct loading loading = {images, problem};
    unsigned before = images->count;
    uint8_t *bytes;
    size_t size;
    if (!files_read(path, ELF_FILE_LARGEST, &bytes, &size, problem))
        return false;
    if (!elf_file_is(bytes, size))
        problem_set(problem, PROBLEM_USE, "it is no ELF file; a raw binary needs its address, such as %s@0x08020000",
                    path);
    else if (elf_file_each(bytes, size, place_section, &loading, problem) && images->count == before)
        problem_set(problem, PROBLEM_USE, "nothing in it is loaded");
    free(bytes);
    return problem->kind == PROBLEM_NONE;
}

/* ADDRESS or nor:ADDRESS. */
static bool parse_place(const char *text, unsigned *chip, uint32_t *address)
{
    *chip = strncmp(text, "nor:", 4) == 0 ? RAIL_CHIP_NOR : RAIL_CHIP_INTERNAL;
    const char *number = *chip == RAIL_CHIP_NOR ? text + 4 : text;
    char *end;
    unsigned long long value = strtoull(number, &end, 0);
    *address = (uint32_t)value;
    return number[0] >= '0' && number[0] <= '9' && *end == '\0' && value <= UINT32_MAX;
}

static bool place_raw(struct images *images, const char *path, const char *where, struct problem *problem)
{
    unsigned chip;
    uint32_t address;
    uint8_t *bytes;
    size_t size;
    if (!parse_place(where, &chip, &address))
        return problem_set(problem, PROBLEM_USE, "\"%s\" is no address: write 0x08020000, or nor:0x0 for the SPI flash",
                           where);
    if (!files_read(path, RAIL_NOR_SIZE, &bytes, &size, problem))
        return false;
    bool good = size > 0 ? place(images, chip, address, bytes, (uint32_t)size, problem)
                         : problem_set(problem, PROBLEM_USE, "the file is empty");
    free(bytes);
    return good;
}

bool images_place(struct images *images, const char *what, struct problem *problem)
{
    const char *at = strrchr(what, '@');
    char *path = at == NULL ? strdup(what) : strndup(what, (size_t)(at - what));
    if (path == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    bool good = (at == NULL ? place_elf(images, path, problem) : place_raw(images, path, at + 1, problem)) ||
                problem_place(problem, what);
    free(path);
    return good;
}
