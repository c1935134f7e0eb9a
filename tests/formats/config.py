# SPDX-License-Identifier: MIT
"""docs/SPEC.md section 5: the config sector, its records, and its shadow in the SPI NOR."""

import hashlib
import hmac
import struct
import zlib

from . import FormatError
from .boards import INTERNAL_BASE, SECTORS

SECTOR = SECTORS[3]
SIZE = 0x4000
HEAD_SIZE = 64
FORMAT_VERSION = 2
BLANK = b"\xff\xff\xff\xff"
OPENED = slice(8, 12)
CLOSED = slice(12, 16)
MAC_ADDRESS = 1

SHADOW = 0x7FA000
SHADOW_EXTENTS = range(250, 254)
TAG = slice(16, 48)


def encode_record(place, tag, value, sealed=True):
    """A record that begins at offset `place` of the sector."""
    header = b"MC" + struct.pack("<HHH", tag, len(value), place // 4)
    body = header + struct.pack("<I", zlib.crc32(header)) + value + bytes(-len(value) % 4)
    return body + struct.pack("<I", zlib.crc32(body)) + (bytes(4) if sealed else BLANK)


def encode_records(values):
    """Records for {tag: value}, or for pairs when a tag shall come more than once, as they follow a head."""
    data = b""
    for tag, value in dict(values).items() if isinstance(values, dict) else values:
        data += encode_record(HEAD_SIZE + len(data), tag, value)
    return data


def encode(values, closed=False):
    """A whole sector, or one that is about to be erased."""
    head = b"MTHC" + struct.pack("<I", FORMAT_VERSION) + bytes(4) + (bytes(4) if closed else BLANK)
    return (head.ljust(HEAD_SIZE, b"\xff") + encode_records(values)).ljust(SIZE, b"\xff")


def counts(data):
    return data[:8] == b"MTHC" + struct.pack("<I", FORMAT_VERSION) and data[OPENED] != BLANK


def is_whole(data):
    return counts(data) and data[CLOSED] == BLANK


def decode(data):
    """The values in force as {tag: bytes}; `data` is the sector."""
    values, at = {}, HEAD_SIZE if counts(data) else SIZE
    while at + 20 <= SIZE:
        magic, tag, length, place, crc = struct.unpack_from("<2sHHHI", data, at)
        end = at + 12 + length + -length % 4
        if (magic, place, crc) != (b"MC", at // 4, zlib.crc32(data[at : at + 8])) or end + 8 > SIZE:
            at += 4
            continue
        good = struct.unpack_from("<I", data, end)[0] == zlib.crc32(data[at:end])
        if data[end + 4 : end + 8] != BLANK and 1 <= tag <= 0xFFFE and good:
            values[tag] = bytes(data[at + 12 : at + 12 + length])
        at = end + 8
    return {tag: value for tag, value in values.items() if value}


def encode_shadow(values, secret):
    """What the SPI NOR holds from SHADOW on while the sector is written anew."""
    records = encode_records(values)
    head = b"MTHS" + struct.pack("<III", FORMAT_VERSION, HEAD_SIZE + len(records), 0)
    tag = hmac.digest(secret, head + records, hashlib.sha256)
    return (head + tag).ljust(HEAD_SIZE, b"\0") + records


def decode_shadow(data, secret):
    """The values in an authentic shadow; `data` is the SPI NOR from SHADOW on."""
    magic, version, end = struct.unpack_from("<4sII", data)
    if magic != b"MTHS" or version != FORMAT_VERSION or not HEAD_SIZE <= end <= SIZE or end % 4 or not any(secret):
        raise FormatError("this is no shadow of a config sector")
    if not hmac.compare_digest(hmac.digest(secret, data[:16] + data[HEAD_SIZE:end], hashlib.sha256), data[TAG]):
        raise FormatError("the shadow of the config sector is not authentic")
    return decode(encode({})[:HEAD_SIZE] + data[HEAD_SIZE:end].ljust(SIZE - HEAD_SIZE, b"\xff"))


def read(internal):
    """The values in force in an image of the main array."""
    return decode(internal[SECTOR.start - INTERNAL_BASE : SECTOR.end - INTERNAL_BASE])


def mac_address(internal):
    """The MAC address as people write it, lower case."""
    return read(internal)[MAC_ADDRESS].hex(":")
