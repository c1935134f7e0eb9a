/* SPDX-License-Identifier: MIT
 *
 * matterhorn merge: the stores of all shards of a sweep, put together.
 */
#include "command.h"
#include "options.h"
#include "store_merge.h"

static const struct options_help help = {
    .arguments = "OUT STORE...",
    .text = "Makes the store OUT, which must not be there, of the stores of all shards of one sweep (matterhorn sweep --shard I/N). Stores of\n"
            "different sweeps, incomplete ones, and a shard that is there twice or missing are refused; then OUT is not made. With up to 16\n"
            "shards OUT is what one process would have kept; with more, some more states were run, with the same verdicts.",
    .examples = "matterhorn merge eth.store eth-1.store eth-2.store eth-3.store\n"
                "matterhorn merge eth.store shards/*.store && matterhorn report eth.store --html sweep.html",
};

static int merge(const struct options *options)
{
    struct problem problem = {0};
    if (store_merge(options->arguments[0], options->arguments + 1, (unsigned)options->count - 1, &problem))
        return EXIT_PASS;
    return problem_exit(&problem);
}

static int run(int argc, const char *argv[])
{
    struct poptOption table[] = {POPT_TABLEEND};
    struct options options;
    int status;
    if (options_parse(&options, argc, argv, table, &help, &status))
        status = options.count >= 2
                     ? merge(&options)
                     : usage_error("merge: name a new store and those of all shards; see matterhorn merge --help");
    options_close(&options);
    return status;
}

const struct command command_merge = {"merge", "put the stores of all shards of a sweep together", run};
