# SPDX-License-Identifier: MIT
"""docs/DEBUGGING.md works as it stands, and a debugger's looks change nothing."""

import os
import re
import signal
import struct
import subprocess
import threading

import pytest

import rail
import test_memory_map
from bed import SECOND

PATIENCE_SECONDS = 120  # of a hung machine; nothing here is measured
FIRMWARE = rail.REPOSITORY / "build/firmware/mountaineer-eth"
DEVICE = rail.REPOSITORY / "build/device/mountaineer-eth"
TEXT = (rail.REPOSITORY / "docs/DEBUGGING.md").read_text()
TRACE_SIZE = 1 << 22
SPI1 = 0x40013000
SECTIONS = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)


## The examples ##

def blocks(title):
    """Commands of that section, behind those that all need; and the lines that they must print, as patterns."""
    set_up, *sections = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    section, = [text for text in sections if text.startswith(title + "\n")]
    commands = re.findall(r"^```sh\n(.*?)^```$", set_up + section, re.MULTILINE | re.DOTALL)
    printed, = re.findall(r"^```text\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return "set -e\n" + "".join(commands), [re.escape(line).replace(r"\.\.\.", ".*") for line in printed.splitlines()]


@pytest.fixture
def place(tmp_path):
    """A folder that looks like the project's, but may be written to."""
    for name in ("build", "ci"):
        (tmp_path / name).symlink_to(rail.REPOSITORY / name)
    return tmp_path


def type_them(place, commands):
    return subprocess.Popen(["bash", "-c", commands], cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, process_group=0)


def find(pattern, lines):
    for line in lines:
        if re.fullmatch(pattern, line.rstrip("\r\n")):
            return
    raise AssertionError(f"it ended without a line {pattern}")


def type_until_printed(place, title):
    """Types them, waits for the lines in their order, and then for the end if there is one, else for that of Ctrl-C."""
    commands, expected = blocks(title)
    process = type_them(place, commands)
    patience = threading.Timer(PATIENCE_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
    patience.start()
    try:
        for pattern in expected:
            find(pattern, process.stdout)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate()
    finally:
        patience.cancel()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("title", SECTIONS)
def test_example(place, title):
    type_until_printed(place, title)
    if title == "What was executed":
        assert re.match(rb"DRCOV VERSION: 2\n(?s:.*)BB Table: [1-9]\d{3,} bbs\n", (place / "update.drcov").read_bytes())


## Looks ##

def look():
    """GDB's commands that read all that is mapped, data registers and flags included; the SPI comes last."""
    there = [block for block in test_memory_map.blocks() if block.model != "missing" and "bit-band" not in block.name]
    looks = [f"x/64xw {block.first:#x}" for block in there if block.name not in ("SCS", "SysTick")]
    return looks + [f"x/64xw {SPI1:#x}"]


def debugged(folder, *looks):
    """The trace of an update until the SPI NOR was written some pages, with stops where these commands are typed."""
    folder.mkdir()
    for chip in rail.SIZES:
        (folder / chip).write_bytes((DEVICE / f"{chip}.bin").read_bytes())
    header = struct.pack("<IIQQ", rail.RAIL_TRACE_MAGIC, rail.RAIL_TRACE_VERSION, TRACE_SIZE, 0)
    (folder / "trace").write_bytes(header.ljust(TRACE_SIZE, b"\0"))
    properties = ",".join(f"{name}={folder / name}" for name in (*rail.SIZES, "trace"))
    steps = ["set pagination off", f"target remote | exec {rail.QEMU} -M mountaineer-eth,{properties} -S -gdb stdio "
             "-icount shift=3,sleep=off -display none -nodefaults"]
    steps += ["break main", "continue", *looks, "delete"]
    steps += ["break transfer", "continue", *looks, "delete"]
    steps += [f"symbol-file {FIRMWARE / 'runtime.elf'}", "break program", "ignore 3 20", "continue", "delete"]
    steps += ["break exchange", "ignore 4 12", "continue", *looks, "delete"]
    steps += ["stepi", *looks[-1:]] * 100 + ["kill"]  # meanwhile a byte comes in and is taken
    arguments = [part for step in steps for part in ("-ex", step)]
    done = subprocess.run(["gdb-multiarch", "-nx", "-batch", str(FIRMWARE / "boot.elf"), *arguments], check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert "No breakpoint" not in done.stderr
    trace = (folder / "trace").read_bytes()
    used, = struct.unpack_from("<Q", trace, 16)
    return trace[rail.RAIL_TRACE_EVENTS:rail.RAIL_TRACE_EVENTS + used], done.stdout


def undisturbed(until):
    """The trace without any debugger."""
    with rail.Machine("mountaineer-eth") as machine:
        for chip in rail.SIZES:
            machine.write(chip, 0, (DEVICE / f"{chip}.bin").read_bytes())
        machine.power_on(sram="zero")
        machine.run(until=until)
        return machine.trace_bytes()


def test_looks_leave_no_trace(tmp_path):
    seen, text = debugged(tmp_path / "seen", *look())
    unseen, _ = debugged(tmp_path / "unseen")
    spi_status = [int(sr, 16) for sr in re.findall(rf"^{SPI1:#x}:\t\w+\t\w+\t(\w+)", text, re.MULTILINE)]
    assert len(spi_status) == 2 * 3 + 100, "the debugger did not look as often as it was told"
    assert sum(sr & 1 for sr in spi_status) >= 2, "it saw RXNE twice before the firmware took the byte"
    assert len(seen) > 100 * rail.EVENT.size
    assert seen == unseen
    assert undisturbed(until=20 * SECOND)[:len(seen)] == seen
