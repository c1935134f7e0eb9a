# SPDX-License-Identifier: MIT
"""`matterhorn measured`: measurements of a board beside the machine's times, on made-up
files and on the machine's own."""

import re

import pytest

from formats import boards

from . import jobs, trace
from .artifacts import TOP, matterhorn, matterhorn_json
from .bench import Bench
from .device import provisioned

HEADER = "part,operation,bytes,address,ns"
DOCUMENT = (TOP / "docs/HARDWARE.md").read_text()


@pytest.fixture
def file(tmp_path):
    def write(*lines, end="\n"):
        path = tmp_path / "board.csv"
        path.write_bytes("".join(line + end for line in lines).encode())
        return path

    return write


def test_groups_and_ratios(file):
    """DS8626 table 40: 250 to 500 ms for 16 KB at x32; W25Q64JV section 9.6: 45 to 400 ms for 4 KB."""
    groups = matterhorn_json("measured", file(
        "# a board", HEADER,
        "stm32f407-x32,erase,16384,0x08004000,260000000",
        "w25q64,erase,4096,0x1000,90000000", "",
        "stm32f407-x32,erase,16384,0x08008000,300000000",
    ))["groups"]
    assert groups == [
        {"part": "stm32f407-x32", "operation": "erase", "bytes": 16384, "count": 2, "least_ns": 260000000,
         "mean_ns": 280000000.0, "most_ns": 300000000, "typical_ns": 250000000, "maximum_ns": 500000000,
         "finding": None},
        {"part": "w25q64", "operation": "erase", "bytes": 4096, "count": 1, "least_ns": 90000000, "mean_ns": 90000000.0,
         "most_ns": 90000000, "typical_ns": 45000000, "maximum_ns": 400000000, "finding": None},
    ]


def test_table(file):
    done = matterhorn("measured", file(HEADER, "w25q64,erase,4096,0x1000,90000000", "w25q64,program,256,0x0,3000001"),
                      status=1)
    one, other = [line.split() for line in done.stdout.splitlines()[2:]]
    assert one == ["w25q64", "erase", "4096", "1", *["90000.0"] * 3, "45000.0", "400000.0", "2.000", "0.225"]
    assert other[-6:] == ["7.500", "1.000", "slower", "than", "the", "maximum"]


@pytest.mark.parametrize("ns, status, finding", [
    ([249999999], 1, "faster than typical"),
    ([250000000], 0, None),
    ([200000000, 300000000], 0, None),  # the mean counts
    ([500000000], 0, None),
    ([250000000, 500000001], 1, "slower than the maximum"),
])
def test_within_typical_and_maximum(file, ns, status, finding):
    lines = [f"stm32f407-x32,erase,16384,0x08000000,{one}" for one in ns]
    assert matterhorn_json("measured", file(HEADER, *lines, end="\r\n"), status=status)["groups"][0]["finding"] == finding


GOOD = "w25q64,erase,4096,0x1000,90000000"


@pytest.mark.parametrize("lines, told", [
    ([], ": there is no measurement"),
    ([HEADER], ": there is no measurement"),
    ([GOOD], ":1: the first line that is no comment must be part,operation"),
    (["# x", HEADER, GOOD, "w25q64,erase,4096,0x1000"], ":4: not five fields"),
    ([HEADER, GOOD + ","], ":2: not five fields"),
    ([HEADER, GOOD.replace("w25q64", "W25Q64")], ":2: part is 'W25Q64'"),
    ([HEADER, GOOD.replace("erase", "read")], ":2: operation is 'read'"),
    ([HEADER, GOOD.replace("4096", "4k")], ":2: bytes is '4k'"),
    ([HEADER, GOOD.replace("4096", "-1")], ":2: bytes is '-1'"),
    ([HEADER, GOOD.replace("4096", "0")], ":2: bytes is '0'"),
    ([HEADER, GOOD.replace("4096", "5000")], ":2: w25q64 cannot erase 5000 bytes at 0x1000"),
    ([HEADER, "w25q64,program,257,0x0,400000"], ":2: w25q64 cannot program 257 bytes"),
    ([HEADER, "stm32f407-x32,status,1,0x08000000,400000"], ":2: stm32f407-x32 cannot status 1 bytes"),
    ([HEADER, "stm32f407-otp,erase,512,0x1FFF7800,400000"], ":2: stm32f407-otp cannot erase"),
    ([HEADER, GOOD.replace("0x1000", "1000")], ":2: address is '1000'"),
    ([HEADER, GOOD.replace("0x1000", "0x800000")], ":2: address is '0x800000'"),
    ([HEADER, "stm32f407-x32,program,4,0x07FFFFFC,16000"], ":2: address is '0x07FFFFFC'"),
    ([HEADER, GOOD.replace("90000000", "9e7")], ":2: ns is '9e7'"),
    ([HEADER, GOOD.replace("90000000", "0")], ":2: ns is '0'"),
    ([HEADER, GOOD.replace("90000000", " 9")], ":2: ns is ' 9'"),
    ([HEADER, GOOD, "\0"], ": is no text"),
])
def test_wrong_files_are_told(file, lines, told):
    done = matterhorn("measured", file(*lines), status=2)
    assert done.stdout == "" and len(done.stderr.splitlines()) == 1 and f"board.csv{told}" in done.stderr


def test_wrong_use(tmp_path):
    assert "one file" in matterhorn("measured", status=2).stderr
    assert "missing.csv" in matterhorn("measured", tmp_path / "missing.csv", status=2).stderr


def test_the_documents_example_is_right(tmp_path):
    example, = re.findall(r"^```csv\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    path = tmp_path / "example.csv"
    path.write_text(example)
    assert len(matterhorn_json("measured", path)["groups"]) == 4


def test_the_machine_takes_its_own_times(file):
    """What an update does, measured from its trace: every ratio to the typical time is 1."""
    with Bench() as bench:
        session = jobs.update(bench, boards.ETHERNET, provisioned(boards.ETHERNET))
        session.power_off()
    names = {trace.PROGRAM: "program", trace.ERASE: "erase"}
    parts = {trace.INTERNAL: "stm32f407-x32", trace.NOR: "s25fl064k"}
    lines = [f"{parts[event.chip]},{names[event.kind]},{event.value},{event.address:#x},{event.duration_ns}"
             for event in session.events if event.kind in names]
    groups = matterhorn_json("measured", file(HEADER, *lines))["groups"]
    assert sum(group["count"] for group in groups) == len(lines) > 1000
    assert {(group["part"], group["operation"]) for group in groups} == {(part, name) for part in parts.values() for name in names.values()}
    assert all(group["least_ns"] == group["most_ns"] == group["typical_ns"] for group in groups)
