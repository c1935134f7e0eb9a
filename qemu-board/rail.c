/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The power rail: the bench's commands. The protocol is rail.h's. Commands are carried out by the main loop while the
 * core is stopped; a pause stops the core first and is answered once it stands still.
 */
#include "mcu.h"
#include "exec/address-spaces.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "sysemu/cpu-timers.h"
#include "sysemu/runstate.h"
#include "sysemu/sysemu.h"

static void reply(Rail *rail, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void reply(Rail *rail, const char *format, ...)
{
    g_autoptr(GString) text = g_string_new(NULL);
    va_list arguments;
    va_start(arguments, format);
    g_string_vprintf(text, format, arguments);
    va_end(arguments);
    g_string_append_c(text, '\n');
    qemu_chr_fe_write_all(&rail->chardev, (const uint8_t *)text->str, text->len);
}

/// Pauses ///

void rail_pause(Mcu *mcu, const char *reason)
{
    Rail *rail = &mcu->rail;
    if (!rail->connected || !runstate_is_running())
        return;
    if (rail->reason == NULL || strcmp(reason, "cut") == 0)
        rail->reason = reason;
    qemu_system_vmstop_request_prepare();
    qemu_system_vmstop_request(RUN_STATE_PAUSED);
    cpu_stop_current();
}

static void until(void *opaque)
{
    rail_pause(opaque, "time");
}

static void stopped(void *opaque, bool running, RunState state)
{
    Mcu *mcu = opaque;
    Rail *rail = &mcu->rail;
    if (running || rail->reason == NULL)
        return;
    const char *reason = rail->reason;
    rail->reason = NULL;
    timer_del(rail->until);
    if (rail->powered) {
        flash_settle(mcu);
        spi_nor_settle(mcu);
    }
    reply(rail, "stopped reason=%s t=%" PRId64 " ops=%" PRIu64 " trace=%" PRIu64, reason, time_now(mcu),
          rail->operations, trace_used(mcu));
}

/// Memory at power-on ///

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* Through the address space, so that code translated from there is dropped. */
static void fill(hwaddr base, uint32_t size, bool random, uint64_t *seed)
{
    uint64_t block[512] = {0};
    for (uint32_t done = 0; done < size; done += sizeof(block)) {
        for (unsigned i = 0; random && i < ARRAY_SIZE(block); i++)
            block[i] = cpu_to_le64(splitmix(seed));
        address_space_write(&address_space_memory, base + done, MEMTXATTRS_UNSPECIFIED, block, sizeof(block));
    }
}

static bool fill_sram(uint32_t sram, const char *how)
{
    uint64_t seed = 0;
    bool random = strstart(how, "random:", &how);
    if (random && qemu_strtou64(how, NULL, 0, &seed) != 0)
        return false;
    if (!random && strcmp(how, "zero") != 0)
        return strcmp(how, "retain") == 0;
    fill(0x20000000, sram, random, &seed);
    fill(0x10000000, 64 * KiB, random, &seed);
    return true;
}

static uint64_t chain(uint64_t hash, uint64_t word)
{
    return rol64(hash ^ le64_to_cpu(word), 29) * UINT64_C(0x9E3779B97F4A7C15);
}

/* Four chains, because one would wait for its multiplications. */
static uint64_t hash_sram(Mcu *mcu)
{
    MemoryRegion *regions[] = {&mcu->sram, &mcu->ccm};
    uint64_t a = 1, b = 2, c = 3, d = 4;
    for (unsigned n = 0; n < ARRAY_SIZE(regions); n++) {
        const uint64_t *word = memory_region_get_ram_ptr(regions[n]);
        const uint64_t *end = word + memory_region_size(regions[n]) / sizeof(*word);
        for (; word < end; word += 4) {
            a = chain(a, word[0]);
            b = chain(b, word[1]);
            c = chain(c, word[2]);
            d = chain(d, word[3]);
        }
    }
    uint64_t hash = chain(chain(chain(a, b), c), d);
    return splitmix(&hash);
}

/// Commands ///

static void power_on(Mcu *mcu, char **words)
{
    Rail *rail = &mcu->rail;
    const char *sram = "retain", *status = "factory", *value;
    uint64_t noise = 0;
    if (rail->powered) {
        reply(rail, "error the power is on");
        return;
    }
    for (; *words != NULL; words++) {
        if (strstart(*words, "noise=", &value)) {
            if (qemu_strtou64(value, NULL, 0, &noise) != 0) {
                reply(rail, "error power on: cannot use %s", *words);
                return;
            }
        } else if (!strstart(*words, "sram=", &sram) && !strstart(*words, "status=", &status)) {
            reply(rail, "error power on: unknown option %s", *words);
            return;
        }
    }
    if (strcmp(status, "factory") != 0 && strcmp(status, "kept") != 0) {
        reply(rail, "error status=%s: must be factory or kept", status);
        return;
    }
    if (!fill_sram(mcu->board.sram, sram)) {
        reply(rail, "error sram=%s: must be retain, zero or random:SEED", sram);
        return;
    }
    rail->noise = noise;
    if (strcmp(status, "factory") == 0)
        spi_nor_status_set(mcu, NULL);
    mcu_power_on(mcu);
    reply(rail, "ok sram=%016" PRIx64, hash_sram(mcu));
}

static void power(Mcu *mcu, char **words)
{
    Rail *rail = &mcu->rail;
    if (words[0] != NULL && strcmp(words[0], "on") == 0) {
        power_on(mcu, words + 1);
    } else if (words[0] != NULL && strcmp(words[0], "off") == 0) {
        if (rail->powered) {
            mcu_power_off(mcu, NOR_TEAR_BEFORE, UINT32_MAX);
            reply(rail, "ok");
        } else {
            reply(rail, "error the power is off");
        }
    } else {
        reply(rail, "error power: must be on or off");
    }
}

typedef struct Run {
    uint64_t until, cut, edge, line, reset;
    enum nor_tear tear;
} Run;

static bool parse_run(Rail *rail, char **words, Run *run)
{
    static const struct {
        const char *name;
        size_t offset;
    } numbers[] = {
        {"until=", offsetof(Run, until)}, {"cut=", offsetof(Run, cut)},     {"edge=", offsetof(Run, edge)},
        {"line=", offsetof(Run, line)},   {"reset=", offsetof(Run, reset)},
    };
    *run = (Run){.until = UINT64_MAX, .cut = UINT64_MAX, .tear = NOR_TEARS};
    for (; *words != NULL; words++) {
        const char *value;
        bool known = false;
        if (strstart(*words, "tear=", &value)) {
            run->tear = nor_tear_named(value);
            known = run->tear != NOR_TEARS;
        }
        for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++)
            if (strstart(*words, numbers[i].name, &value))
                known = qemu_strtou64(value, NULL, 0, (uint64_t *)((char *)run + numbers[i].offset)) == 0;
        if (!known) {
            reply(rail, "error run: cannot use %s", *words);
            return false;
        }
    }
    if (run->until > INT64_MAX / 2) {
        reply(rail, "error run: until=NS is missing or too large");
        return false;
    }
    if ((run->cut == UINT64_MAX) != (run->tear == NOR_TEARS)) {
        reply(rail, "error run: cut=N and tear=TEAR go together");
        return false;
    }
    return true;
}

static void run(Mcu *mcu, char **words)
{
    Rail *rail = &mcu->rail;
    Run run;
    if (!rail->powered) {
        reply(rail, "error run: the power is off");
        return;
    }
    if (!parse_run(rail, words, &run))
        return;
    if (run.cut != UINT64_MAX && run.cut < rail->operations) {
        reply(rail, "error run: operation %" PRIu64 " is over", run.cut);
        return;
    }
    rail->cut = run.cut;
    rail->tear = run.tear;
    rail->pause_edge = run.edge != 0;
    rail->pause_line = run.line != 0;
    rail->pause_reset = run.reset != 0;
    if ((int64_t)run.until <= time_now(mcu)) {
        reply(rail, "stopped reason=time t=%" PRId64 " ops=%" PRIu64 " trace=%" PRIu64, time_now(mcu),
              rail->operations, trace_used(mcu));
        return;
    }
    timer_mod(rail->until, time_to_clock(mcu, run.until));
    vm_start();
}

static void changed(Mcu *mcu, char **words)
{
    Rail *rail = &mcu->rail;
    uint64_t offset, length;
    if (g_strv_length(words) != 3 || qemu_strtou64(words[1], NULL, 0, &offset) != 0 ||
        qemu_strtou64(words[2], NULL, 0, &length) != 0) {
        reply(rail, "error changed: must be CHIP OFFSET LENGTH");
        return;
    }
    uint64_t size = strcmp(words[0], "internal") == 0 ? RAIL_INTERNAL_SIZE
                  : strcmp(words[0], "otp") == 0      ? RAIL_OTP_SIZE
                  : strcmp(words[0], "nor") == 0      ? RAIL_NOR_SIZE
                                                      : 0;
    if (offset > size || length > size - offset) {
        reply(rail, "error changed: no such chip or range");
        return;
    }
    if (rail->powered) {
        reply(rail, "error changed: the power is on");
        return;
    }
    if (size == RAIL_INTERNAL_SIZE && length != 0)
        flash_changed(mcu, offset, length);
    reply(rail, "ok");
}

static struct nor_array *array_named(Mcu *mcu, const char *name)
{
    return g_strcmp0(name, "internal") == 0 ? &mcu->flash.array
         : g_strcmp0(name, "otp") == 0      ? &mcu->flash.otp
         : g_strcmp0(name, "nor") == 0      ? &mcu->nor.array
                                            : NULL;
}

/* Pairs of numbers, each a mark; false when one is none. */
static bool add_marks(struct nor_array *array, enum nor_mark_kind kind, char **words)
{
    for (; words[0] != NULL; words += 2) {
        uint64_t offset, number;
        if (words[1] == NULL || qemu_strtou64(words[0], NULL, 0, &offset) != 0 ||
            qemu_strtou64(words[1], NULL, 0, &number) != 0 || offset > UINT32_MAX || number > UINT32_MAX ||
            (kind == NOR_WEAK && number > 7))
            return false;
        struct nor_mark mark = {.kind = kind, .offset = offset, .length = number};
        if (kind == NOR_WEAK)
            mark = (struct nor_mark){.kind = kind, .offset = offset, .length = 1, .bit = number};
        operation_make_room(array->marks);
        if (!nor_mark(array, &mark))
            return false;
    }
    return true;
}

static void mark(Mcu *mcu, char **words)
{
    struct nor_array *array = array_named(mcu, words[0]);
    const char *what = array != NULL && words[1] != NULL ? words[1] : "";
    bool weak = strcmp(what, "weak") == 0;
    if (mcu->rail.powered) {
        reply(&mcu->rail, "error mark: the power is on");
    } else if (strcmp(what, "none") == 0 && words[2] == NULL) {
        array->marks->count = 0;
        reply(&mcu->rail, "ok");
    } else if ((weak || strcmp(what, "notake") == 0) && words[2] != NULL) {
        g_autofree struct nor_mark *before = g_memdup2(array->marks->list, array->marks->count * sizeof(*before));
        uint32_t count = array->marks->count;
        if (add_marks(array, weak ? NOR_WEAK : NOR_NOTAKE, words + 2)) {
            reply(&mcu->rail, "ok");
            return;
        }
        array->marks->count = count;
        if (count != 0)
            memcpy(array->marks->list, before, count * sizeof(*before));
        reply(&mcu->rail, "error mark: no such bit or range");
    } else {
        reply(&mcu->rail, "error mark: must be CHIP none, weak OFFSET BIT ... or notake OFFSET LENGTH ...");
    }
}

static void marks(Mcu *mcu, char **words)
{
    const struct nor_array *array = array_named(mcu, words[0]);
    if (array == NULL || words[1] != NULL) {
        reply(&mcu->rail, "error marks: must be CHIP");
        return;
    }
    g_autoptr(GString) text = g_string_new("marks");
    for (uint32_t i = 0; i < array->marks->count; i++) {
        const struct nor_mark *one = &array->marks->list[i];
        g_string_append_printf(text, " %s %u %u", one->kind == NOR_WEAK ? "weak" : "notake", one->offset,
                               one->kind == NOR_WEAK ? one->bit : one->length);
    }
    reply(&mcu->rail, "%s", text->str);
}

/* Bytes of two hexadecimal digits, exactly so many. */
static bool parse_status(char **words, uint8_t *status, unsigned count)
{
    if (g_strv_length(words) != count)
        return false;
    for (unsigned i = 0; i < count; i++) {
        uint64_t value;
        if (strlen(words[i]) != 2 || qemu_strtou64(words[i], NULL, 16, &value) != 0)
            return false;
        status[i] = value;
    }
    return true;
}

static void set_status(Mcu *mcu, char **words)
{
    Rail *rail = &mcu->rail;
    uint8_t status[sizeof(mcu->nor.stored)];
    if (rail->powered)
        reply(rail, "error status: the power is on");
    else if (!parse_status(words, status, spi_nor_status_count(mcu)))
        reply(rail, "error status: must be nor, then %u bytes of two hexadecimal digits", spi_nor_status_count(mcu));
    else if (!spi_nor_status_set(mcu, status))
        reply(rail, "error status: the registers have no such bits");
    else
        reply(rail, "ok");
}

static void status(Mcu *mcu, char **words)
{
    if (g_strcmp0(words[0], "nor") != 0 || spi_nor_status_count(mcu) == 0) {
        reply(&mcu->rail, "error status: must be nor, and there must be one");
    } else if (words[1] != NULL) {
        set_status(mcu, words + 1);
    } else {
        g_autoptr(GString) text = g_string_new("status");
        for (unsigned i = 0; i < spi_nor_status_count(mcu); i++)
            g_string_append_printf(text, " %02x", mcu->nor.stored[i]);
        reply(&mcu->rail, "%s", text->str);
    }
}

static void touch(Mcu *mcu, char **words)
{
    if (g_strcmp0(words[0], "clear") != 0 || words[1] != NULL) {
        reply(&mcu->rail, "error touch: must be clear");
    } else if (mcu->touch.map == NULL) {
        reply(&mcu->rail, "error touch: there is no touched=FILE");
    } else if (mcu->rail.powered) {
        reply(&mcu->rail, "error touch: the power is on");
    } else {
        touch_clear(mcu);
        reply(&mcu->rail, "ok");
    }
}

static void info(Mcu *mcu)
{
    uint64_t instructions = icount_enabled() ? icount_get_raw() - mcu->time.burnt : 0;
    reply(&mcu->rail, "info mips=%d instructions=%" PRIu64 " powered=%d t=%" PRId64, RAIL_MIPS, instructions,
          mcu->rail.powered, mcu->rail.powered ? time_now(mcu) : 0);
}

static void command(Mcu *mcu, const char *line)
{
    Rail *rail = &mcu->rail;
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    if (words[0] == NULL)
        return;
    if (strcmp(words[0], "info") == 0) {
        info(mcu);
    } else if (strcmp(words[0], "quit") == 0) {
        reply(rail, "ok");
        qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_QMP_QUIT);
    } else if (runstate_is_running()) {
        reply(rail, "error the machine is running");
    } else if (strcmp(words[0], "power") == 0) {
        power(mcu, words + 1);
    } else if (strcmp(words[0], "run") == 0) {
        run(mcu, words + 1);
    } else if (strcmp(words[0], "changed") == 0) {
        changed(mcu, words + 1);
    } else if (strcmp(words[0], "mark") == 0) {
        mark(mcu, words + 1);
    } else if (strcmp(words[0], "marks") == 0) {
        marks(mcu, words + 1);
    } else if (strcmp(words[0], "status") == 0) {
        status(mcu, words + 1);
    } else if (strcmp(words[0], "touch") == 0) {
        touch(mcu, words + 1);
    } else {
        reply(rail, "error unknown command %s", words[0]);
    }
}

/// The channel ///

static int can_receive(void *opaque)
{
    return 4096;
}

static void receive(void *opaque, const uint8_t *bytes, int count)
{
    Mcu *mcu = opaque;
    for (int i = 0; i < count; i++) {
        if (bytes[i] != '\n') {
            g_string_append_c(mcu->rail.line, bytes[i]);
            continue;
        }
        g_autofree char *line = g_strdup(mcu->rail.line->str);
        g_string_truncate(mcu->rail.line, 0);
        command(mcu, g_strchomp(line));
    }
}

/* A machine without its bench is of no use. */
static void event(void *opaque, QEMUChrEvent event)
{
    if (event == CHR_EVENT_CLOSED)
        qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_QMP_QUIT);
}

void rail_init(Mcu *mcu, const char *id)
{
    Rail *rail = &mcu->rail;
    rail->cut = UINT64_MAX;
    if (id == NULL)
        return;
    Chardev *chardev = qemu_chr_find(id);
    if (chardev == NULL) {
        error_report("rail: there is no chardev %s", id);
        exit(1);
    }
    rail->connected = true;
    rail->line = g_string_new(NULL);
    rail->until = timer_new_ns(QEMU_CLOCK_VIRTUAL, until, mcu);
    qemu_chr_fe_init(&rail->chardev, chardev, &error_fatal);
    qemu_chr_fe_set_handlers(&rail->chardev, can_receive, receive, event, NULL, mcu, NULL, true);
    qemu_add_vm_change_state_handler(stopped, mcu);
    autostart = 0;
}
