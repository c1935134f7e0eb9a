# SPDX-License-Identifier: MIT
"""The supply voltage: nothing is written while it is low, nothing is lost by that, and a good
application starts all the same."""

import pytest

from formats import boards, journal
from formats.boards import APPLICATION

from . import jobs, trace
from .device import provisioned, requested_cells, update_writer

BOARD = boards.ETHERNET
GOOD, LOW = 3300, 2900  # mV; the detector's level lets go at 3030 and trips at 2930 (qemu-board/README.md)
PATIENCE_NS = 120 * trace.SECOND
# From when the detector can be seen until nothing is started any more: the run of words that was begun, and the slope.
RUN_NS = 2 * trace.MS


@pytest.fixture(scope="module")
def requested():
    """A device with Demo that was asked to install Update."""
    return requested_cells(provisioned(BOARD), update_writer(BOARD).build())


@pytest.fixture(scope="module")
def undisturbed(bench, requested):
    session = bench.power_on(BOARD, requested)
    session.wait_for(jobs.confirmed, PATIENCE_NS)
    return session.events


def dip(begin, end=None):
    """The supply is low from the one time to the other, or for good."""
    points = [(GOOD, 0), (GOOD, begin), (LOW, begin + trace.MS)]
    return points if end is None else [*points, (LOW, end), (GOOD, end + trace.MS)]


def started(events, begin, end):
    """Operations of both chips that were started then."""
    return [event for chip in (trace.INTERNAL, trace.NOR) for event in trace.operations(events, chip)
            if begin < event.time_ns < end]


def moments(events):
    """When to take the supply away: right before the first erase, in it, in the middle of the
    words, and in the confirmation."""
    erase = next(event for event in trace.internal_operations(events) if event.kind == trace.ERASE)
    words = [event for event in trace.internal_operations(events) if event.kind == trace.PROGRAM]
    last = trace.operations(events, trace.NOR)[-1]
    return {"erase-begins": erase.time_ns - 5 * trace.MS, "erase": erase.time_ns + erase.duration_ns // 2,
            "words": words[len(words) // 2].time_ns, "confirmation": last.time_ns - 5 * trace.MS}


@pytest.mark.parametrize("moment", ["erase-begins", "erase", "words", "confirmation"])
def test_a_low_supply_holds_an_update_back(bench, requested, undisturbed, moment):
    begin = moments(undisturbed)[moment]
    end = begin + 4 * trace.SECOND
    session = bench.power_on(BOARD, requested, vdd=dip(begin, end))
    session.wait_for(jobs.confirmed, PATIENCE_NS)
    assert started(undisturbed, begin + RUN_NS, end), "there would have been nothing to hold back"
    assert not started(session.events, begin + RUN_NS, end)
    for kind in (trace.ERASE, trace.PROGRAM):
        assert trace.counts_per_sector(session.events, kind) == trace.counts_per_sector(undisturbed, kind)


def test_a_supply_that_stays_low_starts_what_is_good(bench, requested):
    session = bench.power_on(BOARD, requested, vdd=[(LOW, 0)])
    session.wait_for(jobs.both(jobs.blinks(trace.RED), jobs.says("runtime: no updates: supply voltage is too low")),
                     PATIENCE_NS)
    assert not started(session.events, 0, PATIENCE_NS)
    assert "boot: no updates: supply voltage is too low" in trace.uart_lines(session.events)
    assert session.time_ns < 30 * trace.SECOND
    assert bytes(session.cells.nor) == bytes(requested.nor)
    later = bench.power_on(BOARD, session.cells)
    later.wait_for(jobs.confirmed, PATIENCE_NS)


def test_an_install_that_is_held_back_for_good_stays_wanted(bench, requested, undisturbed):
    session = bench.power_on(BOARD, requested, vdd=dip(moments(undisturbed)["erase-begins"]))
    session.wait_for(jobs.blinks(trace.RED), PATIENCE_NS)
    assert "boot: install not finished: supply voltage is too low" in trace.uart_lines(session.events)
    state = journal.read(session.nor)
    assert state.phase in (journal.REQUESTED, journal.INSTALLING) and state.reason == 0
    later = bench.power_on(BOARD, session.cells)
    later.wait_for(jobs.confirmed, PATIENCE_NS)


def test_a_sector_that_was_begun_waits_for_the_supply(bench, requested, undisturbed):
    """There is nothing to start: the old application is gone. The bootloader goes on trying."""
    begin = moments(undisturbed)["words"]
    end = begin + 45 * trace.SECOND
    session = bench.power_on(BOARD, requested, vdd=dip(begin, end))
    session.wait_for(jobs.confirmed, PATIENCE_NS)
    assert not started(session.events, begin + RUN_NS, end)
    lines = trace.uart_lines(session.events)
    assert lines.count("boot: trying again in 10 s") == 2 and "boot: application: no image is installed" in lines
    first = BOARD.region(APPLICATION).start
    assert [event.address for event in trace.internal_operations(session.events) if event.kind == trace.ERASE] == [first, first]
