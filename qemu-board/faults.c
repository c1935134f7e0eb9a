/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Faults of the parts, by name: the menu is sim/nor/fault.h's, the commands are rail.h's. What they do to cells is in
 * sim/nor; here is what the core and the SPI bus see of them. What counts, counts since power-on, so that nothing of
 * one power-up reaches into the next but what is stored.
 */
#include "mcu.h"
#include "qemu/cutils.h"
#include "qemu/units.h"

enum { SPI_READ_STATUS_1 = 0x05, SPI_READ_STATUS_2 = 0x35, SPI_READ_STATUS_3 = 0x15 };

bool faults_on(Mcu *mcu, enum fault fault)
{
    return mcu->faults.set.of[fault].on;
}

uint32_t faults_value(Mcu *mcu, enum fault fault)
{
    return mcu->faults.set.of[fault].value;
}

/// What is wrong ///

/* A firmware that gives up after so many polls must be able to: then the machine lets none of them pass unseen. */
static bool outlasts_data_sheet(Mcu *mcu, enum fault slow)
{
    return faults_on(mcu, slow) && faults_value(mcu, slow) > 1;
}

static void become(Mcu *mcu, const struct fault_set *set)
{
    Faults *faults = &mcu->faults;
    bool any = fault_any(set);
    faults->set = *set;
    faults->internal = fault_defects_internal(set);
    faults->nor = fault_defects_nor(set);
    memset(faults->erases, 0, sizeof(faults->erases));
    memset(faults->nor_erases, 0, sizeof(faults->nor_erases));
    mcu->flash.array.defects = any ? &faults->internal : NULL;
    mcu->nor.array.defects = any ? &faults->nor : NULL;
    mcu->flash.stale_fault = faults_on(mcu, FAULT_INT_STALE_CACHE);
    bool answers_lie = faults_on(mcu, FAULT_NOR_STATUS_READS) || faults_on(mcu, FAULT_NOR_MISO_LOW) ||
                       faults_on(mcu, FAULT_NOR_MISO_HIGH);
    faults->bus = answers_lie || faults_on(mcu, FAULT_NOR_DEAD) || faults_on(mcu, FAULT_NOR_CONTINUOUS_READ);
    faults->flips = faults_on(mcu, FAULT_NOR_READ_FLIP);
    faults->nor_polls = answers_lie || outlasts_data_sheet(mcu, FAULT_NOR_SLOW) || faults_on(mcu, FAULT_NOR_WIP_STUCK);
    faults->flash_polls = outlasts_data_sheet(mcu, FAULT_INT_SLOW) || faults_on(mcu, FAULT_INT_AGING);
}

static void store(Mcu *mcu)
{
    static const enum fault stuck[] = {FAULT_INT_STUCK_0, FAULT_INT_STUCK_1};
    Flash *flash = &mcu->flash;
    fault_store(&mcu->faults.set, flash->array.cells, flash->options, mcu->nor.array.cells);
    for (unsigned i = 0; i < ARRAY_SIZE(stuck); i++)
        if (faults_on(mcu, stuck[i]))
            flash_changed(mcu, mcu->faults.internal.stuck[i].offset, 1);
    spi_nor_status_set(mcu, NULL);
}

char *faults_command(Mcu *mcu, char **words)
{
    struct fault_set set = {0};
    char why[FAULT_WHY];
    if (mcu->rail.powered)
        return g_strdup("fault: the power is on");
    if (words[0] == NULL)
        return g_strdup("fault: must be none, or NAME[=ARGUMENT] ...");
    bool none = strcmp(words[0], "none") == 0 && words[1] == NULL;
    for (; !none && *words != NULL; words++)
        if (!fault_parse(&set, *words, why))
            return g_strdup(why);
    become(mcu, &set);
    store(mcu);
    return NULL;
}

static char *read_number(const char *word, uint32_t *value)
{
    return qemu_strtoui(word, NULL, 10, value) == 0 ? NULL : g_strdup_printf("erases: %s is no number", word);
}

/* Of the internal flash: one number for each sector. */
static void say_erases(Faults *faults, GString *said)
{
    for (unsigned i = 0; i < FLASH_SECTORS; i++)
        g_string_append_printf(said, " %u", faults->erases[i]);
}

static char *take_erases(Faults *faults, char **words)
{
    uint32_t erases[FLASH_SECTORS];
    char *why = NULL;
    if (g_strv_length(words) != FLASH_SECTORS)
        return g_strdup_printf("erases: must be internal, and nothing or %d numbers", FLASH_SECTORS);
    for (unsigned i = 0; why == NULL && i < FLASH_SECTORS; i++)
        why = read_number(words[i], &erases[i]);
    if (why == NULL)
        memcpy(faults->erases, erases, sizeof(erases));
    return why;
}

/* Of the SPI NOR, which has many sectors and few that are erased: these, by their first address. */
static void say_nor_erases(Faults *faults, GString *said)
{
    for (unsigned i = 0; i < NOR_SECTORS; i++)
        if (faults->nor_erases[i] != 0)
            g_string_append_printf(said, " %u %u", i * (RAIL_NOR_SIZE / NOR_SECTORS), faults->nor_erases[i]);
}

static char *take_nor_erases(Faults *faults, char **words)
{
    g_autofree uint32_t *erases = g_new0(uint32_t, NOR_SECTORS);
    uint32_t offset, size = RAIL_NOR_SIZE / NOR_SECTORS;
    char *why = NULL;
    bool none = strcmp(words[0], "none") == 0 && words[1] == NULL;
    if (!none && g_strv_length(words) % 2 != 0)
        return g_strdup("erases: must be nor, and nothing, none, or OFFSET N ...");
    for (; !none && why == NULL && *words != NULL; words += 2) {
        why = read_number(words[0], &offset);
        if (why == NULL && (offset % size != 0 || offset >= RAIL_NOR_SIZE))
            why = g_strdup_printf("erases: %s is not where a sector begins", words[0]);
        if (why == NULL)
            why = read_number(words[1], &erases[offset / size]);
    }
    if (why == NULL)
        memcpy(faults->nor_erases, erases, sizeof(faults->nor_erases));
    return why;
}

char *faults_erases_command(Mcu *mcu, char **words, GString *said)
{
    bool nor = g_strcmp0(words[0], "nor") == 0;
    if (!nor && g_strcmp0(words[0], "internal") != 0)
        return g_strdup("erases: must be internal or nor");
    if (words[1] == NULL) {
        (nor ? say_nor_erases : say_erases)(&mcu->faults, said);
        return NULL;
    }
    if (mcu->rail.powered)
        return g_strdup("erases: the power is on");
    return (nor ? take_nor_erases : take_erases)(&mcu->faults, words + 1);
}

/// At power-on ///

static void suspend(Mcu *mcu)
{
    SpiNor *nor = &mcu->nor;
    uint32_t sector = 4 * KiB;
    mcu->faults.suspension = true;
    nor->suspended = (Operation){.pending = true, .array = &nor->array};
    nor->suspended.op = (struct nor_op){.kind = NOR_ERASE, .length = sector,
                                        .offset = faults_value(mcu, FAULT_NOR_SUSPENDED) & ~(sector - 1)};
}

/* Unless the bench has said what the voltage is. */
static void give_supply(Mcu *mcu, SupplyCurve *curve, enum fault low, enum fault dip)
{
    if (curve->count != 0 || !(faults_on(mcu, low) || faults_on(mcu, dip)))
        return;
    int32_t mv = faults_on(mcu, low) ? faults_value(mcu, low) : SUPPLY_NOMINAL_MV;
    int64_t from = (int64_t)faults_value(mcu, dip) * SCALE_US;
    int64_t to = from + (int64_t)mcu->faults.set.of[dip].length * SCALE_US;
    curve->points[0] = (SupplyPoint){from, mv};
    curve->points[1] = (SupplyPoint){from, 0};
    curve->points[2] = (SupplyPoint){to, 0};
    curve->points[3] = (SupplyPoint){to, mv};
    curve->count = faults_on(mcu, dip) ? 4 : 1;
}

/* Every reset drives NRST, which has no flag of its own: mountaineer.c sets PINRSTF. */
static void pull_reset(void *opaque)
{
    mcu_request_reset(opaque, 0);
}

static void prepare_reset(Mcu *mcu)
{
    if (faults_on(mcu, FAULT_RESET_AT))
        timer_mod(mcu->faults.reset, time_to_clock(mcu, (int64_t)faults_value(mcu, FAULT_RESET_AT) * SCALE_US));
    else
        timer_del(mcu->faults.reset);
}

void faults_init(Mcu *mcu)
{
    mcu->faults.reset = timer_new_ns(QEMU_CLOCK_VIRTUAL, pull_reset, mcu);
}

void faults_power_on(Mcu *mcu)
{
    Faults *faults = &mcu->faults;
    give_supply(mcu, &mcu->supply.vdd, FAULT_VDD_LOW, FAULT_VDD_DIP);
    give_supply(mcu, &mcu->supply.vcc, FAULT_VCC_LOW, FAULT_VCC_DIP);
    prepare_reset(mcu);
    faults->commands = faults->write_enables = faults->operations = faults->bytes_read = 0;
    faults->deaf = faults->heard = faults->leaves = faults->suspension = false;
    faults->continuous = faults_on(mcu, FAULT_NOR_CONTINUOUS_READ);
    faults->wip_stuck = faults_on(mcu, FAULT_NOR_WIP_STUCK) && faults_value(mcu, FAULT_NOR_WIP_STUCK) == 0;
    mcu->nor.powered_down = faults_on(mcu, FAULT_NOR_POWERED_DOWN);
    if (faults_on(mcu, FAULT_NOR_SUSPENDED) && mcu->nor.model != NULL)
        suspend(mcu);
}

/// On the bus ///

void faults_nor_selected(Mcu *mcu, bool selected)
{
    Faults *faults = &mcu->faults;
    if (!selected) {
        faults->continuous = faults->continuous && !faults->leaves;
        return;
    }
    faults->heard = faults->leaves = false;
    if (faults_on(mcu, FAULT_NOR_DEAD))
        faults->deaf = ++faults->commands >= faults_value(mcu, FAULT_NOR_DEAD);
}

/* In the seventh clock of a quad read that needs no command, IO0 is the mode bit M4; IO1, pulled up, is M5. Only 10
 * goes on. */
bool faults_nor_hears(Mcu *mcu, uint8_t byte)
{
    Faults *faults = &mcu->faults;
    if (faults->continuous && !faults->heard)
        faults->leaves = byte & 2;
    faults->heard = true;
    return !faults->deaf && !faults->continuous;
}

uint8_t faults_nor_reply(Mcu *mcu, uint8_t reply)
{
    uint8_t command = mcu->nor.command;
    bool status = command == SPI_READ_STATUS_1 || command == SPI_READ_STATUS_2 || command == SPI_READ_STATUS_3;
    if (faults_on(mcu, FAULT_NOR_MISO_LOW))
        return 0x00;
    if (faults_on(mcu, FAULT_NOR_MISO_HIGH))
        return 0xFF;
    if (faults_on(mcu, FAULT_NOR_STATUS_READS) && status && mcu->nor.index > 0)
        return faults_value(mcu, FAULT_NOR_STATUS_READS);
    return reply;
}

bool faults_drops_write_enable(Mcu *mcu)
{
    return faults_on(mcu, FAULT_NOR_WEL_DROP) && ++mcu->faults.write_enables == faults_value(mcu, FAULT_NOR_WEL_DROP);
}

/* Which bit follows from the number of the byte. */
uint8_t faults_read(Mcu *mcu, uint8_t byte)
{
    uint32_t number = faults_value(mcu, FAULT_NOR_READ_FLIP);
    if (!faults_on(mcu, FAULT_NOR_READ_FLIP) || ++mcu->faults.bytes_read != number)
        return byte;
    return byte ^ 1u << (number * 0x9E3779B1u >> 29);
}

void faults_nor_operation(Mcu *mcu)
{
    if (faults_on(mcu, FAULT_NOR_WIP_STUCK) && ++mcu->faults.operations == faults_value(mcu, FAULT_NOR_WIP_STUCK))
        mcu->faults.wip_stuck = true;
}

bool faults_forget_suspension(Mcu *mcu)
{
    bool suspended = mcu->faults.suspension;
    if (suspended)
        mcu->nor.suspended.pending = false;
    mcu->faults.suspension = false;
    return suspended;
}
