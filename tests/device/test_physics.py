# SPDX-License-Identifier: MIT
"""What power loss leaves in the flashes, as the firmware and the bench see it."""

import struct

import pytest

import rail
from bed import (CALL, ERASE, FLASH, MIXTURE, MS, NOR_BYTE, NOR_ERASE, NOR_ERASE_NO_WAIT, NOR_PROGRAM, NOR_READ,
                 PROGRAM, PROGRAMS, SCRATCH, SECOND, WATCHDOG_IN_A_STALL, WORD, choose, choose_script, run_script,
                 run_test)

SECTOR_6 = (SCRATCH, 0x20000)
WORD_AT = SCRATCH + 0x100
NOR_AT = 0x5000


def cut(machine, *steps, at=0, tear):
    """Runs the steps and loses power at the `at`-th operation."""
    choose_script(machine, *steps)
    machine.power_on(sram="zero")
    assert machine.run(until=20 * SECOND, cut=at, tear=tear).reason == "cut"


def bits(data):
    return sum(bin(byte).count("1") for byte in data)


@pytest.mark.parametrize("tear, word", [("before", 0xFFFFFFFF), ("half", 0xFFFF0000), ("last", 0xFF000000),
                                        ("after", 0), ("weak", 0), ("zeros", 0xFFFF0000), ("notake", 0)])
def test_torn_word(machine, tear, word):
    cut(machine, (PROGRAM, WORD_AT, 0), tear=tear)
    assert struct.unpack_from("<I", machine.internal, WORD_AT) == (word,)
    marks = machine.marks("internal")
    assert len(marks) == (1 if tear in ("weak", "notake") else 0)
    assert all(kind == "weak" and WORD_AT <= offset < WORD_AT + 4 for kind, offset, _ in marks)


def test_torn_words_that_are_seeded(machine):
    cut(machine, (PROGRAM, WORD_AT, 0), tear="mask")
    assert 0 < bits(machine.internal[WORD_AT:WORD_AT + 4]) < 32
    first = machine.internal[WORD_AT:WORD_AT + 4]
    machine.write("internal", WORD_AT, b"\xff" * 4)
    cut(machine, (PROGRAM, WORD_AT, 0), tear="mask")
    assert machine.internal[WORD_AT:WORD_AT + 4] == first
    machine.write("internal", WORD_AT, b"\xff" * 4)
    cut(machine, (PROGRAM, WORD_AT, 0), tear="onebit")
    assert bits(machine.internal[WORD_AT:WORD_AT + 4]) == 31


@pytest.mark.parametrize("chip, step, offset, size", [("internal", (ERASE, 6), *SECTOR_6),
                                                      ("nor", (NOR_ERASE, NOR_AT, 0x20), NOR_AT, 4096),
                                                      ("nor", (NOR_ERASE, 0x10000, 0xD8), 0x10000, 0x10000)])
@pytest.mark.parametrize("tear", ["before", "half", "mask", "weak", "after", "zeros", "notake"])
def test_torn_erase(machine, chip, step, offset, size, tear):
    machine.write(chip, offset, b"\xf0" * size)
    cut(machine, step, tear=tear)
    found = getattr(machine, chip)[offset:offset + size]
    half = size // 2
    expected = {"before": b"\xf0" * size, "half": b"\xf0" * half + bytes(half), "zeros": bytes(size)}
    if tear == "mask":
        assert 0.45 < bits(found) / (8 * size) < 0.55 and len(set(found)) > 100
    else:
        assert found == expected.get(tear, b"\xff" * size)
    marks = machine.marks(chip)
    if tear == "notake":
        assert marks == [("notake", offset, size)]
    else:
        assert len(marks) == (32 if tear == "weak" else 0)
        assert all(offset <= at < offset + size for _, at, _ in marks)


def test_both_chips_are_torn_in_the_same_way(machine):
    """A word is programmed while the NOR erases."""
    machine.write("nor", NOR_AT, bytes(4096))
    steps = (NOR_ERASE_NO_WAIT, NOR_AT, 0x20), (PROGRAM, WORD_AT, 0)
    cut(machine, *steps, at=1, tear="weak")
    assert len(machine.marks("internal")) == 1 and len(machine.marks("nor")) == 32
    assert machine.nor[NOR_AT:NOR_AT + 4096] == b"\xff" * 4096
    machine.mark("internal"), machine.mark("nor")
    machine.write("nor", NOR_AT, bytes(4096))
    cut(machine, *steps, at=1, tear="last")
    assert machine.nor[NOR_AT:NOR_AT + 4096] == bytes(4096), "an erase has no last byte: it is torn by half"


def test_a_reset_tears_with_the_tear_that_the_contract_names(machine):
    def erased_by(leave):
        machine.write("internal", SCRATCH, bytes(range(256)) * 16)
        leave()
        return machine.internal[SCRATCH:SCRATCH + 4096]

    def by_reset():
        assert run_test(machine, WATCHDOG_IN_A_STALL, reset=True).reason == "reset"
        machine.power_off()

    def by_cut():
        cut(machine, (ERASE, 6), tear="mask")

    assert erased_by(by_reset) == erased_by(by_cut) != bytes(range(256)) * 16


def test_a_weak_bit_of_the_internal_flash_reads_as_the_noise_has_it(machine):
    """One value as long as there is power, other values later; rewriting makes it firm."""
    machine.write("internal", WORD_AT, bytes(4))
    machine.mark("internal", ("weak", WORD_AT + 1, 5))
    seen = set()
    for noise in range(8):
        found = run_script(machine, (WORD, WORD_AT), (WORD, WORD_AT), noise=noise)["word"]
        assert found[0] == found[1] and found[0] in (0, 1 << 13)
        assert struct.unpack_from("<I", machine.internal, WORD_AT) == (found[0],)
        assert found == run_script(machine, (WORD, WORD_AT), (WORD, WORD_AT), noise=noise)["word"]
        seen.add(found[0])
    assert len(seen) == 2 and machine.marks("internal") == [("weak", WORD_AT + 1, 5)]
    run_script(machine, (PROGRAM, WORD_AT, 1 << 13))
    assert machine.marks("internal") == [("weak", WORD_AT + 1, 5)], "the bit was not among those programmed"
    run_script(machine, (PROGRAM, WORD_AT, 0))
    assert machine.marks("internal") == []
    assert {run_script(machine, (WORD, WORD_AT), noise=noise)["word"] for noise in range(8)} == {0}


def test_a_weak_bit_in_code_is_executed_as_it_reads(machine):
    """Code was translated from the other value before."""
    machine.write("internal", SCRATCH, bytes.fromhex("7047"))  # bx lr
    steps = (WORD, SCRATCH), (CALL, SCRATCH)
    machine.mark("internal", ("weak", SCRATCH + 1, 7))
    outcomes = {}
    for noise in list(range(6)) * 2:
        choose_script(machine, *steps)
        machine.clear_trace()
        machine.power_on(sram="zero", noise=noise)
        machine.run(until=SECOND)
        broken = "unexpected_fault" in machine.uart()
        assert broken == bool(machine.internal[SCRATCH + 1] & 0x80)
        machine.power_off()
        assert outcomes.setdefault(noise, broken) == broken
    assert set(outcomes.values()) == {False, True}


def test_a_weak_bit_of_the_nor_reads_anew_each_time(machine):
    machine.write("nor", NOR_AT, bytes(2))
    machine.mark("nor", ("weak", NOR_AT, 0))
    steps = [(NOR_BYTE, NOR_AT)] * 16 + [(NOR_BYTE, NOR_AT + 1)]
    found = {noise: run_script(machine, *steps, noise=noise)["byte"] for noise in range(3)}
    assert all(set(values[:16]) == {0, 1} and values[16] == 0 for values in found.values())
    assert found[0] != found[1] != found[2]
    assert run_script(machine, *steps, noise=1)["byte"] == found[1]
    with rail.Machine() as fresh:
        fresh.write("internal", 0, machine.internal[:0x10000])
        fresh.write("nor", NOR_AT, bytes(2))
        fresh.mark("nor", ("weak", NOR_AT, 0))
        assert run_script(fresh, *steps, noise=1)["byte"] == found[1]
    run_script(machine, (NOR_ERASE, NOR_AT, 0x20))
    assert machine.marks("nor") == []
    assert set(run_script(machine, *steps)["byte"]) == {0xFF}


def test_a_crash_leaves_its_marks_in_the_machine(machine):
    cut(machine, (NOR_PROGRAM, NOR_AT, 64), tear="weak")
    (_, offset, bit), = machine.marks("nor")
    found = run_script(machine, *[(NOR_BYTE, offset)] * 16)["byte"]
    assert len(set(found)) == 2 and found[0] ^ found[[value == found[0] for value in found].index(False)] == 1 << bit
    run_script(machine, (NOR_PROGRAM, NOR_AT, 64))
    assert machine.marks("nor") == []


def test_programs_do_not_take_after_an_incomplete_erase(machine):
    cut(machine, (ERASE, 6), tear="notake")
    found = run_script(machine, (PROGRAM, WORD_AT, 0), (WORD, WORD_AT), (PROGRAM, WORD_AT, 0), (WORD, WORD_AT))["word"]
    assert found[0] == found[1] and bin(found[0]).count("1") == 1
    found = run_script(machine, (ERASE, 6), (PROGRAM, WORD_AT, 0), (WORD, WORD_AT))
    assert found["word"] == 0 and machine.marks("internal") == []


def test_otp_can_be_torn_too(machine):
    cut(machine, (PROGRAM, 0x1FFF7800, 0), tear="weak")
    (kind, offset, bit), = machine.marks("otp")
    assert kind == "weak" and offset < 4 and machine.marks("internal") == []
    assert {run_script(machine, (WORD, 0x1FFF7800), noise=noise)["word"] for noise in range(8)} == \
        {0, 1 << 8 * offset + bit}


def test_marks_survive_power_cycles_and_can_be_forgotten(machine):
    marks = [("weak", 5, 1), ("weak", 0xFFFFF, 7), ("notake", 0x20000, 0x40000)]
    machine.mark("internal", *reversed(marks))
    machine.power_on()
    assert machine.marks("internal") == marks
    with pytest.raises(rail.RailError, match="power is on"):
        machine.mark("internal")
    machine.power_off()
    assert machine.marks("internal") == marks and machine.marks("nor") == []
    machine.mark("internal")
    assert machine.marks("internal") == []


@pytest.mark.parametrize("words", ["", "internal", "attic none", "internal weak", "internal weak 1",
                                   "internal weak 1 8", "internal weak 1048576 0", "nor notake 8388607 2",
                                   "nor notake 0 0", "nor none 1", "nor weak 1 1 2", "nor weak 4294967297 1",
                                   "nor loud 1 1"])
def test_wrong_marks_are_told_and_change_nothing(machine, words):
    machine.mark("nor", ("weak", 3, 3), ("notake", 0x1000, 1))
    with pytest.raises(rail.RailError):
        machine.command(f"mark {words}")
    assert machine.marks("nor") == [("weak", 3, 3), ("notake", 0x1000, 1)] and machine.marks("internal") == []


def test_the_sram_hash_tells_contents_apart(machine):
    choose(machine, PROGRAMS, 0)
    hashes = []
    for sram in ("zero", "zero", "random:1", "random:2", "random:1", "retain"):
        hashes.append(machine.power_on(sram=sram))
        machine.power_off()
    assert hashes[0] == hashes[1] and hashes[2] == hashes[4] == hashes[5]
    assert len(set(hashes)) == 3
    machine.power_on(sram="random:1")
    machine.run(until=MS)
    machine.power_off()
    assert machine.power_on(sram="retain") not in hashes, "the firmware wrote to its stack"


@pytest.mark.parametrize("line", ["power on noise=x", "power on noise", "power on sram=zero loud=1", "marks",
                                  "marks attic", "marks nor 1", "touch", "touch clear now"])
def test_wrong_commands_are_told(machine, line):
    with pytest.raises(rail.RailError):
        machine.command(line)


def test_every_tear_is_the_same_in_a_worn_process(machine, firmware):
    """Two operations of a run that has everything, torn in all ways."""
    def states(bench):
        found = []
        for tear in ("half", "mask", "weak", "onebit", "last", "zeros", "notake"):
            for at in (20, 33):
                bench.write("internal", 0, firmware.ljust(0x60000, b"\xff"))
                bench.write("nor", 0, b"\xff" * 0x20000)
                bench.mark("internal"), bench.mark("nor")
                choose(bench, MIXTURE)
                bench.power_on(sram="zero")
                assert bench.run(until=5 * SECOND, cut=at, tear=tear).reason == "cut"
                found.append((bench.internal[:0x60000], bench.nor[:0x20000],
                              bench.marks("internal"), bench.marks("nor")))
        return found

    with rail.Machine() as fresh:
        expected = states(fresh)
    for _ in range(20):
        run_test(machine, FLASH, until=300 * MS)
        machine.power_off()
    assert states(machine) == expected


def test_a_read_of_a_whole_page_under_noise(machine):
    """Fast reads resolve weak bits as plain ones do."""
    machine.mark("nor", *[("weak", NOR_AT + i, 0) for i in range(64)])
    run_script(machine, (NOR_READ, NOR_AT, 64))
    assert machine.marks("nor") == [("weak", NOR_AT + i, 0) for i in range(64)], "a read makes nothing firm"
