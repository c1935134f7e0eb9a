# SPDX-License-Identifier: MIT
"""What was installed is tried: an image that hangs, faults, restarts or stays silent is rolled back, one that only lost
power is not, and counters are recorded with confirmation alone. The real binaries, in virtual time."""

from dataclasses import replace

import pytest

from formats import anchors, boards, journal, package, store
from formats.boards import APPLICATION, RUNTIME

from . import jobs, trace
from .artifacts import BUILD, firmware, matterhorn, matterhorn_json, package_file, signing_key
from .device import Cells, provisioned, shipped

BOARD = boards.ETHERNET
BEFORE = BUILD / "device/mountaineer-eth-before"
BACK = jobs.says("before: confirmed")
MINUTE = 60 * trace.SECOND


def deployed(file, folder, device=BEFORE):
    """The device with this package in its store, requested."""
    matterhorn("deploy", device, file, "--output", folder / "device")
    return Cells.load(folder / "device")


def resets(session, cause):
    return trace.uart_lines(session.events).count(f"boot: Matterhorn on {BOARD.name}, reset: {cause}")


def assert_rolled_back(session, name):
    """The device is what it was, but for the journal, which has the reason."""
    before, cells = Cells.load(BEFORE), session.cells
    was, state = journal.read(before.nor), journal.read(cells.nor)
    assert cells.component(BOARD, APPLICATION)[1] == before.component(BOARD, APPLICATION)[1]
    assert cells.region(BOARD, RUNTIME) == before.region(BOARD, RUNTIME)
    assert cells.otp == before.otp and anchors.security_counter(cells.otp, APPLICATION) == 2
    assert (state.phase, state.incoming, state.tried, state.credit) == (journal.IDLE, journal.Entry(), (), 0)
    assert (state.runtime, state.application) == (was.runtime, was.application)
    assert state.reason == 27
    assert state.rolled_back_id == shipped(BOARD, name).manifest.id
    assert f"runtime: last update refused: {package.ROLLED_BACK}" in trace.uart_lines(session.events)


@pytest.mark.parametrize(
    "name, cause, limit",
    [("hangs", "watchdog", 2 * MINUTE), ("faults", "software", MINUTE), ("restarts", "software", MINUTE)],
)
def test_third_reset_that_is_its_own_rolls_it_back(bench, tmp_path, name, cause, limit):
    session = bench.power_on(BOARD, deployed(package_file(BOARD, name), tmp_path))
    session.wait_for(BACK, limit)
    assert trace.uart_lines(session.events).count(f"{name}: blue") == 3
    assert resets(session, cause) == 3
    assert_rolled_back(session, name)


def test_image_that_is_never_confirmed_is_rolled_back(bench, tmp_path):
    """It sleeps, which feeds the watchdog, for ten minutes, three times."""
    session = bench.power_on(BOARD, deployed(package_file(BOARD, "silent"), tmp_path))
    session.wait_for(jobs.says("runtime: not confirmed within 10 minutes"), 11 * MINUTE, step_ns=MINUTE)
    assert session.time_ns > 10 * MINUTE
    session.wait_for(BACK, 35 * MINUTE)
    assert resets(session, "watchdog") == 3
    assert trace.uart_lines(session.events).count("runtime: not confirmed within 10 minutes") == 3
    assert_rolled_back(session, "silent")


def test_confirmed_image_is_fed_for_ever(bench, tmp_path):
    """The watchdog cannot be stopped: it goes on after the confirmation, until power is lost."""
    session = bench.power_on(BOARD, deployed(package_file(BOARD, "after"), tmp_path))
    session.run(15 * MINUTE)
    assert resets(session, "watchdog") == 0
    assert trace.uart_lines(session.events).count("after: confirmed") == 1


def test_image_that_asks_for_it_is_rolled_back(bench, tmp_path):
    session = bench.power_on(BOARD, deployed(package_file(BOARD, "goes-back"), tmp_path))
    session.wait_for(BACK, MINUTE)
    assert trace.uart_lines(session.events).count("goes-back: blue") == 1
    assert_rolled_back(session, "goes-back")
    said = matterhorn_json("deploy", session.cells.save(tmp_path / "after"), package_file(BOARD, "goes-back"), status=1)
    assert said["reason"] == package.ROLLED_BACK


def test_image_that_lost_power_before_it_ran_is_not_blamed(bench, tmp_path):
    """Five times in a row; then it runs, and is confirmed."""
    cells = deployed(package_file(BOARD, "after"), tmp_path)
    for lost in range(5):
        session = bench.power_on(BOARD, cells)
        session.wait_for(jobs.says("boot: starting"), MINUTE)
        session.power_off()
        cells = session.cells
        state = journal.read(cells.nor)
        assert (state.phase, state.credit) == (journal.TRIAL, 24 - lost)
        assert anchors.security_counter(cells.otp, APPLICATION) == 2
    session = bench.power_on(BOARD, cells)
    session.wait_for(jobs.says("after: confirmed"), MINUTE)
    state = journal.read(session.nor)
    assert state.phase == journal.IDLE and state.application.id == shipped(BOARD, "after").manifest.id
    assert anchors.security_counter(session.cells.otp, APPLICATION) == 3


def test_both_components_go_back_together(bench, tmp_path):
    """A package with both is tried; what ran before came in two packages."""
    runtime = firmware(BOARD, "runtime", "bin").read_bytes()
    application = shipped(BOARD, "goes-back").images[APPLICATION]
    parts = [
        package.NewComponent(RUNTIME, runtime, BOARD.runtime.start, (9, 0, 0, 0), 3),
        package.NewComponent(APPLICATION, application, BOARD.application.start, (9, 0, 0, 0), 3),
    ]
    (tmp_path / "both.nmf").write_bytes(package.PackageWriter(BOARD.id, signing_key(), parts, "both").build())
    session = bench.power_on(BOARD, deployed(tmp_path / "both.nmf", tmp_path))
    session.wait_for(jobs.says("goes-back: blue"), MINUTE)
    manifest = session.cells.component(BOARD, RUNTIME)[0]
    assert manifest.components[RUNTIME].version == (9, 0, 0, 0)
    session.wait_for(BACK, MINUTE)
    before, cells = Cells.load(BEFORE), session.cells
    for number in (RUNTIME, APPLICATION):
        assert cells.component(BOARD, number)[0].data == before.component(BOARD, number)[0].data
        assert cells.component(BOARD, number)[1] == before.component(BOARD, number)[1]
    assert cells.otp == before.otp


# --- No way back ---


def without_running_package(cells):
    """The device as if its running application's package had made room for another one."""
    cells = cells.copy()
    journal.append(cells.nor, replace(journal.read(cells.nor), application=journal.Entry()))
    return cells


def test_rollback_that_is_off_is_said_before_anything_is_stored(bench):
    session = jobs.update(bench, BOARD, without_running_package(provisioned(BOARD)))
    ends = [event.time_ns for event in session.events if event.kind == trace.UART and event.value == ord("\n")]
    said = dict(zip(trace.uart_lines(session.events), ends))
    assert said["runtime: rollback off for application"] < trace.extent_operations(session.events)[0].time_ns
    assert "runtime: rollback off for runtime" not in said


def test_rollback_that_is_on_is_not_said_to_be_off(bench):
    session = jobs.update(bench, BOARD, provisioned(BOARD))
    assert "rollback off" not in trace.uart_text(session.events)


def test_image_that_hangs_and_has_nothing_to_go_back_to_is_tried_for_ever(bench, tmp_path):
    """Of its starts, no more are recorded than it had credit for."""
    without_running_package(Cells.load(BEFORE)).save(tmp_path / "without")
    cells = deployed(package_file(BOARD, "hangs"), tmp_path, tmp_path / "without")
    session = bench.power_on(BOARD, cells)
    session.wait_for(lambda now: resets(now, "watchdog") == 4, 5 * MINUTE)
    recorded = journal.read(session.nor)
    assert (recorded.phase, recorded.credit) == (journal.TRIAL, 0)
    programs = len(trace.operations(session.events, trace.NOR))
    session.wait_for(lambda now: resets(now, "watchdog") == 6, 5 * MINUTE)
    lines = trace.uart_lines(session.events)
    assert lines.count("boot: not rolled back: sizes contradict one another") >= 3
    # an opening makes the newest record firm, by programming it over itself
    assert len(trace.operations(session.events, trace.NOR)) - programs <= 2 * 2
    assert journal.read(session.nor) == recorded


def test_damaged_package_is_not_gone_back_to(bench, tmp_path):
    """Nothing is erased for it, the image that wanted to go back goes on, and still can be
    updated once it is confirmed."""
    cells = deployed(package_file(BOARD, "goes-back"), tmp_path)
    running = journal.read(cells.nor).application
    cells.nor[store.RESERVED + running.extents[-1] * store.EXTENT_SIZE + 8] ^= 1
    session = bench.power_on(BOARD, cells)
    session.wait_for(jobs.says(f"boot: not rolled back: {package.WRONG_CHUNK}"), MINUTE)
    assert trace.counts_per_sector(session.events, trace.ERASE) == {9: 1}, "of the install"
    assert f"boot: rollback not finished: {package.WRONG_CHUNK}" in trace.uart_lines(session.events)
    state = journal.read(session.nor)
    assert (state.phase, state.credit) == (journal.TRIAL, 0)
