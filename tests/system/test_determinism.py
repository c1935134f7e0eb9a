# SPDX-License-Identifier: MIT
"""The trace of the main job is the same, byte for byte, wherever it is made.

A model that read the host's clock, kept something over a power cycle, or depended on how threads are scheduled would
show here: ci/ plants the first of these and expects this file to fail.
"""

import subprocess
import sys
from contextlib import contextmanager

import pytest

from formats import boards

from . import jobs, trace
from .bench import Bench
from .device import provisioned

EVENTS = 10_000


@pytest.fixture(scope="module")
def reference():
    """The main job in a process of its own."""
    return main_job_in_fresh_process()


def main_job_in_fresh_process():
    with Bench() as bench:
        session = jobs.update(bench, boards.ETHERNET, provisioned(boards.ETHERNET))
        return session.events, session.trace_bytes


@contextmanager
def busy_host(children=2):
    """As many busy processes as there are cores here, so that the machine's threads must wait for theirs."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(children)]
    try:
        yield
    finally:
        for child in started:
            child.kill()
            child.wait()


def assert_same(reference, other):
    """Compares as cmp does, and on failure says where the two part."""
    if reference[1] != other[1]:
        raise AssertionError(trace.first_difference(reference[0], other[0]) or "headers differ")


def test_trace_is_long_enough_to_mean_something(reference):
    events, _ = reference
    assert len(events) >= EVENTS
    assert events[-1].time_ns > trace.SECOND
    by_code = [event for event in events if event.kind in (trace.PROGRAM, trace.ERASE, trace.PIN)]
    assert sum(event.pc != 0 for event in by_code) > len(by_code) // 2


def test_same_in_another_fresh_process(reference):
    assert_same(reference, main_job_in_fresh_process())


def test_same_in_a_process_that_ran_others_before(reference):
    board = boards.ETHERNET
    with Bench() as bench:
        run_others(bench, board)
        session = jobs.update(bench, board, provisioned(board))
        assert_same(reference, (session.events, session.trace_bytes))


def run_others(bench, board):
    """Power cycles that leave as much behind as they can: cut at a program, cut at an erase, an empty device."""
    for cut, tear in ((40, "before"), (200, "after"), (5000, "before")):
        session = bench.power_on(board, provisioned(board), sram="random:7")
        session.run(jobs.PATIENCE_NS, cut=cut, tear=tear)
        assert session.reason == "cut"
    empty = provisioned(board)
    empty.internal[:] = b"\xff" * len(empty.internal)
    bench.power_on(board, empty, sram="random:8").run(100 * trace.MS)


def test_same_on_a_loaded_host(reference):
    with busy_host():
        assert_same(reference, main_job_in_fresh_process())


def test_same_however_often_it_is_paused(reference):
    """The bench looks at the machine after every edge and line; that must leave no trace."""
    events, data = reference
    with Bench() as bench:
        session = bench.power_on(boards.ETHERNET, provisioned(boards.ETHERNET))
        session.run(events[-1].time_ns)
        same_length = (events[: len(session.events)], data[: len(session.trace_bytes)])
        assert_same(same_length, (session.events, session.trace_bytes))
        assert len(session.events) >= EVENTS
