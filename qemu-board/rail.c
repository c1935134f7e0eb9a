/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The power rail: the bench's commands. The protocol is rail.h's. Commands are carried out by the main loop while the
 * core is stopped, and a line is answered once it stands still. Where a line goes on after a `run`, the core's own
 * thread carries out what follows, between two instructions: no other thread need wake up before the end of the line.
 */
#include "mcu.h"
#include "block/aio.h"
#include "exec/address-spaces.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/units.h"
#include "sysemu/cpu-timers.h"
#include "sysemu/runstate.h"
#include "sysemu/sysemu.h"

static void reply(Rail *rail, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void carry_on(Mcu *mcu);

static void send_line(Rail *rail, const char *line)
{
    g_autofree char *text = g_strconcat(line, "\n", NULL);
    qemu_chr_fe_write_all(&rail->chardev, (const uint8_t *)text, strlen(text));
}

/* Of the command that is being carried out. */
static void reply(Rail *rail, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    if (rail->answer->len != 0)
        g_string_append(rail->answer, "; ");
    g_string_append(rail->answer, text);
    if (g_str_has_prefix(text, "error"))
        rail->next = NULL;
}

/// Pauses ///

static bool commands_left(const Rail *rail)
{
    return rail->next != NULL && *rail->next != NULL;
}

static void request_stop(void)
{
    qemu_system_vmstop_request_prepare();
    qemu_system_vmstop_request(RUN_STATE_PAUSED);
    cpu_stop_current();
}

static void run_ended(Mcu *mcu)
{
    Rail *rail = &mcu->rail;
    const char *reason = rail->reason;
    rail->reason = NULL;
    rail->running = false;
    timer_del(rail->until);
    if (rail->powered) {
        flash_settle(mcu);
        spi_nor_settle(mcu);
    }
    reply(rail, "stopped reason=%s t=%" PRId64 " ops=%" PRIu64 " trace=%" PRIu64, reason, time_now(mcu),
          rail->operations, trace_used(mcu));
}

/* The core stands between two instructions, in its own thread. Commands are to find what they find in the main loop:
 * no current core, and timers that stand still until the core runs. */
static void pause_in_core(CPUState *cpu, run_on_cpu_data data)
{
    Mcu *mcu = data.host_ptr;
    Rail *rail = &mcu->rail;
    bool others_wait = cpu->stopped || qemu_reset_requested_get() != SHUTDOWN_CAUSE_NONE;
    if (rail->reason == NULL)
        return;
    if (!others_wait) {
        current_cpu = NULL;
        run_ended(mcu);
        carry_on(mcu);
        current_cpu = cpu;
    }
    if (rail->running && !others_wait) {
        time_resume(mcu);
    } else {
        qemu_clock_enable(QEMU_CLOCK_VIRTUAL, false);
        request_stop();
    }
}

void rail_pause(Mcu *mcu, const char *reason)
{
    Rail *rail = &mcu->rail;
    if (!rail->connected || !runstate_is_running())
        return;
    bool first = rail->reason == NULL;
    if (first || strcmp(reason, "cut") == 0 || strcmp(reason, "loss") == 0)
        rail->reason = reason;
    if (!commands_left(rail))
        request_stop();
    else if (first)
        async_run_on_cpu(mcu->cpu, pause_in_core, RUN_ON_CPU_HOST_PTR(mcu));
}

static void lose_power(Mcu *mcu)
{
    mcu_power_off(mcu, TEAR_BY_PHASE, UINT32_MAX);
}

static void until(void *opaque)
{
    Mcu *mcu = opaque;
    bool loss = mcu->rail.loss && mcu->rail.powered;
    if (loss)
        lose_power(mcu);
    rail_pause(mcu, loss ? "loss" : "time");
}

static void carry_on_later(void *opaque)
{
    carry_on(opaque);
}

/* A debugger stops the core too: then nothing is answered. */
static void stopped(void *opaque, bool running, RunState state)
{
    Mcu *mcu = opaque;
    Rail *rail = &mcu->rail;
    if (running)
        return;
    if (rail->reason != NULL)
        run_ended(mcu);
    if (rail->running || rail->answer->len == 0)
        return;
    if (commands_left(rail)) /* not here: they may start the core */
        aio_bh_schedule_oneshot(qemu_get_aio_context(), carry_on_later, mcu);
    else
        carry_on(mcu);
}

/// Memory at power-on ///

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* 64 bits, each set with a chance of so many in 256. */
static uint64_t sparse(uint64_t *seed, unsigned share)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < 8; i++)
        bits = share >> i & 1 ? bits | splitmix(seed) : bits & splitmix(seed);
    return share >= 256 ? UINT64_MAX : bits;
}

/* What becomes of the SRAM without power. */
typedef struct Forgetting {
    enum { RETAIN, ZERO, RANDOM, DECAY } how;
    uint64_t seed;
    unsigned share; /* DECAY: of the cells, in 256ths */
} Forgetting;

static bool parse_forgetting(const char *text, Forgetting *forgetting)
{
    const char *number, *end;
    *forgetting = (Forgetting){.how = strcmp(text, "zero") == 0 ? ZERO : RETAIN};
    if (strstart(text, "random:", &number)) {
        forgetting->how = RANDOM;
        return qemu_strtou64(number, NULL, 0, &forgetting->seed) == 0;
    }
    if (strstart(text, "decay:", &number)) {
        forgetting->how = DECAY;
        return qemu_strtou64(number, &end, 0, &forgetting->seed) == 0 && *end == ':' &&
               qemu_strtoui(end + 1, NULL, 0, &forgetting->share) == 0 && forgetting->share <= 256;
    }
    return forgetting->how == ZERO || strcmp(text, "retain") == 0;
}

static uint64_t forgotten(uint64_t word, hwaddr address, Forgetting *forgetting)
{
    if (forgetting->how != DECAY)
        return forgetting->how == RANDOM ? splitmix(&forgetting->seed) : 0;
    uint64_t place = address, preferred = splitmix(&place); /* the chip's own, whatever the seed */
    uint64_t lost = sparse(&forgetting->seed, forgetting->share);
    return (word & ~lost) | (preferred & lost);
}

/* Through the address space, so that code translated from there is dropped. */
static void forget(MemoryRegion *memory, Forgetting *forgetting)
{
    uint64_t block[512];
    const uint64_t *words = memory_region_get_ram_ptr(memory);
    for (uint32_t done = 0; done < memory_region_size(memory); done += sizeof(block)) {
        hwaddr address = memory->addr + done;
        for (unsigned i = 0; i < ARRAY_SIZE(block); i++)
            block[i] = cpu_to_le64(forgotten(le64_to_cpu(words[done / 8 + i]), address + 8 * i, forgetting));
        address_space_write(&address_space_memory, address, MEMTXATTRS_UNSPECIFIED, block, sizeof(block));
    }
}

static void forget_sram(Mcu *mcu, Forgetting *forgetting)
{
    if (forgetting->how == RETAIN)
        return;
    forget(&mcu->sram, forgetting);
    forget(&mcu->ccm, forgetting);
}

void rail_fill_sram(Mcu *mcu, unsigned n)
{
    Forgetting forgetting;
    if (mcu->rail.sram == NULL || !parse_forgetting(mcu->rail.sram, &forgetting))
        return;
    forgetting.seed += n * RAIL_NOISE_STEP;
    forget_sram(mcu, &forgetting);
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
    Forgetting forgetting;
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
    if (!parse_forgetting(sram, &forgetting)) {
        reply(rail, "error sram=%s: must be retain, zero, random:SEED or decay:SEED:SHARE, with a share up to 256",
              sram);
        return;
    }
    forget_sram(mcu, &forgetting);
    g_free(rail->sram);
    rail->sram = g_strdup(sram);
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
    uint64_t until, cut, edge, line, reset, loss;
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
        {"loss=", offsetof(Run, loss)},
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
    rail->loss = run.loss != 0;
    if ((int64_t)run.until <= time_now(mcu)) {
        if (rail->loss)
            lose_power(mcu);
        rail->reason = rail->loss ? "loss" : "time";
        run_ended(mcu);
        return;
    }
    timer_mod(rail->until, time_to_clock(mcu, run.until));
    rail->running = true;
    if (!runstate_is_running())
        vm_start();
}

/* MV@NS ... */
static bool parse_curve(char **words, SupplyCurve *curve)
{
    for (curve->count = 0; *words != NULL; words++) {
        uint64_t mv, at;
        const char *end;
        if (curve->count == SUPPLY_POINTS || qemu_strtou64(*words, &end, 10, &mv) != 0 || *end != '@' ||
            qemu_strtou64(end + 1, NULL, 10, &at) != 0 || mv > RAIL_SUPPLY_MOST_MV || at > INT64_MAX / 2 ||
            (curve->count > 0 && (int64_t)at < curve->points[curve->count - 1].at))
            return false;
        curve->points[curve->count++] = (SupplyPoint){.at = at, .mv = mv};
    }
    return true;
}

static void supply(Mcu *mcu, char **words)
{
    Rail *rail = &mcu->rail;
    g_autofree SupplyCurve *curve = g_new0(SupplyCurve, 1);
    if (rail->powered)
        reply(rail, "error supply: the power is on");
    else if (words[0] == NULL || !parse_curve(words + 1, curve))
        reply(rail, "error supply: must be vdd or vcc, then up to %d MV@NS in order of time, with at most %d mV",
              SUPPLY_POINTS, RAIL_SUPPLY_MOST_MV);
    else if (!supply_set(mcu, words[0], curve))
        reply(rail, "error supply: there is no %s, only vdd and vcc", words[0]);
    else
        reply(rail, "ok");
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

/* What faults.c has to say. */
static void fault(Mcu *mcu, char **words, bool erases)
{
    g_autoptr(GString) said = g_string_new(erases && words[0] != NULL && words[1] == NULL ? "erases" : "ok");
    g_autofree char *why = erases ? faults_erases_command(mcu, words, said) : faults_command(mcu, words);
    reply(&mcu->rail, why != NULL ? "error %s" : "%s", why != NULL ? why : said->str);
}

static char *info(Mcu *mcu)
{
    uint64_t instructions = icount_enabled() ? icount_get_raw() - mcu->time.burnt : 0;
    uint32_t vtor = address_space_ldl_le(first_cpu->as, 0xE000ED08, MEMTXATTRS_UNSPECIFIED, NULL);
    return g_strdup_printf("info mips=%d instructions=%" PRIu64 " powered=%d t=%" PRId64 " vtor=%u", RAIL_MIPS,
                           instructions, mcu->rail.powered, mcu->rail.powered ? time_now(mcu) : 0, vtor);
}

static void quit(void)
{
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_QMP_QUIT);
}

static void command(Mcu *mcu, const char *text)
{
    Rail *rail = &mcu->rail;
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    if (words[0] == NULL)
        return;
    if (strcmp(words[0], "info") == 0) {
        g_autofree char *said = info(mcu);
        reply(rail, "%s", said);
    } else if (strcmp(words[0], "quit") == 0) {
        reply(rail, "ok");
        quit();
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
    } else if (strcmp(words[0], "fault") == 0 || strcmp(words[0], "erases") == 0) {
        fault(mcu, words + 1, words[0][0] == 'e');
    } else if (strcmp(words[0], "supply") == 0) {
        supply(mcu, words + 1);
    } else {
        reply(rail, "error unknown command %s", words[0]);
    }
}

/// Lines ///

/* The rest of the line, as far as it goes before the core is to run. At its end it is answered, once the core stands
 * still: a bench that reads the answer may send the next line. */
static void carry_on(Mcu *mcu)
{
    Rail *rail = &mcu->rail;
    while (!rail->running && commands_left(rail))
        command(mcu, g_strstrip(*rail->next++));
    if (rail->running || runstate_is_running() || rail->answer->len == 0)
        return;
    g_autofree char *answer = g_strdup(rail->answer->str);
    g_string_truncate(rail->answer, 0);
    send_line(rail, answer);
}

/* While the machine runs. */
static void interject(Mcu *mcu, const char *text)
{
    Rail *rail = &mcu->rail;
    if (strcmp(text, "info") == 0) {
        g_autofree char *said = info(mcu);
        send_line(rail, said);
    } else if (strcmp(text, "quit") == 0) {
        send_line(rail, "ok");
        quit();
    } else {
        send_line(rail, "error the machine is running");
    }
}

static void take_line(Mcu *mcu, const char *text)
{
    Rail *rail = &mcu->rail;
    if (runstate_is_running() || commands_left(rail)) {
        interject(mcu, text);
        return;
    }
    g_strfreev(rail->commands);
    rail->commands = g_strsplit(text, ";", -1);
    rail->next = rail->commands;
    rail->running = false;
    carry_on(mcu);
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
        take_line(mcu, g_strchomp(line));
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
    rail->answer = g_string_new(NULL);
    rail->until = timer_new_ns(QEMU_CLOCK_VIRTUAL, until, mcu);
    qemu_chr_fe_init(&rail->chardev, chardev, &error_fatal);
    qemu_chr_fe_set_handlers(&rail->chardev, can_receive, receive, event, NULL, mcu, NULL, true);
    qemu_add_vm_change_state_handler(stopped, mcu);
    autostart = 0;
}
