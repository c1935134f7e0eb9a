# SPDX-License-Identifier: MIT
"""The package writer and reader agree with docs/SPEC.md and with each other."""

import struct
from hashlib import sha256

import pytest

from formats import FormatError, package
from formats.boards import APPLICATION, ETHERNET, HEADER_SIZE, RUNTIME, USB
from formats.keys import SigningKey

KEY = SigningKey(bytes(range(32)))
OTHER_KEY = SigningKey(bytes(32))
IMAGE = b"".join(sha256(bytes([n])).digest() for n in range(250)) * 2 + b"tail"
DEVICE = package.Device(ETHERNET, (OTHER_KEY.public, KEY.public))
APPLICATION_FIELD = package.COMPONENT[APPLICATION]


def application(**changes):
    given = {"number": APPLICATION, "image": IMAGE, "destination": ETHERNET.application.start, **changes}
    return package.NewComponent(**given)


def runtime(**changes):
    given = {"number": RUNTIME, "image": IMAGE[::-1], "destination": ETHERNET.runtime.start, **changes}
    return package.NewComponent(**given)


def writer(*components, **changes):
    return package.PackageWriter(ETHERNET.id, KEY, list(components or [application()]), **changes)


def test_bytes_are_those_of_the_page():
    data = writer(application(version=(1, 2, 3, 4), security_counter=5), name="hello").build()
    size = struct.unpack_from("<H", data, 6)[0]
    assert data[:6] == b"MTHP\x01\x00"
    assert data[8:16] == bytes.fromhex("01800400") + struct.pack("<I", ETHERNET.id)
    assert data[16:24] == bytes.fromhex("02800400") + struct.pack("<I", len(data))
    values = 4 + 8 + 4 + 36 + 4 + 40
    assert data[24:28] == struct.pack("<HH", 0x8012, 6 * 4 + values)
    assert data[28:36] == bytes.fromhex("01810400") + struct.pack("<I", 0x080A0000)
    assert data[36:48] == bytes.fromhex("02810800") + struct.pack("<4H", 1, 2, 3, 4)
    assert data[size - 12 : size] == bytes.fromhex("20000500") + b"hello\0\0\0"
    first_chunk = data[size + 64 : size + 64 + 72]
    assert first_chunk == struct.pack("<II", 4 * 72, 4096) + sha256(IMAGE[:4096]).digest() * 2
    assert data[size + 64 + 4 * 72 :] == IMAGE


def test_reads_what_it_wrote():
    data = writer(runtime(), application(version=(9, 8, 7, 6), security_counter=3), name="two").build()
    read = package.read(data)
    assert read.manifest.board_id == ETHERNET.id
    assert read.manifest.package_size == len(data)
    assert read.manifest.name == "two"
    assert read.images == {RUNTIME: IMAGE[::-1], APPLICATION: IMAGE}
    assert read.manifest.components[APPLICATION].version == (9, 8, 7, 6)
    assert read.manifest.components[APPLICATION].security_counter == 3
    assert read.manifest.id == sha256(read.manifest.data).digest()[:16]
    assert len(read.tables[RUNTIME]) == 4


def test_installed_component_begins_with_header_and_image():
    data = writer().build()
    read = package.read(data)
    installed = read.installed(APPLICATION)
    signed = len(read.manifest.data) + 64
    assert installed[:signed] == data[:signed]
    assert set(installed[signed:HEADER_SIZE]) == {0xFF}
    assert installed[HEADER_SIZE:] == IMAGE


def test_compressed_chunk_is_decoded():
    image = b"abcd" * 1024
    match = len(image) - 4 - 5  # all but four literals before it and the five that must end a block
    block = b"\x4fabcd\x04\x00" + b"\xff" * ((match - 19) // 255) + bytes([(match - 19) % 255]) + b"\x50" + image[-5:]
    table = package.CHUNK_ENTRY.pack(72, len(block), sha256(block).digest(), sha256(image).digest())
    component = package.Component(
        *(APPLICATION, 0, (0,) * 4, 0, len(image), sha256(image).digest(), package.CODEC_LZ4),
        *(package.CHUNK_SIZE, len(table + block), sha256(table).digest()),
    )
    assert package.read_image(component, table + block)[1] == image


def test_accepted_package_is_accepted():
    assert package.refusal(writer().build(), DEVICE) is None
    assert package.refusal(writer(runtime(), application()).build(), DEVICE) is None


REFUSED = {
    "board": (lambda w: w.set((package.BOARD,), package.u32(USB.id)), package.WRONG_BOARD),
    "destination": (
        lambda w: w.set((APPLICATION_FIELD, package.DESTINATION), package.u32(USB.application.start)),
        package.WRONG_DESTINATION,
    ),
    "critical": (lambda w: w.add((0x8030,), b"?"), package.UNKNOWN_CRITICAL),
    "critical-in-component": (lambda w: w.add((APPLICATION_FIELD, 0x8130), b"?"), package.UNKNOWN_CRITICAL),
    "duplicate": (lambda w: w.duplicate((package.BOARD,)), package.DUPLICATE),
    "duplicate-unknown": (
        lambda w: w.add((0x0030,), b"?").duplicate((0x0030,)),
        package.DUPLICATE,
    ),
    "duplicate-in-component": (lambda w: w.duplicate((APPLICATION_FIELD, package.VERSION)), package.DUPLICATE),
    "missing": (lambda w: w.drop((APPLICATION_FIELD, package.CODEC)), package.MISSING),
    "length": (lambda w: w.set((package.BOARD,), package.u32(ETHERNET.id, 0)), package.WRONG_LENGTH),
}


@pytest.mark.parametrize("change, reason", REFUSED.values(), ids=REFUSED.keys())
def test_one_change_is_refused_for_its_reason(change, reason):
    assert package.refusal(change(writer()).build(), DEVICE) == reason


def test_unknown_field_that_is_not_critical_is_skipped():
    data = writer().add((0x0030,), b"any").add((APPLICATION_FIELD, 0x0130), b"thing").build()
    assert package.refusal(data, DEVICE) is None


def test_changed_bytes_are_refused():
    data = writer().build()
    size = package.manifest_size(data)
    assert package.refusal(package.with_flipped_bit(data, size), DEVICE) == package.WRONG_SIGNATURE
    assert package.refusal(package.with_flipped_bit(data, len(data) - 1), DEVICE) == package.WRONG_CHUNK
    assert package.refusal(data[:-1], DEVICE) == package.TRUNCATED
    assert package.refusal(data[:100], DEVICE) == package.TRUNCATED
    unsigned = package.Device(ETHERNET, (OTHER_KEY.public,))
    assert package.refusal(data, unsigned) == package.WRONG_SIGNATURE


def test_counter_is_compared_with_the_chip_and_with_what_is_installed():
    data = writer(application(security_counter=2)).build()
    installed = package.read(writer(application(security_counter=3)).build()).manifest.components
    assert package.refusal(data, package.Device(ETHERNET, (KEY.public,), {APPLICATION: 2})) is None
    assert package.refusal(data, package.Device(ETHERNET, (KEY.public,), {APPLICATION: 3})) == package.COUNTER_TOO_LOW
    assert package.refusal(data, package.Device(ETHERNET, (KEY.public,), {RUNTIME: 3})) is None
    assert package.refusal(data, package.Device(ETHERNET, (KEY.public,), {}, installed)) == package.COUNTER_TOO_LOW


def test_requirement_is_met_by_the_package_or_by_the_device():
    needs = struct.pack("<I4H", RUNTIME, 2, 0, 0, 0)
    path = (APPLICATION_FIELD, package.REQUIRES)
    alone = writer().add(path, needs).build()
    both = writer(runtime(version=(2, 0, 0, 0)), application()).add(path, needs).build()
    assert package.refusal(alone, DEVICE) == package.REQUIREMENT
    assert package.refusal(both, DEVICE) is None


def test_field_beyond_its_list_is_refused():
    with pytest.raises(FormatError, match=package.WRONG_LENGTH):
        package.split_fields(b"\x20\x00\x08\x00abcd", package.TOP_LEVEL)
