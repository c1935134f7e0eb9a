# SPDX-License-Identifier: MIT
"""The clock: a crystal that is dead costs accuracy, not the device."""

from formats import boards

from . import jobs, trace
from .device import provisioned

BOARD = boards.ETHERNET


def test_a_dead_crystal_costs_a_moment_and_no_update(bench):
    """The bootloader starts after a bounded time, at full speed, and so does the runtime; the update goes through."""
    alive = bench.power_on(BOARD, provisioned(BOARD))
    alive.wait_for(jobs.says("boot: starting"), trace.SECOND)
    session = bench.power_on(BOARD, provisioned(BOARD), faults=("hse-dead",))
    session.wait_for(jobs.says("boot: starting"), trace.SECOND)
    # 400,000 turns of some instructions, 8 ns each; what else the start does takes as long as ever.
    assert 10 * trace.MS < session.time_ns - alive.time_ns < 50 * trace.MS
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)
