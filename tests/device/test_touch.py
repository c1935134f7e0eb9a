# SPDX-License-Identifier: MIT
"""The touched map: what the firmware read, fetched or programmed before it was erased."""

import hashlib
import json
import re
import socket
import struct
import subprocess

import pytest

import rail
from bed import (CALL, COPY, ERASE, ERASE_IN_RAM, EXCEPTION, LDM_OF_4, LDR, LDRB, LDRBT, LDRD, LDREX, LDRH, LOAD,
                 MIXTURE, NOR_BYTE, NOR_DMA, NOR_ERASE, NOR_ERASE_NO_WAIT, NOR_PROGRAM, NOR_READ, PROGRAM, SCRATCH,
                 SCRIPT,
                 SECOND, VLDM_OF_4, VLDR_DOUBLE, VLDR_SINGLE, WORD, WORD_OFTEN, choose, choose_script, run_script)

FLASH = 0x08000000
PAGE = 1024
OTHER = 0x60000
BX_LR = bytes.fromhex("7047")
NOP = bytes.fromhex("00bf")


def ranges(offsets):
    """(first, length) of offsets that follow each other."""
    found = []
    for offset in offsets:
        if found and sum(found[-1]) == offset:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((offset, 1))
    return found


def touched(machine):
    """What was touched behind the firmware and its script."""
    offsets = machine.touched_internal()
    assert offsets[:8] == list(range(8)), "the vectors of the reset"
    return ranges(offset for offset in offsets if offset >= SCRATCH)


def touched_by(machine, *steps):
    machine.touch_clear()
    run_script(machine, *steps)
    return touched(machine)


def test_nothing_is_touched_before_power_on(watched):
    assert not any(watched.touched[:])
    watched.power_on()
    assert watched.touched_internal() == list(range(8)) and watched.touched_nor() == []


@pytest.mark.parametrize("base", [0, FLASH])
def test_data_touches_its_bytes(watched, base):
    assert touched_by(watched) == []
    assert touched_by(watched, (WORD, base + SCRATCH + 3 * PAGE + 8)) == [(SCRATCH + 3 * PAGE + 8, 4)]
    assert touched_by(watched, (WORD, base + OTHER + PAGE - 4)) == [(OTHER + PAGE - 4, 4)]
    assert touched_by(watched, (WORD, base + 0xFFFFC), (WORD, base + 0x80000)) == [(0x80000, 4), (0xFFFFC, 4)]
    assert touched_by(watched, (LOAD, base + SCRATCH, LDRB), (LOAD, base + SCRATCH + 2, LDRH)) == [
        (SCRATCH, 1), (SCRATCH + 2, 2)]


def test_both_places_are_one(watched):
    assert touched_by(watched, (WORD, SCRATCH), (WORD, FLASH + SCRATCH + 4)) == [(SCRATCH, 8)]


@pytest.mark.parametrize("load, length", [(LDRB, 1), (LDRBT, 1), (LDRH, 2), (LDR, 4), (LDREX, 4), (VLDR_SINGLE, 4),
                                          (LDRD, 8), (VLDR_DOUBLE, 8), (LDM_OF_4, 16), (VLDM_OF_4, 16)])
def test_each_load_touches_what_it_loads(watched, load, length):
    at = SCRATCH + 24 * length
    assert touched_by(watched, (LOAD, FLASH + at, load)) == [(at, length)]
    if length > 4:  # at a word that is the last one of its page
        whole = load == VLDR_DOUBLE  # not aligned to its size
        before, after = (8, 8) if whole else (4, length - 4)
        assert touched_by(watched, (LOAD, FLASH + OTHER + PAGE - 4, load)) == [(OTHER + PAGE - before, before + after)]


@pytest.mark.parametrize("load, size", [(LDRH, 2), (LDR, 4)])
def test_a_load_that_is_not_aligned_touches_both_units(watched, load, size):
    for unit in (OTHER + 16, OTHER + PAGE - size):
        for offset in range(1, size):
            assert touched_by(watched, (LOAD, FLASH + unit + offset, load)) == [(unit, 2 * size)]


def test_code_touches_its_page(watched):
    page = SCRATCH + 7 * PAGE
    watched.write("internal", page + 64, BX_LR)
    assert touched_by(watched, (CALL, FLASH + page + 64)) == [(page, PAGE)]
    assert touched_by(watched, (CALL, page + 64)) == [(page, PAGE)], "at its other place too"
    assert touched_by(watched, (CALL, page + 64)) == [(page, PAGE)], "translated code counts again"


@pytest.mark.parametrize("base", [0, FLASH])
def test_code_and_data_in_one_page(watched, base):
    page = SCRATCH + 7 * PAGE
    watched.write("internal", page + 64, BX_LR)
    call, word, again = (CALL, FLASH + page + 64), (WORD, base + page + 8), (WORD, base + page + PAGE + 8)
    assert touched_by(watched, word) == [(page + 8, 4)]
    assert touched_by(watched, word, call) == [(page, PAGE)]
    assert touched_by(watched, word) == [(page + 8, 4)], "code that does not run"
    assert touched_by(watched, call, word, again) == [(page, PAGE), (page + PAGE + 8, 4)]
    assert touched_by(watched, word, call, word, call) == [(page, PAGE)], "when it is translated already"


def test_a_store_in_vain_touches_nothing(watched):
    page = SCRATCH + 7 * PAGE
    watched.write("internal", page + 64, BX_LR)
    blank = (PROGRAM, page + 32, 0xFFFFFFFF)
    assert touched_by(watched, blank) == []
    assert touched_by(watched, blank, (WORD, page + 8)) == [(page + 8, 4)]
    assert touched_by(watched, blank, (CALL, page + 64)) == [(page, PAGE)]


def test_only_pages_of_the_firmware_that_run_are_touched(watched):
    touched_by(watched)
    firmware = [length for first, length in ranges(watched.touched_internal()) if first < 0x20000]
    assert 0 < sum(firmware) < 8 * PAGE


def test_code_across_two_pages_touches_both(watched):
    watched.write("internal", SCRATCH + PAGE - 8, NOP * 8 + BX_LR)
    for _ in range(2):
        assert touched_by(watched, (CALL, SCRATCH + PAGE - 8)) == [(SCRATCH, 2 * PAGE)]
    four_bytes = bytes.fromhex("4ff02a00")  # movs.w r0, #42
    watched.write("internal", OTHER + PAGE - 2, four_bytes + BX_LR)
    for _ in range(2):
        assert touched_by(watched, (CALL, OTHER + PAGE - 2)) == [(OTHER, 2 * PAGE)]


def test_constants_in_the_page_behind_the_code_are_data(watched):
    code = bytes.fromhex("0148") + BX_LR  # ldr r0, [pc, #4]
    watched.write("internal", SCRATCH + PAGE - 8, code)
    for _ in range(2):
        assert touched_by(watched, (CALL, FLASH + SCRATCH + PAGE - 8)) == [(SCRATCH, PAGE + 4)]


def test_a_table_that_is_read_often_counts_as_a_page(watched):
    at = SCRATCH + 5 * PAGE + 100
    assert touched_by(watched, (WORD_OFTEN, at, 4096)) == [(at, 4)], "4095 times again"
    assert touched_by(watched, (WORD_OFTEN, at, 4096)) == [(at, 4)], "each map counts for itself"
    assert touched_by(watched, (WORD_OFTEN, at, 4097)) == [(SCRATCH + 5 * PAGE, PAGE)]
    assert touched_by(watched, (WORD_OFTEN, at, 3000), (WORD_OFTEN, at + PAGE, 3000)) == [(at, 4), (at + PAGE, 4)]
    assert touched_by(watched, (WORD_OFTEN, at, 3000), (ERASE, 6), (WORD_OFTEN, at, 3000)) == [(at, 4)]


def test_a_page_is_watched_until_all_of_it_is_touched(watched):
    begin = [(LOAD, SCRATCH + at, LDM_OF_4) for at in range(0, 64, 16)]
    assert touched_by(watched, *begin, (WORD, SCRATCH + 512)) == [(SCRATCH, 64), (SCRATCH + 512, 4)]
    assert touched_by(watched, (COPY, SCRATCH, PAGE - 4), (WORD, SCRATCH + PAGE - 4)) == [(SCRATCH, PAGE)]


def test_exceptions_touch_their_vectors(watched):
    table, handler = SCRATCH + 4 * PAGE, SCRATCH + 9 * PAGE
    watched.write("internal", table, struct.pack("<16I", *[handler | 1] * 16))
    watched.write("internal", handler, BX_LR)
    assert touched_by(watched, (EXCEPTION, table)) == [(table + 14 * 4, 4), (handler, PAGE)]


@pytest.mark.parametrize("base", [0, FLASH])
def test_dma_touches_what_it_reads(watched, base):
    assert touched_by(watched, (COPY, base + SCRATCH + PAGE - 4, 8)) == [(SCRATCH + PAGE - 4, 8)]
    assert touched_by(watched, (COPY, base + 0x80003, 1)) == [(0x80003, 1)]
    assert touched_by(watched, (COPY, base + SCRATCH + 1, 2 * PAGE)) == [(SCRATCH + 1, 2 * PAGE)]


def test_programs_touch(watched):
    assert touched_by(watched, (PROGRAM, SCRATCH + PAGE, 0)) == [(SCRATCH + PAGE, 4)]
    assert touched_by(watched, (PROGRAM, SCRATCH + PAGE, 0xFF00FFFF)) == [(SCRATCH + PAGE + 2, 1)]
    assert touched_by(watched, (PROGRAM, SCRATCH + PAGE, 0), (ERASE, 6)) == [(SCRATCH + PAGE, 4)]


def test_what_is_erased_first_is_not_touched(watched):
    steps = ((WORD, SCRATCH), (ERASE, 6), (WORD, SCRATCH + 4), (WORD, SCRATCH + PAGE), (PROGRAM, SCRATCH + 2 * PAGE, 0),
             (WORD, SCRATCH), (WORD, OTHER))
    assert touched_by(watched, *steps) == [(SCRATCH, 4), (OTHER, 4)]
    watched.write("internal", SCRATCH + 7 * PAGE, BX_LR)
    assert touched_by(watched, (CALL, SCRATCH + 7 * PAGE)) == [(SCRATCH + 7 * PAGE, PAGE)]
    assert touched_by(watched, (ERASE, 6), (COPY, SCRATCH, 64), (WORD, 0x08000000 + SCRATCH)) == []


def test_code_is_no_touch_after_an_erase_and_one_before_the_next_map(watched):
    steps = ((ERASE, 6), (PROGRAM, SCRATCH, 0x47704770), (CALL, SCRATCH))
    assert touched_by(watched, *steps) == []
    assert touched_by(watched, (CALL, SCRATCH)) == [(SCRATCH, PAGE)]
    assert touched_by(watched, *steps) == []


def test_reads_that_wait_for_an_operation_touch(watched):
    assert touched_by(watched, (ERASE_IN_RAM, 6, FLASH + OTHER + 8)) == [(OTHER + 8, 4)]
    assert touched_by(watched, (ERASE_IN_RAM, 6, FLASH + OTHER + 8), (WORD, SCRATCH), (WORD, OTHER + PAGE)) == [
        (OTHER + 8, 4), (OTHER + PAGE, 4)]


def test_the_map_survives_power_cycles_until_it_is_cleared(watched):
    steps = (WORD, SCRATCH), (ERASE, 7), (NOR_BYTE, 0x100), (NOR_ERASE, 0x2000, 0x20)
    assert touched_by(watched, *steps) == [(SCRATCH, 4)]
    run_script(watched, (WORD, SCRATCH + PAGE), (WORD, OTHER), (NOR_BYTE, 0x101), (NOR_BYTE, 0x2000))
    assert touched(watched) == [(SCRATCH, 4), (SCRATCH + PAGE, 4)] and watched.touched_nor() == [0x100, 0x101]
    watched.touch_clear()
    assert not any(watched.touched[:])
    run_script(watched, (WORD, OTHER), (NOR_BYTE, 0x2000))
    assert touched(watched) == [(OTHER, 4)] and watched.touched_nor() == [0x2000]


@pytest.mark.parametrize("tear, protects", [("before", False), ("half", False), ("mask", False), ("weak", False),
                                            ("notake", False), ("after", True)])
def test_only_a_whole_erase_protects(watched, tear, protects):
    watched.touch_clear()
    for step in ((ERASE, 6), (NOR_ERASE, 0x2000, 0x20)):
        choose_script(watched, step)
        watched.power_on(sram="zero")
        assert watched.run(until=20 * SECOND, cut=0, tear=tear).reason == "cut"
    run_script(watched, (WORD, SCRATCH), (NOR_BYTE, 0x2000))
    assert (touched(watched) == [], watched.touched_nor() == []) == (protects, protects)


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
        before = machine.touched_internal()
        saved = tmp_path / "memory"
        with Monitor(tmp_path / "qmp") as ask:
            ask("qmp_capabilities")
            ask("memsave", {"val": 0x08000000, "size": 0x100000, "filename": str(saved)})
            ask("pmemsave", {"val": 0, "size": 0x100000, "filename": str(saved)})
        assert saved.read_bytes() == machine.internal[:]
        assert machine.touched_internal() == before == list(range(8))


def test_a_debugger_stops_at_reads_all_the_same(firmware, tmp_path):
    """Of a page that is watched anyway, of one that code is fetched from, and of one that is watched no more."""
    code = SCRATCH + 7 * PAGE
    steps = ((WORD_OFTEN, FLASH + SCRATCH + 8, 2), (CALL, FLASH + code), (WORD, FLASH + code + 8),
             (WORD_OFTEN, FLASH + OTHER, 4097), (WORD, FLASH + OTHER + 8))
    words = [word for step in steps for word in (*step, 0)[:3]]
    image = bytearray(firmware.ljust(rail.RAIL_INTERNAL_SIZE, b"\xff"))
    struct.pack_into(f"<{len(words) + 2}I", image, 0x20000, SCRIPT, *words, 0xFFFFFFFF)
    image[code:code + 2] = BX_LR
    (tmp_path / "internal").write_bytes(image)
    (tmp_path / "touched").write_bytes(bytes(rail.RAIL_TOUCHED_SIZE))
    machine = f"mountaineer-eth,internal={tmp_path / 'internal'},touched={tmp_path / 'touched'}"
    steps = ["set pagination off", f"target remote | exec {rail.QEMU} -M {machine} -S -gdb stdio "
             "-icount shift=3,sleep=off -display none -nodefaults",
             *[f"rwatch *(char *){FLASH + at + 9}" for at in (SCRATCH, code, OTHER)], *["continue"] * 4, "kill"]
    done = subprocess.run(["gdb-multiarch", "-nx", "-batch", *[part for step in steps for part in ("-ex", step)]],
                          check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    hits = re.findall(r"^Hardware read watchpoint (\d): \*", done.stdout[done.stdout.index("\n\n"):], re.MULTILINE)
    assert hits == ["1", "1", "2", "3"], done.stdout + done.stderr
    found = (tmp_path / "touched").read_bytes()
    offsets = (offset for offset in range(SCRATCH, rail.RAIL_INTERNAL_SIZE) if found[offset // 8] >> offset % 8 & 1)
    assert ranges(offsets) == [(SCRATCH + 8, 4), (code, PAGE), (OTHER, PAGE)]


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
