/* SPDX-License-Identifier: MIT */
#include "beside_json.h"

#include <glib.h>
#include <string.h>

static json_t *erases_json(const uint32_t *erases, unsigned count)
{
    json_t *list = json_array();
    for (unsigned sector = 0; sector < count; sector++)
        if (erases[sector] != 0)
            json_array_append_new(list, json_pack("[I, I]", (json_int_t)sector, (json_int_t)erases[sector]));
    return list;
}

json_t *beside_json(const struct arrays *arrays)
{
    json_t *object = json_object(), *status = json_array();
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
    for (unsigned i = 0; i < arrays->status.count; i++)
        json_array_append_new(status, json_integer(arrays->status.registers[i]));
    json_object_set_new(object, "status", status);
    json_object_set_new(object, "erases", json_pack("{s:o, s:o}", "internal", erases_json(arrays->erases, ARRAYS_SECTORS),
                                                    "nor", erases_json(arrays->nor_erases, ARRAYS_NOR_SECTORS)));
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

/* The list is as beside_json wrote it, so it is canonical. */
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

static bool read_status(const json_t *list, struct arrays_status *status)
{
    *status = (struct arrays_status){.count = (uint8_t)json_array_size(list)};
    if (json_array_size(list) > ARRAYS_STATUS)
        return false;
    for (unsigned i = 0; i < status->count; i++) {
        const json_int_t number = json_integer_value(json_array_get(list, i));
        status->registers[i] = (uint8_t)number;
        if (!json_is_integer(json_array_get(list, i)) || number < 0 || number > UINT8_MAX)
            return false;
    }
    return true;
}

static bool read_erases(const json_t *list, uint32_t *erases, unsigned count)
{
    memset(erases, 0, count * sizeof *erases);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_int_t sector, number;
        if (json_unpack(json_array_get(list, i), "[I, I!]", &sector, &number) != 0 || sector < 0 || sector >= count ||
            number < 0 || number > UINT32_MAX)
            return false;
        erases[sector] = (uint32_t)number;
    }
    return true;
}

static bool read_marks(const json_t *object, struct arrays *arrays)
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

bool beside_read(const json_t *object, struct arrays *arrays)
{
    const json_t *erases = json_object_get(object, "erases");
    return read_marks(object, arrays) && read_status(json_object_get(object, "status"), &arrays->status) &&
           read_erases(json_object_get(erases, "internal"), arrays->erases, ARRAYS_SECTORS) &&
           read_erases(json_object_get(erases, "nor"), arrays->nor_erases, ARRAYS_NOR_SECTORS);
}
