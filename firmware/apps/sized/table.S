/* SPDX-License-Identifier: MIT
 *
 * BLOCKS times 64 words, none of which reads as erased, and their sum. Eight words of each block repeat its first
 * eight: so the package of the largest image, compressed, still fits into a Demo of the same region, which carries it.
 */
    .set number, 1
    .set sum, 0

    .macro next_word
    .set number, (number * 1664525 + 1013904223) & 0xFFFFFFFF
    .set sum, (sum + number) & 0xFFFFFFFF
    .word number
    .endm

    .section .resource, "a"
    .balign 4
    .global table, table_words, table_sum
table:
    .rept BLOCKS
    .set first, number
    .rept 56
    next_word
    .endr
    .set last, number
    .set number, first
    .rept 8
    next_word
    .endr
    .set number, last
    .endr
table_words:
    .word BLOCKS * 64
table_sum:
    .word sum
