/* SPDX-License-Identifier: MIT */
#include "tape.h"

#include "mix.h"

#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_BLOCK 512u
#define USUAL_BLOCK 64u

/* One operation of a run. */
struct step {
    uint32_t operation; /* its number */
    uint32_t back;      /* how many operations before this one that is which is under way; 0: none */
};

/* Some of a run in a row. Where a block ends follows from what the operation there does, so that runs which do the same for a while
 * have the same blocks for it, wherever in the run that is, and whoever kept his tape first. */
struct block {
    uint32_t count;
    uint32_t erases; /* of them */
    struct step steps[LONGEST_BLOCK];
};

struct tapes {
    pthread_mutex_t lock;
    GHashTable *numbers; /* of an operation (its event, followed by the data) */
    GPtrArray *operations;
    GArray *followers; /* of each operation, the one that came next the last time: most runs go the way of others */
    GHashTable *block_numbers;
    GPtrArray *blocks;
};

struct tape {
    size_t count; /* of operations */
    size_t blocks;
    uint32_t block[]; /* their numbers */
};

static guint hash_bytes(const void *bytes, size_t size)
{
    uint64_t hash = 1, word;
    for (size_t i = 0; i < size; i += sizeof word) {
        word = 0;
        memcpy(&word, (const uint8_t *)bytes + i, size - i < sizeof word ? size - i : sizeof word);
        hash = mix_word(hash, word);
    }
    return (guint)hash;
}

static size_t size_of(const struct rail_event *event)
{
    return sizeof *event + event->payload;
}

static guint hash_operation(gconstpointer key)
{
    return hash_bytes(key, size_of(key));
}

static gboolean same_operation(gconstpointer left, gconstpointer right)
{
    return size_of(left) == size_of(right) && memcmp(left, right, size_of(left)) == 0;
}

static size_t size_of_block(const struct block *block)
{
    return offsetof(struct block, steps) + block->count * sizeof block->steps[0];
}

static guint hash_block(gconstpointer key)
{
    return hash_bytes(key, size_of_block(key));
}

static gboolean same_block(gconstpointer left, gconstpointer right)
{
    return size_of_block(left) == size_of_block(right) && memcmp(left, right, size_of_block(left)) == 0;
}

struct tapes *tapes_open(void)
{
    struct tapes *tapes = g_new0(struct tapes, 1);
    pthread_mutex_init(&tapes->lock, NULL);
    tapes->operations = g_ptr_array_new_with_free_func(g_free);
    tapes->numbers = g_hash_table_new(hash_operation, same_operation);
    tapes->followers = g_array_new(FALSE, TRUE, sizeof(uint32_t));
    tapes->blocks = g_ptr_array_new_with_free_func(g_free);
    tapes->block_numbers = g_hash_table_new(hash_block, same_block);
    return tapes;
}

void tapes_close(struct tapes *tapes)
{
    if (tapes == NULL)
        return;
    g_hash_table_destroy(tapes->numbers);
    g_ptr_array_free(tapes->operations, TRUE);
    g_array_free(tapes->followers, TRUE);
    g_hash_table_destroy(tapes->block_numbers);
    g_ptr_array_free(tapes->blocks, TRUE);
    pthread_mutex_destroy(&tapes->lock);
    g_free(tapes);
}

/* --- keeping --- */

/* The number of what is alike in the list; it is added if there is nothing. */
static uint32_t number_of(GHashTable *numbers, GPtrArray *list, const void *key, size_t size)
{
    gpointer number;
    if (g_hash_table_lookup_extended(numbers, key, NULL, &number))
        return GPOINTER_TO_UINT(number);
    void *kept = g_memdup2(key, size);
    g_hash_table_insert(numbers, kept, GUINT_TO_POINTER(list->len));
    g_ptr_array_add(list, kept);
    return list->len - 1;
}

/* Without what is not kept: times and the instruction. */
static bool is_alike(const struct rail_event *kept, const struct trace_item *item)
{
    const struct rail_event *event = item->event;
    return kept->address == event->address && kept->value == event->value && kept->payload == event->payload && kept->kind == event->kind &&
           kept->chip == event->chip && memcmp(kept + 1, item->data, event->payload) == 0;
}

static uint32_t look_up(struct tapes *tapes, const struct trace_item *item)
{
    size_t size = size_of(item->event);
    struct rail_event *key = g_malloc(size);
    *key = *item->event;
    key->time_ns = key->duration_ns = 0;
    key->pc = 0;
    memcpy(key + 1, item->data, item->event->payload);
    uint32_t number = number_of(tapes->numbers, tapes->operations, key, size);
    g_free(key);
    return number;
}

/* Of an operation that comes behind number `before`. */
static uint32_t number_operation(struct tapes *tapes, const struct trace_item *item, uint32_t before)
{
    if (before >= tapes->followers->len)
        g_array_set_size(tapes->followers, before + 1);
    uint32_t number = g_array_index(tapes->followers, uint32_t, before);
    if (number < tapes->operations->len && is_alike(g_ptr_array_index(tapes->operations, number), item))
        return number;
    number = look_up(tapes, item);
    g_array_index(tapes->followers, uint32_t, before) = number;
    return number;
}

static bool ends_block(const struct tapes *tapes, const struct block *block)
{
    const struct rail_event *last = g_ptr_array_index(tapes->operations, block->steps[block->count - 1].operation);
    return block->count == LONGEST_BLOCK || (hash_operation(last) >> 8) % USUAL_BLOCK == 0;
}

static void add_block(struct tapes *tapes, struct tape *tape, struct block *block)
{
    if (block->count == 0)
        return;
    tape->block[tape->blocks++] = number_of(tapes->block_numbers, tapes->blocks, block, size_of_block(block));
    block->count = block->erases = 0;
}

struct tape *tapes_keep(struct tapes *tapes, const struct recording *recording)
{
    struct tape *tape = malloc(sizeof *tape + (recording->count + 1) * sizeof tape->block[0]);
    struct block block = {.count = 0};
    uint32_t before = 0;
    if (tape == NULL)
        return NULL;
    *tape = (struct tape){.count = recording->count};
    pthread_mutex_lock(&tapes->lock);
    for (size_t i = 0; i < recording->count; i++) {
        const struct operation *operation = &recording->operations[i];
        before = number_operation(tapes, &operation->item, before);
        block.steps[block.count++] = (struct step){before, (uint32_t)(i - operation->under_way)};
        block.erases += operation->item.event->kind == RAIL_ERASE;
        if (ends_block(tapes, &block))
            add_block(tapes, tape, &block);
    }
    add_block(tapes, tape, &block);
    pthread_mutex_unlock(&tapes->lock);
    struct tape *shrunk = realloc(tape, sizeof *tape + tape->blocks * sizeof tape->block[0]);
    return shrunk != NULL ? shrunk : tape;
}

/* --- playing --- */

/* Operations from..to-1. */
static void play(const struct tapes *tapes, const struct tape *tape, size_t from, size_t to, struct operation *operations)
{
    size_t index = 0;
    for (size_t i = 0; i < tape->blocks && index < to; i++) {
        const struct block *block = g_ptr_array_index(tapes->blocks, tape->block[i]);
        uint32_t step = 0;
        if (index < from) {
            step = from - index < block->count ? (uint32_t)(from - index) : block->count;
            index += step;
        }
        for (; step < block->count && index < to; step++, index++) {
            const struct rail_event *event = g_ptr_array_index(tapes->operations, block->steps[step].operation);
            operations[index] = (struct operation){.item = {event, (const uint8_t *)(event + 1)},
                                                   .under_way = index - block->steps[step].back};
        }
    }
}

struct tape *tapes_copy(const struct tape *tape)
{
    size_t size = sizeof *tape + tape->blocks * sizeof tape->block[0];
    struct tape *copy = malloc(size);
    if (copy != NULL)
        memcpy(copy, tape, size);
    return copy;
}

size_t tapes_count(const struct tape *tape)
{
    return tape->count;
}

bool tapes_play(struct tapes *tapes, const struct tape *tape, size_t limit, struct recording *recording, struct problem *problem)
{
    size_t count = limit < tape->count ? limit : tape->count;
    if (recording->operations != NULL && count <= recording->count)
        return true;
    struct operation *operations = realloc(recording->operations, (count + 1) * sizeof *operations);
    if (operations == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory for a recorded run");
    pthread_mutex_lock(&tapes->lock);
    play(tapes, tape, recording->count, count, operations);
    pthread_mutex_unlock(&tapes->lock);
    recording->operations = operations;
    recording->count = count;
    return true;
}

struct tape_place *tapes_places(struct tapes *tapes, const struct tape *tape, size_t *count)
{
    struct tape_place *places = calloc(tape->blocks + 1, sizeof *places);
    size_t operation = tape->count, erases = 0;
    uint64_t rest = 0;
    if (places == NULL)
        return NULL;
    pthread_mutex_lock(&tapes->lock);
    for (size_t i = tape->blocks; i-- > 0;) {
        const struct block *block = g_ptr_array_index(tapes->blocks, tape->block[i]);
        operation -= block->count;
        erases += block->erases;
        rest = mix_word(rest, tape->block[i] + 1u);
        places[i] = (struct tape_place){operation, erases, rest};
    }
    pthread_mutex_unlock(&tapes->lock);
    *count = tape->blocks;
    return places;
}

const struct rail_event *tapes_event(struct tapes *tapes, const struct tape *tape, size_t index)
{
    const struct block *block = NULL;
    pthread_mutex_lock(&tapes->lock);
    for (size_t i = 0; i < tape->blocks; i++) {
        block = g_ptr_array_index(tapes->blocks, tape->block[i]);
        if (index < block->count)
            break;
        index -= block->count;
    }
    const struct rail_event *event = g_ptr_array_index(tapes->operations, block->steps[index].operation);
    pthread_mutex_unlock(&tapes->lock);
    return event;
}

bool tapes_operation(struct tapes *tapes, const struct tape *tape, size_t index, struct operation *operation)
{
    struct operation *operations = calloc(index + 1, sizeof *operations);
    if (operations == NULL)
        return false;
    pthread_mutex_lock(&tapes->lock);
    play(tapes, tape, 0, index + 1, operations);
    pthread_mutex_unlock(&tapes->lock);
    *operation = operations[index];
    for (size_t i = 0; i <= index; i++) {
        const struct rail_event *one = operations[i].item.event, *other = operation->item.event;
        operation->occurrence += one->chip == other->chip && one->address == other->address && one->kind == other->kind;
    }
    free(operations);
    return true;
}
