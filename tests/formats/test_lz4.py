# SPDX-License-Identifier: MIT
"""The LZ4 decoder, on blocks made by hand from the description of the format."""

import pytest

from formats import FormatError, lz4


def test_literals_only():
    assert lz4.decode(b"\x50hello", 5) == b"hello"


def test_long_literals():
    assert lz4.decode(b"\xf0\x05" + b"x" * 20, 20) == b"x" * 20


def test_overlapping_match_repeats():
    assert lz4.decode(b"\x22ab\x02\x00\x10c", 9) == b"abababab" + b"c"


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\x50hell",
        b"\x22ab\x03\x00\x10c",
        b"\x22ab\x00\x00\x10c",
        b"\x22ab\x02\x00",
        b"\x2fab\x02\x00\xff\xff\x00",
    ],
    ids=["empty", "short-literals", "far-match", "zero-offset", "no-last-literals", "too-much"],
)
def test_bad_blocks_are_refused(block):
    with pytest.raises(FormatError):
        lz4.decode(block, 9)
