# SPDX-License-Identifier: MIT
"""What clumsy hands give the `matterhorn` command: refused in a line that names it, and nothing written over."""

import os
import pty
import shutil
import subprocess
import termios
from pathlib import Path

import pytest

from formats import boards

from .artifacts import MAC, MATTERHORN, PRIVATE_KEY, PUBLIC_KEY, TOP, device_folder, firmware, matterhorn, package_file

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


@pytest.mark.parametrize("mac", ["02:00:00:00:00:-1", "02:00:00:00:00:0x", "02: 0:00:00:00:00", "00:00:00:00:00:00",
                                 "03:00:00:00:00:01"])
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
    [("--until", ""), ("--edges", "PE13:0"), ("--edges", "PE13:-1"), ("--edges", "PE13:4294967297"),
     ("--edges", "PE13:2x"), ("--cut", "-5", "--tear", "before")],
)
def test_boot_end_that_is_none(option):
    said = matterhorn("boot", device_folder(ETHERNET), "--machine", ETHERNET.name, *option, status=2).stderr
    assert option[0] in said


@pytest.mark.parametrize("sram", ["retain", "random:", "random:0x10", "random:-1", "random:1 noise=2",
                                  "random:18446744073709551616", "ones"])
def test_sram_that_is_none(sram):
    said = matterhorn("boot", device_folder(ETHERNET), "--machine", ETHERNET.name, "--sram", sram, status=2).stderr
    assert "--sram" in said and len(said.splitlines()) == 1


@pytest.mark.parametrize("name", ["mountaineer-eth,accel=kvm", "Mountaineer", "", "a b"])
def test_machine_that_is_no_name(name):
    said = matterhorn("boot", device_folder(ETHERNET), "--machine", name, status=2).stderr
    assert "is no name of a machine" in said and len(said.splitlines()) == 1


def profile_with(folder, old, new):
    text = (TOP / "sim/profiles/eth-app-update.yaml").read_text(encoding="utf-8")
    assert old in text
    file = folder / "profile.yaml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    return file


def test_empty_file_that_an_area_must_equal(tmp_path):
    (tmp_path / "empty").touch()
    file = profile_with(tmp_path, "build/packages/update-mountaineer-eth.flash", str(tmp_path / "empty"))
    said = matterhorn("sweep", file, status=2).stderr
    assert "is empty" in said and len(said.splitlines()) == 1


def test_run_without_flash_operation_has_nowhere_to_lose_power(tmp_path):
    """A device that is not to be updated boots, and passes what its profile asks: no sweep of no cuts may say so."""
    file = tmp_path / "profile.yaml"
    file.write_text(
        f"name: quiet\nmachine: {ETHERNET.name}\ndevice: {device_folder(ETHERNET)}\n"
        'recovered: {lines: ["boot: starting"]}\nbudget: {boots: 4, seconds: 30}\ncuts: {count: 1}\n',
        encoding="utf-8",
    )
    said = matterhorn("sweep", file, status=2).stderr
    assert "no flash operation" in said and len(said.splitlines()) == 1


def test_pipe_in_the_place_of_a_file_is_told_and_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "is not a file" in matterhorn("inspect", tmp_path / "pipe", status=2).stderr


# --- Outputs ------------------------------------------------------------------------------------------------------


def refused(*arguments, status=2, **variables):
    """The one line in which the command is refused."""
    said = matterhorn(*arguments, status=status, **variables).stderr.splitlines()
    assert len(said) == 1, said
    return said[0]


def device_copy(folder):
    return Path(shutil.copytree(device_folder(ETHERNET), folder / "device"))


@pytest.mark.parametrize("option", ["--trace", "--uart"])
def test_boot_does_not_write_over_its_device(tmp_path, option):
    device = device_copy(tmp_path)
    before = (device / "nor.bin").read_bytes()
    (tmp_path / "link").symlink_to(device / "nor.bin")
    for path in (device / "nor.bin", tmp_path / "link"):
        assert str(path) in refused("boot", device, "--machine", ETHERNET.name, "--time", 0.01, option, path)
    assert (device / "nor.bin").read_bytes() == before


@pytest.mark.parametrize("option", ["--list", "--junit", "--html"])
def test_sweep_does_not_write_over_its_device_or_profile(tmp_path, option):
    device = device_copy(tmp_path)
    profile = profile_with(tmp_path, "name: eth", "name: eth")
    for path in (device / "otp.bin", tmp_path / "device/../profile.yaml"):
        assert "would be written over" in refused("sweep", profile, "--device", device, option, path)
    assert profile.read_text(encoding="utf-8").startswith("# SPDX")


def test_two_outputs_in_one_file(tmp_path):
    again = f"{tmp_path}/../{tmp_path.name}//./x"
    boot = ("boot", device_folder(ETHERNET), "--machine", ETHERNET.name)
    for command, one, other in ((boot, "--trace", "--uart"), (("sweep", "eth-app-update"), "--list", "--html"),
                                (("keygen",), "--private", "--public")):
        refused(*command, one, tmp_path / "x", other, again)
    assert not list(tmp_path.iterdir())


def test_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "file").touch()
    for option in (("sweep", "eth-app-update", "--artifacts"),
                   ("boot", device_folder(ETHERNET), "--machine", ETHERNET.name, "--time", 0.01, "--save")):
        assert "Not a directory" in refused(*option, tmp_path / "file")
    assert (tmp_path / "file").stat().st_size == 0


def test_link_is_written_where_it_leads(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "astray").symlink_to("nowhere/at/all")
    common = ("pack", "--board", ETHERNET.name, "--application", IMAGE, "--key", PRIVATE_KEY, "--output")
    matterhorn(*common, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_bytes() == package_file_of(tmp_path, common)
    refused(*common, tmp_path / "astray")
    refused(*common, "")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["astray", "link", "plain", "target"]


def package_file_of(folder, common):
    matterhorn(*common, folder / "plain")
    return (folder / "plain").read_bytes()


def test_closed_output_is_told_and_does_not_end_in_a_file(tmp_path):
    """What a file gets that is opened first when standard output is closed, is what is printed."""
    arguments = ("deploy", device_folder(ETHERNET), package_file(ETHERNET, "update"), "--output", tmp_path / "device")
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", str(MATTERHORN), *map(str, arguments)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 3 and done.stderr == "matterhorn: cannot write to standard output\n"
    assert (tmp_path / "device/internal.bin").read_bytes() == (device_folder(ETHERNET) / "internal.bin").read_bytes()


# --- Words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    ["--jobs=0", "--jobs=-1", "--jobs=2x", "--jobs=5000", "--cuts=1e3", "--cuts= 3", "--cuts=99999999999999999999",
     "--seed=-1", "--noise-seed=-1", "--tears=half,before,half", "--tears=", "--live=-1"],
)
def test_sweep_option_that_makes_no_sense(option):
    assert "sweep" in refused("sweep", "eth-app-update", option)


def test_what_is_quoted_does_not_break_the_line():
    assert "after?x" in refused("replay", "eth-app-update~s1/int.080A0398.p1.after\nx")


@pytest.mark.parametrize("limit", [10, 14, 16, 18])
def test_few_open_files_are_told(limit):
    """Some limit or other runs out in the parent, some in the child that becomes QEMU."""
    command = ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", str(MATTERHORN), "boot", str(device_folder(ETHERNET)),
               "--machine", ETHERNET.name, "--time", "0.01"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or (done.returncode == 3 and "oo many open files" in done.stderr), done.stderr


def test_wrong_qemu_is_told(tmp_path):
    broken = tmp_path / "qemu"
    broken.write_text("#!/bin/sh\nprintf 'first\\nsecond\\n' >&2\nkill -SEGV $$\n", encoding="ascii")
    broken.chmod(0o755)
    boot = ("boot", device_folder(ETHERNET), "--machine")
    assert "first second" in refused(*boot, ETHERNET.name, status=3, MATTERHORN_QEMU=broken)
    assert str(tmp_path / "none") in refused(*boot, ETHERNET.name, status=3, MATTERHORN_QEMU=tmp_path / "none")
    assert 'knows no machine "netduino3"' in refused(*boot, "netduino3")


def on_terminal(profile, columns, kind):
    """What a sweep draws on the standard error of such a terminal."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (24, columns))
    command = [str(part) for part in (MATTERHORN, "sweep", profile, "--cuts", 1, "--jobs", 1, "--live", 0)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=its, env={**os.environ, "TERM": kind}) as process:
        os.close(its)
        drawn = b""
        while chunk := read_or_end(ours):
            drawn += chunk
        assert process.wait() == 0
    os.close(ours)
    return drawn.decode("ascii")


def read_or_end(descriptor):
    try:
        return os.read(descriptor, 4096)
    except OSError:  # how the end of a terminal shows
        return b""


def test_progress_fits_into_a_narrow_terminal_and_a_dumb_one_gets_no_codes(tmp_path):
    text = (TOP / "sim/profiles/eth-app-update.yaml").read_text(encoding="utf-8").partition("  minimum:")[0]
    (tmp_path / "profile.yaml").write_text(text, encoding="utf-8")
    drawn = on_terminal(tmp_path / "profile.yaml", 24, "xterm")
    lines = [line.partition("\033")[0] for line in drawn.split("\r")]
    assert len(lines) > 2 and max(map(len, lines)) == 23
    assert "\033" not in on_terminal(tmp_path / "profile.yaml", 24, "dumb")


def test_too_many_pins_are_told():
    pins = [part for number in range(40) for part in ("--pin", f"PE1=name{number}")]
    assert "--pin" in refused("boot", device_folder(ETHERNET), "--machine", ETHERNET.name, *pins)
