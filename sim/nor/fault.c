/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include "marks.h"

#include <stdio.h>
#include <string.h>

#define INTERNAL 0x08000000u
#define INTERNAL_END 0x080FFFFFu
#define NOR_END 0x7FFFFFu
#define ANY UINT32_MAX
#define OFTEN 1000000u
#define VDD_LEAST 1720u /* below, POR/PDR holds the MCU: DS8626 table 19 */
#define VDD_MOST 3600u
#define VDD_FIRM 2700u  /* what x32 needs: RM0090 table 12 */
#define VCC_WORKS 2000u /* from here on */

/// The menu ///

const struct fault_kind fault_menu[FAULTS] = {
    [FAULT_INT_STUCK_0] = {"int-stuck-0", "ADDRESS.BIT", FAULT_BIT, 8, INTERNAL, INTERNAL_END, 0, false,
        "the bit is 0, erased or not",
        "assumption; the cell's end of life is beyond DS8626 table 42"},
    [FAULT_INT_STUCK_1] = {"int-stuck-1", "ADDRESS.BIT", FAULT_BIT, 8, INTERNAL, INTERNAL_END, 0, false,
        "the bit is 1, programmed or not",
        "assumption, as above"},
    [FAULT_INT_WORN] = {"int-worn", "N", FAULT_NUMBER, 0, 0, OFTEN, 0, true,
        "each erase of a sector after its first N leaves 32 of its bits at 0, and nothing tells so",
        "DS8626 table 42 (10,000 cycles); what comes then is an assumption"},
    [FAULT_INT_WORN_OPERR] = {"int-worn-operr", "N", FAULT_NUMBER, 0, 0, OFTEN, 0, true,
        "as int-worn, and OPERR is set when such an erase ends",
        "assumption: RM0090 section 3.9.5 has OPERR for errors in general"},
    [FAULT_INT_SLOW] = {"int-slow", "K", FAULT_NUMBER, 0, 1, 1000, 1, false,
        "programs and erases take K times the maximum of the data sheet",
        "DS8626 tables 39 to 42 for K = 1; more is an assumption"},
    [FAULT_INT_AGING] = {"int-aging", "PERCENT", FAULT_NUMBER, 0, 1, 1000, 0, true,
        "each erase of a sector makes all later operations on it longer by so much of the first one",
        "DS8626 table 40 (longest after 100,000 erases); the slope is an assumption"},
    [FAULT_INT_FLAGS] = {"int-flags", "[HH]", FAULT_HEX, 2, 0, 0xF2, 0xF0, false,
        "FLASH_SR has these error flags after each reset (F0 when not said): somebody made errors before",
        "RM0090 section 3.9.5 (flags stay until they are cleared); that they are there at reset is an assumption"},
    [FAULT_INT_OPTIONS_TORN] = {"int-options-torn", "SEED", FAULT_NUMBER, 0, 0, ANY, 0, false,
        "option bytes are what a torn write left: read protection level 1, write protection at random",
        "RM0090 section 3.7.3 (any other value is level 1); which bits is an assumption"},
    [FAULT_INT_STALE_CACHE] = {"int-stale-cache", "", FAULT_PLAIN, 0, 0, 0, 0, true,
        "after an erase, the caches say what was there until they are reset (the machine's stale-cache=on)",
        "RM0090 sections 3.5.2, 3.6.4; which lines is an assumption"},
    [FAULT_NOR_WORN] = {"nor-worn", "N", FAULT_NUMBER, 0, 0, OFTEN, 0, true,
        "each erase of a 4 KB sector after its first N leaves 32 of its bits at 0, and nothing tells so",
        "W25Q64JV features (100,000 cycles); the part has no error flag; which bits, and how many, is an assumption"},
    [FAULT_NOR_SLOW] = {"nor-slow", "K", FAULT_NUMBER, 0, 1, 1000, 1, false,
        "programs, erases and status writes take K times the maximum of the data sheet",
        "W25Q64JV section 9.6 for K = 1; more is an assumption"},
    [FAULT_NOR_WIP_STUCK] = {"nor-wip-stuck", "[N]", FAULT_NUMBER, 0, 0, OFTEN, 0, false,
        "from the N-th operation since power-on (0: from power-on) WIP stays 1 until power-off",
        "assumption; endless waits for WIP are known of several drivers"},
    [FAULT_NOR_STATUS_READS] = {"nor-status-reads", "HH", FAULT_HEX, 2, 0, 0xFF, 0, false,
        "all status registers read as this, whatever the chip does",
        "W25Q64JV section 8.2 (a chip in power-down does not answer: FF); 00 is an assumption"},
    [FAULT_NOR_DEAD] = {"nor-dead", "[N]", FAULT_NUMBER, 0, 0, OFTEN, 0, false,
        "from the N-th command since power-on (0: from power-on) the chip hears nothing, and reads as FF",
        "assumption: a broken joint or chip, MISO pulled up"},
    [FAULT_NOR_MISO_LOW] = {"nor-miso-low", "", FAULT_PLAIN, 0, 0, 0, 0, false,
        "the chip works, but all that is read is 00",
        "assumption: a short to ground"},
    [FAULT_NOR_MISO_HIGH] = {"nor-miso-high", "", FAULT_PLAIN, 0, 0, 0, 0, false,
        "the chip works, but all that is read is FF",
        "assumption: a broken line, pulled up"},
    [FAULT_NOR_STATUS_TORN] = {"nor-status-torn", "SEED", FAULT_NUMBER, 0, 0, ANY, 0, false,
        "the status registers are what a torn write left: BP, CMP, SRP, QE and all else that can be written at random",
        "assumption: W25Q64JV section 7.1 says only that they are non-volatile"},
    [FAULT_NOR_READ_ONLY] = {"nor-read-only", "", FAULT_PLAIN, 0, 0, 0, 0, false,
        "BP2 to BP0 are set: the whole array is protected, and writes to it are ignored",
        "W25Q64JV section 7.1"},
    [FAULT_NOR_POWERED_DOWN] = {"nor-powered-down", "", FAULT_PLAIN, 0, 0, 0, 0, false,
        "at power-on the chip is in power-down, as a reset of the MCU alone would find it",
        "W25Q64JV section 8.2 (B9h, ABh)"},
    [FAULT_NOR_SUSPENDED] = {"nor-suspended", "ADDRESS", FAULT_HEX, 6, 0, NOR_END, 0, false,
        "at power-on an erase of that 4 KB sector is suspended, as a reset of the MCU alone would find it",
        "W25Q64JV section 8.2 (75h)"},
    [FAULT_NOR_CONTINUOUS_READ] = {"nor-continuous-read", "", FAULT_PLAIN, 0, 0, 0, 0, false,
        "at power-on the chip takes the next transfers for addresses of a quad read (EBh) until M4 is 1 in one",
        "W25Q64JV section 8.2 (EBh; mode bits M5-4 = 10); that IO1 to IO3 are pulled up is an assumption"},
    [FAULT_NOR_WEL_DROP] = {"nor-wel-drop", "N", FAULT_NUMBER, 0, 1, OFTEN, 0, false,
        "the N-th write enable since power-on is not heard, so that the next program or erase does nothing",
        "assumption: a disturbed transfer"},
    [FAULT_NOR_JEDEC] = {"nor-jedec", "HHHHHH", FAULT_HEX, 6, 0, 0xFFFFFF, 0, false,
        "9Fh answers with these three bytes: another maker's part",
        "JEP106; second sources are sold as the same"},
    [FAULT_NOR_READ_FLIP] = {"nor-read-flip", "N", FAULT_NUMBER, 0, 1, ANY, 0, false,
        "the N-th byte read from the array since power-on comes with one bit wrong, once",
        "assumption: noise on the bus"},
    [FAULT_NOR_RETENTION] = {"nor-retention", "ADDRESS.BIT", FAULT_BIT, 6, 0, NOR_END, 0, false,
        "before the first power-on the bit has lost its charge: it is 1 until it is programmed again",
        "W25Q64JV features (retention of 20 years); the direction is that of a floating gate that loses charge"},
    [FAULT_NOR_MULTIPASS_REFUSED] = {"nor-multipass-refused", "", FAULT_PLAIN, 0, 0, 0, 0, true,
        "a page that is not erased cannot be programmed, and nothing tells so (the machine's nor-multipass=refused)",
        "assumption, after parts with ECC"},
    [FAULT_NOR_POWERUP_SLOW] = {"nor-powerup-slow", "", FAULT_PLAIN, 0, 0, 0, 0, false,
        "after power-on no command for 20 us, none that writes for 5 ms (the machine's nor-powerup=datasheet)",
        "W25Q64JV section 9.3 (tVSL, tPUW)"},
    [FAULT_VDD_LOW] = {"vdd-low", "MV", FAULT_NUMBER, 0, VDD_LEAST, VDD_MOST, 0, false,
        "the MCU's supply stands at so many mV: below what PSIZE needs, its operations leave weak bits",
        "RM0090 section 3.6.2 (table 12); DS8626 table 19 for BOR and PVD; that the bits are weak is an assumption"},
    [FAULT_VDD_DIP] = {"vdd-dip", "FROM.FOR", FAULT_SPAN, 0, 0, ANY, 0, true,
        "FROM us after power-on the MCU alone is without supply for FOR us; it starts anew, the SPI NOR goes on",
        "DS8626 table 19; what is under way is left as far as it has got"},
    [FAULT_VCC_LOW] = {"vcc-low", "MV", FAULT_NUMBER, 0, 0, VCC_WORKS - 1, 0, false,
        "the SPI NOR's supply stands at so many mV, below VWI: it knows no commands, and reads as FF",
        "W25Q64JV section 9.3 (VWI is 1.0 to 2.0 V; the chip is one with 2.0)"},
    [FAULT_VCC_DIP] = {"vcc-dip", "FROM.FOR", FAULT_SPAN, 0, 0, ANY, 0, true,
        "FROM us after power-on the SPI NOR alone is without supply for FOR us; the MCU goes on",
        "W25Q64JV section 9.3; what is under way is left as far as it has got"},
    [FAULT_RESET_AT] = {"reset-at", "US", FAULT_NUMBER, 0, 1, ANY, 0, false,
        "so many us after power-on NRST resets the MCU, once; the SPI NOR goes on",
        "RM0090 section 6.1.1"},
    [FAULT_HSE_DEAD] = {"hse-dead", "", FAULT_PLAIN, 0, 0, 0, 0, false,
        "the crystal does not oscillate: HSERDY stays 0, and so does PLLRDY of a PLL behind it",
        "assumption: a broken joint or crystal; RM0090 section 7.2.1"},
};

const struct fault_elsewhere fault_elsewhere[] = {
    {"before, after", "tear", "power is lost between two operations", "certain"},
    {"half, last", "tear",
     "a program or a status write stops in the middle; an erase has made zeros from the end, the head is intact",
     "publication: Tseng et al., DAC 2011; UBI, nor_erase_prepare"},
    {"mask, onebit", "tear", "some of the bits are done", "publication, as above; which bits is an assumption"},
    {"zeros", "tear", "an erase has programmed everything to zeros and erased nothing",
     "publication: UBI, nor_erase_prepare"},
    {"weak", "tear", "done, but a bit reads differently from time to time", "publication: MTD on unstable bits"},
    {"notake", "tear", "an erase reads all ones, but programs do not take", "publication: Tseng et al., DAC 2011"},
    {"CUT+CUT", "id", "power is lost again in the recovery", "certain"},
    {"power", "always", "a loss tears what both chips have under way", "certain"},
    {"reset", "always", "a reset of the MCU tears the internal flash's operation, the SPI NOR goes on",
     "RM0090 section 3.6.1"},
    {"flash-times=maximum", "property",
     "operations of the internal flash take the maximum of the data sheet (int-slow=1)",
     "DS8626 tables 39 to 42"},
    {"nor-times=maximum", "property", "operations of the SPI NOR take the maximum of the data sheet (nor-slow=1)",
     "W25Q64JV section 9.6"},
    {"nor-part=none", "property", "there is no SPI NOR (nor-dead)", "certain"},
    {"watchdog", "always", "IWDG and WWDG run on while the core waits for the flash, and bite",
     "RM0090 sections 3.6, 21.3"},
    {"error flags", "always", "PGSERR, PGPERR, PGAERR and WRPERR are sticky", "RM0090 section 3.9.5"},
    {"page wrap", "always", "a page program of the SPI NOR wraps inside its 256 bytes", "W25Q64JV section 8.2 (02h)"},
    {"address wrap", "always", "addresses of the SPI NOR wrap at 8 MB", "assumption: A23 is not decoded"},
    {"QPI, 4-byte addresses", "not there", "neither part has such a mode to be left in",
     "W25Q64JV section 8.1, the list of commands"},
    {NULL, NULL, NULL, NULL},
};

/// Names ///

/* A number in digits of that base, all of the text up to `end`. */
static bool number(const char *text, const char *end, unsigned base, uint32_t *value)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t sum = 0;
    if (text == end)
        return false;
    for (; text < end; text++) {
        const char *digit = strchr(digits, *text | (*text >= 'A' && *text <= 'F' ? 0x20 : 0));
        if (digit == NULL || (unsigned)(digit - digits) >= base)
            return false;
        sum = sum * base + (unsigned)(digit - digits);
        if (sum > UINT32_MAX)
            return false;
    }
    *value = (uint32_t)sum;
    return true;
}

/* What stands behind the dot. */
static bool parse_second(enum fault_shape shape, const char *text, struct fault_setting *setting)
{
    if (shape == FAULT_SPAN)
        return number(text, text + strlen(text), 10, &setting->length) && setting->length > 0;
    if (text[0] < '0' || text[0] > '7' || text[1] != '\0')
        return false;
    setting->bit = (uint8_t)(text[0] - '0');
    return true;
}

static bool parse_argument(const struct fault_kind *kind, const char *text, struct fault_setting *setting)
{
    const char *end = text + strlen(text);
    bool decimal = kind->shape == FAULT_NUMBER || kind->shape == FAULT_SPAN;
    if (kind->shape == FAULT_BIT || kind->shape == FAULT_SPAN) {
        const char *dot = strchr(text, '.');
        if (dot == NULL || !parse_second(kind->shape, dot + 1, setting))
            return false;
        end = dot;
    }
    return number(text, end, decimal ? 10 : 16, &setting->value) && setting->value >= kind->least &&
           setting->value <= kind->most;
}

static enum fault named(const char *name, size_t length)
{
    int fault = 0;
    while (fault < FAULTS &&
           (strlen(fault_menu[fault].name) != length || strncmp(fault_menu[fault].name, name, length) != 0))
        fault++;
    return (enum fault)fault;
}

static bool no_such(const char *text, size_t length, char why[FAULT_WHY])
{
    snprintf(why, FAULT_WHY, "there is no fault \"%.*s\", there are:", (int)(length < 60 ? length : 60), text);
    for (int fault = 0; fault < FAULTS; fault++) {
        size_t used = strlen(why);
        snprintf(why + used, FAULT_WHY - used, " %s", fault_menu[fault].name);
    }
    return false;
}

static bool bad_argument(const struct fault_kind *kind, char why[FAULT_WHY])
{
    bool optional = kind->argument[0] == '[';
    if (kind->shape == FAULT_PLAIN)
        snprintf(why, FAULT_WHY, "fault %s takes no argument", kind->name);
    else if (kind->shape == FAULT_NUMBER)
        snprintf(why, FAULT_WHY, "fault %s%s=%s: from %u to %u", kind->name, optional ? "[" : "",
                 kind->argument + optional, (unsigned)kind->least, (unsigned)kind->most);
    else if (kind->shape == FAULT_SPAN)
        snprintf(why, FAULT_WHY, "fault %s=%s: FROM from %u to %u, FOR from 1 to %u", kind->name, kind->argument,
                 (unsigned)kind->least, (unsigned)kind->most, (unsigned)UINT32_MAX);
    else
        snprintf(why, FAULT_WHY, "fault %s%s=%s: from %0*X to %0*X%s", kind->name, optional ? "[" : "",
                 kind->argument + optional, (int)kind->digits, (unsigned)kind->least, (int)kind->digits,
                 (unsigned)kind->most, kind->shape == FAULT_BIT ? ", bits 0 to 7" : "");
    return false;
}

bool fault_parse(struct fault_set *set, const char *text, char why[FAULT_WHY])
{
    size_t length = strcspn(text, "=");
    enum fault fault = named(text, length);
    if (fault == FAULTS)
        return no_such(text, length, why);
    const struct fault_kind *kind = &fault_menu[fault];
    struct fault_setting setting = {.on = true, .value = kind->usual};
    bool optional = kind->shape == FAULT_PLAIN || kind->argument[0] == '[';
    bool good = text[length] != '='
                ? optional
                : kind->shape != FAULT_PLAIN && parse_argument(kind, text + length + 1, &setting);
    if (!good)
        return bad_argument(kind, why);
    if (set->of[fault].on) {
        snprintf(why, FAULT_WHY, "fault %s is named twice", kind->name);
        return false;
    }
    set->of[fault] = setting;
    return true;
}

bool fault_any(const struct fault_set *set)
{
    for (int fault = 0; fault < FAULTS; fault++)
        if (set->of[fault].on)
            return true;
    return false;
}

bool fault_beyond_cells(const struct fault_set *set)
{
    for (int fault = 0; fault < FAULTS; fault++)
        if (set->of[fault].on && fault_menu[fault].beyond_cells)
            return true;
    return false;
}

bool fault_beyond_trace(const struct fault_set *set)
{
    return set->of[FAULT_VDD_LOW].on && set->of[FAULT_VDD_LOW].value < VDD_FIRM;
}

void fault_add(struct fault_set *set, const struct fault_set *more)
{
    for (int fault = 0; fault < FAULTS; fault++)
        if (more->of[fault].on)
            set->of[fault] = more->of[fault];
}

void fault_format(const struct fault_set *set, enum fault fault, char text[FAULT_TEXT])
{
    const struct fault_kind *kind = &fault_menu[fault];
    unsigned value = set->of[fault].value, bit = set->of[fault].bit;
    int digits = (int)kind->digits;
    switch (kind->shape) {
    case FAULT_PLAIN:
        snprintf(text, FAULT_TEXT, "%s", kind->name);
        break;
    case FAULT_NUMBER:
        snprintf(text, FAULT_TEXT, "%s=%u", kind->name, value);
        break;
    case FAULT_HEX:
        snprintf(text, FAULT_TEXT, "%s=%0*X", kind->name, digits, value);
        break;
    case FAULT_BIT:
        snprintf(text, FAULT_TEXT, "%s=%0*X.%u", kind->name, digits, value, bit);
        break;
    case FAULT_SPAN:
        snprintf(text, FAULT_TEXT, "%s=%u.%u", kind->name, value, (unsigned)set->of[fault].length);
        break;
    }
}

/// What they do to what is stored ///

static struct nor_stuck stuck_at(const struct fault_set *set, enum fault fault, bool value)
{
    return (struct nor_stuck){.there = set->of[fault].on, .value = value, .bit = set->of[fault].bit,
                              .offset = set->of[fault].value - INTERNAL};
}

struct nor_defects fault_defects_internal(const struct fault_set *set)
{
    enum fault worn = set->of[FAULT_INT_WORN_OPERR].on ? FAULT_INT_WORN_OPERR : FAULT_INT_WORN;
    return (struct nor_defects){
        .slow = set->of[FAULT_INT_SLOW].value,
        .aging = set->of[FAULT_INT_AGING].value,
        .wears = set->of[worn].on,
        .worn_after = set->of[worn].value,
        .stuck = {stuck_at(set, FAULT_INT_STUCK_0, false), stuck_at(set, FAULT_INT_STUCK_1, true)},
    };
}

struct nor_defects fault_defects_nor(const struct fault_set *set)
{
    return (struct nor_defects){
        .slow = set->of[FAULT_NOR_SLOW].value,
        .wears = set->of[FAULT_NOR_WORN].on,
        .worn_after = set->of[FAULT_NOR_WORN].value,
    };
}

/* User byte and read protection, then from the eighth byte on the write protection of twelve sectors (RM0090 3.7.1). A
 * protection byte whose bits are not those of level 0 or 2 is level 1. */
static void tear_options(uint8_t *options, uint32_t seed)
{
    uint64_t random = nor_mix(seed + UINT64_C(1));
    options[1] = (uint8_t)random;
    if (options[1] == 0xAA || options[1] == 0xCC)
        options[1] ^= 1;
    options[8] = (uint8_t)(random >> 8);
    options[9] = (uint8_t)(0xF0 | (random >> 16 & 0x0F));
}

void fault_store(const struct fault_set *set, uint8_t *internal, uint8_t *options, uint8_t *nor)
{
    struct nor_defects defects = fault_defects_internal(set);
    nor_store_defects(internal, &defects);
    if (set->of[FAULT_INT_OPTIONS_TORN].on)
        tear_options(options, set->of[FAULT_INT_OPTIONS_TORN].value);
    if (set->of[FAULT_NOR_RETENTION].on)
        nor[set->of[FAULT_NOR_RETENTION].value] |= (uint8_t)(1u << set->of[FAULT_NOR_RETENTION].bit);
}

/* SRL, the lock until power-off, has ended with the power; with SRP0, the parts of two registers are locked for good. */
static void end_lock(uint8_t *status, unsigned count)
{
    if (count > 1 && !(count == 2 && (status[0] & 1u << 7)))
        status[1] &= (uint8_t)~1u;
}

void fault_status(const struct fault_set *set, uint8_t *status, const uint8_t *writable, unsigned count)
{
    uint64_t random = nor_mix(set->of[FAULT_NOR_STATUS_TORN].value + UINT64_C(1));
    for (unsigned i = 0; set->of[FAULT_NOR_STATUS_TORN].on && i < count; i++)
        status[i] ^= (uint8_t)(random >> 8 * i) & writable[i];
    end_lock(status, count);
    if (set->of[FAULT_NOR_READ_ONLY].on && count > 0)
        status[0] |= 7u << 2; /* BP2 to BP0 */
    if (set->of[FAULT_NOR_READ_ONLY].on && count > 1)
        status[1] &= (uint8_t)~(1u << 6); /* CMP, which would turn it round */
}
