/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The machine stm32f407-nor: an STM32F405 or F407 on a board that the properties describe.
 */
#include "mcu.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/cutils.h"

#define UID_DIGITS 24

static Board *board(Object *object)
{
    return &mcu_of(object)->board;
}

/// The crystal ///

static void get_hse(Object *object, Visitor *visitor, const char *name, void *opaque, Error **errp)
{
    visit_type_uint32(visitor, name, &board(object)->hse, errp);
}

/* RM0090 7.2.1: 1 to 50 MHz from outside, 4 to 26 MHz from a crystal. */
static void set_hse(Object *object, Visitor *visitor, const char *name, void *opaque, Error **errp)
{
    uint32_t hse;
    if (!visit_type_uint32(visitor, name, &hse, errp))
        return;
    if (hse < 1000000 || hse > 50000000)
        error_setg(errp, "hse: %u Hz is not within 1000000 to 50000000", hse);
    else
        board(object)->hse = hse;
}

/// Where the SPI NOR is ///

/* The chip select is no LED; bus pins that are outputs may be. */
static void wire_nor(Board *board, unsigned spi, uint8_t select)
{
    board->nor_spi = spi;
    spi_pins(spi, board->nor_bus);
    board->nor_select = select;
    memset(board->quiet, 0, sizeof(board->quiet));
    board->quiet[select / 16] = 1u << select % 16;
}

static void get_nor_spi(Object *object, Visitor *visitor, const char *name, void *opaque, Error **errp)
{
    uint32_t spi = board(object)->nor_spi;
    visit_type_uint32(visitor, name, &spi, errp);
}

static void set_nor_spi(Object *object, Visitor *visitor, const char *name, void *opaque, Error **errp)
{
    uint32_t spi;
    if (!visit_type_uint32(visitor, name, &spi, errp))
        return;
    if (spi < 1 || spi > SPIS)
        error_setg(errp, "nor-spi: there is no SPI%u, only 1 to %u", spi, SPIS);
    else
        wire_nor(board(object), spi, board(object)->nor_select);
}

static char *get_nor_cs_pin(Object *object, Error **errp)
{
    uint8_t pin = board(object)->nor_select;
    return g_strdup_printf("P%c%u", 'A' + pin / 16, pin % 16);
}

static void set_nor_cs_pin(Object *object, const char *value, Error **errp)
{
    unsigned pin;
    bool named = value[0] == 'P' && value[1] >= 'A' && value[1] < 'A' + PORTS && g_ascii_isdigit(value[2]);
    if (!named || qemu_strtoui(value + 2, NULL, 10, &pin) != 0 || pin > 15)
        error_setg(errp, "nor-cs-pin: '%s' is no pin, such as PC0", value);
    else
        wire_nor(board(object), board(object)->nor_spi, (value[1] - 'A') * 16 + pin);
}

/// What is in it ///

static char *get_uid(Object *object, Error **errp)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < sizeof(board(object)->uid); i++)
        g_string_append_printf(text, "%02x", board(object)->uid[i]);
    return g_string_free(text, false);
}

static void set_uid(Object *object, const char *value, Error **errp)
{
    if (strlen(value) != UID_DIGITS || strspn(value, "0123456789abcdefABCDEF") != UID_DIGITS) {
        error_setg(errp, "uid: '%s' is not %u hexadecimal digits", value, UID_DIGITS);
        return;
    }
    for (unsigned i = 0; i < UID_DIGITS / 2; i++)
        board(object)->uid[i] = g_ascii_xdigit_value(value[2 * i]) << 4 | g_ascii_xdigit_value(value[2 * i + 1]);
}

static bool get_vbat(Object *object, Error **errp)
{
    return board(object)->vbat;
}

static void set_vbat(Object *object, bool value, Error **errp)
{
    board(object)->vbat = value;
}

static void set_load(Object *object, const char *value, Error **errp)
{
    board(object)->images = images_read(value, errp);
}

/// The type ///

static void board_instance_init(Object *object)
{
    Board *board = &mcu_of(object)->board;
    memset(board->pulled_down, 0, sizeof(board->pulled_down));
    board->hse = 8000000;
    wire_nor(board, 1, PORT_A * 16 + 4);
}

static void board_class_init(ObjectClass *class, void *data)
{
    MACHINE_CLASS(class)->desc = "STM32F405/407 with an SPI NOR, as its properties say";
    object_class_property_add(class, "hse", "uint32", get_hse, set_hse, NULL, NULL);
    object_class_property_set_description(class, "hse", "Crystal or clock at OSC_IN, in Hz (default: 8000000)");
    object_class_property_add(class, "nor-spi", "uint32", get_nor_spi, set_nor_spi, NULL, NULL);
    object_class_property_set_description(class, "nor-spi", "The SPI that the NOR is on: 1, 2 or 3 (default: 1)");
    object_class_property_add_str(class, "nor-cs-pin", get_nor_cs_pin, set_nor_cs_pin);
    object_class_property_set_description(class, "nor-cs-pin", "The NOR's chip select (default: PA4)");
    object_class_property_add_str(class, "uid", get_uid, set_uid);
    object_class_property_set_description(class, "uid", "Unique id, 24 hexadecimal digits, lowest address first");
    object_class_property_add_bool(class, "vbat", get_vbat, set_vbat);
    object_class_property_set_description(class, "vbat", "A battery keeps RTC and backup registers (default: off)");
    object_class_property_add_str(class, "load", NULL, set_load);
    object_class_property_set_description(class, "load",
                                          "Binaries for the internal flash: FILE@ADDRESS;FILE@ADDRESS...");
}

static const TypeInfo board_type = {
    .name = MACHINE_TYPE_NAME("stm32f407-nor"),
    .parent = TYPE_STM32F407_MACHINE,
    .instance_init = board_instance_init,
    .class_init = board_class_init,
};

static void register_board(void)
{
    type_register_static(&board_type);
}

type_init(register_board)
