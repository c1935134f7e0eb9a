/* SPDX-License-Identifier: MIT */
#include "measurements.h"

#include "files.h"
#include "nor.h"

#include <stdlib.h>
#include <string.h>

#define HEADER "part,operation,bytes,address,ns"
#define FILE_LIMIT (64u << 20)
#define NS_LIMIT UINT64_C(1000000000000) /* 1000 s */
#define INTERNAL_BASE 0x08000000u
#define OTP_BASE 0x1FFF7800u

enum { PART, OPERATION, BYTES, ADDRESS, NS, FIELDS };

const char *const measured_operations[] = {"program", "erase", "status", NULL};

/* Where the part begins for the core, or for its own commands. */
static const struct {
    const struct nor_part *part;
    uint32_t base;
} parts[] = {
    {&nor_stm32f407_x8, INTERNAL_BASE},  {&nor_stm32f407_x16, INTERNAL_BASE}, {&nor_stm32f407_x32, INTERNAL_BASE},
    {&nor_stm32f407_x64, INTERNAL_BASE}, {&nor_stm32f407_otp, OTP_BASE},      {&nor_s25fl064k, 0},
    {&nor_w25q64, 0},
};

/// One line ///

static bool wrong(struct problem *problem, const char *what, const char *text, const char *instead)
{
    return problem_set(problem, PROBLEM_USE, "%s is '%s', must be %s", what, text, instead);
}

/* Digits only: no sign, no blank, no exponent. */
static bool take_number(const char *text, int base, uint64_t limit, uint64_t *number)
{
    char *end;
    if (!g_ascii_isxdigit(text[0]) || strlen(text) > 16)
        return false;
    *number = g_ascii_strtoull(text, &end, base);
    return *end == '\0' && *number <= limit;
}

static bool take_part(const char *name, struct measured_group *group, uint32_t *base, struct problem *problem)
{
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        if (strcmp(parts[i].part->name, name) == 0) {
            group->part = parts[i].part;
            *base = parts[i].base;
            return true;
        }
    return wrong(problem, "part", name, "stm32f407-x8, -x16, -x32, -x64, -otp, s25fl064k or w25q64");
}

static bool take_operation(const char *name, struct measured_group *group, struct problem *problem)
{
    for (int i = 0; measured_operations[i] != NULL; i++)
        if (strcmp(measured_operations[i], name) == 0) {
            group->operation = (enum measured_operation)i;
            return true;
        }
    return wrong(problem, "operation", name, "program, erase or status");
}

/* How long it takes in the machine; false: the part does not do that there. */
static bool take_times(struct measured_group *group, uint32_t offset)
{
    static const uint8_t zeros[256];
    for (int times = NOR_TYPICAL; times <= NOR_MAXIMUM; times++) {
        const struct nor_array array = {.part = group->part, .times = (enum nor_times)times};
        const struct nor_op op = {.kind = group->operation == MEASURED_ERASE ? NOR_ERASE : NOR_PROGRAM,
                                  .offset = offset, .length = group->bytes, .data = zeros};
        uint64_t ns = 0;
        if (group->operation == MEASURED_STATUS)
            ns = group->bytes <= 3 ? nor_status_duration_ns(&array) : 0;
        else if (group->operation == MEASURED_ERASE || group->bytes <= sizeof zeros)
            ns = nor_duration_ns(&array, &op);
        *(times == NOR_TYPICAL ? &group->typical_ns : &group->maximum_ns) = ns;
    }
    return group->typical_ns != 0;
}

static bool take_fields(char **fields, struct measured_group *group, struct problem *problem)
{
    uint32_t base = 0;
    uint64_t bytes, address, ns;
    if (g_strv_length(fields) != FIELDS)
        return problem_set(problem, PROBLEM_USE, "not five fields, as in " HEADER);
    if (!take_part(fields[PART], group, &base, problem) || !take_operation(fields[OPERATION], group, problem))
        return false;
    if (!take_number(fields[BYTES], 10, group->part->size, &bytes) || bytes == 0)
        return wrong(problem, "bytes", fields[BYTES], "a number of bytes of the part");
    if (strncmp(fields[ADDRESS], "0x", 2) != 0 || !take_number(fields[ADDRESS] + 2, 16, UINT32_MAX, &address) ||
        address < base || address - base >= group->part->size)
        return wrong(problem, "address", fields[ADDRESS], "hexadecimal, behind 0x, and in the part");
    if (!take_number(fields[NS], 10, NS_LIMIT, &ns) || ns == 0)
        return wrong(problem, "ns", fields[NS], "a whole number from 1 to 1000000000000");
    group->bytes = (uint32_t)bytes;
    group->count = 1;
    group->least_ns = group->most_ns = ns;
    group->total_ns = (double)ns;
    if (!take_times(group, (uint32_t)(address - base)))
        return problem_set(problem, PROBLEM_USE, "%s cannot %s %u bytes at %s", group->part->name, fields[OPERATION],
                           group->bytes, fields[ADDRESS]);
    return true;
}

/// The file ///

static void add(GArray *groups, const struct measured_group *one)
{
    for (guint i = 0; i < groups->len; i++) {
        struct measured_group *group = &g_array_index(groups, struct measured_group, i);
        if (group->part != one->part || group->operation != one->operation || group->bytes != one->bytes)
            continue;
        group->count++;
        group->least_ns = MIN(group->least_ns, one->least_ns);
        group->most_ns = MAX(group->most_ns, one->most_ns);
        group->total_ns += one->total_ns;
        return;
    }
    g_array_append_val(groups, *one);
}

/* `headed`: the header was there already. */
static bool take_line(const char *line, bool *headed, GArray *groups, struct problem *problem)
{
    if (line[0] == '\0' || line[0] == '#')
        return true;
    if (!*headed) {
        *headed = strcmp(line, HEADER) == 0;
        return *headed || problem_set(problem, PROBLEM_USE, "the first line that is no comment must be " HEADER);
    }
    struct measured_group one = {0};
    char **fields = g_strsplit(line, ",", -1);
    const bool good = take_fields(fields, &one, problem);
    g_strfreev(fields);
    if (good)
        add(groups, &one);
    return good;
}

static bool take_lines(char *text, const char *path, GArray *groups, struct problem *problem)
{
    bool headed = false;
    char **lines = g_strsplit(text, "\n", -1);
    bool good = true;
    for (unsigned i = 0; good && lines[i] != NULL; i++) {
        if (g_str_has_suffix(lines[i], "\r"))
            lines[i][strlen(lines[i]) - 1] = '\0';
        good = take_line(lines[i], &headed, groups, problem);
        if (!good) {
            char *place = g_strdup_printf("%s:%u", path, i + 1);
            problem_place(problem, place);
            g_free(place);
        }
    }
    g_strfreev(lines);
    if (good && groups->len == 0)
        return problem_set(problem, PROBLEM_USE, "%s: there is no measurement in it", path);
    return good;
}

GArray *measurements_read(const char *path, struct problem *problem)
{
    uint8_t *bytes;
    size_t size;
    if (!files_read(path, FILE_LIMIT, &bytes, &size, problem))
        return NULL;
    GArray *groups = g_array_new(FALSE, FALSE, sizeof(struct measured_group));
    char *text = g_strndup((const char *)bytes, size);
    bool good = strlen(text) == size || problem_set(problem, PROBLEM_USE, "%s: is no text", path);
    good = good && take_lines(text, path, groups, problem);
    g_free(text);
    free(bytes);
    if (good)
        return groups;
    g_array_free(groups, TRUE);
    return NULL;
}

double measured_mean_ns(const struct measured_group *group)
{
    return group->total_ns / group->count;
}

const char *measured_finding(const struct measured_group *group)
{
    if (group->most_ns > group->maximum_ns)
        return "slower than the maximum";
    return measured_mean_ns(group) < (double)group->typical_ns ? "faster than typical" : NULL;
}
