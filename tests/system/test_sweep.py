# SPDX-License-Identifier: MIT
"""Sweeps: 200 clean power losses, all run and recovered; torn ones, most of them credited;
a planted bug that is caught."""

import pytest

from .artifacts import matterhorn_json, mutant

CUTS = 200
PROFILE = "eth-app-update"


@pytest.fixture(scope="module")
def result():
    """The sweep, run once; a finding would be exit 1 and end it here, with the command's output."""
    return matterhorn_json("sweep", PROFILE, "--cuts", CUTS, "--tears", "before", "--no-prune", "--jobs", 2)


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
    assert sum(group["tried"] for group in result["groups"]) == CUTS - result["repeated"] < CUTS, "a repeated one is tried once"
    assert sum(group["cut_points"] for group in result["groups"]) == result["cut_points"]


def test_torn_power_losses_are_recovered_and_credited_rightly():
    """A sample of all operations with four tears; some are credited, of which some are
    run all the same (else exit 3)."""
    result = matterhorn_json("sweep", PROFILE, "--cuts", 150, "--check-credited", 20, "--live", 20, "--jobs", 2)
    assert result["verdict"] == "pass"
    assert result["cut_points"] > 3 * result["ops"]
    assert result["states_run"] + result["states_pruned"] == result["cuts"] == result["cuts_fired"]
    assert result["states_pruned"] > 20
    assert result["checked"] == 20
    assert result["live"] == 20
    assert result["next_ends"] > 1, "the next update is tried on what recoveries leave"


def test_the_same_states_are_run_with_any_number_of_workers(tmp_path):
    """And each gets the same verdict: the lists are the same but for the order in which nothing depends on it."""
    lists = []
    for jobs in (1, 3):
        path = tmp_path / f"{jobs}"
        matterhorn_json("sweep", PROFILE, "--cuts", 60, "--live", 0, "--jobs", jobs, "--list", path)
        lists.append(path.read_text())
    assert lists[0] == lists[1]


def test_seeds_change_what_is_found_when_power_returns():
    """SRAM and noise have seeds of their own, which the id names."""
    hashes = set()
    for seeds in ((), ("--sram-seed", 9), ("--noise-seed", 9)):
        result = matterhorn_json("sweep", PROFILE, "--cuts", 1, "--tears", "half", "--live", 0, "--jobs", 2, *seeds)
        assert result["verdict"] == "pass"
        hashes.add(result["sram_hash"])
    assert len(hashes) == 2, "noise is nothing to the SRAM"


@pytest.fixture(scope="module", name="mutant")
def mutant_that_clears_the_request():
    return mutant("request-cleared")


def test_planted_bug_is_caught(mutant):
    result = matterhorn_json("sweep", PROFILE, "--cuts", CUTS, "--root", mutant, "--jobs", 2, status=1)
    assert result["verdict"] == "fail"
    assert result["findings"]
    for finding in result["findings"]:
        assert finding["id"] and finding["oracle"] and finding["detail"]
        assert finding["members"]["count"] >= 1
        assert finding["members"]["first"] == finding["id"]
