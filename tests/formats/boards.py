# SPDX-License-Identifier: MIT
"""docs/SPEC.md section 1: boards, their regions, and the sectors of the internal flash."""

from dataclasses import dataclass

INTERNAL_BASE = 0x08000000
INTERNAL_SIZE = 0x100000
OTP_BASE = 0x1FFF7800
HEADER_SIZE = 512  # of an installed component: its image follows

RUNTIME = 1
APPLICATION = 2
COMPONENT_NAMES = {RUNTIME: "runtime", APPLICATION: "application"}


@dataclass(frozen=True)
class Region:
    """A range of addresses of the internal flash; `end` is the first address behind it."""

    start: int
    end: int

    @property
    def size(self):
        return self.end - self.start

    def cut_from(self, internal):
        """The region's bytes in `internal`, which is the whole main array."""
        return internal[self.start - INTERNAL_BASE : self.end - INTERNAL_BASE]


@dataclass(frozen=True)
class Board:
    name: str
    id: int
    runtime: Region
    application: Region

    def region(self, component):
        """The region of the component with this number."""
        return {RUNTIME: self.runtime, APPLICATION: self.application}[component]


ETHERNET = Board("mountaineer-eth", 1, Region(0x08010000, 0x080A0000), Region(0x080A0000, 0x08100000))
USB = Board("mountaineer-usb", 2, Region(0x08010000, 0x08080000), Region(0x08080000, 0x08100000))
BOARDS = {board.name: board for board in (ETHERNET, USB)}

_SECTOR_SIZES = [0x4000] * 4 + [0x10000] + [0x20000] * 7
SECTORS = tuple(
    Region(INTERNAL_BASE + sum(_SECTOR_SIZES[:n]), INTERNAL_BASE + sum(_SECTOR_SIZES[: n + 1]))
    for n in range(len(_SECTOR_SIZES))
)


def sector_of(address):
    """The number of the internal sector that holds this address."""
    for number, sector in enumerate(SECTORS):
        if sector.start <= address < sector.end:
            return number
    raise ValueError(f"0x{address:08x} is not in the internal flash")


def sectors_covering(start, size):
    """The numbers of the sectors that hold any of these `size` bytes."""
    return list(range(sector_of(start), sector_of(start + size - 1) + 1))
