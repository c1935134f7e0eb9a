# SPDX-License-Identifier: MIT
"""docs/SPEC.md section 3.2: the journal in the last two sectors of the reserved megabyte.

`read` finds the state in a NOR image, `settle` leaves of it what an opening does, `append` writes the next record as a
device would. A test that appends a
*requested* record hands a package to the bootloader without any application having looked at it.
"""

import struct
import zlib
from dataclasses import dataclass, replace

MAGIC = b"MTHJ"
FORMAT_VERSION = 2
HEAD_SIZE = 6
SECTORS = (0x7FE000, 0x7FF000)
SECTOR_SIZE = 4096
PAGE_SIZE = 256
PAGES = SECTOR_SIZE // PAGE_SIZE
PACKET_SIZE = 4096
CLEAR = 33  # the byte of a record by which the other sector is clear

IDLE, REQUESTED, INSTALLING, TRIAL, CONFIRMING, ROLLING_BACK = range(6)
PHASE_NAMES = ("idle", "requested", "installing", "trial", "confirming", "rolling back")

RECORD = struct.Struct("<4sBBBBII16sB3x52s52s52s32s16s12x")
ENTRY = struct.Struct("<32sI16s")


@dataclass(frozen=True)
class Entry:
    """One directory entry: where a package lies."""

    extents: tuple = ()
    length: int = 0
    id: bytes = bytes(16)

    def encode(self):
        bits = sum(1 << extent for extent in self.extents)
        return ENTRY.pack(bits.to_bytes(32, "little"), self.length, self.id)

    @classmethod
    def decode(cls, data):
        bits, length, package_id = ENTRY.unpack(data)
        return cls(numbers_of(bits), length, package_id)


@dataclass(frozen=True)
class State:
    """One record: the whole state of the updater."""

    generation: int = 3
    phase: int = IDLE
    sectors_done: int = 0
    reason: int = 0
    refused_id: bytes = bytes(16)
    runtime: Entry = Entry()
    application: Entry = Entry()
    incoming: Entry = Entry()
    received: tuple = ()
    credit: int = 0
    tried: tuple = ()  # numbers of components
    rolled_back_id: bytes = bytes(16)

    def encode(self):
        record = RECORD.pack(
            MAGIC,
            FORMAT_VERSION,
            self.generation,
            self.phase,
            self.credit,
            self.sectors_done,
            self.reason,
            self.refused_id,
            sum(1 << number - 1 for number in self.tried),
            self.runtime.encode(),
            self.application.encode(),
            self.incoming.encode(),
            sum(1 << packet for packet in self.received).to_bytes(32, "little"),
            self.rolled_back_id,
        )
        return record + struct.pack("<I", zlib.crc32(record))

    @classmethod
    def decode(cls, page):
        """The state in a page, or None when it holds no good record."""
        body, crc = page[:252], struct.unpack_from("<I", page, 252)[0]
        _, _, generation, phase, credit, done, reason, refused, tried, *entries, received, rolled_back = RECORD.unpack(body)
        if not is_head(page) or zlib.crc32(without_clear(body)) != crc or phase >= len(PHASE_NAMES):
            return None
        entries = map(Entry.decode, entries)
        tried = tuple(number for number in (1, 2) if tried >> number - 1 & 1)
        return cls(generation, phase, done, reason, refused, *entries, numbers_of(received), credit, tried, rolled_back)

    @property
    def phase_name(self):
        return PHASE_NAMES[self.phase]


EMPTY = State()


def is_head(page):
    """Whether a record seems to begin here."""
    return page[:4] == MAGIC and page[4] == FORMAT_VERSION and page[5] <= 3


def without_clear(record):
    return record[:CLEAR] + b"\0" + record[CLEAR + 1 :]


def is_free(page):
    return page == b"\xff" * PAGE_SIZE


def numbers_of(bits):
    """The numbers of the bits that are set, the lowest bit of the first byte being 0."""
    value = int.from_bytes(bits, "little")
    return tuple(n for n in range(len(bits) * 8) if value >> n & 1)


@dataclass(frozen=True)
class Sector:
    """What one sector holds: `head` is the generation in the head of its end, None where no record's head is
    there; `page` the newest record's, -1 for none; `damaged` whether something behind that is; `twice` whether the
    page before it holds the same."""

    end: int
    head: int = None
    page: int = -1
    state: State = None
    damaged: bool = False
    twice: bool = False


@dataclass(frozen=True)
class Found:
    """The newest record and where it stands: of two alike the second, page -1 being before the first."""

    state: State
    sector: int
    page: int
    next_page: int
    damaged: bool
    twice: bool = False


def page_at(nor, sector, page):
    at = SECTORS[sector] + page * PAGE_SIZE
    return bytes(nor[at : at + PAGE_SIZE])


def _scan(nor, number):
    pages = [page_at(nor, number, page) for page in range(PAGES)]
    end = max((page + 1 for page in range(PAGES) if not is_free(pages[page])), default=0)
    head = pages[end - 1][5] if end and is_head(pages[end - 1]) else None
    good = [page for page in range(end) if State.decode(pages[page])]
    if not good:
        return Sector(end, head, damaged=end > 0)
    newest = good[-1]
    damaged = any(not is_free(page) for page in pages[newest + 1 :])
    twice = newest > 0 and without_clear(pages[newest]) == without_clear(pages[newest - 1])
    return Sector(end, head, newest, State.decode(pages[newest]), damaged, twice)


def _newer(first, second):
    """Which of two generations, None where there is none, is that of the newer sector."""
    if first is None or second is None:
        return 0 if second is None else 1
    return 1 if second == (first + 1) % 4 else 0


def locate(nor):
    """Finds the newest record in a NOR image, given as the whole chip."""
    sectors = _scan(nor, 0), _scan(nor, 1)
    number = _newer(sectors[0].head, sectors[1].head)
    if sectors[number].head is None or not sectors[number].state or sectors[number].state.generation != sectors[number].head:
        number = _newer(*(sector.state and sector.state.generation for sector in sectors))
    found = sectors[number]
    if not found.state:
        return Found(EMPTY, 1, PAGES - 1, PAGES, any(sector.damaged for sector in sectors))
    return Found(found.state, number, found.page, found.end, found.damaged, found.twice and is_at_rest(found.state))


def read(nor):
    """The state that the journal holds."""
    return locate(nor).state


def is_at_rest(state):
    return state.phase == IDLE and state.incoming.length == 0


def _erase(nor, sector):
    nor[SECTORS[sector] : SECTORS[sector] + SECTOR_SIZE] = b"\xff" * SECTOR_SIZE


def _write(nor, sector, page, state):
    at = SECTORS[sector] + page * PAGE_SIZE
    nor[at : at + PAGE_SIZE] = state.encode()
    return state


def _move(nor, found, state, page):
    """Puts `state` to that page of the other sector; at rest twice to the first, and the second one says that the sector that was left is clear."""
    for sector in range(len(SECTORS)):
        _erase(nor, sector)
    state = replace(state, generation=(found.state.generation + 1) % 4)
    if not is_at_rest(state):
        return _write(nor, 1 - found.sector, page, state)
    _write(nor, 1 - found.sector, 0, state)
    _write(nor, 1 - found.sector, 1, state)
    nor[SECTORS[1 - found.sector] + PAGE_SIZE + CLEAR] = 0xFF
    return state


def withdraw_clear(nor, sector):
    """Nothing says any more that the sector beside this one is clear, as after a power loss."""
    if not is_free(page_at(nor, sector, 1)):
        nor[SECTORS[sector] + PAGE_SIZE + CLEAR] = 0


def settle(nor):
    """What opening leaves of the journal in `nor`, a bytearray of the whole chip, when the part does what it should."""
    found = locate(nor)
    alone = found.state is not EMPTY and is_at_rest(found.state) and not found.twice
    if found.damaged or (alone and found.next_page == PAGES):
        _move(nor, found, found.state, found.page)
    elif found.state is not EMPTY:
        if any(not is_free(page_at(nor, 1 - found.sector, page)) for page in range(PAGES)):
            withdraw_clear(nor, found.sector)
            _erase(nor, 1 - found.sector)
        if alone:
            _write(nor, found.sector, found.next_page, found.state)


def append(nor, state):
    """Writes `state` as the next record into `nor`; at rest moves it."""
    settle(nor)
    found = locate(nor)
    if is_at_rest(state) or found.next_page == PAGES:
        return _move(nor, found, state, 0)
    return _write(nor, found.sector, found.next_page, replace(state, generation=found.state.generation))


def requested(state, incoming):
    """The state that asks for the install of `incoming`, all of whose packets are there."""
    packets = -(-incoming.length // PACKET_SIZE)
    return replace(state, phase=REQUESTED, sectors_done=0, incoming=incoming, received=tuple(range(packets)))
