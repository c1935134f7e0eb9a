/* SPDX-License-Identifier: MIT
 *
 * matterhorn pack: makes a signed package from programs.
 */
#include "command.h"
#include "files.h"
#include "input.h"
#include "options.h"
#include "pack_inputs.h"
#include "pack_keys.h"
#include "package_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pack_arguments {
    char *board, *output, *flash, *flash_runtime, *version, *name, *codec, *requires;
    struct pack_inputs inputs;
    struct pack_keys keys;
    long long counter;
};

static bool parse_version(const char *text, struct mh_version *version)
{
    unsigned part[4];
    char rest;

    if (text[strspn(text, "0123456789.")] != '\0' ||
        sscanf(text, "%5u.%5u.%5u.%5u%c", &part[0], &part[1], &part[2], &part[3], &rest) != 4) {
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (part[i] > UINT16_MAX) {
            return false;
        }
        version->part[i] = (uint16_t)part[i];
    }
    return true;
}

static bool take_codec(const char *text, uint32_t *codec, struct problem *problem)
{
    static const char *const names[] = {[MH_CODEC_STORED] = "stored", [MH_CODEC_LZ4] = "lz4", [MH_CODEC_LZMA] = "lzma"};

    for (*codec = 0; *codec < sizeof names / sizeof *names; ++*codec) {
        if (strcmp(text, names[*codec]) == 0) {
            return *codec != MH_CODEC_LZMA || mh_lzma_built_in ||
                   problem_set(problem, PROBLEM_USE,
                               "pack: lzma is not built in (CMake option MATTERHORN_LZMA), neither here nor in the "
                               "firmware of this build");
        }
    }
    return problem_set(problem, PROBLEM_USE, "pack: no codec is called '%s'; there are lz4, lzma and stored", text);
}

/* "runtime=1.2.3.4": what the application needs, and the other way round. */
static bool take_requires(const char *text, struct package_order *order, struct problem *problem)
{
    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        const char *name = mh_component_name(number);
        const size_t length = strlen(name);
        if (strncmp(text, name, length) == 0 && text[length] == '=' &&
            parse_version(text + length + 1, &order->requires[MH_COMPONENTS - number])) {
            return true;
        }
    }
    return problem_set(problem, PROBLEM_USE,
                       "pack: '%s' requires nothing; runtime=1.2.3.4 does, or application=1.2.3.4", text);
}

/* An output must not take the place of what it is made from, or of another output. */
static bool check_paths(const struct pack_arguments *a, struct problem *problem)
{
    const char *const paths[] = {a->output, a->flash, a->flash_runtime, a->keys.key, a->keys.cipher_key};

    return pack_inputs_apart(&a->inputs, paths, 3, sizeof paths / sizeof *paths, problem);
}

static bool take_order(const struct pack_arguments *arguments, struct package_order *order, struct problem *problem)
{
    order->board = mh_board_named(arguments->board);
    if (!order->board) {
        return problem_set(problem, PROBLEM_USE,
                           "pack: no board is called '%s'; there are mountaineer-eth and mountaineer-usb",
                           arguments->board);
    }
    if (!parse_version(arguments->version ? arguments->version : "1.0.0.0", &order->version)) {
        return problem_set(problem, PROBLEM_USE, "pack: '%s' is not a version such as 1.2.3.4", arguments->version);
    }
    if (arguments->counter < 0 || arguments->counter > UINT32_MAX) {
        return problem_set(problem, PROBLEM_USE, "pack: a security counter is a number from 0 to 4294967295");
    }
    order->counter = (uint32_t)arguments->counter;
    order->name = arguments->name;
    return take_codec(arguments->codec ? arguments->codec : "lz4", &order->codec, problem) &&
           (!arguments->requires || take_requires(arguments->requires, order, problem)) &&
           pack_inputs_read(&arguments->inputs, order, problem) && pack_keys_read(&arguments->keys, order, problem) &&
           package_check(order, problem);
}

/* What the region of a component holds after the install, header and image, as the file
 * `path`; NULL: it is not wanted. */
static bool make_flash(const char *path, const struct package_image *image, const uint8_t *package,
                       struct file_part *part, struct problem *problem)
{
    if (!path) {
        return true;
    }
    const size_t size = MH_HEADER_SIZE + image->size;
    uint8_t *flash = malloc(size);
    if (!flash) {
        return problem_set(problem, PROBLEM_BENCH, "pack: out of memory");
    }
    memset(flash, 0xFF, MH_HEADER_SIZE);
    memcpy(flash, package, (size_t)(package[6] | package[7] << 8) + MH_SIGNATURE_SIZE);
    memcpy(flash + MH_HEADER_SIZE, image->bytes, image->size);
    *part = (struct file_part){path, flash, size};
    return true;
}

/* Of the one component there is, or of both. */
static bool make_flashes(const struct pack_arguments *arguments, const struct package_order *order,
                         const uint8_t *package, struct file_part parts[2], struct problem *problem)
{
    const struct package_image *runtime = &order->images[MH_RUNTIME - 1],
                               *application = &order->images[MH_APPLICATION - 1];

    if (arguments->flash_runtime && (!runtime->path || !application->path)) {
        return problem_set(problem, PROBLEM_USE,
                           "pack: --flash-runtime is for packages with both components; of one, --flash has it");
    }
    return make_flash(arguments->flash, application->path ? application : runtime, package, &parts[0], problem) &&
           make_flash(arguments->flash_runtime, runtime, package, &parts[1], problem);
}

static bool pack(const struct pack_arguments *arguments, struct problem *problem)
{
    struct package_order order = {0};
    uint8_t *package = NULL;
    size_t size = 0;
    struct file_part flashes[2] = {0};
    bool good = check_paths(arguments, problem) && take_order(arguments, &order, problem) &&
                package_write(&order, &package, &size, problem) &&
                make_flashes(arguments, &order, package, flashes, problem);

    if (good) {
        struct file_part parts[3] = {{arguments->output, package, size}};
        unsigned count = 1;
        for (unsigned i = 0; i < 2; i++) {
            if (flashes[i].name) {
                parts[count++] = flashes[i];
            }
        }
        good = files_write_all(parts, count, problem);
    }
    free(package);
    free((void *)flashes[0].data);
    free((void *)flashes[1].data);
    free(order.images[0].bytes);
    free(order.images[1].bytes);
    memset(&order, 0, sizeof order);
    return good;
}

static const struct options_help help = {
    .arguments = "--board NAME --key FILE --application FILE --output FILE",
    .text = "Makes a signed package from programs, each linked for its region plus 512 bytes: ELF files, Intel HEX, Motorola\n"
            "S-records, raw binaries, or images of the .NET Micro Framework's original updater. Gaps are filled with 0xFF;\n"
            "overlaps, and whatever lies outside the regions of the board, are refused.",
    .examples = "matterhorn pack --board mountaineer-eth --key release.private --version 2.1.0.0 \\\n"
                "    --application app.elf --output app.nmf\n"
                "matterhorn pack --board mountaineer-eth --key release.private --runtime runtime.bin --application app.hex \\\n"
                "    --symdefs symdefs.txt --output both.nmf\n"
                "matterhorn pack --board mountaineer-eth --key release.private --input everything.srec --output both.nmf\n"
                "matterhorn pack --board mountaineer-eth --key release.private --input old.nmf --output new.nmf\n"
                "matterhorn pack --board mountaineer-eth --key release.private --input code.bin@0x080A0200 \\\n"
                "    --input tables.bin@0x080C0000 --output app.nmf\n"
                "matterhorn pack --board mountaineer-eth --key release.private --encrypt devices.key \\\n"
                "    --application app.elf --output app.nmf\n"
                "matterhorn pack --board mountaineer-eth --key second.private --trusted first.public \\\n"
                "    --trusted second.public --revoke first.public --runtime runtime.bin --application app.elf \\\n"
                "    --output both.nmf\n",
};

static int run(int argc, const char *argv[])
{
    struct pack_arguments a = {0};
    const struct poptOption table[] = {
        {"board", 0, POPT_ARG_STRING, &a.board, 0, "mountaineer-eth or mountaineer-usb", "NAME"},
        {"key", 0, POPT_ARG_STRING, &a.keys.key, 0, "private key that signs", "FILE"},
        {"application", 0, POPT_ARG_STRING, &a.inputs.images[MH_APPLICATION - 1], 0,
         "program for the application region", "FILE"},
        {"runtime", 0, POPT_ARG_STRING, &a.inputs.images[MH_RUNTIME - 1], 0, "program for the runtime region", "FILE"},
        {"input", 0, POPT_ARG_ARGV, &a.inputs.inputs, 0,
         "programs for the regions that their addresses say; may be repeated", "FILE[@ADDRESS]"},
        {"format", 0, POPT_ARG_STRING, &a.inputs.format, 0,
         "of all programs: " INPUT_FORMATS " (default auto: as each looks)", "FORMAT"},
        {"symdefs", 0, POPT_ARG_STRING, &a.inputs.symdefs, 0,
         "symbols the application was linked against: all must be in the runtime", "FILE"},
        {"output", 0, POPT_ARG_STRING, &a.output, 0, "the package (.nmf)", "FILE"},
        {"version", 0, POPT_ARG_STRING, &a.version, 0, "version, e.g. 1.2.3.4 (default 1.0.0.0)", "VERSION"},
        {"counter", 0, POPT_ARG_LONGLONG, &a.counter, 0, "security counter (default 0)", "N"},
        {"requires", 0, POPT_ARG_STRING, &a.requires, 0,
         "lowest version of the component that this one works with, e.g. runtime=1.2.3.4", "COMPONENT=VERSION"},
        {"name", 0, POPT_ARG_STRING, &a.name, 0, "name for people, up to 32 characters", "TEXT"},
        {"codec", 0, POPT_ARG_STRING, &a.codec, 0, "lz4 (default), lzma (where built in) or stored", "CODEC"},
        {"encrypt", 0, POPT_ARG_STRING, &a.keys.cipher_key, 0, "encrypt under this device key", "FILE"},
        {"nonce", 0, POPT_ARG_STRING, &a.keys.nonce, 0,
         "with this nonce: for packages that shall be the same again, never twice under one key (default: drawn at random)",
         "HEX"},
        {"trusted", 0, POPT_ARG_ARGV, &a.keys.trusted, 0,
         "public keys of the devices, in the order in which they were provisioned; may be repeated", "FILE"},
        {"revoke", 0, POPT_ARG_ARGV, &a.keys.revoked, 0,
         "revoke this one of them once the package is confirmed; may be repeated", "FILE"},
        {"flash", 0, POPT_ARG_STRING, &a.flash, 0,
         "also write what the region holds after the install (of both components, the application's)", "FILE"},
        {"flash-runtime", 0, POPT_ARG_STRING, &a.flash_runtime, 0,
         "of both components, also write what the runtime's region holds", "FILE"},
        POPT_TABLEEND,
    };
    struct options options;
    struct problem problem = {0};
    int status;

    if (options_parse(&options, argc, argv, table, &help, &status)) {
        if (options.count > 0 || !a.board || !a.keys.key || !a.output) {
            status = usage_error("pack: --board, --key and --output are needed; see matterhorn pack --help");
        } else {
            status = pack(&a, &problem) ? EXIT_PASS : problem_exit(&problem);
        }
    }
    options_close(&options);
    pack_inputs_free(&a.inputs);
    pack_keys_free(&a.keys);
    char *const strings[] = {a.board, a.output, a.flash, a.flash_runtime, a.version, a.name, a.codec, a.requires};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        free(strings[i]);
    }
    return status;
}

const struct command command_pack = {"pack", "make a signed package from programs", run};
