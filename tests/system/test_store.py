# SPDX-License-Identifier: MIT
"""The result store: a sweep that was stopped goes on and comes to the same result; files that are no
stores are refused and left alone."""

import json
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from .artifacts import BUILD, SAFETY_SECONDS, TOP, matterhorn, matterhorn_json, run
from .test_full import on_full_disk, tiny_disk  # noqa: F401 (a fixture)

# What depends on the host.
TIMES = ("wall_s", "cpu_s", "recovery_wall_s", "recovery_cpu_s", "recoveries_per_cpu_s", "next_cpu_s", "machines_lost",
         "jobs")
PROFILE = "eth-app-update"
OPTIONS = ("--cuts", 40, "--live", 4, "--check-credited", 4, "--jobs", 2)
COUNTING = Path(__file__).with_name("fragile_qemu.py")


def without_times(result):
    return {key: value for key, value in result.items() if key not in TIMES}


def rows(store, question):
    connection = sqlite3.connect(store)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def change(store, *statements):
    connection = sqlite3.connect(store)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.fixture(scope="module", name="sweep")
def sweep_of_a_plain_profile(tmp_path_factory):
    """The profile without its minima, so that a sweep has as many power losses as it is told."""
    text = (TOP / "sim/profiles" / f"{PROFILE}.yaml").read_text(encoding="utf-8").partition("  minimum:")[0]
    profile = tmp_path_factory.mktemp("profile") / "profile.yaml"
    profile.write_text(text, encoding="utf-8")
    return ("sweep", profile, *OPTIONS)


@pytest.fixture(scope="module", name="swept")
def swept_once(tmp_path_factory, sweep):
    """A sweep with a store: its folder, with `store` and `list`, and its result."""
    folder = tmp_path_factory.mktemp("swept")
    result = matterhorn_json(*sweep, "--store", folder / "store", "--list", folder / "list")
    return folder, result


@pytest.fixture(name="copy")
def copy_of_the_store(swept, tmp_path):
    file = tmp_path / "copy"
    file.write_bytes((swept[0] / "store").read_bytes())
    return file


# --- it changes nothing, and nothing is done twice ---


def test_store_has_each_verdict(swept):
    folder, result = swept
    listed = [line.split() for line in (folder / "list").read_text().splitlines()[1:]]
    stored = rows(folder / "store", "SELECT name, oracle FROM verdict ORDER BY number")
    assert [(fields[0].partition("/")[2], fields[-2]) for fields in listed] == [(name, oracle or "recovered") for name, oracle in stored]
    assert len(stored) == result["cuts"]


def test_sweep_without_a_store_says_the_same(sweep, swept, tmp_path):
    folder, result = swept
    assert without_times(matterhorn_json(*sweep, "--list", tmp_path / "list")) == without_times(result)
    assert (tmp_path / "list").read_text() == (folder / "list").read_text()


def count_runs(folder, *arguments):
    """How often machines were told to run by a command."""
    folder.mkdir()
    variables = {"MATTERHORN_QEMU": COUNTING, "FRAGILE_QEMU": BUILD / "bin/matterhorn-qemu", "FRAGILE_FOLDER": folder}
    result = matterhorn_json(*arguments, **variables)
    return result, sum(int(line.split()[1]) for line in (folder / "runs").read_text().splitlines())


def test_what_is_kept_is_not_run_again(sweep, tmp_path):
    """With half of it forgotten, the other half is; with nothing forgotten, only the
    update without power loss is run."""
    sweep = (*sweep[:2], "--cuts", 40, "--live", 0, "--jobs", 1, "--store", tmp_path / "store")
    first, whole = count_runs(tmp_path / "1", *sweep)
    again, nothing = count_runs(tmp_path / "2", *sweep)
    change(tmp_path / "store", "DELETE FROM cut WHERE number >= (SELECT max(number) FROM cut) / 2", "DELETE FROM note")
    half, some = count_runs(tmp_path / "3", *sweep)
    assert without_times(first) == without_times(again) == without_times(half)
    assert nothing < whole / 4
    assert nothing < some < whole * 0.8


def test_killed_sweeps_come_to_the_same_result():
    command = [TOP / "ci/kills", "--kills", "4", "--cuts", "40", "--seed", "2", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SAFETY_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["equal"] and told["kills"] == 4


def test_next_update_that_was_not_finished_is_tried_again(sweep, swept, copy):
    """A process that is killed while it tries the next update leaves end states without a verdict."""
    change(copy, "DELETE FROM ending WHERE key IN (SELECT key FROM ending LIMIT 3)", "DELETE FROM note")
    assert without_times(matterhorn_json(*sweep, "--store", copy)) == without_times(swept[1])


def test_other_recovery_than_the_store_says_is_told(sweep, copy):
    """What others are credited with is run again: it must go the same way."""
    change(copy, "UPDATE outcome SET trace = trace + 1", "DELETE FROM cut WHERE outcome <> number", "DELETE FROM note")
    done = matterhorn(*sweep, "--store", copy, status=3)
    assert "goes another way than" in done.stderr


# --- time ---


def test_time_that_is_up_and_going_on(sweep, swept, tmp_path):
    """A sweep that may begin nothing for long goes on where it was, until it is complete: with more and more time, so that a
    busy machine gets there too."""
    for attempt in range(30):
        seconds = 2 << attempt // 3
        done = run(*sweep, "--store", tmp_path / "store", "--time", f"{seconds}s", "--json", "--list", tmp_path / "list")
        result = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
        if done.returncode != 4:
            break
        assert f"the time of --time {seconds}s is up" in done.stderr
        assert result.get("verdict", "incomplete") == "incomplete" and not (tmp_path / "list").exists()
    assert done.returncode == 0, done.stderr
    assert without_times(result) == without_times(swept[1])
    assert (tmp_path / "list").read_text() == (swept[0] / "list").read_text()


@pytest.mark.parametrize("words", ["9", "0s", "1d", "-1s", "s", "1.5h"])
def test_times_that_are_none(sweep, words):
    assert "--time" in matterhorn(*sweep, f"--time={words}", status=2).stderr


# --- files that are refused ---


def refused(sweep, store, status, *words):
    """The file stays as it was, and one line says why."""
    before = store.read_bytes() if store.is_file() else None
    done = matterhorn(*sweep, "--store", store, status=status)
    lines = [line for line in done.stderr.splitlines() if line.startswith("matterhorn: ")]
    assert len(lines) == 1 and str(store) in lines[0], done.stderr
    assert all(word in lines[0] for word in words), lines[0]
    assert (store.read_bytes() if store.is_file() else None) == before


@pytest.mark.parametrize("options, words", [(("--seed", 5), "seed 1, not 5"), (("--cuts", 41), "cuts 40, not 41"),
                                            (("--tears", "half"), "not half"), (("--no-prune",), "pruning yes, not no"),
                                            (("--shard", "1/2"), "number of shards 1, not 2")])
def test_store_of_another_sweep(sweep, copy, options, words):
    refused((*sweep, *options), copy, 2, "is of another sweep", words)


def test_store_of_other_faults(sweep, tmp_path):
    """They belong to the sweep, in either direction, and a report from the store tells them."""
    sweep, store = (*sweep[:2], "--cuts", 5, "--live", 0, "--jobs", 1), tmp_path / "store"
    matterhorn(*sweep, "--store", store, "--fault", "nor-slow=1")
    assert "faults: nor-slow=1\n" in matterhorn("report", store).stdout
    assert matterhorn_json("report", store)["faults"] == ["nor-slow=1"]
    refused(sweep, store, 2, "is of another sweep", "faults of the parts", "nor-slow=1")
    refused((*sweep, "--fault", "int-flags"), store, 2, "is of another sweep", "faults of the parts", "nor-slow=1",
            "int-flags")


def test_store_of_another_firmware(sweep, copy):
    change(copy, "UPDATE fact SET value = 'abc' WHERE key = 'firmware_sha256'")
    refused(sweep, copy, 2, "is of another sweep", "firmware abc, not ")


def test_files_that_are_no_store(sweep, tmp_path):
    (tmp_path / "text").write_text("hello\n" * 1000)
    refused(sweep, tmp_path / "text", 2, "no SQLite file")
    change(tmp_path / "foreign", "CREATE TABLE theirs (x)")
    refused(sweep, tmp_path / "foreign", 2, "no result store")
    refused(sweep, tmp_path, 2, "is no file")
    refused(sweep, tmp_path / "nowhere/store", 2, "No such file")


def test_store_of_another_version(sweep, copy):
    change(copy, "PRAGMA user_version = 99")
    refused(sweep, copy, 2, "of version 99, this program's is ")


def test_damaged_store(sweep, copy):
    data = bytearray(copy.read_bytes())
    data[-40960:-20480] = b"\xaa" * 20480
    copy.write_bytes(data)
    refused(sweep, copy, 3, "is damaged")
    copy.write_bytes(data[: len(data) // 3])
    refused(sweep, copy, 3, "is damaged")


@pytest.mark.parametrize("statement", ["UPDATE cut SET number = number + 1000000", "UPDATE outcome SET erases = 'x'"])
def test_store_that_cannot_be(sweep, copy, statement):
    change(copy, statement)
    refused(sweep, copy, 3, "is damaged")


def test_store_that_another_process_has(sweep, copy):
    holder = sqlite3.connect(copy, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")  # reading the file here would take the lock away
    assert "in use by another process" in matterhorn(*sweep, "--store", copy, status=2).stderr
    holder.close()


def test_store_is_no_place_for_other_results(sweep, swept, tmp_path):
    both = tmp_path / "both"
    assert "would be written over" in matterhorn(*sweep, "--store", both, "--list", both, status=2).stderr
    assert not both.exists()


def test_sweep_that_does_not_begin_leaves_no_store(sweep, tmp_path):
    matterhorn(*sweep, "--store", tmp_path / "store", "--root", tmp_path, status=2)
    assert not list(tmp_path.iterdir())


def test_full_disk_leaves_what_was_kept(sweep, tiny, swept):
    """Without room to begin nothing is there; without room to go on what was kept is; with room it goes on."""
    store = tiny / "store"
    assert on_full_disk(tiny, *sweep, "--json", "--store", store) == []
    subprocess.run(("mount", "-o", "remount,size=8m", tiny), check=True)
    store.write_bytes((swept[0] / "store").read_bytes())
    change(store, "DELETE FROM cut WHERE number >= (SELECT max(number) FROM cut) / 2", "DELETE FROM note")
    kept = rows(store, "SELECT * FROM cut")
    room = shutil.disk_usage(tiny)
    subprocess.run(("mount", "-o", f"remount,size={room.used}", tiny), check=True)
    assert "store" in on_full_disk(tiny, *sweep, "--json", "--store", store)
    subprocess.run(("mount", "-o", "remount,size=8m", tiny), check=True)
    assert rows(store, "SELECT * FROM cut") == kept
    assert without_times(matterhorn_json(*sweep, "--store", store)) == without_times(swept[1])
