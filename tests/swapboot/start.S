/* SPDX-License-Identifier: MIT
 *
 * Vectors and start-up, for the bootloader and the applications: SysTick only wakes the core,
 * and a fault ends in a reset.
 */
    .syntax unified
    .cpu cortex-m4
    .thumb

    .section .vectors, "a"
    .word   ram_top
    .word   reset
    .rept   13
    .word   fault
    .endr
    .word   tick
    .rept   82                      /* RM0090 table 62 */
    .word   fault
    .endr

    .text
    .global reset
    .type   reset, %function
reset:
    ldr     r0, =data_begin
    ldr     r1, =data_end
    ldr     r2, =data_image
1:  cmp     r0, r1
    ittt    lo
    ldrlo   r3, [r2], #4
    strlo   r3, [r0], #4
    blo     1b
    ldr     r1, =bss_end
    movs    r3, #0
2:  cmp     r0, r1
    itt     lo
    strlo   r3, [r0], #4
    blo     2b
    bl      main

    .type   tick, %function
tick:
    bx      lr                      /* it only wakes the core */

    .type   fault, %function
fault:
    ldr     r0, =0xE000ED0C         /* AIRCR: VECTKEY and SYSRESETREQ */
    ldr     r1, =0x05FA0004
    dsb
    str     r1, [r0]
    b       .
    .pool
