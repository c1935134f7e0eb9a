# SPDX-License-Identifier: MIT
"""What `matterhorn pack` makes packages from: files of several formats, written here by
other means than it reads them."""

import os
import random
import struct
import subprocess

import pytest

from formats import boards, inputs, journal, package
from formats.boards import APPLICATION, HEADER_SIZE, RUNTIME

from . import jobs, trace
from .artifacts import PRIVATE_KEY, device_folder, firmware, matterhorn, package_file
from .device import Cells

ETHERNET = boards.ETHERNET
START = {number: ETHERNET.region(number).start + HEADER_SIZE for number in (RUNTIME, APPLICATION)}


def program(start, size):
    """An image that starts within itself, of bytes that do and do not repeat."""
    numbers = random.Random(size)
    body = b"".join(bytes([numbers.randrange(256)]) * numbers.choice((1, 1, 2, 40)) for _ in range(size))
    return (struct.pack("<II", 0x20020000, start + 9) + body)[:size]


IMAGE = program(START[APPLICATION], 3001)
RUNTIME_IMAGE = program(START[RUNTIME], 1500)
PARTS = {START[APPLICATION]: IMAGE}

WRITERS = {
    "elf": inputs.elf_file,
    "elf-stripped": lambda parts: inputs.elf_file(parts, with_sections=False),
    "hex": inputs.hex_file,
    "hex-crlf": lambda parts: inputs.hex_file(parts, end="\r\n"),
    "hex-last-line": lambda parts: inputs.hex_file(parts).rstrip(),
    "hex-wide": lambda parts: inputs.hex_file(parts, width=255),
    "srec": inputs.s_file,
    "srec-crlf": lambda parts: inputs.s_file(parts, end="\r\n"),
    "srec-last-line": lambda parts: inputs.s_file(parts).rstrip(),
    "srec-wide": lambda parts: inputs.s_file(parts, width=250),
    "netmf": inputs.netmf_file,
    "netmf-literals": lambda parts: inputs.netmf_file(parts, search=False),
}
each_format = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())


class Desk:
    """A folder in which files are made and packed."""

    def __init__(self, folder):
        self.folder = folder
        self.output = folder / "output.nmf"

    def file(self, data, name="input"):
        path = self.folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def pack(self, *arguments, status=0, board=ETHERNET):
        common = ("--board", board.name, "--key", PRIVATE_KEY, "--output", self.output)
        return matterhorn("pack", *common, *arguments, status=status)

    def images(self, *arguments):
        self.pack(*arguments)
        return package.read(self.output.read_bytes()).images

    def refuses(self, *words, arguments):
        """Wrong use, one clear line with all these words, and nothing left behind."""
        before = sorted(self.folder.iterdir())
        said = self.pack(*arguments, status=2).stderr
        assert len(said.splitlines()) == 1 and said.startswith("matterhorn: "), said
        assert all(word in said for word in words), said
        assert sorted(self.folder.iterdir()) == before


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


# --- What comes out ------------------------------------------------------------------------------------------------


@each_format
def test_image_is_that_of_the_file(desk, write):
    file = desk.file(write(PARTS))
    assert desk.images("--application", file) == {APPLICATION: IMAGE}
    assert desk.images("--input", file) == {APPLICATION: IMAGE}


@each_format
def test_gaps_are_filled_and_order_does_not_matter(desk, write):
    start = START[APPLICATION]
    file = desk.file(write({start + 0x1800: b"tables", start: IMAGE[:1000]}))
    image = IMAGE[:1000] + b"\xff" * (0x1800 - 1000) + b"tables"
    assert desk.images("--input", file) == {APPLICATION: image}


@each_format
def test_both_components_are_in_one_file(desk, write):
    file = desk.file(write({START[RUNTIME]: RUNTIME_IMAGE, **PARTS}))
    assert desk.images("--input", file) == {RUNTIME: RUNTIME_IMAGE, APPLICATION: IMAGE}


@each_format
def test_package_does_not_tell_the_format(desk, write):
    """Byte for byte the one of the raw binary."""
    desk.pack("--application", desk.file(IMAGE, "raw"))
    raw = desk.output.read_bytes()
    desk.pack("--application", desk.file(write(PARTS)))
    assert desk.output.read_bytes() == raw


@each_format
def test_largest_image(desk, write):
    image = (IMAGE * 131)[: ETHERNET.application.size - HEADER_SIZE]
    file = desk.file(write({START[APPLICATION]: image}))
    assert desk.images("--application", file) == {APPLICATION: image}
    file = desk.file(write({START[APPLICATION]: image + b"x"}))
    desk.output.unlink()
    desk.refuses("application region", str(file), arguments=("--application", file))


@pytest.mark.parametrize("name", ["update", "demo", "runtime"])
@pytest.mark.parametrize("board", boards.BOARDS.values(), ids=lambda board: board.name)
def test_linkers_own_files_give_the_same_package(desk, board, name):
    option = "--runtime" if name == "runtime" else "--application"
    elf = firmware(board, name, "elf")
    for kind in ("ihex", "srec"):
        subprocess.run(["arm-none-eabi-objcopy", "-O", kind, elf, desk.folder / kind], check=True)
    fill = ("arm-none-eabi-objcopy", "-I", "ihex", "-O", "binary", "--gap-fill", "0xff")
    subprocess.run([*fill, desk.folder / "ihex", desk.folder / "binary"], check=True)
    desk.pack(option, desk.folder / "binary", board=board)
    raw = desk.output.read_bytes()
    stripped = desk.folder / "stripped"
    subprocess.run(["arm-none-eabi-strip", "-o", stripped, elf], check=True)
    for file in (elf, stripped, desk.folder / "ihex", desk.folder / "srec"):
        desk.pack(option, file, board=board)
        assert desk.output.read_bytes() == raw, file


def test_raw_binary_with_its_address(desk):
    start, file = START[APPLICATION], desk.file(IMAGE)
    for address in (f"0x{start:08X}", f"0x{start:x}", start, f"0{start}"):
        assert desk.images("--input", f"{file}@{address}") == {APPLICATION: IMAGE}


def test_program_in_several_files(desk):
    start, code, tables = START[APPLICATION], desk.file(IMAGE, "code"), desk.file(b"tables", "tables")
    runtime = desk.file(inputs.hex_file({START[RUNTIME]: RUNTIME_IMAGE}), "runtime.hex")
    images = desk.images("--input", f"{code}@{start}", "--input", runtime, "--input", f"{tables}@{start + 4000}")
    assert images == {RUNTIME: RUNTIME_IMAGE, APPLICATION: IMAGE + b"\xff" * (4000 - len(IMAGE)) + b"tables"}
    assert desk.images("--runtime", runtime, "--input", f"{code}@{start}") == {RUNTIME: RUNTIME_IMAGE, APPLICATION: IMAGE}


def test_format_can_be_said(desk):
    file = desk.file(inputs.hex_file(PARTS))
    assert desk.images("--application", file, "--format", "hex") == {APPLICATION: IMAGE}
    desk.output.unlink()
    for kind, words in {
        "raw": "linked for another",
        "elf": "no ELF file",
        "srec": "line 1",
        "netmf": "block at offset 0x0",
        "coff": "no format is called 'coff'",
    }.items():
        desk.refuses(words, arguments=("--application", file, "--format", kind))


# --- What is refused -----------------------------------------------------------------------------------------------


@each_format
@pytest.mark.parametrize(
    "address, words",
    [
        (0x08000000, "not within the application region (0x080A0200 to 0x080FFFFF)"),
        (0x0800C000, "not within"),
        (START[RUNTIME], "not within"),
        (ETHERNET.application.start, "link the image for 0x080A0200"),
        (0x20000000, "not within"),
        (0xFFFFFFF0, "not within"),
    ],
    ids=["bootloader", "config", "runtime", "header", "ram", "last"],
)
def test_what_belongs_to_somebody_else_is_refused(desk, write, address, words):
    file = desk.file(write({**PARTS, address: b"0123456789abcdef"}))
    desk.refuses(str(file), words, "0x%08X" % address, arguments=("--application", file))


@each_format
def test_overlap_is_refused(desk, write):
    file = desk.file(write({START[APPLICATION] + 100: b"tables", **PARTS}))
    desk.refuses(str(file), "0x080A0264 is filled twice", arguments=("--application", file))


@each_format
def test_image_without_its_vector_table_is_refused(desk, write):
    file = desk.file(write({START[APPLICATION] + 0x100: IMAGE}))
    desk.refuses(str(file), "first byte", "0x080A0300", "vector table, at 0x080A0200", arguments=("--input", file))


@each_format
def test_image_for_the_other_board_is_refused(desk, write):
    start = boards.USB.application.start + HEADER_SIZE
    file = desk.file(write({start: program(start, 500)}))
    desk.refuses(str(file), "0x08080200", arguments=("--application", file))
    # the Ethernet board's runtime is there
    desk.refuses(str(file), "0x08080200", "vector table", arguments=("--input", file))


@each_format
def test_every_cut_is_refused(desk, write):
    """A file that was cut off anywhere: never a shorter package."""
    data = write({START[APPLICATION]: IMAGE[:80]})
    end = len(data.rstrip(b"\r\n")) if data[:1] in (b":", b"S") else len(data)
    end -= 3 if data[:4] == struct.pack("<I", START[APPLICATION]) else 0  # padding may be missing
    for size in {0, 1, 2, 3, 4, 12, 13, end // 3, end // 2, end - 12, end - 2, end - 1}:
        file = desk.file(data[:size])
        desk.refuses(str(file), arguments=("--input", file))


@pytest.mark.parametrize("write", [inputs.hex_file, inputs.s_file, inputs.netmf_file], ids=["hex", "srec", "netmf"])
def test_what_follows_the_end_is_refused(desk, write):
    for more in (b"x", b"\x1a", b"1234", b"more than a header of twelve bytes"):
        file = desk.file(write(PARTS) + more)
        desk.refuses(str(file), arguments=("--application", file))


@pytest.mark.parametrize("write", [inputs.hex_file, inputs.s_file], ids=["hex", "srec"])
def test_every_changed_letter_of_a_record_is_noticed(desk, write):
    data = write({START[APPLICATION]: IMAGE[:16]})
    for at in range(1, len(data) - 1):  # without its first letter it is a raw binary
        letter = b"1" if data[at : at + 1] != b"1" else b"2"
        file = desk.file(data[:at] + letter + data[at + 1 :])
        if data[at - 1 : at + 1] == b"S5":
            # no checksum has the type: this is a data record without data now
            assert desk.images("--application", file) == {APPLICATION: IMAGE[:16]}
            desk.output.unlink()
        else:
            desk.refuses("line ", arguments=("--application", file))


def test_lines_and_offsets_are_named(desk):
    lines = inputs.hex_lines(PARTS)
    lines[40] = lines[40][:-2] + "00" if not lines[40].endswith("00") else lines[40][:-2] + "01"
    file = desk.file(inputs.text([*lines, inputs.HEX_END], end="\r\n"))
    desk.refuses(f"{file}: line 41: its checksum", arguments=("--application", file))
    file = desk.file(inputs.netmf_file(PARTS) + inputs.netmf_block(0x0800C000, b"config"))
    desk.refuses(f"{file}: block at offset 0x{len(inputs.netmf_file(PARTS)):X}: 6 bytes", arguments=("--input", file))


@pytest.mark.parametrize("option", ["--application", "--runtime", "--input", "--symdefs"])
def test_files_that_cannot_be_read(desk, option):
    empty, fifo, locked = desk.file(b"", "empty"), desk.folder / "fifo", desk.file(IMAGE, "locked")
    huge = desk.folder / "huge"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    os.mkfifo(fifo)
    locked.chmod(0)
    more = ("--application", desk.file(IMAGE)) if option == "--symdefs" else ()
    for path in ("/nowhere/file", desk.folder, empty, fifo, huge) + (() if os.geteuid() == 0 else (locked,)):
        desk.refuses(str(path) if path != empty else "empty", arguments=(option, path, *more))


def test_signed_package_is_no_input(desk):
    file = package_file(ETHERNET, "update")
    desk.refuses(str(file), "signed package already", arguments=("--input", file))
    desk.refuses(str(file), "signed package already", arguments=("--application", file))


def test_what_contradicts_itself(desk):
    start, raw, file = START[APPLICATION], desk.file(IMAGE, "raw"), desk.file(inputs.hex_file(PARTS))
    desk.refuses(f"write {raw}@0x080A0200", arguments=("--input", raw))
    desk.refuses("application is in", str(raw), str(file), arguments=("--application", raw, "--input", file))
    desk.refuses("filled twice", arguments=("--input", file, "--input", f"{raw}@{start}"))
    desk.refuses("--format says hex", arguments=("--input", f"{raw}@{start}", "--format", "hex"))
    desk.refuses("/nowhere@0x", arguments=("--input", "/nowhere@0x"))
    desk.refuses(f"{raw}@-1", arguments=("--input", f"{raw}@-1"))
    desk.refuses(f"{raw}@4294967296", arguments=("--input", f"{raw}@4294967296"))
    desk.refuses("not within", arguments=("--input", f"{raw}@4294967295"))


def test_inputs_are_not_written_over(desk):
    raw, symdefs = desk.file(IMAGE, "raw"), desk.file("0x08010400 D api\n", "symdefs")
    for output, arguments in (
        (raw, ("--input", f"{raw}@{START[APPLICATION]}")),
        (symdefs, ("--application", raw, "--symdefs", symdefs)),
    ):
        said = matterhorn(
            *("pack", "--board", ETHERNET.name, "--key", PRIVATE_KEY, "--output", output, *arguments), status=2
        ).stderr
        assert str(output) in said
    assert raw.read_bytes() == IMAGE and symdefs.read_text() == "0x08010400 D api\n"


def test_too_many_inputs(desk):
    file = desk.file(inputs.hex_file(PARTS))
    desk.refuses("files are given", arguments=("--input", file) * 100)


# --- symdefs.txt ---------------------------------------------------------------------------------------------------

SYMDEFS = "#<SYMDEFS># ARM Linker, 5.01: Last Updated: Thu Jun  4 12:49:45 2015\n;value type name\n"


def test_symbols_of_the_runtime(desk):
    """A check, and nothing more: the package is the same without it."""
    raw = desk.file(IMAGE, "raw")
    desk.pack("--application", raw)
    before = desk.output.read_bytes()
    last = ETHERNET.runtime.end - 1
    for end in ("\n", "\r\n"):
        lines = SYMDEFS + f"0x08010400 D api\n0x0801{0x209:04x} T print\n0x{last:08x} D last\n0xFFFFFFFD N number\n"
        desk.pack("--application", raw, "--symdefs", desk.file(lines.replace("\n", end), "symdefs"))
        assert desk.output.read_bytes() == before


@pytest.mark.parametrize("address", [0x08000000, 0x08010000, 0x080101FF, ETHERNET.runtime.end, 0x20000000])
def test_symbol_outside_the_runtimes_region_is_refused(desk, address):
    symdefs = desk.file(SYMDEFS + f"0x08010400 D api\n0x{address:08X} D wrong\n", "symdefs")
    words = (f"{symdefs}: line 4: wrong at 0x{address:08X} is not in the board's runtime region (0x08010200 to 0x0809FFFF)",)
    desk.refuses(*words, arguments=("--application", desk.file(IMAGE), "--symdefs", symdefs))


def test_symbol_outside_the_runtime_that_is_packed_too_is_refused(desk):
    raw, runtime = desk.file(IMAGE, "raw"), desk.file(RUNTIME_IMAGE, "runtime")
    both = ("--application", raw, "--runtime", runtime)
    end = START[RUNTIME] + len(RUNTIME_IMAGE)
    desk.pack(*both, "--symdefs", desk.file(f"0x{end - 1:08X} D last\n", "symdefs"))
    desk.output.unlink()
    beyond = desk.file(f"0x{end:08X} D beyond\n", "symdefs")
    desk.refuses("line 1: beyond at", "not in the runtime of this package", arguments=(*both, "--symdefs", beyond))
    desk.pack("--application", raw, "--symdefs", beyond)  # a larger runtime may have it


def test_symbols_need_an_application(desk):
    symdefs = desk.file("0x08010400 D api\n", "symdefs")
    desk.refuses("give the application", arguments=("--runtime", desk.file(RUNTIME_IMAGE), "--symdefs", symdefs))


# --- The whole way -------------------------------------------------------------------------------------------------


def test_imported_image_is_installed_and_runs(bench, desk):
    """An image of the original updater's format, with a program that was linked for this board: signed, stored, run."""
    image = firmware(ETHERNET, "third", "bin").read_bytes()
    old = desk.file(inputs.netmf_file({START[APPLICATION]: image}), "old.nmf")
    desk.pack("--input", old, "--version", "3.0.0.0")
    matterhorn("deploy", device_folder(ETHERNET), desk.output, "--output", desk.folder / "device")
    session = bench.power_on(ETHERNET, Cells.load(desk.folder / "device"))
    session.wait_for(jobs.says("third: confirmed"), 10 * trace.SECOND)
    cells = session.cells
    session.power_off()
    assert cells.component(ETHERNET, APPLICATION)[1] == image
    assert journal.read(cells.nor).phase == journal.IDLE
