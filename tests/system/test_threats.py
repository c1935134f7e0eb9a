# SPDX-License-Identifier: MIT
"""docs/THREATS.md: what somebody gains who holds the SPI bus, on the real binary. Each time: only approved images run,
nothing else is even programmed, no counter falls, and the device takes the next update."""

from dataclasses import replace

import pytest

from formats import anchors, boards, journal, keys, package
from formats.boards import APPLICATION

from . import apps, attacks, jobs, trace
from .artifacts import firmware, package_file
from .attacks import Afterwards, assert_only_approved, lines, settle, waits
from .device import application_writer, requested_cells

BOARD = boards.ETHERNET
INSTANTS = 24


@pytest.fixture(scope="module", name="goal")
def the_target(tmp_path_factory):
    return attacks.target(BOARD, tmp_path_factory.mktemp("target"))


@pytest.fixture(scope="module", name="span")
def when_the_bootloader_works(bench, goal):
    """From the first look at the package to the start of the application, undisturbed: (begin, end) in virtual ns."""
    session = bench.power_on(BOARD, goal.requested())
    session.wait_for(jobs.says("update: confirmed"), jobs.PATIENCE_NS)
    assert_only_approved(goal, session, goal.cells)
    begin, end = attacks.time_of(session, "boot: Matterhorn"), attacks.time_of(session, "boot: starting")
    assert begin < attacks.time_of(session, "boot: verifying") < attacks.time_of(session, "boot: installing") < end
    return begin, end


FORGERIES = (
    "old signed package",
    "old package with its counter raised",
    "chunk table and chunks of the old one",
    "chunk table of the old one",
    "chunks of the old one",
    "second half of the old one",
    "another signature",
    "nothing",
)


def test_the_intruder_would_run_if_it_were_approved(bench, goal):
    """Else nothing here would show anything: with the counter that it has, the old package is taken."""
    cells = requested_cells(goal.cells, goal.old)
    cells.otp[:448] = b"\xff" * 448
    header = goal.board.application.start - boards.INTERNAL_BASE
    cells.internal[header : header + 512] = b"\xff" * 512
    session = bench.power_on(BOARD, cells)
    session.wait_for(jobs.says("intruder: runs"), jobs.PATIENCE_NS)


@pytest.mark.parametrize("name", FORGERIES)
def test_package_is_replaced_before_the_bootloader_looks(bench, goal, name, tmp_path):
    """It is refused before anything is erased, and what was there goes on."""
    cells = goal.requested(attacks.forgeries(goal)[name])
    session = bench.power_on(BOARD, cells)
    settle(session)
    assert not trace.internal_operations(session.events)
    assert any(line.startswith("boot: refused: ") for line in lines(session)) and "third: confirmed" in lines(session)
    assert_only_approved(goal, session, cells)
    attacks.assert_next_update_works(bench, goal, session.cells, tmp_path)


@pytest.mark.parametrize("name", FORGERIES)
def test_package_is_replaced_while_the_bootloader_verifies_and_installs_it(bench, goal, span, name, tmp_path):
    """At instants spread over its whole work. What it cannot finish it tries again: when the package is back, it ends
    well."""
    forged, before = attacks.forgeries(goal)[name], goal.requested()
    afterwards = Afterwards(bench, goal, tmp_path)
    begin, end = span
    ends = set()
    for instant in range(INSTANTS):
        session = bench.power_on(BOARD, before)
        session.run(begin + (end - begin) * instant // INSTANTS)
        goal.swap(session, forged)
        settle(session)
        assert_only_approved(goal, session, before)
        ends.add(lines(session)[-1])
        if waits(session):
            goal.swap(session, goal.approved)
            session.wait_for(jobs.says("update: confirmed"), 2 * jobs.PATIENCE_NS)
            assert_only_approved(goal, session, before)
        afterwards.check(session)
    assert len(ends) > 1, f"each instant came to the same end: {ends}"


@pytest.mark.parametrize("period_us", [300, 2000, 17000])
def test_chip_shows_another_package_each_time_it_is_read(bench, goal, span, period_us, tmp_path):
    """Good and old in turns, for as long as the bootloader works; then the good one stays."""
    before = goal.requested()
    session = bench.power_on(BOARD, before)
    begin, end = span
    session.run(begin)
    turns = 2 * (end - begin) // (period_us * 1000)
    assert turns > 50
    for turn in range(turns):
        goal.swap(session, goal.approved if turn % 2 else goal.old)
        session.run(session.time_ns + period_us * 1000)
    goal.swap(session, goal.approved)
    session.wait_for(attacks.ended, 2 * jobs.PATIENCE_NS)
    if waits(session):
        session.wait_for(jobs.says("update: confirmed"), 2 * jobs.PATIENCE_NS)
    assert_only_approved(goal, session, before)
    attacks.assert_next_update_works(bench, goal, session.cells, tmp_path)


# --- Forged journals ----------------------------------------------------------------------------------------------

APPROVED = "approved package"
ALL_EXTENTS = tuple(range(256))
HEADER_SECTOR = boards.sector_of(BOARD.application.start)
DONE = {"none": 0, "the header's": 1 << HEADER_SECTOR, "all": 0xFFFFFFFF}


def entries(goal):
    """What a forged journal may name as a package; the old one lies in the place of the approved one."""
    place = goal.entry
    old_id = package.read_manifest(goal.old).id
    return {
        "no package": journal.Entry(),
        "old signed package": replace(place, id=old_id),
        "old package under the approved one's id": place,
        APPROVED: place,
        "endless package": journal.Entry(ALL_EXTENTS, 0xFFFFFFFF, old_id),
        "package without a place": journal.Entry((), len(goal.old), old_id),
        "package of one byte": replace(place, length=1),
    }


def forge(goal, phase, name, done, erased):
    """The target with a package in its store and this journal; `erased`: its own header is gone, as it is in an
    install."""
    cells = goal.cells.copy()
    goal.place(cells, goal.approved if name == APPROVED else goal.old)
    entry = entries(goal)[name]
    forged = replace(
        journal.read(cells.nor),
        phase=phase,
        sectors_done=done,
        incoming=entry,
        application=entry,
        received=tuple(range(-(-len(goal.old) // journal.PACKET_SIZE))),
        tried=(APPLICATION,),
        credit=24 if done else 1,
    )
    journal.append(cells.nor, forged)
    assert journal.read(cells.nor).phase == phase
    if erased:
        header = BOARD.application.start - boards.INTERNAL_BASE
        cells.internal[header : header + 512] = b"\xff" * 512
    return cells


ENTRIES = (
    "no package", "old signed package", "old package under the approved one's id", APPROVED, "endless package",
    "package without a place", "package of one byte",
)  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("erased", [False, True], ids=["header intact", "header erased"])
def test_journal_is_forged_to_every_phase(bench, goal, name, erased, tmp_path):
    """The old package is replayed as what is to be installed, tried, confirmed, gone back to."""
    afterwards = Afterwards(bench, goal, tmp_path)
    for phase in range(len(journal.PHASE_NAMES)):
        for done in DONE.values():
            before = forge(goal, phase, name, done, erased)
            session = bench.power_on(BOARD, before)
            settle(session)
            assert erased or not waits(session), "what is installed is whole, and kept from starting"
            assert_only_approved(goal, session, before)
            afterwards.check(session)


def test_way_back_leads_to_an_approved_package_only(bench, goal):
    """The directory says that the old package ran before, and the journal that it is to be gone back to. The control:
    the approved one in its place."""
    said = {"old signed package": f"boot: not rolled back: {package.COUNTER_TOO_LOW}", APPROVED: "boot: rolled back"}
    for name, line in said.items():
        before = forge(goal, journal.ROLLING_BACK, name, 0, erased=False)
        session = bench.power_on(BOARD, before)
        settle(session)
        assert line in lines(session), "\n".join(lines(session))
        assert bool(trace.counts_per_sector(session.events, trace.ERASE)) == (name == APPROVED)
        assert_only_approved(goal, session, before)


def test_rejected_package_is_named_so_that_a_good_one_is_kept_out(bench, goal, tmp_path):
    """He may have a good package refused by its id; another one is taken, and so is this one after it."""
    cells = goal.cells.copy()
    there = journal.read(cells.nor)
    journal.append(cells.nor, replace(there, reason=22, refused_id=package.read_manifest(goal.approved).id))
    session = bench.power_on(BOARD, cells)
    settle(session)
    assert "third: confirmed" in lines(session)
    assert_only_approved(goal, session, cells)
    attacks.assert_next_update_works(bench, goal, session.cells, tmp_path)


# --- The counter --------------------------------------------------------------------------------------------------


def test_old_package_does_not_come_back_while_the_header_is_erased(bench, goal):
    """Power is lost in the middle of an install, and an older signed package is put into the place of the new one: only
    the one-time programmable area knows the counter then."""
    session = bench.power_on(BOARD, goal.requested())
    session.wait_for(lambda now: trace.counts_per_sector(now.events, trace.PROGRAM), jobs.PATIENCE_NS, 20 * trace.MS)
    session.power_off()
    cells = session.cells
    assert journal.read(cells.nor).phase == journal.INSTALLING
    goal.place(cells, goal.old)
    there = journal.read(cells.nor)
    for incoming in (goal.entry, replace(goal.entry, id=package.read_manifest(goal.old).id)):
        for application in (there.application, journal.Entry()):
            replayed = cells.copy()
            journal.append(replayed.nor, replace(there, incoming=incoming, application=application))
            session = bench.power_on(BOARD, replayed)
            settle(session)
            assert_only_approved(goal, session, replayed)
            if application.length:
                assert f"boot: refused: {package.COUNTER_TOO_LOW}" in lines(session)
                assert session.cells.component(BOARD, APPLICATION)[0].data == package.read_manifest(goal.factory).data
                continue
            assert waits(session) and f"boot: install not finished: {package.COUNTER_TOO_LOW}" in lines(session)
            goal.swap(session, goal.approved)
            if incoming.id != goal.entry.id:  # the good package is not the one that this journal names
                session.wait_for(jobs.says(f"boot: install not finished: {package.WRONG_LAYOUT}"), jobs.PATIENCE_NS)
                continue
            session.wait_for(jobs.says("update: confirmed"), 2 * jobs.PATIENCE_NS)


def test_package_with_an_old_counter_is_taken_only_where_the_counter_is_as_old(bench, goal):
    """The control: the same two packages on a device whose counter is still 0."""
    for counter, taken in ((0, True), (1, False)):
        cells = attacks.burn(goal.cells.copy(), APPLICATION, 0)
        cells.otp[:448] = b"\xff" * 448
        attacks.burn(cells, APPLICATION, counter)
        header = BOARD.application.start - boards.INTERNAL_BASE
        cells.internal[header : header + 512] = b"\xff" * 512
        third = package.read(goal.next).images[APPLICATION]
        offered = application_writer(BOARD, third, version=(3, 0, 0, 0), counter=0, name="third").build()
        session = bench.power_on(BOARD, requested_cells(cells, offered))
        settle(session)
        assert ("third: confirmed" in lines(session)) == taken and waits(session) != taken


# --- Thief of one key ---------------------------------------------------------------------------------------------

OTHER = keys.SigningKey(b"a key that the owner keeps apart")


def third_package(version, key=None, revokes=None):
    """The smallest application in a package that this key signs, and that revokes these keys."""
    image = firmware(BOARD, "third", "bin").read_bytes()
    writer = application_writer(BOARD, image, version=version, name="third", key=key)
    if revokes is not None:
        writer.add((package.REVOKES,), package.u32(revokes))
    return writer.build()


def installs(bench, cells, data):
    """Whether the device takes the package; what its cells are when the application has confirmed itself."""
    session = bench.power_on(BOARD, requested_cells(cells, data))
    session.wait_for(jobs.says("third: confirmed"), jobs.PATIENCE_NS)
    held = session.cells.component(BOARD, APPLICATION)[0].data
    taken = held == package.read_manifest(data).data
    assert taken == ("boot: installed" in lines(session))
    return taken, session.cells, lines(session)


def test_stolen_key_is_revoked_by_a_package_of_another_key(bench, tmp_path):
    """The thief signs what he likes until the owner's package is confirmed. Then nothing, also not the key's return by
    a package that revokes the other one."""
    (tmp_path / "other.public").write_text(f"matterhorn-public-key-1 {OTHER.public.hex()}\n", encoding="ascii")
    options = ("--key", tmp_path / "other.public")
    cells = apps.provisioned_with(BOARD, package_file(BOARD, "third"), tmp_path / "device", *options)
    taken, cells, _ = installs(bench, cells, third_package((6, 6, 6, 1)))
    assert taken, "he has a key"
    taken, cells, _ = installs(bench, cells, third_package((4, 0, 0, 0), OTHER, revokes=1 << 0))
    assert taken and anchors.revoked_keys(cells.otp) == (0,)
    for data in (third_package((6, 6, 6, 2)), third_package((6, 6, 6, 3), revokes=1 << 1), third_package((6, 6, 6, 1))):
        taken, after, said = installs(bench, cells, data)
        assert not taken and f"boot: refused: {package.REVOKED}" in said
        assert anchors.revoked_keys(after.otp) == (0,)
    taken, _, _ = installs(bench, cells, third_package((4, 0, 0, 1), OTHER))
    assert taken, "the owner goes on"
