# SPDX-License-Identifier: MIT
"""The trace is the same, byte for byte, a hundred times: in fresh processes, in a worn one, on a busy host.

determinism.c does what could make runs differ: DMA with interrupts on the SPI NOR, weak bits on both
chips, a warm reset while the NOR is busy, a watchdog that bites during an erase, random numbers, and a
power loss that tears both chips.
"""

import hashlib
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

import rail
from bed import BLUE, SECOND, build, results

RUNS = {"fresh": 34, "worn": 33, "loaded": 33}
OTHERS = 500
TEARS = ("before", "half", "mask", "weak", "after", "onebit", "last", "zeros", "notake")
WEAK = {"internal": [("weak", 0x60000 + 8 * i, i) for i in range(8)],
        "nor": [("weak", 0x40 * i + i, i) for i in range(8)]}
NOR_USED = 0x20000
CUT, TEAR = 26, "weak"  # a word of the internal flash, while the NOR erases


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    return build("determinism", tmp_path_factory.mktemp("determinism"))


def restore(machine, code):
    """Both arrays as a factory left them, but for the firmware and some weak bits."""
    machine.write("internal", 0, code.ljust(rail.RAIL_INTERNAL_SIZE, b"\xff"))
    machine.write("nor", 0, b"\xff" * NOR_USED)
    for chip, marks in WEAK.items():
        machine.mark(chip, *marks)
    machine.clear_trace()


def scenario(machine, code):
    """Two power-ups, with a power loss between them; all that can be seen of them from outside."""
    restore(machine, code)
    machine.power_on(sram="random:3", noise=5)
    assert machine.run(until=20 * SECOND, cut=CUT, tear=TEAR).reason == "cut"
    torn = [machine.marks(chip) for chip in WEAK]
    machine.power_on(sram="retain", noise=6)
    stop = machine.run(until=20 * SECOND)
    machine.power_off()
    cells = hashlib.sha256(machine.internal[:] + machine.nor[:NOR_USED]).hexdigest()
    return machine.trace_bytes(), stop.ops, torn, [machine.marks(chip) for chip in WEAK], cells


def in_fresh_process(code):
    with rail.Machine() as machine:
        return scenario(machine, code)


def wear(machine, code, number):
    """Another scenario: another power-up, lost somewhere else in another way."""
    if number % 10 == 0:
        restore(machine, code)
    machine.power_on(sram=f"random:{number}", noise=number)
    stop = machine.run(until=(1 + number % 400) * SECOND // 1000, cut=number % 37, tear=TEARS[number % len(TEARS)],
                       edge=number % 3 == 0, line=number % 5 == 0, reset=number % 7 == 0)
    if stop.reason != "cut":
        machine.power_off()
    machine.clear_trace()


@contextmanager
def busy_host():
    """Twice as many busy processes as there are cores, so that the machine's threads must wait for theirs."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * os.cpu_count())]
    try:
        yield
    finally:
        for child in started:
            child.kill()
            child.wait()


def assert_same(found, expected, run):
    """Tells the first difference only: pytest would compare megabytes."""
    if found == expected:
        return
    for at in range(0, max(len(found[0]), len(expected[0])), rail.EVENT.size):
        here = slice(at, at + rail.EVENT.size)
        assert found[0][here] == expected[0][here], f"{run}: the traces part at byte {at}"
    assert found[1:] == expected[1:], f"{run}: the same trace, but not the same cells, marks or number of operations"


@pytest.fixture(scope="module")
def reference(code):
    return in_fresh_process(code)


def test_scenario_has_it_all(code):
    """What is compared below is worth comparing."""
    with rail.Machine() as machine:
        _, operations, torn, left, _ = scenario(machine, code)
        found = results(machine)
        events = list(machine.events())
    kinds = [event.kind for event in events]
    off = kinds.index("power-off")
    reset_flags = [event.value >> 24 for event in events if event.kind == "reset"]
    assert reset_flags == [0b10100, 0b100100] * 2, "a warm reset and a bite of the watchdog, twice"
    assert all(status & 1 for status in found["busy"]), "the NOR was busy when the reset came"
    assert max(found["rest"]) > 16_000 * 100, "and went on for 100 ms"
    erase = max(event.time_ns + event.duration_ns for event in events[:off]
                if event.kind == "erase" and event.chip == 2)
    assert events[off].value == CUT and events[off].time_ns < erase, "power was lost while both chips worked"
    assert [len(marks) for marks in torn] == [9, 8 + 32] and all(left)
    reads = found["nor"]
    assert any(len(set(reads[at:at + 3])) > 1 for at in range(0, len(reads), 3)), "weak bits read differently"
    assert found["internal"][0] != found["internal"][2] and found["random"][0] != found["random"][1]
    assert operations > CUT and BLUE in [event.address for event in events if event.kind == "pin"]
    assert len(events) > 1000


def test_fresh_processes(code, reference):
    for run in range(RUNS["fresh"]):
        assert_same(in_fresh_process(code), reference, f"fresh process {run}")


def test_worn_process(code, reference):
    with rail.Machine() as machine:
        for number in range(OTHERS):
            wear(machine, code, number)
        for run in range(RUNS["worn"]):
            assert_same(scenario(machine, code), reference, f"run {run} in a worn process")
            wear(machine, code, OTHERS + run)


def test_loaded_host(code, reference):
    """Every third run in a process of its own."""
    with busy_host(), rail.Machine() as machine:
        for run in range(RUNS["loaded"]):
            found = in_fresh_process(code) if run % 3 == 0 else scenario(machine, code)
            assert_same(found, reference, f"run {run} on a busy host")
