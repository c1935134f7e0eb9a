# SPDX-License-Identifier: MIT
"""Disks that are full: one line, exit 3, and no file that is not whole, for every command that writes one."""

import resource
import subprocess

import pytest

from formats import boards

from .artifacts import MAC, MATTERHORN, PRIVATE_KEY, PUBLIC_KEY, TOP, device_folder, firmware, matterhorn, package_file

ETHERNET = boards.ETHERNET
PROFILE = "eth-app-update"
ID = f"{PROFILE}~s1/int.080A0398.p1.after"
BLINKING = ("boot", device_folder(ETHERNET), "--machine", ETHERNET.name, "--time", 1)
IMAGE = ("--application", firmware(ETHERNET, "update", "bin"))
FACTORY = ("--runtime", package_file(ETHERNET, "runtime"), "--application", package_file(ETHERNET, "demo"))
TO_PROVISION = ("--board", ETHERNET.name, "--bootloader", firmware(ETHERNET, "boot", "bin"), "--key", PUBLIC_KEY,
                "--mac", MAC)


@pytest.fixture(name="tiny")
def tiny_disk(tmp_path):
    """A disk of 64 KB on which 8 are left."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=64k", "tiny", disk)
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("nobody may mount a disk here")
    (disk / "filler").write_bytes(bytes(56 << 10))
    yield disk
    subprocess.run(("umount", disk), check=True)


def on_full_disk(disk, *arguments):
    """Runs the command, which must fail with exit 3 and one line; what is on the disk then."""
    done = matterhorn(*arguments, status=3)
    complaints = done.stderr.splitlines()
    assert len(complaints) == 1 and "No space left" in complaints[0], done.stderr
    return sorted(str(file.relative_to(disk)) for file in disk.rglob("*") if file.name != "filler")


def test_pack(tiny):
    common = ("pack", "--board", ETHERNET.name, "--key", PRIVATE_KEY, *IMAGE)
    assert on_full_disk(tiny, *common, "--output", tiny / "x.nmf") == []
    assert on_full_disk(tiny, *common, "--output", tiny / "x.nmf", "--flash", tiny / "x.flash") == []


def test_pack_keeps_what_was_there(tiny):
    (tiny / "x.nmf").write_text("old")
    on_full_disk(tiny, "pack", "--board", ETHERNET.name, "--key", PRIVATE_KEY, *IMAGE, "--output", tiny / "x.nmf")
    assert (tiny / "x.nmf").read_text() == "old"


def test_provision_and_deploy(tiny):
    assert on_full_disk(tiny, "provision", *TO_PROVISION, *FACTORY, "--output", tiny / "device") == []
    package = package_file(ETHERNET, "update")
    assert on_full_disk(tiny, "deploy", device_folder(ETHERNET), package, "--output", tiny / "device") == []


def test_keygen_leaves_both_keys_or_none(tiny):
    (tiny / "more").write_bytes(bytes(4 << 10))
    assert on_full_disk(tiny, "keygen", "--private", tiny / "x", "--public", tiny / "y") == ["more"]


@pytest.mark.parametrize("option", ["--trace", "--save"])
def test_boot(tiny, option):
    assert on_full_disk(tiny, *BLINKING, option, tiny / "x", "--json") == []


@pytest.mark.parametrize("option", ["--list", "--junit", "--html"])
def test_sweep(tiny, tmp_path, option):
    text = (TOP / "sim/profiles" / f"{PROFILE}.yaml").read_text(encoding="utf-8").partition("  minimum:")[0]
    profile = tmp_path / "profile.yaml"
    profile.write_text(text, encoding="utf-8")
    (tiny / "more").write_bytes(bytes(8 << 10))
    arguments = ("sweep", profile, "--cuts", 1, "--live", 0, "--jobs", 1, "--json")
    assert on_full_disk(tiny, *arguments, option, tiny / "x") == ["more"]


def test_replay_with_artifacts(tiny):
    assert on_full_disk(tiny, "replay", ID, "--artifacts", tiny / "x", "--json") == ["x"]


def test_limit_of_a_file_is_told_and_not_died_of(tmp_path):
    """Beyond ulimit -f a process gets a signal that would kill it."""
    arguments = ("--board", ETHERNET.name, "--key", PRIVATE_KEY, *IMAGE, "--output", tmp_path / "x.nmf")
    command = [str(part) for part in (MATTERHORN, "pack", *arguments)]
    limit = (8 << 10, 8 << 10)
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1), done.stderr
    assert "File too large" in done.stderr
    assert not list(tmp_path.iterdir())
