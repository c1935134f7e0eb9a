# SPDX-License-Identifier: MIT
"""docs/SPEC.md section 3.1: packages in the extents of the reserved megabyte."""

from . import FormatError
from .journal import Entry

RESERVED = 0x700000
EXTENT_SIZE = 4096
EXTENTS = 250
EXTENTS_END = RESERVED + EXTENTS * EXTENT_SIZE


def read(nor, entry):
    """The bytes of the package that a directory entry names; `nor` is the whole chip."""
    extents = [n for n in sorted(entry.extents) if n < EXTENTS]
    if len(extents) * EXTENT_SIZE < entry.length:
        raise FormatError("directory entry does not hold its package")
    cells = b"".join(
        nor[RESERVED + n * EXTENT_SIZE : RESERVED + (n + 1) * EXTENT_SIZE] for n in extents
    )
    return bytes(cells[: entry.length])


def free_extents(state):
    """The extents that no directory entry of this state names."""
    used = {*state.runtime.extents, *state.application.extents, *state.incoming.extents}
    return [n for n in range(EXTENTS) if n not in used]


def write(nor, extents, data, package_id):
    """Puts a package into as many of the given extents as it needs; returns its directory entry."""
    count = -(-len(data) // EXTENT_SIZE)
    if count > len(extents):
        raise FormatError(f"package needs {count} extents and there are {len(extents)}")
    chosen = sorted(extents)[:count]
    for index, extent in enumerate(chosen):
        piece = data[index * EXTENT_SIZE : (index + 1) * EXTENT_SIZE].ljust(EXTENT_SIZE, b"\xff")
        at = RESERVED + extent * EXTENT_SIZE
        nor[at : at + EXTENT_SIZE] = piece
    return Entry(tuple(chosen), len(data), package_id)
