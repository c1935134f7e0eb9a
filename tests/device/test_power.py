# SPDX-License-Identifier: MIT
"""How power comes, goes and falls, and what the chips make of it: RM0090 Rev 21 section 5, DS8626 Rev 12 section 5.3."""

import pytest

import rail
from bed import (FLASH, IDLE, LOCKUP, MIXTURE, MS, NOR_RESET, RESET, SECOND, WATCHDOG, WATCHDOG_IN_A_STALL,
                 choose)

## Several commands in a line ##

# Stops in between: at edges, at a reset, in a stall of the bus, in a poll that is skipped, at a loss of power, when idle.
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
