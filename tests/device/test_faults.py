# SPDX-License-Identifier: MIT
"""Faults of the parts, by name (sim/nor/fault.h): what each of them does, and that without it there is nothing of that.

The firmware is that of test_spi_nor.py and test_flash.py, which carry out what is written here.
"""

import re
import struct

import pytest

import rail
import test_flash as flash
import test_power as power
import test_spi_nor as spi
from bed import MS, SECOND
from test_flash import (ENABLE, OPERR, SCRATCH, SR, START, STATUS as FLASH_STATUS, UNLOCK, CYCLES_SINCE, READ32,
                        WRITE32, about, carry_out, lines)
from test_spi_nor import (AT, CMP, DELAY, PARTS, READY, RESUME, STATUS, SUS, WEL, WIP, WRITE_ENABLE, at, erase,
                          operations, program, read, run, send)

KB = 1024
IDENTITY = send(0x9F, read=3)
EF4017, NOTHING = b"\xef\x40\x17", b"\xff\xff\xff"

board = power.board
power_firmware = power.power_firmware
interpreter = flash.interpreter
script_firmware = spi.script_firmware


@pytest.fixture
def chip(script_firmware):
    """Starts a machine with these faults."""
    machines = []

    def start(*faults, part="w25q64", **options):
        machine = rail.Machine(options={"nor-part": part, **options}, arguments=("-d", "guest_errors,unimp"))
        machines.append(machine)
        machine.write("internal", 0, script_firmware)
        machine.fault(*faults)
        return machine

    yield start
    for machine in machines:
        machine.__exit__()


@pytest.fixture
def mcu(interpreter):
    with rail.Machine(arguments=("-d", "guest_errors")) as machine:
        flash.prepare(machine, interpreter)
        yield machine


# The commands


MENU = re.findall(r'^    \[FAULT_\w+\] = \{"([\w-]+)", "([^"]*)"', (rail.REPOSITORY / "sim/nor/fault.c").read_text(),
                  re.M)
EXAMPLES = {"ADDRESS.BIT": "0.0", "ADDRESS": "7FF123", "N": "1", "K": "2", "PERCENT": "3", "HH": "F0",
            "HHHHHH": "C22017", "SEED": "4294967295", "MV": "1900", "US": "1000", "FROM.FOR": "1000.10"}


def test_the_menu_is_what_the_machine_knows(chip):
    machine = chip()
    with pytest.raises(rail.RailError) as told:
        machine.command("fault nor-typo=1")
    assert 'there is no fault "nor-typo"' in str(told.value)
    assert str(told.value).split("there are: ")[1].split() == [name for name, _ in MENU]
    for name, argument in MENU:
        example = EXAMPLES.get(argument.strip("[]"), "")
        example = example.replace("0.0", "08000000.0" if name.startswith("int") else "0.0")
        machine.fault(name + ("=" + example if example else ""))
        if argument == "" or argument.startswith("["):
            machine.fault(name)
        else:
            with pytest.raises(rail.RailError):
                machine.fault(name)
    machine.fault(*[name for name, argument in MENU if argument == "" or argument.startswith("[")])


@pytest.mark.parametrize("line, word", [
    ("fault", "none"), ("fault nor-slow=0", "from 1"), ("fault nor-slow=", "from 1"), ("fault nor-slow=1x", "from 1"),
    ("fault nor-slow=1 nor-slow=2", "twice"), ("fault nor-dead=-1", "nor-dead[=N]"),
    ("fault nor-miso-low=1", "no argument"), ("fault nor-jedec=1000000", "FFFFFF"),
    ("fault int-stuck-0=08100000.0", "080FFFFF"), ("fault int-stuck-0=08000000", "bits"),
    ("fault int-stuck-0=08000000.8", "bits"), ("fault none nor-dead", "no fault"), ("erases otp", "erases"),
    ("fault vdd-low=1719", "from 1720"), ("fault vcc-dip=5", "vcc-dip=FROM.FOR"), ("fault vcc-dip=5.0", "FOR from 1"),
    ("erases internal 1", "erases"), ("erases internal" + 12 * " x", "number"), ("erases nor 0", "OFFSET N"),
    ("erases nor none 1", "none is no number"), ("erases nor 0 1 4096 x", "x is no number"), ("erases nor 0 1 1 1", "begins"),
    ("erases nor 8388608 1", "begins")])
def test_wrong_commands_change_nothing(chip, line, word):
    machine = chip("nor-dead")
    with pytest.raises(rail.RailError, match=re.escape(word)):
        machine.command(line)
    assert run(machine, IDENTITY) == [NOTHING] and machine.erases() == [0] * 12 and machine.nor_erases() == {}


def test_only_while_the_power_is_off(chip):
    machine = chip()
    machine.power_on()
    for line in ("fault none", "erases internal" + 12 * " 1", "erases nor none"):
        with pytest.raises(rail.RailError, match="the power is on"):
            machine.command(line)


# SPI NOR: times and WIP


@pytest.mark.parametrize("part", PARTS)
def test_nor_slow(chip, part):
    machine = chip("nor-slow=3", part=part)
    found = run(machine, program(AT, *[0] * 256), READY, WRITE_ENABLE + send(0x01, 0), READY)
    assert [round(us / 1000) for us in found] == [9, 45], "three times the maximum"
    run(machine, erase(0x20, AT), [DELAY, 1000])
    assert [event.duration_ns for event in machine.events("erase")] == [1200 * MS]
    machine.fault("nor-slow=1")
    assert [round(us / 1000) for us in run(machine, erase(0x20, AT), READY)] == [400]
    machine.fault()
    assert [round(us / 1000) for us in run(machine, erase(0x20, AT), READY)] == [45]


def test_slow_polls_are_all_seen(chip):
    """So that a firmware which counts them gives up when it would: polls cost instructions instead of being skipped."""

    def instructions(machine):
        def count():
            return int(re.search(r"instructions=(\d+)", machine.command("info"))[1])
        before = count()
        run(machine, program(AT, *[0] * 256), READY)
        return count() - before

    assert instructions(chip("nor-slow=2")) > 10 * instructions(chip("nor-slow=1"))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_nor_wip_stuck(chip, number):
    machine = chip(f"nor-wip-stuck={number}")
    steps = [program(AT, 1), [DELAY, 5000], STATUS[0], program(AT + 256, 2), [DELAY, 50000], STATUS[0], read(AT)]
    expected = [[WIP | WEL] * 2 + [0xFF], [WIP | WEL] * 2 + [0xFF], [0, WIP | WEL, 0xFF]][number]
    for _ in range(2):
        machine.write("nor", AT, b"\xff" * 512)
        assert [one[0] for one in run(machine, *steps)] == expected, "and again after the next power-on"
        assert (machine.nor[AT], machine.nor[AT + 256]) == [(0xFF, 0xFF), (1, 0xFF), (1, 2)][number]
    machine.fault()
    assert run(machine, *steps)[-1] == b"\1"


def test_a_stuck_wip_does_not_keep_a_status_write_from_its_end(chip):
    machine = chip("nor-wip-stuck=1")
    run(machine, WRITE_ENABLE + send(0x01, 0x04), [DELAY, 20000], STATUS[0])
    assert machine.status()[0] == 0x04


@pytest.mark.parametrize("value", [0x00, 0xFF])
def test_nor_status_reads(chip, value):
    machine = chip(f"nor-status-reads={value:02X}")
    assert run(machine, *STATUS, IDENTITY, erase(0x20, AT), [DELAY, 10], *STATUS, send(0xB9), STATUS[0]) \
        == [bytes([value])] * 3 + [EF4017] + [bytes([value])] * 4
    assert operations(machine) == [("erase", AT, 4 * KB)]


# SPI NOR: what does not hear or is not heard


def test_nor_dead(chip):
    machine = chip("nor-dead")
    assert run(machine, IDENTITY, STATUS[0], program(AT, 1), read(AT)) == [NOTHING, b"\xff", b"\xff"]
    assert operations(machine) == []
    machine.fault("nor-dead=4")
    for _ in range(2):
        assert run(machine, IDENTITY, program(AT, 1), IDENTITY, STATUS[0]) == [EF4017, NOTHING, b"\xff"]
        assert operations(machine) == [("program", AT, 1)], "counted anew since power-on"


@pytest.mark.parametrize("fault, line", [("nor-miso-low", 0x00), ("nor-miso-high", 0xFF)])
def test_miso_stuck(chip, fault, line):
    machine = chip(fault)
    machine.write("nor", AT + 256, b"\x5a")
    assert run(machine, IDENTITY, STATUS[0], read(AT + 256), program(AT, 1)) \
        == [bytes([line] * 3)] + [bytes([line])] * 2
    assert operations(machine) == [("program", AT, 1)], "it hears"


# SPI NOR: status registers


def test_nor_status_torn(chip):
    machine = chip()
    factory, found = machine.status(), set()
    for seed in range(20):
        machine.fault(f"nor-status-torn={seed}")
        torn = machine.status()
        assert run(machine, *STATUS) == [bytes([register]) for register in torn]
        machine.fault(f"nor-status-torn={seed}")
        assert machine.status() == torn, "one seed, one state"
        found.add(torn)
    assert len(found) > 15
    for register in range(2):
        changed = [register_of[register] ^ factory[register] for register_of in found]
        assert {bit for bit in range(8) if any(one >> bit & 1 for one in changed)} == {
            0: set(range(2, 8)), 1: {1, 3, 4, 5, 6}}[register], "every bit that can be written but SRL, and no other"
    machine.fault()
    assert machine.status() == factory


@pytest.mark.parametrize("part", PARTS)
def test_nor_read_only(chip, part):
    machine = chip("nor-read-only", part=part)
    found = run(machine, STATUS[0], program(AT, 1), erase(0x20, 0x10000), STATUS[0], WRITE_ENABLE + send(0x01, 0, 0),
                READY, program(AT, 1), READY, read(AT))
    assert found[:2] == [b"\x1c", bytes([0x1C | WEL])] and found[-1] == b"\1"
    assert [kind for kind, *_ in operations(machine)] == ["status", "program"]
    assert run(machine, STATUS[0], status="kept") == [b"\0"], "what the firmware has freed is free"
    assert run(machine, STATUS[0]) == [b"\x1c"], "and with status=factory it is this specimen's again"


def test_nor_read_only_whatever_the_rest_of_the_status_is(chip):
    for seed in range(20):
        machine = chip("nor-read-only", f"nor-status-torn={seed}")
        run(machine, program(0, 1), program(0x7FFF00, 1), erase(0x20, AT))
        assert operations(machine) == [] and not machine.status()[1] & CMP
        machine.__exit__()


# SPI NOR: worn out


def zeros_of(machine, start, size=4 * KB):
    return sum(8 - bin(byte).count("1") for byte in machine.nor[start:start + size])


@pytest.mark.parametrize("part", PARTS)
def test_nor_worn(chip, part):
    """The second erase of a sector, by whatever command, but the first of another one. Neither the status nor anything else tells."""
    machine = chip("nor-worn=1", part=part)
    assert run(machine, erase(0x20, AT), READY, STATUS[0])[-1] == b"\0" and zeros_of(machine, AT) == 0
    assert run(machine, erase(0x20, AT), READY, erase(0x20, AT + 4 * KB), READY, STATUS[0])[-1] == b"\0"
    assert zeros_of(machine, AT) == 32 and zeros_of(machine, AT + 4 * KB) == 0
    bad = bytes(machine.nor[AT:AT + 4 * KB])
    run(machine, erase(0x20, AT), READY)
    assert machine.nor[AT:AT + 4 * KB] == bad, "they are the same ones each time"
    assert machine.nor_erases() == {AT: 3, AT + 4 * KB: 1}, "over losses of power"
    at_32k = AT & ~(32 * KB - 1)
    run(machine, erase(0x52, at_32k), READY)
    assert zeros_of(machine, at_32k, 32 * KB) == 64 and len(machine.nor_erases()) == 8
    machine.fault()
    run(machine, erase(0x20, AT), READY)
    assert zeros_of(machine, AT) == 0


def test_erases_of_the_spi_nor_can_be_said(chip):
    machine = chip("nor-worn=100000")
    assert machine.nor_erases({AT: 99999, AT + 4 * KB: 100000}) == {AT: 99999, AT + 4 * KB: 100000}
    run(machine, erase(0x20, AT), READY, erase(0x20, AT + 4 * KB), READY)
    assert (zeros_of(machine, AT), zeros_of(machine, AT + 4 * KB)) == (0, 32)
    assert machine.nor_erases({AT: 7}) == {AT: 7} and machine.nor_erases({}) == {}
    machine.nor_erases({AT: 7})
    machine.fault("nor-worn=100000")
    assert machine.nor_erases() == {}


def test_what_a_worn_sector_is_programmed_keeps_its_zeros(chip):
    machine = chip("nor-worn=0")
    run(machine, erase(0x20, AT), READY)
    bad = next(at for at in range(AT, AT + 4 * KB) if machine.nor[at] != 0xFF)
    left = machine.nor[bad]
    assert run(machine, program(bad, 0xFF), READY, read(bad))[-1] == bytes([left])
    assert run(machine, program(bad, left & 0x5A), READY, read(bad))[-1] == bytes([left & 0x5A])


# SPI NOR: left in a mode


def test_nor_powered_down(chip):
    machine = chip("nor-powered-down")
    for _ in range(2):
        assert run(machine, IDENTITY, send(0xAB), [DELAY, 4], IDENTITY) == [NOTHING, EF4017]


def test_nor_suspended(chip):
    machine = chip(f"nor-suspended={AT + 0x123:06X}")
    machine.write("nor", AT, bytes(4 * KB))
    machine.write("nor", 0x10000, b"\x5a")
    found = run(machine, STATUS[0], STATUS[1], read(AT, 64), read(0x10000), erase(0x20, 0x10000), program(0x20000, 1),
                READY)
    assert found[0] == b"\0" and found[1][0] & SUS and len(set(found[2])) > 16 and found[3] == b"\x5a"
    assert operations(machine) == [("program", 0x20000, 1)], "no erase while one is suspended"
    assert machine.nor[AT:AT + 4 * KB] == bytes(4 * KB), "a loss of power ends it"


def test_nor_suspended_and_resumed_or_reset(chip):
    machine = chip(f"nor-suspended={AT:06X}")
    machine.write("nor", AT, bytes(4 * KB))
    found = run(machine, STATUS[1], RESUME, STATUS[1])
    assert found[0][0] & SUS and not found[1][0] & SUS
    machine.write("nor", AT, bytes(4 * KB))
    found = run(machine, STATUS[1], send(0x66), send(0x99), [DELAY, 40], STATUS[1], read(AT))
    assert found[0][0] & SUS and not found[1][0] & SUS and found[2] == b"\0"


def test_a_resumed_erase_is_an_operation(chip):
    machine = chip(f"nor-suspended={AT:06X}")
    machine.write("nor", AT, bytes(4 * KB))
    found = run(machine, WRITE_ENABLE, RESUME, READY, read(AT))
    assert found[1] == b"\xff" and operations(machine) == [("erase", AT, 4 * KB)]


def test_nor_continuous_read(chip):
    """05h has no bit that ends the mode, 9Fh has, and so has FFh, which is what data sheets ask for."""
    machine = chip("nor-continuous-read")
    assert run(machine, STATUS[0], IDENTITY, IDENTITY) == [b"\xff", NOTHING, EF4017]
    assert run(machine, STATUS[0], send(0xFF), STATUS[0], IDENTITY) == [b"\xff", b"\0", EF4017]
    run(machine, send(0x06), program(AT, 1), [DELAY, 1000])
    assert operations(machine) == [("program", AT, 1)], "06h ends it too"


# SPI NOR: once


def test_nor_wel_drop(chip):
    machine = chip("nor-wel-drop=2")
    for _ in range(2):
        machine.write("nor", AT, b"\xff" * 1024)
        found = run(machine, program(AT, 1), READY, WRITE_ENABLE, STATUS[0], at(0x02, AT + 256, 2), [DELAY, 10],
                    program(AT + 512, 3), READY)
        assert found[1] == b"\0"
        assert operations(machine) == [("program", AT, 1), ("program", AT + 512, 1)]


@pytest.mark.parametrize("number", [1, 3, 8])
def test_nor_read_flip(chip, number):
    data = bytes(range(8))
    machine = chip(f"nor-read-flip={number}")
    machine.write("nor", AT, data)
    for _ in range(2):
        first, second = run(machine, read(AT, 8), read(AT, 8))
        wrong = [at for at in range(8) if first[at] != data[at]]
        assert wrong == [number - 1] and bin(first[number - 1] ^ data[number - 1]).count("1") == 1
        assert second == data == machine.nor[AT:AT + 8], "nothing is stored"
    machine.fault()
    assert run(machine, read(AT, 8)) == [data]


def test_nor_jedec(chip):
    assert run(chip("nor-jedec=C22017"), send(0x9F, read=6)) == [b"\xc2\x20\x17" * 2]


# SPI NOR: stored, and properties that can be given for a scenario


def test_nor_retention(chip):
    machine = chip()
    machine.write("nor", AT, b"\x00\x5a")
    machine.fault(f"nor-retention={AT:06X}.3")
    assert run(machine, read(AT, 2)) == run(machine, read(AT, 2)) == [b"\x08\x5a"]
    assert run(machine, program(AT, 0), READY, read(AT))[1] == b"\0"
    assert run(machine, read(AT)) == [b"\0"], "programmed again, it holds"


def test_nor_multipass_refused(chip):
    machine = chip("nor-multipass-refused")
    steps = [program(AT, 1), READY, program(AT + 1, 2), READY, read(AT, 2)]
    assert run(machine, *steps)[-1] == b"\x01\xff"
    machine.fault()
    assert run(machine, program(AT + 1, 2), READY, read(AT, 2))[-1] == b"\x01\x02"


def test_nor_powerup_slow(chip):
    machine = chip("nor-powerup-slow")
    steps = [STATUS[0], [DELAY, 20], WRITE_ENABLE + STATUS[0], [DELAY, 5000], WRITE_ENABLE + STATUS[0]]
    assert run(machine, *steps) == [b"\xff", b"\0", bytes([WEL])]
    machine.fault()
    assert run(machine, *steps) == [b"\0", bytes([WEL]), bytes([WEL])]


# SPI NOR: what is always so


def test_pages_and_addresses_wrap(chip):
    machine = chip()
    machine.write("nor", 0, b"\x11")
    run(machine, program(AT + 255, 1, 2), READY, read(0x7FFFFF, 2))
    assert (machine.nor[AT + 255], machine.nor[AT], machine.nor[AT + 256]) == (1, 2, 0xFF)
    assert spi.results(machine)[-1] == b"\xff\x11"


# Internal flash


def test_int_stuck_bits(mcu):
    mcu.fault("int-stuck-0=08040000.3", "int-stuck-1=08040004.3")
    assert mcu.internal[0x40000] == 0xF7, "from the beginning"
    steps = [*UNLOCK, *flash.erase(6), (READ32, SCRATCH), *flash.program(SCRATCH + 4, 0), (READ32, SCRATCH + 4),
             (READ32, SR)]
    assert carry_out(mcu, *steps) == carry_out(mcu, *steps) == [0xFFFFFFF7, 1 << 3, 0]
    mcu.fault()
    assert carry_out(mcu, *steps) == [0xFFFFFFFF, 0, 0]


def bits_at_zero(machine, start=0x40000, size=0x20000):
    return sum(8 - bin(byte).count("1") for byte in machine.internal[start:start + size] if byte != 0xFF)


@pytest.mark.parametrize("fault, flag", [("int-worn", 0), ("int-worn-operr", OPERR)])
@pytest.mark.parametrize("ram", [False, True])
def test_int_worn(mcu, fault, flag, ram):
    """The second erase of a sector, but the first of another one."""
    mcu.fault(f"{fault}=1")
    erases = [*flash.erase(6), flash.WAIT, *FLASH_STATUS]
    assert carry_out(mcu, *UNLOCK, *erases, ram=ram) == [0] and bits_at_zero(mcu) == 0
    assert carry_out(mcu, *UNLOCK, *erases, *flash.erase(7), flash.WAIT, *FLASH_STATUS, ram=ram) == [flag, 0]
    assert bits_at_zero(mcu) == 32 and bits_at_zero(mcu, 0x60000) == 0
    bad = bytes(mcu.internal[0x40000:0x60000])
    carry_out(mcu, *UNLOCK, *erases, ram=ram)
    assert mcu.internal[0x40000:0x60000] == bad, "they are the same ones each time"
    assert mcu.erases() == [0] * 6 + [3, 1] + [0] * 4


def test_erases_are_counted_and_can_be_said(mcu):
    mcu.fault("int-worn=1")
    carry_out(mcu, *UNLOCK, *flash.erase(6))
    mcu.fault("int-worn=1")
    assert mcu.erases() == [0] * 12
    assert mcu.erases(*[0] * 7, 1, *[0] * 4) == [0] * 7 + [1] + [0] * 4
    carry_out(mcu, *UNLOCK, *flash.erase(6), *flash.erase(7))
    assert (bits_at_zero(mcu), bits_at_zero(mcu, 0x60000)) == (0, 32)


def test_a_torn_erase_of_a_worn_sector(mcu):
    mcu.fault("int-worn=0")
    flash.start(mcu, *UNLOCK, *flash.erase(6))
    assert mcu.run(until=SECOND, cut=0, tear="notake").reason == "cut"
    assert bits_at_zero(mcu) == 32 and mcu.marks("internal") == [("notake", 0x40000, 0x20000)]


@pytest.mark.parametrize("ram", [False, True])
def test_int_slow(mcu, ram):
    erase_16k = [(START,), *flash.erase(2), flash.WAIT, (CYCLES_SINCE,)]
    program_word = [(WRITE32, flash.CR, flash.X32 | flash.PG), (START,), (WRITE32, SCRATCH, 0), flash.WAIT,
                    (CYCLES_SINCE,)]
    for faults, erase_ms, program_us in (((), 250, 16), (("int-slow=1",), 500, 100), (("int-slow=3",), 1500, 300)):
        mcu.fault(*faults)
        word, = carry_out(mcu, *UNLOCK, *program_word, ram=ram)
        assert abs(word * 1000 / flash.MHZ - program_us * 1000) < 3000
        if not ram or erase_ms < 1500:  # in RAM, code would poll for so long, and each of the polls is executed
            assert about(carry_out(mcu, *UNLOCK, *erase_16k, ram=ram)[0], erase_ms * MS)


def test_int_aging(mcu):
    mcu.fault("int-aging=50")
    one = [(START,), *flash.erase(6), flash.WAIT, (CYCLES_SINCE,)]
    for found, ms in zip(carry_out(mcu, *UNLOCK, *one, *one, *one), (1000, 1500, 2000)):
        assert about(found, ms * MS)
    assert about(carry_out(mcu, *UNLOCK, *one)[0], 2500 * MS), "over a loss of power too"


def test_int_flags(mcu):
    probe = [(READ32, SR), (WRITE32, SR, 0xF3), (READ32, SR), *flash.program(SCRATCH, 0x1234), (READ32, SR)]
    for fault, flags in (("int-flags", 0xF0), ("int-flags=10", 0x10), ("int-flags=F2", 0xF2), ("none", 0)):
        mcu.command("fault " + fault)
        mcu.write("internal", 0x40000, b"\xff" * 4)
        assert carry_out(mcu, *UNLOCK, *probe) == [flags, 0, 0]
    mcu.command("fault int-flags")
    assert carry_out(mcu, *flash.reset_bites((WRITE32, SR, 0xF3), *flash.SYSTEM_RESET), (READ32, SR)) == [0xF0]


def test_int_options_torn(mcu):
    sectors = set()
    for seed in range(8):
        mcu.fault(f"int-options-torn={seed}")
        found, = carry_out(mcu, (READ32, flash.OPTCR))
        assert found >> 8 & 0xFF not in (0xAA, 0xCC), "level 1"
        sectors.add(found >> 16 & 0xFFF)
        sector = next(number for number in range(5, 12) if not found >> 16 + number & 1)
        assert carry_out(mcu, *UNLOCK, *flash.erase(sector), *FLASH_STATUS) == [flash.WRPERR]
    assert len(sectors) > 4


def test_int_stale_cache(mcu):
    """As the machine's stale-cache=on, and off again."""
    steps = [*ENABLE, *UNLOCK, *flash.erase(6), flash.WAIT, *lines(0, 100)]
    old = struct.unpack("<I", flash.OLD)[0]
    for fault, found in (("int-stale-cache", [old, 0xFFFFFFFF]), ("none", [0xFFFFFFFF] * 2)):
        mcu.command("fault " + fault)
        mcu.write("internal", 0x40000, flash.OLD * 0x200)
        assert carry_out(mcu, *steps, ram=True) == found


# The supply, and NRST

ERASE_NOR = [power.nor(0x06), power.nor_at(0x20, AT)]
ERASE_BOTH = [*ERASE_NOR, [power.ERASE, 2, 6]]


def power_up(machine, *steps, again=(), until=2 * SECOND, supply=None):
    """The events of the supply, the resets, and what the flashes hold; steps as in test_power.py."""
    for name, start, old in (("internal", 0x40000, b"\x5a" * 0x20000), ("nor", AT, b"\x5a" * 4 * KB)):
        machine.mark(name)
        machine.write(name, start, old)
    power.script(machine, *steps, again=again)
    if supply:
        machine.supply(*supply)
    machine.power_on(sram="zero")
    machine.run(until=until)
    machine.power_off()
    resets = [(event.time_ns, event.value) for event in machine.events("reset")]
    return power.supply_events(machine), resets, machine.internal[0x40000:0x60000], machine.nor[AT:AT + 4 * KB]


def test_vdd_low(board):
    """At each power-on, until the fault is taken away."""
    machine = board()
    for fault, weak in (("vdd-low=2500", True), ("vdd-low=2699", True), ("vdd-low=2700", False), ("none", False)):
        machine.command("fault " + fault)
        for _ in range(2):
            events, resets, internal, _ = power_up(machine, [power.ERASE, 2, 6])
            assert events == resets == [] and bool(machine.marks("internal")) == weak
            assert weak or internal == b"\xff" * 0x20000


def test_vdd_low_and_the_supervisor(board):
    """Below BOR's threshold the MCU never starts, and the SPI NOR hears nothing."""
    machine = board()
    machine.fault("vdd-low=2100")
    for level, starts in ((2, False), (3, True)):
        power.script(machine, [power.DELAY, 10], bor=level)
        machine.power_on(sram="zero")
        machine.run(until=10 * MS)
        machine.power_off()
        assert bool(power.said(machine)) == starts


@pytest.mark.parametrize("fault, rail_name, which", [("vdd-dip", "vdd", power.VDD), ("vcc-dip", "vcc", power.VCC)])
def test_dips(board, fault, rail_name, which):
    """One chip stops, the other one goes on; the same as with `supply`, and at each power-on."""
    machine = board()
    machine.fault(f"{fault}=20000.3000")
    first = power_up(machine, *ERASE_BOTH, again=[[power.DELAY, 1]])
    events, resets, internal, nor = first
    assert events == [(20 * MS, which, 0), (23 * MS, which, 3300)]
    assert resets == ([(23 * MS, power.POR | power.BOR | power.PIN)] if fault == "vdd-dip" else [])
    assert internal == b"\xff" * 0x20000, "torn and done once more, or never torn"
    assert (nor == b"\xff" * 4 * KB) == (fault == "vdd-dip")
    assert power_up(machine, *ERASE_BOTH, again=[[power.DELAY, 1]]) == first
    machine.fault()
    points = ((3300, 20 * MS), (0, 20 * MS), (0, 23 * MS), (3300, 23 * MS))
    assert power_up(machine, *ERASE_BOTH, again=[[power.DELAY, 1]], supply=(rail_name, *points)) == first
    assert power_up(machine, *ERASE_BOTH)[:2] == ([], [])


def test_a_dip_of_the_mcu_tears_what_it_does(board):
    machine = board()
    machine.fault("vdd-dip=20000.3000")
    internal = power_up(machine, *ERASE_BOTH, until=22 * MS)[2]
    assert internal[:0x10000] == b"\x5a" * 0x10000 and internal[-1] == 0


def test_a_dip_of_a_low_supply_comes_back_to_it(board):
    machine = board()
    machine.fault("vdd-low=2500", "vdd-dip=20000.3000")
    assert power_up(machine, again=[[power.DELAY, 1]])[0] == [(20 * MS, power.VDD, 0), (23 * MS, power.VDD, 2500)]


def test_a_dip_from_power_on_is_a_supply_that_comes_late(board):
    machine = board()
    machine.fault("vcc-dip=0.5000")
    assert power_up(machine, power.nor(0x9F, read=3), [power.DELAY, 10000], power.nor(0x9F, read=3))[0] \
        == [(5 * MS, power.VCC, 3300)]
    missing, found = machine.uart().split()[1:]
    assert missing == "ffffff" != found
    machine.fault("vdd-dip=0.5000")
    assert power_up(machine, [power.DELAY, 1], until=10 * MS)[1] == [(5 * MS, power.POR | power.BOR | power.PIN)]


def test_what_the_bench_says_of_a_supply_counts(board):
    """For the one power-on that it is said for."""
    machine = board()
    machine.fault("vcc-dip=20000.3000", "vdd-low=2500")
    assert power_up(machine, supply=("vcc", (3300, 0)))[0] == []
    assert power_up(machine, supply=("vdd", (3300, 0)))[0] == [(20 * MS, power.VCC, 0), (23 * MS, power.VCC, 3300)]


def test_vcc_low(board):
    machine = board()
    machine.fault("vcc-low=1999")
    for _ in range(2):
        power_up(machine, power.nor(0x9F, read=3), *ERASE_NOR)
        assert machine.uart().split()[1:] == ["ffffff"] and machine.nor[AT] == 0x5A
    machine.fault()
    power_up(machine, power.nor(0x9F, read=3))
    assert machine.uart().split()[1:] != ["ffffff"]


def test_reset_at(board):
    """Once per power-on, by the pin alone; the internal flash's erase is torn, the SPI NOR goes on."""
    machine = board()
    machine.fault("reset-at=20000")
    first = power_up(machine, *ERASE_BOTH, again=[[power.DELAY, 1]])
    events, resets, internal, nor = first
    assert events == [] and resets == [(20 * MS, power.PIN)]
    assert internal not in (b"\xff" * 0x20000, b"\x5a" * 0x20000) and nor == b"\xff" * 4 * KB
    assert power_up(machine, *ERASE_BOTH, again=[[power.DELAY, 1]]) == first
    machine.fault()
    assert power_up(machine, *ERASE_BOTH)[1:3] == ([], b"\xff" * 0x20000)


def test_a_reset_while_the_supply_holds_the_mcu_is_none(board):
    machine = board()
    machine.fault("reset-at=21000", "vdd-dip=20000.3000")
    assert [at for at, _ in power_up(machine, again=[[power.DELAY, 1]])[1]] == [23 * MS]
