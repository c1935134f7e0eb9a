# SPDX-License-Identifier: MIT
"""A decoder of one LZ4 block, after the public description of the block format: slow, short, and not liblz4's."""

from . import FormatError


def _extended(block, at, length):
    """A length whose nibble was 15 goes on in bytes, up to and including the first that is not 255."""
    while True:
        length += block[at]
        at += 1
        if block[at - 1] != 255:
            return at, length


def decode(block, plain_size):
    """The plain bytes of `block`, which must be exactly `plain_size` of them."""
    plain, at = bytearray(), 0
    try:
        while True:
            token, at = block[at], at + 1
            literals = token >> 4
            if literals == 15:
                at, literals = _extended(block, at, literals)
            if at + literals > len(block):
                raise FormatError("LZ4 block ends within its literals")
            plain += block[at : at + literals]
            at += literals
            if at == len(block):
                break  # the last sequence has no match
            offset, at = block[at] | block[at + 1] << 8, at + 2
            match = token & 15
            if match == 15:
                at, match = _extended(block, at, match)
            if not 0 < offset <= len(plain):
                raise FormatError("LZ4 match reaches before the chunk")
            if len(plain) + match + 4 > plain_size:
                raise FormatError("LZ4 block yields too much")
            for _ in range(match + 4):
                plain.append(plain[-offset])
    except IndexError:
        raise FormatError("LZ4 block ends too early") from None
    if len(plain) != plain_size:
        raise FormatError(f"LZ4 block yields {len(plain)} bytes, not {plain_size}")
    return bytes(plain)
