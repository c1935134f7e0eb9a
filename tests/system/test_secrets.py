# SPDX-License-Identifier: MIT
"""What a debugger finds in the SRAM, which read protection level 1 leaves open to it: never the secret of the device, nor the key under
which packages are encrypted, when the bootloader has handed over, when an application runs, behind whatever used them."""

import tempfile
from pathlib import Path

import pytest

from formats import anchors, boards
from sram import CCM, CCM_SIZE, Memory, monitor_arguments

from . import jobs
from .bench import Bench
from .test_config import keeper  # noqa: F401 (a fixture)
from .test_keys import ETHERNET, device_key_file, encrypted_update  # noqa: F401 (a fixture)
from .device import provision_with

PIECE = 8  # bytes in a row that nobody has by chance


@pytest.fixture(name="watched", scope="module")
def a_bench_with_a_monitor():
    """A bench of its own, and where the monitor of its machine listens."""
    with tempfile.TemporaryDirectory(prefix="matterhorn-") as folder:
        path = Path(folder) / "qmp"
        with Bench(monitor_arguments(path)) as bench:
            yield bench, path


def pieces(key):
    return [key[at : at + PIECE] for at in range(len(key) - PIECE + 1)]


def found(memory, key):
    """Which pieces of the key are in SRAM or CCM, in whatever order its words may lie."""
    cells = memory.read() + memory.read(CCM, CCM_SIZE)
    return [piece.hex() for piece in pieces(key) if piece in cells]


def look_behind_each_line(watched, cells, last):
    """Runs until this line, and looks behind each line: what was found, by key and line. The core stands behind the line feed, in
    whichever function it is then, with all that those before it have left."""
    bench, path = watched
    trusted = anchors.read(cells.internal)
    session = bench.power_on(ETHERNET, cells, sram="random:1")
    memory = Memory(path)
    seen = {"public key": [], "secret": [], "device key": []}
    try:
        while not jobs.says(last)(session):
            assert session.time_ns < jobs.PATIENCE_NS
            session.run(jobs.PATIENCE_NS, line=True)
            for name, key in (("public key", trusted.keys[0]), ("secret", trusted.secret), ("device key", trusted.cipher_key)):
                if any(key) and found(memory, key):
                    seen[name].append(jobs.last_line(session))
    finally:
        memory.close()
    assert seen["public key"], "nothing would be found whatever there was"
    return seen


def test_device_key_is_not_in_the_sram(watched, tmp_path, device_key):  # noqa: F811
    """An encrypted update: stored and validated by the runtime, verified and installed by the bootloader, confirmed."""
    cells = provision_with(ETHERNET, encrypted_update(), tmp_path, options=("--device-key", device_key))
    assert any(anchors.read(cells.internal).cipher_key) and any(anchors.read(cells.internal).secret)
    seen = look_behind_each_line(watched, cells, "update: confirmed")
    assert not seen["device key"] and not seen["secret"], seen


def test_secret_is_not_in_the_sram(watched, keeper):  # noqa: F811
    """An application has the config sector written anew, which the runtime authenticates by the secret; and the bootloader finishes it."""
    seen = look_behind_each_line(watched, keeper, "settings: written")
    assert not seen["secret"], seen
