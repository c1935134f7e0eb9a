/* SPDX-License-Identifier: MIT */
#include "pack_inputs.h"

#include "elf_file.h"
#include "files.h"
#include "input.h"
#include "symdefs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LARGEST ELF_FILE_LARGEST
#define PATHS_MOST 64u

/// One file ///

/* FILE or FILE@ADDRESS. What follows the last @ and is no number is part of the file's name. */
struct place {
    char *path; /* malloc'ed */
    uint32_t address;
    bool has_address;
};

static bool parse_place(const char *text, struct place *place, struct problem *problem)
{
    const char *at = strrchr(text, '@');
    char *end = NULL;
    const bool digit = at && at[1] >= '0' && at[1] <= '9';
    const bool hexadecimal = digit && at[1] == '0' && (at[2] == 'x' || at[2] == 'X');
    const unsigned long long address = digit ? strtoull(at + 1, &end, hexadecimal ? 16 : 10) : 0;

    place->has_address = digit && *end == '\0' && address <= UINT32_MAX;
    place->address = place->has_address ? (uint32_t)address : 0;
    place->path = place->has_address ? strndup(text, (size_t)(at - text)) : strdup(text);
    return place->path || problem_set(problem, PROBLEM_BENCH, "pack: out of memory");
}

/* The bytes of a file, and which format they are to be read as. */
struct source {
    const char *path;
    uint8_t *bytes;
    size_t size;
    enum input_format format;
};

static bool open_source(const char *path, const char *format, struct source *source, struct problem *problem)
{
    source->path = path;
    source->format = INPUT_AUTO;
    if (format && !input_named(format, &source->format)) {
        return problem_set(problem, PROBLEM_USE, "pack: no format is called '%s'; there are " INPUT_FORMATS, format);
    }
    if (!files_read(path, FILE_LARGEST, &source->bytes, &source->size, problem)) {
        return false;
    }
    if (source->format == INPUT_AUTO) {
        source->format = input_guess(source->bytes, source->size);
    }
    if (source->size >= 4 && memcmp(source->bytes, MH_MANIFEST_MAGIC, 4) == 0) {
        return problem_set(problem, PROBLEM_USE, "pack: %s is a signed package already; pack makes one from a program",
                           path);
    }
    return true;
}

static bool fill(const struct source *source, uint32_t raw_address, struct memory *memory, struct problem *problem)
{
    char where[320];

    if (input_read(source->format, source->bytes, source->size, raw_address, memory, problem)) {
        return true;
    }
    snprintf(where, sizeof where, "pack: %s", source->path);
    return problem_place(problem, where);
}

/// Images ///

static bool add_room(struct memory *memory, const struct package_order *order, unsigned number, struct problem *problem)
{
    const struct mh_region region = order->board->regions[number - 1];

    return memory_add_room(memory, mh_component_name(number), region.address + MH_HEADER_SIZE,
                           region.size - MH_HEADER_SIZE, MH_HEADER_SIZE, problem);
}

/* Makes what was put into a room the image of that component. */
static bool take_image(struct memory_room *room, const char *path, struct package_image *image, struct problem *problem)
{
    if (room->used == 0) {
        return true;
    }
    if (image->path) {
        return problem_set(problem, PROBLEM_USE, "pack: the %s is in %s and in %s; leave one of them out", room->name,
                           image->path, path);
    }
    if (memory_first(room) != room->address) {
        return problem_set(problem, PROBLEM_USE,
                           "pack: %s: its first byte for the %s region is at 0x%08" PRIX32 "; an image begins with its "
                           "vector table, at 0x%08" PRIX32, path, room->name, memory_first(room), room->address);
    }
    *image = (struct package_image){.path = path, .bytes = room->bytes, .size = room->used};
    room->bytes = NULL;
    return true;
}

/* A file that the user says is for this component. A raw binary has no addresses that could contradict that; whether it
 * fits is found by package_check, as for the others. */
static bool read_image(const struct pack_inputs *inputs, unsigned number, struct package_order *order,
                       struct problem *problem)
{
    struct package_image *image = &order->images[number - 1];
    struct memory memory = {0};
    struct source source = {0};
    bool good = open_source(inputs->images[number - 1], inputs->format, &source, problem);

    if (good && source.format == INPUT_RAW) {
        *image = (struct package_image){.path = source.path, .bytes = source.bytes, .size = source.size};
        return true;
    }
    good = good && add_room(&memory, order, number, problem) && fill(&source, 0, &memory, problem) &&
           take_image(&memory.rooms[0], source.path, image, problem);
    if (good && !image->path) {
        good = problem_set(problem, PROBLEM_USE, "pack: %s: there are no data in it", source.path);
    }
    memory_close(&memory);
    free(source.bytes);
    return good;
}

static bool fill_from_input(const struct pack_inputs *inputs, const char *text, struct memory *memory,
                            struct problem *problem)
{
    struct place place = {0};
    struct source source = {0};
    bool good = parse_place(text, &place, problem) &&
                open_source(place.path, place.has_address ? "raw" : inputs->format, &source, problem);

    if (good && place.has_address && inputs->format && strcmp(inputs->format, "raw") != 0) {
        good = problem_set(problem, PROBLEM_USE, "pack: %s: an address is for a raw binary, and --format says %s", text,
                           inputs->format);
    }
    if (good && source.format == INPUT_RAW && !place.has_address) {
        good = problem_set(problem, PROBLEM_USE,
                           "pack: %s is a raw binary, which does not say where it goes: write %s@0x%08" PRIX32
                           ", or give it with --application or --runtime", text, text, memory->rooms[1].address);
    }
    good = good && fill(&source, place.address, memory, problem);
    free(source.bytes);
    free(place.path);
    return good;
}

/* All files together, since a program may be in several: the addresses say what is for which component. */
static bool read_inputs(const struct pack_inputs *inputs, struct package_order *order, struct problem *problem)
{
    const char *path[MH_COMPONENTS] = {NULL};
    struct memory memory = {0};
    bool good = true;

    for (unsigned number = 1; good && number <= MH_COMPONENTS; number++) {
        good = add_room(&memory, order, number, problem);
    }
    for (char **input = inputs->inputs; good && *input; input++) {
        good = fill_from_input(inputs, *input, &memory, problem);
        for (unsigned i = 0; good && i < MH_COMPONENTS; i++) {
            path[i] = !path[i] && memory.rooms[i].used > 0 ? *input : path[i];
        }
    }
    for (unsigned i = 0; good && i < MH_COMPONENTS; i++) {
        good = take_image(&memory.rooms[i], path[i], &order->images[i], problem);
    }
    memory_close(&memory);
    return good;
}

/// Symbol definitions ///

/* Where the application's symbols must lie: in the runtime that is packed with it, or else
 * anywhere in the runtime's region. */
static struct symdefs_range runtime_range(const struct package_order *order)
{
    const struct mh_region region = order->board->regions[MH_RUNTIME - 1];
    const struct package_image *runtime = &order->images[MH_RUNTIME - 1];

    return (struct symdefs_range){
        .name = runtime->path ? "the runtime of this package" : "the board's runtime region",
        .address = region.address + MH_HEADER_SIZE,
        .size = runtime->path ? (uint32_t)runtime->size : region.size - MH_HEADER_SIZE,
    };
}

static bool check_symdefs(const char *path, const struct package_order *order, struct problem *problem)
{
    const struct symdefs_range range = runtime_range(order);
    char where[320];
    uint8_t *bytes = NULL;
    size_t size;

    if (!order->images[MH_APPLICATION - 1].path) {
        return problem_set(problem, PROBLEM_USE, "pack: --symdefs is what an application was linked against; give the "
                           "application too");
    }
    if (!files_read(path, FILE_LARGEST, &bytes, &size, problem)) {
        return false;
    }
    snprintf(where, sizeof where, "pack: %s", path);
    const bool good = symdefs_check(bytes, size, &range, problem) || problem_place(problem, where);
    free(bytes);
    return good;
}

/// All ///

bool pack_inputs_apart(const struct pack_inputs *inputs, const char *const paths[], unsigned outputs, unsigned count,
                       struct problem *problem)
{
    const char *all[PATHS_MOST] = {NULL};
    struct place places[PATHS_MOST] = {{0}};
    unsigned total = count;
    bool good = true;

    memcpy(all, paths, count * sizeof *all);
    all[total++] = inputs->images[0];
    all[total++] = inputs->images[1];
    all[total++] = inputs->symdefs;
    for (char **input = inputs->inputs; good && input && *input; input++) {
        good = total < PATHS_MOST
                   ? parse_place(*input, &places[total], problem)
                   : problem_set(problem, PROBLEM_USE, "pack: more than %u files are given", total - count);
        if (good) {
            all[total] = places[total].path;
            total++;
        }
    }
    good = good && files_apart(all, outputs, total, problem);
    for (unsigned i = 0; i < PATHS_MOST; i++) {
        free(places[i].path);
    }
    return good;
}

bool pack_inputs_read(const struct pack_inputs *inputs, struct package_order *order, struct problem *problem)
{
    bool good = true;

    for (unsigned number = 1; good && number <= MH_COMPONENTS; number++) {
        good = !inputs->images[number - 1] || read_image(inputs, number, order, problem);
    }
    good = good && (!inputs->inputs || read_inputs(inputs, order, problem));
    return good && (!inputs->symdefs || check_symdefs(inputs->symdefs, order, problem));
}

void pack_inputs_free(struct pack_inputs *inputs)
{
    for (char **input = inputs->inputs; input && *input; input++) {
        free(*input);
    }
    free(inputs->inputs);
    free(inputs->images[0]);
    free(inputs->images[1]);
    free(inputs->format);
    free(inputs->symdefs);
}
