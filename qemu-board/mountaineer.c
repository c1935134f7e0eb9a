/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What all machines with an STM32F407 are made of, and the boards mountaineer-eth and mountaineer-usb: an STM32F407VG
 * with a 12 MHz crystal and an 8 MB SPI NOR.
 */
#include "mcu.h"
#include "exec/address-spaces.h"
#include "hw/arm/boot.h"
#include "hw/qdev-clock.h"
#include "hw/qdev-properties.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "sysemu/reset.h"
#include "sysemu/runstate.h"
#include "trace/trace-hw_arm.h"

#define TYPE_MOUNTAINEER TYPE_STM32F407_MACHINE
OBJECT_DECLARE_SIMPLE_TYPE(Mountaineer, MOUNTAINEER)

struct Mountaineer {
    MachineState parent;
    char *internal, *otp, *nor, *trace, *touched, *rail, *flash_times;
    char *nor_part, *nor_times, *nor_powerup, *nor_cs, *nor_multipass;
    bool poll_skip, stale_cache;
    Mcu mcu;
};

Mcu *mcu_of(Object *machine)
{
    return &MOUNTAINEER(machine)->mcu;
}

qemu_irq mcu_irq(Mcu *mcu, unsigned number)
{
    return qdev_get_gpio_in(mcu->armv7m, number);
}

void mcu_map(Mcu *mcu, MemoryRegion *mmio, const MemoryRegionOps *ops, void *device, const char *name, hwaddr base)
{
    memory_region_init_io(mmio, OBJECT(mcu->machine), ops, device, name, 0x400);
    memory_region_add_subregion(get_system_memory(), base, mmio);
    gates_add(mcu, mmio, base);
}

/// Power and reset ///

/* What a reset of the MCU resets. The core comes last: it fetches its vectors. */
static void reset_mcu(Mcu *mcu)
{
    mcu->time.stall_end = 0;
    wwdg_reset(mcu); /* these stop what counts the clocks that are about to change */
    tim_reset(mcu);
    rcc_reset(mcu);
    flash_reset(mcu);
    gpio_reset(mcu); /* lets go of the NOR's chip select, perhaps inside a byte that SPI1 is shifting */
    spi_reset(mcu);
    usart_reset(mcu);
    dma_reset(mcu);
    dwt_reset(mcu);
    fmc_reset(mcu);
    exti_reset(mcu);
    pwr_reset(mcu);
    rtc_reset(mcu);
    crc_reset(mcu);
    rng_reset(mcu);
    plain_reset(mcu);
    iwdg_reset(mcu);
    touch_address(mcu, 0, 8); /* the core's vectors */
    qemu_devices_reset(SHUTDOWN_CAUSE_NONE);
}

void mcu_power_on(Mcu *mcu)
{
    time_power_on(mcu);
    mcu->rail.powered = true;
    mcu->rail.operations = 0;
    for (unsigned port = 0; port < PORTS; port++)
        mcu->gpio[port].level = 0;
    rcc_power_on(mcu);
    rtc_power_on(mcu);
    flash_power_on(mcu);
    rng_power_on(mcu);
    fmc_power_on(mcu);
    spi_nor_power_on(mcu);
    faults_power_on(mcu);
    reset_mcu(mcu);
    trace_now(mcu, RAIL_POWER_ON, 0, 0, 0);
    trace_matterhorn_power_on(mcu->rail.noise);
    supply_power_on(mcu);
}

void mcu_contents_lost(Mcu *mcu)
{
    mcu->rail.noise += RAIL_NOISE_STEP; /* another power-on of the internal flash */
    rcc_power_on(mcu);
    if (!mcu->board.vbat)
        rtc_backup_reset(mcu);
    flash_power_on(mcu);
    rng_power_on(mcu);
}

void mcu_power_off(Mcu *mcu, enum nor_tear tear, uint32_t operation)
{
    flash_power_off(mcu, tear);
    spi_nor_power_off(mcu, tear);
    rtc_power_off(mcu);
    supply_power_off(mcu);
    mcu->rail.powered = false;
    trace_now(mcu, RAIL_POWER_OFF, 0, 0, operation);
    trace_matterhorn_power_off(time_now(mcu), operation);
}

void mcu_request_reset(Mcu *mcu, uint32_t flag)
{
    if (mcu->supply.held)
        return;
    mcu->rcc.reset_flags |= flag;
    qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
}

static void system_reset_request(void *opaque, int n, int level)
{
    if (level)
        mcu_request_reset(opaque, RCC_CSR_SFTRSTF);
}

/* Every reset drives the NRST pin, so that a reset from outside needs no flag of its own. */
static void mountaineer_reset(MachineState *machine, ShutdownCause cause)
{
    Mcu *mcu = &MOUNTAINEER(machine)->mcu;
    if (cause == SHUTDOWN_CAUSE_NONE) {
        if (!mcu->rail.connected)
            mcu_power_on(mcu);
        return;
    }
    if (!mcu->rail.powered)
        return;
    supply_before_reset(mcu);
    mcu->rcc.reset_flags |= RCC_CSR_PINRSTF;
    reset_mcu(mcu);
    if (supply_holds(mcu))
        return;
    trace_now(mcu, RAIL_RESET, 0, 0, mcu->rcc.reset_flags & RCC_CSR_FLAGS);
    trace_matterhorn_reset(time_now(mcu), mcu->rcc.reset_flags & RCC_CSR_FLAGS);
    if (mcu->rail.pause_reset)
        rail_pause(mcu, "reset");
}

/// Construction ///

static void init_core(Mcu *mcu)
{
    DeviceState *armv7m = qdev_new(TYPE_ARMV7M);
    mcu->armv7m = armv7m;
    object_property_add_child(OBJECT(mcu->machine), "armv7m", OBJECT(armv7m));
    qdev_prop_set_uint32(armv7m, "num-irq", 96);
    qdev_prop_set_string(armv7m, "cpu-type", mcu->machine->cpu_type);
    qdev_prop_set_bit(armv7m, "enable-bitband", true);
    qdev_connect_clock_in(armv7m, "cpuclk", mcu->rcc.cpuclk);
    qdev_connect_clock_in(armv7m, "refclk", mcu->rcc.refclk);
    object_property_set_link(OBJECT(armv7m), "memory", OBJECT(get_system_memory()), &error_abort);
    sysbus_realize_and_unref(SYS_BUS_DEVICE(armv7m), &error_fatal);
    qdev_connect_gpio_out_named(armv7m, "SYSRESETREQ", 0, qemu_allocate_irq(system_reset_request, mcu, 0));
    mcu->cpu = CPU(ARMV7M(armv7m)->cpu);
}

static void init_ram(MemoryRegion *region, const char *name, hwaddr base, uint64_t size)
{
    memory_region_init_ram(region, NULL, name, size, &error_fatal);
    memory_region_add_subregion(get_system_memory(), base, region);
}

static void mountaineer_init(MachineState *machine)
{
    Mountaineer *board = MOUNTAINEER(machine);
    Mcu *mcu = &board->mcu;
    if (machine->kernel_filename != NULL) {
        error_report("-kernel would be written to the flash at every reset; use internal=FILE");
        exit(1);
    }
    mcu->machine = machine;
    time_init(mcu, board->poll_skip);
    init_ram(&mcu->sram, "sram", 0x20000000, mcu->board.sram);
    init_ram(&mcu->ccm, "ccm", 0x10000000, 64 * KiB);
    rcc_init(mcu);
    touch_open(mcu, board->touched);
    /* Before the core, which reads its vectors as soon as it is there. */
    flash_init(mcu, board->internal, board->otp, board->flash_times, board->stale_cache);
    init_core(mcu);
    flash_connect(mcu);
    touch_connect(mcu);
    trace_open(mcu, board->trace);
    rail_init(mcu, board->rail);
    supply_init(mcu);
    faults_init(mcu);
    gpio_init(mcu);
    usart_init(mcu);
    spi_init(mcu);
    tim_init(mcu);
    dma_init(mcu);
    spi_nor_init(mcu, board->nor, &(SpiNorOptions){.part = board->nor_part, .times = board->nor_times,
        .power_up = board->nor_powerup, .chip_select = board->nor_cs, .multipass = board->nor_multipass});
    iwdg_init(mcu);
    wwdg_init(mcu);
    exti_init(mcu);
    pwr_init(mcu);
    rtc_init(mcu);
    crc_init(mcu);
    rng_init(mcu);
    dwt_init(mcu);
    fmc_init(mcu);
    plain_init(mcu);
    images_place(mcu); /* when nothing can go wrong any more: this writes to files */
    touch_empty(mcu);
    armv7m_load_kernel(ARM_CPU(mcu->cpu), NULL, 0, RAIL_INTERNAL_SIZE);
}

/// Properties ///

#define STRING_PROPERTY(field)                                                                                         \
    static char *get_##field(Object *object, Error **errp)                                                             \
    {                                                                                                                  \
        return g_strdup(MOUNTAINEER(object)->field);                                                                   \
    }                                                                                                                  \
    static void set_##field(Object *object, const char *value, Error **errp)                                           \
    {                                                                                                                  \
        g_free(MOUNTAINEER(object)->field);                                                                            \
        MOUNTAINEER(object)->field = g_strdup(value);                                                                  \
    }

STRING_PROPERTY(internal)
STRING_PROPERTY(otp)
STRING_PROPERTY(nor)
STRING_PROPERTY(trace)
STRING_PROPERTY(touched)
STRING_PROPERTY(rail)
STRING_PROPERTY(nor_part)
STRING_PROPERTY(flash_times)
STRING_PROPERTY(nor_times)
STRING_PROPERTY(nor_powerup)
STRING_PROPERTY(nor_cs)
STRING_PROPERTY(nor_multipass)

static bool get_poll_skip(Object *object, Error **errp)
{
    return MOUNTAINEER(object)->poll_skip;
}

static void set_poll_skip(Object *object, bool value, Error **errp)
{
    MOUNTAINEER(object)->poll_skip = value;
}

static bool get_stale_cache(Object *object, Error **errp)
{
    return MOUNTAINEER(object)->stale_cache;
}

static void set_stale_cache(Object *object, bool value, Error **errp)
{
    MOUNTAINEER(object)->stale_cache = value;
}
static const Board mountaineer = {
    .hse = 12000000,
    .nor_spi = 1,
    .nor_select = PORT_C * 16 + 0,
    .nor_bus = {{PORT_B * 16 + 3, NO_PIN}, {PORT_B * 16 + 4, NO_PIN}, {PORT_B * 16 + 5, NO_PIN}},
    .quiet = {[PORT_B] = 1u << 3 | 1u << 4 | 1u << 5, [PORT_C] = 1u << 0},
    .pulled_down = {[PORT_E] = 1u << 10}, /* the button has a resistor */
    .uid = {0x2D, 0x00, 0x41, 0x00, 0x0F, 0x51, 0x37, 0x32, 0x35, 0x39, 0x36, 0x38},
    .idcode = 0x10076413, /* STM32F405/407, revision 3 */
    .sram = 128 * KiB,
};

static void mountaineer_instance_init(Object *object)
{
    mcu_of(object)->board = mountaineer;
    MOUNTAINEER(object)->nor_part = g_strdup(nor_s25fl064k.name);
    MOUNTAINEER(object)->flash_times = g_strdup("typical");
    MOUNTAINEER(object)->poll_skip = true;
}

static void add_string(ObjectClass *class, const char *name, char *(*get)(Object *, Error **),
                       void (*set)(Object *, const char *, Error **), const char *description)
{
    object_class_property_add_str(class, name, get, set);
    object_class_property_set_description(class, name, description);
}

static void mountaineer_class_init(ObjectClass *class, void *data)
{
    MachineClass *machine = MACHINE_CLASS(class);
    machine->init = mountaineer_init;
    machine->reset = mountaineer_reset;
    machine->max_cpus = 1;
    machine->default_cpu_type = ARM_CPU_TYPE_NAME("cortex-m4");
    machine->no_floppy = machine->no_cdrom = machine->no_parallel = 1;
    add_string(class, "internal", get_internal, set_internal, "File with the 1 MB of internal flash, shared");
    add_string(class, "otp", get_otp, set_otp, "File with OTP and option bytes (544 bytes), shared");
    add_string(class, "nor", get_nor, set_nor, "File with the 8 MB of the SPI NOR, shared");
    add_string(class, "trace", get_trace, set_trace, "File that the trace is appended to, shared");
    add_string(class, "touched", get_touched, set_touched, "File that tells which bytes were touched, shared");
    add_string(class, "rail", get_rail, set_rail, "Character device of the power rail");
    add_string(class, "nor-part", get_nor_part, set_nor_part, "Part on the SPI bus: s25fl064k, w25q64 or none");
    add_string(class, "nor-times", get_nor_times, set_nor_times, "Times of the SPI NOR: typical or maximum");
    add_string(class, "nor-powerup", get_nor_powerup, set_nor_powerup, "SPI NOR after power-up: instant or datasheet");
    add_string(class, "nor-cs", get_nor_cs, set_nor_cs, "Chip select that nothing drives: pulled or floating");
    add_string(class, "nor-multipass", get_nor_multipass, set_nor_multipass,
               "Second program of a page of the SPI NOR: allowed or refused");
    add_string(class, "flash-times", get_flash_times, set_flash_times, "Internal flash: typical or maximum");
    object_class_property_add_bool(class, "poll-skip", get_poll_skip, set_poll_skip);
    object_class_property_set_description(class, "poll-skip", "Let time pass when a busy status is polled");
    object_class_property_add_bool(class, "stale-cache", get_stale_cache, set_stale_cache);
    object_class_property_set_description(class, "stale-cache", "Internal flash: caches hold what an erase removed");
}

static void eth_class_init(ObjectClass *class, void *data)
{
    MACHINE_CLASS(class)->desc = "Mountaineer Ethernet mainboard (STM32F407VG, 8 MB SPI NOR)";
}

static void usb_class_init(ObjectClass *class, void *data)
{
    MACHINE_CLASS(class)->desc = "Mountaineer USB mainboard (STM32F407VG, 8 MB SPI NOR)";
}

static const TypeInfo mountaineer_types[] = {
    {
        .name = TYPE_MOUNTAINEER,
        .parent = TYPE_MACHINE,
        .abstract = true,
        .instance_size = sizeof(Mountaineer),
        .instance_init = mountaineer_instance_init,
        .class_init = mountaineer_class_init,
    },
    {
        .name = MACHINE_TYPE_NAME("mountaineer-eth"),
        .parent = TYPE_MOUNTAINEER,
        .class_init = eth_class_init,
    },
    {
        .name = MACHINE_TYPE_NAME("mountaineer-usb"),
        .parent = TYPE_MOUNTAINEER,
        .class_init = usb_class_init,
    },
};

DEFINE_TYPES(mountaineer_types)
