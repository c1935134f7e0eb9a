# SPDX-License-Identifier: MIT
"""The touched map: what the firmware read, fetched or programmed before it was erased."""

import hashlib
import json
import socket
import struct

import pytest

import rail
from bed import (CALL, COPY, ERASE, EXCEPTION, MIXTURE, NOR_BYTE, NOR_DMA, NOR_ERASE, NOR_ERASE_NO_WAIT, NOR_PROGRAM,
                 NOR_READ, PROGRAM, SCRATCH, SECOND, WORD, choose, choose_script, run_script)

PAGE = 1024
SCRIPT_PAGE = 0x20000
BX_LR = bytes.fromhex("7047")


def pages(machine):
    """The touched pages behind the firmware and its script."""
    found = machine.touched_pages()
    assert 0 in found and SCRIPT_PAGE in found
    return [page for page in found if page > SCRIPT_PAGE]


def touched_by(machine, *steps):
    machine.touch_clear()
    run_script(machine, *steps)
    return pages(machine)


def test_nothing_is_touched_before_power_on(watched):
    assert not any(watched.touched[:])
    watched.power_on()
    assert watched.touched_pages() == [0] and watched.touched_nor() == []


def test_code_and_data_touch_their_pages(watched):
    assert touched_by(watched) == []
    assert touched_by(watched, (WORD, SCRATCH + 3 * PAGE)) == [SCRATCH + 3 * PAGE]
    assert touched_by(watched, (WORD, 0x60000 + 5 * PAGE - 4)) == [0x60000 + 4 * PAGE]
    assert touched_by(watched, (WORD, 0xFFFFC), (WORD, 0x08080000)) == [0x80000, 0xFFC00]
    watched.write("internal", SCRATCH + 7 * PAGE, BX_LR)
    assert touched_by(watched, (CALL, 0x08000000 + SCRATCH + 7 * PAGE)) == [SCRATCH + 7 * PAGE]
    assert touched_by(watched, (CALL, SCRATCH + 7 * PAGE)) == [SCRATCH + 7 * PAGE], "translated code counts again"


def test_only_pages_of_the_firmware_that_run_are_touched(watched):
    touched_by(watched)
    firmware = [page for page in watched.touched_pages() if page < SCRIPT_PAGE]
    assert 0 < len(firmware) <= 8


def test_code_across_two_pages_touches_both(watched):
    nops = bytes.fromhex("00bf")
    watched.write("internal", SCRATCH + PAGE - 8, nops * 8 + BX_LR)
    for _ in range(2):
        assert touched_by(watched, (CALL, SCRATCH + PAGE - 8)) == [SCRATCH, SCRATCH + PAGE]


def test_exceptions_touch_their_vectors(watched):
    table, handler = SCRATCH + 4 * PAGE, SCRATCH + 9 * PAGE
    watched.write("internal", table, struct.pack("<16I", *[handler | 1] * 16))
    watched.write("internal", handler, BX_LR)
    assert touched_by(watched, (EXCEPTION, table)) == [table, handler]


def test_dma_touches_what_it_reads(watched):
    assert touched_by(watched, (COPY, SCRATCH + PAGE - 4, 8)) == [SCRATCH, SCRATCH + PAGE]
    assert touched_by(watched, (COPY, 0x08000000 + 0x80000, 4)) == [0x80000]


def test_programs_touch(watched):
    assert touched_by(watched, (PROGRAM, SCRATCH + PAGE, 0)) == [SCRATCH + PAGE]
    assert touched_by(watched, (PROGRAM, SCRATCH + PAGE, 0), (ERASE, 6)) == [SCRATCH + PAGE]


def test_what_is_erased_first_is_not_touched(watched):
    other = 0x60000
    steps = ((WORD, SCRATCH), (ERASE, 6), (WORD, SCRATCH + PAGE), (PROGRAM, SCRATCH + 2 * PAGE, 0), (WORD, SCRATCH),
             (WORD, other))
    assert touched_by(watched, *steps) == [SCRATCH, other]
    watched.write("internal", SCRATCH + 7 * PAGE, BX_LR)
    assert touched_by(watched, (CALL, SCRATCH + 7 * PAGE)) == [SCRATCH + 7 * PAGE]
    assert touched_by(watched, (ERASE, 6), (COPY, SCRATCH, 64), (WORD, 0x08000000 + SCRATCH)) == []


def test_the_map_survives_power_cycles_until_it_is_cleared(watched):
    assert touched_by(watched, (WORD, SCRATCH), (ERASE, 7), (NOR_BYTE, 0x100), (NOR_ERASE, 0x2000, 0x20)) == [SCRATCH]
    run_script(watched, (WORD, SCRATCH + PAGE), (WORD, 0x60000), (NOR_BYTE, 0x101), (NOR_BYTE, 0x2000))
    assert pages(watched) == [SCRATCH, SCRATCH + PAGE] and watched.touched_nor() == [0x100, 0x101]
    watched.touch_clear()
    assert not any(watched.touched[:])
    run_script(watched, (WORD, 0x60000), (NOR_BYTE, 0x2000))
    assert pages(watched) == [0x60000] and watched.touched_nor() == [0x2000]


@pytest.mark.parametrize("tear, protects", [("before", False), ("half", False), ("mask", False), ("weak", False),
                                            ("notake", False), ("after", True)])
def test_only_a_whole_erase_protects(watched, tear, protects):
    watched.touch_clear()
    for step in ((ERASE, 6), (NOR_ERASE, 0x2000, 0x20)):
        choose_script(watched, step)
        watched.power_on(sram="zero")
        assert watched.run(until=20 * SECOND, cut=0, tear=tear).reason == "cut"
    run_script(watched, (WORD, SCRATCH), (NOR_BYTE, 0x2000))
    assert (pages(watched) == [], watched.touched_nor() == []) == (protects, protects)


def nor_touched_by(machine, *steps):
    machine.touch_clear()
    run_script(machine, *steps)
    return machine.touched_nor()


def test_nor_bytes_are_exact(watched):
    assert nor_touched_by(watched) == []
    assert nor_touched_by(watched, (NOR_BYTE, 0x1234)) == [0x1234]
    assert nor_touched_by(watched, (NOR_READ, 0x1FFE, 5)) == [0x1FFE, 0x1FFF, 0x2000, 0x2001, 0x2002]
    assert nor_touched_by(watched, (NOR_READ, 0x7FFFFF, 2)) == [0, 0x7FFFFF]
    assert nor_touched_by(watched, (NOR_PROGRAM, 0x3010, 3)) == [0x3010, 0x3011, 0x3012]
    assert nor_touched_by(watched, (NOR_READ, 0x4FFF, 2), (NOR_ERASE, 0x5000, 0x20), (NOR_READ, 0x5000, 4096),
                          (NOR_PROGRAM, 0x5000, 20), (NOR_READ, 0x6000, 1)) == [0x4FFF, 0x5000, 0x6000]
    assert nor_touched_by(watched, (NOR_ERASE, 0x10000, 0xD8), (NOR_READ, 0x0FFFF, 0x10002)) == [0xFFFF, 0x20000]


@pytest.mark.parametrize("offset, count", ((0x1234, 1), (0x1FFD, 7), (0x1FF1, 64), (0x2008, 8), (0x7FFFFB, 30)))
def test_a_read_by_dma_touches_its_bytes(watched, offset, count):
    expected = sorted((offset + n) % rail.RAIL_NOR_SIZE for n in range(count))
    for n, at in enumerate(expected):
        watched.write("nor", at, bytes([n + 1]))
    watched.touch_clear()
    read = run_script(watched, (NOR_DMA, offset, count))["byte"]
    assert watched.touched_nor() == expected
    assert ([read] if count == 1 else read) == [watched.nor[(offset + n) % rail.RAIL_NOR_SIZE] for n in range(count)]


def test_a_read_by_dma_touches_nothing_that_was_erased(watched):
    assert nor_touched_by(watched, (NOR_ERASE, 0x5000, 0x20), (NOR_DMA, 0x4FFE, 8), (NOR_DMA, 0x5FFF, 2)) == \
        [0x4FFE, 0x4FFF, 0x6000]


def test_a_read_by_dma_sees_weak_bits(watched):
    watched.write("nor", 0x1FFE, bytes(4))
    watched.mark("nor", ("weak", 0x1FFD, 0), ("weak", 0x1FFF, 3), ("weak", 0x2002, 0))
    reads = {tuple(run_script(watched, (NOR_DMA, 0x1FFE, 4), noise=noise)["byte"]) for noise in range(12)}
    assert reads == {(0, 0, 0, 0), (0, 8, 0, 0)}


def test_a_page_program_that_wraps_touches_where_its_bytes_go(watched):
    assert nor_touched_by(watched, (NOR_PROGRAM, 0x30FE, 4)) == [0x3000, 0x3001, 0x30FE, 0x30FF]


def test_reads_while_the_nor_is_busy_touch_nothing(watched):
    assert nor_touched_by(watched, (NOR_ERASE_NO_WAIT, 0x8000, 0x20), (NOR_READ, 0x100, 16)) == []


def test_a_debuggers_read_is_no_touch(firmware, tmp_path):
    with rail.Machine(touched=True, arguments=["-qmp", f"unix:{tmp_path / 'qmp'},server=on,wait=off"]) as machine:
        machine.write("internal", 0, firmware)
        touched_by(machine)
        machine.touch_clear()
        machine.power_on()
        before = machine.touched_pages()
        saved = tmp_path / "memory"
        with Monitor(tmp_path / "qmp") as ask:
            ask("qmp_capabilities")
            ask("memsave", {"val": 0x08000000, "size": 0x100000, "filename": str(saved)})
            ask("pmemsave", {"val": 0, "size": 0x100000, "filename": str(saved)})
        assert saved.read_bytes() == machine.internal[:]
        assert machine.touched_pages() == before == [0]


class Monitor:
    """QEMU's own control channel, as debuggers use it."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.replies = self.socket.makefile("r")
        self.replies.readline()

    def __enter__(self):
        return self.ask

    def ask(self, command, arguments=None):
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments or {}}).encode())
        reply = json.loads(self.replies.readline())
        assert "return" in reply, reply

    def __exit__(self, *_):
        self.replies.close()
        self.socket.close()


def recorded(machine, firmware):
    machine.write("internal", 0, firmware.ljust(rail.RAIL_INTERNAL_SIZE, b"\xff"))
    machine.write("nor", 0, b"\xff" * rail.RAIL_NOR_SIZE)
    machine.clear_trace()
    choose(machine, MIXTURE)
    machine.power_on(sram="random:1")
    machine.run(until=5 * SECOND)
    machine.power_off()
    return hashlib.sha256(machine.trace_bytes() + machine.internal[:] + machine.nor[:]).hexdigest()


def test_watching_changes_nothing(machine, watched, firmware):
    expected = recorded(machine, firmware)
    assert recorded(watched, firmware) == expected
    first = watched.touched[:]
    for i in range(10):
        run_script(watched, (WORD, 0x1000 * i), (ERASE, 6), (NOR_READ, 0x1000 * i, 100))
    watched.touch_clear()
    assert recorded(watched, firmware) == expected and watched.touched[:] == first


def test_touch_clear_needs_a_map_and_no_power(machine, watched):
    with pytest.raises(rail.RailError, match="touched=FILE"):
        machine.touch_clear()
    watched.power_on()
    with pytest.raises(rail.RailError, match="power is on"):
        watched.touch_clear()
