/* SPDX-License-Identifier: MIT */
#include "sarif.h"

#include "groups.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *id, *text;
} rules[] = {
    {"time", "The device does not run within its budget of time."},
    {"boots", "The device does not run within its budget of starts."},
    {"over", "The device still says at the second start what should be over."},
    {"equal", "Memory does not hold what it must hold after the update."},
    {"unchanged", "Memory changed that must not change."},
    {"idle", "A start with nothing left to do writes to the flashes."},
    {"wear", "A sector was erased too often."},
    {"next", "The device takes no further update."},
};
#define RULES (sizeof rules / sizeof rules[0])

static json_t *rules_json(void)
{
    json_t *array = json_array();
    for (size_t i = 0; i < RULES; i++)
        json_array_append_new(array, json_pack("{s:s, s:{s:s}, s:{s:s}}", "id", rules[i].id, "shortDescription", "text",
                                               rules[i].text, "defaultConfiguration", "level", "error"));
    return array;
}

/* Where people look: the profile, as the user named it. */
static json_t *location_json(const struct profile *profile, const struct id_target *target, const char *operation)
{
    char path[300];
    snprintf(path, sizeof path, "sim/profiles/%s.yaml", profile->name);
    return json_pack("{s:{s:{s:s}, s:{s:i}}, s:[{s:s, s:s}]}", "physicalLocation", "artifactLocation", "uri",
                     target->profile != NULL && strchr(target->profile, '.') != NULL ? target->profile : path, "region",
                     "startLine", 1, "logicalLocations", "fullyQualifiedName", operation, "kind", "member");
}

static json_t *result_json(const struct verdict *verdict, const char *id, const char *text, json_t *location,
                           const char *state)
{
    json_t *object = json_pack("{s:s, s:s, s:{s:s}, s:[o], s:{s:s}}", "ruleId", verdict->oracle, "level", "error",
                               "message", "text", text, "locations", location, "partialFingerprints", "powerLoss/v1",
                               id);
    if (state != NULL)
        json_object_set_new(object, "baselineState", json_string(state));
    return object;
}

static json_t *finding_json(const struct sweep_result *result, const struct profile *profile,
                            const struct sweep_finding *finding, const struct id_target *target)
{
    const struct sweep_case *one = &result->cases[finding->first];
    const struct verdict *verdict = groups_verdict(one);
    char id[SWEEP_ID], command[ID_COMMAND], text[sizeof verdict->detail + ID_COMMAND + 100];
    sweep_id(result, profile, one, id);
    id_command(id, result->firmware, target, command);
    snprintf(text, sizeof text, "%s (%zu power losses go this way). %s", verdict->detail, finding->members, command);
    const char *state = result->baseline == NULL ? NULL : finding->known == finding->members ? "unchanged" : "new";
    return result_json(verdict, id, text, location_json(profile, target, strchr(id, '/') + 1), state);
}

static json_t *results_json(const struct sweep_result *result, const struct profile *profile,
                            const struct id_target *target)
{
    size_t count;
    struct sweep_finding *findings = sweep_findings(result, &count);
    json_t *array = findings == NULL ? NULL : json_array();
    if (array != NULL && !result->clean.pass)
        json_array_append_new(array,
                              result_json(&result->clean, profile->name, result->clean.detail,
                                          location_json(profile, target, "the update without power loss"), NULL));
    for (size_t i = 0; array != NULL && i < count; i++)
        json_array_append_new(array, finding_json(result, profile, &findings[i], target));
    free(findings);
    return array;
}

bool sarif_write(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                 const struct id_target *target)
{
    json_t *results = results_json(result, profile, target);
    json_t *object = json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:o}}, s:{s:s}, s:o}]}", "$schema",
                               "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0", "runs", "tool", "driver", "name",
                               "Matterhorn", "rules", rules_json(), "properties", "firmware_sha256", result->firmware, "results", results);
    if (object == NULL)
        return false;
    json_dumpf(object, stream, JSON_INDENT(1));
    fputc('\n', stream);
    json_decref(object);
    return true;
}
