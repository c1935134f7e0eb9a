/* SPDX-License-Identifier: MIT */
#include "soak_report.h"

#include "report.h"

#include <glib.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- progress --- */

#define PERIOD_S 0.2       /* between changes of the line on a terminal, */
#define QUIET_PERIOD_S 10. /* and between lines elsewhere */

static bool on_terminal(void)
{
    const char *kind = getenv("TERM");
    return isatty(STDERR_FILENO) && kind != NULL && strcmp(kind, "dumb") != 0;
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void soak_progress(void *context, const struct soak_result *result, bool stored)
{
    struct soak_progress *progress = context;
    const struct soak_totals *totals = &result->totals;
    const bool terminal = on_terminal();
    const double now = now_s();
    if (!stored && now - progress->printed < (terminal ? PERIOD_S : QUIET_PERIOD_S))
        return;
    progress->printed = now;
    progress->any = true;
    struct life_row *rows;
    unsigned count = life_rows(&totals->life, NULL, &rows);
    fprintf(stderr,
            "%s  %" PRIu64 " of %" PRIu64 " updates, %" PRIu64
            " losses of power, %.2f %% of life used, findings %d%s%s",
            terminal ? "\r" : "", totals->updates, progress->updates, totals->losses,
            count > 0 ? life_used(rows[0].array, rows[0].erases) : 0.0, result->failed, stored ? ", stored" : "",
            terminal ? "\033[K" : "\n");
    fflush(stderr);
    g_free(rows);
}

void soak_progress_end(const struct soak_progress *progress)
{
    if (progress->any && on_terminal())
        fprintf(stderr, "\r\033[K");
}

/* --- for people --- */

static void print_life(FILE *stream, const struct soak_result *result, const struct profile *profile)
{
    struct life_row *rows;
    unsigned count = life_rows(&result->totals.life, profile, &rows);
    fprintf(stream, "\n%-14s %-9s %-9s %8s %9s %10s %10s\n", "worst sector of", "chip", "at", "size", "erases",
            "endurance", "life used");
    for (unsigned i = 0; i < count; i++)
        fprintf(stream, "%-15s %-9s %-*s%0*" PRIX32 " %8" PRIu32 " %9" PRIu32 " %10" PRIu32 " %8.2f %%\n", rows[i].name,
                arrays_name(rows[i].array), rows[i].array == ARRAY_NOR ? 3 : 1, "", rows[i].array == ARRAY_NOR ? 6 : 8,
                rows[i].address, rows[i].size, rows[i].erases, life_endurance(rows[i].array),
                life_used(rows[i].array, rows[i].erases));
    if (count > 0 && result->totals.updates > 0)
        fprintf(stream, "%s wears out first, after about %.0f updates\n", rows[0].name,
                (double)result->totals.updates * 100 / life_used(rows[0].array, rows[0].erases));
    g_free(rows);
}

static void print_finding(FILE *stream, const struct soak_result *result, const struct profile *profile)
{
    const struct verdict *verdict = &result->finding.verdict;
    fprintf(stream, "\nfinding    in update %" PRIu64 " (%s): %s: %s\n", result->totals.updates + 1,
            profile->soak[result->trial.soak].name, verdict->oracle, verdict->detail);
    for (unsigned i = 0; i < result->finding.losses; i++) {
        char text[TRIAL_LOSS];
        trial_describe(&result->trial, &result->finding, i, text);
        fprintf(stream, "           %s\n", text);
    }
    if (result->bundle != NULL)
        fprintf(stream, "see it     matterhorn replay '%s'\n", result->bundle);
    else
        fprintf(stream,
                "see it     the same soak again, to %" PRIu64
                " updates, with --artifacts DIR: that writes a bundle for replay\n",
                result->totals.updates + 1);
}

void soak_report_text(FILE *stream, const struct soak_result *result, const struct profile *profile)
{
    const struct soak_totals *totals = &result->totals;
    fprintf(stream, "target     %s on %s, firmware %.12s, %d MIPS, internal flash %s, SPI NOR %s\n", profile->name,
            profile->machine, result->firmware, RAIL_MIPS, result->conditions.flash_times,
            result->conditions.nor_times);
    fprintf(stream,
            "soaked     %" PRIu64 " updates in a row, seed %" PRIu64 "; %" PRIu64 " of them lost power, %" PRIu64
            " times in all, one of them %" PRIu64 " times\n",
            totals->updates, result->conditions.seed, totals->disturbed, totals->losses, totals->most_losses);
    fprintf(stream, "           %" PRIu64 " boots, %" PRIu64 " operations, %.1f h of virtual time\n", totals->boots,
            totals->operations, (double)totals->virtual_ns * 1e-9 / 3600);
    fprintf(stream, "           %.1f s of processor time: %.2f updates per second of it\n", totals->cpu_s,
            totals->cpu_s > 0 ? (double)totals->updates / totals->cpu_s : 0.0);
    print_life(stream, result, profile);
    if (result->failed)
        print_finding(stream, result, profile);
    else
        fprintf(stream, "\npassed     every update was there in the end\n");
}

/* --- for machines --- */

static json_t *life_json(const struct soak_result *result, const struct profile *profile)
{
    struct life_row *rows;
    json_t *list = json_array();
    unsigned count = life_rows(&result->totals.life, profile, &rows);
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:f}", "area", rows[i].name, "chip",
                                              arrays_name(rows[i].array), "address", (json_int_t)rows[i].address,
                                              "size", (json_int_t)rows[i].size, "erases", (json_int_t)rows[i].erases,
                                              "endurance", (json_int_t)life_endurance(rows[i].array),
                                              "life_used_percent", life_used(rows[i].array, rows[i].erases)));
    g_free(rows);
    return list;
}

/* Every sector with an erase. */
static json_t *erases_json(const struct life *life)
{
    json_t *object = json_object();
    for (enum array array = 0; array < ARRAYS; array++) {
        json_t *sectors = json_object();
        for (unsigned sector = 0; sector < life_sectors(array); sector++) {
            char address[12];
            uint32_t size;
            if (life->erases[array][sector] == 0)
                continue;
            snprintf(address, sizeof address, "%0*" PRIX32, array == ARRAY_NOR ? 6 : 8,
                     life_address(array, sector, &size));
            json_object_set_new(sectors, address, json_integer(life->erases[array][sector]));
        }
        if (life_sectors(array) > 0)
            json_object_set_new(object, arrays_name(array), sectors);
        else
            json_decref(sectors);
    }
    return object;
}

static json_t *finding_json(const struct soak_result *result, const struct profile *profile)
{
    const struct verdict *verdict = &result->finding.verdict;
    json_t *losses = json_array();
    if (!result->failed) {
        json_decref(losses);
        return json_null();
    }
    for (unsigned i = 0; i < result->finding.losses; i++) {
        char text[TRIAL_LOSS];
        trial_describe(&result->trial, &result->finding, i, text);
        json_array_append_new(losses, json_string(text));
    }
    return json_pack("{s:I, s:s, s:s, s:s, s:o, s:s?}", "update", (json_int_t)result->totals.updates + 1, "name",
                     profile->soak[result->trial.soak].name, "oracle", verdict->oracle, "detail", verdict->detail,
                     "losses", losses, "bundle", result->bundle);
}

bool soak_report_json(FILE *stream, const struct soak_result *result, const struct profile *profile)
{
    const struct soak_totals *totals = &result->totals;
    char trace[17];
    snprintf(trace, sizeof trace, "%016" PRIx64, totals->trace);
    json_t *object = json_pack(
        "{s:s, s:s, s:I, s:f, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:s, s:o, s:o, s:s, s:o, s:i, s:{s:f, s:f}}",
        "profile", profile->name, "firmware_sha256", result->firmware, "seed", (json_int_t)result->conditions.seed,
        "losses_wanted", result->conditions.losses, "flash_times", result->conditions.flash_times, "nor_times",
        result->conditions.nor_times, "updates", (json_int_t)totals->updates, "disturbed",
        (json_int_t)totals->disturbed, "losses", (json_int_t)totals->losses, "most_losses",
        (json_int_t)totals->most_losses, "boots", (json_int_t)totals->boots, "operations",
        (json_int_t)totals->operations, "virtual_s", (double)totals->virtual_ns * 1e-9, "trace", trace, "life",
        life_json(result, profile), "erases", erases_json(&totals->life), "verdict", result->failed ? "fail" : "pass",
        "finding", finding_json(result, profile), "mips", RAIL_MIPS, "host", "cpu_s", totals->cpu_s,
        "updates_per_cpu_s", totals->cpu_s > 0 ? (double)totals->updates / totals->cpu_s : 0.0);
    return report_line(stream, object);
}
