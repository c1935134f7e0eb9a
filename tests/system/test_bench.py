# SPDX-License-Identifier: MIT
"""The commands that measure: that they measure something. How much is for people to read, not for a test to judge."""

import json
import subprocess

import pytest

from .artifacts import SAFETY_SECONDS, TOP

BRUTE_FORCE, POWER_CYCLE, SCALING = (TOP / "tests/bench" / name for name in ("brute-force", "power-cycle", "scaling"))


def command(*arguments):
    return subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True,
                          timeout=SAFETY_SECONDS, check=False)


def test_brute_force():
    done = command(BRUTE_FORCE, "--runs", 2, "--cuts", 8, "--seed", 5, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [run["seed"] for run in told["runs"]] == [5, 6]
    for run in told["runs"]:
        assert run["recoveries"] == 8, "the profile's minima would make more"
        assert run["instructions"] > 1_000_000 and run["cpu_s"] > 0 and run["rate"] == pytest.approx(8 / run["cpu_s"])
    rates = [run["rate"] for run in told["runs"]]
    assert min(rates) <= told["median_rate"] <= max(rates)


def test_scaling():
    done = command(SCALING, "--sizes", "4", "--jobs", "2", "--runs", 1, "--cuts", 8, "--json")
    assert done.returncode == 0, done.stderr
    told, = json.loads(done.stdout)["sizes"]
    assert (told["kb"], told["cut_points"]) == (4, 4 * told["operations"])
    assert told["operations"] > told["image_bytes"] / 4 - 128, "all words but the reserved ones of the header"
    sweep, = told["sweeps"]
    assert sweep["jobs"] == 2 and 8 < sweep["states_run"] < told["cut_points"]
    assert sweep["rate"] == pytest.approx(told["cut_points"] / sweep["cpu_s"])
    assert told["brute_force"]["runs"][0]["recoveries"] == 8, "the profile's minima would make more"


def test_power_cycle():
    done = command(POWER_CYCLE, "--runs", 1, "--cycles", 2000)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2000 cycles: ")


@pytest.mark.parametrize("arguments", [
    (BRUTE_FORCE, "--cuts", 0), (BRUTE_FORCE, "--profile", "no-such"), (POWER_CYCLE, "--runs", 0), (POWER_CYCLE, "-x"),
    (SCALING, "--sizes", "5"), (SCALING, "--jobs", "0"), (SCALING, "--where", "17"), (SCALING, "--sizes", "small"),
])
def test_wrong_use(arguments):
    done = command(*arguments)
    assert done.returncode == 2 and done.stderr and not done.stdout
