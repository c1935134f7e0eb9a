/* SPDX-License-Identifier: MIT
 *
 * matterhorn boot: a device runs, live on the terminal.
 */
#include "command.h"
#include "fault_option.h"
#include "files.h"
#include "interrupt.h"
#include "live.h"
#include "machine.h"
#include "options.h"
#include "profile.h"
#include "summary.h"
#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct options_help help = {
    .arguments = "[DEVICE-DIR] [OPTIONS]",
    .text = "Applies power to a provisioned device (a folder with internal.bin, otp.bin and nor.bin) and shows what a person\n"
            "with a probe sees. The folder itself stays as it is; --save writes the flashes to another one, or back.\n"
            "After Ctrl-C, files have what was seen until then (exit 3).",
    .examples = "matterhorn boot --profile eth-app-update --until 'update: confirmed' --summary\n"
                "matterhorn boot build/device/mountaineer-eth --machine mountaineer-eth --time 20 --pin PE13=green\n"
                "matterhorn boot --profile eth-app-update --cut 1234 --tear before --save cut\n"
                "matterhorn boot cut --profile eth-app-update --edges PE13:4 --trace trace.txt\n"
                "matterhorn boot --profile eth-app-update --fault nor-dead --until 'demo:'\n"
                "matterhorn boot --profile eth-app-update --gdb 1234",
};

#define SLICE_NS UINT64_C(100000000) /* between looks at the trace when nothing else stops the machine */
#define MOST_PINS 32

/* The command line. */
struct request {
    char *machine, *profile, *root, *until, *edges, *trace, *save, *uart, *sram, *tear;
    char *pins[MOST_PINS];
    unsigned pin_count;
    bool too_many_pins;
    struct fault_option faults;
    double time;
    long long cut;
    int summary, json, gdb;
    const char *device;
};

/* What runs. */
struct boot {
    const struct request *request;
    struct profile *profile;
    struct arrays device;
    struct fault_set faults;
    struct machine machine;
    struct watch_edges edges;
    struct watch_wanted wanted;
    enum nor_tear tear;
    struct watch watch;
    struct live live;
    struct summary summary;
    struct file_writer trace, uart;
    uint64_t instructions;
    const char *reason; /* why it ended */
    char sram[32];      /* at power-on */
};

/* --- what is asked for --- */

static bool parse_edges(struct boot *boot, struct problem *problem)
{
    const char *text = boot->request->edges;
    char name[TRACE_PIN_NAME];
    int end = 0;
    if (text == NULL)
        return true;
    boot->edges.pin = UINT32_MAX;
    if (sscanf(text, "%7[A-Z0-9]:%9" SCNu32 "%n", name, &boot->edges.count, &end) == 2 && text[end] == '\0' &&
        strchr(text, '-') == NULL && boot->edges.count > 0)
        boot->edges.pin = trace_pin_number(name);
    boot->wanted.edges = &boot->edges;
    boot->wanted.edge_count = 1;
    return boot->edges.pin != UINT32_MAX ||
           problem_set(problem, PROBLEM_USE, "boot --edges %s: write it like PE13:4", boot->request->edges);
}

static bool parse_cut(struct boot *boot, struct problem *problem)
{
    const struct request *request = boot->request;
    if ((request->cut >= 0) != (request->tear != NULL))
        return problem_set(problem, PROBLEM_USE, "boot: --cut and --tear go together");
    if (request->tear == NULL)
        return true;
    boot->tear = nor_tear_named(request->tear);
    char menu[NOR_TEAR_MENU];
    return boot->tear != NOR_TEARS ||
           problem_set(problem, PROBLEM_USE, "boot --tear %s: there is no such tear; there are: %s", request->tear,
                       nor_tear_menu(menu));
}

/* The seed as a plain number: the machine would take 0x10 and 010 too, and whatever comes
 * behind a space as another option. */
static bool parse_sram(struct boot *boot, struct problem *problem)
{
    const char *text = boot->request->sram != NULL ? boot->request->sram : "random:1";
    const char *digits = strncmp(text, "random:", 7) == 0 ? text + 7 : "";
    snprintf(boot->sram, sizeof boot->sram, "zero");
    if (strcmp(text, "zero") == 0)
        return true;
    errno = 0;
    unsigned long long seed = strtoull(digits, NULL, 10);
    snprintf(boot->sram, sizeof boot->sram, "random:%llu", seed);
    return (digits[0] != '\0' && digits[strspn(digits, "0123456789")] == '\0' && errno == 0) ||
           problem_set(problem, PROBLEM_USE, "boot --sram %s: zero, or random: and a number, such as random:1", text);
}

/* Names of the pins: the profile's, then the user's. */
static bool name_pins(struct boot *boot, struct problem *problem)
{
    for (unsigned i = 0; boot->profile != NULL && i < boot->profile->pins_count; i++)
        live_name(&boot->live, boot->profile->pins[i].number, boot->profile->pins[i].name);
    for (unsigned i = 0; i < boot->request->pin_count; i++) {
        char name[TRACE_PIN_NAME];
        const char *equals = strchr(boot->request->pins[i], '=');
        size_t length = equals != NULL ? (size_t)(equals - boot->request->pins[i]) : sizeof name;
        if (length < sizeof name) {
            memcpy(name, boot->request->pins[i], length);
            name[length] = '\0';
        }
        if (length >= sizeof name || trace_pin_number(name) == UINT32_MAX)
            return problem_set(problem, PROBLEM_USE, "boot --pin %s: write it like PE13=green", boot->request->pins[i]);
        live_name(&boot->live, trace_pin_number(name), equals + 1);
    }
    return true;
}

static bool check_files(const struct request *request, const char *device, struct problem *problem)
{
    const char *const paths[] = {request->trace, request->uart, request->profile};
    for (unsigned i = 0; i < 2; i++)
        if (arrays_has_file(device, paths[i]))
            return problem_set(problem, PROBLEM_USE, "boot: %s is the device's and would be written over", paths[i]);
    return files_apart(paths, 2, sizeof paths / sizeof paths[0], problem);
}

static bool load_device(struct boot *boot, struct problem *problem)
{
    const struct request *request = boot->request;
    if (request->device == NULL && boot->profile == NULL)
        return problem_set(problem, PROBLEM_USE,
                           "boot: name a device folder or a --profile; see matterhorn boot --help");
    char *root = request->root != NULL ? strdup(request->root) : profile_default_root();
    char *folder = request->device != NULL ? strdup(request->device)
                   : root != NULL          ? files_join(root, boot->profile->device)
                                           : NULL;
    bool good = folder != NULL && check_files(request, folder, problem) && arrays_allocate(&boot->device, problem) &&
                arrays_read(&boot->device, folder, problem);
    free(folder);
    free(root);
    return good;
}

static bool prepare(struct boot *boot, struct problem *problem)
{
    const struct request *request = boot->request;
    if (request->profile != NULL && !profile_load(request->profile, &boot->profile, problem))
        return false;
    if (request->machine == NULL && boot->profile == NULL)
        return problem_set(problem, PROBLEM_USE, "boot: which --machine? For example mountaineer-eth");
    if (boot->profile != NULL)
        boot->faults = boot->profile->fault_set;
    fault_add(&boot->faults, &request->faults.set);
    if (request->until != NULL) {
        boot->wanted.lines = (const char *const *)&request->until;
        boot->wanted.line_count = 1;
    }
    live_begin(&boot->live, stdout);
    summary_begin(&boot->summary, boot->profile);
    return parse_edges(boot, problem) && parse_cut(boot, problem) && parse_sram(boot, problem) &&
           name_pins(boot, problem) && load_device(boot, problem) &&
           (request->trace == NULL || files_open(&boot->trace, request->trace, problem)) &&
           (request->uart == NULL || files_open(&boot->uart, request->uart, problem));
}

/* --- the run --- */

static void take(void *context, const struct trace_item *item)
{
    struct boot *boot = context;
    watch_take(&boot->watch, item);
    summary_take(&boot->summary, item);
    if (!boot->request->json)
        live_take(&boot->live, item);
    if (boot->trace.stream != NULL)
        trace_print(boot->trace.stream, item);
    if (boot->uart.stream != NULL && item->event->kind == RAIL_UART)
        fputc((int)item->event->value, boot->uart.stream);
}

static bool reached(const struct boot *boot)
{
    return boot->wanted.line_count + boot->wanted.edge_count > 0 && watch_all_seen(&boot->watch);
}

/* Nobody wants to see more: Ctrl-C, or a pipe that is closed. */
static bool given_up(void)
{
    return interrupt_seen() || ferror(stdout);
}

/* Runs until something wanted was seen, power was lost, the time is over, or it is given up. */
static bool run_machine(struct boot *boot, struct problem *problem)
{
    uint64_t limit = (uint64_t)(boot->request->time * 1e9);
    bool live = boot->request->gdb == 0; /* a debugger would see every pause as a stop: then all is shown at the end */
    uint64_t slice = live ? SLICE_NS : limit;
    struct run_request run = {
        .edge = live, .line = live, .reset = live, .cut = boot->request->cut >= 0, .tear = boot->tear};
    struct stop stop = {0};
    run.operation = run.cut ? (uint64_t)boot->request->cut : 0;
    do {
        run.until_ns = stop.time_ns + slice < limit ? stop.time_ns + slice : limit;
        if (!machine_run(&boot->machine, &run, &stop, problem) ||
            !machine_take_events(&boot->machine, take, boot, problem))
            return false;
        live_tick(&boot->live, stop.time_ns);
        fflush(stdout);
    } while (!reached(boot) && stop.reason != STOP_CUT && stop.time_ns < limit && !given_up());
    boot->reason = stop.reason == STOP_CUT ? "cut" : reached(boot) ? "reached" : stop.time_ns < limit ? "interrupted" : "time";
    if (stop.reason != STOP_CUT && !(machine_power_off(&boot->machine, problem) &&
                                     machine_take_events(&boot->machine, take, boot, problem)))
        return false;
    summary_end(&boot->summary, stop.time_ns);
    live_end(&boot->live, stop.time_ns);
    return true;
}

/* The person at the terminal prepares the debugger. */
static bool wait_for_enter(int port, struct problem *problem)
{
    struct pollfd entries[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                {.fd = interrupt_descriptor(), .events = POLLIN}};
    fprintf(stderr, "Enter starts the device. Attach then: (gdb) target remote :%d stops it where it is.\n", port);
    while (poll(entries, 2, -1) < 0 && errno == EINTR)
        continue;
    return entries[1].revents == 0 || problem_set(problem, PROBLEM_INTERRUPTED, "interrupted");
}

static bool run_device(struct boot *boot, struct problem *problem)
{
    const struct request *request = boot->request;
    struct machine_options options = {.model = request->machine != NULL ? request->machine : boot->profile->machine,
                                      .faults = &boot->faults,
                                      .gdb_port = (unsigned)request->gdb,
                                      .patient = request->gdb == 0};
    watch_begin(&boot->watch, &boot->wanted);
    if (!machine_start(&boot->machine, &options, &boot->device, problem))
        return false;
    if (request->gdb != 0 && !wait_for_enter(request->gdb, problem))
        return false;
    return machine_power_on(&boot->machine, boot->sram, 1, NULL, problem) &&
           run_machine(boot, problem) && machine_instructions(&boot->machine, &boot->instructions, problem);
}

/* --- afterwards --- */

static bool write_results(struct boot *boot, struct problem *problem)
{
    const struct request *request = boot->request;
    if (boot->trace.stream != NULL && !files_commit(&boot->trace, problem))
        return false;
    if (boot->uart.stream != NULL && !files_commit(&boot->uart, problem))
        return false;
    if (request->save != NULL && !arrays_write(&boot->machine.arrays, request->save, problem))
        return false;
    if (request->summary && !request->json)
        summary_text(stdout, &boot->summary);
    return !request->json || summary_json(stdout, &boot->summary, boot->reason, boot->instructions) ||
           problem_set(problem, PROBLEM_BENCH, "no memory for the report");
}

static int judge(const struct boot *boot)
{
    char missing[160];
    if (strcmp(boot->reason, "interrupted") == 0)
        return ferror(stdout)
                   ? EXIT_PASS /* main says that */
                   : bench_error("interrupted after %.3f s of virtual time; files have what was seen until then",
                                 (double)boot->summary.end_ns * 1e-9);
    if (boot->request->cut >= 0) {
        if (strcmp(boot->reason, "cut") == 0)
            return EXIT_PASS;
        fprintf(stderr, "matterhorn: power was not lost: there were only %" PRIu64 " operations in %g s\n",
                boot->summary.operations, boot->request->time);
        return EXIT_FINDINGS;
    }
    if (boot->wanted.line_count + boot->wanted.edge_count == 0 || strcmp(boot->reason, "reached") == 0 ||
        !watch_missing(&boot->watch, missing, sizeof missing))
        return EXIT_PASS;
    fprintf(stderr, "matterhorn: not seen within %g s of virtual time: %s\n", boot->request->time, missing);
    return EXIT_FINDINGS;
}

static int fail(const struct request *request, const struct problem *problem)
{
    if (problem->kind == PROBLEM_INTERRUPTED &&
        (request->trace != NULL || request->uart != NULL || request->save != NULL))
        return bench_error("interrupted; no file is written, because the device was under a debugger");
    return problem_exit(problem);
}

static int boot_device(const struct request *request)
{
    struct problem problem = {0};
    struct boot *boot = calloc(1, sizeof *boot);
    if (boot == NULL)
        return bench_error("no memory");
    boot->request = request;
    interrupt_install();
    int status = prepare(boot, &problem) && run_device(boot, &problem) && write_results(boot, &problem)
                     ? judge(boot)
                     : fail(request, &problem);
    machine_close(&boot->machine);
    files_discard(&boot->trace);
    files_discard(&boot->uart);
    summary_free(&boot->summary);
    arrays_free(&boot->device);
    profile_free(boot->profile);
    free(boot);
    return status;
}

/* popt calls this for every --pin. */
static void keep_pin(poptContext context, enum poptCallbackReason reason, const struct poptOption *option,
                     const char *argument, const void *data)
{
    struct request *request = (struct request *)(uintptr_t)data;
    (void)context;
    if (reason != POPT_CALLBACK_REASON_OPTION || option->shortName != 'p')
        return;
    request->too_many_pins = request->pin_count == MOST_PINS;
    if (!request->too_many_pins)
        request->pins[request->pin_count++] = strdup(argument);
}

static int run_command(struct request *request, const struct options *options)
{
    if (options->count > 1)
        return usage_error("boot: name one device folder; see matterhorn boot --help");
    if (!(request->time > 0 && request->time <= 1e6))
        return usage_error("boot --time: seconds, more than 0 and at most a million");
    if (request->gdb < 0 || request->gdb > 65535)
        return usage_error("boot --gdb %d: a port from 1 to 65535", request->gdb);
    if (request->too_many_pins)
        return usage_error("boot --pin: at most %d of them", MOST_PINS);
    if (request->faults.why[0] != '\0')
        return usage_error("boot --fault: %s", request->faults.why);
    if (request->cut < -1)
        return usage_error("boot --cut: the number of an operation, counted from 0");
    if (request->until != NULL && request->until[0] == '\0')
        return usage_error("boot --until: an empty text is in every line");
    request->device = options->arguments[0];
    return boot_device(request);
}

static int run(int argc, const char *argv[])
{
    struct request request = {.time = 30, .cut = -1};
    struct poptOption pin_table[] = {
        {NULL, '\0', POPT_ARG_CALLBACK, (void *)(uintptr_t)keep_pin, 0, (const char *)&request, NULL},
        {"pin", 'p', POPT_ARG_STRING, NULL, 0, "what to call a pin, such as PE13=green; may be repeated", "PIN=NAME"},
        POPT_TABLEEND,
    };
    struct poptOption fault_table[] = FAULT_OPTION(&request.faults);
    struct poptOption table[] = {
        {"machine", 'M', POPT_ARG_STRING, &request.machine, 0, "model of the board, such as mountaineer-eth", "NAME"},
        {"profile", '\0', POPT_ARG_STRING, &request.profile, 0,
         "take machine, device, names of pins and phases from it", "NAME"},
        {"root", '\0', POPT_ARG_STRING, &request.root, 0,
         "where relative paths of the profile start (default: the project)", "DIR"},
        {"time", 't', POPT_ARG_DOUBLE, &request.time, 0, "ends after this much virtual time (default: 30)", "SECONDS"},
        {"until", '\0', POPT_ARG_STRING, &request.until, 0, "ends after a line that contains this, in the last boot",
         "TEXT"},
        {"edges", '\0', POPT_ARG_STRING, &request.edges, 0, "ends after so many edges of a pin, in the last boot",
         "PIN:N"},
        {"sram", '\0', POPT_ARG_STRING, &request.sram, 0, "SRAM at power-on: zero or random:SEED (default: random:1)",
         "HOW"},
        {"cut", '\0', POPT_ARG_LONGLONG, &request.cut, 0, "lose power at the N-th flash operation, counted from 0",
         "N"},
        {"tear", '\0', POPT_ARG_STRING, &request.tear, 0, "what that leaves of the operation, such as before", "TEAR"},
        {"gdb", '\0', POPT_ARG_INT, &request.gdb, 0, "let a debugger attach at this port; events are shown at the end",
         "PORT"},
        {"trace", '\0', POPT_ARG_STRING, &request.trace, 0, "write one line per event", "FILE"},
        {"uart", '\0', POPT_ARG_STRING, &request.uart, 0, "write the bytes of the USARTs", "FILE"},
        {"save", '\0', POPT_ARG_STRING, &request.save, 0, "write the flashes as they are afterwards", "DIR"},
        {"summary", '\0', POPT_ARG_NONE, &request.summary, 0, "print times, operations per sector, edges", NULL},
        {"json", '\0', POPT_ARG_NONE, &request.json, 0, "one JSON object instead of everything else", NULL},
        {NULL, '\0', POPT_ARG_INCLUDE_TABLE, pin_table, 0, NULL, NULL},
        {NULL, '\0', POPT_ARG_INCLUDE_TABLE, fault_table, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status;
    if (options_parse(&options, argc, argv, table, &help, &status))
        status = run_command(&request, &options);
    options_close(&options);
    char *texts[] = {request.machine, request.profile, request.root, request.until, request.edges,
                     request.trace,   request.save,    request.uart, request.sram,  request.tear};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    for (unsigned i = 0; i < request.pin_count; i++)
        free(request.pins[i]);
    return status;
}

const struct command command_boot = {"boot", "run a device and watch it", run};
