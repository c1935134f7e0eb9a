# SPDX-License-Identifier: MIT
"""The independent reader and `matterhorn inspect` refuse the same packages for the same reasons.

One reads docs/SPEC.md in Python, the other is the firmware's own code. Several hundred packages, each spoilt in one or
two places and then signed properly, go to both: where they differ, one of them or the page is wrong.
"""

import json
import random
from hashlib import sha256

import pytest

from formats import boards, package
from formats.boards import APPLICATION, RUNTIME

from .artifacts import PUBLIC_KEY, run, signing_key

ETHERNET = boards.ETHERNET
IMAGE = b"".join(sha256(bytes([n])).digest() for n in range(256)) + b"tail"
TAGS = (
    (package.BOARD,),
    (package.PACKAGE_SIZE,),
    (package.REVOKES,),
    (package.NAME,),
    *((package.COMPONENT[APPLICATION], tag) for tag in package.OF_COMPONENT if tag != package.REQUIRES),
    *((package.COMPONENT[RUNTIME], tag) for tag in package.OF_COMPONENT if tag != package.REQUIRES),
)
# Section 2.4 says "fields parse" and leaves open which of several mistakes in the fields is named.
ABOUT_FIELDS = {
    package.UNKNOWN_CRITICAL,
    package.DUPLICATE,
    package.MISSING,
    package.WRONG_LENGTH,
    package.WRONG_VALUE,
    package.UNKNOWN_CODEC,
}
CIPHER_KEY = bytes(range(32))
SEEDS = range(20)
PACKAGES_PER_SEED = 25


def encrypted(number, image, version, nonce):
    region = ETHERNET.region(number)
    return package.NewComponent(number, image, region.start, version, 1, cipher_key=CIPHER_KEY, nonce=nonce)


def writer():
    parts = [
        encrypted(RUNTIME, IMAGE[::-1], (1, 2, 3, 4), b"the runtime."),
        encrypted(APPLICATION, IMAGE, (5, 6, 7, 8), b"application."),
    ]
    return package.PackageWriter(ETHERNET.id, signing_key(), parts, "spoilt").add((package.REVOKES,), package.u32(2))


def encoded(spoilt, path):
    """The value of a field as bytes, for changing it."""
    return spoilt.find(path).encode(len(spoilt.build()))[4:]


def change_a_bit(spoilt, path, random):
    value = encoded(spoilt, path)
    spoilt.set(path, package.with_flipped_bit(value, random.randrange(len(value)), random.randrange(8)))


def change_the_length(spoilt, path, random):
    value = encoded(spoilt, path)
    spoilt.set(path, value[: random.randrange(len(value))] if random.randrange(2) else value + bytes(4))


def add_a_field(spoilt, path, random):
    known = (package.BOARD, package.VERSION, package.REQUIRES, package.CIPHER)
    tag = random.choice((0x0F30, 0x8F30, 0x0021, 0x8021) + known)
    spoilt.add(path[:-1] + (tag,), random.randbytes(random.choice((0, 1, 4, 8, 12, 15))))


def drop(spoilt, path, random):
    spoilt.drop(path)


def duplicate(spoilt, path, random):
    spoilt.duplicate(path)


def require(spoilt, path, random):
    """A requirement of the other component, that may or may not be met, or of one that does not exist."""
    number = random.choice((RUNTIME, APPLICATION))
    other = package.u32(random.choice((RUNTIME, APPLICATION, 3)))
    lowest = package.pack_version((random.choice((1, 9)), 2, 3, 4))
    spoilt.add((package.COMPONENT[number], package.REQUIRES), other + lowest)


CHANGES = (change_a_bit, change_the_length, add_a_field, drop, duplicate, require)


def spoil_behind_the_signature(data, random):
    """Usually nothing; else the file is cut, is longer, or has one other bit. Returns it and what was done."""
    choice = random.randrange(8)
    if choice == 0:
        return data[: random.randrange(len(data))], ["cut"]
    if choice == 1:
        return data + b"\0", ["longer"]
    if choice == 2:
        return package.with_flipped_bit(data, random.randrange(len(data)), random.randrange(8)), ["another bit"]
    return data, []


def spoilt_package(random):
    """A package spoilt in one or two fields and then signed, and a list of what was done to it."""
    spoilt, done = writer(), []
    for path in random.sample(TAGS, random.choice((1, 1, 1, 2))):
        change = random.choice(CHANGES)
        change(spoilt, path, random)
        done.append(f"{change.__name__} at {'.'.join(f'0x{tag:04x}' for tag in path)}")
    data, behind = spoil_behind_the_signature(spoilt.build(), random)
    return data, done + behind


def inspect(file, device_key):
    """What the firmware's code says: a reason, or None when it accepts."""
    keys = ("--key", PUBLIC_KEY, "--device-key", device_key)
    arguments = ("inspect", file, "--board", ETHERNET.name, *keys, "--counter", 1)
    done = run(*arguments, "--json")
    said = json.loads(done.stdout)
    assert done.returncode == {"accepted": 0, "refused": 1}[said["verdict"]]
    return said["reason"] if said["verdict"] == "refused" else None


def agree(mine, said, done):
    return mine == said or len(done) > 1 and {mine, said} <= ABOUT_FIELDS


@pytest.mark.parametrize("seed", SEEDS)
def test_reader_and_inspect_agree(seed, tmp_path):
    generator = random.Random(seed)
    device = package.Device(ETHERNET, (signing_key().public,), {RUNTIME: 1, APPLICATION: 1}, cipher_key=CIPHER_KEY)
    device_key = tmp_path / "device.key"
    device_key.write_text(f"matterhorn-device-key-1 {CIPHER_KEY.hex()}\n")
    file = tmp_path / "spoilt.nmf"
    differences = []
    for _ in range(PACKAGES_PER_SEED):
        data, done = spoilt_package(generator)
        file.write_bytes(data)
        mine, said = package.refusal(data, device), inspect(file, device_key)
        if not agree(mine, said, done):
            differences.append(f"{', '.join(done)}: the page says {mine}, inspect {said}")
    assert not differences, "\n".join(differences)
