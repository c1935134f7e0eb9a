# SPDX-License-Identifier: MIT
"""matterhorn device: any images in, the flash contents of a device out; what cannot be is one
line, and nothing is written."""

import subprocess

import pytest

from .artifacts import BUILD, matterhorn, run

ELF = BUILD / "swapboot/boot.elf"


def test_an_elf_file_and_its_binary_are_the_same_device(tmp_path):
    raw, plain = tmp_path / "raw", tmp_path / "boot.bin"
    raw.write_bytes(b"some bytes")
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", ELF, plain], check=True)
    for name, boot in (("elf", ELF), ("bin", f"{plain}@0x08000000")):
        matterhorn("device", boot, f"{raw}@0x080FFFF6", f"{raw}@nor:0x7FFFF6", "--output", tmp_path / name)
    binary = plain.read_bytes()
    for name in ("elf", "bin"):
        internal = (tmp_path / name / "internal.bin").read_bytes()
        assert internal == binary.ljust((1 << 20) - 10, b"\xff") + b"some bytes"
        assert (tmp_path / name / "nor.bin").read_bytes() == b"some bytes".rjust(8 << 20, b"\xff")
    otp = (tmp_path / "elf/otp.bin").read_bytes()
    assert otp[:528] == b"\xff" * 528 and otp[528:532] == bytes.fromhex("EFAA1055"), "option bytes as from the factory"


@pytest.mark.parametrize(
    "images, said",
    [
        ((), "an image and --output are needed"),
        (("{raw}",), "no ELF file"),
        (("{raw}@sram",), '"sram" is no address'),
        (("{raw}@0x080FFFF7",), "not within the internal flash"),
        (("{raw}@0x20000000",), "not within the internal flash"),
        (("{raw}@nor:0x7FFFFF",), "not within the SPI flash"),
        (("{raw}@0x08000000", "{raw}@0x08000009"), "overlap what was put there before"),
        (("{elf}", "{raw}@0x08000100"), "overlap"),
        (("{half}",), "no complete 32-bit ELF file"),
        (("{none}@0x08000000",), "cannot open"),
        (("{empty}@0x08000000",), "the file is empty"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path, images, said):
    files = {name: tmp_path / name for name in ("raw", "half", "none", "empty")}
    files["raw"].write_bytes(b"some bytes")
    files["half"].write_bytes(ELF.read_bytes()[:3000])
    files["empty"].touch()
    done = run("device", *(image.format(elf=ELF, **files) for image in images), "--output", tmp_path / "out")
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "out").exists()
