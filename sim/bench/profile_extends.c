/* SPDX-License-Identifier: MIT */
#include "profile_extends.h"

#include "files.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define KEY "extends"

/* A file's document. */
struct source {
    yaml_document_t document;
    bool more;   /* it is not the last one */
    bool *taken; /* by the node's number: one that is taken twice has an alias */
};

/* --- reading --- */

static bool source_open(struct source *source, const uint8_t *text, size_t size)
{
    yaml_parser_t parser;
    yaml_document_t second;
    if (!yaml_parser_initialize(&parser))
        return false;
    yaml_parser_set_input_string(&parser, text, size);
    bool good = yaml_parser_load(&parser, &source->document) != 0;
    if (good) {
        bool loaded = yaml_parser_load(&parser, &second) != 0;
        source->more = !loaded || yaml_document_get_root_node(&second) != NULL;
        source->taken = g_new0(bool, source->document.nodes.top - source->document.nodes.start + 1);
        if (loaded)
            yaml_document_delete(&second);
    }
    yaml_parser_delete(&parser);
    return good;
}

static void source_close(struct source *source)
{
    yaml_document_delete(&source->document);
    g_free(source->taken);
}

static yaml_node_t *node_of(struct source *source, int number)
{
    return yaml_document_get_node(&source->document, number);
}

static bool is_mapping(struct source *source, int number)
{
    const yaml_node_t *node = node_of(source, number);
    return node != NULL && node->type == YAML_MAPPING_NODE;
}

static bool same_text(const yaml_node_t *one, const yaml_node_t *other)
{
    return one->type == YAML_SCALAR_NODE && other->type == YAML_SCALAR_NODE &&
           strcmp((const char *)one->data.scalar.value, (const char *)other->data.scalar.value) == 0;
}

/* --- joining --- */

struct joining {
    struct source base, own;
    yaml_document_t document;
    bool alias, full; /* what is wrong, if anything */
};

/* Whether the node had not been taken yet. */
static bool take(struct joining *joining, struct source *source, int number)
{
    joining->alias = joining->alias || source->taken[number];
    source->taken[number] = true;
    return !joining->alias;
}

static int made(struct joining *joining, int number)
{
    joining->full = joining->full || number == 0;
    return number;
}

static int copy(struct joining *joining, struct source *source, int number);

static void append_pair(struct joining *joining, int mapping, int key, int value)
{
    if (!joining->alias && !joining->full)
        joining->full = !yaml_document_append_mapping_pair(&joining->document, mapping, key, value);
}

static int copy_sequence(struct joining *joining, struct source *source, const yaml_node_t *node)
{
    int sequence = made(joining, yaml_document_add_sequence(&joining->document, NULL, node->data.sequence.style));
    for (const yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
        int entry = copy(joining, source, *item);
        if (!joining->alias && !joining->full)
            joining->full = !yaml_document_append_sequence_item(&joining->document, sequence, entry);
    }
    return sequence;
}

/* The pairs whose keys are not taken yet, but for that at the top that says what is extended. */
static void copy_pairs(struct joining *joining, struct source *source, int number, int mapping, bool top)
{
    const yaml_node_t *node = node_of(source, number);
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_of(source, pair->key);
        bool says = top && key->type == YAML_SCALAR_NODE && strcmp((const char *)key->data.scalar.value, KEY) == 0;
        if (!says && !source->taken[pair->key])
            append_pair(joining, mapping, copy(joining, source, pair->key), copy(joining, source, pair->value));
    }
}

static int copy(struct joining *joining, struct source *source, int number)
{
    const yaml_node_t *node = node_of(source, number);
    if (!take(joining, source, number) || joining->full)
        return 0;
    if (node->type == YAML_SCALAR_NODE)
        return made(joining, yaml_document_add_scalar(&joining->document, NULL, node->data.scalar.value,
                                                      (int)node->data.scalar.length, node->data.scalar.style));
    if (node->type == YAML_SEQUENCE_NODE)
        return copy_sequence(joining, source, node);
    int mapping = made(joining, yaml_document_add_mapping(&joining->document, NULL, node->data.mapping.style));
    copy_pairs(joining, source, number, mapping, false);
    return mapping;
}

/* The pair of the mapping with this key; NULL when there is none. */
static const yaml_node_pair_t *pair_with(struct source *source, int mapping, const yaml_node_t *key)
{
    const yaml_node_t *node = node_of(source, mapping);
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
        if (same_text(node_of(source, pair->key), key))
            return pair;
    return NULL;
}

/* Mappings are joined key by key; of everything else, what is the extending profile's own. */
static int join(struct joining *joining, int base, int own, bool top)
{
    if (!is_mapping(&joining->base, base) || !is_mapping(&joining->own, own))
        return copy(joining, &joining->own, own);
    if (!take(joining, &joining->base, base) || !take(joining, &joining->own, own))
        return 0;
    const yaml_node_t *node = node_of(&joining->base, base);
    int mapping = made(joining, yaml_document_add_mapping(&joining->document, NULL, node->data.mapping.style));
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_pair_t *its = pair_with(&joining->own, own, node_of(&joining->base, pair->key));
        int key = copy(joining, &joining->base, pair->key);
        if (its != NULL && take(joining, &joining->own, its->key))
            append_pair(joining, mapping, key, join(joining, pair->value, its->value, false));
        else
            append_pair(joining, mapping, key, copy(joining, &joining->base, pair->value));
    }
    copy_pairs(joining, &joining->own, own, mapping, top);
    return mapping;
}

/* --- writing --- */

static int append(void *context, unsigned char *bytes, size_t size)
{
    g_string_append_len(context, (const char *)bytes, (gssize)size);
    return 1;
}

/* The document's text, malloc'ed; the document is gone. */
static bool write_document(yaml_document_t *document, uint8_t **text, size_t *size)
{
    yaml_emitter_t emitter;
    GString *written = g_string_new(NULL);
    bool good = yaml_emitter_initialize(&emitter) != 0;
    if (good) {
        yaml_emitter_set_output(&emitter, append, written);
        yaml_emitter_set_unicode(&emitter, 1);
        yaml_emitter_set_width(&emitter, -1);
        good = yaml_emitter_open(&emitter) != 0 && yaml_emitter_dump(&emitter, document) != 0 &&
               yaml_emitter_close(&emitter) != 0;
        yaml_emitter_delete(&emitter);
    } else {
        yaml_document_delete(document);
    }
    *size = written->len;
    *text = good ? malloc(written->len + 1) : NULL;
    if (*text != NULL)
        memcpy(*text, written->str, written->len + 1);
    g_string_free(written, TRUE);
    return *text != NULL;
}

static bool join_all(struct joining *joining, const char *path, uint8_t **text, size_t *size, struct problem *problem)
{
    if (!yaml_document_initialize(&joining->document, NULL, NULL, NULL, 1, 1))
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    join(joining, 1, 1, true); /* the first node is the root */
    if (joining->base.more || joining->own.more) {
        yaml_document_delete(&joining->document);
        return problem_set(problem, PROBLEM_USE,
                           "%s: in it or in what it extends, a second document begins: a profile is one", path);
    }
    if (joining->alias || joining->full) {
        yaml_document_delete(&joining->document);
        return joining->alias
                   ? problem_set(problem, PROBLEM_USE,
                                 "%s: write out its aliases, or those of what it extends: profiles have none", path)
                   : problem_set(problem, PROBLEM_BENCH, "no memory");
    }
    return write_document(&joining->document, text, size) || problem_set(problem, PROBLEM_BENCH, "no memory");
}

/* --- the whole --- */

/* What the document extends; NULL when it does not. */
static const yaml_node_t *extended(struct source *source)
{
    const yaml_node_t key = {.type = YAML_SCALAR_NODE, .data.scalar.value = (yaml_char_t *)(uintptr_t)KEY};
    const yaml_node_pair_t *pair = is_mapping(source, 1) ? pair_with(source, 1, &key) : NULL;
    return pair == NULL ? NULL : node_of(source, pair->value);
}

/* A name is looked for beside the file that extends it; a path starts there. */
static char *path_of(const char *path, const char *name)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *file = g_str_has_suffix(name, ".yaml") ? g_strdup(name) : g_strconcat(name, ".yaml", NULL);
    return files_join(folder, file);
}

static bool extend(const char *path, uint8_t **text, size_t *size, unsigned depth, bool *joined,
                   struct problem *problem);

static bool read_base(struct joining *joining, const char *path, unsigned depth, struct problem *problem)
{
    uint8_t *text = NULL;
    size_t size;
    bool joined = false;
    bool good = files_read(path, PROFILE_LARGEST, &text, &size, problem) &&
                extend(path, &text, &size, depth + 1, &joined, problem);
    if (good && !source_open(&joining->base, text, size))
        good = problem_set(problem, PROBLEM_USE, "%s: it is extended, and is no YAML", path);
    free(text);
    if (!good || is_mapping(&joining->base, 1))
        return good;
    source_close(&joining->base);
    return problem_set(problem, PROBLEM_USE, "%s: it is extended, and has no keys", path);
}

static bool join_with(struct joining *joining, const char *path, const yaml_node_t *name, uint8_t **text, size_t *size,
                      unsigned depth, struct problem *problem)
{
    if (name->type != YAML_SCALAR_NODE)
        return problem_set(problem, PROBLEM_USE, "%s: " KEY ": name one profile", path);
    if (depth == PROFILE_EXTENDS)
        return problem_set(problem, PROBLEM_USE, "%s: " KEY ": more than %u profiles in a row, or in a circle", path,
                           PROFILE_EXTENDS);
    char *base = path_of(path, (const char *)name->data.scalar.value);
    uint8_t *whole = NULL;
    bool good = base != NULL || problem_set(problem, PROBLEM_BENCH, "no memory");
    if (good && read_base(joining, base, depth, problem)) {
        good = join_all(joining, path, &whole, size, problem);
        source_close(&joining->base);
    } else {
        good = depth > 0 ? false : problem_place(problem, path);
    }
    free(base);
    if (good) {
        free(*text);
        *text = whole;
    }
    return good;
}

static bool extend(const char *path, uint8_t **text, size_t *size, unsigned depth, bool *joined,
                   struct problem *problem)
{
    struct joining joining = {.alias = false};
    if (!source_open(&joining.own, *text, *size))
        return true;
    const yaml_node_t *name = extended(&joining.own);
    *joined = name != NULL;
    bool good = name == NULL || join_with(&joining, path, name, text, size, depth, problem);
    source_close(&joining.own);
    return good;
}

bool profile_extend(const char *path, uint8_t **text, size_t *size, bool *joined, struct problem *problem)
{
    *joined = false;
    return extend(path, text, size, 0, joined, problem);
}
