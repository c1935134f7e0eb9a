# SPDX-License-Identifier: MIT
"""docs/SPEC.md section 4: trust anchors, and what the one-time programmable area holds:
security counters, revoked keys."""

import struct
import zlib
from dataclasses import dataclass

from . import FormatError
from .boards import INTERNAL_BASE

ADDRESS = 0x0800B800
SIZE = 256
MAGIC = b"MTHA"
FORMAT_VERSION = 2
COUNTER_BYTES = 224  # of each component
REVOKED = 448
REVOKED_BLOCK = REVOKED // 32
RECORD = struct.Struct("<4sIII128s32s32s44x")


@dataclass(frozen=True)
class Anchors:
    board_id: int
    keys: tuple
    secret: bytes = bytes(32)
    cipher_key: bytes = bytes(32)

    def encode(self):
        head = (MAGIC, FORMAT_VERSION, self.board_id, len(self.keys), b"".join(self.keys))
        record = RECORD.pack(*head, self.secret, self.cipher_key)
        return record + struct.pack("<I", zlib.crc32(record))


def decode(data):
    body, crc = data[:252], struct.unpack_from("<I", data, 252)[0]
    magic, version, board_id, count, keys, secret, cipher_key = RECORD.unpack(body)
    if magic != MAGIC or version != FORMAT_VERSION or zlib.crc32(body) != crc or not 1 <= count <= 4:
        raise FormatError("trust anchors are not good")
    return Anchors(board_id, tuple(keys[n * 32 : n * 32 + 32] for n in range(count)), secret, cipher_key)


def read(internal):
    """The trust anchors in an image of the main array."""
    at = ADDRESS - INTERNAL_BASE
    return decode(internal[at : at + SIZE])


def revoke(otp, number):
    """Programs the bit that revokes a key."""
    otp[REVOKED + number // 8] &= ~(1 << number % 8)


def lock(otp, number):
    """Programs the byte that locks a block of 32 bytes."""
    otp[512 + number] = 0


def security_counter(otp, component):
    """The number of programmed bits of a component's counter, wherever in it they are."""
    start = (component - 1) * COUNTER_BYTES
    bits = int.from_bytes(otp[start : start + COUNTER_BYTES], "little") ^ (1 << COUNTER_BYTES * 8) - 1
    return bits.bit_count()


def revoked_keys(otp):
    """The numbers of the keys that are no longer trusted."""
    word = struct.unpack_from("<I", otp, REVOKED)[0]
    return tuple(number for number in range(32) if not word >> number & 1)
