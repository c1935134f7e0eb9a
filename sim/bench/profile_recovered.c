/* SPDX-License-Identifier: MIT */
#include "profile_recovered.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_OF_A_PATTERN = 100000 }; /* characters, repeats written out: some tens of MB in regcomp(3) */

/* --- the schema --- */

static const cyaml_strval_t chips[] = {{"internal", RAIL_CHIP_INTERNAL}, {"nor", RAIL_CHIP_NOR}};
static const cyaml_strval_t levels[] = {{"low", 0}, {"high", 1}};
static const cyaml_strval_t forms[] = {{"little", COUNTER_LITTLE}, {"big", COUNTER_BIG}, {"unary", COUNTER_UNARY}};

const cyaml_schema_value_t profile_text_value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED)};

static const cyaml_schema_field_t area_fields[] = {
    CYAML_FIELD_STRING_PTR("name", NEEDED, struct profile_area, name, 1, CYAML_UNLIMITED),
    CYAML_FIELD_ENUM("chip", CYAML_FLAG_STRICT, struct profile_area, chip, chips, CYAML_ARRAY_LEN(chips)),
    CYAML_FIELD_UINT("address", CYAML_FLAG_DEFAULT, struct profile_area, address),
    CYAML_FIELD_UINT("size", CYAML_FLAG_DEFAULT, struct profile_area, size),
    CYAML_FIELD_END};
const cyaml_schema_value_t profile_area_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct profile_area, area_fields)};

static const cyaml_schema_field_t equal_fields[] = {
    CYAML_FIELD_STRING_PTR("name", NEEDED, struct profile_equal, name, 1, CYAML_UNLIMITED),
    CYAML_FIELD_ENUM("chip", CYAML_FLAG_STRICT, struct profile_equal, chip, chips, CYAML_ARRAY_LEN(chips)),
    CYAML_FIELD_UINT("address", CYAML_FLAG_DEFAULT, struct profile_equal, address),
    CYAML_FIELD_STRING_PTR("file", NEEDED, struct profile_equal, file, 1, CYAML_UNLIMITED),
    CYAML_FIELD_END};
static const cyaml_schema_value_t equal_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct profile_equal, equal_fields)};

static const cyaml_schema_field_t edges_fields[] = {
    CYAML_FIELD_STRING_PTR("pin", NEEDED, struct profile_edges, pin, 1, CYAML_UNLIMITED),
    CYAML_FIELD_UINT("count", CYAML_FLAG_DEFAULT, struct profile_edges, count),
    CYAML_FIELD_END};
static const cyaml_schema_value_t edges_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct profile_edges, edges_fields)};

static const cyaml_schema_field_t level_fields[] = {
    CYAML_FIELD_STRING_PTR("pin", NEEDED, struct profile_level, pin, 1, CYAML_UNLIMITED),
    CYAML_FIELD_ENUM("level", CYAML_FLAG_STRICT, struct profile_level, high, levels, CYAML_ARRAY_LEN(levels)),
    CYAML_FIELD_END};
static const cyaml_schema_value_t level_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct profile_level, level_fields)};

static const cyaml_schema_field_t vectors_fields[] = {
    CYAML_FIELD_STRING_PTR("name", NEEDED, struct profile_vectors, name, 1, CYAML_UNLIMITED),
    CYAML_FIELD_UINT("address", CYAML_FLAG_DEFAULT, struct profile_vectors, address),
    CYAML_FIELD_UINT("size", CYAML_FLAG_DEFAULT, struct profile_vectors, size),
    CYAML_FIELD_END};
static const cyaml_schema_value_t vectors_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct profile_vectors, vectors_fields)};

static const cyaml_schema_field_t running_fields[] = {
    CYAML_FIELD_UINT("address", CYAML_FLAG_DEFAULT, struct profile_running, address),
    CYAML_FIELD_UINT("size", CYAML_FLAG_DEFAULT, struct profile_running, size),
    CYAML_FIELD_END};

static const cyaml_schema_field_t counter_fields[] = {
    CYAML_FIELD_STRING_PTR("name", NEEDED, struct profile_counter, name, 1, CYAML_UNLIMITED),
    CYAML_FIELD_ENUM("chip", CYAML_FLAG_STRICT, struct profile_counter, chip, chips, CYAML_ARRAY_LEN(chips)),
    CYAML_FIELD_UINT("address", CYAML_FLAG_DEFAULT, struct profile_counter, address),
    CYAML_FIELD_UINT("size", CYAML_FLAG_DEFAULT, struct profile_counter, size),
    CYAML_FIELD_ENUM("form", CYAML_FLAG_STRICT, struct profile_counter, form, forms, CYAML_ARRAY_LEN(forms)),
    CYAML_FIELD_END};
static const cyaml_schema_value_t counter_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct profile_counter, counter_fields)};

/* What an alternative and the whole have in common. */
#define LIST(member, value, most) \
    CYAML_FIELD_SEQUENCE(#member, MAY_MISS, struct profile_recovered, member, value, 0, most)
#define COMMON_FIELDS                                     \
    LIST(lines, &profile_text_value, WATCH_MOST),         \
    LIST(matches, &profile_text_value, WATCH_MOST),       \
    LIST(edges, &edges_value, WATCH_MOST),                \
    LIST(levels, &level_value, WATCH_MOST),               \
    LIST(equal, &equal_value, CYAML_UNLIMITED),           \
    LIST(unchanged, &profile_area_value, CYAML_UNLIMITED), \
    LIST(vectors, &vectors_value, CYAML_UNLIMITED),       \
    CYAML_FIELD_MAPPING_PTR("running", MAY_MISS, struct profile_recovered, running, running_fields)

static const cyaml_schema_field_t any_fields[] = {
    CYAML_FIELD_STRING_PTR("name", NEEDED, struct profile_recovered, name, 1, CYAML_UNLIMITED),
    COMMON_FIELDS,
    CYAML_FIELD_END};
static const cyaml_schema_value_t any_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct profile_recovered, any_fields)};

const cyaml_schema_field_t profile_recovered_fields[] = {
    COMMON_FIELDS,
    LIST(counters, &counter_value, PROFILE_COUNTERS),
    LIST(over, &profile_text_value, WATCH_MOST),
    CYAML_FIELD_SEQUENCE("any", MAY_MISS, struct profile_recovered, any, &any_value, 2, WATCH_ANY),
    CYAML_FIELD_END};

/* --- what the schema cannot say --- */

bool profile_bad(struct problem *problem, const char *path, const char *key, const char *name, const char *what)
{
    return problem_set(problem, PROBLEM_USE, "%s: %s \"%s\": %s", path, key, name, what);
}

/* Names become parts of ids, files and reports. */
bool profile_check_name(const char *name, const char *key, const char *path, struct problem *problem)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._' -";
    size_t length = strlen(name);
    if (length >= 1 && length <= 32 && strspn(name, letters) == length)
        return true;
    return problem_set(problem, PROBLEM_USE, "%s: %s: a name has 1 to 32 characters, of A-Z a-z 0-9 . _ ' - and space",
                       path, key);
}

bool profile_check_area(struct profile_area *area, const char *key, const char *path, struct problem *problem)
{
    if (area->size != 0 && arrays_locate(area->chip, area->address, area->size, &area->array, &area->offset))
        return true;
    return profile_bad(problem, path, key, area->name, "this address range is not on the chip");
}

static bool check_pins(struct profile_recovered *recovered, const char *key, const char *path, struct problem *problem)
{
    char edges[80], pins[80];
    snprintf(edges, sizeof edges, "%s.edges", key);
    snprintf(pins, sizeof pins, "%s.levels", key);
    for (unsigned i = 0; i < recovered->edges_count; i++) {
        const struct profile_edges *edge = &recovered->edges[i];
        recovered->watch_edges[i] = (struct watch_edges){trace_pin_number(edge->pin), edge->count};
        if (recovered->watch_edges[i].pin == UINT32_MAX)
            return profile_bad(problem, path, edges, edge->pin, "a pin is written like PE13");
        if (edge->count == 0)
            return profile_bad(problem, path, edges, edge->pin, "a count is at least 1");
    }
    for (unsigned i = 0; i < recovered->levels_count; i++) {
        const struct profile_level *level = &recovered->levels[i];
        recovered->watch_levels[i] = (struct watch_level){trace_pin_number(level->pin), level->high};
        if (recovered->watch_levels[i].pin == UINT32_MAX)
            return profile_bad(problem, path, pins, level->pin, "a pin is written like PE13");
    }
    return true;
}

/* How much larger repeats make a pattern at most, in which regcomp(3) writes what is repeated out: `+` twice, {2,5} five
 * times, and repeats of repeats as often as their product. What only looks like one, in [+], counts too. */
static double pattern_growth(const char *pattern)
{
    double growth = 1;
    for (; *pattern != '\0'; pattern++) {
        if (*pattern == '\\' && pattern[1] != '\0') {
            pattern++;
        } else if (*pattern == '+') {
            growth *= 2;
        } else if (*pattern == '{') {
            char *end;
            const double least = (double)strtoul(pattern + 1, &end, 10);
            const double most = *end == ',' ? (double)strtoul(end + 1, NULL, 10) : 0;
            growth *= most > least ? most : least + 1;
        }
    }
    return growth;
}

static bool check_patterns(struct profile_recovered *recovered, const char *key, const char *path,
                           struct problem *problem)
{
    char what[80], why[100];
    snprintf(what, sizeof what, "%s.matches", key);
    for (unsigned i = 0; i < recovered->matches_count; i++) {
        if (pattern_growth(recovered->matches[i]) * (double)strlen(recovered->matches[i]) > MOST_OF_A_PATTERN)
            return profile_bad(problem, path, what, recovered->matches[i], "its repeats of repeats make it too large");
        int error = regcomp(&recovered->patterns[i], recovered->matches[i], REG_EXTENDED | REG_NOSUB);
        if (error != 0) {
            regerror(error, NULL, why, sizeof why);
            return profile_bad(problem, path, what, recovered->matches[i], why);
        }
        recovered->patterns_count = i + 1;
        if (regexec(&recovered->patterns[i], "", 0, NULL, 0) == 0)
            return profile_bad(problem, path, what, recovered->matches[i],
                               "it matches an empty line, so it says nothing");
    }
    return true;
}

static bool check_places(struct profile_recovered *recovered, const char *key, const char *path,
                         struct problem *problem)
{
    char unchanged[80], equal[80];
    snprintf(unchanged, sizeof unchanged, "%s.unchanged", key);
    snprintf(equal, sizeof equal, "%s.equal", key);
    for (unsigned i = 0; i < recovered->unchanged_count; i++)
        if (!profile_check_name(recovered->unchanged[i].name, unchanged, path, problem) ||
            !profile_check_area(&recovered->unchanged[i], unchanged, path, problem))
            return false;
    for (unsigned i = 0; i < recovered->equal_count; i++)
        if (!profile_check_name(recovered->equal[i].name, equal, path, problem))
            return false;
    return true;
}

static bool check_vectors(struct profile_recovered *recovered, const char *key, const char *path,
                          struct problem *problem)
{
    char what[80];
    snprintf(what, sizeof what, "%s.vectors", key);
    for (unsigned i = 0; i < recovered->vectors_count; i++) {
        struct profile_vectors *vectors = &recovered->vectors[i];
        if (!profile_check_name(vectors->name, what, path, problem))
            return false;
        if (vectors->size < 8 || vectors->address % 4 != 0 ||
            !arrays_locate(RAIL_CHIP_INTERNAL, vectors->address, vectors->size, &vectors->array, &vectors->offset))
            return profile_bad(problem, path, what, vectors->name,
                               "a range of at least 8 bytes of the internal flash that begins at a word is needed");
    }
    if (recovered->running != NULL && recovered->running->size == 0)
        return problem_set(problem, PROBLEM_USE, "%s: %s.running: a size is at least 1", path, key);
    return true;
}

static bool check_counters(struct profile_recovered *recovered, const char *key, const char *path,
                           struct problem *problem)
{
    char what[80];
    snprintf(what, sizeof what, "%s.counters", key);
    for (unsigned i = 0; i < recovered->counters_count; i++) {
        struct profile_counter *counter = &recovered->counters[i];
        if (!profile_check_name(counter->name, what, path, problem))
            return false;
        if (counter->size == 0 ||
            !arrays_locate(counter->chip, counter->address, counter->size, &counter->array, &counter->offset))
            return profile_bad(problem, path, what, counter->name, "this address range is not on the chip");
        if (counter->form != COUNTER_UNARY && counter->size > 8)
            return profile_bad(problem, path, what, counter->name,
                               "a word has at most 8 bytes; bits are counted with form: unary");
    }
    return true;
}

/* --- what is made of it --- */

static void make_wanted(struct profile_recovered *recovered)
{
    recovered->wanted = (struct watch_wanted){.lines = (const char *const *)recovered->lines,
                                              .line_count = recovered->lines_count,
                                              .edges = recovered->watch_edges,
                                              .edge_count = recovered->edges_count,
                                              .patterns = recovered->patterns,
                                              .pattern_texts = (const char *const *)recovered->matches,
                                              .pattern_count = recovered->matches_count,
                                              .levels = recovered->watch_levels,
                                              .level_count = recovered->levels_count,
                                              .vectors = recovered->running != NULL,
                                              .name = recovered->name,
                                              .any = recovered->wanted_any,
                                              .any_count = recovered->any_count};
    for (unsigned i = 0; i < recovered->any_count; i++) {
        recovered->wanted_any[i] = recovered->any[i].wanted;
        recovered->wanted.vectors = recovered->wanted.vectors || recovered->any[i].wanted.vectors;
    }
}

static bool sees_something(const struct profile_recovered *recovered)
{
    return recovered->lines_count + recovered->matches_count + recovered->edges_count + recovered->levels_count > 0;
}

static bool check_one(struct profile_recovered *recovered, const char *key, const char *path, struct problem *problem)
{
    return check_pins(recovered, key, path, problem) && check_patterns(recovered, key, path, problem) &&
           check_places(recovered, key, path, problem) && check_vectors(recovered, key, path, problem) &&
           check_counters(recovered, key, path, problem);
}

static bool check_any(struct profile_recovered *recovered, const char *key, const char *path, struct problem *problem)
{
    for (unsigned i = 0; i < recovered->any_count; i++) {
        struct profile_recovered *one = &recovered->any[i];
        char any[40], place[80];
        snprintf(any, sizeof any, "%s.any", key);
        if (!profile_check_name(one->name, any, path, problem))
            return false;
        snprintf(place, sizeof place, "%s.any %s", key, one->name);
        for (unsigned other = 0; other < i; other++)
            if (strcmp(one->name, recovered->any[other].name) == 0)
                return profile_bad(problem, path, any, one->name, "it is named twice");
        if (!check_one(one, place, path, problem))
            return false;
        if (!sees_something(one))
            return problem_set(problem, PROBLEM_USE,
                               "%s: %s: without lines, matches, edges or levels nothing tells it from the others", path,
                               place);
        make_wanted(one);
    }
    return true;
}

bool profile_recovered_check(struct profile_recovered *recovered, const char *key, const char *path,
                             struct problem *problem)
{
    if (!check_one(recovered, key, path, problem) || !check_any(recovered, key, path, problem))
        return false;
    if (!sees_something(recovered) && recovered->any_count == 0)
        return problem_set(problem, PROBLEM_USE,
                           "%s: %s: without lines, matches, edges, levels or any nothing says when a run ends", path,
                           key);
    make_wanted(recovered);
    return true;
}

void profile_recovered_forget(struct profile_recovered *recovered)
{
    for (unsigned i = 0; i < recovered->patterns_count; i++)
        regfree(&recovered->patterns[i]);
    recovered->patterns_count = 0;
    for (unsigned i = 0; i < recovered->any_count; i++)
        profile_recovered_forget(&recovered->any[i]);
}
