# SPDX-License-Identifier: MIT
"""`matterhorn replay`: a finding of a sweep comes back from its id alone, and the reports that carry ids are whole."""

import json
import re
import socket
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from formats import boards

from .artifacts import MATTERHORN, SAFETY_SECONDS, TOP, firmware, matterhorn, matterhorn_json, mutant, run
from .device import Cells
from .gdb import Debugger

PROFILE = "eth-app-update"
BOARD = boards.ETHERNET
GOOD_ID = f"{PROFILE}~s1/int.080A0398.p1.after"
PC = 15


@pytest.fixture(scope="module", name="mutant")
def mutant_that_clears_the_request():
    return mutant("request-cleared")


@pytest.fixture(scope="module")
def swept(mutant, tmp_path_factory):
    """The sweep of the planted bug: its JSON object, its JUnit file and its page."""
    folder = tmp_path_factory.mktemp("reports")
    junit, html = folder / "sweep.xml", folder / "sweep.html"
    arguments = ("--root", mutant, "--jobs", 2, "--junit", junit, "--html", html)
    result = matterhorn_json("sweep", PROFILE, *arguments, status=1)
    assert len(list(folder.iterdir())) == 2, "nothing else is left behind"
    return result, ElementTree.parse(junit).getroot(), html.read_text(encoding="utf-8")


# --- Replay -------------------------------------------------------------------------------------------------------


def test_finding_replays_identically_and_fails(swept, mutant):
    found = swept[0]["findings"][-1]
    first, second = (
        matterhorn_json("replay", found["id"], "--root", mutant, "--verify", status=1) for _ in range(2)
    )
    assert first == second
    assert first["verified"] is True
    assert first["id"] == found["id"]
    assert first["verdict"] == "fail"
    assert first["finding"] == {"oracle": found["oracle"], "detail": found["detail"]}
    assert first["trace_bytes"] > 1000


def test_same_id_passes_on_the_good_build(swept):
    result = matterhorn_json("replay", swept[0]["findings"][-1]["id"])
    assert result["verdict"] == "pass"
    assert result["finding"] is None


def test_output_for_people_tells_the_story_in_order():
    said = matterhorn("replay", GOOD_ID).stdout
    texts = ("install, application", "boot: resuming the install", "boot: starting", "update: confirmed", "recovered")
    places = [said.rindex(text) for text in texts]
    assert places == sorted(places)


def test_several_power_losses_one_after_another():
    """The second and third happen in recoveries, whose operations count anew."""
    cuts = ["int.080A0000.e1.after", "int.080A0000.e1.before", "int.080A0010.p1.after"]
    result = matterhorn_json("replay", f"{PROFILE}~s3/{'+'.join(cuts)}", "--verify")
    assert [cut["cut"] for cut in result["cuts"]] == cuts
    assert [cut["phase"] for cut in result["cuts"]] == ["install", "recovery", "recovery"]
    assert result["verified"] is True


@pytest.mark.parametrize("tear", ["weak", "notake", "zeros", "mask"])
@pytest.mark.parametrize("second", ["", "+int.080A0000.e1.weak", "+int.080A0000.e1.before+int.080A0000.e1.notake"])
def test_marks_of_torn_erases_replay(tear, second):
    """Built like the real cut leaves them, in the update as in recoveries from states that have marks already."""
    identity = f"{PROFILE}~s1n2/int.080A0000.e1.{tear}{second}"
    result = matterhorn_json("replay", identity, "--verify")
    assert result["id"] == identity
    assert result["verified"] is True
    assert result["verdict"] == "pass"
    process, _ = paused_replay(identity, free_port())
    process.stdin.write("\n")
    process.stdin.flush()
    status, _, complaints = ended(process)
    assert status == 0, complaints


def test_weak_word_replays_under_its_own_noise():
    said = [matterhorn("replay", f"{PROFILE}~s1{noise}/int.080A0398.p1.weak").stdout for noise in ("", "n2")]
    noise, sram = [
        [re.search(pattern, text)[1] for text in said]
        for pattern in (r"noise of weak bits (\d+)", r"SRAM random:(\d+)")
    ]
    assert noise[0] != noise[1]
    assert sram[0] == sram[1]


def profile_with(folder, pattern, replacement):
    text = (TOP / "sim/profiles" / f"{PROFILE}.yaml").read_text(encoding="utf-8").partition("  minimum:")[0]
    changed = re.sub(pattern, replacement, text)
    assert changed != text
    file = folder / "changed.yaml"
    file.write_text(changed, encoding="utf-8")
    return file


def test_replay_offers_the_next_update(tmp_path):
    profile = profile_with(tmp_path, r"command: \[[^]]*\]", 'command: ["false"]')
    replayed = matterhorn_json("replay", GOOD_ID, "--profile", profile, "--verify", status=1)
    assert replayed["finding"]["oracle"] == "next"


def test_artifacts_that_cannot_be_written_lose_no_findings(swept, mutant, tmp_path):
    for finding in swept[0]["findings"]:
        (tmp_path / finding["id"].replace("/", "+")).touch()
    done = run("sweep", PROFILE, "--root", mutant, "--live", 0, "--jobs", 2, "--artifacts", tmp_path, "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["findings"] == swept[0]["findings"]
    complaints = [line for line in done.stderr.splitlines() if line.startswith("matterhorn: ")]
    assert len(complaints) == 1 and str(tmp_path) in complaints[0]


def test_artifacts(tmp_path):
    result = matterhorn_json("replay", GOOD_ID, "--artifacts", tmp_path)
    (folder,) = tmp_path.iterdir()
    before, after = Cells.load(folder / "before"), Cells.load(folder / "after")
    assert before.internal != after.internal and before.nor != after.nor
    assert "update: confirmed" in (folder / "uart.txt").read_text(encoding="ascii")
    assert "program" in (folder / "trace.txt").read_text(encoding="ascii")
    said = (folder / "README").read_text(encoding="utf-8")
    assert f"matterhorn replay {GOOD_ID}@{result['firmware_sha256'][:12]}" in said


# --- Ids that are wrong, or of another firmware ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "identity, word",
    [
        ("nonsense", "nonsense"),
        (f"{PROFILE}/int.080A0398.p1.after", "must begin"),
        (f"{PROFILE}~s1/int.080A0398.p1.quarter", "quarter"),
        (f"{PROFILE}~s1/int.080A0398.e1.onebit", "onebit"),
        (f"{PROFILE}~s1/int.080A0398.p2.after", "int.080A0398.p2.after"),
        (f"{PROFILE}~s1/int.080A0398.p1.after+nor.000000.e1.before", "nor.000000.e1.before"),
        (f"{PROFILE}~s1/int.080A0398.p1.after@123", "@"),
        ("no-such-profile~s1/int.080A0398.p1.after", "no-such-profile"),
    ],
)
def test_bad_ids_are_wrong_use(identity, word):
    said = matterhorn("replay", identity, status=2)
    assert len(said.stderr.splitlines()) == 1, said.stderr
    assert word in said.stderr
    assert not said.stdout


def test_id_of_another_firmware_is_said():
    other = f"{GOOD_ID}@0123456789ab"
    assert "0123456789ab" in matterhorn("replay", other).stderr
    strict = matterhorn("replay", other, "--strict", status=2)
    assert len(strict.stderr.splitlines()) == 1


def test_id_of_this_firmware_is_quiet():
    digest = matterhorn_json("replay", GOOD_ID)["firmware_sha256"]
    assert not matterhorn("replay", f"{GOOD_ID}@{digest[:12]}", "--strict").stderr


# --- A debugger at the operation ------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def paused_replay(identity, port):
    """Replays under a debugger, up to the pause; returns the process and the debugger's command line."""
    command = [str(MATTERHORN), "replay", identity, "--gdb", str(port)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines = [process.stderr.readline() for _ in range(3)]
    assert "paused right before" in lines[0], lines
    return process, lines[1]


def source_line(elf, address):
    """FILE:LINE of an instruction, as a debugger finds it in the file that replay named."""
    command = ["arm-none-eabi-addr2line", "-e", str(elf), hex(address)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def ended(process):
    """Closes the input, which is no Enter, and waits."""
    said, complaints = process.communicate(timeout=SAFETY_SECONDS)
    return process.returncode, said, complaints


def test_debugger_sees_the_machine_right_before_the_operation():
    result = matterhorn_json("replay", GOOD_ID)
    port = free_port()
    process, command = paused_replay(GOOD_ID, port)
    elf = firmware(BOARD, "boot", "elf")
    assert f"target remote :{port}" in command and str(elf) in command
    assert "demo.elf" not in command, "its flash is erased at this operation"
    with Debugger(port) as debugger:
        assert debugger.register(PC) == result["cuts"][0]["pc"]
        assert debugger.memory(0x080A0398, 4) == b"\xff" * 4, "the word is not programmed yet"
        assert "internal_flash.c" in source_line(elf, debugger.register(PC))
        debugger.send("c")
        status, said, complaints = ended(process)
    assert status == 0, complaints
    assert "recovered" in said


def test_enter_goes_on_without_a_debugger():
    process, _ = paused_replay(GOOD_ID, free_port())
    process.stdin.write("\n")
    process.stdin.flush()
    status, said, complaints = ended(process)
    assert status == 0, complaints
    assert "recovered" in said


# --- Reports --------------------------------------------------------------------------------------------------------


def test_junit_counts_groups_and_findings(swept):
    result, suites, _ = swept
    (suite,) = suites
    cases = suite.findall("testcase")
    findings = {case.get("name"): case for case in cases if case.get("classname") == f"{PROFILE}.findings"}
    failing_groups = sum(group["recovered"] < group["cuts"] for group in result["groups"])
    assert len(cases) == len(result["groups"]) + len(result["findings"]) == int(suite.get("tests"))
    assert set(findings) == {finding["id"] for finding in result["findings"]}
    assert len(suite.findall("testcase/failure")) == len(findings) + failing_groups == int(suite.get("failures"))
    assert failing_groups > 0
    for name, case in findings.items():
        assert f"matterhorn replay {name}@{result['firmware_sha256'][:12]} --root" in case.findtext("system-out")


def test_command_in_junit_reproduces(swept):
    """What a person copies out of a CI log works as it is."""
    command = [each.text for each in swept[1].iter("system-out") if "replay" in each.text][0].split()
    assert command[0] == "matterhorn"
    matterhorn(*command[1:], "--strict", "--json", status=1)


def test_page_needs_nothing_else_and_has_every_finding(swept):
    result, _, page = swept
    assert len(page.encode()) < 1_000_000
    for reference in ("http:", "https:", "src=", "@import", "url(", "<link"):
        assert reference not in page
    for finding in result["findings"]:
        assert finding["id"] in page
    failed = sum(group["cuts"] - group["recovered"] for group in result["groups"])
    assert f"{failed:,} of {result['cuts']:,} power losses were not recovered" in page
    assert f"<small>{result['states_pruned']:,} credited" in page


def test_all_reports_have_the_same_members(swept):
    """A finding stands for the power losses that were credited with its run: JSON, JUnit and the page agree on them."""
    result, suites, page = swept
    failed = sum(group["cuts"] - group["recovered"] for group in result["groups"])
    assert sum(finding["members"]["count"] for finding in result["findings"]) == failed
    cases = {case.get("name"): case for case in suites.iter("testcase")}
    for finding in result["findings"]:
        members = finding["members"]
        said = cases[finding["id"]].findtext("system-err", "")
        if members["count"] == 1:
            assert not said
        else:
            assert said == f"{members['count']} power losses go this way, up to {members['last']}"
            assert f"; {members['count'] - 1} more go this way, up to {members['last'].partition('/')[2]}" in page


@pytest.fixture
def small_profile(tmp_path):
    """The profile without its minima: a sweep with it may be as small as one cut."""
    text = (TOP / "sim/profiles" / f"{PROFILE}.yaml").read_text(encoding="utf-8")
    file = tmp_path / "small.yaml"
    file.write_text(text.partition("  minimum:")[0], encoding="utf-8")
    return file


def test_ids_of_a_profile_in_a_file_of_its_own(small_profile):
    said = matterhorn("replay", GOOD_ID, "--profile", small_profile).stdout
    assert "recovered" in said


@pytest.mark.parametrize("option", ["--junit", "--html"])
def test_full_disk_is_one_line(option, small_profile):
    done = run("sweep", small_profile, "--cuts", 1, "--live", 0, option, "/dev/full", "--json")
    assert done.returncode == 3
    complaints = [line for line in done.stderr.splitlines() if line.startswith("matterhorn: ")]
    assert len(complaints) == 1 and "/dev/full" in complaints[0]


@pytest.mark.parametrize("option", ["--junit", "--html"])
def test_report_that_cannot_be_written_is_said_before_the_sweep(option, tmp_path):
    said = matterhorn("sweep", PROFILE, option, tmp_path / "no-such-folder/report", status=2)
    assert "no-such-folder" in said.stderr
    assert not list(tmp_path.iterdir())
