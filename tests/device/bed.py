# SPDX-License-Identifier: MIT
"""What the tests of the machine's devices share: the tests that firmware.c knows, and how to run one."""

import os
import struct
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
MS = 10**6
SECOND = 10**9
SCRATCH = 0x40000
PROTECT_SECTOR_7 = 0xFFFF & ~(1 << 7)
GREEN, RED, BLUE = 4 * 16 + 13, 4 * 16 + 11, 4 * 16 + 14
(IDLE, FLASH, FLASH_ERRORS, PROGRAMS, NOR, NOR_RESET, DMA, SYSTICK_CLOCKS, WATCHDOG, LOCKUP, RESET,
 MIXTURE, WATCHDOG_IN_A_STALL, RESET_DESELECTS_NOR, SCRIPT) = range(15)

# Steps of SCRIPT, each with its arguments.
(WORD, PROGRAM, ERASE, CALL, EXCEPTION, COPY, NOR_BYTE, NOR_READ, NOR_PROGRAM, NOR_ERASE, NOR_ERASE_NO_WAIT, LOAD,
 WORD_OFTEN, ERASE_IN_RAM, NOR_DMA) = range(15)
(LDRB, LDRH, LDR, LDRD, LDM_OF_4, VLDR_SINGLE, VLDR_DOUBLE, VLDM_OF_4, LDREX, LDRBT) = range(10)  # of LOAD


def build(name, folder, *options):
    """The binary of NAME.c, or of all in the folder NAME; in this folder or with a path; with these options too."""
    source = HERE / name
    sources = sorted(source.glob("*.c")) if source.is_dir() else [source.with_suffix(".c")]
    elf = folder / f"{Path(name).name}.elf"
    binary = elf.with_suffix(".bin")
    prefix = os.environ.get("CROSS_COMPILE", "arm-none-eabi-")
    subprocess.run([prefix + "gcc", "-mcpu=cortex-m4", "-mthumb", "-Os", "-ffreestanding", "-nostdlib", "-Wall",
                    "-Wextra", "-Werror", f"-I{HERE}", *options, "-T", str(HERE / "firmware.ld"), *map(str, sources),
                    "-lgcc", "-o", str(elf)], check=True)
    subprocess.run([prefix + "objcopy", "-O", "binary", str(elf), str(binary)], check=True)
    return binary.read_bytes()


def choose(machine, test, *arguments):
    """Makes the firmware run that test after the next power-on."""
    machine.write("internal", 0x20000, struct.pack(f"<{1 + len(arguments)}I", test, *arguments))


def choose_script(machine, *steps):
    """Makes the firmware carry these steps out."""
    words = [word for step in steps for word in (*step, 0, 0)[:3]]
    choose(machine, SCRIPT, *words, 0xFFFFFFFF)


def run_test(machine, test, *arguments, until=20 * SECOND, **stops):
    choose(machine, test, *arguments)
    machine.power_on(sram="zero")
    return machine.run(until=until, **stops)


def run_script(machine, *steps, **noise):
    """Powers up, runs the steps to their end and cuts the power; what the firmware printed meanwhile."""
    choose_script(machine, *steps)
    machine.clear_trace()
    machine.power_on(sram="zero", **noise)
    machine.run(until=20 * SECOND)
    assert BLUE in [event.address for event in machine.events("pin") if event.value], "the script did not end"
    machine.power_off()
    return results(machine)


def results(machine):
    """The lines "name value"; of a name printed twice, all values."""
    found = {}
    for line in machine.uart().splitlines():
        name, value = line.split()
        found.setdefault(name, []).append(int(value))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}
