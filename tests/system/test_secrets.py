# SPDX-License-Identifier: MIT
"""What a debugger finds in the SRAM, which read protection level 1 leaves open to it: never the secret of the device,
nor the key under which packages are encrypted, when the bootloader has handed over, when an application runs, behind
whatever used them."""

import tempfile
from hashlib import sha256
from pathlib import Path

import pytest

from formats import anchors
from sram import CCM, CCM_SIZE, Memory, monitor_arguments

from . import jobs, trace
from .bench import Bench
from .device import provision_with
from .test_config import keeper  # noqa: F401 (a fixture)
from .test_keys import ETHERNET, encrypted_update

DEVICE_KEY = sha256(b"no piece of it stands in a table of anybody").digest()
WORD = 4  # bytes; a function keeps a key in words, which may lie anywhere on the stack


@pytest.fixture(name="watched", scope="module")
def a_bench_with_a_monitor():
    """A bench of its own, and where the monitor of its machine listens."""
    with tempfile.TemporaryDirectory(prefix="matterhorn-") as folder:
        path = Path(folder) / "qmp"
        with Bench(monitor_arguments(path)) as bench:
            yield bench, path


def words(data):
    return {data[at : at + WORD] for at in range(0, len(data), WORD)}


def found(memory, key):
    """Which words of the key are in SRAM or CCM."""
    return words(key) & words(memory.read() + memory.read(CCM, CCM_SIZE))


def look_behind_each_line(watched, cells, last):
    """Runs until this line, and looks behind each line: what was found, by key and line. The core stands behind the
    line feed, in whichever function it is then, with all that those before it have left."""
    bench, path = watched
    trusted = anchors.read(cells.internal)
    keys = {"public key": trusted.keys[0], "secret": trusted.secret, "device key": trusted.cipher_key}
    session = bench.power_on(ETHERNET, cells, sram="random:1")
    memory = Memory(path)
    seen = {name: [] for name in keys}
    try:
        while not jobs.says(last)(session):
            assert session.time_ns < jobs.PATIENCE_NS
            session.run(jobs.PATIENCE_NS, line=True)
            for name, key in keys.items():
                if any(key) and found(memory, key):
                    seen[name].append(jobs.last_line(session))
    finally:
        memory.close()
    assert seen["public key"], "nothing would be found whatever there was"
    return seen


def device_of_the_key(folder):
    """A device that has the key, with a Demo that offers an encrypted update."""
    file = folder / "devices.key"
    file.write_text(f"matterhorn-device-key-1 {DEVICE_KEY.hex()}\n")
    data = encrypted_update(cipher_key=DEVICE_KEY)
    cells = provision_with(ETHERNET, data, folder, options=("--device-key", file))
    assert anchors.read(cells.internal).cipher_key == DEVICE_KEY and any(anchors.read(cells.internal).secret)
    return cells


def test_device_key_is_not_in_the_sram(watched, tmp_path):
    """An encrypted update: stored and validated by the runtime, verified and installed by the bootloader, confirmed."""
    seen = look_behind_each_line(watched, device_of_the_key(tmp_path), "update: confirmed")
    assert not seen["device key"] and not seen["secret"], seen


def test_device_key_is_not_on_the_stack_behind_the_cipher(watched, tmp_path):
    """While words are programmed that it was used for. When that is, a run before has told."""
    bench, path = watched
    cells = device_of_the_key(tmp_path)
    before = bench.power_on(ETHERNET, cells, sram="random:1")
    before.wait_for(jobs.says("boot: installed"), jobs.PATIENCE_NS)
    programs = [event for event in trace.internal_operations(before.events) if event.kind == trace.PROGRAM][::500]
    assert len(programs) > 20
    session = bench.power_on(ETHERNET, cells, sram="random:1")
    memory = Memory(path)
    try:
        for event in programs:
            session.run(event.time_ns + event.duration_ns // 2)
            assert not found(memory, DEVICE_KEY), trace.describe(event)
    finally:
        memory.close()


def test_secret_is_not_in_the_sram(watched, keeper):  # noqa: F811
    """An application has the config sector written anew, which the runtime authenticates by the secret."""
    seen = look_behind_each_line(watched, keeper, "settings: written")
    assert not seen["secret"], seen
