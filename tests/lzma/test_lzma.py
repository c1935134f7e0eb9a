# SPDX-License-Identifier: MIT
"""Devices and the command with LZMA built in; and that those without it say so."""

import subprocess

import pytest

from formats import boards, keys, package
from formats.boards import APPLICATION
from system import jobs
from system.artifacts import PRIVATE_KEY, PUBLIC_KEY, TOP, firmware, matterhorn, package_file
from system.device import provision_with, provisioned, requested_cells

ETHERNET = boards.ETHERNET
CIPHER_KEY = bytes(range(1, 33))


def pack(output, codec, *options):
    image = firmware(ETHERNET, "update", "bin")
    common = ("--board", ETHERNET.name, "--key", PRIVATE_KEY, "--version", "2.0.0.0", "--application", image)
    matterhorn("pack", *common, "--codec", codec, "--output", output, *options)
    return output.read_bytes()


def test_bootloader_is_within_its_46_kb():
    with_lzma = firmware(ETHERNET, "boot", "bin").stat().st_size
    without = (TOP / "build/firmware" / ETHERNET.name / "boot.bin").stat().st_size
    assert without < with_lzma <= 46 * 1024


def test_independent_reader_decodes_what_the_command_packs(tmp_path):
    data, larger = pack(tmp_path / "x", "lzma"), pack(tmp_path / "y", "lz4")
    read = package.read(data)
    assert read.images == {APPLICATION: firmware(ETHERNET, "update", "bin").read_bytes()}
    assert read.manifest.components[APPLICATION].codec == package.CODEC_LZMA
    assert len(data) < 0.95 * len(larger)
    device = package.Device(ETHERNET, (keys.read_public(PUBLIC_KEY),), has_lzma=True)
    assert package.refusal(data, device) is None


def test_package_is_installed(bench, tmp_path):
    data = pack(tmp_path / "x", "lzma")
    session = bench.power_on(ETHERNET, requested_cells(provisioned(ETHERNET), data))
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)
    assert session.cells.component(ETHERNET, APPLICATION)[0].data == package.read_manifest(data).data


def test_encrypted_package_is_installed(bench, tmp_path):
    device_key = tmp_path / "devices.key"
    device_key.write_text(f"matterhorn-device-key-1 {CIPHER_KEY.hex()}\n")
    data = pack(tmp_path / "x", "lzma", "--encrypt", device_key)
    assert package.read(data, CIPHER_KEY).images == {APPLICATION: firmware(ETHERNET, "update", "bin").read_bytes()}
    cells = provision_with(ETHERNET, data, tmp_path, options=("--device-key", device_key))
    session = jobs.update(bench, ETHERNET, cells)
    assert session.cells.component(ETHERNET, APPLICATION)[0].data == package.read_manifest(data).data


@pytest.mark.parametrize("command", ["inspect", "deploy"])
def test_what_has_no_lzma_refuses_it(tmp_path, command):
    pack(tmp_path / "x", "lzma")
    device = TOP / "build/device/mountaineer-eth"
    arguments = {"inspect": (tmp_path / "x", "--key", PUBLIC_KEY), "deploy": (device, tmp_path / "x")}
    words = [str(word) for word in (TOP / "build/bin/matterhorn", command, *arguments[command])]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and f"refused: {package.UNKNOWN_CODEC}" in done.stdout


def test_bootloader_without_lzma_refuses_it(bench, tmp_path):
    """That of the ordinary build, before it erases anything."""
    data = pack(tmp_path / "x", "lzma")
    cells = provisioned(ETHERNET)
    ordinary = type(cells).load(TOP / "build/device/mountaineer-eth")
    session = bench.power_on(ETHERNET, requested_cells(ordinary, data))
    session.wait_for(jobs.says(f"boot: refused: {package.UNKNOWN_CODEC}"), jobs.PATIENCE_NS)
    assert session.cells.internal == ordinary.internal
