/* SPDX-License-Identifier: MIT */
#include "outputs.h"

#include "baseline.h"
#include "junit.h"
#include "markdown.h"
#include "page.h"
#include "report.h"
#include "sarif.h"

#include <stdlib.h>

static bool write_list(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                       const struct id_target *target)
{
    (void)target;
    report_list(stream, result, profile);
    return true;
}

typedef bool write_fn(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                      const struct id_target *target);

static write_fn *const writes[OUTPUTS] = {
    [OUTPUT_LIST] = write_list,
    [OUTPUT_JUNIT] = junit_write,
    [OUTPUT_HTML] = page_write,
    [OUTPUT_MARKDOWN] = markdown_write,
    [OUTPUT_SARIF] = sarif_write,
    [OUTPUT_BASELINE] = baseline_write,
};

#define MOST_OTHERS 4

bool outputs_apart(const struct outputs *outputs, const char *const others[], unsigned count, struct problem *problem)
{
    const char *paths[OUTPUTS + MOST_OTHERS];
    for (unsigned i = 0; i < OUTPUTS; i++)
        paths[i] = outputs->paths[i];
    for (unsigned i = 0; i < count && i < MOST_OTHERS; i++)
        paths[OUTPUTS + i] = others[i];
    return files_apart(paths, OUTPUTS, OUTPUTS + (count < MOST_OTHERS ? count : MOST_OTHERS), problem);
}

bool outputs_open(struct outputs *outputs, struct problem *problem)
{
    bool good = outputs->baseline_path == NULL || baseline_read(&outputs->baseline, outputs->baseline_path, problem);
    for (unsigned i = 0; good && i < OUTPUTS; i++)
        good = outputs->paths[i] == NULL || files_open(&outputs->writers[i], outputs->paths[i], problem);
    return good;
}

void outputs_compare(const struct outputs *outputs, struct sweep_result *result, const struct profile *profile)
{
    if (outputs->baseline != NULL)
        baseline_mark(outputs->baseline, result, profile);
}

bool outputs_write(struct outputs *outputs, const struct sweep_result *result, const struct profile *profile,
                   const struct id_target *target, struct problem *problem)
{
    bool good = true;
    for (unsigned i = 0; good && i < OUTPUTS; i++)
        if (outputs->writers[i].stream != NULL && !writes[i](outputs->writers[i].stream, result, profile, target))
            good = problem_set(problem, PROBLEM_BENCH, "no memory for the report");
    for (unsigned i = 0; good && i < OUTPUTS; i++)
        good = outputs->writers[i].stream == NULL || files_commit(&outputs->writers[i], problem);
    return good;
}

void outputs_close(struct outputs *outputs)
{
    for (unsigned i = 0; i < OUTPUTS; i++) {
        files_discard(&outputs->writers[i]);
        free(outputs->paths[i]);
        outputs->paths[i] = NULL;
    }
    baseline_free(outputs->baseline);
    free(outputs->baseline_path);
    outputs->baseline = NULL;
    outputs->baseline_path = NULL;
}
