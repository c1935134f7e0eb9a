/* SPDX-License-Identifier: MIT */
#include "marks_json.h"

#include <glib.h>
#include <string.h>

json_t *marks_json(const struct arrays *arrays)
{
    json_t *object = json_object();
    for (enum array array = 0; array < ARRAYS; array++) {
        json_t *list = json_array();
        for (uint32_t i = 0; i < arrays->marks[array].count; i++) {
            const struct nor_mark *mark = &arrays->marks[array].list[i];
            bool weak = mark->kind == NOR_WEAK;
            json_array_append_new(list, json_pack("[s, I, I]", weak ? "weak" : "notake", (json_int_t)mark->offset,
                                                  (json_int_t)(weak ? mark->bit : mark->length)));
        }
        json_object_set_new(object, arrays_name(array), list);
    }
    return object;
}

static bool read_mark(json_t *entry, enum array array, struct nor_mark *mark)
{
    const char *kind;
    json_int_t offset, number, size = arrays_size(array);
    if (json_unpack(entry, "[s, I, I!]", &kind, &offset, &number) != 0 || offset < 0 || offset >= size || number < 0)
        return false;
    bool weak = strcmp(kind, "weak") == 0;
    *mark = (struct nor_mark){.kind = weak ? NOR_WEAK : NOR_NOTAKE,
                              .offset = (uint32_t)offset,
                              .length = weak ? 1 : (uint32_t)number,
                              .bit = weak ? (uint8_t)number : 0};
    return weak ? number <= 7 : strcmp(kind, "notake") == 0 && number > 0 && number <= size - offset;
}

/* The list is as marks_json wrote it, so it is canonical. */
static bool read_list(const json_t *list, enum array array, GArray *marks)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct nor_mark mark;
        if (!read_mark(json_array_get(list, i), array, &mark))
            return false;
        g_array_append_val(marks, mark);
    }
    return json_is_array(list);
}

bool marks_read(const json_t *object, struct arrays *arrays)
{
    GArray *lists[ARRAYS];
    struct arrays read = {.marks = {{0}}};
    bool good = true;
    for (enum array array = 0; array < ARRAYS; array++) {
        lists[array] = g_array_new(FALSE, FALSE, sizeof(struct nor_mark));
        good = read_list(json_object_get(object, arrays_name(array)), array, lists[array]) && good;
        read.marks[array] =
            (struct nor_marks){(struct nor_mark *)(void *)lists[array]->data, lists[array]->len, lists[array]->len};
    }
    if (good)
        arrays_load_marks(arrays, &read);
    for (enum array array = 0; array < ARRAYS; array++)
        g_array_free(lists[array], TRUE);
    return good;
}
