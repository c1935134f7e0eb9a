# SPDX-License-Identifier: MIT
"""The machine's devices, seen from firmware that exercises them: run with `python3 -m pytest tests/device`."""

import hashlib
import struct
import subprocess
import time

import pytest

import rail
from bed import (DMA, FLASH, FLASH_ERRORS, GREEN, IDLE, LOCKUP, MIXTURE, MS, NOR, NOR_RESET, PROGRAMS, PROTECT_SECTOR_7,
                 RED, RESET, RESET_DESELECTS_NOR, SCRATCH, SECOND, SYSTICK_CLOCKS, WATCHDOG, WATCHDOG_IN_A_STALL,
                 choose, results, run_test)


def test_idle_time(machine):
    run_test(machine, IDLE, until=3 * SECOND)
    edges = [event for event in machine.events("pin") if event.address == RED]
    assert [event.value for event in edges] == [1, 0]
    assert abs(edges[1].time_ns - edges[0].time_ns - 1000 * MS) < MS / 100


def test_systick_clocks(machine):
    run_test(machine, SYSTICK_CLOCKS, until=SECOND)
    assert abs(results(machine)["ten_ticks_us"] - 10000) <= 10


def test_flash_times_and_physics(machine):
    run_test(machine, FLASH)
    found = results(machine)
    assert 1_000_000 <= found["erase_us"] <= 1_000_010 and found["polled"]
    assert 16_000 <= found["program_ns"] <= 16_300
    assert 1_000_000 <= found["stalled_us"] <= 1_000_010
    assert found["word"] and found["cleared_only"] and found["erased"]
    program = next(machine.events("program"))
    assert (program.address, program.value, program.duration_ns, program.chip) == (0x08040000, 4, 16000, 1)
    assert program.payload == struct.pack("<I", 0x12345678) and 0x08000000 <= program.pc < 0x08002000
    erases = list(machine.events("erase"))
    assert [event.address for event in erases] == [0x08040000] * 2
    assert erases[0].pc >= 0x20000000 > erases[1].pc


def test_flash_errors(machine):
    machine.write("otp", rail.RAIL_OTP_OPTIONS + 8, struct.pack("<H", PROTECT_SECTOR_7))
    run_test(machine, FLASH_ERRORS)
    found = results(machine)
    assert found == {"pgserr": 1 << 7, "pgperr": 1 << 6, "wrperr": 1 << 4, "otp": 0x11223344, "otp_locked": 1 << 4,
                     "untouched": 1, "eop_without_eopie": 0, "locked": 1, "bus_fault": 1, "still_locked": 1}
    assert machine.otp[0:4] == struct.pack("<I", 0x11223344) and machine.otp[512] == 0


def test_nor(machine):
    machine.write("nor", 0, bytes([0xA5]))
    run_test(machine, NOR)
    found = results(machine)
    assert found["id"] == 0xEF4017
    assert found["without_wel"] == 0xFF and found["wel"] == 2
    assert found["busy"] == 3 and found["ignored_while_busy"] == 0xFF and found["status_after"] == 0
    assert found["program_us"] <= 400
    assert [found[name] for name in ("b10FE", "b10FF", "b1000", "b1001", "b1100")] == [1, 2, 3, 4, 0xFF]
    assert 44_990 <= found["erase_us"] <= 45_010 and found["erased"] == 0xFF
    assert found["wraps_to"] == 0xA5
    assert found["powered_down"] == 0xFF and found["released"] == 0xA5
    assert found["torn_command_wel"] == 2
    program, erase = machine.events("program", "erase")
    assert (program.chip, program.address, program.value) == (2, 0x1000, 256)
    assert (erase.chip, erase.address, erase.value, erase.duration_ns) == (2, 0x1000, 4096, 45 * MS)


def test_nor_goes_on_through_a_reset(machine):
    machine.write("nor", 0x10000, bytes([0]))
    run_test(machine, NOR_RESET)
    found = results(machine)
    assert found["busy_after_reset"] and 140_000 < found["rest_us"] < 150_000 and found["erased"] == 0xFF


def test_power_loss_ends_what_the_nor_does(machine):
    machine.write("nor", 0x10000, bytes([0]))
    choose(machine, NOR_RESET)
    machine.power_on(sram="zero")
    assert machine.run(until=50 * MS).reason == "time"
    machine.power_off()
    assert machine.nor[0x10000] == 0


def test_dma(machine):
    machine.write("nor", 0, bytes(range(64)))
    run_test(machine, DMA)
    found = results(machine)
    complete, transfer_error = 1 << 5 | 1 << 4, 1 << 3
    assert found["sram_flags"] == complete and (found["first"], found["last"]) == (0, 63)
    assert found["ccm_flags"] & transfer_error and not found["ccm_flags"] & complete
    assert 64 * 64 - 20 <= found["cycles"][0] <= 64 * 64 + 300  # 64 bytes at 21 MHz


def test_poll_skip_gives_the_same_result(machine, firmware):
    run_test(machine, NOR)
    with rail.Machine(options={"poll-skip": "off"}) as plain:
        plain.write("internal", 0, firmware)
        run_test(plain, NOR)
        ours, theirs = results(machine), results(plain)
        assert plain.nor[:] == machine.nor[:]
    for name in ("program_us", "erase_us"):
        assert abs(ours.pop(name) - theirs.pop(name)) <= 5
    assert ours == theirs


def test_watchdog(machine):
    run_test(machine, WATCHDOG, until=SECOND)
    power_on, after = results(machine)["flags"]
    assert power_on == 0b1110 and after == 0b101110 and results(machine)["removed"] == 0
    red, = [event for event in machine.events("pin") if event.address == RED and event.value]
    reset, = machine.events("reset")
    assert abs(reset.time_ns - red.time_ns - 100 * MS) < MS and reset.value == 0b101110 << 24


def test_watchdog_bites_during_a_stall(machine):
    machine.write("internal", SCRATCH, b"\0" * 4096)
    stop = run_test(machine, WATCHDOG_IN_A_STALL, reset=True)
    red, = [event for event in machine.events("pin") if event.address == RED and event.value]
    assert stop.reason == "reset" and abs(stop.t - red.time_ns - 100 * MS) < 100_000
    torn = machine.internal[SCRATCH:SCRATCH + 4096]
    assert 0.2 < sum(bin(byte).count("1") for byte in torn) / (8 * 4096) < 0.8, "a reset leaves a mixture"
    assert machine.run(until=20 * SECOND).reason == "time"
    assert GREEN not in [event.address for event in machine.events("pin")]


@pytest.mark.parametrize("inside_a_byte, found", [(0, 0x55), (1, 0xFF)])
def test_reset_deselects_the_nor(machine, inside_a_byte, found):
    """A reset lets chip select rise: what was shifted by then starts, unless a byte is incomplete."""
    run_test(machine, RESET_DESELECTS_NOR, inside_a_byte, until=SECOND)
    assert machine.nor[0x3000] == found and machine.nor[0x3001] == 0xFF
    assert len(list(machine.events("program"))) == 1 - inside_a_byte


def test_watchdog_ends_a_wild_jump(machine):
    stop = run_test(machine, LOCKUP, until=SECOND)
    assert stop.reason == "time" and results(machine)["flags"] == [0b1110, 0b101110]


def test_lockup(machine):
    """Without a vector table the core stands still; the machine lives on."""
    machine.write("internal", 0, b"\xff" * 0x2000)
    machine.power_on(sram="zero")
    assert machine.run(until=SECOND) == ("time", SECOND, 0, 32)  # only the power-on event


def test_reset_is_not_a_power_loss(machine):
    run_test(machine, RESET, until=SECOND)
    assert results(machine) == {"flags": [0b1110, 0b11110], "kept": [0, 1]}
    machine.clear_trace()
    machine.power_off()
    machine.power_on(sram="retain")
    machine.run(until=SECOND)
    assert results(machine)["flags"][0] == 0b1110 and results(machine)["kept"] == [1, 1]
    machine.clear_trace()
    machine.power_off()
    machine.power_on(sram="random:7")
    machine.run(until=SECOND)
    assert results(machine)["kept"] == [0, 1]


@pytest.mark.parametrize("tear, words", [("before", 5), ("after", 6)])
def test_cut(machine, tear, words):
    choose(machine, PROGRAMS, 10)
    machine.power_on(sram="zero")
    stop = machine.run(until=SECOND, cut=5, tear=tear)
    assert stop.reason == "cut" and stop.ops == 6
    expected = b"".join(struct.pack("<I", i) for i in range(words))
    assert machine.internal[SCRATCH:SCRATCH + 40] == expected.ljust(40, b"\xff")
    off, = machine.events("power-off")
    assert off.value == 5 and off.time_ns == list(machine.events("program"))[-1].time_ns
    with pytest.raises(rail.RailError, match="power is off"):
        machine.run(until=2 * SECOND)


def test_both_chips_are_torn(machine):
    machine.write("nor", 0x1000, bytes([0]))
    choose(machine, MIXTURE)
    machine.power_on(sram="zero")
    machine.run(until=SECOND)
    operations = list(machine.events("program", "erase"))
    index = next(i for i, event in enumerate(operations) if event.kind == "erase" and event.address == 0x1000)
    machine.power_off()
    machine.write("nor", 0x1000, bytes([0]))
    machine.write("internal", SCRATCH, b"\xff" * 4096)
    machine.power_on(sram="zero")
    machine.run(until=SECOND, cut=index, tear="before")
    assert machine.nor[0x1000] == 0


def test_edges_and_lines_pause(machine):
    choose(machine, MIXTURE)
    machine.power_on(sram="zero")
    assert machine.run(until=SECOND, edge=True).reason == "edge"
    assert list(machine.events("pin"))[-1].time_ns <= SECOND
    assert machine.run(until=SECOND, line=True).reason == "line"
    assert machine.uart().endswith("\n") and list(machine.events())[-1].kind == "uart"


def recorded(machine, firmware, **options):
    """The trace and final arrays of the mixture, from erased arrays."""
    machine.write("internal", 0, firmware.ljust(rail.RAIL_INTERNAL_SIZE, b"\xff"))
    machine.write("nor", 0, b"\xff" * rail.RAIL_NOR_SIZE)
    machine.clear_trace()
    choose(machine, MIXTURE)
    machine.power_on(sram="random:1")
    pause = options.get("pause")
    at = 0
    while pause and at < 3 * SECOND:
        at += pause
        machine.run(until=at)
    while machine.run(until=5 * SECOND, **options.get("stops", {})).reason != "time":
        pass
    machine.power_off()
    digest = hashlib.sha256(machine.internal[:] + machine.nor[:]).hexdigest()
    return [f"{event}" for event in machine.events()] + [digest]


def assert_same(found, expected):
    """Tells the first difference only: pytest would compare megabytes."""
    for index, pair in enumerate(zip(found, expected)):
        assert pair[0] == pair[1], f"event {index} of {len(found)} and {len(expected)}"
    assert len(found) == len(expected)


def test_same_trace_in_a_worn_process(machine, firmware):
    with rail.Machine() as fresh:
        expected = recorded(fresh, firmware)
    assert len(expected) > 1000
    for i in range(60):
        run_test(machine, (PROGRAMS, WATCHDOG, RESET, NOR)[i % 4], 10 + i, until=(150 + 7 * i) * MS + i)
        machine.power_off()
    assert_same(recorded(machine, firmware), expected)
    assert_same(recorded(machine, firmware), expected)


def test_pauses_leave_no_trace(machine, firmware):
    expected = recorded(machine, firmware)
    assert_same(recorded(machine, firmware, pause=3_333_333), expected)
    assert_same(recorded(machine, firmware, stops={"edge": True, "line": True, "reset": True}), expected)


def test_full_trace_pauses(firmware):
    with rail.Machine(trace_size=1 << 15) as machine:
        machine.write("internal", 0, firmware)
        choose(machine, PROGRAMS, 2000)
        machine.power_on(sram="zero")
        events = 0
        while True:
            stop = machine.run(until=SECOND)
            events += sum(1 for _ in machine.events("program"))
            machine.clear_trace()
            if stop.reason != "trace-full":
                break
        assert stop.reason == "time" and stop.ops == events == 2000


@pytest.mark.parametrize("line", ["power", "run", "run until=x", "run until=5 cut=1", "changed nor 0 x", "nonsense",
                                  "power on sram=blue", "changed internal 1048576 1"])
def test_wrong_commands_are_told(machine, line):
    with pytest.raises(rail.RailError):
        machine.command(line)


def test_wrong_file_size_is_told(tmp_path):
    (tmp_path / "flash").write_bytes(b"\xff" * 1000)
    run = subprocess.run([str(rail.QEMU), "-M", f"mountaineer-eth,internal={tmp_path / 'flash'}", "-display", "none"],
                         capture_output=True, text=True, check=False)
    assert run.returncode == 1 and "has 1000 bytes, must have 1048576" in run.stderr


def test_power_cycles_are_cheap(machine):
    choose(machine, PROGRAMS, 10)
    started = time.perf_counter()
    for _ in range(200):
        machine.power_on()
        machine.run(until=MS)
        machine.power_off()
        machine.clear_trace()
    assert (time.perf_counter() - started) / 200 < 0.01
