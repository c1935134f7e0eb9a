/* SPDX-License-Identifier: MIT
 *
 * The findings, those with the same cause together.
 */
#include "markup.h"
#include "page_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Findings of the same oracle with the same detail. */
struct cause {
    const struct sweep_case *first;
    size_t findings, members; /* members: power losses */
};

struct causes {
    struct sweep_finding *findings;
    size_t finding_count;
    struct cause *list;
    size_t count;
};

static bool same_cause(const struct verdict *one, const struct verdict *other)
{
    return strcmp(one->oracle, other->oracle) == 0 && strcmp(one->detail, other->detail) == 0;
}

static void causes_free(struct causes *causes)
{
    free(causes->findings);
    free(causes->list);
}

static bool find_causes(const struct sweep_result *result, struct causes *causes)
{
    *causes = (struct causes){0};
    causes->findings = sweep_findings(result, &causes->finding_count);
    for (size_t i = 0; causes->findings != NULL && i < causes->finding_count; i++) {
        const struct sweep_case *one = &result->cases[causes->findings[i].first];
        size_t at = 0;
        while (at < causes->count && !same_cause(groups_verdict(causes->list[at].first), groups_verdict(one)))
            at++;
        if (at == causes->count) {
            struct cause *list = realloc(causes->list, (at + 1) * sizeof *list);
            if (list == NULL) {
                causes_free(causes);
                return false;
            }
            causes->list = list;
            causes->list[causes->count++] = (struct cause){.first = one};
        }
        causes->list[at].findings++;
        causes->list[at].members += causes->findings[i].members;
    }
    return causes->findings != NULL;
}

static bool has_room(const struct page *page)
{
    return (size_t)ftell(page->stream) < page->room;
}

static void print_id(const struct page *page, const struct sweep_finding *finding)
{
    const struct sweep_case *one = &page->result->cases[finding->first];
    const struct operation *operation = &page->result->recording.operations[one->cut.operation];
    FILE *stream = page->stream;
    char id[SWEEP_ID];
    sweep_id(page->result, page->profile, one, id);
    fputs("<li><code>", stream);
    markup_text(stream, id);
    fputs("</code><span>", stream);
    markup_print(stream, "%s, %s", recording_phase_name(page->profile, operation->phase),
                 recording_area_name(operation));
    if (finding->members > 1) {
        sweep_id(page->result, page->profile, &page->result->cases[finding->last], id);
        markup_print(stream, "; %zu more go this way, up to %s", finding->members - 1, strchr(id, '/') + 1);
    }
    fputs("</span><button type=\"button\">copy command</button></li>\n", stream);
}

/* The ids of a cause's findings; how many there was no room for. */
static size_t print_ids(const struct page *page, const struct causes *causes, const struct cause *cause,
                        const char *command, const char *id)
{
    const char *place = strstr(command, id);
    FILE *stream = page->stream;
    size_t left = 0;
    fprintf(stream, "<details%s><summary>%zu finding%s</summary>\n<ul class=\"ids\" data-head=\"",
            cause->findings <= 12 ? " open" : "", cause->findings, cause->findings > 1 ? "s" : "");
    markup_print(stream, "%.*s", (int)(place != NULL ? place - command : 0), command);
    fputs("\" data-tail=\"", stream);
    markup_text(stream, place != NULL ? place + strlen(id) : "");
    fputs("\">\n", stream);
    for (size_t i = 0; i < causes->finding_count; i++) {
        const struct sweep_finding *finding = &causes->findings[i];
        if (!same_cause(groups_verdict(&page->result->cases[finding->first]), groups_verdict(cause->first)))
            continue;
        if (has_room(page))
            print_id(page, finding);
        else
            left++;
    }
    fputs("</ul></details>\n", stream);
    return left;
}

static size_t print_cause(const struct page *page, const struct causes *causes, const struct cause *cause)
{
    const struct verdict *verdict = groups_verdict(cause->first);
    FILE *stream = page->stream;
    char id[SWEEP_ID], command[ID_COMMAND], number[PAGE_NUMBER];
    size_t left = 0;
    sweep_id(page->result, page->profile, cause->first, id);
    id_command(id, page->result->firmware, page->target, command);
    fputs("<div class=\"cause\"><p><b>", stream);
    markup_text(stream, verdict->oracle);
    fputs("</b> ", stream);
    markup_text(stream, verdict->detail);
    fprintf(stream, "</p><p class=\"note\">after %s power loss%s%s</p>\n", page_number(cause->members, number),
            cause->members > 1 ? "es" : "", cause->members > 1 ? ", the first of them:" : ":");
    page_command(stream, command);
    if (cause->members > 1)
        left = print_ids(page, causes, cause, command, id);
    fputs("</div>\n", stream);
    return left;
}

bool page_findings(const struct page *page)
{
    struct causes causes;
    size_t left = 0;
    char number[PAGE_NUMBER];
    if (page->result->cases == NULL || groups_failed(page->result) == 0)
        return true;
    if (!find_causes(page->result, &causes))
        return false;
    fputs("<h2>Findings</h2>\n<p class=\"note\">Each of these ids alone reproduces a power loss and what followed, "
          "instruction by instruction.</p>\n",
          page->stream);
    for (size_t i = 0; i < causes.count; i++)
        left += has_room(page) ? print_cause(page, &causes, &causes.list[i]) : causes.list[i].findings;
    if (left > 0)
        fprintf(page->stream,
                "<p class=\"note\">And %s more, for which there is no room here: sweep --list and --json have "
                "them all.</p>\n",
                page_number(left, number));
    causes_free(&causes);
    return true;
}
