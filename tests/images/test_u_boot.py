# SPDX-License-Identifier: MIT
"""U-Boot as its project configures it for the STM32F429 Discovery, not one byte changed, on the machine.

What it shall do is in its environment, in sector 6 of the internal flash, as a developer would leave it there.
"""

import re
import select
import struct
import subprocess
import zlib

import pytest

import rail
from bed import SECOND

ENVIRONMENT, ENVIRONMENT_SIZE = 0x40000, 0x2000
SECTOR = 0x20000
BOARD = {"sdram": "8M", "sdram-bank": 2}
PROMPT = "U-Boot > "
UID = bytes(range(0xA0, 0xAC))


def environment(**variables):
    """As U-Boot stores it: a CRC-32 and strings."""
    text = b"".join(f"{name}={value}\0".encode() for name, value in variables.items())
    data = text.ljust(ENVIRONMENT_SIZE - 4, b"\0")
    return struct.pack("<I", zlib.crc32(data)) + data


def stored(machine):
    """The variables in the flash; None unless the CRC is right."""
    environment_then = machine.internal[ENVIRONMENT:ENVIRONMENT + ENVIRONMENT_SIZE]
    crc, data = struct.unpack(f"<I{ENVIRONMENT_SIZE - 4}s", environment_then)
    if crc != zlib.crc32(data):
        return None
    return dict(entry.split("=", 1) for entry in data.split(b"\0\0")[0].decode().split("\0"))


def board(u_boot, **options):
    machine = rail.Machine("stm32f429-nor", BOARD | {"uid": UID.hex()} | options)
    machine.write("internal", 0, u_boot)
    return machine


@pytest.fixture
def machine(u_boot):
    with board(u_boot) as started:
        yield started


def run(machine, *commands, **stops):
    """Powers up with these commands in the environment, cuts the power at the prompt; what was printed."""
    if commands:
        machine.write("internal", ENVIRONMENT, environment(bootdelay="0", bootcmd="; ".join(commands), kept="yes"))
    machine.clear_trace()
    machine.power_on(sram="random:1")
    if to_prompt(machine, **stops):
        machine.power_off()
    return machine.uart()


def to_prompt(machine, **stops):
    """False: the power was lost before."""
    for step in range(1, 200):
        if machine.run(until=step * SECOND // 20, **stops).reason == "cut":
            return False
        if machine.uart().endswith(PROMPT):
            return True
    raise AssertionError(f"no prompt within 10 s: {machine.uart()}")


def time_of(machine, text):
    """When that was sent, in seconds."""
    events = list(machine.events("uart"))
    at = bytes(event.value for event in events).decode().index(text)
    return events[at].time_ns / SECOND


def test_starts_at_all(machine):
    text = run(machine)
    for line in ("U-Boot 2023.01", "DRAM:  8 MiB", "Flash: 2 MiB", "bad CRC, using default environment",
                 "In:    serial@40011000"):
        assert line in text
    assert not list(machine.events("program", "erase", "reset"))


def test_baud_rate_follows_from_its_clocks(machine):
    """180 MHz from HSE and PLL, half of it for USART1, and the divider that is made of this: 115200 baud."""
    run(machine)
    times = [event.time_ns for event in machine.events("uart")]
    apart = sorted(after - before for before, after in zip(times, times[1:]))
    assert apart[len(apart) // 2] == pytest.approx(10 * SECOND / 115200, rel=0.01)


def test_timer_and_memory(machine, u_boot):
    text = run(machine, "echo before", "sleep 2", "echo after", "crc32 0x08000000 0x8000",
               "cp.b 0x08000000 0x90100000 0x8000", "cmp.b 0x08000000 0x90100000 0x8000", "printenv serial#")
    assert time_of(machine, "after\r") - time_of(machine, "before\r") == pytest.approx(2, rel=0.01)
    assert f"==> {zlib.crc32(u_boot[:0x8000]):08x}" in text
    assert "Total of 32768 byte(s) were the same" in text
    high, middle, low = (struct.unpack("<I", UID[at:at + 4])[0] for at in (8, 4, 0))
    assert f"serial#={high:08x}{middle:08x}{low:08x}" in text


def test_erases_and_programs(machine, u_boot):
    machine.write("internal", 0x60000, bytes(SECTOR))
    text = run(machine, "protect off 1:7", "erase 1:7", "cp.b 0x08000000 0x08060000 0x200")
    assert "Copy to Flash... done" in text, text
    assert machine.internal[0x60000:0x60000 + SECTOR] == u_boot[:0x200].ljust(SECTOR, b"\xff")
    erase, *programs = machine.events("program", "erase")
    assert (erase.kind, erase.address, erase.value) == ("erase", 0x08060000, SECTOR)
    assert [(event.address, event.value, event.payload) for event in programs] == \
        [(0x08060000 + at, 1, u_boot[at:at + 1]) for at in range(0x200)]
    assert all(0x90000000 <= event.pc < 0x90800000 for event in (erase, *programs)), "its code is in SDRAM by then"


PROGRAM_AND_RESET = "itest.b *0x08060000 == 0xff && cp.b 0x08000000 0x08060000 4 && reset", "echo second"


def test_reset(machine, u_boot):
    """What the first run wrote, the second one finds."""
    text = run(machine, *PROGRAM_AND_RESET)
    assert len(re.findall("U-Boot 2023.01", text)) == 2 and text.endswith("second\r\n" + PROMPT)
    reset, = machine.events("reset")
    assert reset.value >> 28 & 1, "by software"
    assert machine.internal[0x60000:0x60005] == u_boot[:4] + b"\xff"


def test_poll_skip_changes_nothing(u_boot):
    texts = []
    for skip in ("on", "off"):
        with board(u_boot, **{"poll-skip": skip}) as machine:
            texts.append(run(machine, *PROGRAM_AND_RESET))
            texts.append([event[3:] for event in machine.events("program", "erase", "reset")])
    assert texts[:2] == texts[2:]


SAVE = ("setenv new value", "saveenv")


@pytest.mark.parametrize("tear", ["before", "half", "mask", "after"])
@pytest.mark.parametrize("operation", ["erase", "first", "middle"])
def test_loss_of_power_while_it_saves(u_boot, operation, tear):
    """It has one copy of its environment: what a loss of power leaves of that, it notices, and starts all the same."""
    cut = {"erase": 0, "first": 1, "middle": 40}[operation]
    with board(u_boot) as machine:
        run(machine, *SAVE, cut=cut, tear=tear)
        left = stored(machine)
        assert (left is not None) == (operation == "erase" and tear in ("before", "half"))  # half: the tail
        if left is None:
            assert "bad CRC, using default environment" in run(machine)
        else:
            assert "new" not in left


def test_person_at_the_prompt(u_boot, tmp_path):
    """Without a rail: the command line of the machine's README, and somebody who types."""
    (tmp_path / "u-boot.bin").write_bytes(u_boot)
    process = subprocess.Popen(
        [str(rail.QEMU), "-M", f"stm32f429-nor,sdram=8M,sdram-bank=2,load={tmp_path}/u-boot.bin@0x08000000",
         "-icount", "shift=3,sleep=off", "-display", "none", "-serial", "stdio", "-monitor", "none"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    answers = []
    for command in ("setenv greeting hello", "printenv greeting", "version"):
        answers.append(until_prompt(process))
        process.stdin.write(command.encode() + b"\n")
    answers.append(until_prompt(process))
    process.kill()
    process.wait()
    assert "greeting=hello" in answers[2] and "U-Boot 2023.01" in answers[3]


def until_prompt(process):
    text = b""
    while not text.endswith(PROMPT.encode()):
        assert select.select([process.stdout], [], [], 60)[0], text
        text += process.stdout.read(1)
    return text.decode()
