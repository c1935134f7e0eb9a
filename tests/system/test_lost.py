# SPDX-License-Identifier: MIT
"""Machines that die in the middle, and commands that do: results stay right, cases are
named, nothing is left behind."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from formats import boards

from .artifacts import BUILD, MATTERHORN, SAFETY_SECONDS, TOP, device_folder, matterhorn, matterhorn_json
from .device import Cells

FRAGILE = Path(__file__).with_name("fragile_qemu.py")
# What nobody counts for a machine that is gone.
FIGURES = ("wall_s", "cpu_s", "instructions", "recovery_wall_s", "recovery_cpu_s", "recoveries_per_cpu_s", "next_cpu_s",
           "machines_lost")
ID = "eth-app-update~s1/int.080A0398.p1.after"
SWEEP = ("--cuts", 40, "--live", 4, "--check-credited", 2, "--jobs", 1)


@pytest.fixture(name="profile")
def plain_profile(tmp_path):
    """The profile without its minima, so that a sweep has as many power losses as it is told."""
    return write_profile(tmp_path, lambda text: text)


def write_profile(folder, change):
    text = (TOP / "sim/profiles/eth-app-update.yaml").read_text(encoding="utf-8").partition("  minimum:")[0]
    file = folder / "profile.yaml"
    file.write_text(change(text), encoding="utf-8")
    return file


def fragile(folder, plan):
    """The environment in which machines die as planned (fragile_qemu.py)."""
    place = folder / f"fragile-{plan}"
    place.mkdir()
    variables = {"MATTERHORN_QEMU": FRAGILE, "FRAGILE_QEMU": BUILD / "bin/matterhorn-qemu"}
    return {**variables, "FRAGILE_FOLDER": place, "FRAGILE_PLAN": plan}


def machines_started(environment):
    return len((environment["FRAGILE_FOLDER"] / "count").read_text(encoding="ascii"))


# --- A machine that is killed ---------------------------------------------------------------------------------------


def test_killed_machines_change_nothing_that_a_sweep_says(tmp_path, profile):
    """Each machine dies in its sixtieth run, in another case: in recoveries, next updates, real cuts, checked ones."""
    results, lists = [], []
    for name, environment in (("quiet", {}), ("killed", fragile(tmp_path, "+:60"))):
        results.append(matterhorn_json("sweep", profile, *SWEEP, "--list", tmp_path / name, **environment))
        lists.append((tmp_path / name).read_text(encoding="utf-8"))
    assert results[0]["machines_lost"] == 0
    assert results[1]["machines_lost"] >= 4
    assert lists[0] == lists[1]
    for result in results:
        for figure in FIGURES:
            del result[figure]
    assert results[0] == results[1]


def runs_of(environment, process):
    lines = (environment["FRAGILE_FOLDER"] / "runs").read_text(encoding="ascii").splitlines()
    return dict(tuple(map(int, line.split())) for line in lines)[process]


def test_machine_that_is_killed_in_the_run_without_power_loss_is_replaced(tmp_path, profile):
    """In the update, and when the next one is tried: half a verdict on that must not stay for the second attempt."""
    quiet = fragile(tmp_path, "")
    matterhorn_json("sweep", profile, "--cuts", 1, "--jobs", 1, **quiet)
    for run in (5, runs_of(quiet, 1) - 2):
        result = matterhorn_json("sweep", profile, "--cuts", 1, "--jobs", 1, **fragile(tmp_path, f"1:{run}"))
        assert (result["verdict"], result["machines_lost"]) == ("pass", 1)


def test_case_that_loses_two_machines_is_named_and_findings_until_then_are_said(tmp_path):
    """The next update is taken in the run without power loss and refused later, so that there is something to find."""
    once = f'["sh", "-c", "mkdir {tmp_path}/once && exec \\"$@\\"", "sh", "{{matterhorn}}"'
    torn = "  minimum:\n    - {area: journal, kind: program, count: 6}\n"  # which leaves another end state
    profile = write_profile(tmp_path, lambda text: text.replace('["{matterhorn}"', once) + torn)
    outputs = ("--list", tmp_path / "list", "--junit", tmp_path / "junit", "--html", tmp_path / "html")
    done = matterhorn("sweep", profile, *SWEEP, *outputs, "--json", status=3, **fragile(tmp_path, "2:100,3:1"))
    result = json.loads(done.stdout)
    assert result["verdict"] == "incomplete"
    assert 0 < result["cuts_judged"] < 40
    assert result["findings"][0]["oracle"] == "next"
    words = done.stderr.splitlines()[-1]
    assert words.startswith("matterhorn: eth-app-update~s1/") and "was killed: Killed" in words
    assert words.split(": ")[1] not in [finding["members"]["last"] for finding in result["findings"]]
    assert not [file for file in tmp_path.iterdir() if file.name[:4] in ("list", "juni", "html")]


def test_sweep_that_is_given_up_says_so_to_people(tmp_path, profile):
    done = matterhorn("sweep", profile, *SWEEP, status=3, **fragile(tmp_path, "2:100,3:1"))
    assert "not complete: " in done.stdout and "of 40 power losses were judged" in done.stdout
    assert "recovered: pass" not in done.stdout


def test_no_more_machines_than_cases(tmp_path, profile):
    environment = fragile(tmp_path, "")
    result = matterhorn_json("sweep", profile, "--cuts", 3, "--jobs", 64, **environment)
    assert result["jobs"] == 3
    assert machines_started(environment) == 1 + 3, "one for the run without power loss"


# --- A command that is killed ---------------------------------------------------------------------------------------


def alive(process):
    """Whether this process runs; what nobody has buried yet does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(process):
    return [int(child) for thread in Path(f"/proc/{process}/task").iterdir()
            for child in (thread / "children").read_text().split()]


def wait_until(condition):
    """Looks again and again; the limit is for a test that fails."""
    end = time.monotonic() + SAFETY_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def start(*arguments, **variables):
    command = [str(part) for part in (MATTERHORN, *arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, **variables})


ENDLESS = ("boot", device_folder(boards.ETHERNET), "--machine", "mountaineer-eth", "--time", 1e6)


def test_killed_command_takes_its_machine_along():
    process = start(*ENDLESS)
    process.stdout.readline()
    (machine,) = children(process.pid)
    assert alive(machine)
    process.kill()
    process.communicate()
    wait_until(lambda: not alive(machine))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_boot_that_is_interrupted_writes_what_was_seen(tmp_path, number):
    process = start(*ENDLESS, "--trace", tmp_path / "trace", "--uart", tmp_path / "uart", "--save", tmp_path / "after")
    while "boot: starting" not in process.stdout.readline():
        pass
    process.send_signal(number)
    said = process.communicate()[1].splitlines()
    assert process.returncode == 3 and len(said) == 1 and "interrupted after" in said[0]
    assert "boot: starting" in (tmp_path / "uart").read_text(encoding="ascii")
    assert "power-off" in (tmp_path / "trace").read_text(encoding="ascii").splitlines()[-1]
    assert Cells.load(tmp_path / "after").internal == Cells.load(device_folder(boards.ETHERNET)).internal


def test_boot_into_a_closed_pipe_ends():
    process = start(*ENDLESS)
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == "matterhorn: cannot write to standard output\n"
    assert process.wait(SAFETY_SECONDS) == 3


def test_folders_of_killed_commands_are_removed_by_the_next_and_those_in_use_are_not(tmp_path):
    """The command of the profile waits, so that the sweep has its folder; its output is a pipe that ends with it."""
    profile = write_profile(tmp_path, lambda text: text.replace('["{matterhorn}"', f'["{tmp_path}/wait"'))
    (tmp_path / "wait").write_text(f"#!/bin/sh\necho $$ $2 >> {tmp_path}/waiting\nexec sleep {SAFETY_SECONDS}\n",
                                   encoding="ascii")
    (tmp_path / "wait").chmod(0o755)
    waiting = tmp_path / "waiting"
    killed, living = [], []
    for commands in (killed, living):
        process = start("sweep", profile, "--cuts", 1)
        wait_until(lambda: waiting.exists() and waiting.read_text(encoding="ascii").endswith("\n"))
        command, folder = waiting.read_text(encoding="ascii").split()
        waiting.unlink()
        commands += [process, int(command), Path(folder)]
        assert Path(folder).is_dir()
        if commands is killed:
            process.kill()
            process.communicate()
            wait_until(lambda: not alive(int(command)))
    assert killed[2] != living[2] and not killed[2].exists(), "the second sweep has removed it"
    matterhorn("replay", ID)
    assert living[2].is_dir(), "it is in use"
    living[0].send_signal(signal.SIGTERM)  # it need not wait for its command
    assert "interrupted" in living[0].communicate()[1]
    assert living[0].returncode == 3 and not living[2].exists()
