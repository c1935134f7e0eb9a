# SPDX-License-Identifier: MIT
"""How power comes, goes and falls, and what the chips make of it: RM0090 Rev 21 section
5, DS8626 Rev 12 section 5.3."""

import struct

import pytest

import rail
from bed import (FLASH, GREEN, IDLE, LOCKUP, MIXTURE, MS, NOR_RESET, RESET, SECOND, WATCHDOG, WATCHDOG_IN_A_STALL,
                 build, choose)

## Several commands in a line ##

# Stops in between: at edges, at a reset, in a stall of the bus, in a poll that is skipped,
# at a loss of power, when idle.
STORIES = {
    "idle": (IDLE, ["run until=500000000", "run until=1500000000 edge=1", "run until=2000000000"]),
    "flash": (FLASH, [f"run until={n * 7919 * MS // 10}" for n in range(1, 5)] + ["run until=4000000000"]),
    "flash, cut": (FLASH, ["run until=500000000", "run until=4000000000 cut=3 tear=half"]),
    "nor": (NOR_RESET, ["run until=10000000 reset=1", "run until=20000000", "run until=1000000000"]),
    "reset": (RESET, ["run until=1000000000 reset=1"] * 2),
    "reset, just then": (RESET, [f"run until={1390776 + n}" for n in range(-64, 64, 8)]),
    "watchdog, just then": (WATCHDOG, [f"run until={100783104 + n}" for n in range(-64, 64, 8)]),
    "watchdog": (WATCHDOG, ["run until=3000000000 reset=1"] * 2),
    "watchdog in a stall": (WATCHDOG_IN_A_STALL, ["run until=50000000", "run until=3000000000 reset=1"]),
    "lines": (MIXTURE, ["run until=20000000000 line=1"] * 12 + ["run until=20000000000 edge=1"] * 3),
    "lockup": (LOCKUP, ["run until=1000", "run until=1000000000"]),
}

STOPS = {"idle": "edge", "flash, cut": "cut", "nor": "reset", "reset": "reset", "watchdog": "reset",
         "watchdog in a stall": "reset", "lines": "line"}


def restart(machine, firmware, test):
    """As it was at first, but with time having passed."""
    for chip in ("internal", "nor", "otp"):
        machine.mark(chip)
        machine.write(chip, 0, b"\xff" * rail.SIZES[chip])
    machine.write("internal", 0, firmware)
    choose(machine, test)
    machine.clear_trace()


def left(machine):
    return machine.trace_bytes(), machine.internal[:], machine.nor[:], machine.otp[:], machine.marks("internal")


@pytest.mark.parametrize("story", STORIES)
def test_one_line_is_as_good_as_many(machine, firmware, story):
    test, runs = STORIES[story]
    commands = ["power on sram=random:7 noise=3", *runs]
    if "cut" not in runs[-1]:
        commands.append("power off")
    restart(machine, firmware, test)
    one_by_one = [machine.command(command) for command in commands]
    expected = left(machine)
    restart(machine, firmware, test)
    assert machine.commands(*commands) == one_by_one
    assert left(machine) == expected
    assert STOPS.get(story, "time") in [reply.split()[1][len("reason="):] for reply in one_by_one if "reason" in reply]


def test_power_cycles_in_one_line(machine, firmware):
    """The n-th is as the first one, wherever power is lost."""
    restart(machine, firmware, NOR_RESET)
    cycle = ["power on sram=zero", "run until=123456789", "power off"]
    replies = machine.commands(*cycle * 20)
    assert len(replies) == 60 and len({*replies[0::3]}) == 1 and {*replies[2::3]} == {"ok"}
    assert len({reply.split(" trace=")[0] for reply in replies[1::3]}) == 1
    events = list(machine.events())
    assert len(events) % 20 == 0 and events == events[:len(events) // 20] * 20


def test_an_error_ends_the_line(machine):
    with pytest.raises(rail.RailError, match=r"^unknown command jump \(after: ok sram=[0-9a-f]{16}; stopped .*\)$"):
        machine.commands("power on sram=zero", "run until=1000", "jump", "power off", "quit")
    assert " powered=1 t=1000" in machine.command("info")
    with pytest.raises(rail.RailError, match="^the power is on$"):
        machine.commands("power on", "run until=2000")
    assert " powered=1 t=1000" in machine.command("info")
    assert machine.command("power off;") == "ok"


def test_a_line_that_runs_hears_nothing_else(machine, firmware):
    """Unless it is the end: then the process ends, in whatever it is."""
    restart(machine, firmware, IDLE)
    machine.power_on(sram="zero")
    machine._socket.sendall(b"run until=400000000000; power off\npower off\nquit\n")
    assert machine._replies.readline() == "error the machine is running\n"
    assert machine._replies.readline() == "ok\n"
    assert machine.process.wait(10) == 0


def test_each_edge_pauses_once(machine, firmware):
    """A pause at an edge leaves no trace, and each edge pauses once."""
    restart(machine, firmware, IDLE)
    replies = machine.commands("power on sram=zero", *["run until=3000000000 edge=1"] * 6, "power off")
    times = [int(reply.split(" t=")[1].split()[0]) for reply in replies if "reason=edge" in reply]
    edges = [event.time_ns for event in machine.events("pin")]
    assert times == edges and len(edges) >= 2

## The supply ##

END, WRITE, READ, DELAY, PROGRAM, ERASE, TRANSFER, POLL, CHECK, ERASE_FROM_RAM = range(10)
US = 1000
POR, BOR, PIN = 1 << 27, 1 << 25, 1 << 26
PWR_CR, PWR_CSR, EXTI = 0x40007000, 0x40007004, 0x40013C00
PVDE, PVDO = 1 << 4, 1 << 2
SRAM, SRAM_SIZE, CCM, CCM_SIZE = 0x20000000, 0x20000, 0x10000000, 0x10000
SCRATCH = 0x08040000
GPIO_E = 0x40021000
VDD, VCC = 0, 1
DETECTOR = [(2040, 2140), (2190, 2300), (2350, 2450), (2510, 2600),
            (2660, 2760), (2840, 2930), (2930, 3030), (3030, 3140)]
BROWN_OUT = {0: (2830, 2920), 1: (2500, 2590), 2: (2190, 2290)}  # by BOR_LEV; 3 is none
POWER_DOWN = (1680, 1720)


def nor(*data, read=0):
    return [TRANSFER, len(data), read, *data]


def nor_at(command, address, *data, read=0):
    return nor(command, address >> 16, address >> 8 & 0xFF, address & 0xFF, *data, read=read)


@pytest.fixture(scope="session")
def power_firmware(tmp_path_factory):
    return build("power", tmp_path_factory.mktemp("power"))


@pytest.fixture
def board(power_firmware):
    """Starts a machine with these properties of the SPI NOR."""
    machines = []

    def start(**options):
        options = {key.replace("_", "-"): value for key, value in options.items()}
        machine = rail.Machine(options=options, arguments=("-d", "guest_errors,unimp"))
        machines.append(machine)
        machine.write("internal", 0, power_firmware)
        return machine

    yield start
    for machine in machines:
        machine.__exit__()


def script(machine, *steps, again=(), bor=3):
    """What the firmware does after the next power-on, and after a reset that is none."""
    first = [word for step in steps for word in step] + [END]
    words = [1 + len(first), *first, *[word for step in again for word in step], END]
    machine.write("internal", 0x20000, struct.pack(f"<{len(words)}I", *words))
    machine.write("otp", rail.RAIL_OTP_OPTIONS, bytes([0xF3 | bor << 2]))
    machine.clear_trace()


def said(machine):
    return [int(line, 16) for line in machine.uart().splitlines()]


def supply_events(machine):
    return [(event.time_ns, event.address, event.value) for event in machine.events("supply")]


def why(machine):
    """The reset flags of each start."""
    return [word & 0xFE000000 for word in said(machine) if word & PIN]


def test_without_a_supply_nothing_is_new(board):
    machine = board()
    script(machine, [READ, PWR_CSR])
    machine.power_on(sram="zero")
    machine.run(until=MS)
    machine.power_off()
    assert why(machine) == [POR | BOR | PIN] and not said(machine)[1] & PVDO
    assert supply_events(machine) == [] and [event.kind for event in machine.events("reset")] == []
    once = machine.trace_bytes()
    machine.clear_trace()
    machine.supply("vdd", (3300, 0))
    machine.supply("vcc", (3300, 0))
    machine.power_on(sram="zero")
    machine.run(until=MS)
    machine.power_off()
    assert machine.trace_bytes() == once


## The supervisor ##

@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_brown_out_reset(board, level):
    """A dip to just above a threshold is none; to just below holds the MCU until the
    other threshold, which is higher."""
    falling, rising = BROWN_OUT.get(level, POWER_DOWN)
    machine = board()
    script(machine, [DELAY, 10], bor=level)
    machine.supply("vdd", (3300, MS), (falling, MS), (falling, 2 * MS), (falling - 1, 2 * MS),
                   (rising - 1, 3 * MS), (rising - 1, 4 * MS), (rising, 4 * MS))
    machine.power_on(sram="zero")
    machine.run(until=10 * MS)
    machine.power_off()
    assert supply_events(machine) == [(2 * MS, VDD, falling - 1), (4 * MS, VDD, rising)]
    resets = list(machine.events("reset"))
    assert [event.time_ns for event in resets] == [4 * MS]
    flags = BOR | PIN | (POR if level == 3 else 0)
    assert resets[0].value == flags and why(machine) == [POR | BOR | PIN, flags]


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_between_its_thresholds_the_supervisor_goes_on_as_it_was(board, level):
    """Also when something else happens to the supply, here to the SPI NOR's."""
    falling, rising = BROWN_OUT.get(level, POWER_DOWN)
    machine = board()
    script(machine, [DELAY, 10], bor=level)
    machine.supply("vdd", (3300, 0), (falling, MS), (falling, 3 * MS), (falling - 1, 3 * MS), (falling - 1, 4 * MS),
                   (rising - 1, 4 * MS), (rising - 1, 6 * MS), (rising, 6 * MS), (falling, 7 * MS))
    machine.supply("vcc", *[(mv, n * MS + at) for n in (2, 5, 8)
                            for mv, at in ((3300, 0), (0, 0), (0, US), (3300, US))])
    machine.power_on(sram="zero")
    machine.run(until=10 * MS)
    machine.power_off()
    assert [(at, mv) for at, which, mv in supply_events(machine) if which == VDD] == [
        (3 * MS, falling - 1), (6 * MS, rising)]
    assert [at // MS for at, which, mv in supply_events(machine) if which == VCC] == [2, 2, 5, 5, 8, 8]


def test_brown_out_of_another_level_while_it_runs(board):
    """Option bytes act as soon as they are written."""
    machine = board()
    flash = 0x40023C00
    script(machine, [WRITE, flash + 8, 0x08192A3B], [WRITE, flash + 8, 0x4C5D6E7F],
           [WRITE, flash + 0x14, 0x0FFFFFE0], [WRITE, flash + 0x14, 0x0FFFFFE2], bor=3)
    machine.supply("vdd", (2700, 0), (2700, 900 * MS), (3300, 900 * MS))
    machine.power_on(sram="zero")
    machine.run(until=2 * SECOND)
    machine.power_off()
    status = next(machine.events("status"))
    held, released = supply_events(machine)
    assert held == (status.time_ns + status.duration_ns, VDD, 2700) and released == (900 * MS, VDD, 3300)
    assert why(machine) == [POR | BOR | PIN, BOR | PIN]


def test_ramps_cross_where_they_cross(board):
    machine = board()
    script(machine, bor=2)
    machine.supply("vdd", (0, 0), (3300, 3300 * US), (3300, 5 * MS), (0, 5 * MS + 3300 * US))
    machine.power_on(sram="zero")
    machine.run(until=20 * MS)
    machine.power_off()
    assert supply_events(machine) == [(2290 * US, VDD, 2290), (5 * MS + 1110 * US + 1, VDD, 2189)]
    assert [event.time_ns for event in machine.events("reset")] == [2290 * US]
    assert why(machine) == [POR | BOR | PIN]


def test_a_held_mcu_does_nothing(board):
    """Neither its watchdog, nor its pins, nor its timers; what it was printing is cut off."""
    machine = board()
    script(machine, [WRITE, GPIO_E + 0x18, 1 << 13], [DELAY, 10**6], bor=0)
    machine.write("otp", rail.RAIL_OTP_OPTIONS, bytes([0xF3 & ~(1 << 5)]))  # a hardware watchdog, BOR level 3
    machine.supply("vdd", (3300, 2 * MS), (2700, 2 * MS), (2700, 5 * SECOND), (3300, 5 * SECOND))
    machine.power_on(sram="zero")
    machine.run(until=5 * SECOND + 100 * MS)
    assert all(not 2 * MS < event.time_ns < 5 * SECOND for event in machine.events())
    assert why(machine) == [POR | BOR | PIN, BOR | PIN]
    machine.power_off()


def test_brown_out_loop(board):
    """Several dips in one power-on, each half as long as the one before."""
    machine = board()
    script(machine, [DELAY, 5], bor=1)
    points, at, times = [(3300, 0)], MS, []
    for n in range(8):
        length = 4 * MS >> n
        points += [(3300, at), (2400, at), (2400, at + length), (3300, at + length)]
        times.append((at, at + length))
        at += 2 * length
    machine.supply("vdd", *points)
    machine.power_on(sram="zero")
    machine.run(until=50 * MS)
    machine.power_off()
    assert supply_events(machine) == [event for down, up in times for event in ((down, VDD, 2400), (up, VDD, 3300))]
    assert [event.value for event in machine.events("reset")] == [BOR | PIN] * 8


def test_a_loop_is_the_same_in_one_line(board):
    machine = board()
    script(machine, [PROGRAM, 2, SCRATCH, 0x12345678], [ERASE, 2, 6], bor=1)
    commands = ["supply vdd 3300@1000000 0@2000000 0@3000000 3300@3000000 3300@400000000 2300@400000000 3300@500000000",
                "power on sram=random:3", "run until=100000000", "run until=2000000000 reset=1", "run until=2000000000",
                "power off"]
    one_by_one = [machine.command(command) for command in commands]
    expected = machine.trace_bytes(), machine.internal[:]
    machine.mark("internal")
    machine.write("internal", SCRATCH - 0x08000000, b"\xff" * 0x20000)
    machine.clear_trace()
    assert machine.commands(*commands) == one_by_one
    assert (machine.trace_bytes(), machine.internal[:]) == expected
    assert [reply.split()[1] for reply in one_by_one[2:5]] == ["reason=time", "reason=reset", "reason=time"]


@pytest.mark.parametrize("bor, values", [(3, 2), (0, 1)])
def test_weak_bits_are_read_anew_after_a_power_on_reset_only(board, bor, values):
    """Sixteen dips to 1.5 V within one power-on are as many power-ons; at 2.7 V they are resets."""
    machine = board()
    script(machine, [READ, SCRATCH], again=[[READ, SCRATCH]], bor=bor)
    machine.mark("internal", ("weak", 0x40000, 3))
    lowest = 1500 if bor == 3 else 2700
    machine.supply("vdd", *[(mv, n * MS + at) for n in range(1, 17)
                            for mv, at in ((3300, 0), (lowest, 0), (lowest, US), (3300, US))])
    machine.power_on(sram="zero")
    machine.run(until=20 * MS)
    machine.power_off()
    read = said(machine)[1::2]
    assert len(read) == 17 and len({*read}) == values


## The voltage detector ##

@pytest.mark.parametrize("level", range(8))
def test_detector(board, level):
    """PVDO and EXTI line 16, at either edge."""
    falling, rising = DETECTOR[level]
    machine = board()
    script(machine, [WRITE, EXTI, 1 << 16], [WRITE, EXTI + 8, 1 << 16], [WRITE, EXTI + 12, 1 << 16],
           [WRITE, PWR_CR, level << 5 | PVDE], [READ, PWR_CSR], [DELAY, 2500], [READ, PWR_CSR], [DELAY, 2500],
           [READ, PWR_CSR])
    machine.supply("vdd", (3300, MS), (falling, MS), (falling, 2 * MS), (falling - 1, 2 * MS), (rising - 1, 3 * MS),
                   (rising - 1, 4 * MS), (rising, 4 * MS))
    machine.power_on(sram="zero")
    machine.run(until=20 * MS)
    machine.power_off()
    assert [word & PVDO for word in said(machine)[1:]] == [0, PVDO, 0]
    edges = [(event.time_ns, event.value) for event in machine.events("pin") if event.address == GREEN]
    assert [value for _, value in edges] == [1, 0]
    assert 0 <= edges[0][0] - 2 * MS < US and 0 <= edges[1][0] - 4 * MS < US


@pytest.mark.parametrize("register", [8, 12])
def test_detector_edges(board, register):
    """Rising is when VDD falls: the line is PVDO."""
    machine = board()
    script(machine, [WRITE, EXTI, 1 << 16], [WRITE, EXTI + register, 1 << 16], [WRITE, GPIO_E + 0x18, 1 << 13],
           [WRITE, PWR_CR, 5 << 5 | PVDE], [DELAY, 5000], [READ, EXTI + 0x14])
    machine.supply("vdd", (3300, MS), (2700, MS), (2700, 2 * MS), (3300, 2 * MS))
    machine.power_on(sram="zero")
    machine.run(until=20 * MS)
    machine.power_off()
    edges = [(event.value, event.time_ns // MS) for event in machine.events("pin") if event.address == GREEN]
    assert edges == ([(1, 0)] if register == 8 else [(1, 0), (0, 2)])
    assert said(machine)[-1] == 0


def test_a_ramp_warns_ahead_of_the_reset(board):
    """2.84 V and 2.19 V, at 10 mV per us."""
    machine = board()
    script(machine, [WRITE, EXTI, 1 << 16], [WRITE, EXTI + 8, 1 << 16], [WRITE, PWR_CR, 5 << 5 | PVDE], bor=2)
    machine.supply("vdd", (3300, MS), (0, MS + 330 * US))
    machine.power_on(sram="zero")
    machine.run(until=2 * MS)
    warned = [event.time_ns for event in machine.events("pin") if event.address == GREEN and event.value]
    (reset, _, _), = supply_events(machine)
    assert len(warned) == 1 and reset == MS + 111 * US + 1
    assert 65 * US - US < reset - warned[0] <= 65 * US


def test_detector_looks_when_it_is_switched_on_or_changed(board):
    machine = board()
    script(machine, [WRITE, PWR_CR, 0 << 5 | PVDE], [READ, PWR_CSR], [WRITE, PWR_CR, 5 << 5 | PVDE], [READ, PWR_CSR],
           [WRITE, PWR_CR, 5 << 5], [READ, PWR_CSR])
    machine.supply("vdd", (2500, 0))
    machine.power_on(sram="zero")
    machine.run(until=5 * MS)
    machine.power_off()
    assert [word & PVDO for word in said(machine)[1:]] == [0, PVDO, 0]


## One rail ##

def test_the_nor_alone_loses_power(board):
    """MISO floats; its operation is torn, WEL and volatile status are lost; its cells are not."""
    machine = board(nor_part="w25q64")
    machine.write("nor", 0x1000, b"\x5a" * 4096)
    script(machine, nor(0x50), nor(0x01, 0x1C), nor(0x05, read=1), nor(0x06), nor(0x05, read=1),
           nor(0x9F, read=3), [DELAY, 2000], nor(0x9F, read=3), nor(0x05, read=1), nor_at(0x03, 0x1000, read=2),
           [DELAY, 2000], nor(0x9F, read=3), nor(0x05, read=1), nor_at(0x03, 0x1000, read=2))
    machine.supply("vcc", (3300, MS), (1999, MS), (1999, 3 * MS), (2000, 3 * MS))
    machine.power_on(sram="zero")
    machine.run(until=20 * MS)
    machine.power_off()
    assert machine.uart().split()[1:] == ["1c", "1e", "ef4017", "ffffff", "ff", "ffff", "ef4017", "00", "5a5a"]
    assert supply_events(machine) == [(MS, VCC, 1999), (3 * MS, VCC, 2000)]
    assert [*machine.events("reset")] == []


def test_what_the_nor_does_is_torn_by_its_own_supply(board):
    """A 64 KB erase, after a third of its 150 ms: each bit by itself, and the MCU still thinks that it is busy: FF."""
    machine = board()
    machine.write("nor", 0x10000, bytes(0x10000))
    script(machine, nor(0x06), nor_at(0xD8, 0x10000), [DELAY, 60000], nor(0x05, read=1))
    machine.supply("vcc", (3300, 50 * MS), (0, 50 * MS))
    machine.power_on(sram="zero")
    machine.run(until=100 * MS)
    machine.power_off()
    assert machine.uart().split()[1:] == ["ff"]
    ones = sum(byte.bit_count() for byte in machine.nor[0x10000:0x20000])
    assert 0.15 < ones / (8 * 0x10000) < 0.18  # (1/3 - 1/4) / (1/2)
    assert machine.nor[0xFFFF] == 0xFF and machine.nor[0x20000] == 0xFF


def test_an_edge_of_chip_select_without_supply_is_no_command(board):
    """Chip select is low when the supply goes, and rises when it is back."""
    machine = board()
    script(machine, nor(0x06), [WRITE, 0x40020818, 1 << 16],
           *[[WRITE, 0x4001300C, byte] for byte in (0x02, 0, 0x50, 0)],
           [WRITE, 0x4001300C, 0x11], [DELAY, 2000], [WRITE, 0x40020818, 1], [DELAY, 1000],
           nor_at(0x03, 0x5000, read=1))
    machine.supply("vcc", (3300, MS), (0, MS), (0, 2 * MS), (3300, 2 * MS))
    machine.power_on(sram="zero")
    machine.run(until=20 * MS)
    machine.power_off()
    assert machine.uart().split()[-1] == "ff" and [*machine.events("program")] == []


def test_the_mcu_alone_loses_power(board):
    """The SPI NOR finishes its erase, which the MCU finds busy and then done."""
    machine = board()
    machine.write("nor", 0x10000, bytes(0x10000))
    script(machine, nor(0x05, read=1), nor(0x06), nor_at(0xD8, 0x10000), [DELAY, 10000])
    machine.supply("vdd", (3300, 5 * MS), (0, 5 * MS), (0, 50 * MS), (3300, 50 * MS))
    machine.power_on(sram="zero")
    stop = machine.run(until=100 * MS)
    assert machine.uart().split()[1:] == ["00", f"{POR | BOR | PIN:08x}", "03"] and stop.ops == 1
    machine.run(until=200 * MS)
    machine.power_off()
    assert machine.nor[0x10000:0x20000] == b"\xff" * 0x10000 and machine.marks("nor") == []


def test_the_nor_keeps_what_is_volatile_while_the_mcu_is_without_power(board):
    """WEL, then power-down."""
    machine = board()
    script(machine, nor(0x06), [DELAY, 100000], again=[nor(0x05, read=1), nor(0xB9), [DELAY, 100000]], bor=0)
    machine.supply("vdd", (3300, 5 * MS), (2700, 5 * MS), (2700, 6 * MS), (3300, 6 * MS),
                   (3300, 10 * MS), (2700, 10 * MS), (2700, 11 * MS), (3300, 11 * MS))
    machine.power_on(sram="zero")
    machine.run(until=20 * MS)
    machine.power_off()
    assert machine.uart().split() == [f"{POR | BOR | PIN:08x}", f"{BOR | PIN:08x}", "02", f"{BOR | PIN:08x}", "ff"]


def test_a_suspended_operation_outlives_the_mcu(board):
    machine = board()
    machine.write("nor", 0x10000, bytes(0x10000))
    script(machine, nor(0x06), nor_at(0xD8, 0x10000), [DELAY, 1000], nor(0x75), [DELAY, 100000],
           again=[nor(0x35, read=1), nor(0x7A), nor(0x05, read=1), [POLL], nor(0x35, read=1)], bor=0)
    machine.supply("vdd", (3300, 5 * MS), (2700, 5 * MS), (2700, 600 * MS), (3300, 600 * MS))
    machine.power_on(sram="zero")
    machine.run(until=SECOND)
    machine.power_off()
    assert machine.uart().split()[2:] == ["80", "03", "00"]
    assert machine.nor[0x10000:0x20000] == b"\xff" * 0x10000


def test_the_mcu_is_torn_by_its_own_supply(board):
    """Its erase, after an eighth of 1 s: zeros from the end over half of the sector."""
    machine = board()
    machine.write("internal", SCRATCH - 0x08000000, b"\x5a" * 0x20000)
    script(machine, [ERASE, 2, 6], again=[[READ, SCRATCH], [READ, SCRATCH + 0x1FFFC]], bor=0)
    machine.power_on(sram="zero")
    machine.run(until=MS)
    began = next(machine.events("erase")).time_ns
    machine.power_off()
    machine.clear_trace()
    machine.mark("internal")
    machine.write("internal", SCRATCH - 0x08000000, b"\x5a" * 0x20000)
    machine.supply("vdd", (3300, began + 125 * MS), (2700, began + 125 * MS), (2700, 300 * MS), (3300, 300 * MS))
    machine.power_on(sram="zero")
    machine.run(until=400 * MS)
    machine.power_off()
    sector = machine.internal[SCRATCH - 0x08000000:][:0x20000]
    assert sector == b"\x5a" * 0x10000 + bytes(0x10000)
    assert said(machine)[2:] == [0x5A5A5A5A, 0]


def test_a_store_that_waits_is_never_made_when_the_supply_goes(board):
    """It waited for the erase that is torn; the reset takes it along."""
    machine = board()
    script(machine, [ERASE_FROM_RAM, 6, 0x08060000], again=[[READ, 0x08060000]], bor=0)
    machine.supply("vdd", (3300, 100 * MS), (2700, 100 * MS), (2700, 300 * MS), (3300, 300 * MS))
    machine.power_on(sram="zero")
    stop = machine.run(until=2 * SECOND)
    machine.power_off()
    assert [event.kind for event in machine.events("erase", "program")] == ["erase"] and stop.ops == 1
    assert said(machine)[2] == 0xFFFFFFFF


## Undervoltage ##

@pytest.mark.parametrize("psize, needed", [(0, 1800), (1, 2100), (2, 2700)])
@pytest.mark.parametrize("below", [0, 1])
def test_a_program_below_what_psize_needs_is_weak(board, psize, needed, below):
    """It reads right, and is not retained."""
    machine = board()
    script(machine, [PROGRAM, psize, SCRATCH, 0x12345678], [READ, SCRATCH])
    machine.supply("vdd", (needed - below, 0))
    machine.power_on(sram="zero")
    machine.run(until=10 * MS)
    machine.power_off()
    value = 0x12345678 | (0xFFFFFFFF & ~((1 << (8 << psize)) - 1))
    assert said(machine)[1] == value
    assert len(machine.marks("internal")) == below
    for kind, offset, bit in machine.marks("internal"):
        assert kind == "weak" and 0 <= offset - 0x40000 < 1 << psize
        assert not value >> 8 * (offset - 0x40000) + bit & 1
    assert (f"operation at {needed - 1} mV, where PSIZE needs {needed}" in machine.log()) == bool(below)


def test_a_weak_value_is_not_retained(board):
    machine = board()
    script(machine, [PROGRAM, 2, SCRATCH, 0], [READ, SCRATCH])
    machine.supply("vdd", (2500, 0))
    machine.power_on(sram="zero")
    machine.run(until=10 * MS)
    machine.power_off()
    script(machine, [READ, SCRATCH])
    read = set()
    for noise in range(16):
        machine.clear_trace()
        machine.power_on(sram="zero", noise=noise)
        machine.run(until=10 * MS)
        machine.power_off()
        read.add(said(machine)[1])
    assert len(read) == 2 and 0 in read


def test_an_erase_with_a_dip_in_it_is_weak(board):
    """However short it is; what comes after is firm."""
    machine = board()
    machine.write("internal", SCRATCH - 0x08000000, bytes(0x20000))
    script(machine, [ERASE, 2, 6], [CHECK, SCRATCH, 0x8000, 0xFFFFFFFF], [PROGRAM, 2, SCRATCH, 0])
    machine.supply("vdd", (3300, 500 * MS), (2600, 500 * MS + US), (3300, 500 * MS + 2 * US))
    machine.power_on(sram="zero")
    machine.run(until=2 * SECOND)
    machine.power_off()
    assert said(machine)[1:] == [0] and 31 <= len(machine.marks("internal")) <= 32


def test_an_operation_is_weak_however_it_is_paused(board):
    """A pause in the stall of the bus, and one at its end."""
    machine = board()
    script(machine, [PROGRAM, 2, SCRATCH, 0], [READ, SCRATCH])
    marks = []
    for pauses in (0, 1, 2):
        machine.mark("internal")
        machine.write("internal", 0x40000, b"\xff" * 4)
        machine.clear_trace()
        machine.supply("vdd", (2500, 0))
        machine.power_on(sram="zero")
        if pauses:
            machine.run(until=program.time_ns + (8000 if pauses == 1 else program.duration_ns))
        machine.run(until=10 * MS)
        machine.power_off()
        program = next(machine.events("program"))
        assert said(machine)[1] == 0
        marks.append(machine.marks("internal"))
    assert len(marks[0]) == 1 and marks == [marks[0]] * 3


def test_an_erase_that_a_store_waits_for_is_weak_too(board):
    """With a pause while it waits."""
    machine = board()
    script(machine, [ERASE_FROM_RAM, 6, 0x08060000])
    machine.supply("vdd", (2500, 0))
    machine.power_on(sram="zero")
    machine.run(until=500 * MS)
    machine.run(until=2 * SECOND)
    machine.power_off()
    sectors = [offset // 0x20000 for _, offset, _ in machine.marks("internal")]
    assert 31 <= sectors.count(2) <= 32 and sectors.count(3) == 1


def test_the_nor_below_vwi_takes_no_command(board):
    """At 2.0 V it works; below, it neither programs nor answers, and the MCU runs at 2.4 V."""
    machine = board()
    steps = nor(0x06), nor_at(0x02, 0x3000, 0x42), [POLL], nor_at(0x03, 0x3000, read=1)
    for vcc, read in ((2000, "42"), (1999, "ff")):
        machine.write("nor", 0x3000, b"\xff")
        # without an answer WIP reads as set for ever
        script(machine, *(step for step in steps if vcc >= 2000 or step != [POLL]))
        machine.supply("vdd", (2400, 0))
        machine.supply("vcc", (vcc, 0))
        machine.power_on(sram="zero")
        machine.run(until=20 * MS)
        machine.power_off()
        assert machine.uart().split()[1:] == [read] and machine.nor[0x3000] == int(read, 16)


def test_commands_before_the_nor_listens(board):
    """P7: its supply comes 2 ms after the MCU's; then tVSL without any command, then tPUW without one that writes."""
    machine = board(nor_powerup="datasheet")
    script(machine, [DELAY, 1800], nor(0x9F, read=3), [DELAY, 200], nor(0x9F, read=3), nor(0x06), nor(0x05, read=1),
           [DELAY, 5000], nor(0x06), nor(0x05, read=1))
    machine.supply("vcc", (0, 0), (0, 2 * MS), (3300, 2 * MS))
    machine.power_on(sram="zero")
    machine.run(until=20 * MS)
    machine.power_off()
    assert machine.uart().split()[1:] == ["ffffff", "ef4017", "00", "02"]
    assert "within tPUW" in machine.log()


## A loss at a time ##

def lose(machine, at):
    machine.power_on(sram="zero")
    stop = machine.run(until=at, loss=True)
    assert (stop.reason, stop.t) == ("loss", at) and "powered=0" in machine.command("info")


def test_both_chips_are_torn_as_far_as_they_got(board):
    """The NOR has erased 64 KB since 60 of 150 ms, the MCU 128 KB since 62.5 of 1000 ms."""
    machine = board()
    script(machine, nor(0x06), nor_at(0xD8, 0x10000), [ERASE, 2, 6])
    machine.power_on(sram="zero")
    machine.run(until=MS)
    first, second = (event.time_ns for event in machine.events("erase"))
    machine.power_off()
    machine.mark("internal")
    machine.mark("nor")
    machine.write("internal", SCRATCH - 0x08000000, b"\x5a" * 0x20000)
    machine.write("nor", 0x10000, b"\x5a" * 0x10000)
    lose(machine, second + 62500 * US)
    assert machine.internal[0x40000:0x60000] == b"\x5a" * 0x18000 + bytes(0x8000)
    ones = sum(byte.bit_count() for byte in machine.nor[0x10000:0x20000]) / (8 * 0x10000)
    share = ((second - first) / MS + 62.5) / 150
    assert abs(ones - (share - 0.25) * 2) < 0.01


def test_what_is_suspended_is_torn_as_far_as_it_got(board):
    """An erase that was suspended after 15 of 150 ms, however long ago: zeros over four tenths."""
    machine = board()
    machine.write("nor", 0x10000, b"\x5a" * 0x10000)
    script(machine, nor(0x06), nor_at(0xD8, 0x10000), [DELAY, 14999], nor(0x75))
    machine.power_on(sram="zero")
    machine.run(until=500 * MS, loss=True)
    zeros = 0x10000 - len(machine.nor[0x10000:0x20000].rstrip(b"\0"))
    assert abs(zeros / 0x10000 - 0.4) < 0.005 and machine.nor[0x10000:0x20000 - zeros] == b"\x5a" * (0x10000 - zeros)


def test_a_program_grows_with_time(board):
    """Of a page: 0.4 ms, of which seven eighths clear the bits."""
    machine = board()
    script(machine, nor(0x06), nor_at(0x02, 0x3000, *[0] * 128))
    machine.power_on(sram="zero")
    machine.run(until=5 * MS)
    program = next(machine.events("program"))
    machine.power_off()
    done, before = [], b"\xff" * 128
    for part in range(0, 9):
        machine.mark("nor")
        machine.write("nor", 0x3000, b"\xff" * 128)
        lose(machine, program.time_ns + program.duration_ns * part // 8)
        now = machine.nor[0x3000:0x3080]
        assert all(new & ~old == 0 for new, old in zip(now, before))
        done.append(1024 - sum(byte.bit_count() for byte in now))
        assert (len(machine.marks("nor")) == 1) == (part == 7)
        before = now
    assert done[0] == 0 and done == sorted(done) and done[7] == done[8] == 1024
    assert all(abs(done[part] - 1024 * part / 7) < 80 for part in range(1, 7))


def test_a_loss_is_the_same_each_time_and_in_one_line(board):
    machine = board()
    script(machine, nor(0x06), nor_at(0x20, 0x1000), [ERASE, 2, 6])
    seen = set()
    for _ in range(2):
        for chip in ("internal", "nor"):
            machine.mark(chip)
        machine.write("nor", 0x1000, b"\x5a" * 4096)
        machine.write("internal", 0x40000, b"\x5a" * 0x20000)
        machine.clear_trace()
        replies = machine.commands("power on sram=zero", "run until=10000000", "run until=20000000 loss=1")
        seen.add((replies[2], machine.trace_bytes(), machine.internal[:], machine.nor[:]))
    assert len(seen) == 1
    with pytest.raises(rail.RailError, match="the power is off"):
        machine.commands("power on", "run until=1000 loss=1", "run until=2000")


def test_a_loss_at_an_edge(board):
    """Power is lost at the very instant of an edge that pauses."""
    machine = board()
    script(machine)
    machine.power_on(sram="zero")
    stop = machine.run(until=MS, edge=True)
    machine.power_off()
    edge, = (event.time_ns for event in machine.events("pin"))
    for at in range(edge - 32, edge + 32, 8):
        machine.power_on(sram="zero")
        reasons = [machine.run(until=at, edge=True, loss=True)]
        while reasons[-1].reason == "edge":
            reasons.append(machine.run(until=at, edge=True, loss=True))
        assert reasons[-1].reason == "loss" and reasons[-1].t == max(at, reasons[0].t) and len(reasons) <= 2
    assert stop.reason == "edge"


def test_a_loss_right_now(board):
    machine = board()
    script(machine)
    machine.power_on(sram="zero")
    machine.run(until=MS)
    assert machine.run(until=MS, loss=True).reason == "loss" and "powered=0" in machine.command("info")
    assert [event.value for event in machine.events("power-off")] == [0xFFFFFFFF]


def test_a_status_write_is_torn_where_it_is(board):
    """10 ms: at first what was to be cleared is, then some of the bits are set."""
    machine = board(nor_part="w25q64")
    script(machine, nor(0x06), nor(0x01, 0x68))
    machine.power_on(sram="zero")
    machine.run(until=MS)
    began = next(machine.events("status")).time_ns
    machine.power_off()
    found = []
    for ms in (0, 1, 6, 10):
        machine.status(0x14, 0, machine.status()[2])
        machine.clear_trace()
        machine.power_on(sram="zero", status="kept")
        machine.run(until=began + ms * MS, loss=True)
        found.append(machine.status()[0])
    assert found[0] == 0x14 and found[1] == 0 and found[3] == 0x68 and found[2] not in (0x14, 0x68)


## SRAM ##

def sram(machine, how, until=50 * MS):
    """A sample of what it holds after a power-on: both memories, but not the stack."""
    script(machine, *[[READ, base + at] for base, size in ((SRAM, SRAM_SIZE), (CCM, CCM_SIZE))
                      for at in range(0x2000, size, 0x400)])
    hashed = machine.power_on(sram=how)
    machine.run(until=until)
    machine.power_off()
    return hashed, said(machine)[1:]


def test_sram_is_what_power_on_says(board):
    machine = board()
    assert {*sram(machine, "zero")[1]} == {0}
    hashed, words = sram(machine, "random:5")
    assert len({*words}) > 100 and sram(machine, "random:5")[0] == hashed != sram(machine, "random:6")[0]
    words = sram(machine, "random:5")[1]
    assert sram(machine, "retain")[1] == words


def differing(one, other):
    return sum((a ^ b).bit_count() for a, b in zip(one, other)) / (32 * len(one))


@pytest.mark.parametrize("share", [0, 16, 128, 256])
def test_sram_decays(board, share):
    """So many of 256 cells fall back to what each prefers, which half of them do not hold."""
    machine = board()
    preferred = sram(machine, "decay:1:256")[1]
    assert sram(machine, "zero")[1] != preferred == sram(machine, "decay:2:256")[1]
    words = sram(machine, "random:5")[1]
    decayed = sram(machine, f"decay:9:{share}")[1]
    assert abs(differing(words, decayed) - share / 512) < 0.02
    assert all((old ^ new) & (new ^ wanted) == 0 for old, new, wanted in zip(words, decayed, preferred))
    sram(machine, "random:5")
    again = sram(machine, f"decay:9:{share}")[1]
    sram(machine, "random:5")
    assert again == decayed and (sram(machine, f"decay:10:{share}")[1] == decayed) == (share in (0, 256))


@pytest.mark.parametrize("lowest, kept", [(2700, True), (1000, True), (999, False)])
def test_sram_forgets_in_a_deep_dip(board, lowest, kept):
    """A reset keeps it, be it by BOR or by power-down: above 1 V."""
    machine = board()
    script(machine, [READ, SRAM + 0x8000], [READ, CCM + 0x8000], [WRITE, SRAM + 0x8000, 0x11223344],
           [WRITE, CCM + 0x8000, 0x55667788], again=[[READ, SRAM + 0x8000], [READ, CCM + 0x8000]], bor=0)
    machine.supply("vdd", (3300, 5 * MS), (lowest, 5 * MS), (3300, 6 * MS))
    machine.power_on(sram="random:77")
    machine.run(until=20 * MS)
    machine.power_off()
    words = said(machine)
    assert (words[4:6] == [0x11223344, 0x55667788]) == kept
    assert kept or words[4] not in (0, words[1])


## What cannot be ##

@pytest.mark.parametrize("line, text", [
    ("supply", "must be vdd or vcc"), ("supply vbat 3300@0", "there is no vbat"), ("supply vdd 3300", "must be"),
    ("supply vdd 3300@5 3200@4", "in order of time"), ("supply vdd 4001@0", "at most 4000"),
    ("supply vdd -1@0", "must be"), ("supply vdd " + "3300@0 " * 257, "up to 256"),
    ("power on sram=decay:1", "must be"), ("power on sram=decay:1:257", "must be"),
    ("power on sram=decay:x:1", "must be"),
])
def test_wrong_use(machine, line, text):
    with pytest.raises(rail.RailError, match=text):
        machine.command(line.rstrip())
    assert "powered=0" in machine.command("info")


def test_a_supply_is_for_one_power_on(board):
    machine = board()
    script(machine)
    machine.supply("vdd", (0, 0))
    machine.power_on(sram="zero")
    with pytest.raises(rail.RailError, match="the power is on"):
        machine.supply("vdd", (3300, 0))
    machine.run(until=MS)
    assert machine.uart() == ""
    machine.power_off()
    machine.power_on(sram="zero")
    machine.run(until=MS)
    machine.power_off()
    assert why(machine) == [POR | BOR | PIN]
    machine.supply("vdd", (0, 0))
    machine.supply("vdd")
    machine.clear_trace()
    machine.power_on(sram="zero")
    machine.run(until=MS)
    assert why(machine) == [POR | BOR | PIN]
