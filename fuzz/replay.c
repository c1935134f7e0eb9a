/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzz target over files, without libFuzzer: replay_NAME [--junit FILE] FILE-OR-DIRECTORY...
 *
 * Every input runs in a process of its own, so that one crash neither hides the others nor leaks into them. Prints a
 * line for each input that fails, and the count. Exit status: 0 all fine, 1 an input failed, 2 wrong use or nothing
 * to run.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_PER_INPUT 20u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct tally {
    unsigned passed, failed;
    FILE *junit; /* may be NULL */
};

static void fail(const char *path, const char *what)
{
    fprintf(stderr, "replay: %s: %s\n", path, what);
    exit(2);
}

/* The bytes of a file in a block of exactly its size, so that the address sanitizer sees its end. */
static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        fail(path, strerror(errno));
    long end = ftell(file);
    if (end < 0)
        fail(path, strerror(errno));
    rewind(file);
    uint8_t *bytes = malloc(end > 0 ? (size_t)end : 1);
    if (bytes == NULL || fread(bytes, 1, (size_t)end, file) != (size_t)end)
        fail(path, "cannot be read");
    fclose(file);
    *size = (size_t)end;
    return bytes;
}

/* Runs one input in a child; returns its wait status. */
static int run_input(const char *path)
{
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        fail(path, strerror(errno));
    if (child == 0) {
        size_t size;
        uint8_t *bytes = read_file(path, &size);
        alarm(SECONDS_PER_INPUT);
        LLVMFuzzerTestOneInput(bytes, size);
        free(bytes);
        exit(0); /* not _exit: the leak check runs now */
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            fail(path, strerror(errno));
    return status;
}

static void write_name(FILE *out, const char *name)
{
    for (; *name != '\0'; name++) {
        if (strchr("<>&\"", *name) != NULL || (unsigned char)*name < 0x20)
            fprintf(out, "&#%d;", (unsigned char)*name < 0x20 ? '?' : *name);
        else
            fputc(*name, out);
    }
}

static void replay_file(struct tally *tally, const char *path)
{
    int status = run_input(path);
    bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    char verdict[64] = "";
    if (passed) {
        tally->passed++;
    } else {
        tally->failed++;
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
            snprintf(verdict, sizeof verdict, "took more than %u s", SECONDS_PER_INPUT);
        else if (WIFSIGNALED(status))
            snprintf(verdict, sizeof verdict, "ended by signal %d", WTERMSIG(status));
        else
            snprintf(verdict, sizeof verdict, "ended with status %d", WEXITSTATUS(status));
        printf("failed: %s: %s\n", path, verdict);
    }
    if (tally->junit != NULL) {
        fputs("  <testcase name=\"", tally->junit);
        write_name(tally->junit, path);
        if (passed)
            fputs("\"/>\n", tally->junit);
        else
            fprintf(tally->junit, "\"><failure message=\"%s\"/></testcase>\n", verdict);
    }
}

static int not_hidden(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void replay_path(struct tally *tally, const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0)
        fail(path, strerror(errno));
    if (!S_ISDIR(about.st_mode)) {
        replay_file(tally, path);
        return;
    }
    struct dirent **entries;
    int count = scandir(path, &entries, not_hidden, alphasort);
    if (count < 0)
        fail(path, strerror(errno));
    for (int i = 0; i < count; i++) {
        char *inner;
        if (asprintf(&inner, "%s/%s", path, entries[i]->d_name) < 0)
            fail(path, "out of memory");
        replay_path(tally, inner);
        free(inner);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char *argv[])
{
    struct tally tally = {0};
    int first = 1;
    if (argc > 2 && strcmp(argv[1], "--junit") == 0) {
        tally.junit = fopen(argv[2], "w");
        if (tally.junit == NULL)
            fail(argv[2], strerror(errno));
        fputs("<?xml version=\"1.0\"?>\n<testsuite name=\"replay\">\n", tally.junit);
        first = 3;
    }
    if (first >= argc || argv[first][0] == '-') {
        fprintf(stderr, "usage: %s [--junit FILE] FILE-OR-DIRECTORY...\n", argv[0]);
        return 2;
    }
    for (int i = first; i < argc; i++)
        replay_path(&tally, argv[i]);
    if (tally.junit != NULL) {
        fputs("</testsuite>\n", tally.junit);
        if (fclose(tally.junit) != 0)
            fail(argv[2], "cannot be written");
    }
    printf("%u inputs replayed, %u failed\n", tally.passed + tally.failed, tally.failed);
    if (tally.passed + tally.failed == 0)
        return 2;
    return tally.failed == 0 ? 0 : 1;
}
