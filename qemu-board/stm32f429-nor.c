/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The machine stm32f429-nor: stm32f407-nor with an STM32F42x or F43x of 1 MB (DS9405), and SDRAM if the board has it.
 * What that MCU has besides: 64 KB more SRAM, PLLSAI, the SDRAM half of the FMC. All else is the F407's.
 */
#include "mcu.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/units.h"

static void get_sdram(Object *object, Visitor *visitor, const char *name, void *opaque, Error **errp)
{
    uint64_t size = mcu_of(object)->board.sdram;
    visit_type_size(visitor, name, &size, errp);
}

/* RM0090 37.4.3: a bank is a window of 256 MB. */
static void set_sdram(Object *object, Visitor *visitor, const char *name, void *opaque, Error **errp)
{
    uint64_t size;
    if (!visit_type_size(visitor, name, &size, errp))
        return;
    if (size < MiB || size > 256 * MiB || !is_power_of_2(size))
        error_setg(errp, "sdram: %" PRIu64 " bytes are not a power of two from 1M to 256M", size);
    else
        mcu_of(object)->board.sdram = size;
}

static void get_sdram_bank(Object *object, Visitor *visitor, const char *name, void *opaque, Error **errp)
{
    uint32_t bank = mcu_of(object)->board.sdram_bank;
    visit_type_uint32(visitor, name, &bank, errp);
}

static void set_sdram_bank(Object *object, Visitor *visitor, const char *name, void *opaque, Error **errp)
{
    uint32_t bank;
    if (!visit_type_uint32(visitor, name, &bank, errp))
        return;
    if (bank < 1 || bank > 2)
        error_setg(errp, "sdram-bank: there is no bank %u, only 1 and 2", bank);
    else
        mcu_of(object)->board.sdram_bank = bank;
}

static void board_instance_init(Object *object)
{
    Board *board = &mcu_of(object)->board;
    board->f42x = true;
    board->idcode = 0x10036419; /* STM32F42x and F43x, revision Y */
    board->sram = 192 * KiB;
    board->sdram_bank = 1;
}

static void board_class_init(ObjectClass *class, void *data)
{
    MACHINE_CLASS(class)->desc = "STM32F42x/43x with an SPI NOR, as its properties say";
    object_class_property_add(class, "sdram", "size", get_sdram, set_sdram, NULL, NULL);
    object_class_property_set_description(class, "sdram", "Bytes of SDRAM on the FMC, such as 8M (default: none)");
    object_class_property_add(class, "sdram-bank", "uint32", get_sdram_bank, set_sdram_bank, NULL, NULL);
    object_class_property_set_description(class, "sdram-bank", "Bank of the FMC that it is on: 1 or 2 (default: 1)");
}

static const TypeInfo board_type = {
    .name = MACHINE_TYPE_NAME("stm32f429-nor"),
    .parent = MACHINE_TYPE_NAME("stm32f407-nor"),
    .instance_init = board_instance_init,
    .class_init = board_class_init,
};

static void register_board(void)
{
    type_register_static(&board_type);
}

type_init(register_board)
