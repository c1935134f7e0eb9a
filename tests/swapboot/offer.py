#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Puts an image into the secondary slot of a device's internal flash and marks it to be installed, as the running
application does after a download.

usage: offer.py DEVICE IMAGE
       offer.py --slot OUTPUT IMAGE    # what then stands in the slot, as a file
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


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "--slot":
        pathlib.Path(arguments[1]).write_bytes(slot_of(pathlib.Path(arguments[2]).read_bytes()))
    elif len(arguments) == 2:
        path = pathlib.Path(arguments[0]) / "internal.bin"
        cells = bytearray(path.read_bytes())
        cells[SLOT : SLOT + SIZE] = slot_of(pathlib.Path(arguments[1]).read_bytes())
        path.write_bytes(cells)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
