# SPDX-License-Identifier: MIT
"""The config sector on the real binary: it is written anew from its shadow when power was lost while that was done,
however often power is lost again; a shadow that this device has not made, or that nobody needs, changes nothing."""

import pytest

from formats import anchors, boards, config

from .artifacts import FIRMWARE, TOP, device_folder, matterhorn, matterhorn_json, mutant
from .device import Cells

BOARD = boards.ETHERNET
OTHER_MAC = bytes.fromhex("024d54c0ffee")
VALUES = {config.MAC_ADDRESS: OTHER_MAC, 0x8001: b"what an application keeps"}
SECTOR = slice(config.SECTOR.start - boards.INTERNAL_BASE, config.SECTOR.end - boards.INTERNAL_BASE)

PROFILE = "eth-config"
PLANTED = TOP / "tests/planted/config-not-closed.patch"

# What the application of that profile does not do: the bootloader alone writes the sector anew.
RESTORED = """
extends: {base}
name: restored
device: {device}
symbols: []
phases: []
recovered:
  lines: ["runtime: MAC {mac}"]
  equal:
    - {{name: config, chip: internal, address: 0x0800C000, file: {expected}}}
next:
  recovered:
    lines: ["runtime: MAC {mac}", "third: confirmed"]
budget: {{boots: 8}}
cuts: {{minimum: []}}
"""


@pytest.fixture
def cells():
    return Cells.load(device_folder(BOARD))


def secret_of(cells):
    return anchors.read(cells.internal).secret


def put_shadow(cells, values, secret):
    shadow = config.encode_shadow(values, secret)
    cells.nor[config.SHADOW : config.SHADOW + len(shadow)] = shadow


def boot(cells, folder, until):
    """What the device says until then, and what it then holds."""
    cells.save(folder / "before")
    said = matterhorn("boot", folder / "before", "--machine", BOARD.name, "--until", until, "--save", folder / "after").stdout
    return said, Cells.load(folder / "after")


def test_a_provisioned_device_has_a_whole_sector_a_secret_and_no_shadow(cells):
    assert config.is_whole(cells.internal[SECTOR])
    assert cells.internal[SECTOR] == config.encode({config.MAC_ADDRESS: config.read(cells.internal)[config.MAC_ADDRESS]})
    assert any(secret_of(cells))
    assert not cells.nor[config.SHADOW : config.SHADOW + config.SIZE].strip(b"\xff")


def test_devices_get_secrets_of_their_own(tmp_path):
    secrets = set()
    arguments = ("--board", BOARD.name, "--key", TOP / "build/keys/development.public", "--mac", "02:00:00:00:00:01",
                 "--bootloader", TOP / "build/firmware/mountaineer-eth/boot.bin",
                 "--runtime", TOP / "build/packages/runtime-mountaineer-eth.nmf",
                 "--application", TOP / "build/packages/third-mountaineer-eth.nmf")  # fmt: skip
    for name in ("one", "other"):
        matterhorn("provision", *arguments, "--output", tmp_path / name)
        secrets.add(secret_of(Cells.load(tmp_path / name)))
    assert len(secrets) == 2
    (tmp_path / "short").write_bytes(b"s" * 31)
    matterhorn("provision", *arguments, "--secret", tmp_path / "short", "--output", tmp_path / "third", status=2)
    assert not (tmp_path / "third").exists()


@pytest.mark.parametrize("left", ["erased", "closed", "zeros"])
def test_a_sector_that_is_not_whole_is_written_from_its_shadow(cells, tmp_path, left):
    cells.internal[SECTOR] = {
        "erased": b"\xff" * config.SIZE,
        "closed": config.encode(config.read(cells.internal), closed=True),
        "zeros": bytes(config.SIZE),
    }[left]
    put_shadow(cells, VALUES, secret_of(cells))
    _, after = boot(cells, tmp_path, f"runtime: MAC {OTHER_MAC.hex(':')}")
    assert after.internal[SECTOR] == config.encode(VALUES)
    assert after.nor[config.SHADOW : config.SHADOW + 64] == b"\xff" * 64


@pytest.mark.parametrize("forged", ["another secret", "another value", "no secret"])
def test_a_forged_shadow_changes_nothing(cells, tmp_path, forged):
    cells.internal[SECTOR] = config.encode(config.read(cells.internal), closed=True)
    put_shadow(cells, VALUES, bytes(32) if forged == "no secret" else b"x" * 32
               if forged == "another secret" else secret_of(cells))
    if forged == "another value":
        cells.nor[config.SHADOW + 64 + 12] ^= 1
    _, after = boot(cells, tmp_path, "runtime: MAC 02:4d:54:00:00:01")  # what is left of the closed sector
    assert after.internal[SECTOR] == cells.internal[SECTOR]


def test_the_shadow_of_a_whole_sector_is_not_looked_at(cells, tmp_path):
    put_shadow(cells, VALUES, secret_of(cells))
    _, after = boot(cells, tmp_path, "runtime: MAC 02:4d:54:00:00:01")
    assert after.internal[SECTOR] == cells.internal[SECTOR]


def test_any_number_of_power_losses_while_it_is_written_from_its_shadow(cells, tmp_path):
    """Closed: the search comes to its end."""
    cells.internal[SECTOR] = config.encode(config.read(cells.internal), closed=True)
    put_shadow(cells, VALUES, secret_of(cells))
    device = cells.save(tmp_path / "device")
    (tmp_path / "expected").write_bytes(config.encode(VALUES))
    profile = tmp_path / "restored.yaml"
    base = TOP / f"sim/profiles/{PROFILE}.yaml"
    profile.write_text(RESTORED.format(base=base, device=device, expected=tmp_path / "expected",
                                       mac=OTHER_MAC.hex(":")))
    result = matterhorn_json("sweep", profile, "--depth", "any", "--jobs", 1)
    assert result["verdict"] == "pass" and result["closed"] and result["findings"] == []
    assert result["ops"] >= 20


# --- An application that keeps settings ---

NUMBER, VALUE, LONG = 0x8001, 0x8002, 0x8003


def settings(number):
    """Records in the order in which they are written."""
    return [(VALUE, bytes((number + i) & 0xFF for i in range(40))), (NUMBER, number.to_bytes(4, "little"))]


def settings_value(number):
    return dict(settings(number))[VALUE]


@pytest.fixture
def keeper():
    """A device whose config sector is full but for less than a record, with an application that writes on."""
    return Cells.load(FIRMWARE / "device/mountaineer-eth-settings")


def test_an_application_writes_the_sector_anew(keeper, tmp_path):
    """It was full but for less than a record. What counts is kept, and nothing else; the next changes stand behind it."""
    before = config.read(keeper.internal)
    assert before == {**before, **dict(settings(2))} and len(before) == 4
    assert len(keeper.internal[SECTOR].rstrip(b"\xff")) > config.SIZE - 60
    said, after = boot(keeper, tmp_path, "settings: written")
    assert "settings: kept" in said
    kept = [(tag, before[tag]) for tag in (config.MAC_ADDRESS, LONG, NUMBER)]
    assert after.internal[SECTOR] == config.encode([*kept, *settings(3), *settings(4)])


def test_an_application_loses_power_at_each_operation():
    result = matterhorn_json("sweep", PROFILE, "--jobs", 1)
    assert result["verdict"] == "pass" and result["findings"] == []
    assert result["ops"] > 4000


def test_an_application_loses_power_twice():
    """A sample of the second losses."""
    result = matterhorn_json("sweep", PROFILE, "--depth", 2, "--cuts", 60, "--jobs", 2)
    assert result["verdict"] == "pass" and result["depth"] == 2 and result["findings"] == []


def test_a_sector_that_is_erased_while_it_counts_is_found():
    """Planted: it is not closed before its erase, so what a torn erase leaves of it counts, and its shadow does not."""
    result = matterhorn_json("sweep", PROFILE, "--root", mutant(PLANTED), "--live", 0, "--jobs", 1, status=1)
    assert result["findings"]
