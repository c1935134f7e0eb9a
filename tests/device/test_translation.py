# SPDX-License-Identifier: MIT
"""How QEMU translates the firmware: never twice what it need not, and never from bytes that are gone."""

import re
import struct
from collections import Counter

import pytest

import rail
from bed import CALL, ERASE, PROGRAM, PROGRAMS, SCRATCH, SECOND, choose_script, results, run_script, run_test

FLASH = 0x08000000
PLACE = SCRATCH + 0x400
BX_LR = 0x4770 << 16


def returns(number):
    """Code, as one word: a function that returns this number."""
    return BX_LR | 0x2000 | number


@pytest.fixture
def logging(firmware):
    """Starts machines that log what -d names on their standard error."""
    def start(items):
        machine = rail.Machine(arguments=("-d", items))
        machine.write("internal", 0, firmware)
        return machine
    return start


def test_device_access_ends_block(logging):
    """An access in the middle of a block goes back once, not each time. A few blocks may hold the same instruction."""
    with logging("exec") as machine:
        run_test(machine, PROGRAMS, 500, until=SECOND)
        assert len(list(machine.events("program"))) == 500
        rewound = Counter(re.findall(r"cpu_io_recompile: rewound execution of TB to (\w+)", machine.log()))
    assert rewound, "the log is not as expected"
    assert max(rewound.values()) <= 4


def write(*numbers):
    """Steps that, for each number, write a function that returns it, and call it."""
    return [step for number in numbers for step in (
        (ERASE, 6), (PROGRAM, FLASH + PLACE, returns(number)), (CALL, FLASH + PLACE))]


def translations(machine):
    return len(re.findall(rf"^0x{FLASH + PLACE:08x}:", machine.log(), re.MULTILINE))


def test_written_again_is_not_translated_again(logging):
    with logging("in_asm") as machine:
        assert run_script(machine, *write(1, 2, 1, 2, 3, 1))["called"] == [1, 2, 1, 2, 3, 1]
        assert translations(machine) == 3
        run_script(machine, *write(2))
        assert translations(machine) == 3, "the next power-on is another run of the same"


def test_what_runs_is_what_stands_there(logging):
    """Part of a block, and the bench's own writes, count too."""
    long = [0x2001 | 0x3001 << 16] + [0x30013001] * 20 + [BX_LR | 0x3001] # r0 = 1, then 42 times one more
    def program(words):
        return [(ERASE, 6)] + [(PROGRAM, FLASH + PLACE + 4 * i, word) for i, word in enumerate(words)] + [
            (CALL, FLASH + PLACE)]

    other = long[:10] + [0x30023001] + long[11:]
    with logging("in_asm") as machine:
        steps = program(long) + program(other) + program(long)
        assert run_script(machine, *steps)["called"] == [43, 44, 43]
        for number in (1, 2, 1):
            machine.write("internal", PLACE, returns(number).to_bytes(4, "little"))
            assert run_script(machine, (CALL, FLASH + PLACE))["called"] == number
            assert results(machine)


VARIABLE = 0x20800
# ldr r0, =FLASH_CR; ldr r1, =VARIABLE; ldr r1, [r1]; str r1, [r0]; movs r0, #1; adds r0, #1; adds r0, #1; bx lr
ERASES = struct.pack("<8H2I", 0x4803, 0x4904, 0x6809, 0x6001, 0x2001, 0x3001, 0x3001, 0x4770, 0x40023C10,
                     FLASH + VARIABLE)


def erases(machine, sector, at):
    """What is printed when ERASES, which must be there, is called, to erase that sector."""
    choose_script(machine, (CALL, FLASH + at))
    machine.write("internal", VARIABLE, struct.pack("<I", 0x10202 | sector << 3))
    machine.clear_trace()
    machine.power_on(sram="zero")
    machine.run(until=3 * SECOND)
    machine.power_off()
    return machine.uart()


@pytest.mark.parametrize("before", [(), (PLACE,) * 3, (PLACE + 8, PLACE, PLACE)], ids=["fresh", "used", "end first"])
def test_code_that_erases_itself_is_gone(machine, before):
    """Whatever ran before: the block after the store is not run from its old translation."""
    machine.write("internal", PLACE, ERASES)
    for at in before:
        assert erases(machine, 7, at).startswith("called")
    assert erases(machine, 6, PLACE).startswith("unexpected_fault"), "code that is gone ran on"


def test_many_images_are_not_all_remembered(logging):
    """The last ones are; of a circle longer than the list only the very first image, which names the place."""
    with logging("in_asm") as machine:
        for numbers in (range(18), range(18)):
            run_script(machine, *write(*numbers))
        every = translations(machine)
        assert every == 18 + 17
        assert run_script(machine, *write(17, 16, 17))["called"] == [17, 16, 17]
        assert translations(machine) == every
