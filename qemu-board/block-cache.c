/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a block of translated code does depends on the bytes it was translated from, their place, and the flags, all of
 * which are compared. (Where it ends also depends on what follows at the end of a page, and on the known device accesses;
 * a block may end anywhere.) QEMU never re-uses the memory of a dropped block before it flushes all of them.
 *
 * Without -icount blocks are dropped and translated in several threads, so nothing is remembered there.
 */
#include "qemu/osdep.h"
#include "block-cache.h"
#include "qemu/xxhash.h"
#include "accel/tcg/tb-context.h"
#include "sysemu/cpu-timers.h"

/* Images that a place is remembered in. A campaign has two or three; a list without end would be slower than translating. */
#define VARIANTS 16

typedef struct Remembered Remembered;
struct Remembered {
    TranslationBlock *tb;
    Remembered *next; /* of the same place and flags, from other bytes */
    uint32_t cflags;  /* without what QEMU notes there of a dropped block */
    uint16_t size;
    bool forgotten;
    uint8_t code[];
};

static GHashTable *places;
static unsigned flushes;

static guint hash(gconstpointer value)
{
    const TranslationBlock *tb = ((const Remembered *)value)->tb;
    return qemu_xxhash4(tb_page_addr0(tb), tb->flags);
}

static gboolean same_place(gconstpointer one, gconstpointer other)
{
    const Remembered *a = one, *b = other;
    return tb_page_addr0(a->tb) == tb_page_addr0(b->tb) && a->tb->pc == b->tb->pc && a->tb->flags == b->tb->flags &&
           a->tb->cs_base == b->tb->cs_base && a->cflags == b->cflags &&
           a->tb->trace_vcpu_dstate == b->tb->trace_vcpu_dstate;
}

static void free_all(gpointer value)
{
    for (Remembered *next, *at = value; at != NULL; at = next) {
        next = at->next;
        g_free(at);
    }
}

/* The first of those at the place of `key`. */
static Remembered *look_up(const Remembered *key)
{
    if (places == NULL)
        places = g_hash_table_new_full(hash, same_place, NULL, free_all);
    if (flushes != qatomic_read(&tb_ctx.tb_flush_count)) {
        g_hash_table_remove_all(places);
        flushes = qatomic_read(&tb_ctx.tb_flush_count);
    }
    return g_hash_table_lookup(places, key);
}

TranslationBlock *block_recall(CPUState *cpu, tb_page_addr_t phys_pc, target_ulong pc, target_ulong cs_base,
                               uint32_t flags, uint32_t cflags, const void *code)
{
    TranslationBlock tb = {.pc = pc, .cs_base = cs_base, .flags = flags, .trace_vcpu_dstate = *cpu->trace_dstate};
    Remembered key = {.tb = &tb, .cflags = cflags};
    if (phys_pc == -1 || code == NULL || !icount_enabled())
        return NULL;
    tb_set_page_addr0(&tb, phys_pc);
    for (Remembered *at = look_up(&key); at != NULL; at = at->next) {
        if ((tb_cflags(at->tb) & CF_INVALID) && !at->forgotten && memcmp(at->code, code, at->size) == 0) {
            at->tb->cflags = cflags;
            return at->tb;
        }
    }
    return NULL;
}

/* Keeps so many of a list. */
static void shorten(Remembered *first)
{
    for (unsigned n = 1; n < VARIANTS && first != NULL; n++)
        first = first->next;
    if (first != NULL)
        g_clear_pointer(&first->next, free_all);
}

void block_remember(TranslationBlock *tb, const void *code)
{
    Remembered key = {.tb = tb, .cflags = tb_cflags(tb)};
    if (code == NULL || tb_page_addr1(tb) != -1 || !icount_enabled())
        return;
    Remembered *first = look_up(&key);
    for (Remembered *at = first; at != NULL; at = at->next)
        if (at->tb == tb)
            return;
    Remembered *entry = g_malloc(sizeof(*entry) + tb->size);
    *entry = (Remembered){.tb = tb, .cflags = tb_cflags(tb), .size = tb->size};
    memcpy(entry->code, code, tb->size);
    if (first == NULL) {
        g_hash_table_add(places, entry);
    } else { /* the first one stays the key */
        entry->next = first->next;
        first->next = entry;
        shorten(first);
    }
}

void block_forget(TranslationBlock *tb)
{
    Remembered key = {.tb = tb, .cflags = tb_cflags(tb) & ~CF_INVALID};
    for (Remembered *at = look_up(&key); at != NULL; at = at->next)
        if (at->tb == tb)
            at->forgotten = true;
}
