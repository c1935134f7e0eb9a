# SPDX-License-Identifier: MIT
"""The internal flash's interface against RM0090 Rev 21 section 3 and DS8626 Rev 12 tables 39 to 42.

flash.c carries out what each test says; numbers of sections are those of RM0090.
"""

import struct
import subprocess

import pytest

import rail
from bed import MS, SECOND, build

(END, WRITE32, WRITE16, WRITE8, WRITE64, READ32, READ16, READ8, START, CYCLES_SINCE, WHILE, DELAY, FAULTS, INTERRUPTS,
 SKIP_AFTER_RESET, STATUS_IN_INTERRUPT, CALL) = range(17)

MHZ = 16
ACR, KEYR, OPTKEYR, SR, CR, OPTCR = range(0x40023C00, 0x40023C18, 4)
EOP, OPERR, WRPERR, PGAERR, PGPERR, PGSERR, BSY = (1 << bit for bit in (0, 1, 4, 5, 6, 7, 16))
PG, SER, MER, STRT, EOPIE, ERRIE, LOCK = (1 << bit for bit in (0, 1, 2, 16, 24, 25, 31))
X8, X16, X32, X64 = (psize << 8 for psize in range(4))
AIRCR, VTOR, ICSR = 0xE000ED0C, 0xE000ED08, 0xE000ED04
OTP, OPTIONS = 0x1FFF7800, 0x1FFFC000
SCRATCH = 0x08040000
FACTORY = 0x0FFFAAED

UNLOCK = [(WRITE32, KEYR, 0x45670123), (WRITE32, KEYR, 0xCDEF89AB)]
UNLOCK_OPTIONS = [(WRITE32, OPTKEYR, 0x08192A3B), (WRITE32, OPTKEYR, 0x4C5D6E7F)]
WAIT = (WHILE, SR, BSY)
STATUS = [(READ32, SR), (WRITE32, SR, 0xF3)]
SYSTEM_RESET = [(WRITE32, AIRCR, 0x05FA0004), (DELAY, 1000)]


@pytest.fixture(scope="session")
def interpreter(tmp_path_factory):
    return build("flash", tmp_path_factory.mktemp("flash"), "-fno-tree-loop-distribute-patterns")


def prepare(machine, interpreter):
    machine.write("internal", 0, interpreter)
    set_options(machine, FACTORY)


def set_options(machine, optcr):
    """As FLASH_OPTCR would have written them (section 3.7.1)."""
    machine.write("otp", rail.RAIL_OTP_OPTIONS, struct.pack("<HIHHIH", optcr & 0xFFEC | 0x13, 0xFFFFFFFF, 0xFFFF,
                                                            optcr >> 16 | 0xF000, 0xFFFFFFFF, 0xFFFF))


@pytest.fixture
def chip(interpreter):
    with rail.Machine(arguments=("-d", "guest_errors,unimp")) as machine:
        prepare(machine, interpreter)
        yield machine


def start(machine, *steps, ram=False):
    words = [word for step in steps for word in (*step, 0, 0)[:3]]
    machine.write("internal", 0x20000, struct.pack(f"<{len(words) + 2}I", ram, *words, END))
    machine.clear_trace()
    machine.power_on(sram="zero")


def finish(machine, pauses=0):
    """Runs to the end of the steps, pausing every so many ns, and cuts the power; what they printed."""
    at = 0
    while pauses and at < 3 * SECOND:
        at += pauses
        machine.run(until=at)
    machine.run(until=60 * SECOND)
    text = machine.uart()
    assert text.endswith("."), f"the steps did not end: {text}"
    machine.power_off()
    return [int(line, 16) for line in text[:-1].split()]


def carry_out(machine, *steps, ram=False):
    start(machine, *steps, ram=ram)
    return finish(machine)


def erase(sector, psize=X32, more=0):
    return [(WRITE32, CR, psize | SER | sector << 3 | more), (WRITE32, CR, psize | SER | sector << 3 | more | STRT)]


def program(address, word, psize=X32):
    width = {X8: WRITE8, X16: WRITE16, X32: WRITE32, X64: WRITE64}[psize]
    return [(WRITE32, CR, psize | PG), (width, address, word)]


def about(cycles, ns):
    return abs(cycles * 1000 / MHZ - ns) <= 0.02 * ns


def reset_bites(*steps):
    """Carries the steps out, is reset, and stands still then."""
    return [(SKIP_AFTER_RESET, len(steps)), *steps]


# Times: DS8626 tables 39 to 42

ERASES_MS = [(X8, 400, 1200, 2000, 16000), (X16, 300, 700, 1300, 11000), (X32, 250, 550, 1000, 8000),
             (X64, 230, 490, 875, 6900)]


def options_of(times):
    return {"flash-times": times}


@pytest.mark.parametrize("times, factor, program_us", [("typical", 1, 16), ("maximum", 2, 100)])
@pytest.mark.parametrize("psize, of_16, of_64, of_128, of_all", ERASES_MS)
def test_times(interpreter, times, factor, program_us, psize, of_16, of_64, of_128, of_all):
    sectors = ((2, of_16), (4, of_64), (7, of_128))
    stalls = [step for sector, _ in sectors for step in ((START,), *erase(sector, psize), (CYCLES_SINCE,))]
    stalls += [(WRITE32, CR, psize | PG), (START,), program(SCRATCH, 0, psize)[1], (CYCLES_SINCE,)]
    polls = [step for sector, _ in sectors for step in ((START,), *erase(sector, psize), WAIT, (CYCLES_SINCE,))]
    polls += [(WRITE32, CR, psize | MER), (START,), (WRITE32, CR, psize | MER | STRT), WAIT, (CYCLES_SINCE,)]
    with rail.Machine(options=options_of(times)) as machine:
        prepare(machine, interpreter)
        *erases, word = carry_out(machine, *UNLOCK, *stalls)
        in_ram = carry_out(machine, *UNLOCK, *polls, ram=True)
    for found, (_, ms) in zip(erases, sectors):
        assert about(found, ms * factor * MS)
    assert len(in_ram) == 4 and about(word, program_us * 1000)
    for found, ms in zip(in_ram, (of_16, of_64, of_128, of_all)):
        assert about(found, ms * factor * MS)


def test_unknown_times_are_told(tmp_path):
    run = subprocess.run([str(rail.QEMU), "-M", "mountaineer-eth,flash-times=short", "-display", "none"],
                         capture_output=True, text=True, check=False)
    assert run.returncode == 1 and "flash-times: short is unknown; known are typical and maximum" in run.stderr


# Errors: sections 3.6.4, 3.6.6, 3.7.4

@pytest.mark.parametrize("psize, width, size", [(X8, WRITE8, 1), (X16, WRITE16, 2), (X32, WRITE32, 4),
                                                (X64, WRITE64, 8)])
def test_parallelism(chip, psize, width, size):
    """A store of the width of PSIZE programs, any other one is PGPERR."""
    sizes = {WRITE8: 1, WRITE16: 2, WRITE32: 4, WRITE64: 8}
    others = [other for other in sizes if other != width and min(sizes[other], 4) != min(size, 4)]
    wrong = [step for other in others for step in ((other, SCRATCH + 0x100, 0), *STATUS)]
    found = carry_out(chip, *UNLOCK, (WRITE32, CR, psize | PG), (width, SCRATCH, 0x12345678), *STATUS, *wrong)
    assert found == [0] + [PGPERR] * len(others)
    whole = struct.pack("<II", 0x12345678, ~0x12345678 & 0xFFFFFFFF)
    assert chip.internal[SCRATCH - 0x08000000:][:8] == whole[:size].ljust(8, b"\xff")
    assert chip.internal[SCRATCH - 0x08000000 + 0x100:][:8] == b"\xff" * 8
    event, = chip.events("program")
    assert (event.address, event.value, event.payload) == (SCRATCH, size, whole[:size])


def test_double_words(chip):
    """Two words make a double word, which stays inside a row of 128 bits."""
    found = carry_out(chip, *UNLOCK, (WRITE32, CR, X64 | PG), (WRITE64, SCRATCH + 4, 0), *STATUS,
                      (WRITE64, SCRATCH + 12, 0), *STATUS, (WRITE32, SCRATCH, 0), (WRITE32, SCRATCH + 8, 0), *STATUS,
                      (WRITE32, SCRATCH, 0), (READ32, SR), (WRITE32, CR, X64), *STATUS)
    assert found == [0, PGAERR, PGPERR, 0, PGSERR]
    assert chip.internal[0x40000:0x40014] == b"\xff" * 4 + bytes(4) + b"\xff" * 12
    assert [event.address for event in chip.events("program")] == [SCRATCH + 4]
    assert "x64 needs 8 V" in chip.log()


@pytest.mark.parametrize("ram", [False, True])
def test_error_flags(chip, ram):
    set_options(chip, FACTORY & ~(1 << 16 + 7))
    found = carry_out(chip, *UNLOCK, (WRITE32, SCRATCH, 0), *STATUS,
                      (WRITE32, CR, X32 | PG), (WRITE32, 0x08060000, 0), *STATUS, (WRITE32, OPTIONS, 0), *STATUS,
                      (WRITE32, 0x1FFF0000, 0), *STATUS, *erase(7), *STATUS, *erase(12), *STATUS,
                      (WRITE32, CR, MER | X32), (WRITE32, CR, MER | X32 | STRT), *STATUS,
                      (WRITE32, CR, X32 | STRT), *STATUS, (READ32, CR), ram=ram)
    assert found == [PGSERR] + [WRPERR] * 6 + [0, X32]
    assert not list(chip.events("program", "erase"))
    assert "STRT with neither SER nor MER" in chip.log()


def test_flags_are_sticky_and_block_nothing(chip):
    found = carry_out(chip, *UNLOCK, (WRITE32, SCRATCH, 0), *program(SCRATCH, 0x11223344), (READ32, SCRATCH),
                      (READ32, SR), (WRITE32, SR, PGPERR), (READ32, SR), (WRITE8, SR, PGSERR), (READ32, SR))
    assert found == [0x11223344, PGSERR, PGSERR, 0]


def test_operr_only_with_errie(chip):
    found = carry_out(chip, *UNLOCK, (WRITE32, CR, X32 | ERRIE), (WRITE32, SCRATCH, 0), (STATUS_IN_INTERRUPT,),
                      (INTERRUPTS,), (READ32, SR), (WRITE32, CR, X16 | PG | ERRIE), (WRITE32, SCRATCH, 0),
                      (STATUS_IN_INTERRUPT,), (INTERRUPTS,), (WRITE32, CR, X16 | PG), (WRITE32, SCRATCH, 0),
                      (READ32, SR), (INTERRUPTS,))
    assert found == [PGSERR | OPERR, 1, 0, PGPERR | OPERR, 2, PGPERR, 2]


@pytest.mark.parametrize("ram", [False, True])
def test_eop_only_with_eopie(chip, ram):
    found = carry_out(chip, *UNLOCK, *erase(6, more=EOPIE), WAIT, (STATUS_IN_INTERRUPT,), (INTERRUPTS,),
                      (WRITE32, CR, X32 | PG | EOPIE), (WRITE32, SCRATCH, 0), WAIT, (INTERRUPTS,), (READ32, CR),
                      *program(SCRATCH + 4, 0), WAIT, (INTERRUPTS,), (READ32, SR), ram=ram)
    assert found == [EOP, 1, 2, X32 | PG | EOPIE, 2, 0]


def test_ser_with_mer_erases_everything(chip):
    """Section 3.6.3, note; section 3.7.4 would have WRPERR."""
    chip.write("internal", 0xFFFFF, bytes(1))
    assert carry_out(chip, *UNLOCK, *erase(6, more=MER), WAIT, (READ32, SR), ram=True) == [0]
    assert [(event.address, event.value) for event in chip.events("erase")] == [(0x08000000, 1 << 20)]
    assert set(chip.internal[:]) == {0xFF}


# Keys: sections 3.6.1, 3.7.2

@pytest.mark.parametrize("register, right, locked, control", [
    (KEYR, UNLOCK, LOCK, CR), (OPTKEYR, UNLOCK_OPTIONS, FACTORY & 1, OPTCR)])
@pytest.mark.parametrize("wrong", [[0xDEADBEEF], [0, 0], ["first", "first"], ["second"]])
def test_wrong_keys_lock_until_reset(chip, register, right, locked, control, wrong):
    named = {"first": right[0][2], "second": right[1][2]}
    keys = [(WRITE32, register, named.get(key, key)) for key in wrong]
    attempt = [*keys, (FAULTS,), *right, (READ32, control), *SYSTEM_RESET]
    found = carry_out(chip, *reset_bites(*attempt), *right, (FAULTS,), (READ32, control))
    assert found[0] == 0 and found[1] & locked == 0, "a reset gives the next chance"
    start(chip, *attempt[:-2])
    faults, value = finish(chip)
    assert faults >= 1 and value & locked == locked
    assert faults == len(wrong) - (wrong[0] == "first"), "each wrong key is a bus error"


@pytest.mark.parametrize("right, lock, control", [(UNLOCK, LOCK, CR), (UNLOCK_OPTIONS, 1, OPTCR)])
def test_lock_again(chip, right, lock, control):
    found = carry_out(chip, *right, (READ32, control), (WRITE32, control, lock), (READ32, control),
                      (WRITE32, control, 0), (READ32, control), *right, (READ32, control), (FAULTS,))
    assert [value & lock for value in found[:4]] == [0, lock, lock, 0] and found[4] == 0


def test_parts_of_registers(chip):
    """Half-words and bytes keep the rest (section 3.9)."""
    found = carry_out(chip, *UNLOCK, (WRITE32, CR, X32 | PG), (WRITE8, CR + 3, 3), (READ32, CR), (WRITE16, CR, X16),
                      (READ32, CR), (READ16, CR + 2), *UNLOCK_OPTIONS, (WRITE8, OPTCR + 1, 0x55), (READ32, OPTCR),
                      (WRITE16, OPTCR + 2, 0x0FFE), (READ32, OPTCR), (WRITE8, CR + 3, 0x80), (READ32, CR))
    assert found == [X32 | PG | EOPIE | ERRIE, X16 | EOPIE | ERRIE, 0x0300, 0x0FFF55EC, 0x0FFE55EC, LOCK | X16]


# Caches: sections 3.5.2, 3.6.4, 3.9.1

ICEN, DCEN, ICRST, DCRST = (1 << bit for bit in range(9, 13))
ENABLE = [(WRITE32, ACR, ICEN | DCEN)]
FORGET = [(WRITE32, ACR, 0), (WRITE32, ACR, ICRST | DCRST), (WRITE32, ACR, 0), *ENABLE]
OLD, NEW = struct.pack("<HH", 0x2001, 0x4770), struct.pack("<HH", 0x2002, 0x4770)  # movs r0, #1 or #2; bx lr


@pytest.fixture
def cached(interpreter):
    with rail.Machine(options={"stale-cache": "on"}, arguments=("-d", "guest_errors")) as machine:
        prepare(machine, interpreter)
        machine.write("internal", 0x40000, OLD * 0x200)
        yield machine


def lines(*numbers):
    return [(READ32, SCRATCH + 16 * number) for number in numbers]


def test_erased_data_stay_in_the_cache(cached):
    """Eight lines of it; the least recently used one makes room."""
    old, new = struct.unpack("<I", OLD)[0], 0xFFFFFFFF
    found = carry_out(cached, *ENABLE, *UNLOCK, *erase(6), WAIT, *lines(0, 7, 8, 1, 2, 3, 0), ram=True)
    assert found == [old, old, new, new, new, new, old]
    assert cached.internal[0x40000:0x60000] == b"\xff" * 0x20000


@pytest.mark.parametrize("remedy", [FORGET, [(WRITE32, ACR, 0)], [(WRITE32, ACR, ICEN)]])
def test_caches_that_are_reset_or_off_say_nothing(cached, remedy):
    found = carry_out(cached, *ENABLE, *UNLOCK, *erase(6), WAIT, *remedy, *lines(0, 7), ram=True)
    assert found == [0xFFFFFFFF] * 2
    cached.write("internal", 0x40000, OLD)
    assert carry_out(cached, *UNLOCK, *erase(6), WAIT, *ENABLE, *lines(0, 7), ram=True) == [0xFFFFFFFF] * 2


def test_a_cache_in_use_is_not_reset(cached):
    found = carry_out(cached, *ENABLE, *UNLOCK, *erase(6), WAIT, (WRITE32, ACR, ICEN | DCEN | ICRST | DCRST),
                      *lines(0), (READ32, ACR), ram=True)
    assert found == [struct.unpack("<I", OLD)[0], ICEN | DCEN]
    assert "reset of a cache that is enabled" in cached.log()


def test_a_store_changes_the_data_cache(cached):
    found = carry_out(cached, *ENABLE, *UNLOCK, *erase(6), WAIT, *program(SCRATCH, 0x5A5A5A5A), WAIT, *lines(0),
                      (READ32, SCRATCH + 4), ram=True)
    assert found == [0x5A5A5A5A, struct.unpack("<I", OLD)[0]]


def test_erased_instructions_are_executed(cached):
    word = struct.unpack("<I", NEW)[0]
    steps = [*ENABLE, *UNLOCK, *erase(6), WAIT, *program(SCRATCH, word), *program(SCRATCH + 0x400, word), WAIT]
    calls = [(CALL, SCRATCH), (CALL, SCRATCH + 0x400)]
    found = carry_out(cached, *steps, *calls, *lines(0), *FORGET, *calls, ram=True)
    assert found == [1, 2, word, 2, 2]


def test_code_in_the_flash_sees_stale_data_too(cached):
    steps = [*ENABLE, *UNLOCK, *erase(6), *lines(7), *FORGET, *lines(7), (START,), *lines(7), (CYCLES_SINCE,)]
    start(cached, *steps)
    found = finish(cached), list(cached.events())
    assert found[0][:3] == [struct.unpack("<I", OLD)[0], 0xFFFFFFFF, 0xFFFFFFFF]
    cached.write("internal", 0x40000, OLD * 0x200)
    start(cached, *steps)
    assert (finish(cached, pauses=33_333_333), list(cached.events())) == found


def test_a_reset_empties_the_caches(cached):
    operation = [*ENABLE, *UNLOCK, *erase(6), WAIT, *SYSTEM_RESET]
    assert carry_out(cached, (SKIP_AFTER_RESET, len(operation)), *operation, *ENABLE, *lines(0),
                     ram=True) == [0xFFFFFFFF]


def test_caches_say_nothing_by_default(chip):
    chip.write("internal", 0x40000, OLD * 0x200)
    assert carry_out(chip, *ENABLE, *UNLOCK, *erase(6), WAIT, *lines(0, 7), ram=True) == [0xFFFFFFFF] * 2


# Stalls: sections 3.6 and 3.6.1

@pytest.mark.parametrize("what, value", [((READ32, 0x08000000), 0x20010000), ((READ32, 0), 0x20010000),
                                         ((READ32, SCRATCH), 0xFFFFFFFF), ((READ32, OTP), 0xFFFFFFFF),
                                         ((WRITE32, CR, X32), None), ((WRITE32, SCRATCH + 0x20000, 0), None)])
def test_access_by_code_in_ram_stalls(chip, what, value):
    """Until the erase ends; then it gives what is there then."""
    chip.write("internal", 0x40000, bytes(4))
    found = carry_out(chip, *UNLOCK, (START,), *erase(6), (READ32, SR), what, (CYCLES_SINCE,), (READ32, SR), ram=True)
    if value is not None:
        assert found.pop(1) == value
    status, cycles, after = found
    assert status == BSY and about(cycles, 1000 * MS) and after & BSY == 0


@pytest.mark.parametrize("operation, ns", [(program(SCRATCH, 0), 16_000),
                                           ([*UNLOCK_OPTIONS, (WRITE32, OPTCR, FACTORY & ~1 | 2)], 250 * MS)])
def test_reads_stall_during_other_operations(chip, operation, ns):
    *setup, trigger = operation
    cycles, word = carry_out(chip, *UNLOCK, *setup, (START,), trigger, (READ32, 0x08000004), (CYCLES_SINCE,), WAIT,
                             (READ32, SCRATCH), ram=True)[1:]
    assert about(cycles, ns + 300) and word == (0 if ns == 16_000 else 0xFFFFFFFF)


def test_a_call_into_the_flash_stalls(chip):
    """A fetch is a read."""
    chip.write("internal", 0xC000, struct.pack("<HH", 0x202A, 0x4770))  # movs r0, #42; bx lr
    called, cycles, again = carry_out(chip, *UNLOCK, (START,), *erase(6), (CALL, 0x0800C000), (CYCLES_SINCE,),
                                      (CALL, 0x0800C000), ram=True)
    assert called == again == 42 and about(cycles, 1000 * MS)


def test_a_vector_in_the_flash_stalls(chip):
    """An exception that code in RAM takes meanwhile."""
    chip.write("internal", 0xC000 + 4 * 14, struct.pack("<I", 0x0800C101))
    chip.write("internal", 0xC100, struct.pack("<H", 0x4770))  # bx lr
    status, cycles, after = carry_out(chip, *UNLOCK, (WRITE32, VTOR, 0x0800C000), (START,), *erase(6), (READ32, SR),
                                      (WRITE32, ICSR, 1 << 28), (CYCLES_SINCE,), (READ32, SR), ram=True)
    assert status == BSY and about(cycles, 1000 * MS) and after & BSY == 0


def test_watched_reads_stall_too(interpreter):
    """With a touched map there is a region before the flash."""
    with rail.Machine(touched=True, options={"stale-cache": "on"}) as machine:
        prepare(machine, interpreter)
        machine.write("internal", 0x40000, OLD)
        found = carry_out(machine, *ENABLE, *UNLOCK, (START,), *erase(6), *lines(0), (CYCLES_SINCE,), *FORGET,
                          *lines(0), ram=True)
    assert found[::2] == [struct.unpack("<I", OLD)[0], 0xFFFFFFFF] and about(found[1], 1000 * MS)


def test_reads_are_free_without_an_operation(chip):
    before, after = carry_out(chip, *UNLOCK, (START,), (READ32, SCRATCH), (CYCLES_SINCE,), *erase(6), WAIT, (START,),
                              (READ32, SCRATCH), (CYCLES_SINCE,), ram=True)[1::2]
    assert before == after < 20


def test_pauses_in_a_stall_leave_no_trace(chip):
    steps = [*UNLOCK, (START,), *erase(6), (READ32, SCRATCH), (CYCLES_SINCE,), *erase(6), (CALL, 0x0800C000),
             (CYCLES_SINCE,)]
    chip.write("internal", 0xC000, struct.pack("<HH", 0x202A, 0x4770))
    start(chip, *steps, ram=True)
    expected = finish(chip), list(chip.events())
    start(chip, *steps, ram=True)
    assert (finish(chip, pauses=33_333_333), list(chip.events())) == expected


# Option bytes and OTP: sections 3.7, 3.8

def options(machine):
    return (machine.otp[rail.RAIL_OTP_OPTIONS] & 0xEC | machine.otp[rail.RAIL_OTP_OPTIONS + 1] << 8 |
            struct.unpack_from("<H", machine.otp, rail.RAIL_OTP_OPTIONS + 8)[0] % 4096 << 16)


def change_options(optcr):
    return [*UNLOCK_OPTIONS, (WRITE32, OPTCR, optcr & ~3), (WRITE32, OPTCR, optcr & ~3 | 2), WAIT]


@pytest.mark.parametrize("ram", [False, True])
def test_option_bytes(chip, ram):
    """nRST_STDBY, nRST_STOP, BOR level, nWRP: stored, loaded at reset, and nWRP protects."""
    wanted = FACTORY & ~(0xCC | 1 << 16 + 6)
    found = carry_out(chip, (READ32, OPTCR), (START,), *change_options(wanted), (CYCLES_SINCE,), (READ32, OPTCR),
                      (READ16, OPTIONS), (READ16, OPTIONS + 8), ram=ram)
    assert about(found.pop(1), 250 * MS)
    assert found == [FACTORY, wanted & ~1, wanted & 0xFFEC | 0x13, wanted >> 16 | 0xF000]
    assert options(chip) == wanted & ~3
    status, = chip.events("status")
    assert (status.address, status.duration_ns) == (OPTIONS, 250 * MS) and status.payload == chip.otp[528:544]
    assert carry_out(chip, (READ32, OPTCR), *UNLOCK, *program(SCRATCH, 0), (READ32, SR), (READ32, SCRATCH),
                     ram=ram) == [wanted | 1, WRPERR, 0xFFFFFFFF]


def test_write_protected_sectors_of_all_kinds(chip):
    for sector in (0, 3, 4, 11):
        set_options(chip, FACTORY & ~(1 << 16 + sector))
        other = sector + 1 if sector < 11 else 1
        assert carry_out(chip, *UNLOCK, *erase(sector), *STATUS, *erase(other), *STATUS, ram=True) == [WRPERR, BSY]


@pytest.mark.parametrize("rdp, wanted, erased", [(0x55, 0xAA, True), (0x00, 0xAA, True), (0xAA, 0x55, False),
                                                 (0x55, 0xCC, False), (0xAA, 0xAA, False), (0x55, 0x00, False)])
def test_read_protection_levels(chip, rdp, wanted, erased):
    """From level 1 to 0: mass erase first, write-protected or not; the other option bytes stay (3.7.3)."""
    before = FACTORY & 0x0FFF00EC & ~(1 << 16 + 8) | rdp << 8
    set_options(chip, before)
    chip.write("otp", 0, bytes(4))
    request = FACTORY & 0x0FFF00EC & ~(1 << 16 + 9) | wanted << 8
    found = carry_out(chip, (START,), *change_options(request), (CYCLES_SINCE,), (READ32, SR), (READ32, OPTCR),
                      ram=True)
    expected = before & ~0xFF00 | 0xAA00 if erased else request
    assert about(found[0], (16_000 + 250 if erased else 250) * MS)
    assert found[1:] == [0, expected] and options(chip) == expected
    assert chip.otp[0:4] == bytes(4)
    assert (set(chip.internal[:]) == {0xFF}) == erased
    kinds = [(event.kind, event.address) for event in chip.events("erase", "status")]
    assert kinds == [("erase", 0x08000000)] * erased + [("status", OPTIONS)]


def test_level_2_is_forever(chip):
    set_options(chip, FACTORY & 0x0FFF00EC | 0xCC00)
    before = chip.otp[:]
    found = carry_out(chip, *change_options(FACTORY), (READ32, SR), (READ32, OPTCR), *UNLOCK, *program(SCRATCH, 0),
                      (READ32, SCRATCH))
    assert found == [WRPERR, FACTORY & 0x0FFF00EC | 0xCC00, 0]
    assert chip.otp[:] == before and not list(chip.events("erase", "status"))


@pytest.mark.parametrize("cut, tear, protected", [(0, "before", True), (0, "half", True), (0, "after", True),
                                                  (1, "before", True), (1, "after", False)])
@pytest.mark.parametrize("ram", [False, True])
def test_power_loss_in_a_regression(chip, cut, tear, protected, ram):
    """Protection goes last."""
    set_options(chip, FACTORY & 0x0FFF00EC | 0x5500)
    chip.write("internal", 0xFFF00, bytes(256))
    chip.write("internal", 0x60000, b"\x0f" * 256)
    start(chip, *change_options(FACTORY), ram=ram)
    stop = chip.run(until=60 * SECOND, cut=cut, tear=tear)
    assert stop.reason == "cut" and stop.ops == cut + 1
    assert (options(chip) >> 8 & 0xFF == 0x55) == protected
    if cut == 1 or tear == "after":
        assert set(chip.internal[:]) == {0xFF}
    elif tear == "before":
        assert chip.internal[0xFFF00:] == bytes(256) and chip.internal[0x60000:0x60100] == b"\x0f" * 256
    else:
        assert chip.internal[0x60000:0x60100] == b"\x0f" * 256 and chip.internal[0xFFF00:] == bytes(256)


def test_power_is_off_during_an_operation_of_code_in_ram(chip):
    """Afterwards the flash is as free to read as ever."""
    chip.write("internal", 0x40000, bytes(4))
    start(chip, *UNLOCK, *erase(6), WAIT, ram=True)
    chip.run(until=500 * MS)
    chip.power_off()
    assert chip.internal[0x40000:0x40004] == bytes(4)
    chip.write("internal", 0x40000, b"\x12\0\0\0")
    assert carry_out(chip, (READ32, SCRATCH), (READ32, SR)) == [0x12, 0]


def test_pauses_in_a_regression_leave_no_trace(chip):
    recorded = []
    for pauses in (0, 333_333_333):
        set_options(chip, FACTORY & 0x0FFF00EC | 0x5500)
        steps = [(START,), *change_options(FACTORY), (CYCLES_SINCE,)]
        interpreter = chip.internal[:0x4000]
        start(chip, *steps, ram=True)
        recorded.append((finish(chip, pauses), list(chip.events())))
        chip.write("internal", 0, interpreter)
    assert recorded[0] == recorded[1]


def test_otp(chip):
    found = carry_out(chip, *UNLOCK, *program(OTP + 0x20, 0x0F0F0F0F), *program(OTP + 0x20, 0xF00FF00F), *STATUS,
                      *program(OTP + 0x201, 0, X8), *STATUS, *program(OTP + 0x3C, 0), *STATUS, *program(OTP + 0x40, 0),
                      *STATUS, *program(OTP + 0x1C, 0), *STATUS, (READ32, OTP + 0x20), (READ32, OTP + 0x200))
    assert found == [0, 0, WRPERR, 0, 0, 0x0F0F0F0F & 0xF00FF00F, 0xFFFF00FF]
    assert chip.otp[0x3C:0x44] == b"\xff" * 4 + bytes(4)


# Reset during an operation, watchdogs

def bits(data):
    return sum(bin(byte).count("1") for byte in data)


@pytest.mark.parametrize("ram", [False, True])
def test_reset_tears_an_erase(chip, ram):
    """A watchdog of 100 ms bites in a 128 KB erase."""
    chip.write("internal", 0x40000, bytes(0x20000))
    watchdog = [(WRITE32, 0x40003000, 0x5555), (WRITE32, 0x40003004, 3), (WRITE32, 0x40003008, 99),
                (WRITE32, 0x40003000, 0xCCCC)]
    operation = [*UNLOCK, *watchdog, *erase(6), WAIT, (DELAY, 10 * MHZ * 1000)]
    start(chip, (SKIP_AFTER_RESET, len(operation)), *operation, (READ32, SR), (READ32, CR), ram=ram)
    stop = chip.run(until=SECOND, reset=True)
    begun = next(chip.events("erase")).time_ns
    assert stop.reason == "reset" and about((stop.t - begun) * MHZ / 1000, 100 * MS)
    assert 0.2 < bits(chip.internal[0x40000:0x60000]) / (8 * 0x20000) < 0.3, "half of the bits as they were"
    assert chip.internal[0x60000:] == b"\xff" * 0xA0000
    assert finish(chip)[0:2] == [0, LOCK]


def test_reset_tears_a_program(chip):
    operation = [*UNLOCK, *program(SCRATCH, 0), *SYSTEM_RESET]
    start(chip, (SKIP_AFTER_RESET, len(operation)), *operation, (READ32, SCRATCH), (READ32, SR), ram=True)
    word, status = finish(chip)
    assert 0 < bits(struct.pack("<I", word)) < 32 and status == 0


def test_reset_during_option_bytes_changes_nothing(chip):
    operation = [*change_options(FACTORY & ~(1 << 16))[:-1], *SYSTEM_RESET]
    start(chip, (SKIP_AFTER_RESET, len(operation)), *operation, (READ32, OPTCR), (READ32, SR), ram=True)
    assert finish(chip) == [FACTORY, 0]
    assert options(chip) == FACTORY & ~3


def test_hardware_watchdog(chip):
    """WDG_SW = 0 starts the IWDG at each reset, at its longest prescaler-4 period of 512 ms."""
    set_options(chip, FACTORY & ~0x20)
    start(chip)
    stop = chip.run(until=2 * SECOND, reset=True)
    assert stop.reason == "reset" and abs(stop.t - 512 * MS) < MS
    assert next(chip.events("reset")).value >> 29 & 1
    chip.power_off()
    set_options(chip, FACTORY)
    start(chip)
    assert chip.run(until=2 * SECOND, reset=True).reason == "time"
