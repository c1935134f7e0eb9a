# SPDX-License-Identifier: MIT
"""What stores are good for: reports without a machine, shards put together, two builds compared, baselines. On a
planted bug, so that there is something to find."""

import json
import xml.etree.ElementTree as ElementTree

import pytest

from .artifacts import TOP, matterhorn, matterhorn_json, mutant
from .test_store import change, rows, without_times

MUTANT = "request-cleared"
SHARDS = 3
CUTS = 140  # so many that a few are not in the install, and recover
OPTIONS = ("--cuts", CUTS, "--tears", "before,after", "--live", 4, "--check-credited", 3, "--jobs", 2)
# The table again, as somebody else may have made it: with columns that may be empty.
EMPTY = "CREATE TABLE loose AS SELECT * FROM {table};DROP TABLE {table};ALTER TABLE loose RENAME TO {table}"
FILES = ("list", "junit", "html", "markdown", "sarif", "write-baseline")


def outputs(folder):
    return [word for name in FILES for word in (f"--{name}", folder / name)]


@pytest.fixture(scope="module", name="sweep")
def sweep_of_a_plain_profile(tmp_path_factory):
    text = (TOP / "sim/profiles/eth-app-update.yaml").read_text(encoding="utf-8").partition("  minimum:")[0]
    profile = tmp_path_factory.mktemp("profile") / "profile.yaml"
    profile.write_text(text, encoding="utf-8")
    return ("sweep", profile, *OPTIONS)


@pytest.fixture(scope="module", name="mutant")
def sweep_of_the_mutant(sweep):
    return (*sweep, "--root", mutant(MUTANT))


@pytest.fixture(scope="module", name="bad")
def swept_mutant(mutant, tmp_path_factory):
    """Its folder, with `store` and every file that a sweep writes, and the JSON object."""
    folder = tmp_path_factory.mktemp("bad")
    result = matterhorn_json(*mutant, "--store", folder / "store", *outputs(folder), status=1)
    assert 0 < sum(finding["members"]["count"] for finding in result["findings"]) < CUTS
    return folder, result


@pytest.fixture(scope="module", name="good")
def swept_good(sweep, tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    return folder, matterhorn_json(*sweep, "--store", folder / "store", *outputs(folder))


@pytest.fixture(scope="module", name="shards")
def swept_shards(mutant, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    for number in range(1, SHARDS + 1):
        store = folder / f"{number}.store"
        assert matterhorn(*mutant, "--store", store, "--shard", f"{number}/{SHARDS}", status=1).stdout.count("this is a shard: ") == 1
    return folder


# --- reports ---


def without_times_of_text(folder, name):
    """The times of the HTML page and of JUnit are those of the host."""
    text = (folder / name).read_text(encoding="utf-8")
    for begin, end in (("<dt>Took", "</div>"), (' time="', '"')):
        head, found, tail = text.partition(begin)
        text = head + tail.partition(end)[2] if found else text
    return text


def test_reports_from_the_store_are_those_of_the_sweep(bad, tmp_path):
    folder, result = bad
    assert without_times(matterhorn_json("report", folder / "store", *outputs(tmp_path), status=1)) == without_times(result)
    for name in FILES:
        assert without_times_of_text(tmp_path, name) == without_times_of_text(folder, name)


def test_store_that_is_not_complete_is_no_verdict(bad, tmp_path):
    (tmp_path / "store").write_bytes((bad[0] / "store").read_bytes())
    change(tmp_path / "store", "DELETE FROM cut WHERE number > 20", "DELETE FROM note WHERE key = 'finished'")
    done = matterhorn("report", tmp_path / "store", *outputs(tmp_path), status=4)
    assert f"not complete: 21 of {CUTS} power losses" in done.stdout and "is not complete" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["store"]
    assert "is not complete" in matterhorn("diff", tmp_path / "store", bad[0] / "store", status=4).stderr


# Of a store that says it is complete.
DAMAGES = {
    "a cut is missing": (["DELETE FROM cut WHERE number = 7"], f"of {CUTS} power losses 1 have no verdict"),
    "an end state is missing": (["DELETE FROM ending"], f"is damaged (it is said to be complete, but of {CUTS} power losses "),
    "a fact is empty": ([*EMPTY.format(table="fact").split(";"), "UPDATE fact SET value = NULL WHERE key = 'machine'"], "a fact is empty"),
    "a note is empty": ([*EMPTY.format(table="note").split(";"), "UPDATE note SET value = NULL WHERE key = 'finished'"], "a note is empty"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_store_is_refused_by_all_who_read_it(bad, tmp_path, damage):
    """In one line, and nothing is written."""
    store, (statements, words) = tmp_path / "store", DAMAGES[damage]
    store.write_bytes((bad[0] / "store").read_bytes())
    change(store, *statements)
    for command in (("report", store, *outputs(tmp_path)), ("diff", store, bad[0] / "store"), ("diff", bad[0] / "store", store),
                    ("merge", tmp_path / "merged", store)):
        done = matterhorn(*command, status=3)
        assert len(done.stderr.splitlines()) == 1 and str(store) in done.stderr and words in done.stderr, done.stderr
        assert not done.stdout
    assert [file.name for file in tmp_path.iterdir()] == ["store"]


def test_sweep_mends_a_store_in_which_a_cut_is_missing(mutant, bad, tmp_path):
    store = tmp_path / "store"
    store.write_bytes((bad[0] / "store").read_bytes())
    change(store, *DAMAGES["a cut is missing"][0])
    matterhorn(*mutant, "--store", store, status=1)
    assert without_times(matterhorn_json("report", store, status=1)) == without_times(bad[1])


def test_markdown_has_verdict_groups_and_commands(bad):
    folder, result = bad
    text = (folder / "markdown").read_text(encoding="utf-8")
    failed = sum(finding["members"]["count"] for finding in result["findings"])
    assert f"{failed} of {CUTS} power losses were not recovered" in text
    assert text.count("\n| ") == 1 + len(result["groups"])
    assert text.count("`matterhorn replay ") == min(20, len(result["findings"]))


def test_sarif_has_a_result_per_finding(bad):
    folder, result = bad
    told = json.loads((folder / "sarif").read_text(encoding="utf-8"))
    (run,) = told["runs"]
    assert told["version"] == "2.1.0" and run["tool"]["driver"]["name"] == "Matterhorn"
    assert [each["partialFingerprints"]["powerLoss/v1"] for each in run["results"]] == [finding["id"] for finding in result["findings"]]
    assert {each["ruleId"] for each in run["results"]} <= {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    for each in run["results"]:
        assert each["message"]["text"] and each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].endswith("profile.yaml")


# --- shards ---


def test_shards_together_are_one_sweep(bad, shards, tmp_path):
    """The same cases with the same verdicts and findings; with so few shards, even the same states are run."""
    folder, result = bad
    stores = [shards / f"{number}.store" for number in (2, 3, 1)]
    matterhorn("merge", tmp_path / "store", *stores)
    assert without_times(matterhorn_json("report", tmp_path / "store", *outputs(tmp_path), status=1)) == without_times(result)
    for name in FILES:
        assert without_times_of_text(tmp_path, name) == without_times_of_text(folder, name)


def refused(folder, words, *stores):
    done = matterhorn("merge", folder / "out", *stores, status=2)
    assert words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert not (folder / "out").exists()


def test_merge_refuses_what_is_no_whole(bad, shards, tmp_path):
    one, two, three = (shards / f"{number}.store" for number in (1, 2, 3))
    refused(tmp_path, "of 3 shards 1 is missing: 2", one, three)
    refused(tmp_path, "are both shard 1 of 3", one, two, three, one)
    refused(tmp_path, "number of shards 1, not 3", one, two, bad[0] / "store")
    (tmp_path / "other").write_bytes(three.read_bytes())
    change(tmp_path / "other", "UPDATE fact SET value = 'abc' WHERE key = 'firmware_sha256'")
    refused(tmp_path, "firmware abc, not", one, two, tmp_path / "other")
    (tmp_path / "half").write_bytes(three.read_bytes())
    change(tmp_path / "half", "DELETE FROM note")
    refused(tmp_path, "shard 3 of 3, is not complete", one, two, tmp_path / "half")


def test_merge_does_not_write_over(shards):
    stores = [shards / f"{number}.store" for number in (1, 2, 3)]
    assert "is there already" in matterhorn("merge", stores[0], *stores, status=2).stderr


# --- two builds ---


def failing(folder):
    return [line.split()[0] for line in (folder / "write-baseline").read_text(encoding="utf-8").splitlines()
            if line[0] != "#"]


def test_diff_names_what_is_new_and_what_is_fixed(good, bad):
    told = matterhorn_json("diff", good[0] / "store", bad[0] / "store", status=1)
    assert [each["id"] for each in told["new"]] == failing(bad[0])
    assert (told["still"], told["fixed"], told["gone"], told["verdict"]) == ([], [], [], "worse")
    assert told["before"]["firmware_sha256"] != told["after"]["firmware_sha256"]
    assert [image["name"] for image in told["images"]] == ["application"]
    back = matterhorn_json("diff", bad[0] / "store", good[0] / "store")
    assert [each["id"] for each in back["fixed"]] == failing(bad[0]) and back["new"] == []
    same = matterhorn_json("diff", bad[0] / "store", bad[0] / "store")
    assert [each["id"] for each in same["still"]] == failing(bad[0]) and same["erases"] == []


def test_diff_for_people(good, bad):
    done = matterhorn("diff", good[0] / "store", bad[0] / "store", status=1)
    assert f"not recovered: {len(failing(bad[0]))} new, 0 still, 0 fixed" in done.stdout and done.stdout.rstrip().endswith("WORSE")


def test_diff_refuses_sweeps_that_cannot_be_compared(good, bad, tmp_path):
    (tmp_path / "other").write_bytes((bad[0] / "store").read_bytes())
    change(tmp_path / "other", "UPDATE fact SET value = '7' WHERE key = 'seed'")
    assert "seed 7, not 1" in matterhorn("diff", good[0] / "store", tmp_path / "other", status=2).stderr


# --- baselines ---


def test_only_what_is_not_in_the_baseline_fails(bad, tmp_path):
    """Without one of its lines, that power loss is new; with one more that recovers, that one is gone."""
    store, ids = bad[0] / "store", failing(bad[0])
    recovered = next(line.split()[0] for line in (bad[0] / "list").read_text().splitlines()[1:]
                     if line.split()[-2] == "recovered")
    baseline = tmp_path / "baseline"
    baseline.write_text("\n".join((f"{ids[0]}@0123456789ab # known", "# nothing", "", *ids[1:], recovered,
                                   "eth-app-update~s9/nor.000000.p1.after")))
    told = matterhorn_json("report", store, "--baseline", baseline, *outputs(tmp_path))
    assert told["verdict"] == "pass"
    assert told["baseline"] == {"known": len(ids), "new": [], "gone": [recovered], "not_tried": 1}
    suite = ElementTree.parse(tmp_path / "junit").getroot()[0]
    assert suite.get("failures") == "0" and int(suite.get("skipped")) == len(suite.findall("testcase/skipped")) > len(bad[1]["findings"])
    states = {each["baselineState"] for each in json.loads((tmp_path / "sarif").read_text())["runs"][0]["results"]}
    assert states == {"unchanged"}
    baseline.write_text("\n".join(ids[1:]))
    told = matterhorn_json("report", store, "--baseline", baseline, "--junit", tmp_path / "junit", status=1)
    assert told["verdict"] == "fail" and told["baseline"]["new"] == [ids[0]]
    assert ElementTree.parse(tmp_path / "junit").getroot()[0].get("failures") == "2", "the finding and its group"


def test_sweep_takes_a_baseline_too(mutant, bad):
    done = matterhorn(*mutant, "--store", bad[0] / "store", "--baseline", bad[0] / "write-baseline")
    assert "of the baseline 0 recover now" in done.stdout and "finding: " not in done.stdout


@pytest.mark.parametrize("text", ["eth-app-update", "eth-app-update~s1/int.080A0398.p1.nothing"])
def test_baseline_that_is_none(bad, tmp_path, text):
    (tmp_path / "baseline").write_text(f"# first\n{text}\n")
    done = matterhorn("report", bad[0] / "store", "--baseline", tmp_path / "baseline", status=2)
    assert f"{tmp_path / 'baseline'}, line 2: " in done.stderr


def test_verdicts_can_be_asked_for_in_sql(bad):
    assert len(rows(bad[0] / "store", "SELECT name FROM verdict WHERE oracle IS NOT NULL")) == len(failing(bad[0]))


def test_failing_next_update_is_in_the_store(sweep, tmp_path):
    """It is taken in the run without power loss, and refused later."""
    once = f'["sh", "-c", "mkdir {tmp_path}/once && exec \\"$@\\"", "sh", "{{matterhorn}}"'
    profile = tmp_path / "profile.yaml"
    torn = "  minimum:\n    - {area: journal, kind: program, count: 6}\n"  # which leaves another end state
    profile.write_text(sweep[1].read_text(encoding="utf-8").replace('["{matterhorn}"', once) + torn, encoding="utf-8")
    result = matterhorn_json("sweep", profile, *OPTIONS[:2], "--jobs", 2, "--live", 0, "--store", tmp_path / "store",
                             "--tears", "half", status=1)
    assert {finding["oracle"] for finding in result["findings"]} == {"next"}
    assert without_times(matterhorn_json("report", tmp_path / "store", status=1)) == without_times(result)
    assert rows(tmp_path / "store", "SELECT DISTINCT oracle FROM verdict WHERE oracle IS NOT NULL") == [("next",)]
