# SPDX-License-Identifier: MIT
"""Applications that only tests have: built in C like the firmware's own, and devices on which they run."""

import os
import subprocess

from formats.boards import HEADER_SIZE

from .artifacts import MAC, PUBLIC_KEY, TOP, firmware, matterhorn, package_file
from .device import Cells, application_writer

FIRMWARE = TOP / "firmware"
FLAGS = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft", "--specs=nano.specs", "-Os", "-Wall", "-Wextra", "-Werror",
         "-ffunction-sections", "-fdata-sections", "-nostartfiles", "-Wl,--gc-sections")  # fmt: skip


def build(board, source, folder, *defines):
    """The plain image of an application, linked for the board as firmware/CMakeLists.txt links one."""
    elf, image = folder / f"{source.stem}.elf", folder / f"{source.stem}.bin"
    include = [FIRMWARE / "drivers/include", FIRMWARE / "update/include", FIRMWARE / "runtime/include"]
    boards = FIRMWARE / "boards"
    prefix = os.environ.get("CROSS_COMPILE", "arm-none-eabi-")
    subprocess.run(
        [prefix + "gcc", *FLAGS, *(f"-D{define}" for define in defines), *(f"-I{path}" for path in include),
         f"-I{boards / board.name}", f"-L{boards}", f"-L{boards / board.name}", f"-T{boards / 'application.ld'}",
         "-Wl,--no-warn-rwx-segments", str(source), str(FIRMWARE / "drivers/startup.c"),
         str(FIRMWARE / "drivers/reset.c"), "-o", str(elf)],
        check=True,
    )  # fmt: skip
    subprocess.run([prefix + "objcopy", "-O", "binary", str(elf), str(image)], check=True)
    return image.read_bytes()


def packed(board, image, file, *, version=(1, 0, 0, 0), counter=0, name="test"):
    """A package of this application, signed with the key that the devices of the build trust."""
    file.write_bytes(application_writer(board, image, version=version, counter=counter, name=name).build())
    return file


def provision(board, application, folder, *options, runtime=None, status=0):
    """A new device with this factory package: the folder of its cells."""
    matterhorn(
        "provision",
        *("--board", board.name),
        *("--bootloader", firmware(board, "boot", "bin")),
        *("--key", PUBLIC_KEY),
        *("--runtime", runtime or package_file(board, "runtime")),
        *("--application", application),
        *("--mac", MAC),
        *("--output", folder),
        *options,
        status=status,
    )
    return folder


def provisioned_with(board, application, folder, *options, **others):
    """The cells of such a device."""
    return Cells.load(provision(board, application, folder, *options, **others))


def room(board, component):
    """How large the largest image of a component is."""
    return board.region(component).size - HEADER_SIZE
