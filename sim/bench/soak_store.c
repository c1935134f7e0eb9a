/* SPDX-License-Identifier: MIT */
#include "soak_store.h"

#include "files.h"
#include "beside_json.h"

#include <glib.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "matterhorn soak 2\n"
#define SUM_DIGITS 64
#define LARGEST (64u << 20)

/* --- numbers --- */

/* Each number of the totals by its name, in one place for both ways. */
static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    {"updates", offsetof(struct soak_totals, updates)},
    {"disturbed", offsetof(struct soak_totals, disturbed)},
    {"losses", offsetof(struct soak_totals, losses)},
    {"most_losses", offsetof(struct soak_totals, most_losses)},
    {"boots", offsetof(struct soak_totals, boots)},
    {"operations", offsetof(struct soak_totals, operations)},
    {"virtual_ns", offsetof(struct soak_totals, virtual_ns)},
    {"trace", offsetof(struct soak_totals, trace)},
};
#define NUMBERS (sizeof numbers / sizeof numbers[0])

/* JSON has signed numbers: the bits are the same. */
static json_t *totals_json(const struct soak_totals *totals)
{
    json_t *object = json_object(), *usual = json_array(), *life = json_array();
    for (unsigned i = 0; i < NUMBERS; i++) {
        uint64_t number;
        memcpy(&number, (const char *)totals + numbers[i].offset, sizeof number);
        json_object_set_new(object, numbers[i].name, json_integer((json_int_t)number));
    }
    for (unsigned i = 0; i < PROFILE_SOAKS; i++)
        json_array_append_new(usual, json_integer((json_int_t)totals->usual[i]));
    for (enum array array = 0; array < ARRAYS; array++)
        for (unsigned sector = 0; sector < life_sectors(array); sector++)
            json_array_append_new(life, json_integer(totals->life.erases[array][sector]));
    json_object_set_new(object, "cpu_s", json_real(totals->cpu_s));
    json_object_set_new(object, "usual", usual);
    json_object_set_new(object, "erases", life);
    return object;
}

static bool read_number(const json_t *number, uint64_t *value)
{
    *value = (uint64_t)json_integer_value(number);
    return json_is_integer(number);
}

static bool read_totals(const json_t *object, struct soak_totals *totals)
{
    const json_t *usual = json_object_get(object, "usual"), *life = json_object_get(object, "erases");
    bool good = true;
    for (unsigned i = 0; i < NUMBERS; i++) {
        uint64_t number;
        good = read_number(json_object_get(object, numbers[i].name), &number) && good;
        memcpy((char *)totals + numbers[i].offset, &number, sizeof number);
    }
    for (unsigned i = 0; i < PROFILE_SOAKS; i++)
        good = read_number(json_array_get(usual, i), &totals->usual[i]) && good;
    size_t index = 0;
    for (enum array array = 0; array < ARRAYS; array++)
        for (unsigned sector = 0; sector < life_sectors(array); sector++) {
            uint64_t erases;
            good = read_number(json_array_get(life, index++), &erases) && good;
            totals->life.erases[array][sector] = (uint32_t)erases;
        }
    totals->cpu_s = json_real_value(json_object_get(object, "cpu_s"));
    return good;
}

/* --- writing --- */

static char *header(const struct profile *profile, const struct soak_result *result, const struct arrays *device)
{
    const struct soak_conditions *conditions = &result->conditions;
    json_t *object = json_pack("{s:s, s:s, s:I, s:f, s:s, s:s, s:o, s:o}", "profile", profile->name, "firmware_sha256",
                               result->firmware, "seed", (json_int_t)conditions->seed, "losses", conditions->losses,
                               "flash_times", conditions->flash_times, "nor_times", conditions->nor_times, "totals",
                               totals_json(&result->totals), "beside", beside_json(device));
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(object);
    return text;
}

static void put(struct file_writer *writer, GChecksum *sum, const void *data, size_t size)
{
    g_checksum_update(sum, data, (gssize)size);
    fwrite(data, 1, size, writer->stream); /* a short write is an error of the stream: files_commit sees it */
}

bool soak_store_write(const char *path, const struct profile *profile, const struct soak_result *result,
                      const struct arrays *device, struct problem *problem)
{
    struct file_writer writer;
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    char *text = header(profile, result, device);
    if (text == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory for a checkpoint");
    bool good = files_open(&writer, path, problem);
    if (good) {
        put(&writer, sum, FORMAT, strlen(FORMAT));
        put(&writer, sum, text, strlen(text));
        put(&writer, sum, "\n", 1);
        for (enum array array = 0; array < ARRAYS; array++)
            put(&writer, sum, device->cells[array], arrays_size(array));
        fputs(g_checksum_get_string(sum), writer.stream);
        good = files_commit(&writer, problem);
    }
    free(text);
    return good;
}

/* --- reading --- */

static bool read_conditions(const json_t *object, struct soak_conditions *conditions)
{
    const char *flash = json_string_value(json_object_get(object, "flash_times"));
    const char *nor = json_string_value(json_object_get(object, "nor_times"));
    conditions->losses = json_real_value(json_object_get(object, "losses"));
    g_strlcpy(conditions->flash_times, flash != NULL ? flash : "", sizeof conditions->flash_times);
    g_strlcpy(conditions->nor_times, nor != NULL ? nor : "", sizeof conditions->nor_times);
    return read_number(json_object_get(object, "seed"), &conditions->seed) && flash != NULL && nor != NULL;
}

static bool read_header(const char *path, const char *text, size_t size, const struct profile *profile,
                        struct soak_result *result, struct arrays *device, struct problem *problem)
{
    json_t *object = json_loadb(text, size, 0, NULL);
    const char *name = json_string_value(json_object_get(object, "profile"));
    const char *firmware = json_string_value(json_object_get(object, "firmware_sha256"));
    bool good = true;
    if (g_strcmp0(name, profile->name) != 0 || g_strcmp0(firmware, result->firmware) != 0)
        good = problem_set(problem, PROBLEM_USE,
                           "%s is of profile %s with firmware %.12s, this is %s with %.12s: go on with those, or "
                           "begin anew without --resume",
                           path, name != NULL ? name : "?", firmware != NULL ? firmware : "?", profile->name,
                           result->firmware);
    else if (!read_conditions(object, &result->conditions) ||
             !read_totals(json_object_get(object, "totals"), &result->totals) ||
             !beside_read(json_object_get(object, "beside"), device))
        good = problem_set(problem, PROBLEM_USE, "%s is no checkpoint of this version of the bench", path);
    json_decref(object);
    return good;
}

static bool read_all(const char *path, const uint8_t *data, size_t size, const struct profile *profile,
                     struct soak_result *result, struct arrays *device, struct problem *problem)
{
    size_t cells = 0;
    for (enum array array = 0; array < ARRAYS; array++)
        cells += arrays_size(array);
    const size_t around = strlen(FORMAT) + cells + SUM_DIGITS + 1; /* 1: the line feed behind the header */
    if (size <= around || memcmp(data, FORMAT, strlen(FORMAT)) != 0)
        return problem_set(problem, PROBLEM_USE, "%s is no checkpoint of this version of the bench", path);
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, size - SUM_DIGITS);
    if (memcmp(sum, data + size - SUM_DIGITS, SUM_DIGITS) != 0)
        return problem_set(problem, PROBLEM_USE, "%s was changed since it was written: begin anew without --resume",
                           path);
    const uint8_t *from = data + size - SUM_DIGITS - cells;
    for (enum array array = 0; array < ARRAYS; from += arrays_size(array++))
        memcpy(device->cells[array], from, arrays_size(array));
    return read_header(path, (const char *)data + strlen(FORMAT), size - around, profile, result, device, problem);
}

bool soak_store_read(const char *path, const struct profile *profile, struct soak_result *result, struct arrays *device,
                     struct problem *problem)
{
    uint8_t *data;
    size_t size;
    if (!files_read(path, LARGEST, &data, &size, problem))
        return false;
    bool good = read_all(path, data, size, profile, result, device, problem);
    free(data);
    return good;
}
