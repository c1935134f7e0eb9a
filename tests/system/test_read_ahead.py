# SPDX-License-Identifier: MIT
"""Reading ahead on the SPI NOR: what was fetched in advance is not taken for what the chip holds after a write."""

from pathlib import Path

import pytest

from formats import boards

from . import apps, jobs, trace

BOARD = boards.ETHERNET
SOURCE = Path(__file__).with_name("read_ahead.c")
SECTOR = 4096  # bytes, of the SPI NOR; read_ahead.c reads the first one and changes the second one
OLD = b"\x5a" * SECTOR


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    folder = tmp_path_factory.mktemp("read-ahead")
    package = apps.packed(BOARD, apps.build(BOARD, SOURCE, folder), folder / "read_ahead.nmf")
    cells = apps.provisioned_with(BOARD, package, folder / "device")
    cells.nor[SECTOR : 2 * SECTOR] = OLD
    return cells


def test_an_application_reads_what_it_has_written(bench, device):
    session = bench.power_on(BOARD, device)
    session.wait_for(jobs.says("ahead: done"), jobs.PATIENCE_NS)
    assert [line for line in trace.uart_lines(session.events) if line.startswith("ahead: ")] == [
        "ahead: erase seen", "ahead: programs seen", "ahead: done"]
    assert session.nor[SECTOR : 2 * SECTOR] == bytes(SECTOR)
