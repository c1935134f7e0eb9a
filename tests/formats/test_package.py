# SPDX-License-Identifier: MIT
"""The package writer and reader agree with docs/SPEC.md and with each other."""

import lzma
import struct
from hashlib import sha256

import pytest

from formats import FormatError, keys, package
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


def test_requirement_of_what_stays_is_met_by_the_package():
    needs = struct.pack("<I4H", RUNTIME, 2, 0, 0, 0)
    there = package.read(writer().add((APPLICATION_FIELD, package.REQUIRES), needs).build()).manifest.components
    device = package.Device(ETHERNET, (KEY.public,), installed=there)
    old, new = (writer(runtime(version=version)).build() for version in ((1, 9, 0, 0), (2, 0, 0, 0)))
    assert package.refusal(old, device) == package.REQUIRED
    assert package.refusal(old, DEVICE) is None
    assert package.refusal(new, device) is None
    both = writer(runtime(version=(1, 9, 0, 0)), application()).build()
    assert package.refusal(both, device) is None


def test_field_beyond_its_list_is_refused():
    with pytest.raises(FormatError, match=package.WRONG_LENGTH):
        package.split_fields(b"\x20\x00\x08\x00abcd", package.TOP_LEVEL)


# --- Keys ---------------------------------------------------------------------------------------------------------


def trusting(*keys, **changes):
    return package.Device(ETHERNET, tuple(key.public for key in keys), **changes)


def test_any_key_signs_unless_it_was_revoked():
    data = writer().build()
    for keys, number in (((KEY, OTHER_KEY), 0), ((OTHER_KEY, KEY), 1)):
        assert package.refusal(data, trusting(*keys)) is None
        assert package.refusal(data, trusting(*keys, revoked=(1 - number, 2, 3))) is None
        assert package.refusal(data, trusting(*keys, revoked=(number,))) == package.REVOKED
    assert package.refusal(data, trusting(OTHER_KEY, revoked=(0,))) == package.WRONG_SIGNATURE


def test_revokes_is_a_mask_of_other_keys():
    def revoking(value):
        return writer().add((package.REVOKES,), value).build()

    assert package.read(revoking(package.u32(9))).manifest.revokes == 9
    device = trusting(OTHER_KEY, KEY)  # the key that signs has number 1
    assert package.refusal(revoking(package.u32(1)), device) is None
    assert package.refusal(revoking(package.u32(12)), device) is None
    locked = trusting(OTHER_KEY, KEY, revocable=1)
    assert package.refusal(revoking(package.u32(1)), locked) is None
    assert package.refusal(revoking(package.u32(9)), locked) == package.REVOCATION
    for forbidden in (2, 3, 16, 1 << 31):
        assert package.refusal(revoking(package.u32(forbidden)), device) == package.WRONG_VALUE
    assert package.refusal(revoking(b"\1"), device) == package.WRONG_LENGTH
    twice = writer().add((package.REVOKES,), package.u32(1)).duplicate((package.REVOKES,)).build()
    assert package.refusal(twice, device) == package.DUPLICATE


# --- Encryption ---------------------------------------------------------------------------------------------------

CIPHER_KEY = bytes(range(100, 132))
NONCE = b"twelve bytes"
CIPHER_PATH = (APPLICATION_FIELD, package.CIPHER)
HOLDER = package.Device(ETHERNET, (KEY.public,), cipher_key=CIPHER_KEY)


def encrypted(**changes):
    return writer(application(cipher_key=CIPHER_KEY, nonce=NONCE, **changes))


def test_cipher_is_the_one_of_the_rfc():
    """RFC 8439, 2.4.2."""
    text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    text += b"sunscreen would be it."
    made = keys.chacha20(bytes(range(32)), bytes.fromhex("000000000000004a00000000"), 1, text)
    assert made[:16].hex() == "6e2e359a2568f98041ba0728dd0d6981" and made[-2:].hex() == "874d"


def test_encrypted_package_is_read_with_its_key_alone():
    data = encrypted().build()
    assert package.read(data, CIPHER_KEY).images == {APPLICATION: IMAGE}
    assert package.refusal(data, HOLDER) is None
    for cipher_key in (None, bytes(32), CIPHER_KEY[::-1]):
        device = package.Device(ETHERNET, (KEY.public,), cipher_key=cipher_key)
        assert package.refusal(data, device) == package.WRONG_CIPHER_KEY


def test_encrypted_package_tells_no_chunk():
    data = encrypted().build()
    read = package.read(data, CIPHER_KEY)
    assert not any(IMAGE[at : at + 16] in data for at in range(0, len(IMAGE) - 16, 16))
    assert {chunk.plain_sha256 for chunk in read.tables[APPLICATION]} == {bytes(32)}
    second = read.tables[APPLICATION][1]
    at = len(read.manifest.data) + 64 + second.offset
    stream = keys.chacha20(CIPHER_KEY, NONCE, 64, bytes(4096))  # behind the 64 blocks of the first chunk
    assert bytes(a ^ b for a, b in zip(data[at : at + 4096], stream)) == IMAGE[4096:8192]


def test_components_of_a_package_have_key_streams_of_their_own():
    same = {"image": IMAGE, "cipher_key": CIPHER_KEY}
    data = writer(runtime(nonce=b"one for this", **same), application(nonce=NONCE, **same)).build()
    read = package.read(data, CIPHER_KEY)
    assert read.images == {RUNTIME: IMAGE, APPLICATION: IMAGE}
    stored = {chunk.stored_sha256 for table in read.tables.values() for chunk in table}
    assert len(stored) == len(read.tables[RUNTIME]) + len(read.tables[APPLICATION])


REFUSED_CIPHERS = {
    "cipher-0": (package.cipher_value(NONCE, keys.key_id(CIPHER_KEY), 0), package.WRONG_VALUE),
    "cipher-2": (package.cipher_value(NONCE, keys.key_id(CIPHER_KEY), 2), package.WRONG_VALUE),
    "other-key": (package.cipher_value(NONCE, keys.key_id(CIPHER_KEY[::-1])), package.WRONG_CIPHER_KEY),
    "key-of-zeros": (package.cipher_value(NONCE, keys.key_id(bytes(32))), package.WRONG_CIPHER_KEY),
    "other-nonce": (package.cipher_value(NONCE[::-1], keys.key_id(CIPHER_KEY)), package.WRONG_IMAGE),
    "short": (package.cipher_value(NONCE, keys.key_id(CIPHER_KEY))[:20], package.WRONG_LENGTH),
    "long": (package.cipher_value(NONCE, keys.key_id(CIPHER_KEY)) + bytes(4), package.WRONG_LENGTH),
}


@pytest.mark.parametrize("value, reason", REFUSED_CIPHERS.values(), ids=REFUSED_CIPHERS.keys())
def test_cipher_field_with_another_value(value, reason):
    assert package.refusal(encrypted().set(CIPHER_PATH, value).build(), HOLDER) == reason


def test_cipher_field_twice_or_for_nothing():
    assert package.refusal(encrypted().duplicate(CIPHER_PATH).build(), HOLDER) == package.DUPLICATE
    claimed = writer().add(CIPHER_PATH, package.cipher_value(NONCE, keys.key_id(CIPHER_KEY))).build()
    assert package.refusal(claimed, HOLDER) == package.WRONG_IMAGE
    denied = encrypted().drop(CIPHER_PATH).build()
    assert package.refusal(denied, HOLDER) == package.WRONG_CHUNK


# --- LZMA ---------------------------------------------------------------------------------------------------------


def lzma_device(**changes):
    return package.Device(ETHERNET, (KEY.public,), **changes)


LZMA_STREAM = "003b9bcb0109f15ccd59b0a863357890218fe164bb0bcab4d1ea48f2528000"


def test_codec_that_is_not_built_in():
    data = writer(application(codec=package.CODEC_LZMA)).build()
    assert package.refusal(data, lzma_device()) == package.UNKNOWN_CODEC
    assert package.refusal(data, lzma_device(has_lzma=True)) is None
    data = writer(application(codec=3)).build()
    assert package.refusal(data, lzma_device(has_lzma=True)) == package.WRONG_VALUE


def test_lzma_chunk_is_decoded():
    """Of 46 bytes, by another encoder (liblzma's, which its Python binding cannot be told
    to leave the marker out of)."""
    plain = b"words that come again, " * 2
    stream = bytes.fromhex(LZMA_STREAM)
    assert package.unpacked(package.CODEC_LZMA, stream, len(plain)) == plain
    for wrong in (stream[:-1], stream + b"\0"):
        with pytest.raises(FormatError):
            package.unpacked(package.CODEC_LZMA, wrong, len(plain))
    for size in (len(plain) - 1, len(plain) + 1):
        with pytest.raises(FormatError):
            package.unpacked(package.CODEC_LZMA, stream, size)


def test_lzma_chunk_with_an_end_marker_is_refused():
    plain = b"words that come again, " * 100
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 4096, "lc": 0, "lp": 1, "pb": 1}]
    marked = lzma.compress(plain, lzma.FORMAT_RAW, filters=filters)
    with pytest.raises(FormatError):
        package.unpacked(package.CODEC_LZMA, marked, len(plain))
