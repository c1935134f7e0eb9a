# SPDX-License-Identifier: MIT
"""What must be refused is refused, by the runtime and by the bootloader, with a reason and before harm is done.

Every test offers a bad package and its good twin. The twin is the control: it is accepted and runs, so that what
refuses the bad one is the one thing in which it differs.
"""

from dataclasses import replace

import pytest

from formats import boards, journal, package, store
from formats.boards import APPLICATION, RUNTIME

from . import jobs, trace
from .artifacts import DEVICE_KEY, PUBLIC_KEY, matterhorn, matterhorn_json, package_file, signing_key
from .bad_packages import CASES, UNKNOWN_TAG
from .device import Cells, provision_with, provisioned, requested_cells, shipped, update_writer

ETHERNET, USB = boards.ETHERNET, boards.USB
each_case = pytest.mark.parametrize("case", CASES, ids=str)


def inspect(file, board, counter, status):
    """What `matterhorn inspect` says a device of this board with this counter and a device key of its own would say."""
    options = ("--board", board.name, "--key", PUBLIC_KEY, "--device-key", DEVICE_KEY, "--counter", counter)
    return matterhorn("inspect", file, *options, status=status)


def assert_refused(events, reason, who):
    """No operation on the internal flash, and the reason in so many words."""
    operations = trace.internal_operations(events)
    assert not operations, trace.describe(operations[0])
    lines = trace.uart_lines(events)
    assert f"{who}: refused: {reason}" in lines, "\n".join(lines)
    assert not trace.edges(events, trace.GREEN)


def assert_accepted(session):
    assert trace.internal_operations(session.events)
    assert not any("refused" in line for line in trace.uart_lines(session.events))


# --- Offered by Demo: the runtime refuses -------------------------------------------------------------------------


@each_case
def test_offered_package_is_refused_and_its_twin_accepted(bench, tmp_path, case):
    good = update_writer(ETHERNET, case.counter).build()
    bad = case.make(update_writer(ETHERNET, case.counter), ETHERNET)

    (tmp_path / "bad").mkdir()
    cells = provision_with(ETHERNET, bad, tmp_path / "bad", case.counter)
    refused = jobs.refusal(bench, ETHERNET, cells, case.reason)
    assert_refused(refused.events, case.reason, "runtime")
    if case.early:
        assert not trace.extent_operations(refused.events), "refused only after extents had been written"

    (tmp_path / "good").mkdir()
    assert_accepted(jobs.update(bench, ETHERNET, provision_with(ETHERNET, good, tmp_path / "good", case.counter)))


@each_case
def test_inspect_gives_the_same_reason(tmp_path, case):
    good, bad = tmp_path / "good.nmf", tmp_path / "bad.nmf"
    good.write_bytes(update_writer(ETHERNET, case.counter).build())
    bad.write_bytes(case.make(update_writer(ETHERNET, case.counter), ETHERNET))
    assert "accepted" in inspect(good, ETHERNET, case.counter, status=0).stdout
    said = inspect(bad, ETHERNET, case.counter, status=1)
    assert f"refused: {case.reason}" in said.stdout + said.stderr


@each_case
def test_independent_reader_gives_the_same_reason(case):
    device = package.Device(ETHERNET, (update_writer(ETHERNET).key.public,), {APPLICATION: case.counter})
    assert package.refusal(update_writer(ETHERNET, case.counter).build(), device) is None
    assert package.refusal(case.make(update_writer(ETHERNET, case.counter), ETHERNET), device) == case.reason


# --- Put straight into the reserved megabyte: the bootloader refuses ----------------------------------------------


@each_case
def test_bootloader_refuses_what_no_application_has_looked_at(bench, tmp_path, case):
    """The Demo of this device offers the bad package too, so that nothing good comes after the refusal."""
    bad = case.make(update_writer(ETHERNET, case.counter), ETHERNET)
    factory = provision_with(ETHERNET, bad, tmp_path, case.counter)
    session = bench.power_on(ETHERNET, requested_cells(factory, bad))
    session.wait_for(jobs.blinks(trace.RED, times=1), jobs.PATIENCE_NS)
    assert_refused(session.events, case.reason, "boot")
    state = journal.read(session.nor)
    assert state.phase == journal.IDLE
    assert state.reason != 0
    assert state.refused_id == bytes(16)  # its undamaged twin has the same id
    assert dump_of(session, tmp_path)["journal"]["reason_text"] == case.reason
    session.wait_for(jobs.blinks(trace.RED), jobs.PATIENCE_NS)
    assert not trace.internal_operations(session.events)

    good = update_writer(ETHERNET, case.counter).build()
    twin = bench.power_on(ETHERNET, requested_cells(factory, good))
    twin.wait_for(jobs.confirmed, jobs.PATIENCE_NS)
    assert_accepted(twin)


def dump_of(session, folder):
    """`matterhorn inspect --dump` of the cells as they are now."""
    return matterhorn_json("inspect", "--dump", session.cells.save(folder / "dump"))


# --- More than one thing in a row ---------------------------------------------------------------------------------


def test_unknown_field_that_is_not_critical_is_accepted(bench, tmp_path):
    writer = update_writer(ETHERNET)
    writer.add((UNKNOWN_TAG,), b"from the future").add((package.COMPONENT[APPLICATION], UNKNOWN_TAG), b"too")
    data = writer.build()
    session = jobs.update(bench, ETHERNET, provision_with(ETHERNET, data, tmp_path))
    assert_accepted(session)
    assert session.cells.component(ETHERNET, APPLICATION)[0].data == package.read_manifest(data).data


def test_package_refused_last_is_refused_again(bench, tmp_path):
    """A good package whose id the journal holds as refused: nothing but the journal speaks against it."""
    good = update_writer(ETHERNET).build()
    cells = provision_with(ETHERNET, good, tmp_path)
    state = journal.read(cells.nor)
    refused = journal.State(
        phase=journal.IDLE,
        reason=1,
        refused_id=package.read_manifest(good).id,
        runtime=state.runtime,
        application=state.application,
    )
    journal.append(cells.nor, refused)
    session = bench.power_on(ETHERNET, cells)
    session.wait_for(jobs.says(f"runtime: refused: {package.REFUSED_BEFORE}"), jobs.PATIENCE_NS)
    assert not trace.internal_operations(session.events)
    assert not trace.extent_operations(session.events)


def test_package_that_was_spoilt_on_the_way_can_be_offered_again(bench, tmp_path):
    """A bit that falls over in the store is no verdict on the package: its manifest, and so its id, is the good one's.

    The Demo of this device offers the good twin once the bootloader has refused the spoilt one."""
    good = update_writer(ETHERNET).build()
    spoilt = package.with_flipped_bit(good, len(good) - 1)
    session = bench.power_on(ETHERNET, requested_cells(provision_with(ETHERNET, good, tmp_path), spoilt))
    session.wait_for(jobs.says(f"boot: refused: {package.WRONG_CHUNK}"), jobs.PATIENCE_NS)
    assert not trace.internal_operations(session.events)
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)


def spoilt_while_installing(folder, sectors_done):
    """A device whose install was begun, has done these sectors, and then the package went bad;
    its Demo offers the good twin."""
    good = update_writer(ETHERNET).build()
    cells = requested_cells(provision_with(ETHERNET, good, folder), package.with_flipped_bit(good, len(good) - 1))
    journal.append(cells.nor, replace(journal.read(cells.nor), phase=journal.INSTALLING, sectors_done=sectors_done))
    return cells


def test_package_that_went_bad_before_a_sector_was_done_makes_room_for_another(bench, tmp_path):
    """What is installed verifies, so nothing is lost by dropping the install; kept, it would
    keep every other package out."""
    session = bench.power_on(ETHERNET, spoilt_while_installing(tmp_path, 0))
    session.wait_for(jobs.says(f"boot: refused: {package.WRONG_CHUNK}"), jobs.PATIENCE_NS)
    assert f"boot: install not finished: {package.WRONG_CHUNK}" in trace.uart_lines(session.events)
    assert not trace.internal_operations(session.events)
    state = journal.read(session.nor)
    assert state.phase == journal.IDLE and state.incoming.length == 0
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)


def test_package_that_went_bad_when_nothing_of_it_counts_yet_makes_room_for_another(bench, tmp_path):
    """A sector is done, or the journal says so; but what is installed is all of what was there before, and verifies."""
    session = bench.power_on(ETHERNET, spoilt_while_installing(tmp_path, 1 << 9))
    session.wait_for(jobs.says(f"boot: refused: {package.WRONG_CHUNK}"), jobs.PATIENCE_NS)
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)


def half_installed(folder):
    """A device that has installed the runtime of a package of both, and not its
    application, when the package went bad."""
    cells = provision_with(ETHERNET, update_writer(ETHERNET).build(), folder)
    names = {RUNTIME: "runtime", APPLICATION: "third"}
    parts = [
        package.NewComponent(number, shipped(ETHERNET, name).images[number], ETHERNET.region(number).start,
                             (5, 0, 0, 0))
        for number, name in names.items()
    ]
    data = package.PackageWriter(ETHERNET.id, signing_key(), parts).build()
    at = ETHERNET.runtime.start - boards.INTERNAL_BASE
    installed = package.read(data).installed(RUNTIME)
    cells = requested_cells(cells, package.with_flipped_bit(data, len(data) - 1))
    cells.internal[at : at + len(installed)] = installed
    journal.append(cells.nor, replace(journal.read(cells.nor), phase=journal.INSTALLING, sectors_done=1 << 4))
    return cells


def assert_back(session, before, sectors):
    """What was there before is there again, from the store; these sectors were erased for it; the reason is recorded,
    and the package may come again, undamaged."""
    cells, was, state = session.cells, journal.read(before.nor), journal.read(session.nor)
    for number in (RUNTIME, APPLICATION):
        assert cells.component(ETHERNET, number) == before.component(ETHERNET, number)
    assert trace.counts_per_sector(session.events, trace.ERASE) == dict.fromkeys(sectors, 1)
    assert (state.phase, state.incoming, state.tried, state.sectors_done) == (journal.IDLE, journal.Entry(), (), 0)
    assert (state.runtime, state.application) == (was.runtime, was.application)
    assert (state.reason, state.refused_id, state.rolled_back_id) == (21, bytes(16), bytes(16))
    assert "boot: rolling back" in trace.uart_lines(session.events)


def test_package_that_went_bad_when_the_old_image_was_gone_makes_way_for_it(bench, tmp_path):
    """Power is lost in the install, then the package is damaged: what ran before is installed again from the store,
    starts, and offers the package again."""
    good = update_writer(ETHERNET).build()
    before = provision_with(ETHERNET, good, tmp_path)
    session = bench.power_on(ETHERNET, requested_cells(before, good))
    session.wait_for(lambda now: len(trace.internal_operations(now.events)) > 100, jobs.PATIENCE_NS, 10 * trace.MS)
    session.power_off()
    cells = session.cells
    state = journal.read(cells.nor)
    assert state.phase == journal.INSTALLING and cells.region(ETHERNET, APPLICATION)[:4] == b"\xff" * 4
    cells.nor[store.RESERVED + state.incoming.extents[-1] * store.EXTENT_SIZE + 8] ^= 1
    session = bench.power_on(ETHERNET, cells)
    session.wait_for(jobs.says(f"boot: refused: {package.WRONG_CHUNK}"), jobs.PATIENCE_NS)
    assert_back(session, before, [9])
    session.wait_for(jobs.says(f"runtime: last update refused: {package.WRONG_CHUNK}"), jobs.PATIENCE_NS)
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)


def test_package_that_went_bad_when_half_of_it_was_installed_makes_way_for_what_was_there(bench, tmp_path):
    """What is installed verifies, but does not belong together: the runtime goes back, and the application stays what
    it was."""
    session = bench.power_on(ETHERNET, half_installed(tmp_path))
    session.wait_for(jobs.says(f"boot: refused: {package.WRONG_CHUNK}"), jobs.PATIENCE_NS)
    assert_back(session, Cells.load(tmp_path / "device"), [4])
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)


def test_package_that_went_bad_when_half_of_it_was_installed_is_waited_for(bench, tmp_path):
    """The same where nothing leads back: it is not started, and the install is tried again after 10 s."""
    cells = half_installed(tmp_path)
    journal.append(cells.nor, replace(journal.read(cells.nor), runtime=journal.Entry()))
    session = bench.power_on(ETHERNET, cells)
    session.wait_for(lambda now: trace.uart_lines(now.events).count("boot: trying again in 10 s") == 2,
                     jobs.PATIENCE_NS)
    lines = trace.uart_lines(session.events)
    ends = [event.time_ns for event in session.events if event.kind == trace.UART and event.value == ord("\n")]
    said = [end for line, end in zip(lines, ends) if line == "boot: trying again in 10 s"]
    assert 10 * trace.SECOND <= said[1] - said[0] <= 11 * trace.SECOND
    assert not any("refused" in line or "starting" in line for line in lines)
    assert journal.read(session.nor).phase == journal.INSTALLING


def test_every_reason_is_one_of_its_own():
    """Cases of the same kind share a reason, of which there are eleven."""
    assert len({case.reason for case in CASES}) == 11


# --- The other board ----------------------------------------------------------------------------------------------


def test_ethernet_package_is_refused_on_the_usb_board(bench, tmp_path):
    """The real package, as shipped: the original wrote it to the wrong address."""
    shipped = package_file(ETHERNET, "update").read_bytes()
    session = jobs.refusal(bench, USB, provision_with(USB, shipped, tmp_path), package.WRONG_BOARD)
    assert_refused(session.events, package.WRONG_BOARD, "runtime")
    assert not trace.extent_operations(session.events)


def test_bootloader_of_the_usb_board_refuses_the_ethernet_package(bench):
    """The same behind the runtime's back, on the device of the build, whose Demo then installs its own Update."""
    shipped = package_file(ETHERNET, "update").read_bytes()
    session = bench.power_on(USB, requested_cells(provisioned(USB), shipped))
    session.wait_for(jobs.blinks(trace.RED, times=1), jobs.PATIENCE_NS)
    assert_refused(session.events, package.WRONG_BOARD, "boot")
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)


def test_inspect_refuses_the_ethernet_package_for_the_usb_board():
    said = inspect(package_file(ETHERNET, "update"), USB, 0, status=1)
    assert f"refused: {package.WRONG_BOARD}" in said.stdout + said.stderr
    inspect(package_file(ETHERNET, "update"), ETHERNET, 0, status=0)
