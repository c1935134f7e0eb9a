# SPDX-License-Identifier: MIT
"""Somebody types, and there is no bench whose commands would wake the emulator up."""

import select
import subprocess

import rail
from bed import build


def read(process, seconds=20):
    assert select.select([process.stdout], [], [], seconds)[0], "nothing comes"
    return process.stdout.read(1)


def test_what_was_typed_before_the_receiver_is_on_arrives(tmp_path):
    (tmp_path / "image.bin").write_bytes(build("echo", tmp_path))
    process = subprocess.Popen(
        [str(rail.QEMU), "-M", f"stm32f407-nor,load={tmp_path}/image.bin@0x08000000", "-icount", "shift=3,sleep=off",
         "-display", "none", "-nodefaults", "-serial", "stdio"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    try:
        assert read(process) == b"."
        process.stdin.write(b"abc")
        assert b"".join(read(process) for _ in range(3)) == b"abc"
    finally:
        process.kill()
        process.wait()
