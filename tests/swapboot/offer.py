#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Puts an image into the secondary slot of a device's internal flash and marks it to be installed, as the running application
does after a download.

usage: offer.py DEVICE IMAGE
"""

import pathlib
import sys

SLOT, SIZE, TRAILER = 0x40000, 0x20000, 64
MAGIC = bytes.fromhex("77C295F360D2EF7F3552500F2CB67980")


def slot_of(image):
    """The whole slot: the image, and the trailer's magic at its end."""
    if len(image) > SIZE - TRAILER:
        sys.exit(f"an image of {len(image)} bytes does not fit into the slot")
    return image.ljust(SIZE - len(MAGIC), b"\xff") + MAGIC


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    path = pathlib.Path(sys.argv[1]) / "internal.bin"
    cells = bytearray(path.read_bytes())
    cells[SLOT : SLOT + SIZE] = slot_of(pathlib.Path(sys.argv[2]).read_bytes())
    path.write_bytes(cells)
