# SPDX-License-Identifier: MIT
"""The SPI NOR against its data sheets: spi_nor.c carries out the scripts that are written here."""

import struct
import subprocess

import pytest

import rail
from bed import BLUE, MS, SECOND, build

PARTS = ("s25fl064k", "w25q64")
WIP, WEL, SUS, QE, CMP = 1, 2, 0x80, 2, 0x40
SIZE = 8 << 20
KB = 1024
AT = 0x5000

END, TRANSFER, WAIT, DELAY, RESET, BEGIN, LAST, RELEASE = range(8)


def send(*data, read=0):
    """A whole transfer; what it reads is a result, if anything."""
    return [TRANSFER, len(data), read, *data]


def at(command, address, *data, read=0):
    return send(command, address >> 16, address >> 8 & 0xFF, address & 0xFF, *data, read=read)


WRITE_ENABLE, VOLATILE_ENABLE, SUSPEND, RESUME = send(0x06), send(0x50), send(0x75), send(0x7A)
STATUS = [send(code, read=1) for code in (0x05, 0x35, 0x15)]
READY = [WAIT]


def program(address, *data):
    return WRITE_ENABLE + at(0x02, address, *data)


def erase(code, address):
    return WRITE_ENABLE + at(code, address)


def read(address, count=1):
    return at(0x03, address, read=count)


@pytest.fixture(scope="session")
def script_firmware(tmp_path_factory):
    return build("spi_nor", tmp_path_factory.mktemp("spi_nor"))


@pytest.fixture
def chip(script_firmware):
    """Starts a machine with these properties."""
    machines = []

    def start(part="w25q64", arguments=("-d", "guest_errors,unimp"), **options):
        options = {"nor-" + key.replace("_", "-"): value for key, value in options.items()}
        machine = rail.Machine(options={"nor-part": part, **options}, arguments=arguments)
        machines.append(machine)
        machine.write("internal", 0, script_firmware)
        return machine

    yield start
    for machine in machines:
        machine.__exit__()


def power_on(machine, *steps, after_reset=(), **power):
    first = [word for step in steps for word in step] + [END]
    words = [1 + len(first), *first, *[word for step in after_reset for word in step], END]
    machine.write("internal", 0x20000, struct.pack(f"<{len(words)}I", *words))
    machine.clear_trace()
    machine.power_on(sram="zero", **power)


def results(machine):
    """What was read, as bytes, and how long was waited, in us."""
    return [int(line[1:], 16) if line[0] == "=" else bytes.fromhex(line) for line in machine.uart().splitlines()]


def run(machine, *steps, until=200 * SECOND, **power):
    """Powers up, carries out the steps, removes power; their results."""
    power_on(machine, *steps, **power)
    machine.run(until=until)
    assert BLUE in [event.address for event in machine.events("pin") if event.value], "the script did not end"
    machine.power_off()
    return results(machine)


def cut(machine, *steps, tear, operation=0, **power):
    """Power is lost at that operation."""
    power_on(machine, *steps, **power)
    assert machine.run(until=200 * SECOND, cut=operation, tear=tear).reason == "cut"


def operations(machine):
    return [(event.kind, event.address, event.value) for event in machine.events("program", "erase", "status")]


# Identification


@pytest.mark.parametrize("part", PARTS)
def test_identifiers(chip, part):
    assert run(chip(part), send(0x9F, read=6), at(0x90, 0, read=4), at(0x90, 1, read=2), send(0xAB, 0, 0, 0, read=2)) \
        == [bytes.fromhex("ef4017ef4017"), bytes.fromhex("ef16ef16"), bytes.fromhex("16ef"), bytes.fromhex("1616")]


def test_unique_ids(chip):
    found = [run(chip(part), send(0x4B, 0, 0, 0, 0, read=16))[0] for part in PARTS]
    assert found == [2 * bytes.fromhex("d1644d480000000" + last) for last in "12"]


def bits(word, high, low):
    return word >> low & (1 << (high - low + 1)) - 1


def basic_table(machine):
    """The SFDP's basic flash parameter table, found as JESD216 says: its revision and dwords."""
    header = run(machine, at(0x5A, 0, 0, read=16))[0]
    assert header[:4] == b"SFDP" and header[5] == 1 and header[6] == 0 and header[8] == 0 and header[15] == 0xFF
    assert header[4] == header[9] and header[10] == 1
    pointer, count = int.from_bytes(header[12:15], "little"), header[11]
    table = run(machine, at(0x5A, pointer, 0, read=4 * count + 4))[0]
    assert table[-4:] == b"\xff" * 4
    return header[9], struct.unpack(f"<{count}I", table[:-4])


@pytest.mark.parametrize("part, revision, count", [("s25fl064k", 0, 9), ("w25q64", 5, 16)])
def test_sfdp(chip, part, revision, count):
    found, words = basic_table(chip(part))
    assert found == revision and len(words) == count
    assert bits(words[0], 1, 0) == 1 and bits(words[0], 15, 8) == 0x20 and bits(words[0], 4, 3) == 0
    assert bits(words[0], 2, 2) == 1 and bits(words[0], 18, 17) == 0
    assert words[1] + 1 == 8 * SIZE
    assert [bits(words[2], 15, 8), bits(words[2], 31, 24)] == [0xEB, 0x6B]
    assert [bits(words[3], 15, 8), bits(words[3], 31, 24)] == [0x3B, 0xBB]
    kinds = [(words[7 + i // 2] >> 16 * (i % 2) & 0xFF, words[7 + i // 2] >> 16 * (i % 2) + 8 & 0xFF) for i in range(4)]
    assert kinds == [(12, 0x20), (15, 0x52), (16, 0xD8), (0, 0)]


def test_sfdp_tells_times_and_commands(chip):
    """The dwords that JESD216A added, and that the times of the data sheet lie within those told here."""
    words = basic_table(chip("w25q64"))[1]
    longest = 2 * (bits(words[9], 3, 0) + 1)
    units = (1, 16, 128, 1000)
    told = [(bits(words[9], low + 4, low) + 1) * units[bits(words[9], low + 6, low + 5)] for low in (4, 11, 18)]
    assert told == [64, 128, 160] and all(longest * one >= most for one, most in zip(told, (400, 1600, 2000)))
    assert 1 << bits(words[10], 7, 4) == 256
    assert (bits(words[10], 28, 24) + 1) * (16, 256, 4000, 64000)[bits(words[10], 30, 29)] == 20000
    assert bits(words[11], 31, 31) == 0 and bits(words[11], 3, 0) == 0b1001 and bits(words[11], 7, 4) == 0b1110
    assert words[12] == 0x757A757A
    assert (bits(words[13], 31, 31), bits(words[13], 30, 23), bits(words[13], 22, 15)) == (0, 0xB9, 0xAB)
    assert (bits(words[13], 12, 8) + 1) * (128, 1000, 8000, 64000)[bits(words[13], 14, 13)] == 3000
    assert bits(words[15], 13, 8) & 0x10, "66h, 99h"


def test_sfdp_is_256_bytes(chip):
    whole, middle = run(chip(), at(0x5A, 0, 0, read=260), at(0x5A, 0x82, 0, read=2))
    assert whole[256:] == whole[:4] and middle == whole[0x82:0x84]


# Times


@pytest.mark.parametrize("part, times, short, page, sector, block32, block64, chip_ms", [
    ("s25fl064k", "typical", (400, 400), 400, 45, 120, 150, 20000),
    ("w25q64", "typical", (30, 80), 400, 45, 120, 150, 20000),
    ("w25q64", "maximum", (50, 290), 3000, 400, 1600, 2000, 100000),
])
def test_times(chip, part, times, short, page, sector, block32, block64, chip_ms):
    found = run(chip(part, times=times), program(0, 0), READY, program(0x100, *[0] * 21), READY,
                program(0x200, *[0] * 256), READY, erase(0x20, 0), READY, erase(0x52, 0), READY, erase(0xD8, 0), READY,
                WRITE_ENABLE, send(0xC7), READY)
    expected = [*short, page, 1000 * sector, 1000 * block32, 1000 * block64, 1000 * chip_ms]
    assert all(abs(one - other) <= 5 for one, other in zip(found, expected)), found


@pytest.mark.parametrize("times, ms", [("typical", 10), ("maximum", 15)])
def test_status_write_time(chip, times, ms):
    assert abs(run(chip(times=times), WRITE_ENABLE, send(0x01, 0), READY)[0] - 1000 * ms) <= 5


@pytest.mark.parametrize("key, value, known", [
    ("part", "w25q65", "s25fl064k, w25q64, none"), ("times", "fast", "typical and maximum"),
    ("powerup", "slow", "instant and datasheet"), ("cs", "up", "pulled and floating"),
    ("multipass", "no", "allowed and refused")])
def test_options_are_checked(key, value, known):
    ended = subprocess.run([str(rail.QEMU), "-M", f"mountaineer-eth,nor-{key}={value}", "-display", "none"],
                           capture_output=True, text=True, check=False, timeout=20)
    assert ended.returncode == 1 and f"nor-{key}: {value} is unknown; known are {known}" in ended.stderr


# Status registers


def test_status_from_the_factory(chip):
    assert run(chip("w25q64"), *STATUS) == [b"\0", b"\x02", b"\x60"]
    machine = chip("s25fl064k")
    assert run(machine, *STATUS) == [b"\0", b"\0", b"\xff"]
    assert "0x15 while the part has no such register" in machine.log()


def test_status_survives_the_power(chip):
    machine = chip()
    busy = run(machine, WRITE_ENABLE, send(0x01, 0xFF), STATUS[0], READY, *STATUS)
    assert (busy[0], busy[2:]) == (bytes([WIP | WEL]), [b"\xfc", b"\x02", b"\x60"])
    assert operations(machine) == [("status", 0, 3)] and machine.status() == (0xFC, 0x02, 0x60)
    assert run(machine, *STATUS, status="kept") == [b"\xfc", b"\x02", b"\x60"]
    assert run(machine, WRITE_ENABLE, send(0x31, CMP), READY, WRITE_ENABLE, send(0x11, 0x64), READY, *STATUS,
               status="kept")[2:] == [b"\xfc", b"\x40", b"\x64"]
    assert run(machine, *STATUS, status="kept") == [b"\xfc", b"\x40", b"\x64"]
    assert run(machine, *STATUS) == [b"\0", b"\x02", b"\x60"], "a power-on starts from the factory's unless told"


def test_volatile_status(chip):
    machine = chip()
    assert run(machine, VOLATILE_ENABLE, send(0x01, 0x1C, CMP), STATUS[0], STATUS[1], send(0x01, 0), STATUS[0],
               status="kept") == [b"\x1c", b"\x40", b"\x1c"], "at once, and one write per 50h"
    assert operations(machine) == [] and machine.status() == (0, 2, 0x60)
    assert run(machine, *STATUS, status="kept")[:2] == [b"\0", b"\x02"]
    assert run(machine, VOLATILE_ENABLE, send(0x01, 0x1C), send(0x66), send(0x99), [DELAY, 40], STATUS[0]) == [b"\0"]
    assert run(machine, VOLATILE_ENABLE, send(0x31, 0x39), STATUS[1]) == [b"\0"], "neither LB nor SRL"


@pytest.mark.parametrize("part, expected", [("s25fl064k", 0), ("w25q64", CMP | QE)])
def test_a_short_status_write(chip, part, expected):
    """Of the older parts it clears CMP and QE."""
    assert run(chip(part), WRITE_ENABLE, send(0x01, 0, CMP | QE), READY, STATUS[1], WRITE_ENABLE, send(0x01, 4), READY,
               STATUS[1])[1::2] == [bytes([CMP | QE]), bytes([expected])]


def test_status_write_needs_wel_and_one_or_two_bytes(chip):
    machine = chip()
    assert run(machine, send(0x01, 4), WRITE_ENABLE, send(0x01), send(0x01, 4, 0, 0), send(0x31, 0, 0), STATUS[0]) \
        == [bytes([WEL])]
    assert operations(machine) == []


def test_lock_bits_are_set_for_good(chip):
    machine = chip()
    run(machine, WRITE_ENABLE, send(0x31, 0x08), READY, WRITE_ENABLE, send(0x31, 0x10), READY)
    assert machine.status() == (0, 0x18, 0x60)


def test_power_supply_lock_down(chip):
    machine = chip()
    found = run(machine, WRITE_ENABLE, send(0x31, 1), READY, WRITE_ENABLE, send(0x01, 4), *STATUS[:2])
    assert found[1:] == [bytes([WEL]), b"\x01"]
    assert "status register write while the registers are locked" in machine.log()
    assert run(machine, WRITE_ENABLE, send(0x01, 4), READY, *STATUS[:2], status="kept")[1:] == [b"\x04", b"\0"]


@pytest.mark.parametrize("tear, expected", [
    ("before", (0x0C, 0x42, 0x60)), ("half", (0xF0, 0x42, 0x60)), ("last", (0xF0, 0x00, 0x60)),
    ("zeros", (0x00, 0x00, 0x60)), ("after", (0xF0, 0x00, 0x60)), ("weak", (0xF0, 0x00, 0x60))])
def test_torn_status_write(chip, tear, expected):
    machine = chip()
    machine.status(0x0C, 0x42, 0x60)
    cut(machine, WRITE_ENABLE, send(0x01, 0xF0, 0x00), tear=tear, status="kept")
    assert machine.status() == expected
    assert run(machine, *STATUS, status="kept") == [bytes([register]) for register in expected]


@pytest.mark.parametrize("tear, fewest, most", [("mask", 1, 7), ("onebit", 1, 1)])
def test_seeded_torn_status_write(chip, tear, fewest, most):
    machine = chip()
    found = set()
    for _ in range(2):
        machine.status(0x0C, 0x42, 0x60)
        cut(machine, WRITE_ENABLE, send(0x01, 0xF0, 0x00), tear=tear, status="kept")
        found.add(machine.status())
    registers, = found
    changed = sum(bin(one ^ other).count("1") for one, other in zip(registers, (0x0C, 0x42, 0x60)))
    assert fewest <= changed <= most


def test_power_off_during_a_status_write(chip):
    machine = chip()
    power_on(machine, WRITE_ENABLE, send(0x01, 0xF0))
    machine.run(until=5 * MS)
    machine.power_off()
    assert machine.status() == (0, 2, 0x60)


@pytest.mark.parametrize("line", ["status", "status otp", "status nor 00", "status nor 00 02 60 00",
                                  "status nor 00 02 6g", "status nor 00 02 160", "status nor 03 02 60",
                                  "power on status=blue"])
def test_wrong_status_commands(chip, line):
    machine = chip()
    with pytest.raises(rail.RailError):
        machine.command(line)
    assert machine.status() == (0, 2, 0x60)
    machine.power_on()
    with pytest.raises(rail.RailError, match="power is on"):
        machine.command("status nor 00 02 60")


# Protection: the tables of section 7.1 of the data sheet, row by row


BOTTOM, SMALL = 0x20, 0x40
PROTECTED = [
    (0x00, 0, 0), (0x00 | SMALL | BOTTOM, 0, 0),
    (0x04, 0x7E0000, SIZE), (0x08, 0x7C0000, SIZE), (0x0C, 0x780000, SIZE), (0x10, 0x700000, SIZE),
    (0x14, 0x600000, SIZE), (0x18, 0x400000, SIZE),
    (0x04 | BOTTOM, 0, 0x20000), (0x08 | BOTTOM, 0, 0x40000), (0x0C | BOTTOM, 0, 0x80000),
    (0x10 | BOTTOM, 0, 0x100000), (0x14 | BOTTOM, 0, 0x200000), (0x18 | BOTTOM, 0, 0x400000),
    (0x1C, 0, SIZE), (0x1C | SMALL | BOTTOM, 0, SIZE),
    (0x04 | SMALL, 0x7FF000, SIZE), (0x08 | SMALL, 0x7FE000, SIZE), (0x0C | SMALL, 0x7FC000, SIZE),
    (0x10 | SMALL, 0x7F8000, SIZE), (0x14 | SMALL, 0x7F8000, SIZE),
    (0x04 | SMALL | BOTTOM, 0, 0x1000), (0x08 | SMALL | BOTTOM, 0, 0x2000), (0x0C | SMALL | BOTTOM, 0, 0x4000),
    (0x10 | SMALL | BOTTOM, 0, 0x8000), (0x14 | SMALL | BOTTOM, 0, 0x8000),
]


@pytest.mark.parametrize("part", PARTS)
def test_protected_ranges(chip, part):
    """With and without CMP: at each end of a range, only the byte outside is programmed."""
    machine = chip(part)
    third = (0x60,) if part == "w25q64" else ()
    for register, start, end in PROTECTED:
        places = [place for place in {0, start - 1, start, end - 1, end, SIZE - 1} if 0 <= place < SIZE]
        for complement in (0, CMP):
            for place in places:
                machine.write("nor", place, b"\xff")
            machine.status(register, complement, *third)
            run(machine, *[program(place, 0x5A) + READY for place in places], status="kept")
            free = [place for place in places if (start <= place < end) == bool(complement)]
            assert [place for place in places if machine.nor[place] == 0x5A] == free, (hex(register), complement)
            assert operations(machine) == [("program", place, 1) for place in free]


def test_erases_of_protected_ranges(chip):
    """One that reaches in does nothing at all; that of the chip needs all of it free."""
    machine = chip()
    machine.write("nor", 0x10000, bytes(0x10000))
    machine.status(0x04 | SMALL | BOTTOM, 0, 0x60)
    run(machine, erase(0x20, 0x800), erase(0x52, 0x7000), erase(0xD8, 0x8000), WRITE_ENABLE, send(0x60), status="kept")
    assert operations(machine) == [] and "0x60 at 0x000000 for a protected range is ignored" in machine.log()
    run(machine, erase(0x20, 0x10000), READY, erase(0x52, 0x18000), READY, status="kept")
    assert operations(machine) == [("erase", 0x10000, 4 * KB), ("erase", 0x18000, 32 * KB)]
    assert set(machine.nor[0x10000:0x11000] + machine.nor[0x18000:0x20000]) == {0xFF}
    assert set(machine.nor[0x11000:0x18000]) == {0}
    machine.status(0x04 | SMALL, 0, 0x60)
    run(machine, erase(0x20, 0x7FF000), erase(0x52, 0x7F8000), erase(0xD8, 0x7F0000), WRITE_ENABLE, send(0xC7),
        erase(0x20, 0x7FE000), READY, status="kept")
    assert operations(machine) == [("erase", 0x7FE000, 4 * KB)]


# Suspend and resume


def test_erase_suspend(chip):
    machine = chip()
    machine.write("nor", AT, bytes(4096))
    machine.write("nor", 0x10000, b"\x5a")
    found = run(machine, erase(0x20, AT), [DELAY, 10000], SUSPEND, STATUS[0], STATUS[1], READY, *STATUS[:2],
                [DELAY, 100000], read(0x10000), read(AT, 64), program(0x20000, 1, 2), READY, RESUME, *STATUS[:2], READY,
                STATUS[1], read(AT, 2), read(0x20000, 2))
    assert found[0][0] & WIP and found[1][0] & SUS and found[2] <= 20
    assert found[3:5] == [b"\0", bytes([QE | SUS])]
    assert found[5] == b"\x5a" and len(set(found[6])) > 16, "there anything may be read"
    assert abs(found[7] - 32) <= 5
    assert found[8][0] & WIP and found[9] == bytes([QE]) and abs(found[10] - 35000) <= 30
    assert found[11:] == [bytes([QE]), b"\xff\xff", b"\1\2"]
    assert operations(machine) == [("erase", AT, 4 * KB), ("program", 0x20000, 2)]


def test_program_suspend(chip):
    machine = chip()
    machine.write("nor", 0x10000, bytes(4096))
    found = run(machine, program(AT, *[0] * 256), [DELAY, 100], SUSPEND, READY, STATUS[1], erase(0x20, 0x10000), READY,
                RESUME, READY, read(AT + 255), read(0x10000))
    assert found[1][0] & SUS and abs(found[2] - 45000) <= 5 and abs(found[3] - 300) <= 10
    assert found[4:] == [b"\0", b"\xff"]


def test_what_a_suspension_forbids(chip):
    machine = chip()
    machine.write("nor", AT, bytes(4096))
    run(machine, erase(0x20, AT), SUSPEND, READY, erase(0x20, 0x10000), program(AT + 0x100, 0), WRITE_ENABLE,
        send(0x01, 4), SUSPEND, RESUME, READY, program(AT, *[0] * 256), SUSPEND, READY, program(0x20000, 0),
        erase(0x20, AT), WRITE_ENABLE, send(0xC7), RESUME, READY)
    assert operations(machine) == [("erase", AT, 4 * KB), ("program", AT, 256)]
    assert machine.nor[AT:AT + 256] == bytes(256) and machine.nor[AT + 256] == 0xFF and machine.status()[0] == 0


def test_nothing_to_suspend_or_resume(chip):
    machine = chip()
    found = run(machine, SUSPEND, RESUME, *STATUS[:2], WRITE_ENABLE, send(0xC7), SUSPEND, STATUS[1], READY, STATUS[1])
    assert found[:3] == [b"\0", bytes([QE]), bytes([QE])] and abs(found[3] - 20_000_000) <= 10
    assert "nothing to suspend" in machine.log() and "nothing to resume" in machine.log()


@pytest.mark.parametrize("tear, expected", [("zeros", {0}), ("before", {0xF0}), ("after", {0xFF})])
def test_power_loss_while_suspended(chip, tear, expected):
    """The suspended erase is torn, and so is the program that runs meanwhile."""
    machine = chip()
    machine.write("nor", AT, b"\xf0" * 4096)
    cut(machine, erase(0x20, AT), SUSPEND, READY, program(0x20000, 0, 0), tear=tear, operation=1)
    assert set(machine.nor[AT:AT + 4096]) == expected
    assert machine.nor[0x20000:0x20002] == {"zeros": b"\0\xff", "before": b"\xff\xff", "after": b"\0\0"}[tear]
    assert run(machine, STATUS[1], read(AT)) == [bytes([QE]), bytes(expected)]


# Power-down, resets, chip select


def test_power_down(chip):
    """Heeds nothing but ABh, and 3 us later all."""
    machine = chip()
    machine.write("nor", 0, b"\x5a")
    assert run(machine, send(0xB9), STATUS[0], read(0), send(0x66), send(0x99), [DELAY, 40], read(0), send(0xAB),
               read(0), [DELAY, 3], read(0)) == [b"\xff", b"\xff", b"\xff", b"\xff", b"\x5a"]
    assert run(machine, send(0xB9, 0), read(0)) == [b"\x5a"], "only a command of one byte"


def test_software_reset_needs_its_enable(chip):
    machine = chip()
    assert run(machine, WRITE_ENABLE, send(0x99), STATUS[0], send(0x66), send(0x04), WRITE_ENABLE, send(0x99),
               STATUS[0], send(0x66), send(0x99), STATUS[0], READY, STATUS[0]) \
        == [bytes([WEL])] * 2 + [bytes([WIP | WEL]), pytest.approx(28, abs=4), b"\0"]


def test_power_up_times(chip):
    """tVSL: no command; tPUW: none that writes."""
    machine = chip(powerup="datasheet")
    first, at_once, enabled, late, enabled_late = run(
        machine, STATUS[0], [DELAY, 20], send(0x9F, read=3), WRITE_ENABLE + STATUS[0], [DELAY, 4700], WRITE_ENABLE +
        STATUS[0], [DELAY, 300], WRITE_ENABLE + STATUS[0])
    assert (first, at_once) == (b"\xff", b"\xef\x40\x17")
    assert (enabled, late, enabled_late) == (b"\0", b"\0", bytes([WEL]))
    assert run(chip(), STATUS[0], WRITE_ENABLE + STATUS[0]) == [b"\0", bytes([WEL])]


PROGRAM_55 = [BEGIN, 5, 0x02, 0, 0x30, 0, 0x55]


@pytest.mark.parametrize("last, found", [((), 0x55), ((LAST, 0x66), 0xFF)])
def test_reset_with_a_pulled_chip_select(chip, last, found):
    """The reset itself lets it rise."""
    machine = chip()
    power_on(machine, WRITE_ENABLE, PROGRAM_55 + list(last), [RESET], after_reset=(READY,))
    assert machine.run(until=SECOND, reset=True).reason == "reset"
    assert operations(machine) == ([] if last else [("program", 0x3000, 1)])
    machine.run(until=SECOND)
    assert machine.nor[0x3000] == found and machine.nor[0x3001] == 0xFF


@pytest.mark.parametrize("last, found, wel", [((), 0x55, 0), ((LAST, 0x66), 0xFF, WEL)])
def test_reset_with_a_floating_chip_select(chip, last, found, wel):
    """Nothing starts before the firmware drives the pin, and then only what ends on a byte boundary."""
    machine = chip(cs="floating")
    power_on(machine, WRITE_ENABLE, PROGRAM_55 + list(last), [RESET], after_reset=(READY, STATUS[0]))
    assert machine.run(until=SECOND, reset=True).reason == "reset"
    assert operations(machine) == []
    machine.run(until=SECOND)
    assert machine.nor[0x3000] == found and machine.nor[0x3001] == 0xFF
    assert results(machine)[1] == bytes([wel])


def test_mcu_reset_leaves_a_suspended_erase(chip):
    machine = chip()
    machine.write("nor", AT, bytes(4096))
    found = run(machine, erase(0x20, AT), SUSPEND, READY, [RESET], after_reset=(STATUS[1], RESUME, READY, read(AT)))
    assert found[0][0] & SUS and 44_900 < found[1] <= 45_000 and found[2] == b"\xff"


@pytest.mark.parametrize("left", [
    WRITE_ENABLE, VOLATILE_ENABLE, VOLATILE_ENABLE + send(0x01, 0x1C, CMP), send(0x66), send(0xB9),
    send(0xB9) + send(0xAB), erase(0x20, AT), erase(0x20, AT) + SUSPEND, WRITE_ENABLE + send(0x01, 0x1C),
    WRITE_ENABLE + PROGRAM_55, WRITE_ENABLE + PROGRAM_55 + [LAST, 0x66]])
def test_a_power_on_starts_anew(chip, left):
    """Whatever the chip did when the power went."""
    probe = [*STATUS, RESUME, STATUS[1], send(0x9F, read=3), program(AT, 1), SUSPEND, READY,
             RESUME, READY, *STATUS, read(AT)]
    worn, fresh = chip(cs="floating"), chip(cs="floating")
    for first in (send(0x99), send(0x01, 4)):
        power_on(worn, left, status="kept")
        worn.run(until=5 * MS)
        worn.power_off()
        assert run(worn, first, *probe, status="kept") == run(fresh, first, *probe, status="kept")
        assert worn.trace_bytes() == fresh.trace_bytes()


# Second program of a page


def test_second_pass_refused(chip):
    machine = chip(multipass="refused")
    found = run(machine, program(AT, 1), READY, program(AT + 1, 2), STATUS[0], READY, STATUS[0], read(AT, 2),
                program(AT + 256, 3), READY, read(AT + 256), erase(0x20, AT), READY, program(AT + 1, 2), READY,
                read(AT, 2))
    assert found[1:2] == [bytes([WIP | WEL])] and found[3:5] == [b"\0", b"\x01\xff"], "it does nothing and tells nobody"
    assert found[6] == b"\x03" and found[9] == b"\xff\x02"
    assert [place for kind, place, _ in operations(machine) if kind == "program"] == [AT, AT + 256, AT + 1]


def test_second_pass_allowed(chip):
    assert run(chip(), program(AT, 1), READY, program(AT + 1, 2), READY, read(AT, 2))[-1] == b"\x01\x02"


def test_poll_skip_gives_the_same_result(chip):
    steps = [erase(0x20, AT), [DELAY, 100], SUSPEND, READY, program(0x20000, 1), READY, RESUME, READY, WRITE_ENABLE,
             send(0x01, 0), READY, *STATUS]
    ours = run(chip(), *steps)
    plain = rail.Machine(options={"nor-part": "w25q64", "poll-skip": "off"})
    with plain:
        plain.write("internal", 0, chip().internal[:0x10000])
        theirs = run(plain, *steps)
    for one, other in zip(ours, theirs):
        assert abs(one - other) <= 5 if isinstance(one, int) else one == other
