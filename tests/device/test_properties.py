# SPDX-License-Identifier: MIT
"""A wrong property or file is one clear line and exit code 1, on every machine, and no file changes."""

import struct
import subprocess

import pytest

import rail

BOARDS = ("mountaineer-eth", "mountaineer-usb", "stm32f407-nor")
SIZES = {**rail.SIZES, "touched": rail.RAIL_TOUCHED_SIZE, "trace": 1 << 16}

# What is given, and what must be told. A word in braces is a file or folder.
WRONG = [
    *[(f"{name}={{missing}}", f"{name}: ") for name in SIZES],
    *[(f"{name}={{small}}", f"{name}: ") for name in SIZES],
    *[(f"{name}={{folder}}", f"{name}: ") for name in SIZES],
    *[(f"{name}=", f"{name}: ") for name in SIZES],
    ("internal={small}", "small has 1000 bytes, must have 1048576"),
    ("trace={zeros}", "zeros does not start with a header of version 1"),
    ("rail=missing", "rail: there is no chardev missing"),
    ("rail=", "rail: there is no chardev"),
    ("nor-part=w25q128", "nor-part: w25q128 is unknown; known are s25fl064k, w25q64, none"),
    *[(f"{name}=twice", f"{name}: twice is unknown; known are {first} and {other}") for name, first, other in (
        ("nor-times", "typical", "maximum"), ("nor-powerup", "instant", "datasheet"), ("nor-cs", "pulled", "floating"),
        ("nor-multipass", "allowed", "refused"), ("flash-times", "typical", "maximum"))],
    ("poll-skip=twice", "'poll-skip' expects 'on' or 'off'"),
    ("stale-cache=twice", "'stale-cache' expects 'on' or 'off'"),
    ("nonsense=1", ".nonsense' not found"),
]
ONLY_GENERIC = ["hse=8000000", "nor-spi=1", "nor-cs-pin=PA4", "uid=00112233445566778899aabb", "vbat=on",
                "load={small}@0x08000000"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Good files for all that can be shared, with contents of their own, and bad ones. No test changes them."""
    folder = tmp_path_factory.mktemp("files")
    for name, content in contents_at_first().items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()
    return folder


def contents_at_first():
    header = struct.pack("<IIQQ", rail.RAIL_TRACE_MAGIC, rail.RAIL_TRACE_VERSION, SIZES["trace"], 0)
    return {**{name: name[:1].encode() * size for name, size in SIZES.items()},
            "trace": header.ljust(SIZES["trace"], b"t"), "small": b"s" * 1000, "zeros": bytes(1 << 16)}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def refused(files, board, wrong, *arguments):
    """What the machine says to it, with good files for everything else."""
    places = {name: files / name for name in ("missing", "small", "folder", "zeros")}
    given = wrong.format(**places)
    good = [f"{name}={files / name}" for name in SIZES if not given.startswith(f"{name}=")]
    done = subprocess.run([str(rail.QEMU), "-M", ",".join([board, *good] + ([given] if given else [])),
                           "-display", "none", "-nodefaults", "-icount", "shift=3,sleep=off", *arguments],
                          capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=20)
    assert done.returncode == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert contents(files) == contents_at_first()
    return done.stderr


@pytest.mark.parametrize("wrong, told", WRONG)
@pytest.mark.parametrize("board", BOARDS)
def test_wrong_property(files, board, wrong, told):
    assert told in refused(files, board, wrong)


@pytest.mark.parametrize("property_", ONLY_GENERIC)
@pytest.mark.parametrize("board", BOARDS[:2])
def test_property_of_the_generic_machine_only(files, board, property_):
    assert f".{property_.split('=')[0]}' not found" in refused(files, board, property_)


@pytest.mark.parametrize("board", BOARDS)
def test_kernel_is_refused(files, board):
    assert "use internal=FILE" in refused(files, board, "", "-kernel", str(files / "small"))
