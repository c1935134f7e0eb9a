# SPDX-License-Identifier: MIT
"""OpenOCD's own flash loader for the STM32F2 and F4, the bytes that it has run on real chips, on the machine."""

import random
import struct

import pytest

import rail
from bed import BLUE, SECOND, build, results
from conftest import HERE

TARGET, SECTOR = 0x60000, 7
PROGRAM_NS = 16000
WRPERR = 1 << 4
DATA = random.Random(1).randbytes(4096)


@pytest.fixture(scope="session")
def code(openocd, tmp_path_factory):
    return build(str(HERE / "debugger"), tmp_path_factory.mktemp("debugger"), f"-I{openocd}",
                 "-fno-tree-loop-distribute-patterns")  # there is no memcpy


def prepare(machine, code, data=DATA, erase=SECTOR, feed=64, period=8000):
    machine.write("internal", 0, code)
    machine.write("internal", 0x20000, struct.pack("<5I", 0x08000000 + TARGET, len(data), erase, feed, period) + data)


def run(machine, *job, **more):
    prepare(machine, *job, **more)
    machine.power_on(sram="random:1")
    machine.run(until=20 * SECOND)
    assert BLUE in [event.address for event in machine.events("pin") if event.value], "it did not end"
    return results(machine)


def crc(data):
    """As OpenOCD computes it: not reflected, not inverted at the end."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = value << 1 ^ (0x104C11DB7 if value >> 31 else 0)
    return value


def operations(machine):
    return [(event.kind, event.address, event.value, event.payload) for event in machine.events("program", "erase")]


@pytest.mark.parametrize("skip", ["on", "off"])
@pytest.mark.parametrize("feed, period", [(64, 8000), (6, 3000), (256, 40000)])
def test_programs_and_verifies(code, feed, period, skip):
    """Whether the loader waits for the flash or for the debugger."""
    with rail.Machine("stm32f407-nor", {"poll-skip": skip}) as machine:
        machine.internal[TARGET:TARGET + len(DATA) + 2] = bytes(len(DATA) + 2)
        machine.command(f"changed internal {TARGET} {len(DATA) + 2}")
        found = run(machine, code, feed=feed, period=period)
        assert machine.internal[TARGET:TARGET + len(DATA) + 2] == DATA + b"\xff\xff"
        assert found.pop("feedings") >= len(DATA) / feed
        assert found == {"status": 0, "gave_up": 0, "checksum": crc(DATA)}
        assert operations(machine)[1:] == [("program", 0x08000000 + TARGET + at, 2, DATA[at:at + 2])
                                           for at in range(0, len(DATA), 2)]
        programs = list(machine.events("program"))
        assert all(event.duration_ns == PROGRAM_NS and event.pc >= 0x20000000 for event in programs)
        starts = [event.time_ns for event in programs]
        assert min(after - before for before, after in zip(starts, starts[1:])) >= PROGRAM_NS, "it polls BSY"


def test_protected_sector_is_reported(code):
    with rail.Machine("stm32f407-nor") as machine:
        machine.write("otp", rail.RAIL_OTP_OPTIONS + 8, struct.pack("<H", 0xFFFF & ~(1 << SECTOR)))
        found = run(machine, code, erase=0)
        assert (found["status"], found["gave_up"]) == (WRPERR, 1) and found["checksum"] == crc(b"\xff" * len(DATA))
        assert operations(machine) == []


def test_what_is_not_erased_only_loses_bits(code):
    with rail.Machine("stm32f407-nor") as machine:
        before = random.Random(2).randbytes(len(DATA))
        machine.write("internal", TARGET, before)
        found = run(machine, code, erase=0)
        both = bytes(one & other for one, other in zip(before, DATA))
        assert machine.internal[TARGET:TARGET + len(DATA)] == both
        assert found["status"] == 0 and found["checksum"] == crc(both), "the checksum is what tells"


def test_loss_of_power_while_it_programs(code):
    cut = 700
    with rail.Machine("stm32f407-nor") as machine:
        prepare(machine, code)
        machine.power_on(sram="random:1")
        stop = machine.run(until=20 * SECOND, cut=cut, tear="half")
        assert stop.reason == "cut"
        at = 2 * (cut - 1)  # operation 0 is the erase
        assert machine.internal[TARGET:TARGET + at + 2] == DATA[:at + 1] + b"\xff"
        assert machine.internal[TARGET + at + 2:TARGET + len(DATA)] == b"\xff" * (len(DATA) - at - 2)
