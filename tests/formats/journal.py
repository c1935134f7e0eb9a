# SPDX-License-Identifier: MIT
"""docs/SPEC.md section 3.2: the journal in the last two sectors of the reserved megabyte.

`read` finds the state in a NOR image, `append` writes the next record as a device would. A test that appends a
*requested* record hands a package to the bootloader without any application having looked at it.
"""

import struct
import zlib
from dataclasses import dataclass, replace

MAGIC = b"MTHJ"
FORMAT_VERSION = 1
SECTORS = (0x7FE000, 0x7FF000)
SECTOR_SIZE = 4096
PAGE_SIZE = 256
PAGES = SECTOR_SIZE // PAGE_SIZE
PACKET_SIZE = 4096

IDLE, REQUESTED, INSTALLING, TRIAL = range(4)
PHASE_NAMES = ("idle", "requested", "installing", "trial")

RECORD = struct.Struct("<4sBBBxII16s4x52s52s52s32s28x")
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

    def encode(self):
        record = RECORD.pack(
            MAGIC,
            FORMAT_VERSION,
            self.generation,
            self.phase,
            self.sectors_done,
            self.reason,
            self.refused_id,
            self.runtime.encode(),
            self.application.encode(),
            self.incoming.encode(),
            sum(1 << packet for packet in self.received).to_bytes(32, "little"),
        )
        return record + struct.pack("<I", zlib.crc32(record))

    @classmethod
    def decode(cls, page):
        """The state in a page, or None when it holds no good record."""
        body, crc = page[:252], struct.unpack_from("<I", page, 252)[0]
        magic, version, generation, phase, done, reason, refused, *entries, received = RECORD.unpack(body)
        if magic != MAGIC or version != FORMAT_VERSION or zlib.crc32(body) != crc:
            return None
        return cls(generation, phase, done, reason, refused, *map(Entry.decode, entries), numbers_of(received))

    @property
    def phase_name(self):
        return PHASE_NAMES[self.phase]


EMPTY = State()


def numbers_of(bits):
    """The numbers of the bits that are set, the lowest bit of the first byte being 0."""
    value = int.from_bytes(bits, "little")
    return tuple(n for n in range(len(bits) * 8) if value >> n & 1)


@dataclass(frozen=True)
class Found:
    """The newest record and where it stands; `sector` and `page` say where, page -1 being before the first."""

    state: State
    sector: int
    page: int
    next_page: int
    damaged: bool


def page_at(nor, sector, page):
    at = SECTORS[sector] + page * PAGE_SIZE
    return nor[at : at + PAGE_SIZE]


def _scan(nor, sector):
    """(page, state) of the newest good record of a sector or None, the first free page, and whether a damaged page was met."""
    newest, damaged = None, False
    for page in range(PAGES):
        data = page_at(nor, sector, page)
        if data == b"\xff" * PAGE_SIZE:
            return newest, page, damaged
        state = State.decode(data)
        if state is not None:
            newest = (page, state)
        else:
            damaged = True
    return newest, PAGES, damaged


def locate(nor):
    """Finds the newest record in a NOR image, given as the whole chip."""
    first, second = _scan(nor, 0), _scan(nor, 1)
    if first[0] is None and second[0] is None:
        return Found(EMPTY, 1, PAGES - 1, PAGES, first[2] or second[2])
    if first[0] is None or second[0] is None:
        sector = 0 if second[0] is None else 1
    else:
        sector = 1 if second[0][1].generation == (first[0][1].generation + 1) % 4 else 0
    (page, state), next_page, damaged = (first, second)[sector]
    return Found(state, sector, page, next_page, damaged)


def read(nor):
    """The state that the journal holds."""
    return locate(nor).state


def is_at_rest(state):
    return state.phase == IDLE and state.incoming.length == 0


def append(nor, state):
    """Writes `state` as the next record into `nor`, a bytearray of the whole chip; at rest twice."""
    found, copies = locate(nor), 2 if is_at_rest(state) else 1
    if found.damaged or found.next_page + copies > PAGES:
        sector, page = 1 - found.sector, 0
        for each in SECTORS:
            nor[each : each + SECTOR_SIZE] = b"\xff" * SECTOR_SIZE
        state = replace(state, generation=(found.state.generation + 1) % 4)
    else:
        sector, page = found.sector, found.next_page
        state = replace(state, generation=found.state.generation)
    at = SECTORS[sector] + page * PAGE_SIZE
    nor[at : at + copies * PAGE_SIZE] = state.encode() * copies
    return state


def requested(state, incoming):
    """The state that asks for the install of `incoming`, all of whose packets are there."""
    packets = -(-incoming.length // PACKET_SIZE)
    return replace(state, phase=REQUESTED, sectors_done=0, incoming=incoming, received=tuple(range(packets)))
