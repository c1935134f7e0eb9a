/* SPDX-License-Identifier: MIT
 *
 * matterhorn device: the flash contents of a device, made of any images.
 */
#include "command.h"
#include "images.h"
#include "options.h"

#include <stdlib.h>

static bool make_device(const struct options *options, const char *output, struct problem *problem)
{
    struct images *images = calloc(1, sizeof *images);
    if (images == NULL)
        return problem_set(problem, PROBLEM_BENCH, "device: no memory");
    bool good = images_open(images, problem);
    for (int i = 0; good && i < options->count; i++)
        good = images_place(images, options->arguments[i], problem) || problem_place(problem, "device");
    good = good && arrays_write(&images->arrays, output, problem);
    images_close(images);
    free(images);
    return good;
}

static const struct options_help help = {
    .arguments = "IMAGE... --output DIR",
    .text =
        "Makes the flash contents of a device, as a programmer would write them: internal.bin, otp.bin and nor.bin for "
        "a\n"
        "profile's `device`. An IMAGE is an ELF file, or FILE@ADDRESS, a raw binary for that address of the internal "
        "flash, or\n"
        "FILE@nor:ADDRESS, one for the SPI flash. What no image fills is erased; option bytes are as from the factory.",
    .examples = "matterhorn device boot.elf old.bin@0x08020000 new.bin@0x08040000 --output device\n"
                "matterhorn device boot.bin@0x08000000 download.bin@nor:0x100000 --output device\n",
};

static int run(int argc, const char *argv[])
{
    char *output = NULL;
    const struct poptOption table[] = {
        {"output", 0, POPT_ARG_STRING, &output, 0, "folder for internal.bin, otp.bin and nor.bin", "DIR"},
        POPT_TABLEEND,
    };
    struct options options;
    struct problem problem = {0};
    int status;
    if (options_parse(&options, argc, argv, table, &help, &status)) {
        if (options.count == 0 || output == NULL)
            status = usage_error("device: an image and --output are needed; see matterhorn device --help");
        else
            status = make_device(&options, output, &problem) ? EXIT_PASS : problem_exit(&problem);
    }
    options_close(&options);
    free(output);
    return status;
}

const struct command command_device = {"device", "make the flash contents of a device from any images", run};
