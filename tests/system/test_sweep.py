# SPDX-License-Identifier: MIT
"""The first sweep: 200 clean power losses, all recovered, and a planted bug that the same sweep catches."""

import subprocess

import pytest

from .artifacts import BUILD, SAFETY_SECONDS, TOP, matterhorn_json

CUTS = 200
PROFILE = "eth-app-update"
MUTANT = BUILD / "mutants/request-cleared"


@pytest.fixture(scope="module")
def result():
    """The sweep, run once; a finding would be exit 1 and end it here, with the command's output."""
    return matterhorn_json("sweep", PROFILE, "--jobs", 2)


def test_every_power_loss_is_recovered(result):
    assert result["verdict"] == "pass"
    assert result["findings"] == []
    assert result["profile"] == PROFILE
    assert result["cuts_fired"] == CUTS, "a cut that does not fire shows nothing"
    assert result["states_run"] == CUTS


def test_cuts_are_where_it_hurts(result):
    """At least 100 in the install, and 5 each at erases, journal and confirmation."""

    def fired(**where):
        return sum(group["fired"] for group in result["groups"] if where.items() <= group.items())

    assert fired(phase="install") >= 100
    assert fired(kind="erase") >= 5
    assert fired(area="journal") >= 5
    assert fired(phase="confirmation") >= 5
    assert fired() == CUTS


@pytest.fixture(scope="module")
def mutant():
    """The firmware with the planted bug, built like the other."""
    command = [TOP / "ci/mutant", MUTANT.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SAFETY_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return MUTANT


def test_planted_bug_is_caught(mutant):
    result = matterhorn_json("sweep", PROFILE, "--root", mutant, "--jobs", 2, status=1)
    assert result["verdict"] == "fail"
    assert result["findings"]
    for finding in result["findings"]:
        assert finding["id"] and finding["oracle"] and finding["detail"]
