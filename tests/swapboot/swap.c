/* SPDX-License-Identifier: MIT */
#include "swap.h"

static uint32_t longer(uint32_t one, uint32_t other)
{
    return one > other ? one : other;
}

/* Always erases: what a lost erase left may read blank and not hold what is programmed. */
static void copy(uint32_t to, uint32_t from, uint32_t length)
{
    flash_erase(to);
    flash_program(to, &BYTE(from), length);
}

/* Until the magic stands in the scratch, nothing else has changed: then it is simply done again. */
void swap_begin(uint8_t kind)
{
    uint32_t length = longer(image_length(PRIMARY), image_length(SECONDARY));
    copy(SCRATCH, SECONDARY, length);
    flash_program(AT(SCRATCH, LENGTH), (const uint8_t *)&length, sizeof length);
    flash_program(AT(SCRATCH, KIND), &kind, 1);
    magic_write(SCRATCH);
}

bool swap_is_open(void)
{
    return magic_is_there(SCRATCH) && !flag_is_set(AT(SCRATCH, PRIMARY_DONE));
}

/* A trial is not to stay until the image says so; the way back is. */
static void write_primary_trailer(uint8_t kind)
{
    flash_program(AT(PRIMARY, KIND), &kind, 1);
    flag_set(AT(PRIMARY, COPY_DONE));
    if (kind == BACK)
        flag_set(AT(PRIMARY, IMAGE_OK));
    magic_write(PRIMARY);
}

/* Each step destroys only what stands somewhere else, and is repeated as a whole until it is marked as done. */
void swap_finish(void)
{
    uint32_t length = WORD(AT(SCRATCH, LENGTH));
    if (!flag_is_set(AT(SCRATCH, SECONDARY_DONE))) {
        copy(SECONDARY, PRIMARY, length);
        flag_set(AT(SCRATCH, SECONDARY_DONE));
    }
    copy(PRIMARY, SCRATCH, length);
    write_primary_trailer(BYTE(AT(SCRATCH, KIND)));
    flag_set(AT(SCRATCH, PRIMARY_DONE));
}
