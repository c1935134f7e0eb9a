# SPDX-License-Identifier: MIT
"""Several power losses in a row: a small update is closed, one with states without end is not, and what is found can be replayed."""

import os
import signal
import subprocess

import pytest

from formats import journal, store

from .artifacts import BUILD, MATTERHORN, SAFETY_SECONDS, TOP, matterhorn, matterhorn_json, mutant, run
from .device import Cells
from .page import Page

PROFILE = "eth-confirm"
ENDLESS = TOP / "tests/planted/starts-counted.patch"
PLANTED = "torn-header-taken"


def lines(path):
    """(id, depth, verdict, run) of a list."""
    return [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]


def page_of(path, result):
    """The text of the page, after its table was compared: depth, states, run, credited, not recovered, open; where the search ended, what is open has a
    line too."""
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    page.check()
    told = [[int(cell["text"].replace(",", "")) for cell in line[:6]] for line in page.tables["depths"][1:]]
    wanted = [[each[name] for name in ("depth", "states", "run", "credited", "failing")] for each in result["depths"]]
    wanted = [[*line, line[1] - line[2] - line[3]] for line in wanted]
    beyond = result["open"] - sum(line[5] for line in wanted)
    assert told == wanted + ([[len(wanted) + 1, beyond, 0, 0, 0, beyond]] if beyond else [])
    return text


def test_closed(tmp_path):
    """No new state is met after some losses in a row, and every one was judged."""
    result = matterhorn_json("sweep", PROFILE, "--depth", "any", "--tears", "before", "--live", 200, "--jobs", 2,
                             "--list", tmp_path / "list", "--html", tmp_path / "page")
    assert (result["verdict"], result["closed"], result["open"], result["end"]) == ("pass", True, 0, "all")
    assert result["tears"] == ["before"]
    assert result["depth"] == len(result["depths"]) >= 1
    states = sum(depth["states"] for depth in result["depths"])
    assert states == result["states_run"] + result["states_pruned"] == len(lines(tmp_path / "list")) >= 3
    assert result["states_seen"] >= 1, "it ends by meeting states again"
    assert 60 <= result["live"] <= states, "so many of them, several of each stretch, were also left by a real machine"
    assert "Closed: recovered from any number of power losses" in page_of(tmp_path / "page", result)


def test_closed_with_torn_operations():
    """Whatever tears there are of the menu, in any number of losses in a row."""
    result = matterhorn_json("sweep", PROFILE, "--depth", "any", "--jobs", 2)
    assert (result["verdict"], result["closed"], result["open"]) == ("pass", True, 0)
    assert result["tears"] == ["before", "half", "mask", "weak"]
    assert result["depth"] >= 4


def test_members_of_classes_that_widened_go_the_same_way():
    """Also those whose recoveries are younger than the class: the way to them must end."""
    result = matterhorn_json("sweep", "eth-confirm", "--depth", "any", "--live", 0, "--check-credited", 300, "--jobs", 2)
    assert result["closed"] and result["states_pruned"] > result["states_run"] > 100
    assert result["checked"] > 100


def test_recoveries_that_join_lead_to_nothing_else(tmp_path):
    """Where a recovery joins another one, of which the search knows by the tear `before`, it is not followed any further. With --cuts it is, and here that is
    all cuts. Then there are no stretches either, which count some states twice, so this device is too far from a rollback to have any."""
    device, profile = tmp_path / "settled", tmp_path / "settled.yaml"
    matterhorn("boot", BUILD / "device/mountaineer-eth-settling", "--machine", "mountaineer-eth", "--until", "settles: settled", "--save", device)
    profile.write_text(f"name: settled\nextends: {TOP}/sim/profiles/{PROFILE}.yaml\ndevice: {device}\n")
    told = [matterhorn_json("sweep", profile, "--depth", 5, "--tears", "before,half", "--live", 0, "--jobs", 2, *cuts)
            for cuts in ((), ("--cuts", 100_000))]
    for key in ("depths", "states_run", "states_pruned", "states_seen", "open", "findings"):
        assert told[0][key] == told[1][key], key


def test_not_closed_at_a_depth(tmp_path):
    """What one more loss would lead to is counted, not forgotten."""
    result = matterhorn_json("sweep", PROFILE, "--depth", 1, "--tears", "before,half", "--live", 0, "--jobs", 2, "--html", tmp_path / "page")
    assert "Nothing found: depth 1 complete, not closed" in page_of(tmp_path / "page", result)
    assert (result["verdict"], result["closed"], result["end"], result["depth"]) == ("pass", False, "depth", 1)
    assert result["open"] > result["depths"][0]["states"]
    said = matterhorn("sweep", PROFILE, "--depth", 1, "--tears", "before,half", "--live", 0, "--jobs", 2).stdout
    assert f"depth 1 complete, {result['open']} open" in said
    assert "not closed" in said


def test_states_without_end_are_not_closed(tmp_path):
    """A journal that counts starts: each loss leads to a state that was never met."""
    allowed = tmp_path / "allowed.yaml"
    allowed.write_text(f"name: allowed\nextends: {TOP}/sim/profiles/{PROFILE}.yaml\nbudget: {{idle_operations: 100}}\n")
    options = ("--root", mutant(ENDLESS), "--depth", 4, "--tears", "before", "--live", 0, "--jobs", 2)
    result = matterhorn_json("sweep", allowed, *options)
    assert (result["verdict"], result["closed"], result["end"], result["depth"]) == ("pass", False, "depth", 4)
    assert result["open"] >= result["depths"][3]["states"] > result["depths"][0]["states"]


def test_a_start_without_work_that_writes_is_found():
    """The same journal, where the profile says that such a start writes nothing: it does at the second power-up, and at each behind it."""
    result = matterhorn_json("sweep", PROFILE, "--root", mutant(ENDLESS), "--tears", "before", "--live", 0, "--jobs", 2, status=1)
    assert {finding["oracle"] for finding in result["findings"]} == {"idle"}
    assert result["findings"][0]["detail"].startswith("fifth power-up: ")


def test_stretches_have_the_states_of_their_operations(tmp_path):
    """What a search lists of the first depth is what a sweep tries, operation by operation and tear by tear, with the same verdicts; of a good firmware, and
    of one in which some of the words of a stretch matter."""
    for options in ((), ("--root", mutant(PLANTED))):
        said = {}
        for depth in ((), ("--depth", 1)):
            path = tmp_path / "list"
            status = 1 if options else 0
            matterhorn("sweep", "eth-tiny-update", *options, *depth, "--live", 0, "--jobs", 2, "--list", path, status=status)
            said[bool(depth)] = {fields[0]: fields[-2] for fields in lines(path)}
        deep = {identity: verdict for identity, verdict in said[True].items() if verdict != "open"}
        assert deep.items() <= said[False].items() | {(identity, verdict) for identity, verdict in deep.items() if identity.endswith(".after")}
        assert len(deep) > 3000
        assert ({"recovered"} == set(deep.values())) == (not options)


def test_stretches_are_the_same_with_any_number_of_workers(tmp_path):
    """Which states there are, in which order, and with which they are credited."""
    told = []
    for jobs in (1, 2):
        matterhorn("sweep", "eth-tiny-update", "--depth", 2, "--tears", "before,mask", "--live", 0, "--jobs", jobs, "--list", tmp_path / f"{jobs}")
        told.append((tmp_path / f"{jobs}").read_text())
    assert told[0] == told[1]


def test_the_same_with_any_number_of_workers_and_members_of_classes_too(tmp_path):
    """Which states there are, their ids, and with which they are credited. Exit 3 if a member of a class goes another way."""
    told = []
    for jobs, checked in ((1, 0), (2, 10)):
        path = tmp_path / f"{jobs}"
        result = matterhorn_json("sweep", "eth-small-update", "--depth", 2, "--cuts", 60, "--live", 4, "--jobs", jobs,
                                 "--check-credited", checked, "--list", path)
        assert checked / 2 <= result["checked"] <= checked, "of the sample, those with other members"
        assert result["states_pruned"] > result["states_run"] > 2
        told.append(path.read_text())
    assert told[0] == told[1]
    assert {"1", "2"} <= {depth for _, depth, _, _ in lines(tmp_path / "1")}


def test_pruning_changes_no_verdict_of_two_losses():
    """As ci/pruning --depth does it, on a sample; a planted bug makes some of the pairs of losses fail."""
    done = subprocess.run([TOP / "ci/pruning", "--depth", "2", "--cuts", "60", "--jobs", "2", PLANTED],
                          capture_output=True, text=True, timeout=SAFETY_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    _, good, bad = done.stdout.splitlines()[-3:]
    assert good.split()[-1] == bad.split()[-1] == "equal"
    assert good.split()[3] == "0"
    assert int(bad.split()[3].replace(",", "")) > 0


def test_a_finding_of_two_losses_can_be_replayed(tmp_path):
    """From the first one alone the device recovers; the id of both leads there again, in the good firmware to a recovery."""
    root, path = mutant(PLANTED), tmp_path / "list"
    options = ("--root", root, "--depth", 2, "--cuts", 60, "--live", 0, "--jobs", 2, "--list", path, "--html", tmp_path / "page")
    result = matterhorn_json("sweep", "eth-small-update", *options, status=1)
    assert (result["verdict"], result["closed"]) == ("fail", False)
    page = page_of(tmp_path / "page", result)
    assert "not recovered from</h1>" in page and all(identity in page for finding in result["findings"] for identity in finding["ids"])
    verdicts = {identity: verdict for identity, _, verdict, _ in lines(path)}
    failing = [identity for identity, verdict in verdicts.items() if identity.count("+") == 1 and verdict not in ("recovered", "open")]
    assert failing
    assert verdicts[failing[0].partition("+")[0]] == "recovered"
    matterhorn("replay", failing[0], "--root", root, status=1)
    named = [identity for finding in result["findings"] for identity in finding["ids"]]
    assert set(named) <= set(verdicts) and named[0].count("+") == 0, "the shortest ones come first"


def test_what_a_counter_was_is_told_apart_although_it_is_erased(tmp_path):
    """The first extent of the store, taken for a counter: each recovery from the loss during its first erase erases it unread, so
    that nothing but the counter tells a torn erase, which leaves more zeros than there are at the end, from one not begun."""
    text = (TOP / "sim/profiles/eth-small-update.yaml").read_text()
    free = store.free_extents(journal.read(Cells.load(BUILD / "device/mountaineer-eth-small").nor))
    extent = f"{store.RESERVED + free[0] * store.EXTENT_SIZE:X}"
    counted, path = tmp_path / "counted.yaml", tmp_path / "list"
    counted.write_text(text.replace(
        "  unchanged:\n", f"  counters: [{{name: stored, chip: nor, address: 0x{extent}, size: 16, form: unary}}]\n  unchanged:\n", 1))
    options = ("--depth", 1, "--tears", "before,zeros", "--live", 0, "--jobs", 2, "--list", path)
    result = matterhorn_json("sweep", counted, *options, status=1)
    torn = f"eth-small-update~s1/nor.{extent}.e1.zeros"
    assert [finding["oracle"] for finding in result["findings"]] == ["counter"]
    verdicts = {identity: verdict for identity, depth, verdict, _ in lines(path) if depth == "1"}
    assert [identity for identity, verdict in verdicts.items() if verdict == "counter"] == [torn]
    assert verdicts[torn.replace("zeros", "before")] == "recovered"
    assert matterhorn_json("replay", torn, "--profile", counted, status=1)["finding"]["oracle"] == "counter"


def test_time_that_is_over_is_said():
    """It ends where it is, without findings exit 0; nobody takes it for closed. A busy machine needs longer until there is something
    open."""
    for seconds in (3, 12, 48):
        result = matterhorn_json("sweep", "eth-small-update", "--depth", "any", "--time", f"{seconds}s", "--live", 0, "--jobs", 1)
        assert (result["closed"], result["end"]) == (False, "time")
        if result["open"] > 0:
            break
    assert result["open"] > 0


def test_interrupt_says_how_far_it_got():
    command = [str(MATTERHORN), "sweep", "eth-small-update", "--depth", "any", "--live", "0", "--jobs", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TERM": "dumb"}) as process:
        line = process.stderr.readline()  # of the progress: it is at it
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate(timeout=SAFETY_SECONDS)
    assert "  depth " in line
    assert process.returncode == 3
    assert "interrupted" in complaint
    assert "it was given up: not closed" in said


@pytest.mark.parametrize("options", [("--depth", "0"), ("--depth", "64"), ("--depth", "two"), ("--time", "5"),
                                     ("--depth", "2", "--markdown", "x.md"), ("--depth", "2", "--store", "x.store"), ("--depth", "2", "--junit", "x.xml")])
def test_wrong_use(options):
    done = run("sweep", PROFILE, *options)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert not done.stdout
