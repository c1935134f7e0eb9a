# SPDX-License-Identifier: MIT
"""A bootloader of another kind (tests/swapboot), by a profile alone: it recovers from every power loss there is, and
each of its planted bugs is found by what the profile asks for, with an id that comes back."""

import re
import subprocess

import pytest

from .artifacts import BUILD, SAFETY_SECONDS, TOP, matterhorn, matterhorn_json, run

PROFILE = "swap-update"
PATCHES = sorted((TOP / "tests/swapboot/mutants").glob("*.patch"))

# Which oracle of the profile each bug is found by, among others.
ORACLES = {
    "blank-not-erased": {"boots", "time", "equal"},
    "closed-before-trailer": {"time", "boots"},
    "floor-rewritten": {"counter"},
    "image-ok-forgotten": {"time", "boots"},
    "request-cleared-first": {"time", "boots"},
    "resume-forgotten": {"time", "boots"},
    "status-before-copy": {"equal"},
}


def test_every_power_loss_is_recovered():
    """All of them: more than 40,000 operations, nearly all of them programs of one byte, with seven or more tears each.
    Some are done for real too, and must leave what was built (else exit 3)."""
    result = matterhorn_json("sweep", PROFILE, "--live", 20, "--check-credited", 20, "--jobs", 2)
    assert result["verdict"] == "pass"
    assert result["ops"] > 40000
    assert result["cuts"] == result["cuts_fired"] == result["cut_points"] > 7 * result["ops"] - 100
    assert result["live"] == 20 and result["checked"] == 20
    assert result["states_pruned"] > 100 * result["states_run"]
    assert result["next_ends"] > 1


def test_both_ways_to_end_are_met():
    """A loss right before the new image says that it is to stay leads back to the old one; right after it, it stays:
    else the alternatives of the profile would show nothing."""
    image_ok = f"{PROFILE}~s1/int.0803FFCE.p1"
    back = matterhorn("replay", f"{image_ok}.before").stdout
    assert "swapboot: swapping back" in back and "app 1: running" in back
    stays = matterhorn("replay", f"{image_ok}.after").stdout
    assert "app 2: confirmed" in stays and "swapping" not in stays and "on trial" not in stays


def test_all_bugs_have_a_test():
    assert {patch.stem for patch in PATCHES} == set(ORACLES)


@pytest.fixture(params=PATCHES, ids=lambda patch: patch.stem)
def mutant(request):
    """Swapboot with the planted bug, in a folder for --root."""
    command = [TOP / "tests/swapboot/mutant", request.param.stem]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SAFETY_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return BUILD / "swapboot-mutants" / request.param.stem


def test_planted_bug_is_found_and_comes_back(mutant):
    cause, _, change = (TOP / f"tests/swapboot/mutants/{mutant.name}.patch").read_text().partition("\n\n")
    assert cause.endswith(".") and len(re.findall(r"^\+\+\+ ", change, re.MULTILINE)) == 1
    result = matterhorn_json("sweep", PROFILE, "--cuts", 400, "--live", 0, "--jobs", 2, "--root", mutant, status=1)
    assert result["findings"] and result["ops"] > 0, "the update works while nobody takes the power away"
    found = {finding["oracle"] for finding in result["findings"]}
    assert found & ORACLES[mutant.name], found
    finding = next(finding for finding in result["findings"] if finding["oracle"] in ORACLES[mutant.name])
    assert run("replay", finding["id"], "--root", mutant).returncode == 1, "the finding comes back from its id"
    good = run("replay", finding["id"].partition("@")[0])
    assert good.returncode == 0 or (good.returncode == 2 and "there is no" in good.stderr), "it is the bug that is found"
