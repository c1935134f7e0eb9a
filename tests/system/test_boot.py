# SPDX-License-Identifier: MIT
"""`matterhorn boot` shows what happens, and what it shows is what another client of the control channel sees."""

import pytest

from formats import boards
from formats.boards import APPLICATION

from . import jobs, trace
from .artifacts import device_folder, matterhorn, matterhorn_json
from .device import Cells, provisioned, shipped

BOARD = boards.ETHERNET
PROFILE = ("--profile", "eth-app-update")
DONE = ("--until", "update: confirmed")


@pytest.fixture(scope="module")
def summary():
    return matterhorn_json("boot", *PROFILE, *DONE)


@pytest.fixture(scope="module")
def session(bench):
    return jobs.update(bench, BOARD, provisioned(BOARD))


def test_counts_per_sector_are_those_of_the_trace(summary, session):
    internal = [sector for sector in summary["sectors"] if sector["chip"] == "internal"]
    for kind, key in ((trace.ERASE, "erases"), (trace.PROGRAM, "programs")):
        said = {boards.sector_of(sector["address"]): sector[key] for sector in internal if sector[key]}
        assert said == dict(trace.counts_per_sector(session.events, kind))


def test_edges_are_seen(summary):
    assert summary["edges"]["PE11"] >= 4
    assert summary["edges"]["PE14"] >= 1
    assert summary["edges"]["PE13"] >= 1
    assert summary["mips"] == 125


def test_device_folder_stays_as_it_is_and_save_writes_what_is_afterwards(tmp_path):
    before = Cells.load(device_folder(BOARD))
    matterhorn("boot", *PROFILE, *DONE, "--save", tmp_path / "after", "--json")
    assert Cells.load(device_folder(BOARD)) == before
    installed = shipped(BOARD, "update").installed(APPLICATION)
    assert Cells.load(tmp_path / "after").region(BOARD, APPLICATION)[: len(installed)] == installed


def test_uart_and_trace_go_to_files(tmp_path, session):
    uart, events = tmp_path / "uart", tmp_path / "trace"
    matterhorn("boot", *PROFILE, *DONE, "--uart", uart, "--trace", events, "--json")
    said = uart.read_bytes().decode("ascii")
    assert "update: confirmed" in said
    assert trace.uart_text(session.events).startswith(said)
    assert len(events.read_text(encoding="ascii").splitlines()) >= 10_000


def test_output_for_people_tells_the_story_in_order():
    said = matterhorn("boot", *PROFILE, *DONE, "--summary").stdout
    texts = ("demo: storing", "boot: installing", "boot: starting", "update: green", "update: confirmed")
    places = [said.rindex(text) for text in texts]
    assert places == sorted(places)
