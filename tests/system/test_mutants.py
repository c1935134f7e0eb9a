# SPDX-License-Identifier: MIT
"""The planted bugs: what each patch must be, so that ci/mutants can build it and a person knows what it is; two that
are caught, one in the bootloader and one in the journal, by findings that come back from their ids; and one in a
driver, that takes a fault of the part. And those that are planted mechanically: which answer kills one, what is
kept, what ends the measurement."""

import importlib.machinery
import importlib.util
import json
import re
import shutil
import subprocess

import pytest

from .artifacts import SAFETY_SECONDS, TOP, matterhorn_json, mutant

PROFILE = "eth-large-update"
PATCHES = sorted((TOP / "firmware/mutants").glob("*.patch"))


def load_script():
    """ci/mutants as a module."""
    loader = importlib.machinery.SourceFileLoader("mutants", str(TOP / "ci/mutants"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutants", loader))
    loader.exec_module(module)
    return module


mutants = load_script()


def command(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=SAFETY_SECONDS, check=False)


def test_there_are_enough():
    assert len(PATCHES) >= 33


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


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_tests_that_a_patch_names_are_there(patch):
    for named in mutants.named_tests(patch.stem):
        file, _, test = named.partition("::")
        text = (TOP / file).read_text()
        assert not test or re.search(rf"^def {re.escape(test.partition('[')[0])}\(", text, re.MULTILINE), named


@pytest.mark.parametrize("text, fails", [("assert True", False), ("assert False", True)])
def test_a_named_test_is_asked_of_that_firmware(tmp_path, text, fails):
    """What it finds in MATTERHORN_ROOT is the mutant's; a test that cannot be run says nothing of it."""
    file = tmp_path / "test_named.py"
    file.write_text(f"import os\n\ndef test_it():\n    assert os.environ['MATTERHORN_ROOT'] == '/mutant'\n    {text}\n")
    assert mutants.system_test_fails(f"{file}::test_it", "/mutant", "named-test") == fails
    file.write_text("import nothing_of_this_name\n")
    with pytest.raises(mutants.BenchFailure):
        mutants.system_test_fails(f"{file}::test_it", "/mutant", "named-test")


def test_unknown_mutant_is_wrong_use():
    done = command(TOP / "ci/mutants", "no-such-bug")
    assert done.returncode == 2
    assert "no-such-bug" in done.stderr and PATCHES[0].stem in done.stderr
    assert not done.stdout


def sweep(name, listing, profile=PROFILE):
    """The findings on a mutant; `listing` then has a line for each cut."""
    options = ("--root", mutant(name), "--live", 0, "--jobs", 2, "--list", listing)
    result = matterhorn_json("sweep", profile, *options, status=1)
    assert result["ops"] > 0
    return result["findings"]


def verdict(name, findings):
    return mutants.Verdict(name, *mutants.replay_one(name, findings), cmocka=False)


def test_mutant_of_the_bootloader_is_killed_by_a_power_loss(tmp_path):
    """Not by the run that nobody interrupts, whose finding would have the profile's name for an id. A
    finding at an operation that the good build does not do is passed over; one that does not come back kills
    nothing, whatever else was found."""
    name = "resume-forgotten"
    findings = sweep(name, tmp_path / "cuts")
    assert all(finding["id"].startswith(f"{PROFILE}~") for finding in findings)
    told = verdict(name, [{"id": f"{PROFILE}~s1/int.08000000.e1.after"}, *findings])
    assert told.killed and told.finding == findings[0]
    assert told.replays == {"mutant": "reproduced", "good": "recovered"}

    recovered = next(line.split()[0] for line in (tmp_path / "cuts").open() if " recovered " in line)
    told = verdict(name, [{"id": recovered}, *findings])
    assert not told.killed and told.finding["id"] == recovered
    assert told.replays == {"mutant": "recovered", "good": "recovered"}


def test_mutant_of_the_journal_is_killed(tmp_path):
    """It compacts in place: a loss in the erase of the sector that counts. The good build
    erases it too, but afterwards."""
    told = verdict("compact-in-place", sweep("compact-in-place", tmp_path / "cuts", "eth-rollback"))
    assert told.killed
    assert told.replays == {"mutant": "reproduced", "good": "recovered"}


def test_mutant_of_a_driver_is_killed_under_the_fault_that_it_takes(monkeypatch):
    """And only there: the update that nobody disturbs works. There is no power loss in it, hence no id,
    and the sweep is made again."""
    fault = ("--fault", "nor-powered-down")
    monkeypatch.setattr(mutants, "SWEEPS", (("eth-parts", ()), ("eth-parts", fault)))
    name = mutant("wake-not-sent").name
    found_by, findings, works = mutants.hunt(name, 1)
    assert works and found_by == ("eth-parts", fault) and mutants.parts(found_by[1]) == "nor-powered-down"
    assert [finding["id"] for finding in findings] == ["eth-parts"]
    assert mutants.sweep_again(name, *found_by, 1) == {"mutant": "reproduced", "good": "recovered"}
    assert mutants.sweep_again(name, "eth-parts", (), 1)["mutant"] == "recovered"


def test_what_fails_with_good_parts_is_no_kill_under_a_fault(monkeypatch):
    """The first sweep fails without a power loss, so the second one says nothing of the mutant."""
    seen = []

    def failing(profile, options, root, jobs):
        seen.append(options)
        broken = root != TOP
        return {"profile": profile, "findings": [{"id": profile, "oracle": "time", "detail": ""}] if broken else []}

    monkeypatch.setattr(mutants, "SWEEPS", (("eth-parts", ()), ("eth-parts", ("--fault", "int-flags"))))
    monkeypatch.setattr(mutants, "sweep", failing)
    mutants.check_good_firmware.cache_clear()
    assert mutants.hunt("none", 1) == (None, [], False)
    mutants.check_good_firmware.cache_clear()
    assert ("--live", "0") in seen and ("--fault", "int-flags", "--live", "0") not in seen


# --- planted mechanically ---


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """The patch that ci/generate-mutants makes of a line, under another name: that of a place moves with the code."""
    folder = tmp_path_factory.mktemp("generated")
    # there are fewer
    assert command(TOP / "ci/generate-mutants", "--count", str(1 << 20), "--output", folder).returncode == 1

    def find(removed, added, name):
        change = f"\n-{removed}\n+{added}\n"
        found = [patch for patch in folder.glob("*.patch") if change in patch.read_text()]
        assert len(found) == 1, f"{change}: {found}"
        return shutil.copy(found[0], folder.parent / f"{name}.patch")

    return find


SILENT = ('    log_line("starting");', "    (void)0;", "generated-silent")
STUCK = ("    if (!update->validated) {", "    if (!(!update->validated)) {", "generated-stuck")


@pytest.mark.parametrize("change", [SILENT, STUCK], ids=lambda change: change[2])
def test_what_fails_without_power_loss_is_built_and_killed(generated, monkeypatch, change):
    """One does its update and does not say so, so that a phase of the profile does not begin; of the other,
    no update is ever asked for."""
    monkeypatch.setattr(mutants, "SWEEPS", (("eth-parts", ()), ("no-such-profile", ())))
    patch = generated(*change)
    assert mutants.build_generated(patch) == mutants.BUILT
    assert mutants.first_kill(patch.stem, 1) == ("eth-parts", True)
    shutil.rmtree(mutants.BUILD / "mutants" / patch.stem)


def answer(monkeypatch, returncode, stderr):
    """Each sweep ends like this."""
    done = subprocess.CompletedProcess((), returncode, "", stderr)
    monkeypatch.setattr(mutants, "run", lambda *_, **__: done)


def test_only_a_phase_that_does_not_begin_is_a_finding(monkeypatch):
    missing = 'phase "trial" did not begin: no line with "boot: starting"'
    answer(monkeypatch, 2, f"matterhorn: profile eth-parts: {missing}\n")
    told = mutants.sweep("eth-parts", (), TOP, 1)
    assert mutants.fails_without_power_loss(told) and told["findings"][0]["detail"] == missing
    for returncode, stderr in ((2, "matterhorn: profile eth-parts: line 3: what is this?"), (3, missing),
                               (3, "no machine"), (-9, "")):
        answer(monkeypatch, returncode, stderr)
        with pytest.raises(mutants.BenchFailure):
            mutants.sweep("eth-parts", (), TOP, 1)


@pytest.fixture
def judged(monkeypatch):
    """Who was tried by the sweeps: of "a", "b" and so on, b is the same program, the machine
    fails with c, and d survives."""
    seen = []

    def sweep(profile, options, root, jobs):
        if root != TOP:
            seen.append(root.name)
        if root.name == "c":
            raise mutants.BenchFailure("no machine")
        found = root != TOP and root.name != "d"
        return {"profile": profile, "findings": [{"id": f"{profile}~s1/int.080A0000.e1.half", "oracle": "time"}]
                if found else []}

    monkeypatch.setattr(mutants, "SWEEPS", (("eth-parts", ()),))
    monkeypatch.setattr(mutants, "draw_patches", lambda seed: [TOP / f"{name}.patch" for name in "abcdef"])
    monkeypatch.setattr(mutants, "build_generated", lambda patch: mutants.SAME if patch.stem == "b" else mutants.BUILT)
    monkeypatch.setattr(mutants, "unit_tests_catch", lambda name, jobs: name == "e")
    monkeypatch.setattr(mutants, "sweep", sweep)
    mutants.check_good_firmware.cache_clear()
    yield seen
    mutants.check_good_firmware.cache_clear()


@pytest.mark.parametrize("sweep_all", [False, True])
def test_generated_ones_are_counted_and_a_broken_bench_is_said_at_the_end(judged, capsys, sweep_all):
    """Three are wanted: what cannot be judged is replaced too, but is no success. The unit tests kill e."""
    with pytest.raises(mutants.BenchFailure, match="nothing can be said of c:"):
        mutants.measure_generated(3, 1, None, sweep_all, 1, json_wanted=True)
    out, table = capsys.readouterr()
    told = json.loads(out)
    assert judged == ["a", "c", "d", "e"][: 3 + sweep_all]
    assert told["killed"] == {"cmocka": 1, "sweep": 1 + sweep_all, "without_power_loss": 0, "both": int(sweep_all),
                              "any": 2}
    assert told["mutants"] == 3 and told["same"] == ["b"] and told["survivors"] == ["d"] and told["rate"] == 0.667
    assert told["swept"] == 2 + sweep_all
    assert re.search(r"^c +not judged +no machine$", table, re.MULTILINE)


def test_what_is_in_the_store_is_not_measured_again(judged, capsys, monkeypatch, tmp_path):
    """Unless the firmware is another one."""
    store = tmp_path / "store"
    with pytest.raises(mutants.BenchFailure):
        mutants.measure_generated(3, 1, store, False, 1, json_wanted=True)
    first = capsys.readouterr().out
    del judged[:]
    with pytest.raises(mutants.BenchFailure):
        mutants.measure_generated(3, 1, store, False, 1, json_wanted=True)
    assert capsys.readouterr().out == first and judged == ["c"]
    monkeypatch.setattr(mutants, "hash_of", lambda *folders: "another")
    with pytest.raises(mutants.BenchFailure):
        mutants.measure_generated(3, 1, store, False, 1, json_wanted=True)
    assert judged == ["c", "a", "c", "d"]
    store.write_text(store.read_text() + "torn")
    with pytest.raises(mutants.WrongUse, match="line [0-9]+ is not of a store"):
        mutants.Store(store)
