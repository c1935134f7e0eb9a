# SPDX-License-Identifier: MIT
"""The bootloader hands the microcontroller over as a reset leaves it: what it used is off
again, and interrupts nobody."""

import re
import struct
import subprocess
import sys

import pytest

import rail
from formats import boards
from formats.boards import RUNTIME

from .artifacts import TOP
from .device import provisioned, requested_cells, update_writer

sys.path.append(str(TOP / "tests/device"))
import test_memory_map  # noqa: E402

BOARD = boards.ETHERNET
PATIENCE_SECONDS = 120  # of a hung machine; nothing here is measured
WORDS = 64  # of each block,
SCS_WORDS = 0x380  # but to the end of the SCB

# What need not be as after a reset, and why.
EXPECTED = {
    0x40003004: "IWDG_PR: its longest period, for whoever has started it",
    0x40003008: "IWDG_RLR",
    0x40023874: "RCC_CSR: why there was a reset was told, and is forgotten",
    0xE000ED08: "VTOR: the vectors of what is started",
    0xE000E014: "SYST_RVR: has no reset value (ARMv7-M B3.3.4)",
    0xE000E018: "SYST_CVR: has no reset value",
    0xE0001004: "DWT_CYCCNT: counts",
}


def entry(cells):
    """The first instruction of the installed runtime."""
    image = BOARD.region(RUNTIME).start + 512 - boards.INTERNAL_BASE
    return struct.unpack_from("<I", cells.internal, image + 4)[0] & ~1


def blocks():
    """All registers but those whose reading changes something or is nobody's business:
    memories, and time that passes."""
    found = [block for block in test_memory_map.blocks()
             if block.model in ("modelled", "partly") and block.first >= 0x40000000]
    return [block for block in found if "bit-band" not in block.name and block.name != "RNG"]


def registers(folder, cells):
    """Address to value, right after the reset and at the first instruction behind the bootloader."""
    cells.save(folder)
    properties = ",".join(f"{chip}={folder / chip}.bin" for chip in rail.SIZES)
    looks = [f"x/{SCS_WORDS if block.name == 'SCS' else WORDS}xw {block.first:#x}" for block in blocks()]
    steps = ["set pagination off", f"target remote | exec {rail.QEMU} -M mountaineer-eth,{properties} -S -gdb stdio "
             "-icount shift=3,sleep=off -display none -nodefaults", *looks, "echo handed over\\n",
             f"tbreak *{entry(cells):#x}", "continue", *looks, "kill"]
    arguments = [part for step in steps for part in ("-ex", step)]
    done = subprocess.run(["gdb-multiarch", "-nx", "-batch", *arguments], check=False, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    reset, handed_over = done.stdout.split("handed over\n")
    assert "Temporary breakpoint 1, " in handed_over
    return values(reset), values(handed_over)


def values(text):
    found = {}
    for line in re.findall(r"^0x([0-9a-f]+)(?: <.*>)?:((?:\t0x[0-9a-f]{8})+)", text, re.MULTILINE):
        for index, value in enumerate(line[1].split()):
            found[int(line[0], 16) + 4 * index] = int(value, 16)
    return found


@pytest.mark.parametrize("pending", [False, True], ids=["nothing pending", "behind an install"])
def test_registers_are_as_after_a_reset(tmp_path, pending):
    cells = provisioned(BOARD)
    if pending:
        cells = requested_cells(cells, update_writer(BOARD).build())
    reset, handed_over = registers(tmp_path, cells)
    assert reset.keys() == handed_over.keys() and len(reset) > 3000
    changed = {address: value for address, value in handed_over.items()
               if value != reset[address] and address not in EXPECTED}
    assert not changed, ", ".join(f"{address:#x}: {reset[address]:#x}, now {value:#x}"
                                  for address, value in changed.items())
