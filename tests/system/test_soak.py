# SPDX-License-Identifier: MIT
"""`matterhorn soak`: updates in a row on one device that loses power at random. It goes on from a checkpoint as
if it had never stopped, finds a planted bug and says how to see it again, and tells a firmware that wears its
flash out from one that does not."""

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from .artifacts import BUILD, MATTERHORN, SAFETY_SECONDS, TOP, matterhorn, matterhorn_json, mutant

PROFILE = "eth-small-update"
APPLICATION = "080A0000"  # the one sector of its region that these applications need
FRAGILE = Path(__file__).with_name("fragile_qemu.py")


def soak(*arguments, status=0, **environment):
    """The object, but for what depends on the host."""
    result = matterhorn_json("soak", PROFILE, *arguments, status=status, **environment)
    assert result.pop("host")["cpu_s"] > 0
    return result


@pytest.fixture(scope="module")
def twenty():
    return soak("--updates", 20, "--losses", 2)


# --- What it does ---------------------------------------------------------------------------------------------------


def test_twenty_updates_are_there_in_the_end(twenty):
    assert twenty["verdict"] == "pass" and twenty["finding"] is None
    assert twenty["updates"] == 20
    assert twenty["disturbed"] >= 5 and twenty["losses"] >= 20, "an update that loses no power shows little"
    assert twenty["most_losses"] >= 3, "bursts"


def test_each_install_erases_the_application_once_and_each_loss_once_more(twenty):
    """Demo and the update that it carries are two installs, the third application is one;
    twenty updates are ten of both."""
    undisturbed = soak("--updates", 20, "--losses", 0)
    assert undisturbed["losses"] == undisturbed["disturbed"] == 0
    assert undisturbed["erases"]["internal"] == {APPLICATION: 30}
    assert list(twenty["erases"]["internal"]) == [APPLICATION]
    assert 30 < twenty["erases"]["internal"][APPLICATION] <= 30 + twenty["losses"]


def test_life_is_what_the_data_sheets_promise(twenty):
    rows = {row["area"]: row for row in twenty["life"]}
    assert set(rows) == {"application", "journal", "store"}
    assert rows["application"]["endurance"] == 10_000 and rows["journal"]["endurance"] == 100_000
    for row in rows.values():
        assert row["life_used_percent"] == pytest.approx(100 * row["erases"] / row["endurance"])
        digits = 6 if row["chip"] == "nor" else 8
        assert twenty["erases"][row["chip"]][f"{row['address']:0{digits}X}"] == row["erases"]
    used = [row["life_used_percent"] for row in twenty["life"]]
    assert used == sorted(used, reverse=True)


TOGGLING = """
import subprocess, sys
program, device, package = sys.argv[1:]
with open(device + "/nor.bin", "r+b") as file:
    file.seek(0x7F0010)
    blank = file.read(1) == b"\\xff"
    file.seek(0x7F0010)
    file.write(b"\\x00" if blank else b"\\xff")
sys.exit(subprocess.run([program, "deploy", device, package]).returncode)
"""


def test_erases_of_the_command_are_seen_by_the_bits_that_it_set(tmp_path):
    """One that programs a byte of a sector that nobody uses each first time, and erases that each second time."""
    script = tmp_path / "toggle.py"
    script.write_text(TOGGLING, encoding="utf-8")
    words = f'["/usr/bin/python3", {script}, "{{matterhorn}}", "{{device}}", build/packages/third-mountaineer-eth.nmf]'
    profile = profile_with(tmp_path, r"  - name: third\n    command: \[[^\n]*\]",
                           f"  - name: third\n    command: {words}")
    result = matterhorn_json("soak", profile, "--updates", 8, "--losses", 0)
    assert result["verdict"] == "pass"
    assert result["erases"]["nor"]["7F0000"] == 2, "four times third, hence two erases"


def test_seed_is_all_that_is_random(twenty):
    assert soak("--updates", 20, "--losses", 2) == twenty
    assert soak("--updates", 20, "--losses", 2, "--seed", 2)["trace"] != twenty["trace"]


def test_slow_parts_take_their_time():
    options = ("--updates", 4, "--losses", 0)
    typical = soak(*options)
    slow = soak(*options, "--flash-times", "maximum", "--nor-times", "maximum")
    assert slow["virtual_s"] > typical["virtual_s"] + 3, "six erases of one second more each"
    assert slow["erases"] == typical["erases"]


def test_killed_machine_changes_nothing(tmp_path):
    """Each dies in its sixtieth run, in the middle of an update."""
    variables = {"MATTERHORN_QEMU": FRAGILE, "FRAGILE_QEMU": BUILD / "bin/matterhorn-qemu"}
    variables |= {"FRAGILE_FOLDER": tmp_path, "FRAGILE_PLAN": "+:60"}
    options = ("--updates", 8, "--losses", 2)
    assert soak(*options, **variables) == soak(*options)
    assert len((tmp_path / "count").read_text(encoding="ascii")) >= 3


def test_output_for_people():
    said = matterhorn("soak", PROFILE, "--updates", 4).stdout
    for text in ("4 updates in a row", "endurance", "application wears out first", "every update was there in the end"):
        assert text in said


# --- Checkpoints ----------------------------------------------------------------------------------------------------


def test_killed_soak_goes_on_as_if_nothing_had_happened(twenty, tmp_path):
    """Killed behind a checkpoint, wherever it is then; what goes on from there ends like one that never stopped."""
    file = tmp_path / "state"
    command = [MATTERHORN, "soak", PROFILE, "--updates", "1000", "--losses", "2", "--store", file, "--store-every", "3"]
    with subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        for line in process.stderr:
            if "stored" in line and not line.startswith("  3 of"):
                break
        process.send_signal(signal.SIGKILL)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".part"] == ["state"]
    assert soak("--resume", file, "--updates", 20) == twenty


def test_soak_of_the_past_goes_on(twenty, tmp_path):
    file = tmp_path / "state"
    soak("--updates", 7, "--losses", 2, "--store", file)
    assert soak("--updates", 20, "--resume", file) == twenty
    assert soak("--updates", 20, "--resume", file) == twenty, "it was stored in the end, and there is nothing left to do"


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    file = tmp_path_factory.mktemp("stored") / "state"
    soak("--updates", 2, "--store", file)
    return file


def refused(*arguments):
    done = matterhorn("soak", *arguments, status=2)
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert not done.stdout
    return done.stderr


def test_changed_checkpoint_is_refused(stored, tmp_path):
    data = stored.read_bytes()
    for place in (5, 40, len(data) // 2, len(data) - 1):
        changed = tmp_path / "changed"
        changed.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert str(changed) in refused(PROFILE, "--resume", changed)
    changed.write_bytes(data[:-100])
    assert str(changed) in refused(PROFILE, "--resume", changed)


def test_checkpoint_of_another_profile_is_refused(stored):
    assert PROFILE in refused("eth-app-update", "--resume", stored)


@pytest.mark.parametrize(
    "arguments, word",
    [
        (("--resume", "{tmp}/none"), "none"),
        (("--resume", "{stored}", "--seed", 1), "--resume"),
        (("--resume", "{stored}", "--losses", 1), "--resume"),
        (("--resume", "{stored}", "--store", "{tmp}/x"), "--store"),
        (("--store", "{tmp}/no-such-folder/x"), "no-such-folder"),
        (("--updates", 0), "--updates"),
        (("--losses", -2), "--losses"),
        (("--losses", 11), "--losses"),
        (("--seed", -5), "--seed"),
        (("--store-every", 0), "--store-every"),
        (("--flash-times", "slow"), "--flash-times"),
        (("another",), "one profile"),
    ],
)
def test_wrong_use_is_one_line(arguments, word, stored, tmp_path):
    words = [str(text).format(tmp=tmp_path, stored=stored) for text in arguments]
    assert word in refused(PROFILE, *words)
    assert not list(tmp_path.iterdir())


def test_device_is_no_place_for_a_checkpoint(tmp_path):
    shutil.copytree(BUILD / "device/mountaineer-eth-small", tmp_path / "device")
    file = tmp_path / "device/nor.bin"
    before = file.read_bytes()
    assert "written over" in refused(PROFILE, "--device", tmp_path / "device", "--store", file)
    assert file.read_bytes() == before


def profile_with(folder, pattern, replacement):
    text = (TOP / "sim/profiles" / f"{PROFILE}.yaml").read_text(encoding="utf-8")
    changed = re.sub(pattern, replacement, text, flags=re.DOTALL)
    assert changed != text
    file = folder / "changed.yaml"
    file.write_text(changed, encoding="utf-8")
    return file


def test_profile_that_says_no_updates_cannot_be_soaked(tmp_path):
    assert "no `soak`" in refused(profile_with(tmp_path, r"\nsoak:.*?\n\n", "\n\n"))
    assert "ends in next" in refused(profile_with(tmp_path, r"\nnext:.*?\n\n", "\n\n"))


# --- Findings -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A soak of a planted bug, with the bundle of what it found."""
    folder = tmp_path_factory.mktemp("found")
    root = mutant("request-cleared")
    result = soak("--updates", 100, "--root", root, "--artifacts", folder, status=1)
    return result, root


def test_planted_bug_is_found(found):
    finding = found[0]["finding"]
    assert found[0]["verdict"] == "fail" and found[0]["updates"] == finding["update"] - 1
    assert finding["oracle"] in ("time", "boots") and finding["losses"]
    assert Path(finding["bundle"]).is_dir()


def test_finding_replays_elsewhere(found, tmp_path):
    """In another folder, by a program without a project around it; and the same way, event by event."""
    moved = tmp_path / "moved"
    shutil.copytree(found[0]["finding"]["bundle"], moved)
    for program in ("matterhorn", "matterhorn-qemu"):
        shutil.copy(MATTERHORN.parent / program, tmp_path)
    command = [tmp_path / "matterhorn", "replay", moved, "--verify", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SAFETY_SECONDS, check=False, cwd="/")
    assert done.returncode == 1, done.stderr
    again, finding = json.loads(done.stdout), found[0]["finding"]
    assert again["bundle"]["same"] is True and again["verified"] is True
    assert again["finding"] == {"oracle": finding["oracle"], "detail": finding["detail"]}
    assert again["losses"] == finding["losses"]
    assert finding["detail"] in (moved / "README").read_text(encoding="utf-8")
    said = matterhorn("replay", moved, status=1).stdout
    assert said.index("power     off") < said.index("boot: trying again") < said.index("finding")


def test_changed_bundle_of_a_soak_is_refused(found, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(found[0]["finding"]["bundle"], moved)
    with open(moved / "state/nor.bin", "r+b") as file:
        file.write(b"x")
    assert "state/nor.bin" in matterhorn("replay", moved, status=2).stderr


def test_same_losses_do_no_harm_to_the_good_build(found):
    good = soak("--updates", found[0]["finding"]["update"])
    assert good["verdict"] == "pass" and good["losses"] > 0


def test_without_a_folder_it_says_how_to_get_a_bundle(found):
    said = matterhorn("soak", PROFILE, "--updates", 100, "--root", found[1], status=1).stdout
    assert f"to {found[0]['finding']['update']} updates, with --artifacts" in said


def test_worn_out_journal_is_seen():
    """A planted bug that every power-up does more erases than it needs: all updates are
    there, and the life used says it."""
    options = ("--updates", 10, "--losses", 0)
    good, bad = soak(*options), soak(*options, "--root", mutant(TOP / "tests/planted/erase-at-each-opening.patch"))
    assert bad["verdict"] == "pass" and bad["boots"] == good["boots"]
    journal = [sum(result["erases"]["nor"][sector] for sector in ("7FE000", "7FF000")) for result in (good, bad)]
    assert journal[0] == good["erases"]["internal"][APPLICATION], "at the end of each install, one of the sectors"
    assert journal[1] >= journal[0] + 2 * bad["boots"]


def test_update_that_the_device_does_not_take_is_a_finding(tmp_path):
    pattern = r"deploy, \"\{device\}\", build/packages/third-mountaineer-eth.nmf\]\n    ends"
    profile = profile_with(tmp_path, pattern, "inspect, build/packages/third-mountaineer-eth.nmf, --board, mountaineer-usb]\n    ends")
    result = matterhorn_json("soak", profile, "--updates", 5, status=1)
    assert result["updates"] == 1 and result["finding"]["oracle"] == "next"


# --- Parts that wear ------------------------------------------------------------------------------------------------


def test_erases_add_up_from_update_to_update_and_over_a_checkpoint(tmp_path):
    """Sectors of the SPI NOR that stand six erases end the soak, wherever it was stopped and gone on from; and the bundle
    of the finding knows how worn they are."""
    worn, state, found = tmp_path / "worn.yaml", tmp_path / "soak.state", tmp_path / "found"
    worn.write_text(f"extends: {TOP}/sim/profiles/{PROFILE}.yaml\nname: worn\nfaults: [nor-worn=6]\n")
    straight = matterhorn_json("soak", worn, "--updates", 12, "--losses", 0, "--artifacts", found, status=1)
    matterhorn("soak", worn, "--updates", 2, "--losses", 0, "--store", state)
    gone_on = matterhorn_json("soak", worn, "--updates", 12, "--resume", state, status=1)
    assert straight["finding"] and straight["updates"] == gone_on["updates"] < 12
    assert straight["erases"] == gone_on["erases"]
    assert matterhorn_json("replay", next(found.iterdir()), "--verify", status=1)["bundle"]["same"]
