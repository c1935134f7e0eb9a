/* SPDX-License-Identifier: MIT */
#include "machine.h"

#include "files.h"
#include "interrupt.h"
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRACE_SIZE (16u << 20)
#define REPLY_LIMIT_MS 60000
#define RUN_LIMIT_MS_PER_SECOND 20000 /* host time allowed for one virtual second */
#define PUT_OFF_MOST 250              /* their answers must fit into machine.reply */

/* Descriptors of the child. */
enum { CHILD_SOCKET = 3, CHILD_ARRAYS = 4, CHILD_TRACE = CHILD_ARRAYS + ARRAYS, CHILD_TOUCHED, CHILD_END };

/* --- the process --- */

char *machine_program(void)
{
    const char *given = getenv("MATTERHORN_QEMU");
    if (given != NULL && given[0] != '\0')
        return strdup(given);
    char *folder = files_program_folder();
    char *path = folder == NULL ? NULL : files_join(folder, "matterhorn-qemu");
    free(folder);
    return path;
}

/* The last words of QEMU, for a message, in one line; "" when it said nothing. */
static const char *last_words(const struct machine *machine, char *text, size_t size)
{
    off_t length = lseek(machine->log, 0, SEEK_END);
    off_t start = length > (off_t)size - 1 ? length - (off_t)size + 1 : 0;
    ssize_t got = pread(machine->log, text, size - 1, start);
    text[got > 0 ? got : 0] = '\0';
    for (size_t end = strlen(text); end > 0 && text[end - 1] == '\n';)
        text[--end] = '\0';
    for (char *feed = text; (feed = strpbrk(feed, "\r\n")) != NULL;)
        *feed = ' ';
    return text;
}

static bool machine_lost(struct machine *machine, const char *what, struct problem *problem)
{
    char words[500];
    last_words(machine, words, sizeof words);
    return problem_set(problem, PROBLEM_LOST, "%s%s%s", what, words[0] != '\0' ? "; QEMU said: " : "", words);
}

/* The process closed its end: says how it ended. */
static bool machine_ended(struct machine *machine, struct problem *problem)
{
    char what[80] = "the machine ended by itself";
    siginfo_t end = {0};
    for (int tries = 0; tries < 20 && end.si_pid == 0; tries++) {
        if (tries > 0)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        if (waitid(P_PID, (id_t)machine->process, &end, WEXITED | WNOHANG | WNOWAIT) != 0)
            break;
    }
    if (end.si_pid != 0 && end.si_code == CLD_EXITED)
        snprintf(what, sizeof what, "the machine ended by itself with status %d", end.si_status);
    else if (end.si_pid != 0)
        snprintf(what, sizeof what, "the machine was killed: %s", strsignal(end.si_status));
    return machine_lost(machine, what, problem);
}

static void *shared_memory(const char *name, size_t size, int *descriptor)
{
    *descriptor = memfd_create(name, MFD_CLOEXEC);
    if (*descriptor < 0 || ftruncate(*descriptor, (off_t)size) != 0)
        return NULL;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *descriptor, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* In the child, after fork: only async-signal-safe calls. */
static void fail_child(const char *words)
{
    ssize_t ignored = write(STDERR_FILENO, words, strlen(words));
    (void)ignored;
    _exit(127);
}

static void become_qemu(char *const arguments[], const int descriptors[CHILD_END], int log, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    setpgid(0, 0); /* Ctrl-C is for the bench, which then ends its machines */
    dup2(log, STDERR_FILENO);
    int high[CHILD_END];
    for (int i = CHILD_SOCKET; i < CHILD_END; i++)
        if ((high[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC, CHILD_END)) < 0)
            fail_child("too many open files");
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    for (int i = CHILD_SOCKET; i < CHILD_END; i++)
        dup2(high[i], i);
    execv(arguments[0], arguments);
    fail_child("cannot be executed");
}

/* Otherwise it is what the model says, which without a word is typical. */
static bool is_maximum(const char *times)
{
    return times != NULL && strcmp(times, "maximum") == 0;
}

static bool spawn(struct machine *machine, const struct machine_options *options, const char *program,
                  const int descriptors[CHILD_END], struct problem *problem)
{
    char model[512], icount[32], gdb[40];
    snprintf(model, sizeof model,
             "%s%s%s,internal=/dev/fd/%d,otp=/dev/fd/%d,nor=/dev/fd/%d,trace=/dev/fd/%d,touched=/dev/fd/%d,rail=rail",
             options->model, is_maximum(options->flash_times) ? ",flash-times=maximum" : "",
             is_maximum(options->nor_times) ? ",nor-times=maximum" : "", CHILD_ARRAYS + ARRAY_INTERNAL,
             CHILD_ARRAYS + ARRAY_OTP, CHILD_ARRAYS + ARRAY_NOR, CHILD_TRACE, CHILD_TOUCHED);
    snprintf(icount, sizeof icount, "shift=%d,sleep=off", RAIL_ICOUNT_SHIFT);
    snprintf(gdb, sizeof gdb, "tcp:127.0.0.1:%u", options->gdb_port);
    char chardev[] = "socket,id=rail,fd=3";
    char *arguments[] = {(char *)(uintptr_t)program, "-M", model, "-chardev", chardev, "-accel", "tcg,thread=single",
                         "-icount", icount, "-display", "none", "-monitor", "none", "-serial", "none", "-nodefaults",
                         options->gdb_port != 0 ? "-gdb" : NULL, gdb, NULL};
    pid_t parent = getpid();
    machine->process = fork();
    if (machine->process == 0)
        become_qemu(arguments, descriptors, machine->log, parent);
    if (machine->process < 0) {
        machine->process = 0;
        return problem_set(problem, PROBLEM_BENCH, "cannot start a process: %s", strerror(errno));
    }
    return true;
}

/* --- the control channel --- */

static int64_t host_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until the socket can be read. */
static bool wait_readable(struct machine *machine, int64_t deadline_ms, struct problem *problem)
{
    for (;;) {
        struct pollfd entries[2] = {{.fd = machine->socket, .events = POLLIN},
                                    {.fd = machine->patient ? -1 : interrupt_descriptor(), .events = POLLIN}};
        int64_t rest = machine->unlimited ? -1 : deadline_ms - host_ms();
        if (!machine->unlimited && rest < 0)
            rest = 0;
        int ready = poll(entries, 2, (int)(rest > 3600000 ? 3600000 : rest));
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready > 0 && entries[1].revents != 0)
            return problem_set(problem, PROBLEM_INTERRUPTED, "interrupted");
        if (ready > 0)
            return true;
        if (ready < 0 || host_ms() >= deadline_ms)
            return machine_lost(machine, "the machine does not answer", problem);
    }
}

/* Reads one reply line into machine->reply, without the line feed. */
static bool read_reply(struct machine *machine, int64_t limit_ms, struct problem *problem)
{
    int64_t deadline = host_ms() + limit_ms;
    size_t used = 0;
    for (;;) {
        if (!wait_readable(machine, deadline, problem))
            return false;
        ssize_t got = recv(machine->socket, machine->reply + used, sizeof machine->reply - 1 - used, 0);
        if (got <= 0)
            return machine_ended(machine, problem);
        used += (size_t)got;
        if (machine->reply[used - 1] == '\n')
            break;
        if (used == sizeof machine->reply - 1)
            return problem_set(problem, PROBLEM_BENCH, "the machine's reply is too long: %.40s...", machine->reply);
    }
    machine->reply[used - 1] = '\0';
    return true;
}

/* Takes the answers to the commands that were put off, which are all "ok", from the reply. */
static bool skip_answers(struct machine *machine, const char *line, struct problem *problem)
{
    const char *rest = machine->reply;
    for (; machine->put_off > 0 && strncmp(rest, "ok; ", 4) == 0; machine->put_off--)
        rest += 4;
    memmove(machine->reply, rest, strlen(rest) + 1);
    const char *error = strncmp(machine->reply, "error", 5) == 0 ? machine->reply : strstr(machine->reply, "; error");
    return (machine->put_off == 0 && error == NULL) ||
           problem_set(problem, PROBLEM_BENCH, "the machine refused \"%.200s\": %s", line, machine->reply);
}

/* Sends a command, together with those that were put off, and reads the reply to it, which must not be an error. */
static bool command(struct machine *machine, const char *text, int64_t limit_ms, struct problem *problem)
{
    g_autoptr(GString) line = g_string_new(machine->line->str);
    g_string_append_printf(line, "%s\n", text);
    g_string_truncate(machine->line, 0);
    if (send(machine->socket, line->str, line->len, MSG_NOSIGNAL) != (ssize_t)line->len)
        return machine_ended(machine, problem);
    return read_reply(machine, limit_ms, problem) && skip_answers(machine, text, problem);
}

static bool not_understood(const struct machine *machine, struct problem *problem)
{
    return problem_set(problem, PROBLEM_BENCH, "the machine's reply is not understood: %s", machine->reply);
}

static bool plain_command(struct machine *machine, const char *text, struct problem *problem)
{
    if (!command(machine, text, REPLY_LIMIT_MS, problem))
        return false;
    return strcmp(machine->reply, "ok") == 0 || not_understood(machine, problem);
}

/* A command that is answered "ok": it goes with the next line, because each line costs a switch between processes. */
static bool put_off(struct machine *machine, const char *text, struct problem *problem)
{
    if (machine->put_off == PUT_OFF_MOST)
        return plain_command(machine, text, problem);
    g_string_append_printf(machine->line, "%s; ", text);
    machine->put_off++;
    return true;
}

/* The number behind " KEY=" in the last reply. */
static bool reply_number(const struct machine *machine, const char *key, uint64_t *number)
{
    char wanted[32];
    snprintf(wanted, sizeof wanted, " %s=", key);
    const char *found = strstr(machine->reply, wanted);
    return found != NULL && sscanf(found + strlen(wanted), "%" SCNu64, number) == 1;
}

/* --- life --- */

/* Makes what is shared: the socket, the arrays, the trace, and a place for messages. */
static bool share(struct machine *machine, const struct arrays *device, int descriptors[CHILD_END],
                  struct problem *problem)
{
    int sockets[2] = {-1, -1};
    machine->log = memfd_create("qemu-messages", MFD_CLOEXEC);
    bool good = machine->log >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0;
    machine->socket = sockets[0];
    descriptors[CHILD_SOCKET] = sockets[1];
    for (enum array array = 0; good && array < ARRAYS; array++) {
        machine->arrays.cells[array] =
            shared_memory(arrays_name(array), arrays_size(array), &descriptors[CHILD_ARRAYS + array]);
        good = machine->arrays.cells[array] != NULL;
        if (good)
            memcpy(machine->arrays.cells[array], device->cells[array], arrays_size(array));
    }
    machine->trace = good ? shared_memory("trace", TRACE_SIZE, &descriptors[CHILD_TRACE]) : NULL;
    machine->touched = good ? shared_memory("touched", RAIL_TOUCHED_SIZE, &descriptors[CHILD_TOUCHED]) : NULL;
    if (machine->trace == NULL || machine->touched == NULL)
        return problem_set(problem, PROBLEM_BENCH, "cannot share memory with the machine: %s", strerror(errno));
    if (!arrays_allocate_marks(&machine->arrays, problem))
        return false;
    machine->arrays.pages = device->pages;
    *machine->trace = (struct rail_trace){RAIL_TRACE_MAGIC, RAIL_TRACE_VERSION, TRACE_SIZE, 0};
    return true;
}

static bool find_program(char **program, struct problem *problem)
{
    *program = machine_program();
    if (*program == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    return access(*program, X_OK) == 0 ||
           problem_set(problem, PROBLEM_BENCH, "cannot run %s: %s. Build it (ci/build), or name it in MATTERHORN_QEMU",
                       *program, strerror(errno));
}

/* A process that does not even start is not worth a second attempt. Returns false. */
static bool explain_start(const struct machine_options *options, const char *program, struct problem *problem)
{
    if (problem->kind == PROBLEM_LOST && strstr(problem->text, "unsupported machine type") != NULL) {
        problem->kind = PROBLEM_NONE;
        return problem_set(problem, PROBLEM_USE,
                           "%s knows no machine \"%.60s\": is the name right, and is it the QEMU that ci/build makes?",
                           program, options->model);
    }
    if (problem->kind != PROBLEM_LOST)
        return false;
    problem->kind = strchr(options->model, ',') != NULL ? PROBLEM_USE : PROBLEM_BENCH; /* it may not like a property */
    return problem_place(problem, program);
}

static bool set_faults(struct machine *machine, const struct fault_set *faults, struct problem *problem)
{
    g_autoptr(GString) line = g_string_new("fault");
    char text[FAULT_TEXT];
    if (faults == NULL || !fault_any(faults))
        return true;
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        if (!faults->of[fault].on)
            continue;
        fault_format(faults, fault, text);
        g_string_append_printf(line, " %s", text);
    }
    machine->faults = machine->marked = true;
    const struct nor_defects internal = fault_defects_internal(faults);
    machine->counts_erases[ARRAY_INTERNAL] = internal.wears || internal.aging != 0;
    machine->counts_erases[ARRAY_NOR] = fault_defects_nor(faults).wears;
    return plain_command(machine, line->str, problem);
}

/* A machine may have no SPI NOR. */
static bool read_status(struct machine *machine, struct problem *problem)
{
    struct arrays_status *status = &machine->arrays.status;
    struct problem none = {0};
    unsigned registers[ARRAYS_STATUS];
    if (!command(machine, "status nor", REPLY_LIMIT_MS, &none))
        return none.kind != PROBLEM_LOST || problem_set(problem, none.kind, "%s", none.text);
    int count = sscanf(machine->reply, "status %x %x %x", &registers[0], &registers[1], &registers[2]);
    status->count = count > 0 ? (uint8_t)count : 0;
    for (int i = 0; i < count; i++)
        status->registers[i] = (uint8_t)registers[i];
    machine->status = *status;
    machine->status_written = false;
    return true;
}

bool machine_start(struct machine *machine, const struct machine_options *options, const struct arrays *device,
                   struct problem *problem)
{
    int descriptors[CHILD_END];
    char *program = NULL;
    uint64_t instructions;
    memset(machine, 0, sizeof *machine);
    if (!model_check(options->model, problem))
        return false;
    machine->line = g_string_new(NULL);
    machine->unlimited = options->gdb_port != 0;
    machine->patient = options->patient;
    for (int i = 0; i < CHILD_END; i++)
        descriptors[i] = -1;
    bool good = find_program(&program, problem) && share(machine, device, descriptors, problem) &&
                spawn(machine, options, program, descriptors, problem);
    for (int i = 0; i < CHILD_END; i++) /* they are the child's */
        if (descriptors[i] >= 0)
            close(descriptors[i]);
    /* It is there and speaks our language. */
    good = (good && machine_instructions(machine, &instructions, problem)) || explain_start(options, program, problem);
    good = good && set_faults(machine, options->faults, problem) && read_status(machine, problem);
    free(program);
    if (!good)
        machine_close(machine);
    return good;
}

/* Gives the process a moment to end after its socket was closed, then ends it. */
static void reap(pid_t process)
{
    for (int tries = 0; tries < 20; tries++) {
        if (waitpid(process, NULL, WNOHANG) == process)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    kill(process, SIGKILL);
    while (waitpid(process, NULL, 0) < 0 && errno == EINTR)
        continue;
}

void machine_close(struct machine *machine)
{
    if (machine->process > 0) {
        static const char quit[] = "quit\n";
        ssize_t ignored = send(machine->socket, quit, sizeof quit - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)ignored;
    }
    if (machine->socket > 0)
        close(machine->socket);
    if (machine->process > 0)
        reap(machine->process);
    if (machine->log > 0)
        close(machine->log);
    for (enum array array = 0; array < ARRAYS; array++) {
        if (machine->arrays.cells[array] != NULL)
            munmap(machine->arrays.cells[array], arrays_size(array));
        free(machine->arrays.marks[array].list);
    }
    if (machine->touched != NULL)
        munmap((void *)(uintptr_t)machine->touched, RAIL_TOUCHED_SIZE);
    if (machine->trace != NULL)
        munmap(machine->trace, TRACE_SIZE);
    if (machine->line != NULL)
        g_string_free(machine->line, TRUE);
    memset(machine, 0, sizeof *machine);
}

static bool parse_stop(const struct machine *machine, struct stop *stop)
{
    static const char *const reasons[] =
        {[STOP_TIME] = "time", [STOP_CUT] = "cut",     [STOP_EDGE] = "edge",
         [STOP_LINE] = "line", [STOP_RESET] = "reset", [STOP_TRACE_FULL] = "trace-full"};
    char word[16];
    if (sscanf(machine->reply, "stopped reason=%15s", word) != 1 || !reply_number(machine, "t", &stop->time_ns) ||
        !reply_number(machine, "ops", &stop->operations))
        return false;
    for (unsigned i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strcmp(word, reasons[i]) == 0) {
            stop->reason = (enum stop_reason)i;
            return true;
        }
    }
    return false;
}

static void print_power_on(GString *text, const char *sram, uint64_t noise)
{
    g_string_append_printf(text, "power on sram=%s noise=%" PRIu64 " status=kept", sram, noise);
}

static void print_run(GString *text, const struct run_request *request)
{
    g_string_append_printf(text, "run until=%" PRIu64, request->until_ns);
    if (request->cut)
        g_string_append_printf(text, " cut=%" PRIu64 " tear=%s", request->operation, nor_tear_name(request->tear));
    g_string_append_printf(text, "%s%s%s", request->edge ? " edge=1" : "", request->line ? " line=1" : "",
                           request->reset ? " reset=1" : "");
}

static int64_t run_limit_ms(const struct run_request *request)
{
    return REPLY_LIMIT_MS + (int64_t)(request->until_ns / 1000000000 + 1) * RUN_LIMIT_MS_PER_SECOND;
}

/* Takes the first answer of the reply. */
static bool take_sram(struct machine *machine, uint64_t *hash)
{
    uint64_t said = 0;
    int length = 0;
    if (sscanf(machine->reply, "ok sram=%" SCNx64 "%n", &said, &length) != 1)
        return false;
    if (hash != NULL)
        *hash = said;
    const char *rest = machine->reply + length + strspn(machine->reply + length, "; ");
    memmove(machine->reply, rest, strlen(rest) + 1);
    return true;
}

bool machine_power_on(struct machine *machine, const char *sram, uint64_t noise, uint64_t *hash,
                      struct problem *problem)
{
    g_autoptr(GString) text = g_string_new(NULL);
    print_power_on(text, sram, noise);
    return command(machine, text->str, REPLY_LIMIT_MS, problem) &&
           (take_sram(machine, hash) || not_understood(machine, problem));
}

bool machine_power_off(struct machine *machine, struct problem *problem)
{
    return plain_command(machine, "power off", problem);
}

bool machine_run(struct machine *machine, const struct run_request *request, struct stop *stop,
                 struct problem *problem)
{
    g_autoptr(GString) text = g_string_new(NULL);
    print_run(text, request);
    machine->marked = machine->marked || request->cut;
    return command(machine, text->str, run_limit_ms(request), problem) &&
           (parse_stop(machine, stop) || not_understood(machine, problem));
}

bool machine_start_run(struct machine *machine, const char *sram, uint64_t noise, uint64_t *hash,
                       const struct run_request *request, struct stop *stop, struct problem *problem)
{
    g_autoptr(GString) text = g_string_new(NULL);
    print_power_on(text, sram, noise);
    g_string_append(text, "; ");
    print_run(text, request);
    machine->marked = machine->marked || request->cut;
    return command(machine, text->str, run_limit_ms(request), problem) &&
           ((take_sram(machine, hash) && parse_stop(machine, stop)) || not_understood(machine, problem));
}

bool machine_wait(struct machine *machine, struct stop *stop, struct problem *problem)
{
    return read_reply(machine, REPLY_LIMIT_MS, problem) &&
           (parse_stop(machine, stop) || not_understood(machine, problem));
}

struct loading {
    struct machine *machine;
    struct problem *problem;
};

static bool announce(void *context, enum array array, uint32_t offset, uint32_t size)
{
    struct loading *loading = context;
    char text[80];
    snprintf(text, sizeof text, "changed %s %" PRIu32 " %" PRIu32, arrays_name(array), offset, size);
    return put_off(loading->machine, text, loading->problem);
}

static bool forget_marks(struct machine *machine, struct problem *problem)
{
    char text[32];
    for (enum array array = 0; machine->marked && array < ARRAYS; array++) {
        snprintf(text, sizeof text, "mark %s none", arrays_name(array));
        if (!put_off(machine, text, problem))
            return false;
    }
    machine->marked = machine->faults;
    return true;
}

/* The marks of a kind: `word` once or before each, then offset and bit or length. False: there are none. */
static bool print_marks(GString *text, const struct nor_marks *marks, enum nor_mark_kind kind, const char *word,
                        bool each)
{
    bool said = false;
    for (uint32_t i = 0; i < marks->count; i++) {
        const struct nor_mark *mark = &marks->list[i];
        if (mark->kind != kind)
            continue;
        g_string_append_printf(text, "%s %" PRIu32 " %" PRIu32, each || !said ? word : "", mark->offset,
                               kind == NOR_WEAK ? (uint32_t)mark->bit : mark->length);
        said = true;
    }
    return said;
}

static bool send_marks_of(struct machine *machine, enum array array, enum nor_mark_kind kind, struct problem *problem)
{
    g_autoptr(GString) text = g_string_new("mark ");
    g_string_append(text, arrays_name(array));
    if (!print_marks(text, &machine->arrays.marks[array], kind, kind == NOR_WEAK ? " weak" : " notake", false))
        return true;
    machine->marked = true;
    return put_off(machine, text->str, problem);
}

static bool send_marks(struct machine *machine, struct problem *problem)
{
    for (enum array array = 0; array < ARRAYS; array++)
        if (machine->arrays.marks[array].count > 0 && (!send_marks_of(machine, array, NOR_WEAK, problem) ||
                                                       !send_marks_of(machine, array, NOR_NOTAKE, problem)))
            return false;
    return true;
}

static bool load_status(struct machine *machine, const struct arrays_status *status, struct problem *problem)
{
    char line[64] = "status nor";
    if (status->count == 0 ||
        (!machine->status_written && memcmp(&machine->status, status, sizeof *status) == 0))
        return true;
    for (unsigned i = 0; i < status->count; i++)
        snprintf(line + strlen(line), sizeof line - strlen(line), " %02x", status->registers[i]);
    machine->status = *status;
    machine->status_written = false;
    return put_off(machine, line, problem);
}

/* As the rail has them: of the internal flash each sector's, of the SPI NOR those of the sectors that were erased. */
static void print_erases(GString *text, const struct arrays *state, enum array array)
{
    const uint32_t size = arrays_size(ARRAY_NOR) / ARRAYS_NOR_SECTORS;
    for (unsigned i = 0; array == ARRAY_INTERNAL && i < ARRAYS_SECTORS; i++)
        g_string_append_printf(text, " %" PRIu32, state->erases[i]);
    for (unsigned i = 0; array == ARRAY_NOR && i < ARRAYS_NOR_SECTORS; i++)
        if (state->nor_erases[i] != 0)
            g_string_append_printf(text, " %" PRIu32 " %" PRIu32, i * size, state->nor_erases[i]);
}

static bool load_erases(struct machine *machine, const struct arrays *state, struct problem *problem)
{
    for (enum array array = 0; array < ARRAYS; array++) {
        g_autoptr(GString) numbers = g_string_new(NULL);
        if (!machine->counts_erases[array])
            continue;
        print_erases(numbers, state, array);
        const char *all = numbers->len > 0 ? numbers->str : " none";
        g_autofree char *line = g_strdup_printf("erases %s%s", arrays_name(array), all);
        if (!put_off(machine, line, problem))
            return false;
    }
    return true;
}

static bool answers(struct machine *machine, const char *line, const char *expected, struct problem *problem)
{
    return command(machine, line, REPLY_LIMIT_MS, problem) && strcmp(machine->reply, expected) == 0;
}

static bool has_erases(struct machine *machine, const struct arrays *state, enum array array, struct problem *problem)
{
    g_autoptr(GString) expected = g_string_new("erases");
    g_autofree char *line = g_strdup_printf("erases %s", arrays_name(array));
    print_erases(expected, state, array);
    return !machine->counts_erases[array] || answers(machine, line, expected->str, problem);
}

static bool has_status_and_erases(struct machine *machine, const struct arrays *state, struct problem *problem)
{
    g_autoptr(GString) status = g_string_new("status");
    for (unsigned i = 0; i < state->status.count; i++)
        g_string_append_printf(status, " %02x", state->status.registers[i]);
    return (state->status.count == 0 || answers(machine, "status nor", status->str, problem)) &&
           has_erases(machine, state, ARRAY_INTERNAL, problem) && has_erases(machine, state, ARRAY_NOR, problem);
}

bool machine_has_beside(struct machine *machine, const struct arrays *state, enum array *array, struct problem *problem)
{
    char line[32];
    for (*array = 0; *array < ARRAYS; (*array)++) {
        const struct nor_marks *marks = &state->marks[*array];
        snprintf(line, sizeof line, "marks %s", arrays_name(*array));
        if (!command(machine, line, REPLY_LIMIT_MS, problem))
            return false;
        g_autoptr(GString) expected = g_string_new("marks");
        print_marks(expected, marks, NOR_WEAK, " weak", true);
        print_marks(expected, marks, NOR_NOTAKE, " notake", true);
        if (strcmp(machine->reply, expected->str) != 0)
            return false;
    }
    *array = ARRAY_NOR;
    return has_status_and_erases(machine, state, problem);
}

/* What `print_erases` prints: the reply behind its first word. */
static bool parse_erases(const char *reply, struct arrays *state, enum array array)
{
    const uint32_t size = arrays_size(ARRAY_NOR) / ARRAYS_NOR_SECTORS;
    uint32_t offset = 0, number;
    unsigned sector = 0;
    int length;
    if (strncmp(reply, "erases", strlen("erases")) != 0)
        return false;
    const char *text = reply + strlen("erases");
    if (array == ARRAY_INTERNAL) {
        for (; sector < ARRAYS_SECTORS && sscanf(text, " %" SCNu32 "%n", &number, &length) == 1; text += length)
            state->erases[sector++] = number;
        return sector == ARRAYS_SECTORS && *text == '\0';
    }
    memset(state->nor_erases, 0, sizeof state->nor_erases);
    for (; sscanf(text, " %" SCNu32 " %" SCNu32 "%n", &offset, &number, &length) == 2; text += length) {
        if (offset / size >= ARRAYS_NOR_SECTORS)
            return false;
        state->nor_erases[offset / size] = number;
    }
    return *text == '\0';
}

static bool read_erases(struct machine *machine, struct problem *problem)
{
    for (enum array array = 0; array < ARRAYS; array++) {
        g_autofree char *line = g_strdup_printf("erases %s", arrays_name(array));
        if (!machine->counts_erases[array])
            continue;
        if (!command(machine, line, REPLY_LIMIT_MS, problem))
            return false;
        if (!parse_erases(machine->reply, &machine->arrays, array))
            return not_understood(machine, problem);
    }
    return true;
}

/* What the reply lists; false when it is no list of marks. */
static bool parse_marks(const char *reply, GArray *marks)
{
    char kind[8];
    uint32_t offset, number;
    int length = 0;
    if (strncmp(reply, "marks", strlen("marks")) != 0)
        return false;
    const char *text = reply + strlen("marks");
    for (; sscanf(text, " %7s %" SCNu32 " %" SCNu32 "%n", kind, &offset, &number, &length) == 3; text += length) {
        bool weak = strcmp(kind, "weak") == 0;
        struct nor_mark mark = {weak ? NOR_WEAK : NOR_NOTAKE, offset, weak ? 1 : number, weak ? (uint8_t)number : 0};
        g_array_append_val(marks, mark);
    }
    return *text == '\0';
}

static bool read_marks(struct machine *machine, struct problem *problem)
{
    if (!machine->marked) {
        for (enum array array = 0; array < ARRAYS; array++)
            machine->arrays.marks[array].count = 0;
        return true;
    }
    GArray *lists[ARRAYS];
    struct arrays read = {.marks = {{0}}};
    bool good = true;
    for (enum array array = 0; array < ARRAYS; array++) {
        char line[32];
        lists[array] = g_array_new(FALSE, FALSE, sizeof(struct nor_mark));
        snprintf(line, sizeof line, "marks %s", arrays_name(array));
        good = good && command(machine, line, REPLY_LIMIT_MS, problem) &&
               (parse_marks(machine->reply, lists[array]) ||
                problem_set(problem, PROBLEM_BENCH, "the machine's reply is not understood: %.200s", machine->reply));
        read.marks[array] = (struct nor_marks){(struct nor_mark *)(void *)lists[array]->data, lists[array]->len,
                                               lists[array]->len};
    }
    if (good)
        arrays_load_marks(&machine->arrays, &read);
    for (enum array array = 0; array < ARRAYS; array++)
        g_array_free(lists[array], TRUE);
    return good;
}

bool machine_read_beside(struct machine *machine, struct problem *problem)
{
    return read_marks(machine, problem) && read_erases(machine, problem) &&
           (!machine->status_written || read_status(machine, problem));
}

bool machine_load_cells(struct machine *machine, const struct arrays *state, struct problem *problem)
{
    struct loading loading = {machine, problem};
    return arrays_load(&machine->arrays, state, announce, &loading);
}

bool machine_load(struct machine *machine, const struct arrays *state, struct problem *problem)
{
    return forget_marks(machine, problem) && machine_load_cells(machine, state, problem) &&
           send_marks(machine, problem) && load_status(machine, &state->status, problem) &&
           load_erases(machine, state, problem);
}

bool machine_clear_touched(struct machine *machine, struct problem *problem)
{
    return put_off(machine, "touch clear", problem);
}

bool machine_instructions(struct machine *machine, uint64_t *instructions, struct problem *problem)
{
    if (!command(machine, "info", REPLY_LIMIT_MS, problem))
        return false;
    return reply_number(machine, "instructions", instructions) ||
           problem_set(problem, PROBLEM_BENCH, "the machine's reply is not understood: %s", machine->reply);
}

bool machine_vectors(struct machine *machine, uint32_t *address, struct problem *problem)
{
    uint64_t number = 0;
    if (!command(machine, "info", REPLY_LIMIT_MS, problem))
        return false;
    if (!reply_number(machine, "vtor", &number))
        return problem_set(problem, PROBLEM_BENCH, "the machine's reply is not understood: %s", machine->reply);
    *address = (uint32_t)number;
    return true;
}

double machine_cpu_seconds(const struct machine *machine)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(machine->process, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

bool machine_take_events(struct machine *machine, machine_event_fn *take, void *context, struct problem *problem)
{
    const uint8_t *events = (const uint8_t *)machine->trace + RAIL_TRACE_EVENTS;
    size_t size = machine->trace->used, position = 0;
    struct trace_item item;
    if (size > TRACE_SIZE - RAIL_TRACE_EVENTS)
        return problem_set(problem, PROBLEM_BENCH, "the machine's trace is broken");
    while (trace_next(events, size, &position, &item)) {
        enum array array;
        uint32_t offset, size;
        if (arrays_range(item.event, &array, &offset, &size))
            pages_add(&machine->arrays.pages, array, offset, size);
        else if (item.event->kind == RAIL_STATUS && item.event->chip == RAIL_CHIP_INTERNAL)
            pages_add(&machine->arrays.pages, ARRAY_OTP, RAIL_OTP_OPTIONS, RAIL_OTP_SIZE - RAIL_OTP_OPTIONS);
        machine->status_written = machine->status_written || arrays_is_status(item.event);
        take(context, &item);
    }
    machine->trace->used = 0;
    return position == size || problem_set(problem, PROBLEM_BENCH, "the machine's trace is broken");
}
