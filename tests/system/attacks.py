# SPDX-License-Identifier: MIT
"""Somebody who holds the SPI bus: he reads, writes and replaces the SPI NOR at any moment, also while the bootloader
works.

A target is a device with an approved application (third) and an approved package to be installed (small), both with
security counter 1, which the one-time programmable area holds too. What must never run is the intruder, of which there
are an old package (good signature, counter 0) and any number of forged ones.
"""

from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from formats import boards, journal, package, store
from formats.boards import APPLICATION, HEADER_SIZE

from . import apps, jobs, trace
from .artifacts import firmware, matterhorn, package_file
from .device import Cells, application_writer, requested_cells

INTRUDER = Path(__file__).with_name("intruder.c")
OTP_COUNTER = {boards.RUNTIME: 0, APPLICATION: 224}  # docs/SPEC.md 4

# How a start ends: what is installed runs, or the device waits for something better.
RUNS = ("update: confirmed", "third: confirmed")
WAITS = "boot: trying again in 10 s"


def burn(cells, component, counter):
    """The one-time programmable area of a device that has confirmed so much of this component."""
    at = OTP_COUNTER[component]
    for bit in range(counter):
        cells.otp[at + bit // 8] &= ~(1 << bit % 8)
    return cells


@dataclass(frozen=True)
class Target:
    board: boards.Board
    cells: Cells  # idle, third runs
    approved: bytes  # the package that is to be installed
    old: bytes  # the intruder's, of the same length
    factory: bytes  # the package of what runs
    next: bytes  # the update that must work afterwards

    def requested(self, data=None):
        """The device that is about to install the package, or what stands in its place."""
        cells = requested_cells(self.cells, self.approved)
        if data is not None:
            self.place(cells, data)
        return cells

    @cached_property
    def entry(self):
        """Where the package lies."""
        return journal.read(requested_cells(self.cells, self.approved).nor).incoming

    def place(self, cells, data):
        for address, piece in pieces(self.entry, data):
            cells.nor[address : address + len(piece)] = piece

    def swap(self, session, data):
        """Puts this into the place of the package, while the board stands still."""
        for address, piece in pieces(self.entry, data):
            session.tamper(address, piece)


def pieces(entry, data):
    """What goes where of a package that lies in the extents of this entry."""
    for index, extent in enumerate(sorted(entry.extents)):
        at = index * store.EXTENT_SIZE
        yield store.RESERVED + extent * store.EXTENT_SIZE, data[at : at + store.EXTENT_SIZE]


def target(board, folder):
    """A new one; its user's NOR is left alone by everything here."""
    third = firmware(board, "third", "bin").read_bytes()
    factory = apps.packed(board, third, folder / "third.nmf", counter=1, name="third")
    cells = burn(apps.provisioned_with(board, factory, folder / "device"), APPLICATION, 1)
    small = package.read(package_file(board, "small").read_bytes()).images[APPLICATION]
    intruder = apps.build(board, INTRUDER, folder, "STAYS_QUIET").ljust(len(small), b"\0")
    assert len(intruder) == len(small)
    packages = (
        application_writer(board, image, version=version, counter=counter, name="small").build()
        for image, version, counter in ((small, (2, 0, 0, 0), 1), (intruder, (9, 0, 0, 0), 0), (third, (3, 0, 0, 0), 1))
    )
    approved, old, following = packages
    assert len(approved) == len(old)
    return Target(board, cells, approved, old, factory.read_bytes(), following)


def forgeries(goal):
    """What may stand in the place of the approved package, by name; of the same length."""
    size = package.manifest_size(goal.approved) + package.SIGNATURE_SIZE
    component = package.read_manifest(goal.approved).components[APPLICATION]
    table = size + component.chunk_count * package.CHUNK_ENTRY.size
    half = table + (len(goal.approved) - table) // 2
    good, old = goal.approved, goal.old
    raised = bytearray(old[:size])  # the old manifest with the counter that the device wants, and its old signature
    field = package.Field(package.SECURITY_COUNTER, package.u32(0)).encode(0)
    at = old.index(field) + 4
    raised[at : at + 4] = package.u32(1)
    return {
        "old signed package": old,
        "old package with its counter raised": bytes(raised) + old[size:],
        "chunk table and chunks of the old one": good[:size] + old[size:],
        "chunk table of the old one": good[:size] + old[size:table] + good[table:],
        "chunks of the old one": good[:table] + old[table:],
        "second half of the old one": good[:half] + old[half:],
        "another signature": good[: size - 1] + bytes([good[size - 1] ^ 1]) + good[size:],
        "nothing": b"\xff" * len(good),
    }


# --- Running, and judging -----------------------------------------------------------------------------------------


def lines(session):
    return trace.uart_lines(session.events)


def ended(session):
    """What is installed runs, or the device waits."""
    return any(line == WAITS or line.startswith(RUNS) for line in lines(session))


def waits(session):
    return WAITS in lines(session)


def settle(session):
    """Until the start has ended, in virtual time."""
    while not ended(session):
        assert session.time_ns < jobs.PATIENCE_NS, "\n".join(lines(session))
        session.run(jobs.PATIENCE_NS, line=True)


def time_of(session, text):
    """When the line feed of the first line with this text was sent."""
    feeds = [event.time_ns for event in session.events if event.kind == trace.UART and event.value == ord("\n")]
    return next(feed for feed, line in zip(feeds, lines(session)) if text in line)


@cache
def installed(board, data):
    """What the application's region holds of a package: header, image, and 0xFF."""
    return package.read(data).installed(APPLICATION).ljust(board.application.size, b"\xff")


def assert_only_approved(goal, session, before):
    """The intruder has not run; nothing but approved bytes went into the internal flash, and only into the region of
    the application; no counter has fallen."""
    said = lines(session)
    assert not any("intruder" in line for line in said), "\n".join(said)
    contents = [installed(goal.board, data) for data in (goal.approved, goal.factory, goal.next)]
    region = goal.board.application
    for event in trace.internal_operations(session.events):
        if event.kind == trace.PROGRAM and event.address >= boards.OTP_BASE:
            continue  # judged by its cells, below
        assert region.start <= event.address < region.end, trace.describe(event)
        if event.kind == trace.PROGRAM:
            at = event.address - region.start
            allowed = {content[at : at + event.value] for content in contents}
            assert bytes(event.payload) in allowed, trace.describe(event)
    after = session.cells
    assert all(now & ~then == 0 for now, then in zip(after.otp[:448], before.otp[:448])), "a counter has fallen"
    kept = region.start - boards.INTERNAL_BASE
    assert after.internal[:kept] == before.internal[:kept], "something outside the application's region has changed"


def assert_next_update_works(bench, goal, cells, folder):
    """An application stores another package and asks for its install, whatever the attack has left behind."""
    (folder / "next.nmf").write_bytes(goal.next)
    matterhorn("deploy", cells.save(folder / "attacked"), folder / "next.nmf")
    assert_installs_next(bench, goal, Cells.load(folder / "attacked"))


def assert_next_update_works_with_the_journal_put_right(bench, goal, cells):
    """Where the device waits for something that cannot come, the chip must be written anew, as it was provisioned."""
    cells = cells.copy()
    cells.nor[:] = goal.cells.nor
    assert_installs_next(bench, goal, requested_cells(cells, goal.next))


def assert_installs_next(bench, goal, cells):
    session = bench.power_on(goal.board, cells)
    session.wait_for(jobs.says("third: confirmed"), jobs.PATIENCE_NS)
    assert_only_approved(goal, session, cells)
    assert session.cells.region(goal.board, APPLICATION)[:HEADER_SIZE] == installed(goal.board, goal.next)[:HEADER_SIZE]


class Afterwards:
    """Tries the next update once for each end that attacks come to."""

    def __init__(self, bench, goal, folder):
        self._bench, self._goal, self._folder, self._seen = bench, goal, folder, set()

    def check(self, session):
        cells = session.cells
        key = hash((bytes(cells.internal), bytes(cells.otp), bytes(cells.nor[store.RESERVED :])))
        if key in self._seen:
            return
        self._seen.add(key)
        if waits(session):
            assert_next_update_works_with_the_journal_put_right(self._bench, self._goal, cells)
        else:
            assert_next_update_works(self._bench, self._goal, cells, self._folder)
