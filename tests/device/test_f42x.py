# SPDX-License-Identifier: MIT
"""The machine stm32f429-nor: what images made for F42x and F43x find there, and do not find on an F407."""

import struct
import subprocess

import pytest

import rail
from bed import BLUE, SECOND, build, results


@pytest.fixture(scope="session")
def code(tmp_path_factory):
    return build("f42x", tmp_path_factory.mktemp("f42x"))


def run(machine, code, bank=1):
    machine.write("internal", 0, code)
    machine.write("internal", 0x20000, struct.pack("<I", bank))
    machine.clear_trace()
    machine.power_on(sram="random:1")
    machine.run(until=SECOND)
    assert BLUE in [event.address for event in machine.events("pin") if event.value], "the test did not end"
    machine.power_off()
    return results(machine)


def after_the_reset_too(**values):
    """The firmware runs twice and shall find the same."""
    return {name: [value, value] for name, value in values.items()}


SAME_ON_BOTH = after_the_reset_too(bcr1=0x30DB, sdram_early=0, behind_sdram=0, early_swapped=0, not_swapped=0,
                                   sai_off=0, sai_off_again=0, behind_sram3=0)


@pytest.mark.parametrize("bank", [1, 2])
def test_f429(code, bank):
    with rail.Machine("stm32f429-nor", {"sdram": "1M", "sdram-bank": bank}) as machine:
        found = run(machine, code, bank)
        assert found.pop("kept") == [0, 77], "SDRAM: nothing at power-on, what was there after a reset"
        assert found == SAME_ON_BOTH | after_the_reset_too(
            device=0x419, sdcr1=0x2D0, sai_on=1, saicfgr=0x24003000, sram3=1, sdram=1, sdram_end=1, memrmp=1 << 10,
            swapped=1)
        assert run(machine, code, bank)["kept"] == [0, 77], "the next power-on finds what the first one found"


def test_f407_has_none_of_it(code):
    with rail.Machine("stm32f407-nor") as machine:
        found = run(machine, code)
    assert found.pop("kept") == [1, 1]
    assert found == SAME_ON_BOTH | after_the_reset_too(
        device=0x413, sdcr1=0, sai_on=0, saicfgr=0, sram3=0, sdram=0, sdram_end=0, memrmp=0, swapped=0)


@pytest.mark.parametrize("options, told", [
    ("sdram=3M", "sdram: 3145728 bytes are not a power of two from 1M to 256M"),
    ("sdram=512M", "sdram: 536870912 bytes"),
    ("sdram-bank=3", "sdram-bank: there is no bank 3, only 1 and 2"),
])
def test_wrong_options(options, told):
    done = subprocess.run([str(rail.QEMU), "-M", f"stm32f429-nor,{options}", "-display", "none"], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode == 1 and told in done.stderr and len(done.stderr.splitlines()) == 1
