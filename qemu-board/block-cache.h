/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Blocks of translated code that were dropped because the flash under them changed, for when it says the same again: each
 * recovery from a power loss writes the same application once more.
 */
#ifndef MATTERHORN_BLOCK_CACHE_H
#define MATTERHORN_BLOCK_CACHE_H

#include "exec/exec-all.h"

/* A dropped block, translated from the same bytes at the same place under the same flags, ready to be linked; NULL: there
 * is none. `code` is what stands at `phys_pc`. */
TranslationBlock *block_recall(CPUState *cpu, tb_page_addr_t phys_pc, target_ulong pc, target_ulong cs_base,
                               uint32_t flags, uint32_t cflags, const void *code);

/* Remembers a block that was translated from `code`. */
void block_remember(TranslationBlock *tb, const void *code);

/* The block is not to be used again. */
void block_forget(TranslationBlock *tb);

#endif
