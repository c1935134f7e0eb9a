# SPDX-License-Identifier: MIT
"""The main job on both boards: red blinks, blue lights, green blinks, and nothing is written that need not be."""

import random
from collections import Counter

import pytest

from formats import boards, config, journal, package
from formats.boards import APPLICATION, RUNTIME

from . import jobs, trace
from .artifacts import package_file
from .device import application_writer, provisioned, requested_cells

# Typical times of the internal flash at x32, after DESIGN.md section 8: 16 us a word, 1 s for a sector of 128 KB.
WORD_NS = 16_000
SECTOR_NS = trace.SECOND


@pytest.fixture(scope="module", params=list(boards.BOARDS.values()), ids=lambda board: board.name)
def board(request):
    return request.param


@pytest.fixture(scope="module")
def before(board):
    return provisioned(board)


@pytest.fixture(scope="module")
def done(bench, board, before):
    """The main job, run once for all tests of this board."""
    session = jobs.update(bench, board, before)
    session.power_off()
    return session


@pytest.fixture(scope="module")
def shipped(board):
    """The update package as the build made it, decoded by the independent reader."""
    return package.read(package_file(board, "update").read_bytes())


def covered_sectors(board, shipped):
    return boards.sectors_covering(
        board.application.start, boards.HEADER_SIZE + shipped.manifest.components[APPLICATION].image_size
    )


def test_colours_come_in_order(done):
    red = trace.phase(done.events, "red", trace.RED)
    blue = trace.phase(done.events, "blue", trace.BLUE)
    green = trace.phase(done.events, "green", trace.GREEN)
    assert red.rises >= 2, "red does not blink"
    assert blue.rises == 1, "blue is on from the request to the start of the application"
    assert green.rises >= 2, "green does not blink"
    assert red.end_ns <= blue.start_ns < green.start_ns
    assert blue.end_ns <= green.start_ns


def test_only_one_led_is_lit_at_a_time(done):
    lit = set()
    for event in done.events:
        if event.kind == trace.PIN and event.address in (trace.RED, trace.BLUE, trace.GREEN):
            (lit.add if event.value else lit.discard)(event.address)
            assert len(lit) <= 1, trace.describe(event)


def test_install_takes_as_long_as_the_flash_needs(done, board, shipped):
    """Blue lasts at least as long as the erases and programs by the data sheet, and not much longer."""
    size = boards.HEADER_SIZE + shipped.manifest.components[APPLICATION].image_size
    physics = len(covered_sectors(board, shipped)) * SECTOR_NS + (size // 4) * WORD_NS
    blue = trace.phase(done.events, "blue", trace.BLUE)
    took = blue.end_ns - blue.start_ns
    assert physics * 0.8 < took < physics * 1.5 + trace.SECOND
    operations = trace.internal_operations(done.events)
    assert all(blue.start_ns <= event.time_ns <= blue.end_ns for event in operations)


def test_virtual_time_never_runs_backwards(done):
    times = [event.time_ns for event in done.events]
    assert times == sorted(times)


def test_each_sector_is_erased_once_and_only_where_the_image_goes(done, board, shipped):
    erases = trace.counts_per_sector(done.events, trace.ERASE)
    assert erases == Counter(covered_sectors(board, shipped))


def test_each_word_is_programmed_once_at_most(done, board, shipped):
    """NOR cells must not be programmed twice, and what is 0xFF need not be programmed at all."""
    programmed = Counter(
        address
        for event in trace.internal_operations(done.events)
        if event.kind == trace.PROGRAM
        for address in range(event.address, event.address + event.value)
    )
    size = boards.HEADER_SIZE + shipped.manifest.components[APPLICATION].image_size
    allowed = range(board.application.start, board.application.start + size + 3)
    assert set(programmed) <= set(allowed)
    assert set(programmed.values()) == {1}


def test_users_own_nor_is_never_touched(done, before):
    assert all(event.address >= 0x700000 for event in trace.operations(done.events, trace.NOR))
    assert done.cells.nor[:0x700000] == before.nor[:0x700000]


def test_bootloader_config_and_runtime_are_what_they_were(done, board, before):
    kept = board.application.start - boards.INTERNAL_BASE
    assert done.cells.internal[:kept] == before.internal[:kept]
    assert done.cells.otp == before.otp


def test_deployment_is_the_package_byte_for_byte(done, board, shipped):
    region = done.cells.region(board, APPLICATION)
    expected = shipped.installed(APPLICATION)
    assert region[: len(expected)] == expected
    assert done.cells.component(board, RUNTIME)[0].components[RUNTIME].destination == board.runtime.start


def test_update_is_confirmed_and_still_runs_after_another_power_up(done, bench, board):
    state = journal.read(done.cells.nor)
    assert state.phase == journal.IDLE
    again = bench.power_on(board, done.cells)
    again.wait_for(jobs.blinks(trace.GREEN), jobs.PATIENCE_NS)
    assert not trace.internal_operations(again.events)
    assert not trace.edges(again.events, trace.RED)
    assert not trace.edges(again.events, trace.BLUE)


def test_mac_address_is_printed_at_boot(done, before):
    mac = config.mac_address(before.internal)
    assert f"runtime: MAC {mac}" in trace.uart_lines(done.events)


def test_largest_image_that_fits_is_installed(bench):
    """The real Update, padded until its region is full: three sectors, each erased once, and the last word written."""
    board = boards.ETHERNET
    update = package.read(package_file(board, "update").read_bytes())
    image = update.images[APPLICATION]
    image += random.Random(1).randbytes(board.application.size - boards.HEADER_SIZE - len(image))
    data = application_writer(board, image, version=(9, 9, 9, 9)).build()
    session = bench.power_on(board, requested_cells(provisioned(board), data))
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)
    assert trace.counts_per_sector(session.events, trace.ERASE) == {9: 1, 10: 1, 11: 1}
    assert session.cells.region(board, APPLICATION) == package.read(data).installed(APPLICATION)
