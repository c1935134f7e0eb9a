# SPDX-License-Identifier: MIT
"""Faults of the parts, by name: the real firmware under them, and that ids, profiles and reports carry them."""

import re
import struct
import sys

import pytest

from formats import boards

from .artifacts import TOP, device_folder, matterhorn, matterhorn_json

sys.path.append(str(TOP / "tests/device"))
from bed import build  # noqa: E402
from test_spi_nor import DELAY, END, WRITE_ENABLE, send  # noqa: E402

PROFILE = "eth-app-update"
BOARD = boards.ETHERNET
CUTS = ("--cuts", 200, "--jobs", 2)


def faults(*names):
    return [word for name in names for word in ("--fault", name)]


# --- The firmware under faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault, said, seconds", [
    ("nor-dead", "demo: red", 6), ("nor-wip-stuck", "boot: starting", 3), ("nor-miso-low", "demo: red", 1),
    ("nor-status-reads=00", "demo: red", 1), ("nor-read-only", "demo: red", 1), ("nor-status-torn=5", "demo: red", 1),
    ("nor-jedec=C22017", "demo: red", 1), ("nor-suspended=7FE000", "demo: red", 1), ("nor-slow=1000", "demo: red", 1)])
def test_a_good_application_starts_whatever_the_spi_nor_does(fault, said, seconds):
    """Within a bounded time: the longest wait for a chip, once in the bootloader and once in the runtime."""
    result = matterhorn_json("boot", "--profile", PROFILE, *faults(fault), "--until", said, "--time", seconds)
    assert result["reason"] == "reached" and result["boots"] == 1


def test_a_spi_nor_that_fails_on_the_way_does_not_hang_the_application():
    result = matterhorn_json("boot", "--profile", PROFILE, *faults("nor-wip-stuck=3"), "--until", "runtime: refused", "--time", 5)
    assert result["reason"] == "reached"


@pytest.mark.parametrize("fault", [
    "int-slow=3", "int-aging=50", "int-flags", "int-stale-cache", "int-worn=1", "nor-slow=1", "nor-powered-down",
    "nor-continuous-read", "nor-multipass-refused", "nor-powerup-slow", "nor-read-flip=5000", "nor-wel-drop=3", "hse-dead"])
def test_an_update_goes_through(fault):
    result = matterhorn_json("boot", "--profile", PROFILE, *faults(fault), "--until", "update: confirmed", "--time", 60)
    assert result["reason"] == "reached"


def test_an_update_goes_through_with_a_spi_nor_slower_than_its_data_sheet():
    """The firmware counts its polls, so that each of them is executed: the smallest update will do."""
    result = matterhorn_json("boot", "--profile", "eth-small-update", *faults("nor-slow=2"), "--until", "demo: stored", "--time", 60)
    assert result["reason"] == "reached"


@pytest.mark.parametrize("names", [("int-slow=2", "nor-slow=1"), ("nor-wel-drop=7",)])
def test_power_losses_are_recovered_under_faults(names):
    result = matterhorn_json("sweep", PROFILE, *CUTS, *faults(*names), "--check-credited", 10)
    assert result["verdict"] == "pass" and result["faults"] == sorted(names)
    assert result["cuts_fired"] == 200 and result["states_pruned"] > 50 and result["checked"] == 10


def test_nothing_is_credited_where_a_fault_sees_more_than_the_recovery_touches():
    result = matterhorn_json("sweep", PROFILE, "--cuts", 60, "--jobs", 2, *faults("int-stale-cache"))
    assert result["verdict"] == "pass" and result["states_pruned"] == 0


def test_a_packet_that_does_not_hold_is_refused():
    """And what runs goes on (tests/system/test_worn.py)."""
    lines, _ = boot("nor-worn=0", status=1)
    assert "runtime: refused: flash does not answer or does not hold what was written" in lines and "demo: update refused" in lines
    assert not any("installing" in line for line in lines)


def test_sweeps_under_wear_build_what_the_machine_leaves():
    """Erases are part of a state, so what a power loss leaves is worn as in a machine that has lost power."""
    result = matterhorn_json("sweep", "eth-small-update", "--cuts", 60, "--live", 60, "--jobs", 2, *faults("nor-worn=4"))
    assert result["live"] == 60 and result["states_pruned"] == 0 and result["verdict"] == "pass"


# --- Power faults ---------------------------------------------------------------------------------------------------


def boot(fault, **options):
    """The lines that tell how the update went."""
    said = matterhorn("boot", "--profile", PROFILE, *faults(fault), "--until", "update: confirmed", "--time", 40, **options).stdout
    return [line.split(maxsplit=3)[3] for line in said.splitlines() if " s  usart1 " in line], said


def test_a_reset_in_the_middle_of_the_update_does_not_end_it():
    """Which is 0.87 s after the install began, in the erase."""
    lines, said = boot("reset-at=3000000")
    assert "3.000000 s  reset     by the reset pin" in said and "boot: Matterhorn on mountaineer-eth, reset: pin" in lines
    assert lines.index("boot: installing") < lines.index("boot: resuming the install") < lines.index("update: confirmed")


def test_a_dip_of_the_mcu_in_the_install_does_not_end_it():
    lines, said = boot("vdd-dip=3000000.5000")
    assert "3.000000 s  vdd       0 mV" in said and "3.005000 s  vdd       3300 mV" in said
    assert lines.count("boot: Matterhorn on mountaineer-eth, reset: power-on") == 2 and "boot: resuming the install" in lines
    assert lines[-1] == "update: confirmed"


def test_a_dip_of_the_spi_nor_while_it_stores_is_refused_and_stored_again():
    lines, said = boot("vcc-dip=1500000.5000")
    assert "1.500000 s  vcc       0 mV" in said and "1.505000 s  vcc       3300 mV" in said
    refused = [line for line in lines if line.startswith("runtime: refused: ")]
    assert len(refused) == 1 and lines.index(refused[0]) < lines.index("demo: stored, restarting") and lines[-1] == "update: confirmed"


def test_without_its_supply_the_spi_nor_takes_no_update_and_the_application_starts():
    result = matterhorn_json("boot", "--profile", PROFILE, *faults("vcc-low=1000"), "--until", "demo: red", "--time", 6)
    assert result["reason"] == "reached"


def test_nothing_is_written_at_undervoltage():
    """What was written then would read otherwise after a power-on reset (tests/device/test_faults.py). The update is put off, and what is there starts."""
    for millivolts in (2500, 2700, 2900):
        result = matterhorn_json("boot", "--profile", PROFILE, *faults(f"vdd-low={millivolts}"), "--until", "demo: update refused", "--time", 15)
        assert result["reason"] == "reached" and result["boots"] == 1
        assert not [sector for sector in result["sectors"] if sector["erases"] or sector["programs"]]
    assert boot("vdd-low=3100")[0][-1] == "update: confirmed"


@pytest.mark.parametrize("fault", ["reset-at=1650000", "vcc-dip=300000.5000", "vdd-low=3100"])
def test_sweeps_under_power_faults_build_what_the_machine_leaves(fault):
    result = matterhorn_json("sweep", PROFILE, "--cuts", 60, "--live", 20, "--jobs", 2, *faults(fault), "--check-credited", 10)
    assert result["verdict"] == "pass" and result["faults"] == [fault] and result["live"] == 20
    assert (result["states_pruned"] == 0) == fault.startswith("vcc-dip")


@pytest.mark.parametrize("fault, status, word", [
    ("vdd-low=2699", 2, "under vdd-low=2699 the flash keeps less than it is told"),
    ("vcc-dip=1500000.5000", 3, "a dip of the supply tears nor.7"),
    ("vdd-dip=3000000.5000", 3, "a dip of the supply tears int.080A0000.e1"),
    ("reset-at=3000000", 3, "a reset tears int.080A0000.e1")])
def test_what_no_recording_tells_is_neither_swept_nor_replayed(fault, status, word):
    for command in (("sweep", PROFILE, "--cuts", 5, "--jobs", 1), ("replay", f"{PROFILE}~s1!{fault}/int.080A0398.p1.after")):
        said = matterhorn(*command, *(faults(fault) if command[0] == "sweep" else ()), status=status)
        assert word in said.stderr and len(said.stderr.splitlines()) == 1


def test_an_id_with_a_dip_in_it_comes_back():
    """The dip meets each recovery too."""
    again = matterhorn_json("replay", f"{PROFILE}~s1!vcc-dip=300000.5000/int.080A0398.p1.half", "--verify")
    assert again["verdict"] == "pass" and again["verified"] and "!vcc-dip=300000.5000/" in again["id"]


# --- A finding under a fault, from its id alone ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def worn(tmp_path_factory):
    """No sector stands a third erase: the update and the next one are two, and a loss of power makes another one necessary."""
    folder = tmp_path_factory.mktemp("worn")
    page, junit, listed = folder / "page.html", folder / "junit.xml", folder / "list"
    result = matterhorn_json("sweep", PROFILE, "--cuts", 10, "--tears", "half", "--live", 10, "--jobs", 2, *faults("int-worn=2"),
                             "--html", page, "--junit", junit, "--list", listed, status=1)
    return result, page.read_text(), junit.read_text(), listed.read_text()


def test_a_finding_carries_its_fault_and_comes_back(worn):
    result, page, junit, listed = worn
    assert result["faults"] == ["int-worn=2"]
    found = next(one for one in result["findings"] if "/int." in one["id"])
    assert "!int-worn=2/int." in found["id"]
    assert "faults of the parts: int-worn=2" in page and 'name="faults" value="!int-worn=2"' in junit
    assert all("!int-worn=2/" in line for line in listed.splitlines()[1:])
    again = matterhorn_json("replay", found["id"], "--verify", status=1)
    assert again["id"] == found["id"] and again["verified"]
    assert again["finding"] == {"oracle": found["oracle"], "detail": found["detail"]}
    assert "int-worn=2" in matterhorn("replay", found["id"], status=1).stdout.splitlines()[1]
    healthy = found["id"].replace("!int-worn=2", "")
    assert matterhorn_json("replay", healthy)["verdict"] == "pass"
    assert matterhorn_json("replay", healthy, *faults("int-worn=2"), status=1)["id"] == found["id"]


def test_a_next_update_is_another_one_where_a_sector_is_more_worn(tmp_path):
    """End states whose cells are the same, one of them an erase nearer to the end of its sector: what the sweep says of each is
    what comes out when it is done alone."""
    listed = tmp_path / "list"
    matterhorn("sweep", "eth-tiny-update", "--cuts", 10, "--tears", "before", "--jobs", 1, *faults("int-worn=2"), "--list", listed,
               status=1)
    cases = [line.split() for line in listed.read_text().splitlines()[1:]]
    recovered = [case[0] for case in cases if "recovered" in case and "/int." in case[0]]
    failed = [case[0] for case in cases if "recovered" not in case and "/int." in case[0]]
    assert recovered and failed
    for cut, status in [(cut, 0) for cut in recovered[:3]] + [(cut, 1) for cut in failed[:3]]:
        matterhorn("replay", cut, status=status)


def test_several_power_losses_under_a_fault():
    """The wear of the first recovery counts in the second one."""
    cuts = f"{PROFILE}~s1!int-worn=3/int.080A0000.e1.half"
    assert matterhorn_json("replay", cuts)["verdict"] == "pass"
    assert matterhorn_json("replay", cuts + "+int.080A0000.e1.half", "--verify", status=1)["verdict"] == "fail"


def test_a_profile_names_faults(tmp_path):
    text = (TOP / f"sim/profiles/{PROFILE}.yaml").read_text(encoding="utf-8").partition("  minimum:")[0]
    profile = tmp_path / "slow.yaml"
    profile.write_text(text.replace("\npins:", "\nfaults: [int-slow=2, nor-wel-drop=5]\n\npins:", 1), encoding="utf-8")
    result = matterhorn_json("sweep", profile, "--cuts", 5, "--live", 0, "--jobs", 1, "--root", TOP, *faults("int-slow=3"))
    assert result["faults"] == ["int-slow=3", "nor-wel-drop=5"], "the command line has the last word"
    profile.write_text(text.replace("\npins:", "\nfaults: [int-fast]\n\npins:", 1), encoding="utf-8")
    said = matterhorn("sweep", profile, status=2).stderr
    assert "slow.yaml: faults: there is no fault \"int-fast\", there are: int-stuck-0" in said


# --- Wrong names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("boot", "--profile", PROFILE), ("sweep", PROFILE),
                                     ("replay", f"{PROFILE}~s1/int.080A0398.p1.after")])
@pytest.mark.parametrize("fault, word", [("nor-wip", "nor-wip-stuck"), ("int-slow", "int-slow=K: from 1 to 1000")])
def test_a_wrong_fault_is_told_with_what_there_is(command, fault, word):
    said = matterhorn(*command, "--fault", fault, status=2)
    assert word in said.stderr and len(said.stderr.splitlines()) == 1 and not said.stdout


@pytest.mark.parametrize("command", [("boot", "--profile", PROFILE, "--cut", 1, "--tear", "torn"),
                                     ("sweep", PROFILE, "--tears", "torn"),
                                     ("replay", f"{PROFILE}~s1/int.080A0398.p1.torn")])
def test_a_wrong_tear_is_told_with_what_there_is(command):
    said = matterhorn(*command, status=2).stderr
    assert "torn" in said and "before" in said and "onebit" in said and len(said.splitlines()) == 1


# --- The page -------------------------------------------------------------------------------------------------------


def test_the_page_has_the_table_of_the_command():
    page = (TOP / "docs/FAULTS.md").read_text(encoding="utf-8")
    table = matterhorn("faults", "--markdown").stdout
    assert table in page, "put the output of `matterhorn faults --markdown` between the two comments of docs/FAULTS.md"
    menu = re.findall(r"^([\w-]+)[\[= ]", matterhorn("faults").stdout, re.M)
    assert menu[:33] == re.findall(r"^\| `([\w-]+)", page, re.M)


# --- Status registers belong to a state -----------------------------------------------------------------------------


@pytest.fixture
def protecting(tmp_path):
    """A device that protects its SPI NOR and frees it again, and expects it to be free when it starts."""
    device = tmp_path / "device"
    device.mkdir()
    steps = [send(0x05, read=1), WRITE_ENABLE + send(0x01, 0x1C), [DELAY, 20000], WRITE_ENABLE + send(0x01, 0x00),
             [DELAY, 20000]]
    words = [1, *[word for step in steps for word in step], END]
    internal = bytearray(b"\xff" * (1 << 20))
    firmware = build("spi_nor", tmp_path)
    internal[: len(firmware)] = firmware
    internal[0x20000 : 0x20000 + 4 * len(words)] = struct.pack(f"<{len(words)}I", *words)
    (device / "internal.bin").write_bytes(internal)
    (device / "nor.bin").write_bytes(b"\xff" * (8 << 20))
    (device / "otp.bin").write_bytes((device_folder(BOARD) / "otp.bin").read_bytes())
    profile = tmp_path / "protecting.yaml"
    profile.write_text(f"""name: protecting
machine: mountaineer-eth
device: {device}
recovered: {{lines: ["00"], edges: [{{pin: PE14, count: 1}}]}}
budget: {{boots: 1, seconds: 1}}
cuts: {{count: all, tears: [before, half, mask, after]}}
""", encoding="utf-8")
    return profile


def test_a_firmware_that_protects_is_swept_truthfully(protecting):
    listed = protecting.parent / "list"
    result = matterhorn_json("sweep", protecting, "--live", 8, "--jobs", 1, "--list", listed, status=1)
    assert result["ops"] == 2 and result["live"] == 8 == result["cuts"], "each state is that of a real cut"
    verdicts = dict((line.split()[0].split("/")[1], line.split()[7]) for line in listed.read_text().splitlines()[1:])
    assert {name for name, verdict in verdicts.items() if verdict == "recovered"} \
        == {"nor.000000.s1.before", "nor.000000.s2.half", "nor.000000.s2.after"}
    again = matterhorn_json("replay", "protecting~s0/nor.000000.s1.half", "--profile", protecting, "--verify", status=1)
    assert again["verified"]
