/* SPDX-License-Identifier: MIT
 *
 * A plugin of QEMU: how many instructions were executed, by the address at which their block of translated code begins.
 * A block of code lies in one function, so that is enough to say which function the time went to. The argument
 * counts=NAME says where to write it when the machine ends: lines of address (hexadecimal) and count.
 */
#include <glib.h>
#include <qemu-plugin.h>
#include <stdio.h>
#include <string.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static GHashTable *counts; /* address to number of instructions; one core, so nothing is locked */
static char *name;

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    gpointer address = (gpointer)(gsize)qemu_plugin_tb_vaddr(tb);
    guint64 *count = g_hash_table_lookup(counts, address);

    (void)id;
    if (count == NULL) {
        count = g_new0(guint64, 1);
        g_hash_table_insert(counts, address, count);
    }
    qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, count, qemu_plugin_tb_n_insns(tb));
}

static void write_counts(qemu_plugin_id_t id, void *unused)
{
    GHashTableIter iterator;
    gpointer address, count;
    FILE *file = fopen(name, "w");

    (void)id;
    (void)unused;
    if (file == NULL) {
        perror(name);
        return;
    }
    g_hash_table_iter_init(&iterator, counts);
    while (g_hash_table_iter_next(&iterator, &address, &count)) {
        fprintf(file, "%zx %" G_GUINT64_FORMAT "\n", (gsize)address, *(guint64 *)count);
    }
    fclose(file);
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    (void)info;
    if (argc != 1 || strncmp(argv[0], "counts=", 7) != 0) {
        fprintf(stderr, "instructions: the argument is counts=NAME\n");
        return -1;
    }
    name = g_strdup(argv[0] + 7);
    counts = g_hash_table_new(NULL, NULL);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, write_counts, NULL);
    return 0;
}
