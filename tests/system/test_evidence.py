# SPDX-License-Identifier: MIT
"""The commands that gather evidence on the bench, on samples: ci/pruning, ci/replays, ci/coverage."""

import importlib.machinery
import importlib.util
import json
import subprocess

import pytest

from .artifacts import SAFETY_SECONDS, TOP

MUTANT = "resume-forgotten"
CUTS = 120


def command(name, *arguments):
    words = [str(word) for word in (TOP / "ci" / name, *arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=SAFETY_SECONDS, check=False)


def told(name, *arguments, status=0):
    """The JSON object of a command that ends with this status."""
    done = command(name, *arguments, "--json")
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


def script(name):
    """The functions of a command."""
    loader = importlib.machinery.SourceFileLoader(name, str(TOP / "ci" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


# --- pruning changes no verdict ---


def test_pruned_and_unpruned_sweeps_find_the_same():
    result = told("pruning", "--cuts", CUTS, "--jobs", 2, MUTANT)
    assert result["equal"] is True
    good, mutant = result["firmware"]
    assert good["pruned"]["failing"] == good["unpruned"]["failing"] == 0
    assert 0 < mutant["pruned"]["failing"] == mutant["unpruned"]["failing"] < CUTS
    for each in result["firmware"]:
        assert each["unpruned"]["run"] == each["cut_points"] == CUTS
        assert each["pruned"]["run"] < CUTS, "nothing was credited"


@pytest.mark.parametrize("pruned", [{"a": "time", "b": "recovered"}, {"a": "equal", "b": "time"}, {"b": "time"}])
def test_other_verdicts_are_different(pruned):
    """Another pair that fails, another oracle, and a pair that is missing."""
    pruning = script("pruning")
    unpruned = {"a": "recovered", "b": "time"}
    comparison = pruning.Comparison("good", pruning.Sweep(pruned, 1), pruning.Sweep(unpruned, 2))
    assert not comparison.equal
    assert any(line.startswith("  a: ") for line in comparison.differences())


# --- an id brings its power loss back ---


def test_replays_are_identical():
    result = told("replays", 3)
    assert result["replayed"] == result["identical"] == len(result["ids"]) == 3
    assert not result["different"]


def test_replay_with_another_verdict_is_different(tmp_path):
    replays = script("replays")
    identity = "eth-app-update~s1/int.080A0398.p1.after"
    assert replays.difference(identity, "recovered", tmp_path) is None
    assert "in the replay" in replays.difference(identity, "time", tmp_path)


# --- what the update executes ---


def test_most_of_the_update_is_code_that_runs():
    images = told("coverage")["images"]
    assert images["update"]["share"] > 0.5
    assert images["update"]["image"] + 512 == pytest.approx(64 * 1024, abs=1536)
    for image in images.values():
        assert 0 < image["executed"] <= image["image"]


# --- wrong use ---


@pytest.mark.parametrize("arguments", [("pruning", "no-such-bug"), ("pruning", "--cuts", 0), ("replays", 0),
                                       ("coverage", "--no")])
def test_wrong_use(arguments):
    done = command(*arguments)
    assert done.returncode == 2
    assert done.stderr and not done.stdout
