# SPDX-License-Identifier: MIT
"""What clumsy hands give the `matterhorn` command: refused in a line that names it, and nothing written over."""

import os

import pytest

from formats import boards

from .artifacts import MAC, PRIVATE_KEY, PUBLIC_KEY, device_folder, firmware, matterhorn, package_file

ETHERNET = boards.ETHERNET
IMAGE = firmware(ETHERNET, "update", "bin")


def pack(*arguments):
    common = ("--board", ETHERNET.name, "--application", IMAGE)
    return matterhorn("pack", *common, *arguments, status=2).stderr


@pytest.mark.parametrize("version", ["4294967297.0.0.0", "65536.0.0.0", "1.2.3", " +1.0.0.3", "1.-0.0.3", "1.2.3.4.5"])
def test_version_that_is_none(tmp_path, version):
    assert version in pack("--key", PRIVATE_KEY, "--version", version, "--output", tmp_path / "x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["Größe", "a\nb", "", "x" * 33])
def test_name_that_devices_refuse_is_not_packed(tmp_path, name):
    assert "name" in pack("--key", PRIVATE_KEY, "--name", name, "--output", tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_pack_does_not_write_over_its_inputs(tmp_path):
    key = tmp_path / "key"
    key.write_bytes(PRIVATE_KEY.read_bytes())
    assert str(key) in pack("--key", key, "--output", key)
    assert key.read_bytes() == PRIVATE_KEY.read_bytes()


def test_pack_does_not_write_two_outputs_into_one_file(tmp_path):
    assert str(tmp_path / "x") in pack("--key", PRIVATE_KEY, "--output", tmp_path / "x", "--flash", tmp_path / "x")


def test_keygen_does_not_write_over_keys(tmp_path):
    one, other, new = tmp_path / "one", tmp_path / "other", tmp_path / "new"
    matterhorn("keygen", "--private", one, "--public", other)
    before = one.read_bytes()
    for private, public in ((new, new), (one, new), (new, one)):
        matterhorn("keygen", "--private", private, "--public", public, "--seed", "11" * 32, status=2)
    assert one.read_bytes() == before and not new.exists()


@pytest.mark.parametrize("mac", ["02:00:00:00:00:-1", "02:00:00:00:00:0x", "02: 0:00:00:00:00", "00:00:00:00:00:00", "03:00:00:00:00:01"])
def test_mac_address_that_is_none(tmp_path, mac):
    assert mac in provision(tmp_path, mac=mac)


def test_bootloader_that_is_none(tmp_path):
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    assert "bootloader" in provision(tmp_path, bootloader=empty)


def provision(folder, mac=MAC, bootloader=firmware(ETHERNET, "boot", "bin")):
    arguments = ("--board", ETHERNET.name, "--bootloader", bootloader, "--key", PUBLIC_KEY, "--mac", mac)
    packages = ("--runtime", package_file(ETHERNET, "runtime"), "--application", package_file(ETHERNET, "demo"))
    said = matterhorn("provision", *arguments, *packages, "--output", folder / "device", status=2).stderr
    assert not (folder / "device").exists()
    return said


@pytest.mark.parametrize(
    "option",
    [("--until", ""), ("--edges", "PE13:0"), ("--edges", "PE13:-1"), ("--edges", "PE13:4294967297"), ("--edges", "PE13:2x"), ("--cut", "-5", "--tear", "before")],
)
def test_boot_end_that_is_none(option):
    said = matterhorn("boot", device_folder(ETHERNET), "--machine", ETHERNET.name, *option, status=2).stderr
    assert option[0] in said


def test_pipe_in_the_place_of_a_file_is_told_and_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "is not a file" in matterhorn("inspect", tmp_path / "pipe", status=2).stderr
