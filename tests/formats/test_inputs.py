# SPDX-License-Identifier: MIT
"""The writers of input files, held against lines made by hand and against the cross toolchain's own reader."""

import random
import subprocess

import pytest

from formats import inputs

PARTS = {0x08010200: bytes(range(256)) * 3, 0x080AFFF8: b"across 64 KB" * 5}


def test_hex_lines():
    assert inputs.HEX_END == ":00000001FF"
    assert inputs.hex_file({0x080A0200: b"*"}) == b":02000004080AE8\n:010200002AD3\n:00000001FF\n"
    crossing = inputs.hex_lines({0x080AFFFE: b"abcd"})
    assert crossing == [":02000004080AE8", ":02FFFE0061623E", ":02000004080BE7", ":02000000636437"]


def test_s_lines():
    assert inputs.s_record(0, 0, b"hello") == "S008000068656C6C6FE3"
    assert inputs.s_file({0x080A0200: b"*"}, title=b"") == b"S0030000FC\nS306080A02002ABB\nS5030001FB\nS70500000000FA\n"


def read_back(folder, data, kind):
    """What objcopy makes of the file: from the lowest address to the highest, gaps filled with 0xFF."""
    (folder / "in").write_bytes(data)
    command = ["arm-none-eabi-objcopy", "-I", kind, "-O", "binary", "--gap-fill", "0xff", folder / "in", folder / "out"]
    subprocess.run(command, check=True)
    return (folder / "out").read_bytes()


def filled(parts):
    start, end = min(parts), max(address + len(data) for address, data in parts.items())
    image = bytearray(b"\xff" * (end - start))
    for address, data in parts.items():
        image[address - start : address - start + len(data)] = data
    return bytes(image)


@pytest.mark.parametrize("width", [1, 16, 255])
def test_hex_is_read_by_the_toolchain(tmp_path, width):
    assert read_back(tmp_path, inputs.hex_file(PARTS, width), "ihex") == filled(PARTS)


@pytest.mark.parametrize("width", [1, 32, 250])
def test_s_records_are_read_by_the_toolchain(tmp_path, width):
    assert read_back(tmp_path, inputs.s_file(PARTS, width), "srec") == filled(PARTS)


def test_elf_is_read_by_the_toolchain(tmp_path):
    assert read_back(tmp_path, inputs.elf_file(PARTS), "elf32-littlearm") == filled(PARTS)


def test_compressed_bytes_are_those_of_hand_made_streams():
    assert inputs.lz77(b"abcdefgh", search=False) == b"\xffabcdefgh"
    assert inputs.lz77(b"a", search=True) == b"\x01a"
    assert inputs.unlz77(b"\x07abc\xf0\xf0", 6) == b"abcabc"
    assert inputs.unlz77(b"\x01a\xf0\xff", 19) == b"a" * 19
    assert inputs.unlz77(b"\x00\x00\x00", 3) == b"   "


@pytest.mark.parametrize("search", [True, False])
@pytest.mark.parametrize("letters", [2, 256])
def test_what_was_compressed_comes_back(letters, search):
    numbers = random.Random(letters)
    for size in (1, 2, 3, 17, 18, 19, 4095, 4096, 4097, 9000):
        data = bytes(numbers.randrange(letters) for _ in range(size))
        assert inputs.unlz77(inputs.lz77(data, search), size) == data


def test_compression_finds_something():
    assert len(inputs.lz77(b"0123456789" * 400)) < 800
