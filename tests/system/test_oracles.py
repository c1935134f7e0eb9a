# SPDX-License-Identifier: MIT
"""What a profile can ask for, each asked of a device that is not like that: it must be noticed, by its name. The device
is that of another bootloader (tests/swapboot), whose own profile passes."""

import re

import pytest

from .artifacts import TOP, matterhorn_json, run

GOOD = (TOP / "sim/profiles/swap-update.yaml").read_text().partition("  minimum:")[0]

# What is changed in the good profile, the oracle that must fail, and what it says.
WRONG = {
    "pattern": (r'matches: \["\^app \[12\]: running\$"\]', 'matches: ["^app [34]: running$"]',
                "time", 'no line matches "^app [34]: running$"'),
    "level": (r"  vectors:", "  levels: [{pin: PD14, level: high}, {pin: PD12, level: high}]\n  vectors:",
              "time", "PD12 is low"),
    "vectors": (r"address: 0x08020200, size: 0x1FDC0\}\n  running", "address: 0x08020000, size: 0x1FDC0}\n  running",
                "vectors", "initial stack pointer 0x31545753 is not in RAM"),
    "running": (r"running: \{address: 0x08020200, size: 0x1FDC0\}", "running: {address: 0x08040200, size: 0x1FDC0}",
                "running", "the core's vector table is at 0x08020200, outside 0x08040200 to 0x0805FFBF"),
    "counter": (r"address: 0x08004000, size: 16, form: unary\}\n  unchanged",
                "address: 0x0804000C, size: 4, form: little}\n  unchanged",
                "counter", "first power-up: floor fell from 2 to 1"),
    "alternatives": (r"app 2: confirmed\"\]\n      edges", 'app 2: denied"]\n      edges',
                     "time", 'new: no line with "app 2: denied"; old: no line with "swapboot: the image before is back"'),
    "equal of an alternative": (r"0x08020000, file: build/swapboot/new.img", "0x08020000, file: build/swapboot/old.img",
                                "equal", "first power-up, new: primary differs from its file at 0x08020005"),
}


def changed(folder, pattern, replacement):
    """The good profile with one change, in a file."""
    text, count = re.subn(pattern, lambda match: replacement, GOOD, count=1)
    assert count == 1, "the profile has nothing like that"
    path = folder / "wrong.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_so_is_noticed(tmp_path, name):
    """Already in the run without power loss."""
    pattern, replacement, oracle, said = WRONG[name]
    result = matterhorn_json("sweep", changed(tmp_path, pattern, replacement), "--cuts", 1, "--live", 0, "--jobs", 1,
                             status=1)
    assert [finding["oracle"] for finding in result["findings"]] == [oracle]
    assert said in result["findings"][0]["detail"]


def test_a_wrong_pattern_is_one_line(tmp_path):
    done = run("sweep", changed(tmp_path, r"\[12\]: running", "[12: running"), "--cuts", 1)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.count("\n") == 1 and "recovered.matches" in done.stderr and "wrong.yaml" in done.stderr


@pytest.mark.parametrize(
    "machine, said",
    [("stm32f407-nor,hse=3", "3 Hz is not within"), ("stm32f407-nor,wheels=4", "wheels"),
     ("stm32f407-nor,trace=x", "trace=x"),
     ("stm32f407-nor,hse=", "hse="), ("stm32f407-nor;hse=1", "no name of a machine")])
def test_a_wrong_property_is_one_line(tmp_path, machine, said):
    done = run("sweep", changed(tmp_path, r"machine: stm32f407-nor", f"machine: {machine!r}"), "--cuts", 1)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.count("\n") == 1 and said in done.stderr


def test_a_good_property_is_taken(tmp_path):
    path = changed(tmp_path, r"machine: stm32f407-nor", "machine: 'stm32f407-nor,hse=25000000,nor-cs-pin=PB12'")
    assert matterhorn_json("sweep", path, "--cuts", 1, "--live", 0, "--jobs", 1)["verdict"] == "pass"
