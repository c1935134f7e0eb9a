# SPDX-License-Identifier: MIT
"""From the provisioned device to the locked one (docs/PROVISIONING.md): the files that a production line takes, what
`inspect` warns of, and that a locked device starts, takes updates and keeps its bootloader, whatever an application
does to it."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from formats import anchors, boards, config, keys

from . import apps, jobs, trace
from .artifacts import PUBLIC_KEY, TOP, matterhorn, matterhorn_json, package_file
from .device import Cells, requested_cells

ETHERNET = boards.ETHERNET
each_board = pytest.mark.parametrize("board", boards.BOARDS.values(), ids=lambda board: board.name)

INTRUDER = Path(__file__).with_name("intruder.c")
OPTIONS = 528  # in otp.bin
LOCKED = 0x0FF855E0  # FLASH_OPTCR: RM0090 3.9.9
WRPERR = 0x10
BOOT = slice(0, 0xC000)
ANCHORS = slice(anchors.ADDRESS - boards.INTERNAL_BASE, anchors.ADDRESS - boards.INTERNAL_BASE + anchors.SIZE)


def optcr(otp):
    """What FLASH_OPTCR reads: user and read protection, and write protection 8 bytes further."""
    user, rdp, nwrp = otp[OPTIONS], otp[OPTIONS + 1], struct.unpack_from("<H", otp, OPTIONS + 8)[0]
    return (nwrp & 0xFFF) << 16 | rdp << 8 | user & 0xEC


def read_hex(text):
    """The bytes that an Intel HEX file gives, as {address: byte}; each record is checked."""
    found, upper, lines = {}, 0, text.splitlines()
    assert lines[-1] == ":00000001FF"
    for line in lines[:-1]:
        assert line[0] == ":"
        record = bytes.fromhex(line[1:])
        assert sum(record) & 0xFF == 0 and len(record) == record[0] + 5, line
        offset, kind, data = int.from_bytes(record[1:3], "big"), record[3], record[4:-1]
        if kind == 4:
            upper = int.from_bytes(data, "big") << 16
            continue
        assert kind == 0
        for at, byte in enumerate(data):
            assert found.setdefault(upper + offset + at, byte) == byte
    return found


# --- What the production line gets --------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=boards.BOARDS.values(), ids=lambda board: board.name)
def line(request, tmp_path_factory):
    """A board, its locked device, and the folder for the production line."""
    folder = tmp_path_factory.mktemp("line")
    options = ("--lock", "--production", folder / "line", "--user-seed", 1)
    cells = apps.provisioned_with(request.param, package_file(request.param, "third"), folder / "device", *options)
    return request.param, cells, folder / "line"


def test_hex_files_hold_what_the_device_holds(line):
    board, cells, folder = line
    ranges = {
        "internal": boards.Region(boards.INTERNAL_BASE, boards.INTERNAL_BASE + boards.INTERNAL_SIZE),
        "bootloader": boards.Region(boards.INTERNAL_BASE, config.SECTOR.start),
        "config": boards.Region(config.SECTOR.start, config.SECTOR.end),
        "runtime": board.runtime,
        "application": board.application,
    }
    for name, region in ranges.items():
        found = read_hex((folder / f"{name}.hex").read_text(encoding="ascii"))
        assert all(region.start <= address < region.end for address in found), name
        held = region.cut_from(cells.internal)
        written = bytearray(b"\xff" * region.size)
        for address, byte in found.items():
            written[address - region.start] = byte
        assert written == held, name
        rows = {address & ~15 for address in found}
        assert all(any(found[row + at] != 0xFF for at in range(16)) for row in rows), f"{name}: an erased row"


def test_anchors_are_in_the_bootloaders_file_and_in_no_other_part(line):
    _, cells, folder = line
    secret = anchors.read(cells.internal).secret
    at = anchors.ADDRESS + 144
    for name in ("bootloader", "config", "runtime", "application"):
        found = read_hex((folder / f"{name}.hex").read_text(encoding="ascii"))
        held = bytes(found.get(address, 0xFF) for address in range(at, at + 32))
        assert (held == secret) == (name == "bootloader"), name


def test_reserved_megabyte_is_a_file_of_its_own(line):
    _, cells, folder = line
    assert (folder / "reserved.bin").read_bytes() == cells.nor[0x700000:]


def test_option_bytes_are_a_value_and_in_the_device(line):
    _, cells, folder = line
    assert optcr(cells.otp) == LOCKED
    said = dict(line.split("=") for line in (folder / "option-bytes.txt").read_text(encoding="ascii").splitlines())
    assert said == {"OPTCR": "0x0FF855E0", "USER": "0xE0", "RDP": "0x55", "NWRP": "0xFF8"}
    assert cells.otp[:OPTIONS] == b"\xff" * OPTIONS, "nothing of the one-time programmable area is used up or locked"


def test_recorded_counters_are_a_file_of_their_own(line, tmp_path):
    """Those of the factory packages. Of a device that has none there is nothing to program."""
    assert not read_hex((line[2] / "otp.hex").read_text(encoding="ascii"))
    cells = apps.provisioned_with(
        ETHERNET, package_file(ETHERNET, "after"), tmp_path / "device", "--production", tmp_path / "line"
    )
    found = read_hex((tmp_path / "line/otp.hex").read_text(encoding="ascii"))
    assert bytes(found.get(0x1FFF7800 + at, 0xFF) for at in range(OPTIONS)) == cells.otp[:OPTIONS]
    assert all(0x1FFF7800 <= address < 0x1FFF7800 + 512 for address in found), "no lock byte"
    assert anchors.security_counter(cells.otp, 2) == 3


def test_without_lock_the_part_is_as_it_came(tmp_path):
    cells = apps.provisioned_with(
        ETHERNET, package_file(ETHERNET, "third"), tmp_path / "device", "--production", tmp_path / "line"
    )
    assert optcr(cells.otp) == 0x0FFFAAEC
    assert "RDP=0xAA" in (tmp_path / "line/option-bytes.txt").read_text(encoding="ascii")


def test_production_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    apps.provision(
        ETHERNET, package_file(ETHERNET, "third"), tmp_path / "device", "--production", tmp_path / "file", status=2
    )
    assert (tmp_path / "file").read_text() == "in the way"


# --- What inspect says of it --------------------------------------------------------------------------------------

OWN_KEYS = tuple(bytes([number]) * 32 for number in (1, 2))


@pytest.fixture
def fielded(tmp_path):
    """The cells of a device as it should be in the field: two keys that not everybody knows, a secret, all locks."""
    cells = apps.provisioned_with(ETHERNET, package_file(ETHERNET, "third"), tmp_path / "new", "--lock")
    return with_anchors(cells, keys=OWN_KEYS)


def with_anchors(cells, **changes):
    cells = cells.copy()
    cells.internal[ANCHORS] = replace(anchors.read(cells.internal), **changes).encode()
    return cells


def with_optcr(cells, value):
    cells = cells.copy()
    cells.otp[OPTIONS : OPTIONS + 2] = bytes([value & 0xFF | 0x13, value >> 8 & 0xFF])
    struct.pack_into("<H", cells.otp, OPTIONS + 8, value >> 16 | 0xF000)
    return cells


def with_byte(cells, chip, at, value):
    cells = cells.copy()
    getattr(cells, chip)[at] = value
    return cells


def said_of(cells, folder):
    """Its protection and warnings; the installed components verify or not, which is not the question here."""
    device = cells.save(folder / "asked")
    done = matterhorn_json("inspect", device, status=inspect_status(cells))
    return done["protection"], done["warnings"]


def inspect_status(cells):
    """Components do not verify under keys that never signed them."""
    return 1 if anchors.read(cells.internal).keys == OWN_KEYS else 0


def test_a_device_as_it_should_be_has_no_warnings(fielded, tmp_path):
    protection, warnings = said_of(fielded, tmp_path)
    assert warnings == []
    assert protection == {
        "read_protection": 1, "write_protected": [0, 1, 2], "brown_out": 3, "watchdog": "software",
        "option_bytes": "0x0FF855E0",
    }  # fmt: skip


DEVELOPMENT_SECRET = b"matterhorn: a secret for no one."
DEVELOPMENT_KEY = b"matterhorn: a key known to all!!"
DEFECTS = {
    "read protection is at level 0": lambda cells: with_optcr(cells, LOCKED & ~0xFF00 | 0xAA00),
    "sectors 0 to 2 are not write-protected": lambda cells: with_optcr(cells, LOCKED | 1 << 16 + 1),
    "a sector behind the bootloader is write-protected": lambda cells: with_optcr(cells, LOCKED & ~(1 << 16 + 3)),
    "brown-out reset is below level 3": lambda cells: with_optcr(cells, LOCKED | 1 << 2),
    "a block of the one-time programmable area is locked": lambda cells: with_byte(cells, "otp", 512 + 14, 0),
    "there is no secret": lambda cells: with_anchors(cells, secret=bytes(32)),
    "the secret is the one of the development devices": lambda cells: with_anchors(cells, secret=DEVELOPMENT_SECRET),
    "the key for encrypted packages is the one of the development devices": lambda cells: with_anchors(
        cells, cipher_key=DEVELOPMENT_KEY
    ),
    "there is one key only": lambda cells: with_anchors(cells, keys=(OWN_KEYS[0],)),
    "there is no MAC address": lambda cells: with_byte(cells, "internal", 0xC000, 0),
}


@pytest.mark.parametrize("words", DEFECTS)
def test_each_defect_has_a_warning_of_its_own(fielded, tmp_path, words):
    device = DEFECTS[words](fielded).save(tmp_path / "asked")
    warnings = matterhorn_json("inspect", device, status=1)["warnings"]
    assert len(warnings) == 1 and warnings[0].startswith(words), warnings
    assert f"warning: {warnings[0]}\n" in matterhorn("inspect", device, status=1).stdout


def test_a_revoked_key_is_no_key_to_fall_back_on(fielded, tmp_path):
    anchors.revoke(fielded.otp, 0)
    (warning,) = matterhorn_json("inspect", fielded.save(tmp_path / "asked"), status=1)["warnings"]
    assert warning.startswith("there is one key only")


def test_the_development_key_is_warned_of_whichever_key_it_is(fielded, tmp_path):
    device = with_anchors(fielded, keys=(OWN_KEYS[0], keys.read_public(PUBLIC_KEY)))
    (warning,) = matterhorn_json("inspect", device.save(tmp_path / "asked"))["warnings"]
    assert warning.startswith("the development key is trusted")


def test_the_page_explains_each_warning_and_has_the_value_of_the_lock():
    page = (TOP / "docs/PROVISIONING.md").read_text(encoding="utf-8")
    for words in (*DEFECTS, "the development key is trusted"):
        assert f"| {words} |" in page, words
    assert f"0x{LOCKED:08X}" in page


def test_strict_turns_warnings_into_findings(tmp_path):
    device = apps.provision(ETHERNET, package_file(ETHERNET, "third"), tmp_path / "device", "--lock")
    matterhorn("inspect", device)
    matterhorn("inspect", device, "--strict", status=1)
    matterhorn("inspect", package_file(ETHERNET, "third"), "--strict", status=2)
    trusted = (keys.read_public(PUBLIC_KEY), OWN_KEYS[0])  # so that what is installed verifies
    cells = with_anchors(Cells.load(device), keys=trusted)
    said = matterhorn_json("inspect", cells.save(tmp_path / "asked"), "--strict", status=1)
    assert len(said["warnings"]) == 1


# --- The locked device --------------------------------------------------------------------------------------------


@each_board
def test_a_locked_device_starts_and_takes_updates(bench, board, tmp_path):
    cells = apps.provisioned_with(board, package_file(board, "demo"), tmp_path / "device", "--lock")
    session = jobs.update(bench, board, cells)
    session.power_off()
    after = session.cells
    assert after.internal[BOOT] == cells.internal[BOOT] and optcr(after.otp) == LOCKED
    session = bench.power_on(board, requested_cells(after, package_file(board, "third").read_bytes()))
    session.wait_for(jobs.says("third: confirmed"), jobs.PATIENCE_NS)


def test_power_losses_on_a_locked_device_are_recovered(tmp_path):
    """Its option bytes are part of each state; a sample of the operations of a whole update."""
    device = apps.provision(
        ETHERNET, package_file(ETHERNET, "demo-small"), tmp_path / "device", "--lock", "--user-seed", 1
    )
    result = matterhorn_json("sweep", "eth-small-update", "--device", device, "--cuts", 60, "--jobs", 2)
    assert result["verdict"] == "pass" and result["cuts_fired"] >= 60


def intruded(bench, folder, *options):
    """What an application that erases the bootloader says, and the cells before and after."""
    package = apps.packed(ETHERNET, apps.build(ETHERNET, INTRUDER, folder), folder / "intruder.nmf")
    before = apps.provisioned_with(ETHERNET, package, folder / "device", *options)
    session = bench.power_on(ETHERNET, before)
    session.wait_for(jobs.says("intruder: done"), jobs.PATIENCE_NS)
    after = session.cells
    session.power_off()
    lines = trace.uart_lines(session.events)
    status = {line[10]: int(line[-2:], 16) for line in lines if line.startswith("intruder: ") and " SR " in line}
    assert set(status) == set("w012")
    return status, before, after


def test_an_application_cannot_erase_the_locked_bootloader_or_its_anchors(bench, tmp_path):
    """And the device starts again, and takes the next update."""
    status, before, after = intruded(bench, tmp_path, "--lock")
    assert all(value & WRPERR for value in status.values()), status
    assert after.internal[BOOT] == before.internal[BOOT]
    session = bench.power_on(ETHERNET, requested_cells(after, package_file(ETHERNET, "third").read_bytes()))
    session.wait_for(jobs.says("third: confirmed"), jobs.PATIENCE_NS)


def test_without_the_lock_the_same_application_erases_them(bench, tmp_path):
    """Else the test before this one would show nothing."""
    status, _, after = intruded(bench, tmp_path)
    assert not any(value & WRPERR for value in status.values()), status
    assert not after.internal[BOOT].strip(b"\xff")
