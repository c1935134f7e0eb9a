# SPDX-License-Identifier: MIT
"""The planted bugs: what each patch must be, so that ci/mutants can build it and a person knows what it is; and two that
are caught, one in the bootloader and one in the journal."""

import re
import subprocess

import pytest

from .artifacts import BUILD, SAFETY_SECONDS, TOP, matterhorn_json

PROFILE = "eth-large-update"
PATCHES = sorted((TOP / "firmware/mutants").glob("*.patch"))


def command(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=SAFETY_SECONDS, check=False)


def test_there_are_enough():
    assert len(PATCHES) >= 14


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_patch_tells_its_cause_and_applies(patch):
    """As ci/mutant applies it: without fuzz. It changes one file, which is not a test."""
    text = patch.read_text()
    cause, _, change = text.partition("\n\n")
    assert cause.endswith(".") and not cause.startswith("---")
    files = re.findall(r"^\+\+\+ b/(\S+)$", change, re.MULTILINE)
    assert len(files) == 1 and files[0].startswith("firmware/")
    done = command("patch", "-d", TOP, "-p1", "--batch", "--forward", "--fuzz=0", "--dry-run", "-i", patch)
    assert done.returncode == 0, done.stdout


def test_unknown_mutant_is_wrong_use():
    done = command(TOP / "ci/mutants", "no-such-bug")
    assert done.returncode == 2
    assert "no-such-bug" in done.stderr and PATCHES[0].stem in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("name", ["resume-forgotten", "compact-in-place"])
def test_mutant_is_killed_by_a_power_loss(name):
    """Not by the run that nobody interrupts, whose finding would have the profile's name for an id."""
    done = command(TOP / "ci/mutant", name)
    assert done.returncode == 0, done.stdout + done.stderr
    result = matterhorn_json("sweep", PROFILE, "--root", BUILD / "mutants" / name, "--live", 0, "--jobs", 2, status=1)
    assert result["ops"] > 0
    assert all(finding["id"].startswith(f"{PROFILE}~") for finding in result["findings"])
