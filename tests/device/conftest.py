# SPDX-License-Identifier: MIT
"""The firmware of these tests, and machines that hold it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import rail  # noqa: E402


def build(folder, source):
    """The binary of a test firmware of this folder."""
    elf = folder / "firmware.elf"
    binary = elf.with_suffix(".bin")
    prefix = os.environ.get("CROSS_COMPILE", "arm-none-eabi-")
    subprocess.run([prefix + "gcc", "-mcpu=cortex-m4", "-mthumb", "-Os", "-ffreestanding", "-nostdlib", "-Wall",
                    "-Wextra", "-Werror", "-T", str(HERE / "firmware.ld"), str(HERE / source), "-lgcc", "-o",
                    str(elf)], check=True)
    subprocess.run([prefix + "objcopy", "-O", "binary", str(elf), str(binary)], check=True)
    return binary.read_bytes()


@pytest.fixture(scope="session")
def firmware(tmp_path_factory):
    return build(tmp_path_factory.mktemp("firmware"), "firmware.c")


@pytest.fixture
def machine(firmware):
    with rail.Machine() as started:
        started.write("internal", 0, firmware)
        yield started


@pytest.fixture
def watched(firmware):
    """A machine with a touched map."""
    with rail.Machine(touched=True) as started:
        started.write("internal", 0, firmware)
        yield started
