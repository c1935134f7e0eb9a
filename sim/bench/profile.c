/* SPDX-License-Identifier: MIT */
#include "profile.h"

#include "files.h"
#include "profile_extends.h"
#include "profile_recovered.h"
#include "profile_text.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the schema --- */

static const cyaml_strval_t kinds[] = {{"program", RAIL_PROGRAM}, {"erase", RAIL_ERASE}, {"status", RAIL_STATUS}};

static const cyaml_schema_field_t pin_fields[] = {
    CYAML_FIELD_STRING_PTR("pin", NEEDED, struct profile_pin, pin, 1, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("name", NEEDED, struct profile_pin, name, 1, CYAML_UNLIMITED),
    CYAML_FIELD_END};
static const cyaml_schema_value_t pin_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct profile_pin, pin_fields)};

static const cyaml_schema_field_t phase_fields[] = {
    CYAML_FIELD_STRING_PTR("name", NEEDED, struct profile_phase, name, 1, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("begins", NEEDED, struct profile_phase, begins, 1, CYAML_UNLIMITED),
    CYAML_FIELD_END};
static const cyaml_schema_value_t phase_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct profile_phase, phase_fields)};

static const cyaml_schema_field_t next_fields[] = {
    CYAML_FIELD_SEQUENCE("command", CYAML_FLAG_POINTER, struct profile_next, command, &profile_text_value, 1,
                         CYAML_UNLIMITED),
    CYAML_FIELD_MAPPING("recovered", CYAML_FLAG_DEFAULT, struct profile_next, recovered, profile_recovered_fields),
    CYAML_FIELD_END};

static const cyaml_strval_t ends[] = {{"recovered", PROFILE_RECOVERED}, {"next", PROFILE_NEXT}};
static const cyaml_schema_field_t soak_fields[] =
    {CYAML_FIELD_STRING_PTR("name", NEEDED, struct profile_soak, name, 1, CYAML_UNLIMITED),
     CYAML_FIELD_SEQUENCE("command", CYAML_FLAG_POINTER, struct profile_soak, command, &profile_text_value, 1,
                          CYAML_UNLIMITED),
     CYAML_FIELD_ENUM("ends", CYAML_FLAG_STRICT, struct profile_soak, ends, ends, CYAML_ARRAY_LEN(ends)),
     CYAML_FIELD_UINT("erases", CYAML_FLAG_OPTIONAL, struct profile_soak, erases), CYAML_FIELD_END};
static const cyaml_schema_value_t soak_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct profile_soak, soak_fields)};

static const cyaml_schema_field_t budget_fields[] = {
    CYAML_FIELD_UINT("boots", CYAML_FLAG_DEFAULT, struct profile_budget, boots),
    CYAML_FIELD_UINT("seconds", CYAML_FLAG_DEFAULT, struct profile_budget, seconds),
    CYAML_FIELD_UINT("erases", CYAML_FLAG_OPTIONAL, struct profile_budget, erases),
    CYAML_FIELD_UINT_PTR("idle_operations", MAY_MISS, struct profile_budget, idle_operations),
    CYAML_FIELD_END};

static const cyaml_schema_field_t minimum_fields[] = {
    CYAML_FIELD_STRING_PTR("phase", MAY_MISS, struct profile_minimum, phase, 1, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("area", MAY_MISS, struct profile_minimum, area, 1, CYAML_UNLIMITED),
    CYAML_FIELD_ENUM("kind", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct profile_minimum, kind, kinds,
                     CYAML_ARRAY_LEN(kinds)),
    CYAML_FIELD_UINT("count", CYAML_FLAG_DEFAULT, struct profile_minimum, count),
    CYAML_FIELD_END};
static const cyaml_schema_value_t minimum_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct profile_minimum, minimum_fields)};

static const cyaml_schema_field_t cuts_fields[] = {
    CYAML_FIELD_STRING_PTR("count", NEEDED, struct profile_cuts, count_text, 1, CYAML_UNLIMITED),
    CYAML_FIELD_UINT("seed", CYAML_FLAG_OPTIONAL, struct profile_cuts, seed),
    CYAML_FIELD_SEQUENCE("tears", MAY_MISS, struct profile_cuts, tears, &profile_text_value, 0, NOR_TEARS),
    CYAML_FIELD_SEQUENCE("minimum", MAY_MISS, struct profile_cuts, minimum, &minimum_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END};

static const cyaml_schema_field_t profile_fields[] = {
    CYAML_FIELD_STRING_PTR("name", NEEDED, struct profile, name, 1, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("machine", NEEDED, struct profile, machine, 1, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("device", NEEDED, struct profile, device, 1, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("faults", MAY_MISS, struct profile, faults, &profile_text_value, 0, FAULTS),
    CYAML_FIELD_SEQUENCE("symbols", MAY_MISS, struct profile, symbols, &profile_text_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("pins", MAY_MISS, struct profile, pins, &pin_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("phases", MAY_MISS, struct profile, phases, &phase_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("areas", MAY_MISS, struct profile, areas, &profile_area_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_MAPPING("recovered", CYAML_FLAG_DEFAULT, struct profile, recovered, profile_recovered_fields),
    CYAML_FIELD_MAPPING_PTR("next", MAY_MISS, struct profile, next, next_fields),
    CYAML_FIELD_SEQUENCE("soak", MAY_MISS, struct profile, soak, &soak_value, 1, PROFILE_SOAKS),
    CYAML_FIELD_MAPPING("budget", CYAML_FLAG_DEFAULT, struct profile, budget, budget_fields),
    CYAML_FIELD_MAPPING("cuts", CYAML_FLAG_DEFAULT, struct profile, cuts, cuts_fields),
    CYAML_FIELD_END};
static const cyaml_schema_value_t profile_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct profile, profile_fields)};

/* --- what libcyaml says about a bad file --- */

struct complaint {
    char what[200];  /* its first message */
    char where[200]; /* the innermost place */
};

static void keep_complaint(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    struct complaint *complaint = context;
    char text[200];
    (void)level;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    const char *message = strncmp(text, "Load: ", 6) == 0 ? text + 6 : text;
    message += strspn(message, " ");
    if (strncmp(message, "Backtrace", 9) == 0)
        return;
    bool place = strstr(message, "(line:") != NULL && strncmp(message, "in ", 3) == 0;
    char *kept = place ? complaint->where : complaint->what;
    if (kept[0] == '\0')
        memcpy(kept, message, strlen(message) + 1);
}

static const cyaml_config_t *configuration(struct complaint *complaint, cyaml_config_t *config)
{
    *config = (cyaml_config_t){.log_fn = keep_complaint,
                               .log_ctx = complaint,
                               .mem_fn = cyaml_mem,
                               .log_level = CYAML_LOG_ERROR,
                               .flags = CYAML_CFG_NO_ALIAS}; /* a few lines of them could stand for gigabytes */
    return config;
}

/* --- what the schema cannot say --- */

static bool check_pins(struct profile *profile, const char *path, struct problem *problem)
{
    for (unsigned i = 0; i < profile->pins_count; i++) {
        profile->pins[i].number = trace_pin_number(profile->pins[i].pin);
        if (profile->pins[i].number == UINT32_MAX)
            return profile_bad(problem, path, "pins", profile->pins[i].pin, "a pin is written like PE13");
    }
    return true;
}

static bool check_count(struct profile_cuts *cuts, const char *path, struct problem *problem)
{
    char *end;
    unsigned long count = strtoul(cuts->count_text, &end, 10);
    if (strcmp(cuts->count_text, "all") == 0)
        return true;
    cuts->count = (unsigned)count;
    return (cuts->count_text[0] != '-' && *end == '\0' && count > 0 && count <= UINT32_MAX) ||
           profile_bad(problem, path, "cuts.count", cuts->count_text, "a number of at least 1, or all");
}

static bool check_minimum(const struct profile *profile, const struct profile_minimum *minimum, const char *path,
                          struct problem *problem)
{
    bool phase = minimum->phase == NULL, area = minimum->area == NULL;
    for (unsigned i = 0; i < profile->phases_count; i++)
        phase = phase || strcmp(minimum->phase, profile->phases[i].name) == 0;
    for (unsigned i = 0; i < profile->areas_count; i++)
        area = area || strcmp(minimum->area, profile->areas[i].name) == 0;
    if (!phase)
        return profile_bad(problem, path, "cuts.minimum", minimum->phase, "there is no such phase");
    return area || profile_bad(problem, path, "cuts.minimum", minimum->area, "there is no such area");
}

static bool check_tears(const struct profile_cuts *cuts, const char *path, struct problem *problem)
{
    bool good = true;
    for (unsigned i = 0; good && i < cuts->tears_count; i++) {
        char menu[NOR_TEAR_MENU];
        if (nor_tear_named(cuts->tears[i]) == NOR_TEARS)
            good = problem_set(problem, PROBLEM_USE, "%s: cuts.tears \"%s\": there is no such tear; there are: %s",
                               path, cuts->tears[i], nor_tear_menu(menu));
        for (unsigned other = 0; good && other < i; other++)
            if (strcmp(cuts->tears[i], cuts->tears[other]) == 0)
                good = profile_bad(problem, path, "cuts.tears", cuts->tears[i], "it is named twice");
    }
    return good;
}

static bool check_names(const struct profile *profile, const char *path, struct problem *problem)
{
    bool good = profile_check_name(profile->name, "name", path, problem);
    for (unsigned i = 0; good && i < profile->pins_count; i++)
        good = profile_check_name(profile->pins[i].name, "pins", path, problem);
    for (unsigned i = 0; good && i < profile->phases_count; i++)
        good = profile_check_name(profile->phases[i].name, "phases", path, problem);
    for (unsigned i = 0; good && i < profile->areas_count; i++)
        good = profile_check_name(profile->areas[i].name, "areas", path, problem);
    return good;
}

static bool check_faults(struct profile *profile, const char *path, struct problem *problem)
{
    char why[FAULT_WHY];
    profile->fault_set = (struct fault_set){0};
    for (unsigned i = 0; i < profile->faults_count; i++)
        if (!fault_parse(&profile->fault_set, profile->faults[i], why))
            return problem_set(problem, PROBLEM_USE, "%s: faults: %s", path, why);
    return true;
}

static bool check_soak(const struct profile *profile, const char *path, struct problem *problem)
{
    bool good = true;
    for (unsigned i = 0; good && i < profile->soak_count; i++) {
        const struct profile_soak *soak = &profile->soak[i];
        good = profile_check_name(soak->name, "soak", path, problem) &&
               (soak->ends != PROFILE_NEXT || profile->next != NULL ||
                profile_bad(problem, path, "soak", soak->name, "it ends in next, and there is no next"));
    }
    return good;
}

static bool check(struct profile *profile, const char *path, struct problem *problem)
{
    bool good = check_names(profile, path, problem) && check_pins(profile, path, problem);
    for (unsigned i = 0; good && i < profile->areas_count; i++)
        good = profile_check_area(&profile->areas[i], "areas", path, problem);
    good = good && profile_recovered_check(&profile->recovered, "recovered", path, problem) &&
           (profile->next == NULL ||
            profile_recovered_check(&profile->next->recovered, "next.recovered", path, problem)) &&
           check_soak(profile, path, problem) && check_count(&profile->cuts, path, problem);
    for (unsigned i = 0; good && i < profile->cuts.minimum_count; i++)
        good = check_minimum(profile, &profile->cuts.minimum[i], path, problem);
    good = good && check_tears(&profile->cuts, path, problem) && check_faults(profile, path, problem);
    if (good && (profile->budget.boots == 0 || profile->budget.seconds == 0))
        good = problem_set(problem, PROBLEM_USE, "%s: budget: boots and seconds must be at least 1", path);
    return good;
}

/* --- finding and loading --- */

char *profile_default_root(void)
{
    char *folder = files_program_folder();
    char *root = folder == NULL ? NULL : files_join(folder, "../..");
    char *canonical = root == NULL ? NULL : realpath(root, NULL);
    free(folder);
    free(root);
    return canonical;
}

char *profile_path(const char *name_or_path)
{
    size_t length = strlen(name_or_path);
    if (strchr(name_or_path, '/') != NULL || (length > 5 && strcmp(name_or_path + length - 5, ".yaml") == 0))
        return strdup(name_or_path);
    const char *given = getenv("MATTERHORN_PROFILES");
    char *root = profile_default_root(), *path = NULL;
    int printed = given != NULL && given[0] != '\0'
                      ? asprintf(&path, "%s/%s.yaml", given, name_or_path)
                      : asprintf(&path, "%s/sim/profiles/%s.yaml", root == NULL ? "." : root, name_or_path);
    free(root);
    return printed < 0 ? NULL : path;
}

static bool parse(const uint8_t *text, size_t size, const char *path, struct profile **profile, struct problem *problem)
{
    struct complaint complaint = {"", ""};
    cyaml_config_t config;
    cyaml_data_t *data = NULL;
    cyaml_err_t error = cyaml_load_data(text, size, configuration(&complaint, &config), &profile_schema, &data, NULL);
    *profile = (struct profile *)data;
    if (error != CYAML_OK || *profile == NULL)
        return problem_set(problem, PROBLEM_USE, "%s: %s%s%s", path,
                           complaint.what[0] != '\0' ? complaint.what
                           : error != CYAML_OK       ? cyaml_strerror(error)
                                                     : "the file is empty",
                           complaint.where[0] != '\0' ? ", " : "", complaint.where);
    return profile_text_check(text, size, &profile_schema, path, problem);
}

static bool keep_text(struct profile *profile, const void *text, size_t size, struct problem *problem)
{
    profile->text = malloc(size + 1);
    if (profile->text == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    memcpy(profile->text, text, size);
    profile->text_size = size;
    return true;
}

static void want(struct profile *profile)
{
    const struct profile_recovered *recovered = &profile->recovered;
    profile->wanted = recovered->wanted;
    profile->wanted_again = profile->wanted;
    profile->wanted_again.unwanted = (const char *const *)recovered->over;
    profile->wanted_again.unwanted_count = recovered->over_count;
    if (profile->next != NULL)
        profile->wanted_next = profile->next->recovered.wanted;
}

bool profile_parse(const char *name, const void *text, size_t size, struct profile **profile, struct problem *problem)
{
    *profile = NULL;
    bool good = parse(text, size, name, profile, problem) && check(*profile, name, problem) &&
                keep_text(*profile, text, size, problem);
    if (good) {
        want(*profile);
    } else {
        profile_free(*profile);
        *profile = NULL;
    }
    return good;
}

bool profile_load(const char *name_or_path, struct profile **profile, struct problem *problem)
{
    char *path = profile_path(name_or_path);
    g_autofree char *whole = NULL;
    uint8_t *text = NULL;
    size_t size;
    bool joined = false;
    *profile = NULL;
    bool good = path != NULL || problem_set(problem, PROBLEM_BENCH, "no memory");
    if (good && access(path, R_OK) != 0)
        good = problem_set(problem, PROBLEM_USE, "there is no profile %s (looked for %s)", name_or_path, path);
    good = good && files_read(path, PROFILE_LARGEST, &text, &size, problem) &&
           profile_extend(path, &text, &size, &joined, problem);
    whole = g_strconcat(good ? path : "", joined ? ", with what it extends" : "", NULL);
    good = good && profile_parse(whole, text, size, profile, problem);
    free(text);
    free(path);
    return good;
}

void profile_free(struct profile *profile)
{
    struct complaint complaint = {"", ""};
    cyaml_config_t config;
    if (profile == NULL)
        return;
    free(profile->text);
    profile_recovered_forget(&profile->recovered);
    if (profile->next != NULL)
        profile_recovered_forget(&profile->next->recovered);
    cyaml_free(configuration(&complaint, &config), &profile_schema, profile, 0);
}

unsigned profile_tears(const struct profile *profile, enum nor_tear tears[NOR_TEARS])
{
    unsigned count = 0;
    for (unsigned i = 0; i < profile->cuts.tears_count && count < NOR_TEARS; i++)
        tears[count++] = nor_tear_named(profile->cuts.tears[i]);
    if (count == 0)
        for (; count < NOR_TEARS; count++)
            tears[count] = (enum nor_tear)count;
    return count;
}

const struct profile_area *profile_area_at(const struct profile *profile, unsigned chip, uint32_t address)
{
    for (unsigned i = 0; i < profile->areas_count; i++) {
        const struct profile_area *area = &profile->areas[i];
        if (area->chip == chip && address >= area->address && address - area->address < area->size)
            return area;
    }
    return NULL;
}
