#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the seeds of those targets whose inputs are no files of anybody: corpus/NAME, for NAME in TARGETS below.

Run it after the form of such an input changed (it stands at the top of each fuzz_NAME.c); what fuzzers found and
somebody kept there (ci/fuzz NAME --merge) stays.

usage: fuzz/make_seeds.py
"""

import lzma
import pathlib
import struct
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
CORPUS = TOP / "fuzz" / "corpus"
sys.path.insert(0, str(TOP))
sys.dont_write_bytecode = True

from tests.formats.anchors import Anchors  # noqa: E402

# package_set.h
APPLICATION, NEWER, RUNTIME, BOTH, TWO_SECTORS, SMALLEST, WRONG_IMAGE, OTHER_BOARD = range(8)
ENCRYPTED, BY_KEY_1, REVOKING, LAST = range(8, 12)
IDLE, REQUESTED, INSTALLING, TRIAL, CONFIRMING, ROLLING_BACK = range(6)
BEFORE, HALF, MASK, WEAK, AFTER, ONEBIT, LAST_BYTE, ZEROS, NOTAKE = range(9)


def loss(operation=0, tear=BEFORE):
    return struct.pack("<HB", operation if operation < 64 else 0x8000 | operation, tear)


# --- journals: journal_target.c ---

NONE = (LAST, 0, 0)
BOTH_TRIED, APPLICATION_TRIED = 3, 2


def state(
    phase=IDLE, sectors=0, refusal=0, runtime=NONE, application=NONE, incoming=NONE, received=0, tried=0, credit=0
):
    """`credit`: the power of 2, 1 to 7."""
    head = struct.pack("<BHB", phase | tried << 3 | credit << 5, sectors, refusal)
    return head + bytes([*runtime, *application, *incoming, received])


def rolled_back(package):
    """As `refusal`: the package was rolled back before."""
    return next(n for n in range(0x80, 0xC0) if n % LAST == package)


def record(page, generation, what):
    return bytes([page, generation << 3]) + what


def again(page):
    return bytes([page, 3])


def raw(page, at, data):
    return bytes([page, len(data) << 3 | 5, at]) + data


def torn_erase(page, tear):
    return bytes([page, 6, tear])


def weak(page, at, bit):
    return bytes([page, bit << 3 | 7, at])


def journal(*changes):
    return bytes([len(changes)]) + b"".join(changes)


def opening(when=loss(), noise=0):
    return b"\0" + when + bytes([noise])


def writing(what, when=loss(), noise=0):
    return b"\1" + when + bytes([noise]) + what


STORED = {"incoming": (NEWER, 4, 0), "received": 0xFF}
REQUEST = state(REQUESTED, **STORED)
RESTING = state(runtime=(RUNTIME, 0, 0), application=(APPLICATION, 1, 0))
COMING = state(incoming=(NEWER, 4, 0), received=1)
RUNNING = {"runtime": (RUNTIME, 0, 0), "application": (APPLICATION, 1, 0)}


def journals():
    yield "empty", journal()
    yield "at-rest", journal(record(0, 0, RESTING), again(1)) + opening()
    way = [record(0, 0, RESTING), again(1), record(2, 0, COMING), record(3, 0, REQUEST)]
    yield "on-the-way", journal(*way) + opening()
    yield "both-sectors", journal(record(0, 3, RESTING), again(1), record(16, 0, REQUEST), record(17, 0, RESTING))
    yield "second-copy-missing", journal(record(0, 1, RESTING)) + opening(loss(1, WEAK)) + opening(noise=1)
    yield "weak-record", journal(record(0, 0, RESTING), again(1), record(2, 0, REQUEST), weak(2, 200, 0)) + opening()
    yield "torn-erase", journal(record(0, 0, RESTING), again(1), torn_erase(16, HALF)) + opening(loss(1, MASK))
    yield "weak-erase", journal(record(0, 0, RESTING), torn_erase(16, WEAK)) + opening() + opening(noise=5)
    yield "no-generation", journal(record(0, 0, RESTING), raw(0, 5, b"\4"))
    yield "no-phase", journal(record(0, 0, RESTING), raw(0, 6, b"\7"), again(1))
    yield "next-format", journal(record(0, 0, RESTING), raw(0, 4, b"\2"))
    yield "noise", journal(*(raw(page, 0, bytes(range(page, page + 30))) for page in range(32)))
    full = [record(page, 2, COMING) for page in range(16)]
    yield "full", journal(*full) + writing(REQUEST) + writing(RESTING)
    tears = (BEFORE, HALF, MASK, WEAK, AFTER, ONEBIT, LAST_BYTE, ZEROS, NOTAKE)
    for tear in tears[1:]:
        yield f"lost-{tear}", (
            journal(*full)
            + b"".join(writing(REQUEST, loss(n, tear), n) + writing(RESTING, loss(n, tear), 1) for n in range(1, 5))
        )
    yield "lost-in-openings", journal(*full, torn_erase(16, MASK)) + b"".join(
        opening(loss(n, tears[n])) + opening(noise=n) for n in range(1, 6)
    )


# --- starts: fuzz_store.c ---


def change(where, data):
    return struct.pack("<H", where >> 8) + bytes([where & 0xFF, len(data)]) + data


def store(runtime, application, stored, what, nor=(), internal=(), pages=(), starts=()):
    return (
        bytes([runtime, application, stored])
        + what
        + bytes([len(nor)])
        + b"".join(nor)
        + bytes([len(internal)])
        + b"".join(internal)
        + journal(*pages)
        + bytes([len(starts)])
        + b"".join(bytes([noise]) + when for noise, when in starts)
    )


def stores():
    good = (RUNTIME, APPLICATION)
    yield "blank", store(0xFF, 0xFF, 0, state())
    yield "at-rest", store(*good, 3, RESTING)
    yield "request", store(*good, 7, REQUEST)
    yield "request-without-package", store(*good, 0, REQUEST)
    yield "nothing-installed", store(0xFF, 0xFF, 4, state(REQUESTED, incoming=(BOTH, 0, 0), received=0xFF))
    yield "two-sectors", store(*good, 4, state(REQUESTED, incoming=(TWO_SECTORS, 9, 0), received=0xFF))
    both = state(REQUESTED, incoming=(BOTH, 0, 4), received=0xFF)
    for n, tear in ((1, HALF), (5, WEAK), (700, MASK), (2000, HALF), (2900, ONEBIT), (3000, NOTAKE)):
        yield f"lost-{n}", store(*good, 4, both, starts=[(1, loss(n, tear)), (2, loss(n // 2, tear))])
    forms = {"too-few": 1, "too-many": 3, "longer": 8, "shorter": 16, "endless": 0x60, "other-id": 0x80}
    for name, form in forms.items():
        yield f"entry-{name}", store(*good, 4, state(REQUESTED, incoming=(NEWER, 7, form), received=0xFF))
    yield "extents-behind-the-store", store(*good, 0, state(REQUESTED, incoming=(NEWER, 249, 0), received=0xFF))
    yield "resumed", store(*good, 4, state(INSTALLING, 0x200, incoming=(BOTH, 0, 0), received=0xFF))
    yield "done-before-it-began", store(*good, 4, state(REQUESTED, 0xFFF, incoming=(BOTH, 0, 0), received=0xFF))
    yield "stuck", store(*good, 0, state(INSTALLING, 0x200, incoming=(BOTH, 0, 0), received=0xFF))
    yield "encrypted", store(*good, 4, state(REQUESTED, incoming=(ENCRYPTED, 9, 0), received=0xFF))
    yield "by-key-1", store(BY_KEY_1, APPLICATION, 4, state(REQUESTED, incoming=(BY_KEY_1, 9, 0), received=0xFF))
    revoking = {"incoming": (REVOKING, 9, 0), "received": 0xFF, "tried": APPLICATION_TRIED}
    yield "revoking", store(BY_KEY_1, REVOKING, 7, state(CONFIRMING, runtime=(BY_KEY_1, 0, 0), **revoking))
    yield "other-board", store(*good, 4, state(REQUESTED, incoming=(OTHER_BOARD, 0, 0), received=0xFF))
    yield "wrong-image", store(*good, 4, state(REQUESTED, incoming=(WRONG_IMAGE, 0, 0), received=0xFF))
    yield "older", store(RUNTIME, SMALLEST, 4, state(REQUESTED, incoming=(APPLICATION, 0, 0), received=0xFF))
    trial = {"incoming": (BOTH, 9, 0), "received": 0xFF, "tried": BOTH_TRIED, **RUNNING}
    for stored in range(8):
        yield f"trial-{stored}", store(BOTH, BOTH, stored, state(TRIAL, credit=2, **trial))
    yield "trial-over", store(BOTH, BOTH, 7, state(TRIAL, **trial), starts=[(1, loss(900, HALF)), (3, loss(70, WEAK))])
    yield "trial-over-and-rolled-back-already", store(BOTH, BOTH, 7, state(TRIAL, 0xFFF, **trial))
    yield "trial-of-nothing", store(*good, 7, state(TRIAL, 0xFFF, **{**trial, "incoming": NONE}))
    cut = [(1, loss(2, MASK)), (2, loss(1, WEAK))]
    yield "confirming", store(BOTH, BOTH, 7, state(CONFIRMING, **trial), starts=cut)
    yield "confirming-nothing", store(0xFF, BOTH, 7, state(CONFIRMING, **trial))
    yield "rolling-back", store(BOTH, BOTH, 7, state(ROLLING_BACK, **trial), starts=[(1, loss(900, NOTAKE))])
    yield "rolling-back-half-done", store(BOTH, APPLICATION, 7, state(ROLLING_BACK, 0x200, **trial))
    yield "rolling-back-to-nothing", store(BOTH, BOTH, 4, state(ROLLING_BACK, **trial))
    yield "rolling-back-stuck", store(BOTH, BOTH, 4, state(ROLLING_BACK, 0x10, **trial))
    before = state(REQUESTED, refusal=rolled_back(BOTH), incoming=(BOTH, 9, 0), received=0xFF)
    yield "rolled-back-before", store(*good, 4, before)
    yield "chunk-changed", store(*good, 4, REQUEST, nor=[change(0x4000 + 600, b"changed")])
    yield "manifest-changed", store(*good, 4, REQUEST, nor=[change(0x4000 + 12, b"\2")])
    yield "header-changed", store(*good, 4, REQUEST, internal=[change(0xA0010, b"\0\0")])
    yield "image-changed", store(*good, 0, RESTING, internal=[change(0xA0300, b"other")])
    yield "garbage", store(*good, 0, state(), nor=[change(0xFE000 + 256 * n, bytes(range(99))) for n in range(15)])


# --- sessions: fuzz_update.c ---

BOOT, SESSION, BEGIN, ALL, PACKET, SPOILED, VALIDATE, INSTALL, DELETE, CONFIRM, OFFER, ROLL_BACK, BLAMED = range(13)
STORED_TOO = 0x30  # what is installed at first has its packages in the store


def act(what, argument=0, when=loss(), noise=0):
    return bytes([what]) + when + bytes([noise, argument])


def acts(*whats):
    return [act(what) for what in whats]


def updates():
    one = [act(BEGIN, NEWER), act(ALL), act(VALIDATE), act(INSTALL), act(BOOT), act(CONFIRM)]
    yield "update", [0, *one]
    yield "packets", [0, act(BEGIN, BOTH), act(PACKET, 2), act(SESSION), act(BEGIN, BOTH), act(ALL), act(VALIDATE)]
    yield "order", [0, *acts(VALIDATE, INSTALL, PACKET, CONFIRM, DELETE), act(BEGIN, NEWER), act(VALIDATE)]
    yield "spoiled", [0, act(BEGIN, NEWER), act(SPOILED, 1), act(ALL), act(VALIDATE), act(OFFER, NEWER)]
    yield "wrong-image", [0, act(OFFER, WRONG_IMAGE), act(BEGIN, WRONG_IMAGE)]
    yield "wrong-begins", [0, *(act(BEGIN, NEWER + 16 * n) for n in range(5)), act(BEGIN, OTHER_BOARD)]
    yield "older", [12, act(OFFER, APPLICATION), act(OFFER, SMALLEST), act(BOOT), act(OFFER, NEWER)]
    tried = [STORED_TOO, act(OFFER, BOTH), act(BOOT)]
    twice = [act(OFFER, BOTH), act(OFFER, NEWER), act(BOOT), *acts(ROLL_BACK, BOOT)]
    yield "rolled-back", [*tried, *acts(ROLL_BACK, BOOT), *twice]
    yield "blamed", [*tried, *acts(BLAMED, BLAMED, BLAMED, BLAMED), act(OFFER, NEWER)]
    yield "blamed-without-store", [0, *tried[1:], *acts(BLAMED, BLAMED, BLAMED, BLAMED, ROLL_BACK, CONFIRM)]
    yield "never-confirmed", [*tried, *(act(BOOT, noise=n) for n in range(26))]
    yield "half-of-it-stored", [0x10, *tried[1:], *acts(ROLL_BACK, BLAMED, BLAMED, BLAMED, CONFIRM, ROLL_BACK)]
    confirmed = [*acts(DELETE, VALIDATE, CONFIRM), act(OFFER, NEWER), *acts(BOOT, CONFIRM)]
    yield "in-a-trial", [*tried, act(BEGIN, NEWER), *confirmed]
    for tear in (HALF, MASK, WEAK, AFTER, ONEBIT, NOTAKE):
        yield f"rollback-lost-{tear}", [
            *tried, act(ROLL_BACK, 0, loss(1, tear), 7), act(ROLL_BACK), act(BOOT, 0, loss(3, tear), 1),
            act(BOOT, 0, loss(500, tear)), act(BOOT, 0, loss(600, tear), 2), act(BOOT, 0, loss(2, tear)),
        ]  # fmt: skip
        yield f"confirmation-lost-{tear}", [
            *tried, act(CONFIRM, 0, loss(1, tear), 7), act(CONFIRM, 0, loss(2, tear), 1),
            act(CONFIRM, 0, loss(3, tear), 5), act(BOOT, 0, loss(4, tear), 2), act(CONFIRM, 0, loss(5, tear)),
            act(BOOT, 0, loss(6, tear)), act(BOOT, 0, loss(7, tear)),
        ]  # fmt: skip
    each = (RUNTIME, NEWER, BOTH, TWO_SECTORS, SMALLEST)
    yield "all-of-them", [0, *(step for n in each for step in (act(OFFER, n), *acts(BOOT, CONFIRM)))]
    revoked = [act(OFFER, REVOKING), *acts(BOOT, CONFIRM), act(OFFER, BY_KEY_1), act(BOOT), act(OFFER, BY_KEY_1)]
    by_key_1 = [STORED_TOO, act(OFFER, BY_KEY_1), *acts(BOOT, CONFIRM), *revoked]
    yield "revoked", [0, *revoked]
    yield "revoked-with-what-runs", [*by_key_1, act(OFFER, RUNTIME)]
    end = acts(BOOT, ROLL_BACK, BLAMED, BLAMED, BLAMED, CONFIRM)
    yield "not-rolled-back-to-a-revoked-key", [*by_key_1, act(OFFER, BOTH), *end]
    yield "encrypted", [STORED_TOO, act(OFFER, ENCRYPTED), *acts(BOOT, BLAMED, BLAMED, BLAMED), act(OFFER, ENCRYPTED)]
    yield "two-at-once", [0, act(BEGIN, BOTH), act(PACKET, 1), act(BEGIN, NEWER), act(ALL), act(VALIDATE), act(INSTALL)]
    yield "deleted", [0, act(BEGIN, BOTH), act(ALL), act(DELETE), act(VALIDATE), act(OFFER, BOTH), act(DELETE)]
    for tear in (HALF, MASK, WEAK, AFTER, ONEBIT, LAST_BYTE, ZEROS, NOTAKE):
        yield f"lost-{tear}", [
            0, act(BEGIN, BOTH, loss(1, tear), 1), act(BEGIN, BOTH), act(ALL, 0, loss(20, tear), 2), act(BEGIN, BOTH),
            act(ALL, 0, loss(19, tear)), act(BEGIN, BOTH), act(ALL), act(VALIDATE), act(INSTALL, 0, loss(1, tear), 3),
            act(BOOT), act(OFFER, TWO_SECTORS), act(BOOT, 0, loss(2, tear), 4), act(BOOT, 0, loss(900, tear)),
            act(BOOT, 0, loss(16400, tear)), act(BOOT, 0, loss(300, tear)), act(CONFIRM, 0, loss(2, tear), 5),
        ]  # fmt: skip


# --- areas: fuzz_area.c ---

OPEN, GIVE, OTHER, CHECK, ERASE, USER_READ, USER_PROGRAM, USER_ERASE = range(8)


def do(what, number=0, other=0, when=0, tear=BEFORE):
    return struct.pack("<BHBII", what, when, tear, number, other)


def area(where, size, packet_size, *actions, contents=b""):
    return struct.pack("<BHHBHH", where, size, packet_size, 1, 0, len(contents)) + contents + b"".join(actions)


def areas():
    three = [do(OPEN), do(GIVE, 0), do(GIVE, 1), do(GIVE, 2), do(CHECK)]
    yield "update", area(12, 9000, 4092, *three)
    yield "short-packets", area(13, 39, 13, *three, do(OTHER, 1), do(ERASE), do(OPEN))
    yield "end-of-the-users-part", area(15, 16000, 4092, *three, do(GIVE, 3), do(GIVE, 4), do(CHECK))
    yield "too-large", area(0, 9000, 4092, do(OPEN), do(GIVE, 0))
    yield "too-large-packets", area(12, 9000, 4093, do(OPEN))
    yield "no-size", area(12, 0, 4092, do(OPEN))
    yield "something-there", area(12, 8000, 4092, *three[:3], contents=bytes(range(256)) * 20)
    for tear in (HALF, MASK, WEAK, ONEBIT, NOTAKE):
        lost = [do(GIVE, 1, when=n, tear=tear) for n in (1, 2, 17, 18)]
        yield f"lost-{tear}", area(12, 9000, 4092, do(OPEN), do(GIVE, 0), *lost, *three, do(ERASE, when=2, tear=tear))
    for what in (USER_READ, USER_PROGRAM, USER_ERASE):
        bounds = [(0x700000, 1), (0x6FFFFF, 2), (0x700000, 0), (0xFFFFFFFF, 2), (2, 0xFFFFFFFF), (0x6FF000, 0x1000)]
        yield f"bounds-{what}", area(0, 1, 1, *(do(what, *bound) for bound in bounds))


# --- manifests: the packages of corpus/package, without what is behind the signature ---


def manifests():
    for path in sorted((CORPUS / "package").iterdir()):
        package = path.read_bytes()
        size = struct.unpack_from("<H", package, 6)[0] if len(package) >= 8 else len(package)
        yield path.name, b"\7\0\0\0\0" + package[:size]
    unsigned = (CORPUS / "package" / "application-stored").read_bytes()
    yield "signed-by-another-key", b"\0\0\0\0\0" + unsigned[: struct.unpack_from("<H", unsigned, 6)[0] + 64]
    states = {"installed": b"\x07\x01\x00\x03", "refused": b"\x07\x00\x00\x04", "newer": b"\x07\x15\xff\x03"}
    for name, before in states.items():
        yield name, before + b"\0" + unsigned[: struct.unpack_from("<H", unsigned, 6)[0]]


# --- chunks ---


def chunks():
    text = b"a text that has a text in it, and again a text that has a text in it, and again" * 20
    for codec in (0, 1, 2):
        yield f"encrypted-{codec}", bytes([0xC0 | codec]) + b"\0\0" + text
        yield f"packed-{codec}", bytes([0x80 | codec]) + b"\0\0" + text
        yield f"three-chunks-{codec}", bytes([0x80 | codec]) + b"\0\0" + bytes(8300)
    yield "stored", struct.pack("<BH", 0, 99) + text[:100]
    yield "stored-too-short", struct.pack("<BH", 0, 99) + text[:99]
    yield "lz4-literals", struct.pack("<BH", 1, 31) + b"\xF0\x11" + text[:30]
    yield "lz4-match", struct.pack("<BH", 1, 98) + b"\x1Fa\x01\x00\x3B\x50aaaaa"
    yield "lz4-match-before-the-beginning", struct.pack("<BH", 1, 98) + b"\x1Fa\x09\x00\x3B\x50aaaaa"
    yield "lz4-encrypted", struct.pack("<BH", 0x41, 31) + b"\xF0\x11" + text[:30]
    packed = lzma.compress(text, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "lc": 0, "lp": 1, "pb": 1}])
    for more in (-1, 0, 1):
        yield f"lzma-{len(text) + more}", struct.pack("<BH", 2, len(text) - 1 + more) + packed
    yield "lzma-cut-off", struct.pack("<BH", 2, len(text) - 1) + packed[:-9]
    yield "lz4-endless-length", struct.pack("<BH", 1, 4000) + b"\xF0" + b"\xFF" * 99


# --- anchors ---


def anchors():
    keys = tuple(bytes([n]) * 32 for n in range(1, 5))
    for count in range(1, 5):
        yield f"keys-{count}", b"\1" + Anchors(1, keys[:count], bytes(range(32))).encode()
    good = Anchors(2, keys[:1]).encode()
    blank = b"\xff" * 528
    yield "counter", b"\1" + good + b"\0" + bytes(20) + b"\xf0" + blank[:507]
    yield "full", b"\1" + good + b"\0" + bytes(448) + blank[:80]
    yield "raised", b"\1" + good + b"\0" + b"".join(struct.pack("<BH", n % 2, 5 * n) for n in range(6)) + blank
    yield "raised-too-high", b"\1" + good + b"\0" + struct.pack("<BHBH", 0, 1793, 5, 1) + blank
    yield "revoked", b"\1" + good + b"\0" + struct.pack("<BHBH", 2, 1, 2, 4) + blank
    yield "broken", b"\1" + good + b"\7" + struct.pack("<BHBHBH", 0, 99, 1, 1700, 2, 0xFFFF) + blank
    yield "locked", b"\1" + good + b"\0" + blank[:512] + b"\0\xff\0" + blank[:13]
    yield "no-keys", b"\1" + good[:12] + bytes(4) + good[16:]
    yield "too-many-keys", b"\1" + good[:12] + b"\5\0\0\0" + good[16:]
    yield "next-format", b"\1" + good[:4] + b"\x09\0\0\0" + good[8:]
    yield "wrong-checksum", b"\0" + good[:-1] + b"\0"
    yield "blank", b"\0" + b"\xff" * 704


# --- ids and profiles ---


def ids():
    known = (
        "eth-app-update~s1/int.080A0398.p1.after@d92a95142ab5",
        "eth-weak-journal~s6/nor.7FFF00.p1.weak",
        "eth-app-update~s7/int.080A4800.p1.half+nor.701000.e2.mask",
        "eth-app-update~s1n2!nor-wel-drop=7!int-worn/nor.700000.s1.zeros",
        "x~s18446744073709551615!int-stuck-0=080A0000.3!vdd-dip=5.9/int.FFFFFFFF.e4294967295.notake",
        "x~s1/" + "+".join(["nor.700000.e1.half"] * 32),
        "x~s1/int.080A0398.p1.zeros",
        "x~s/int.1.p0.half",
    )
    for n, text in enumerate(known):
        yield f"id-{n}", text.encode()


def profiles():
    for name in ("eth-small-update", "swap-update", "eth-parts", "eth-confirm"):
        lines = (TOP / "sim" / "profiles" / f"{name}.yaml").read_text().splitlines()
        yield name, "\n".join(line for line in lines if line and not line.startswith("#")).encode() + b"\n"
    smallest = "name: x\nmachine: m\ndevice: d\nrecovered: {lines: [a]}\nbudget: {boots: 1, seconds: 1}\n"
    smallest += "cuts: {count: all}\n"
    yield "smallest", smallest.encode()
    yield "matches", smallest.replace("lines: [a]", "matches: ['^a[0-9]+(b|c){2,3}$']").encode()
    yield "two-documents", (smallest + "---\na: 1\n").encode()
    yield "anchors", ("name: &a x\nmachine: *a\n" + smallest[8:]).encode()
    yield "octal", smallest.replace("boots: 1", "boots: 010").encode()


TARGETS = {
    "journal": journals,
    "store": stores,
    "update": lambda: ((name, bytes([steps[0]]) + b"".join(steps[1:])) for name, steps in updates()),
    "area": areas,
    "manifest": manifests,
    "chunk": chunks,
    "anchors": anchors,
    "id": ids,
    "profile": profiles,
}


def main():
    for target, seeds in TARGETS.items():
        folder = CORPUS / target
        folder.mkdir(exist_ok=True)
        for name, seed in seeds():
            (folder / name).write_bytes(seed)


if __name__ == "__main__":
    main()
