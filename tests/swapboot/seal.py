#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes an image of a binary: a header with size, CRC-32 and version, then the binary, filled up to SIZE bytes in all
with bytes that look like code: every one of them is programmed, and checked.

usage: seal.py BINARY VERSION SIZE OUTPUT
"""

import random
import struct
import sys
import zlib

HEADER = 512
MAGIC = 0x31545753


def seal(binary, version, size):
    random.seed(version)
    body = binary + random.randbytes(max(0, size - HEADER - len(binary)))
    header = struct.pack("<4I", MAGIC, len(body), zlib.crc32(body), version)
    return header.ljust(HEADER, b"\xff") + body


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as source:
        image = seal(source.read(), int(sys.argv[2]), int(sys.argv[3]))
    with open(sys.argv[4], "wb") as sealed:
        sealed.write(image)
