/* SPDX-License-Identifier: MIT */
#include "tape.h"

#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct tapes {
    pthread_mutex_t lock;
    GHashTable *numbers; /* of an operation (its event, followed by the data) */
    GPtrArray *operations;
};

struct tape {
    size_t count;
    struct step {
        uint32_t operation; /* its number */
        uint32_t back;      /* how many operations before this one that is which is under way; 0: none */
        uint32_t occurrence;
    } steps[];
};

static guint hash_operation(gconstpointer key)
{
    const struct rail_event *event = key;
    const uint8_t *bytes = key;
    guint hash = 2166136261u;
    for (size_t i = 0; i < sizeof *event + event->payload; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

static gboolean same_operation(gconstpointer left, gconstpointer right)
{
    const struct rail_event *one = left, *other = right;
    return one->payload == other->payload && memcmp(one, other, sizeof *one + one->payload) == 0;
}

struct tapes *tapes_open(void)
{
    struct tapes *tapes = g_new0(struct tapes, 1);
    pthread_mutex_init(&tapes->lock, NULL);
    tapes->operations = g_ptr_array_new_with_free_func(g_free);
    tapes->numbers = g_hash_table_new(hash_operation, same_operation);
    return tapes;
}

void tapes_close(struct tapes *tapes)
{
    if (tapes == NULL)
        return;
    g_hash_table_destroy(tapes->numbers);
    g_ptr_array_free(tapes->operations, TRUE);
    pthread_mutex_destroy(&tapes->lock);
    g_free(tapes);
}

static uint32_t number_of(struct tapes *tapes, const struct trace_item *item)
{
    struct {
        struct rail_event event;
        uint8_t data[UINT8_MAX + 1];
    } key = {.event = *item->event};
    gpointer number;
    key.event.time_ns = key.event.duration_ns = 0;
    key.event.pc = 0;
    if (item->event->payload > sizeof key.data)
        return UINT32_MAX;
    memcpy(key.data, item->data, item->event->payload);
    if (g_hash_table_lookup_extended(tapes->numbers, &key, NULL, &number))
        return GPOINTER_TO_UINT(number);
    void *kept = g_memdup2(&key, sizeof key.event + item->event->payload);
    g_hash_table_insert(tapes->numbers, kept, GUINT_TO_POINTER(tapes->operations->len));
    g_ptr_array_add(tapes->operations, kept);
    return tapes->operations->len - 1;
}

struct tape *tapes_keep(struct tapes *tapes, const struct recording *recording)
{
    struct tape *tape = malloc(sizeof *tape + recording->count * sizeof tape->steps[0]);
    if (tape == NULL)
        return NULL;
    tape->count = recording->count;
    pthread_mutex_lock(&tapes->lock);
    for (size_t i = 0; i < recording->count; i++) {
        const struct operation *operation = &recording->operations[i];
        tape->steps[i] = (struct step){number_of(tapes, &operation->item), (uint32_t)(i - operation->under_way),
                                       operation->occurrence};
    }
    pthread_mutex_unlock(&tapes->lock);
    return tape;
}

static struct operation operation_of(const struct tapes *tapes, const struct tape *tape, size_t index)
{
    const struct step *step = &tape->steps[index];
    const struct rail_event *event = g_ptr_array_index(tapes->operations, step->operation);
    return (struct operation){.item = {event, (const uint8_t *)(event + 1)},
                              .occurrence = step->occurrence,
                              .under_way = index - step->back};
}

bool tapes_play(struct tapes *tapes, const struct tape *tape, struct recording *recording, struct problem *problem)
{
    recording->operations = calloc(tape->count + 1, sizeof *recording->operations);
    if (recording->operations == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory for a recorded run");
    recording->count = tape->count;
    pthread_mutex_lock(&tapes->lock);
    for (size_t i = 0; i < tape->count; i++)
        recording->operations[i] = operation_of(tapes, tape, i);
    pthread_mutex_unlock(&tapes->lock);
    return true;
}

struct operation tapes_operation(struct tapes *tapes, const struct tape *tape, size_t index)
{
    pthread_mutex_lock(&tapes->lock);
    struct operation operation = operation_of(tapes, tape, index);
    pthread_mutex_unlock(&tapes->lock);
    return operation;
}
