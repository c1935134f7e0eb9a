# SPDX-License-Identifier: MIT
"""Sectors that are worn out, on the real binary, one erase beyond what the data sheets rate. An update that finds no
place in the SPI NOR is refused in so many words, and what runs goes on running. In the internal flash that erase has
destroyed what ran: it is told then, and tried again."""

import pytest

from formats import boards, config, journal, store
from formats.boards import APPLICATION

from . import jobs, trace
from .artifacts import package_file
from .device import provision_with, provisioned, requested_cells, shipped, update_writer
from .test_config import LONG, NUMBER, VALUE, keeper, settings_value  # noqa: F401 (a fixture)

BOARD = boards.ETHERNET
RATED = 100_000  # erases: W25Q64JV Rev J, features
WORN = (f"nor-worn={RATED}",)
NO_FLASH = "flash does not answer or does not hold what was written"
WAITS = "boot: trying again in 10 s"
JOURNAL = journal.SECTORS

refused = jobs.both(jobs.says(f"runtime: refused: {NO_FLASH}"), jobs.says("demo: update refused"))


def packets():
    """Where the packets of Update go on a device as it is provisioned, by address."""
    count = -(-len(package_file(BOARD, "update").read_bytes()) // store.EXTENT_SIZE)
    free = store.free_extents(journal.read(provisioned(BOARD).nor))
    return [store.RESERVED + extent * store.EXTENT_SIZE for extent in free[:count]]


def worn_board(bench, cells, nor_erases):
    return bench.power_on(BOARD, cells, faults=WORN, nor_erases=nor_erases)


def power_up_again(bench, session):
    """The same device with the same worn sectors."""
    cells, worn = session.cells, session.nor_erases
    return worn_board(bench, cells, worn)


def assert_untouched(session, before):
    session.wait_for(jobs.blinks(trace.RED), jobs.PATIENCE_NS)
    assert not trace.internal_operations(session.events) and not trace.edges(session.events, trace.GREEN)
    assert session.cells.internal == before.internal


def assert_goes_on(bench, session, before):
    """What ran is there, byte for byte, and blinks; after another power-up too."""
    assert_untouched(session, before)
    assert_untouched(power_up_again(bench, session), before)


# --- Packets ---


@pytest.mark.parametrize("which", [0, -1], ids=["first", "last"])
def test_a_packet_that_does_not_hold_is_refused_and_what_runs_goes_on(bench, which):
    before, place = provisioned(BOARD), packets()[which]
    session = worn_board(bench, before, {place: RATED})
    session.wait_for(refused, jobs.PATIENCE_NS)
    erased = [event.address for event in trace.extent_operations(session.events) if event.kind == trace.ERASE]
    assert erased.count(place) == 3, "Demo's attempts"
    state = journal.read(session.nor)
    assert state.phase == journal.IDLE and packets().index(place) not in state.received
    assert_goes_on(bench, session, before)


def test_the_last_rated_erase_of_every_packet_is_used(bench):
    """The control: one erase less, and the update is made."""
    session = worn_board(bench, provisioned(BOARD), {place: RATED - 1 for place in packets()})
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)
    assert all(session.nor_erases[place] == RATED for place in packets())


# --- The journal ---


@pytest.mark.parametrize("sector", JOURNAL)
def test_one_sector_of_the_journal_is_enough(bench, sector):
    session = worn_board(bench, provisioned(BOARD), {sector: RATED})
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)


@pytest.mark.parametrize("good", range(4))
def test_a_journal_that_wears_out_costs_the_update_or_nothing(bench, good):
    """Both sectors stand so many erases more. However far that leads, one whole application runs in the end, and after
    another power-up."""
    before = provisioned(BOARD)
    session = worn_board(bench, before, {sector: RATED - good for sector in JOURNAL})
    made = jobs.blinks(trace.GREEN)
    session.wait_for(lambda now: refused(now) or made(now), jobs.PATIENCE_NS)
    assert WAITS not in trace.uart_lines(session.events)
    if refused(session):
        assert_goes_on(bench, session, before)
        return
    again = power_up_again(bench, session)
    again.wait_for(made, jobs.PATIENCE_NS)
    assert again.cells.component(BOARD, APPLICATION)[1] == shipped(BOARD, "update").images[APPLICATION]


@pytest.fixture
def pressed(tmp_path):
    """An install is requested, of what Demo offers too, and the journal's sector has two pages left: it has to move, by an erase of each
    sector, as nothing says that the other one is clear."""
    data = update_writer(BOARD).build()
    cells = requested_cells(provision_with(BOARD, data, tmp_path), data)
    while journal.locate(cells.nor).next_page < journal.PAGES - 2:
        journal.append(cells.nor, journal.read(cells.nor))
    journal.withdraw_clear(cells.nor, journal.locate(cells.nor).sector)
    return cells


def test_an_install_that_the_journal_could_not_follow_is_not_begun(bench, pressed):
    """Nothing is erased for it, which is told at each start; with a journal that holds, it is made."""
    session = worn_board(bench, pressed, {sector: RATED for sector in JOURNAL})
    session.wait_for(jobs.says(f"boot: install not finished: {NO_FLASH}"), jobs.PATIENCE_NS)
    assert_goes_on(bench, session, pressed)
    assert WAITS not in trace.uart_lines(session.events)
    good = bench.power_on(BOARD, session.cells)
    good.wait_for(jobs.confirmed, jobs.PATIENCE_NS)


def test_an_install_erases_nothing_of_the_journal(bench, pressed):
    """So nothing of it wears out on the way: it moves before."""
    session = bench.power_on(BOARD, pressed)
    session.wait_for(jobs.says("boot: installed"), jobs.PATIENCE_NS)
    erases = [event for event in session.events if event.kind == trace.ERASE]
    chips = [event.chip for event in erases]
    assert chips == sorted(chips, reverse=True), "the internal flash last"
    assert {event.address for event in erases if event.chip == trace.NOR} == set(JOURNAL)


# --- The shadow of the config sector ---


def test_a_config_whose_shadow_does_not_hold_stays_as_it_is(bench, keeper):  # noqa: F811
    """The application is told that it was not written, and finds what it had. One erase less, and it is written."""
    good = worn_board(bench, keeper, {config.SHADOW: RATED - 1})
    good.wait_for(jobs.says("settings: written"), jobs.PATIENCE_NS)
    assert good.nor_erases[config.SHADOW] >= RATED
    session = worn_board(bench, keeper, {config.SHADOW: RATED})
    session.wait_for(jobs.says("settings: not written"), jobs.PATIENCE_NS)
    assert not [event for event in trace.internal_operations(session.events) if event.kind == trace.ERASE]
    values, old = config.read(session.cells.internal), config.read(keeper.internal)
    number = int.from_bytes(values[NUMBER], "little")
    assert all(values[tag] == old[tag] for tag in (config.MAC_ADDRESS, LONG))
    assert values[VALUE] in (settings_value(number), settings_value(number + 1))
    again = power_up_again(bench, session)
    again.wait_for(jobs.says("settings: kept"), jobs.PATIENCE_NS)
    assert "runtime: MAC 02:4d:54:00:00:01" in trace.uart_lines(again.events)


# --- The internal flash ---


def test_a_worn_sector_of_the_internal_flash_is_told_and_tried_again(bench):
    """Nothing is started that is not whole, nothing else is written, and the request stays: on a part that holds, the
    install is made."""
    before = provisioned(BOARD)
    session = bench.power_on(BOARD, before, faults=("int-worn=0",))
    session.wait_for(lambda now: trace.uart_lines(now.events).count(WAITS) == 2, jobs.PATIENCE_NS)
    lines = trace.uart_lines(session.events)
    lines = lines[lines.index("boot: installing") :]
    assert lines.count(f"boot: install not finished: {NO_FLASH}") == 2
    assert lines.count("boot: resuming the install") == 1
    assert lines.count("boot: application: no image is installed") == 2 and "boot: starting" not in lines
    assert journal.read(session.nor).phase == journal.INSTALLING
    start = BOARD.application.start - boards.INTERNAL_BASE
    assert session.cells.internal[:start] == before.internal[:start]
    good = bench.power_on(BOARD, session.cells)
    good.wait_for(jobs.confirmed, jobs.PATIENCE_NS)
