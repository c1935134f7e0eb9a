/* SPDX-License-Identifier: MIT
 *
 * Makes an image reach into a second sector of 128 KB at little cost: what lies between reads as erased, so nothing is
 * programmed there, and behind it stand 4 KB of numbers without repetition.
 */
    .section .resource, "a"
    .balign 4
    .fill 0x20000, 1, 0xFF
    .set number, 1
    .rept 1024
    .set number, (number * 1664525 + 1013904223) & 0xFFFFFFFF
    .word number
    .endr
