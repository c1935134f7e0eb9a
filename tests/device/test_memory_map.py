# SPDX-License-Identifier: MIT
"""docs/MACHINE.md says the truth: its tables against the running machine, and against the tests that they name."""

import re
import subprocess
from collections import namedtuple

import pytest

import rail
from bed import BLUE, SECOND, build, choose, results

MACHINES = ("mountaineer-eth", "mountaineer-usb", "stm32f407-nor")
WORDS = 18  # of peripherals/main.c
# What QEMU itself calls a block.
NAMES = {"sram-bit-band": "bitband", "peripheral-bit-band": "bitband", "scs": "nvic_sysregs", "systick": "v7m_systick",
         "dbgmcu": "dbgmcu-idcode", "fsmc": "fmc"}
# Regions that are no block of the manual's: containers, what lies behind all others, and one register in the SCS.
NO_BLOCKS = {"armv7m-container", "system", "unmodelled", "nvic-default", "demcr"}

Block = namedtuple("Block", "name first last model differs tests")
Region = namedtuple("Region", "name first last")


def blocks():
    text = (rail.REPOSITORY / "docs/MACHINE.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| 0x(\w{8})-0x(\w{8}) \| (\w+) \| ([^|]*)\| ?([^|]*)\|$", text, re.MULTILINE)
    assert len(rows) == len(re.findall(r"^\| .*0x", text, re.MULTILINE)), "a row of the tables is not as the others"
    return [Block(name, int(first, 16), int(last, 16), *rest) for name, first, last, *rest in rows]


def regions(board):
    """The memory regions of the core's address space."""
    done = subprocess.run([str(rail.QEMU), "-M", board, "-S", "-display", "none", "-nodefaults", "-monitor", "stdio"],
                          input="info mtree\nquit\n", capture_output=True, text=True, check=True, timeout=20)
    space = done.stdout.split("address-space: cpu-memory-0")[1].split("address-space:")[0]
    found = re.findall(r"^ +(\w{16})-(\w{16}) \(prio -?\d+, [\w/]+\): (?:alias )?(\S+)", space, re.MULTILINE)
    return [Region(name, int(first, 16), int(last, 16)) for first, last, name in found]


def region_of(block):
    name = block.name.lower().replace(" ", "-")
    return Region(NAMES.get(name, name), block.first, block.last)


def overlapping(block, others):
    return {other.name for other in others if other.first <= block.last and block.first <= other.last}


@pytest.mark.parametrize("board", MACHINES)
def test_what_is_modelled_is_there(board):
    """And what is there is in the tables."""
    told = {region_of(block) for block in blocks() if block.model in ("modelled", "partly")}
    assert {region for region in regions(board) if region.name not in NO_BLOCKS} == told


@pytest.mark.parametrize("board", MACHINES)
def test_what_is_not_modelled_is_not_there(board):
    behind = {"stored": {"unmodelled"}, "missing": set()}
    there = [region for region in regions(board) if region.name not in ("armv7m-container", "system")]
    for block in blocks():
        if block.model in behind:
            assert overlapping(block, there) - {"bitband"} == behind[block.model], block.name


def test_tables_are_in_order():
    assert {block.model for block in blocks()} == {"modelled", "partly", "stored", "missing"}
    inside = {"SysTick"}  # of the SCS
    apart = [block for block in blocks() if block.name not in inside]
    peripherals = [block for block in apart if 0x40000000 <= block.first < 0xE0000000 and "bank" not in block.name and
                   "bit-band" not in block.name]
    core = [block for block in apart if block not in peripherals]
    for table in (peripherals, core):
        assert [block.name for block in table] == [block.name for block in sorted(table, key=lambda each: each.first)
                                                  if block.first <= block.last]
    assert all(one.last < other.first for one, other in zip(peripherals, peripherals[1:]))


def test_named_tests_exist():
    for block in blocks():
        assert (block.tests.strip() != "") == (block.model in ("modelled", "partly")), block.name
        for group in filter(None, block.tests.strip().split("; ")):
            file, names = group.split(": ")
            source = (rail.REPOSITORY / "tests/device" / file).read_text()
            for name in names.split(", "):
                assert f"def {name}(" in source, f"{block.name}: {file} has no {name}"


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    return build("peripherals", tmp_path_factory.mktemp("peripherals"))


def run_words(machine, code, *words):
    """Writes the words and reads them back; of a value 0 only reads."""
    machine.write("internal", 0, code)
    choose(machine, WORDS, len(words), *[number for word in words for number in word])
    machine.power_on(sram="zero")
    machine.run(until=SECOND)


def test_stored_blocks_read_back(code):
    stored = [block for block in blocks() if block.model == "stored"]
    with rail.Machine(arguments=("-d", "unimp")) as machine:
        run_words(machine, code, *[(block.first, 0x1000 + at) for at, block in enumerate(stored)])
        assert results(machine)["word"] == [0x1000 + at for at in range(len(stored))]
        told = re.findall(r"^peripheral at 0x(\w{8}) is not modelled$", machine.log(), re.MULTILINE)
        assert [int(address, 16) for address in told] == [block.first for block in stored], "each once"
        machine.power_off()
        machine.clear_trace()
        run_words(machine, code, *[(block.first, 0) for block in stored])
        assert results(machine)["word"] == [0] * len(stored)


@pytest.mark.parametrize("block", [block for block in blocks() if block.model == "missing"],
                         ids=lambda block: block.name)
def test_missing_blocks_fault(code, block):
    with rail.Machine() as machine:
        run_words(machine, code, (block.first, 0))
        assert results(machine) == {"fault": 1}


def test_bit_bands(code):
    """A word in the alias is a bit: of the SRAM, and of GPIOE's ODR, which is that pin."""
    sram, odr = 0x2001F000, 0x40021014
    with rail.Machine() as machine:
        run_words(machine, code, (sram, 0x100), (0x22000000 + (sram - 0x20000000) * 32 + 4 * 9, 1), (sram, 0),
                  (odr, 0x20), (0x42000000 + (odr - 0x40000000) * 32 + 4 * 14, 1), (odr, 0))
        assert results(machine)["word"] == [0x100, 1, 0x300, 0x20, 1, 0x4020]
        assert BLUE in [event.address for event in machine.events("pin")]
