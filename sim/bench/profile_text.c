/* SPDX-License-Identifier: MIT */
#include "profile_text.h"

#include <string.h>
#include <yaml.h>

struct reading {
    yaml_document_t document;
    const char *path; /* of the file */
    struct problem *problem;
};

/* Decimal without leading zeros (which would make it octal), or hexadecimal behind 0x. */
static bool is_number(const char *text)
{
    if (strncmp(text, "0x", 2) == 0)
        return text[2] != '\0' && text[2 + strspn(text + 2, "0123456789abcdefABCDEF")] == '\0';
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' && (text[0] != '0' || text[1] == '\0');
}

static bool check_number(struct reading *reading, const yaml_node_t *node, const char *key)
{
    const char *text = (const char *)node->data.scalar.value;
    if (is_number(text))
        return true;
    return problem_set(reading->problem, PROBLEM_USE,
                       "%s: %s \"%.40s\" is no number (line %zu): write decimal digits, or 0x and hexadecimal ones, without a unit",
                       reading->path, key, text, node->start_mark.line + 1);
}

static bool check_value(struct reading *reading, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                        const char *key);

static bool check_mapping(struct reading *reading, const yaml_node_t *node, const cyaml_schema_field_t *fields)
{
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(&reading->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(&reading->document, pair->value);
        for (const cyaml_schema_field_t *field = fields; field->key != NULL; field++)
            if (strcmp(field->key, (const char *)key->data.scalar.value) == 0 &&
                !check_value(reading, value, &field->value, field->key))
                return false;
    }
    return true;
}

static bool check_sequence(struct reading *reading, const yaml_node_t *node, const cyaml_schema_value_t *entry,
                           const char *key)
{
    for (const yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++)
        if (!check_value(reading, yaml_document_get_node(&reading->document, *item), entry, key))
            return false;
    return true;
}

static bool check_value(struct reading *reading, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                        const char *key)
{
    if (schema->type == CYAML_MAPPING && node->type == YAML_MAPPING_NODE)
        return check_mapping(reading, node, schema->mapping.fields);
    if (schema->type == CYAML_SEQUENCE && node->type == YAML_SEQUENCE_NODE)
        return check_sequence(reading, node, schema->sequence.entry, key);
    return schema->type != CYAML_UINT || node->type != YAML_SCALAR_NODE || check_number(reading, node, key);
}

static bool check_document(struct reading *reading, const cyaml_schema_value_t *schema, bool first)
{
    const yaml_node_t *root = yaml_document_get_root_node(&reading->document);
    if (root == NULL)
        return true;
    return first ? check_value(reading, root, schema, "")
                 : problem_set(reading->problem, PROBLEM_USE,
                               "%s: a second document begins in line %zu: a profile is one", reading->path,
                               root->start_mark.line + 1);
}

bool profile_text_check(const uint8_t *text, size_t size, const cyaml_schema_value_t *schema, const char *path,
                        struct problem *problem)
{
    struct reading reading = {.path = path, .problem = problem};
    yaml_parser_t parser;
    bool good = true;
    if (!yaml_parser_initialize(&parser))
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    yaml_parser_set_input_string(&parser, text, size);
    for (unsigned i = 0; good && i < 2; i++) {
        if (!yaml_parser_load(&parser, &reading.document)) {
            good = problem_set(problem, PROBLEM_USE, "%s: %s (line %zu)", path,
                               parser.problem != NULL ? parser.problem : "no YAML", parser.problem_mark.line + 1);
            break;
        }
        good = check_document(&reading, schema, i == 0);
        yaml_document_delete(&reading.document);
    }
    yaml_parser_delete(&parser);
    return good;
}
