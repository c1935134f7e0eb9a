# SPDX-License-Identifier: MIT
"""docs/UPDATING.md: its code builds as it stands there, under the flags of the firmware, and every name in it that
belongs to the table exists."""

import re
import subprocess

import pytest

from .artifacts import TOP

PAGE = (TOP / "docs/UPDATING.md").read_text()
APPLICATION, DATA = re.findall(r"^```c\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
FLAGS = ("-mcpu=cortex-m4", "-mthumb", "-Os", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-c",
         f"-I{TOP}/firmware/update/include", f"-I{TOP}/firmware/runtime/include")  # fmt: skip


def build(code, folder):
    (folder / "page.c").write_text(code)
    command = ["arm-none-eabi-gcc", *FLAGS, str(folder / "page.c"), "-o", str(folder / "page.o")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_code_of_the_page_builds(tmp_path):
    done = build(APPLICATION + DATA, tmp_path)
    assert done.returncode == 0, done.stderr


def test_application_of_the_page_needs_nothing_but_the_runtime_and_what_is_yours(tmp_path):
    assert build(APPLICATION, tmp_path).returncode == 0
    listing = subprocess.run(["arm-none-eabi-nm", "-u", tmp_path / "page.o"], capture_output=True, text=True,
                             check=True)
    assert set(listing.stdout.split()) - {"U"} <= {"fetch_bytes", "find_update", "memcpy", "memset"}


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(\w+\.[ch])`", PAGE))))
def test_files_of_the_page_are_there(name):
    assert list(TOP.glob(f"firmware/**/{name}"))


def test_properties_of_the_page_are_those_of_the_row():
    told = re.search(r"^`get` of the row `Matterhorn`:(.*?)\. None", PAGE, re.DOTALL | re.MULTILINE)[1]
    source = (TOP / "firmware/update/mfupdate_matterhorn.c").read_text()
    assert set(re.findall(r"`([a-z-]+)`", told)) == set(re.findall(r'[{,] ?"([a-z-]+)"', source))
