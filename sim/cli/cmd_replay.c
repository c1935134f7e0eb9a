/* SPDX-License-Identifier: MIT
 *
 * matterhorn replay: one scenario from its id, live on the terminal.
 */
#include "bundle.h"
#include "command.h"
#include "fault_option.h"
#include "files.h"
#include "interrupt.h"
#include "live.h"
#include "options.h"
#include "replay.h"
#include "replay_trial.h"
#include "symbols.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct options_help help = {
    .arguments = "ID|BUNDLE [OPTIONS]",
    .text = "Reproduces one power loss: records the update again, builds what the power loss of ID leaves in the flashes, lets\n"
            "the real binary recover from it, live, and judges. Reports print an id, such as\n"
            "eth-app-update~s1/int.080A4800.p1.half@d92a95142ab5: profile, seed, operation (the first program of 080A4800 in\n"
            "the internal flash), tear, and the firmware that it was found on. Several operations joined by + are several power\n"
            "losses, each in the recovery from the one before; what stands behind ! in front of the / are faults of the parts\n"
            "(matterhorn faults), to which --fault adds. Exit status: 0 recovered, 1 the finding is reproduced.\n"
            "What --artifacts writes is a bundle: on another machine, without the build tree, its folder (or an archive that tar made of\n"
            "it) takes the place of the id. One that was changed is refused. A bundle's profile may name commands, which are run: use\n"
            "bundles of people whom you trust.",
    .examples = "matterhorn replay eth-app-update~s1/int.080A4800.p1.before\n"
                "matterhorn replay eth-app-update~s1/nor.7FE000.e1.after+nor.7FE000.p1.before --verify\n"
                "matterhorn replay eth-app-update~s1/int.080A0000.e1.after --root build/mutants/request-cleared\n"
                "matterhorn replay eth-app-update~s1/int.080A4800.p1.before --gdb 1234\n"
                "matterhorn replay eth-app-update~s1/int.080A4800.p1.before --artifacts findings\n"
                "matterhorn replay findings/eth-app-update~s1+int.080A4800.p1.before",
};

struct request {
    char *profile, *root, *device, *artifacts;
    int verify, strict, gdb, json;
    struct fault_option faults;
    const char *scenario; /* an id or a bundle */
};

/* One replay under way. */
struct session {
    const struct request *request;
    struct bundle bundle; /* without a folder: it is an id */
    struct id_target where; /* the profile and its files: of the request or of the bundle */
    struct id id;
    struct profile *profile;
    struct replay replay;
    struct replay again; /* for --verify */
    struct machine debugged;
    struct live live;
    bool verified;
};

/* --- before --- */

/* A bundle has its own profile, root and device. */
static bool open_bundle(struct session *session, struct problem *problem)
{
    const struct request *request = session->request;
    if (request->profile != NULL || request->root != NULL || request->device != NULL || request->artifacts != NULL)
        return problem_set(problem, PROBLEM_USE,
                           "replay %s: a bundle has its own profile, root and device, and is what --artifacts "
                           "writes: leave these options out",
                           request->scenario);
    if (!bundle_open(&session->bundle, request->scenario, problem))
        return false;
    session->where = (struct id_target){session->bundle.profile, session->bundle.root, session->bundle.device};
    return true;
}

/* What is to be replayed, and where its files are. *trial: it is an update of a soak and has no id. */
static bool find_scenario(struct session *session, bool *trial, struct problem *problem)
{
    const struct request *request = session->request;
    const char *id = request->scenario;
    session->where = (struct id_target){request->profile, request->root, request->device};
    if (bundle_is(id) && !open_bundle(session, problem))
        return false;
    *trial = session->bundle.folder != NULL && trial_bundle_is(&session->bundle);
    if (*trial)
        return profile_load(session->where.profile, &session->profile, problem);
    return (session->bundle.folder == NULL || bundle_text(&session->bundle, "id", &id, problem)) &&
           id_parse(id, &session->id, problem) &&
           profile_load(session->where.profile != NULL ? session->where.profile : session->id.profile,
                        &session->profile, problem);
}

static bool replay_update(struct session *session, bool *pass, struct problem *problem)
{
    const struct request *request = session->request;
    const struct replay_trial_options options = {request->verify, request->json};
    if (request->gdb != 0)
        return problem_set(problem, PROBLEM_USE,
                           "replay %s: --gdb is for ids; this is an update of a soak, with any number of losses",
                           request->scenario);
    return replay_trial(&session->bundle, session->profile, &options, pass, problem);
}

/* The id may be of another firmware. */
static bool check_firmware(const struct session *session, struct problem *problem)
{
    const char *found = session->id.firmware, *here = session->replay.target.firmware;
    if (found[0] == '\0' || strncmp(found, here, strlen(found)) == 0)
        return true;
    if (session->request->strict)
        return problem_set(problem, PROBLEM_USE, "this id was found on firmware %s, this is %.12s", found, here);
    fprintf(stderr,
            "matterhorn: this id was found on firmware %s, this is %.12s: its operation may be another one here\n",
            found, here);
    return true;
}

/* In words: what the cut's operation is. */
static void print_run(const struct session *session, unsigned index)
{
    const struct replay_run *run = &session->replay.runs[index];
    const struct operation *operation = &run->recording.operations[run->cut.operation];
    const struct rail_event *event = operation->item.event;
    printf("%-10s loses power at operation %zu of %zu, %.6f s after power-on: %s of %" PRIu32 " bytes at %s %0*" PRIX32
           " (%s%s%s), pc %08" PRIX32 "; torn: %s\n",
           index == 0 ? "update" : "recovery", run->cut.operation + 1, run->recording.count,
           (double)event->time_ns * 1e-9, trace_kind_name(event->kind), event->value, trace_chip_name(event),
           event->chip == RAIL_CHIP_NOR ? 6 : 8, event->address,
           index == 0 ? recording_phase_name(session->profile, operation->phase) : "", index == 0 ? ", " : "",
           recording_area_name(operation), event->pc, nor_tear_name(run->cut.tear));
}

static void print_faults(const struct session *session)
{
    char text[ID_FAULTS];
    id_format_faults(&session->replay.target.faults, text);
    for (char *mark = text; (mark = strchr(mark, '!')) != NULL;)
        *mark = ' ';
    if (text[0] != '\0')
        printf("%-10s%s\n", "faults", text);
}

static void print_head(const struct session *session)
{
    printf("%-10s %s on %s, firmware %.12s, %d MIPS\n", "target", session->profile->name, session->profile->machine,
           session->replay.target.firmware, RAIL_MIPS);
    print_faults(session);
    for (unsigned i = 0; i < session->id.count; i++)
        print_run(session, i);
    printf("%-10s first power-up, SRAM %s, noise of weak bits %" PRIu64 "\n\n", "recovery",
           session->replay.conditions[0].sram, session->replay.conditions[0].noise);
    fflush(stdout);
}

/* --- under a debugger --- */

/* The debugger's command line, with the files that describe what is in the flash at this moment. */
static void print_debugger(const struct session *session)
{
    bool first = true;
    fprintf(stderr, "  gdb-multiarch -q");
    for (unsigned i = 0; i < session->profile->symbols_count; i++) {
        char *path = files_join(session->replay.target.root, session->profile->symbols[i]);
        if (path != NULL && symbols_fit(path, &session->debugged.arrays)) {
            fprintf(stderr, first ? " %s" : " -ex 'add-symbol-file %s'", path);
            first = false;
        }
        free(path);
    }
    fprintf(stderr, " -ex 'target remote :%d'\n", session->request->gdb);
}

/* Until the person at the terminal or the debugger lets the machine go on; *gone_on: it was the debugger. Where
 * nobody is at a terminal, the end of the input is no Enter: to go on then, just as the debugger does, would let
 * the machine run past the cut. */
static bool wait_for_person(const struct session *session, bool *gone_on, struct problem *problem)
{
    struct pollfd entries[3] = {{.fd = session->debugged.socket, .events = POLLIN},
                                {.fd = interrupt_descriptor(), .events = POLLIN},
                                {.fd = STDIN_FILENO, .events = POLLIN}};
    for (char typed;;) {
        if (poll(entries, 3, -1) < 0) {
            if (errno == EINTR)
                continue;
            return problem_set(problem, PROBLEM_BENCH, "cannot wait for the terminal: %s", strerror(errno));
        }
        if (entries[1].revents != 0)
            return problem_set(problem, PROBLEM_INTERRUPTED, "interrupted");
        *gone_on = entries[0].revents != 0;
        if (*gone_on || (entries[2].revents != 0 && read(STDIN_FILENO, &typed, 1) > 0))
            return true;
        if (entries[2].revents != 0)
            entries[2].fd = -1;
    }
}

static bool debug(struct session *session, struct problem *problem)
{
    const struct replay_run *run = &session->replay.runs[session->id.count - 1];
    char name[ID_TEXT];
    bool gone_on;
    if (session->request->gdb == 0)
        return true;
    if (!replay_pause(&session->replay, (unsigned)session->request->gdb, &session->debugged, problem))
        return false;
    id_format_cut(&session->id.cuts[session->id.count - 1], name);
    fprintf(stderr, "The machine is paused right before %s (operation %zu). Attach a debugger:\n", name,
            run->cut.operation + 1);
    print_debugger(session);
    fprintf(stderr, "To continue or detach there, or Enter here, loses power in that operation.\n");
    if (!wait_for_person(session, &gone_on, problem) ||
        !replay_lose_power(&session->replay, &session->debugged, gone_on, problem))
        return false;
    machine_close(&session->debugged);
    return true;
}

/* --- the recovery --- */

static void show(void *context, const struct trace_item *item)
{
    live_take(context, item);
    fflush(stdout);
}

static bool recover(struct session *session, struct problem *problem)
{
    struct replay *replay = &session->replay;
    bool show_it = !session->request->json;
    live_begin(&session->live, stdout);
    for (unsigned i = 0; i < session->profile->pins_count; i++)
        live_name(&session->live, session->profile->pins[i].number, session->profile->pins[i].name);
    if (!replay_recover(replay, show_it ? show : NULL, &session->live, problem))
        return false;
    if (show_it)
        live_end(&session->live, replay->verdict.recovery_ns);
    return true;
}

/* The same once more, in a process of its own. */
static bool verify(struct session *session, struct problem *problem)
{
    const struct request *request = session->request;
    if (!request->verify)
        return true;
    session->verified = replay_open(&session->again, &session->id, session->profile, session->where.root,
                                    session->where.device, problem) &&
                        replay_build(&session->again, problem) &&
                        replay_recover(&session->again, NULL, NULL, problem) &&
                        replay_same(&session->replay, &session->again, problem);
    return session->verified;
}

/* --- afterwards --- */

/* Whether it went as it did where the bundle was written. */
static bool as_in_bundle(const struct session *session)
{
    const json_t *about = session->bundle.about, *finding = json_object_get(about, "finding");
    const struct verdict *verdict = &session->replay.verdict;
    const char *detail = json_string_value(json_object_get(finding, "detail"));
    const char *trace = json_string_value(json_object_get(about, "trace_sha256"));
    char sum[65];
    replay_trace_sum(&session->replay, sum);
    return g_strcmp0(trace, sum) == 0 && g_strcmp0(detail, verdict->pass ? NULL : verdict->detail) == 0;
}

static void print_bundle(const struct session *session)
{
    if (session->bundle.folder != NULL)
        printf("bundle     %.12s; %s\n", session->bundle.sum,
               as_in_bundle(session)
                   ? "it went as where that was written, to the last event of the recovery"
                   : "it did NOT go as where that was written: is this the same version of the bench?");
}

static void print_verdict(const struct session *session)
{
    const struct replay *replay = &session->replay;
    const struct verdict *verdict = &replay->verdict;
    if (session->verified)
        printf("\nverified   a second run in a fresh process left the same trace, byte for byte (%zu and %zu bytes)",
               replay->runs[0].recording.size, replay->recovery.size);
    if (verdict->pass)
        printf("\nrecovered  after %.3f s of virtual time and %" PRIu32
               " boots, and so again after another power-up%s\n",
               (double)verdict->recovery_ns * 1e-9, verdict->boots,
               session->profile->next != NULL ? "; it takes the next update" : "");
    else
        printf("\nfinding    %s: %s\n", verdict->oracle, verdict->detail);
    print_bundle(session);
}

static json_t *cuts_json(const struct session *session)
{
    json_t *array = json_array();
    for (unsigned i = 0; i < session->id.count; i++) {
        const struct replay_run *run = &session->replay.runs[i];
        const struct operation *operation = &run->recording.operations[run->cut.operation];
        const struct rail_event *event = operation->item.event;
        char name[ID_TEXT];
        id_format_cut(&session->id.cuts[i], name);
        json_array_append_new(
            array, json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:s}", "cut", name, "operation",
                             (json_int_t)run->cut.operation, "ops", (json_int_t)run->recording.count, "time_ns",
                             (json_int_t)event->time_ns, "pc", (json_int_t)event->pc, "phase",
                             i == 0 ? recording_phase_name(session->profile, operation->phase) : "recovery", "area",
                             recording_area_name(operation), "kind", trace_kind_name(event->kind)));
    }
    return array;
}

static bool print_json(const struct session *session)
{
    const struct replay *replay = &session->replay;
    const struct verdict *verdict = &replay->verdict;
    struct id bare = session->id;
    char id[ID_TEXT];
    bare.firmware[0] = '\0';
    id_format(&bare, id);
    char sum[65];
    replay_trace_sum(replay, sum);
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:o, s:s, s:o, s:f, s:I, s:I, s:s, s:o, s:i}", "id", id, "profile", session->profile->name,
        "firmware_sha256", replay->target.firmware, "cuts", cuts_json(session), "verdict", verdict->pass ? "pass" : "fail",
        "finding", verdict->pass ? json_null()
                                 : json_pack("{s:s, s:s}", "oracle", verdict->oracle, "detail", verdict->detail),
        "recovery_s", (double)verdict->recovery_ns * 1e-9, "boots", (json_int_t)verdict->boots, "trace_bytes",
        (json_int_t)replay->recovery.size, "trace_sha256", sum, "verified",
        session->request->verify ? json_boolean(session->verified) : json_null(), "mips", RAIL_MIPS);
    if (object == NULL)
        return false;
    if (session->bundle.folder != NULL)
        json_object_set_new(object, "bundle",
                            json_pack("{s:s, s:b}", "sha256", session->bundle.sum, "same", as_in_bundle(session)));
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
    return true;
}

static bool write_results(struct session *session, struct problem *problem)
{
    const struct request *request = session->request;
    if (request->artifacts != NULL && !replay_artifacts(&session->replay, request->artifacts, &session->where, problem))
        return false;
    if (!request->json)
        print_verdict(session);
    return !request->json || print_json(session) || problem_set(problem, PROBLEM_BENCH, "no memory for the report");
}

/* Those of the command line become part of the id, and those of the profile are set with it. */
static bool take_faults(struct session *session, struct problem *problem)
{
    char text[ID_FAULTS];
    fault_add(&session->id.faults, &session->request->faults.set);
    return id_format_faults(&session->id.faults, text) ||
           problem_set(problem, PROBLEM_USE, "replay: these are too many faults for an id");
}

static bool replay_id(struct session *session, bool *pass, struct problem *problem)
{
    const struct request *request = session->request;
    if (!take_faults(session, problem) ||
        (request->artifacts != NULL && !files_make_folder(request->artifacts, problem)) ||
        !replay_open(&session->replay, &session->id, session->profile, session->where.root, session->where.device,
                     problem) ||
        (request->artifacts != NULL && !bundle_possible(&session->replay.target, problem)) ||
        !check_firmware(session, problem) || !replay_build(&session->replay, problem) || !debug(session, problem))
        return false;
    if (!request->json)
        print_head(session);
    if (!recover(session, problem) || !verify(session, problem) || !write_results(session, problem))
        return false;
    *pass = session->replay.verdict.pass;
    return true;
}

static bool replay(struct session *session, bool *pass, struct problem *problem)
{
    bool trial = false;
    return find_scenario(session, &trial, problem) &&
           (!trial || !fault_any(&session->request->faults.set) ||
            problem_set(problem, PROBLEM_USE, "replay --fault: a soak's bundle has none and takes none")) &&
           (trial ? replay_update(session, pass, problem) : replay_id(session, pass, problem));
}

static int run_replay(const struct request *request)
{
    struct problem problem = {0};
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return bench_error("no memory");
    session->request = request;
    interrupt_install();
    bool pass = false, good = replay(session, &pass, &problem);
    if (problem.kind == PROBLEM_LOST)
        problem_place(&problem, request->scenario);
    int status = !good ? problem_exit(&problem) : pass ? EXIT_PASS : EXIT_FINDINGS;
    machine_close(&session->debugged);
    replay_close(&session->again);
    replay_close(&session->replay);
    profile_free(session->profile);
    bundle_close(&session->bundle);
    free(session);
    return status;
}

static int run(int argc, const char *argv[])
{
    struct request request = {0};
    struct poptOption fault_table[] = FAULT_OPTION(&request.faults);
    struct poptOption table[] = {
        {"profile", '\0', POPT_ARG_STRING, &request.profile, 0,
         "the profile, when it is a file of your own (default: the id's)", "FILE"},
        {"root", '\0', POPT_ARG_STRING, &request.root, 0,
         "where relative paths of the profile start (default: the project)", "DIR"},
        {"device", '\0', POPT_ARG_STRING, &request.device, 0, "provisioned device (default: the profile's)", "DIR"},
        {"verify", '\0', POPT_ARG_NONE, &request.verify, 0, "do it twice, in fresh processes, and compare the traces",
         NULL},
        {"artifacts", '\0', POPT_ARG_STRING, &request.artifacts, 0,
         "write flashes before and after, UART, trace and README", "DIR"},
        {"gdb", '\0', POPT_ARG_INT, &request.gdb, 0,
         "pause right before the operation; a debugger may attach at this port", "PORT"},
        {"strict", '\0', POPT_ARG_NONE, &request.strict, 0, "another firmware than the id's is wrong use", NULL},
        {"json", '\0', POPT_ARG_NONE, &request.json, 0, "one JSON object instead of everything else", NULL},
        {NULL, '\0', POPT_ARG_INCLUDE_TABLE, fault_table, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status;
    if (options_parse(&options, argc, argv, table, &help, &status)) {
        request.scenario = options.arguments[0];
        if (options.count != 1)
            status = usage_error("replay: name one id or bundle; see matterhorn replay --help");
        else if (request.faults.why[0] != '\0')
            status = usage_error("replay --fault: %s", request.faults.why);
        else if (request.gdb < 0 || request.gdb > 65535)
            status = usage_error("replay --gdb %d: a port from 1 to 65535", request.gdb);
        else
            status = run_replay(&request);
    }
    options_close(&options);
    free(request.profile);
    free(request.root);
    free(request.device);
    free(request.artifacts);
    return status;
}

const struct command command_replay = {"replay", "reproduce one power loss from its id", run};
