# SPDX-License-Identifier: MIT
"""Half-way through an install of both components stand a runtime and an application that nobody has tried together.
They are not started as long as the journal can be read, whether it can be written or not; without it nobody can tell
them from a good pair, which starts, and is watched."""

from dataclasses import replace

import pytest

from formats import boards, journal, package
from formats.boards import APPLICATION, RUNTIME

from . import apps, jobs, trace
from .artifacts import package_file, signing_key
from .device import requested_cells, shipped

BOARD = boards.ETHERNET
WAITS = "boot: trying again in 10 s"
LOW = 2500
COUNTER = 3  # that of the application that hangs
STEP_NS = trace.SECOND
PATIENCE_NS = 4 * jobs.PATIENCE_NS
NO_FLASH = "flash does not answer or does not hold what was written"
OPERATIONS = range(1, 8)  # of the SPI NOR, from the power-on to the record of the runtime


def both(version):
    """A package of both components."""
    names = {RUNTIME: "runtime", APPLICATION: "third"}
    parts = [
        package.NewComponent(number, shipped(BOARD, name).images[number], BOARD.region(number).start, version,
                             security_counter=COUNTER)
        for number, name in names.items()
    ]
    return package.PackageWriter(BOARD.id, signing_key(), parts).build()


@pytest.fixture(scope="module", name="requested")
def an_install_of_both(tmp_path_factory):
    """Of a device whose application hangs."""
    cells = apps.provisioned_with(BOARD, package_file(BOARD, "hangs"), tmp_path_factory.mktemp("halves") / "device")
    return requested_cells(cells, both((5, 0, 0, 0)))


def installed(cells, data):
    """The components of which the header of this package is installed."""
    header = package.read(data).manifest.data
    at = {number: BOARD.region(number).start - boards.INTERNAL_BASE for number in (RUNTIME, APPLICATION)}
    return [number for number, start in at.items() if cells.internal[start : start + len(header)] == header]


def half(requested):
    """Power was lost when the runtime was installed and recorded."""
    cells, data = requested.copy(), both((5, 0, 0, 0))
    at = BOARD.runtime.start - boards.INTERNAL_BASE
    image = package.read(data).installed(RUNTIME)
    cells.internal[at : at + len(image)] = image
    journal.append(cells.nor, replace(journal.read(cells.nor), phase=journal.INSTALLING, sectors_done=1 << 4))
    assert installed(cells, data) == [RUNTIME]
    return cells


def started(session):
    return "boot: starting" in trace.uart_lines(session.events)


def test_half_of_a_package_waits_for_the_supply(bench, requested):
    """The journal cannot be opened, for nothing can be written, but it can be read."""
    session = bench.power_on(BOARD, half(requested), vdd=[(LOW, 0)])
    session.wait_for(lambda now: started(now) or WAITS in trace.uart_lines(now.events), PATIENCE_NS, STEP_NS)
    assert "boot: no updates: supply voltage is too low" in trace.uart_lines(session.events)
    assert not started(session)
    later = bench.power_on(BOARD, session.cells)
    later.wait_for(jobs.says("third: confirmed"), jobs.PATIENCE_NS)


def test_half_whose_record_cannot_be_written_is_waited_with_and_then_watched(bench, requested):
    """The chip hangs when the runtime's sector is to be recorded. It is tried again; then the chip does not answer at
    all, so nothing but the headers tells what is there, and it is started. It hangs, and the watchdog ends that."""
    data = both((5, 0, 0, 0))
    for operation in OPERATIONS:
        session = bench.power_on(BOARD, requested, faults=(f"nor-wip-stuck={operation}",))
        session.wait_for(lambda now: started(now) or WAITS in trace.uart_lines(now.events), PATIENCE_NS, STEP_NS)
        if installed(session.cells, data) == [RUNTIME]:
            break
    assert installed(session.cells, data) == [RUNTIME]
    assert f"boot: install not finished: {NO_FLASH}" in trace.uart_lines(session.events)
    assert not started(session)
    session.wait_for(jobs.says("hangs: blue"), PATIENCE_NS, STEP_NS)
    session.wait_for(jobs.says(f"boot: Matterhorn on {BOARD.name}, reset: watchdog"), PATIENCE_NS, STEP_NS)


def test_good_pair_that_was_not_updated_together_starts_without_the_journal(bench, tmp_path):
    """Both came in one package, the application was updated alone since; then the chip dies. It is watched, and fed."""
    third = package_file(BOARD, "third")
    cells = apps.provisioned_with(BOARD, third, tmp_path / "device")
    image = package.read(both((1, 0, 0, 0))).installed(RUNTIME)
    at = BOARD.runtime.start - boards.INTERNAL_BASE
    cells.internal[at : at + len(image)] = image
    session = bench.power_on(BOARD, cells, faults=("nor-dead",))
    session.wait_for(jobs.says("boot: starting"), 6 * trace.SECOND)
    for second in range(10, 90, 10):
        session.run(second * trace.SECOND)
    assert trace.uart_lines(session.events).count("boot: starting") == 1
