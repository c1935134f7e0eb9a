# SPDX-License-Identifier: MIT
"""The config sector on the real binary: it is written anew from its shadow when power was lost while that was done, however often power is lost
again; a shadow that this device has not made, or that nobody needs, changes nothing."""

import pytest

from formats import anchors, boards, config

from .artifacts import TOP, device_folder, firmware, matterhorn, matterhorn_json, package_file
from .device import Cells

BOARD = boards.ETHERNET
OTHER_MAC = bytes.fromhex("024d54c0ffee")
VALUES = {config.MAC_ADDRESS: OTHER_MAC, 0x8001: b"what an application keeps"}
SECTOR = slice(config.SECTOR.start - boards.INTERNAL_BASE, config.SECTOR.end - boards.INTERNAL_BASE)

# What both profiles here have in common. The next update works.
BASE = """
machine: mountaineer-eth
areas:
  - {name: application, chip: internal, address: 0x080A0000, size: 0x60000}
  - {name: store, chip: nor, address: 0x700000, size: 0xFA000}
  - {name: journal, chip: nor, address: 0x7FE000, size: 0x2000}
next:
  command: ["{matterhorn}", deploy, "{device}", build/packages/third-mountaineer-eth.nmf]
  recovered:
    lines: ["third: confirmed"]
    edges:
      - {pin: PE13, count: 2}
    equal:
      - {name: application, chip: internal, address: 0x080A0000, file: build/packages/third-mountaineer-eth.flash}
cuts:
  count: all
  seed: 1
  tears: [before, half, mask, weak]
"""

PROFILE = """
extends: {base}
name: config
device: {device}
recovered:
  lines: ["runtime: MAC {mac}"]
  edges: []
  equal:
    - {{name: config, chip: internal, address: 0x0800C000, file: {expected}}}
  unchanged:
    - {{name: bootloader, chip: internal, address: 0x08000000, size: 0xC000}}
    - {{name: runtime, chip: internal, address: 0x08010000, size: 0x90000}}
    - {{name: application, chip: internal, address: 0x080A0000, size: 0x60000}}
    - {{name: store, chip: nor, address: 0x700000, size: 0xFA000}}
    - {{name: user's NOR, chip: nor, address: 0, size: 0x700000}}
  over: []
next:
  recovered:
    unchanged:
      - {{name: bootloader, chip: internal, address: 0x08000000, size: 0xC000}}
      - {{name: runtime, chip: internal, address: 0x08010000, size: 0x90000}}
budget: {{boots: 8, seconds: 20, erases: 1}}
"""


def base_of(folder):
    """The file that the profiles extend, in this folder."""
    (folder / "base.yaml").write_text(BASE)
    return folder / "base.yaml"


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
    put_shadow(cells, VALUES, bytes(32) if forged == "no secret" else b"x" * 32 if forged == "another secret" else secret_of(cells))
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
    profile = tmp_path / "config.yaml"
    profile.write_text(PROFILE.format(base=base_of(tmp_path), device=device, expected=tmp_path / "expected", mac=OTHER_MAC.hex(":")))
    result = matterhorn_json("sweep", profile, "--depth", "any", "--jobs", 1)
    assert result["verdict"] == "pass" and result["closed"] and result["findings"] == []
    assert result["ops"] >= 20


# --- An application that keeps settings ---

NUMBER, VALUE, OLD = 0x8001, 0x8002, 0x8003
SETTINGS = """
extends: {base}
name: settings
device: {device}
recovered:
  lines: ["runtime: MAC 02:4d:54:00:00:01", "settings: kept", "settings: written"]
  edges: []
  equal: []
  unchanged:
    - {{name: bootloader, chip: internal, address: 0x08000000, size: 0xC000}}
    - {{name: runtime, chip: internal, address: 0x08010000, size: 0x90000}}
    - {{name: application, chip: internal, address: 0x080A0000, size: 0x60000}}
    - {{name: store, chip: nor, address: 0x700000, size: 0xFA000}}
    - {{name: user's NOR, chip: nor, address: 0, size: 0x700000}}
  over: []
next:
  recovered:
    unchanged:
      - {{name: bootloader, chip: internal, address: 0x08000000, size: 0xC000}}
      - {{name: runtime, chip: internal, address: 0x08010000, size: 0x90000}}
budget: {{boots: 8, seconds: 20, erases: 1}}
"""


def settings_value(number):
    return bytes((number + i) & 0xFF for i in range(40))


@pytest.fixture
def keeper(tmp_path):
    """A device whose config sector is full but for some records, with an application that writes on."""
    matterhorn("provision", "--board", BOARD.name, "--key", TOP / "build/keys/development.public", "--mac", "02:4d:54:00:00:01",
               "--secret", TOP / "build/keys/development.secret", "--bootloader", firmware(BOARD, "boot", "bin"),
               "--runtime", package_file(BOARD, "runtime"),
               "--application", TOP / "build/packages/settings-mountaineer-eth.nmf", "--output", tmp_path / "new")  # fmt: skip
    cells = Cells.load(tmp_path / "new")
    mac = (config.MAC_ADDRESS, config.read(cells.internal)[config.MAC_ADDRESS])
    last = [(NUMBER, (5).to_bytes(4, "little")), (VALUE, settings_value(5)), (OLD, b"")]
    old = [(OLD, b"what was there before" * 20)] * 36 + [(OLD, bytes(120))]
    cells.internal[SECTOR] = config.encode([mac, *old, *last])
    return cells


def test_an_application_writes_the_sector_anew(keeper, tmp_path):
    said, after = boot(keeper, tmp_path, "settings: written")
    assert "settings: kept" in said
    values = config.read(after.internal)
    assert values[NUMBER] == (9).to_bytes(4, "little") and values[VALUE] == settings_value(9) and OLD not in values
    assert values[config.MAC_ADDRESS] == config.read(keeper.internal)[config.MAC_ADDRESS]
    assert after.internal[SECTOR].rstrip(b"\xff") != keeper.internal[SECTOR].rstrip(b"\xff")
    assert len(after.internal[SECTOR].rstrip(b"\xff")) < 1024, "it was not written anew"


def test_an_application_loses_power_at_each_operation(keeper, tmp_path):
    profile = tmp_path / "settings.yaml"
    profile.write_text(SETTINGS.format(base=base_of(tmp_path), device=keeper.save(tmp_path / "device")))
    result = matterhorn_json("sweep", profile, "--jobs", 1)
    assert result["verdict"] == "pass" and result["findings"] == []
    assert result["ops"] > 100
