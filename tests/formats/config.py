# SPDX-License-Identifier: MIT
"""docs/SPEC.md section 5: the config records in internal sector 3."""

import struct
import zlib

from . import FormatError
from .boards import INTERNAL_BASE, SECTORS

SECTOR = SECTORS[3]
MAGIC = b"MC"
FORMAT_VERSION = 1
MAC_ADDRESS = 1


def encode_record(tag, value):
    record = MAGIC + struct.pack("<HHH", tag, len(value), FORMAT_VERSION) + value + bytes(-len(value) % 4)
    return record + struct.pack("<I", zlib.crc32(record))


def decode(data):
    """The values in force as {tag: bytes}; `data` is the sector."""
    values, at = {}, 0
    while at + 12 <= len(data) and data[at : at + 2] != b"\xff\xff":
        magic, tag, length, version = struct.unpack_from("<2sHHH", data, at)
        end = at + 8 + length + -length % 4
        if magic != MAGIC or end + 4 > len(data):
            raise FormatError(f"config record at offset {at} is not one")
        good = struct.unpack_from("<I", data, end)[0] == zlib.crc32(data[at:end])
        if good and version == FORMAT_VERSION:
            values[tag] = bytes(data[at + 8 : at + 8 + length])
        at = end + 4
    return values


def read(internal):
    """The values in force in an image of the main array."""
    return decode(internal[SECTOR.start - INTERNAL_BASE : SECTOR.end - INTERNAL_BASE])


def mac_address(internal):
    """The MAC address as people write it, lower case."""
    return read(internal)[MAC_ADDRESS].hex(":")
