# SPDX-License-Identifier: MIT
"""The `matterhorn` command for people: wrong use is said plainly, exits 2, and leaves nothing behind."""

import pytest

from formats import boards, journal, keys, package, store
from formats.boards import APPLICATION, HEADER_SIZE, RUNTIME

from .artifacts import MAC, PRIVATE_KEY, PUBLIC_KEY, firmware, matterhorn, package_file

COMMANDS = ("boot", "deploy", "inspect", "keygen", "pack", "provision", "replay", "sweep")
ETHERNET = boards.ETHERNET


def vectors(start, size):
    """An image of this size with a plausible stack pointer, its reset vector inside, and bytes that differ."""
    head = package.u32(0x20020000, start + HEADER_SIZE + 0x101)
    return (head + bytes(range(256)) * (size // 256 + 1))[:size]


def pack(*arguments, board="mountaineer-eth", status=0):
    return matterhorn("pack", "--board", board, "--key", PRIVATE_KEY, *arguments, status=status)


@pytest.fixture
def image(tmp_path):
    file = tmp_path / "image.bin"
    file.write_bytes(vectors(ETHERNET.application.start, 10_000))
    return file


@pytest.fixture
def output(tmp_path):
    return tmp_path / "output.nmf"


# --- Help ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command):
    said = matterhorn(command, "--help").stdout
    assert command in said and "matterhorn" in said


def test_help_names_every_command():
    said = matterhorn("--help").stdout
    assert all(command in said for command in COMMANDS)


def test_unknown_command_and_no_command_are_wrong_use():
    assert "ascend" in matterhorn("ascend", status=2).stderr
    assert matterhorn(status=2).stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_option_is_wrong_use(command):
    assert "--summit" in matterhorn(command, "--summit", status=2).stderr


# --- Keys ---------------------------------------------------------------------------------------------------------


def test_keygen_makes_a_pair(tmp_path):
    private, public = tmp_path / "private", tmp_path / "public"
    matterhorn("keygen", "--private", private, "--public", public)
    assert keys.read_private(private).public == keys.read_public(public)
    assert private.stat().st_mode & 0o077 == 0, "a private key is for its owner"


def test_keygen_makes_a_new_one_each_time(tmp_path):
    for name in ("one", "two"):
        matterhorn("keygen", "--private", tmp_path / name, "--public", tmp_path / f"{name}.public")
    assert (tmp_path / "one").read_bytes() != (tmp_path / "two").read_bytes()


def test_keygen_from_a_seed(tmp_path):
    private, public = tmp_path / "private", tmp_path / "public"
    matterhorn("keygen", "--private", private, "--public", public, "--seed", bytes(range(32)).hex())
    assert keys.read_private(private).public == keys.SigningKey(bytes(range(32))).public


def test_keygen_keeps_what_is_there(tmp_path):
    """A private key that is overwritten is lost, and with it every device that trusts it."""
    private = tmp_path / "private"
    private.write_text("precious")
    matterhorn("keygen", "--private", private, "--public", tmp_path / "public", status=2)
    assert private.read_text() == "precious"


def test_keygen_with_a_wrong_seed(tmp_path):
    arguments = ("--private", tmp_path / "private", "--public", tmp_path / "public", "--seed", "123")
    matterhorn("keygen", *arguments, status=2)
    assert not list(tmp_path.iterdir())


# --- Pack ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["stored", "lz4"])
def test_pack_makes_what_the_independent_reader_decodes(image, output, codec):
    pack("--application", image, "--output", output, "--version", "1.2.3.4", "--name", "test", "--codec", codec)
    read = package.read(output.read_bytes())
    part = read.manifest.components[APPLICATION]
    assert read.images == {APPLICATION: image.read_bytes()}
    assert (part.version, part.destination) == ((1, 2, 3, 4), ETHERNET.application.start)
    assert read.manifest.name == "test"
    device = package.Device(ETHERNET, (keys.read_public(PUBLIC_KEY),))
    assert package.refusal(output.read_bytes(), device) is None


def test_pack_of_two_components(image, output, tmp_path):
    runtime = tmp_path / "runtime.bin"
    runtime.write_bytes(vectors(ETHERNET.runtime.start, 5_000))
    pack("--application", image, "--runtime", runtime, "--output", output, "--counter", 3)
    read = package.read(output.read_bytes())
    assert read.images == {RUNTIME: runtime.read_bytes(), APPLICATION: image.read_bytes()}
    assert {part.security_counter for part in read.manifest.components.values()} == {3}


def test_pack_is_reproducible(image, tmp_path):
    one, two = tmp_path / "one.nmf", tmp_path / "two.nmf"
    pack("--application", image, "--output", one)
    pack("--application", image, "--output", two)
    assert one.read_bytes() == two.read_bytes()


def test_pack_accepts_the_largest_image(output, tmp_path):
    largest = tmp_path / "largest.bin"
    largest.write_bytes(vectors(ETHERNET.application.start, ETHERNET.application.size - HEADER_SIZE))
    pack("--application", largest, "--output", output)
    assert package.read(output.read_bytes()).images[APPLICATION] == largest.read_bytes()


def assert_not_packed(output, *words, board="mountaineer-eth", arguments=()):
    """Wrong use, one clear line with all these words, and no output."""
    said = pack("--output", output, *arguments, board=board, status=2).stderr
    assert len(said.strip().splitlines()) == 1, said
    assert all(word in said for word in words), said
    assert not output.exists()


def test_pack_refuses_an_image_that_is_too_large(output, tmp_path):
    large = tmp_path / "large.bin"
    limit = ETHERNET.application.size - HEADER_SIZE
    large.write_bytes(vectors(ETHERNET.application.start, limit + 1))
    assert_not_packed(output, "application", str(limit + 1), str(limit), arguments=("--application", large))


def test_pack_refuses_an_unknown_board(output, image):
    words = ("matterhorn-3000", "mountaineer-eth", "mountaineer-usb")
    assert_not_packed(output, *words, board="matterhorn-3000", arguments=("--application", image))


def test_pack_refuses_an_image_for_another_region(output, image):
    """The reset vector says where an image was linked to run; this one is the Ethernet board's."""
    assert_not_packed(output, "application", board="mountaineer-usb", arguments=("--application", image))
    assert_not_packed(output, "runtime", arguments=("--runtime", image))


def test_pack_refuses_an_image_without_vectors(output, tmp_path):
    short = tmp_path / "short.bin"
    short.write_bytes(b"1234567")
    assert_not_packed(output, "short.bin", arguments=("--application", short))


def test_pack_refuses_a_package_without_components(output):
    assert_not_packed(output, arguments=())


@pytest.mark.parametrize("option", ["--application", "--runtime"])
def test_pack_says_which_file_is_missing(output, option):
    assert_not_packed(output, "/nowhere/image.bin", arguments=(option, "/nowhere/image.bin"))


@pytest.mark.parametrize("version", ["1.2.3", "1.2.3.65536", "one", "1.2.3.4.5", "-1.0.0.0"])
def test_pack_refuses_a_wrong_version(output, image, version):
    assert_not_packed(output, version, arguments=("--application", image, f"--version={version}"))


def test_pack_refuses_a_name_that_is_too_long(output, image):
    assert_not_packed(output, "32", arguments=("--application", image, "--name", "x" * 33))


def test_pack_refuses_a_wrong_key(output, image):
    arguments = ("--board", "mountaineer-eth", "--key", PUBLIC_KEY, "--application", image, "--output", output)
    said = matterhorn("pack", *arguments, status=2)
    assert str(PUBLIC_KEY) in said.stderr
    assert not output.exists()


# --- Inspect, provision, boot -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [b"", b"M", b"garbage" * 100, b"MTHP" + bytes(1000), b"MTHP\x01\x00\xff\xff" + bytes(1000)]
)
def test_inspect_of_garbage_has_a_reason(tmp_path, data):
    file = tmp_path / "garbage.nmf"
    file.write_bytes(data)
    said = matterhorn("inspect", file, status=1)
    assert "refused: " in said.stdout + said.stderr


def test_inspect_of_a_missing_file():
    assert "/nowhere/package.nmf" in matterhorn("inspect", "/nowhere/package.nmf", status=2).stderr


def provision(tmp_path, status=0, **changes):
    options = {
        "board": "mountaineer-eth",
        "bootloader": firmware(ETHERNET, "boot", "bin"),
        "key": PUBLIC_KEY,
        "runtime": package_file(ETHERNET, "runtime"),
        "application": package_file(ETHERNET, "demo"),
        "mac": MAC,
        "output": tmp_path / "device",
        **changes,
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return matterhorn("provision", *arguments, status=status)


def test_provision_makes_a_device(tmp_path):
    provision(tmp_path)
    sizes = {file.name: file.stat().st_size for file in (tmp_path / "device").iterdir()}
    assert sizes == {"internal.bin": 0x100000, "otp.bin": 544, "nor.bin": 0x800000}


@pytest.mark.parametrize(
    "changes, word",
    [
        ({"mac": "02:00"}, "02:00"),
        ({"mac": "gg:00:00:00:00:01"}, "gg:00"),
        ({"bootloader": "/nowhere/boot.bin"}, "/nowhere/boot.bin"),
        ({"board": "mountaineer-usb"}, "made for another board"),
        ({"journal-records": 1}, "journal"),
        ({"application": package_file(ETHERNET, "runtime")}, "application"),
    ],
    ids=["short-mac", "odd-mac", "no-bootloader", "other-board", "no-records", "no-application"],
)
def test_provision_refuses(tmp_path, changes, word):
    assert word in provision(tmp_path, status=2, **changes).stderr
    assert not (tmp_path / "device").exists()


@pytest.mark.parametrize("records, sector, page, generation",
                         [(2, 0, 1, 0), (3, 0, 2, 0), (16, 0, 15, 0), (59, 1, 10, 3), (66, 0, 1, 0)])
def test_provision_of_a_journal_with_a_past(tmp_path, records, sector, page, generation):
    provision(tmp_path, **{"journal-records": records})
    found = journal.locate((tmp_path / "device/nor.bin").read_bytes())
    assert (found.sector, found.page, found.state.generation) == (sector, page, generation)
    assert found.state.phase == journal.IDLE and found.state.application.length > 0
    assert journal.is_at_rest(found.state) == (records == 2) and found.state.received == ()


def test_provision_of_a_store_with_a_past(tmp_path):
    provision(tmp_path, **{"reserved-seed": 2})
    nor = (tmp_path / "device/nor.bin").read_bytes()
    state = journal.read(nor)
    assert store.read(nor, state.application) == package_file(ETHERNET, "demo").read_bytes()
    for n in store.free_extents(state):
        at = store.RESERVED + n * store.EXTENT_SIZE
        assert nor[at : at + store.EXTENT_SIZE].count(0xFF) < store.EXTENT_SIZE // 64


def test_boot_of_a_missing_device():
    assert "/nowhere" in matterhorn("boot", "/nowhere/device", "--machine", "mountaineer-eth", status=2).stderr


def test_sweep_of_a_missing_profile():
    assert "no-such-profile" in matterhorn("sweep", "no-such-profile", status=2).stderr
