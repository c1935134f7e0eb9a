# SPDX-License-Identifier: MIT
"""`matterhorn deploy` puts a package into a device as an application does: the next start
installs it, or it says why not."""

import pytest

from formats import boards, journal, package, store
from formats.boards import APPLICATION

from . import jobs, trace
from .artifacts import device_folder, matterhorn, matterhorn_json, package_file
from .device import Cells, provisioned

ETHERNET = boards.ETHERNET
THIRD = package_file(ETHERNET, "third")
each_board = pytest.mark.parametrize("board", boards.BOARDS.values(), ids=lambda board: board.name)


def copy_of_device(folder):
    return provisioned(ETHERNET).save(folder / "device")


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@each_board
def test_package_is_installed_at_the_next_start(bench, board, tmp_path):
    third = package_file(board, "third")
    matterhorn("deploy", device_folder(board), third, "--output", tmp_path / "device")
    session = bench.power_on(board, Cells.load(tmp_path / "device"))
    session.wait_for(jobs.says("third: confirmed"), 10 * trace.SECOND)
    cells = session.cells
    session.power_off()
    _, image = cells.component(board, APPLICATION)
    assert image == package.read(third.read_bytes()).images[APPLICATION]
    assert journal.read(cells.nor).phase == journal.IDLE


def test_nothing_else_is_written(tmp_path):
    before = provisioned(ETHERNET)
    said = matterhorn_json("deploy", device_folder(ETHERNET), THIRD, "--output", tmp_path / "device")
    after = Cells.load(tmp_path / "device")
    state = journal.read(after.nor)
    assert state.phase == journal.REQUESTED
    assert store.read(after.nor, state.incoming) == THIRD.read_bytes()
    assert said["verdict"] == "accepted" and tuple(said["incoming"]["extents"]) == state.incoming.extents
    assert (after.internal, after.otp) == (before.internal, before.otp)
    free = {store.RESERVED + n * store.EXTENT_SIZE for n in state.incoming.extents}
    for at in range(0, len(after.nor), store.EXTENT_SIZE):
        if at not in free and at not in journal.SECTORS:
            assert after.nor[at : at + store.EXTENT_SIZE] == before.nor[at : at + store.EXTENT_SIZE], hex(at)


def test_in_place(tmp_path):
    device = copy_of_device(tmp_path)
    matterhorn("deploy", device, THIRD)
    assert journal.read(Cells.load(device).nor).phase == journal.REQUESTED
    assert set(contents(device)) == {"internal.bin", "otp.bin", "nor.bin"}


@pytest.mark.parametrize("name, reason", [("third", "made for another board"), ("garbage", "not a package")])
def test_refused_package_changes_nothing(tmp_path, name, reason):
    device = copy_of_device(tmp_path)
    before = contents(device)
    offered = package_file(boards.USB, name)
    if name == "garbage":
        offered = tmp_path / name
        offered.write_bytes(b"garbage" * 1000)
    assert f"refused: {reason}" in matterhorn("deploy", device, offered, status=1).stdout
    assert matterhorn_json("deploy", device, offered, status=1) == {"verdict": "refused", "reason": reason}
    assert contents(device) == before


def test_a_second_request_is_refused(tmp_path):
    """The device has one already, as an application would be told."""
    device = copy_of_device(tmp_path)
    matterhorn("deploy", device, THIRD)
    assert "not possible in this state" in matterhorn("deploy", device, THIRD, status=1).stdout


@pytest.mark.parametrize(
    "device, offered, word",
    [
        ("/nowhere/device", THIRD, "/nowhere/device"),
        (device_folder(ETHERNET), "/nowhere/package.nmf", "/nowhere/package.nmf"),
    ],
    ids=["device", "package"],
)
def test_missing_files_are_wrong_use(tmp_path, device, offered, word):
    output = tmp_path / "output"
    said = matterhorn("deploy", device, offered, "--output", output, status=2).stderr
    assert word in said and len(said.strip().splitlines()) == 1
    assert not output.exists()


def test_two_arguments_are_needed():
    matterhorn("deploy", device_folder(ETHERNET), status=2)


def test_output_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    matterhorn("deploy", device_folder(ETHERNET), THIRD, "--output", tmp_path / "file", status=2)
    assert (tmp_path / "file").read_text() == "in the way"
