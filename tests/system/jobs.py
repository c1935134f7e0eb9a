# SPDX-License-Identifier: MIT
"""What a board does, as conditions on its trace and cells: the tests wait for these, in virtual time."""

from formats import journal

from . import trace

# Far more virtual time than anything here needs: a board that has not done it by then does not do it.
PATIENCE_NS = 60 * trace.SECOND


def blinks(pin, times=3):
    """The LED has gone on so often, that it blinks."""
    return lambda session: len(trace.edges(session.events, pin)) >= times


def says(text):
    """A complete line on the UART holds this text."""
    return lambda session: any(text in line for line in trace.uart_lines(session.events))


def last_line(session):
    """The last complete line on the UART."""
    return trace.uart_lines(session.events)[-1]


def confirmed(session):
    """The update has been installed, runs, and has said so: nothing is pending any more."""
    seen = both(blinks(trace.GREEN), says("update: confirmed"))
    return seen(session) and journal.read(session.nor).phase == journal.IDLE


def both(*conditions):
    return lambda session: all(condition(session) for condition in conditions)


def update(bench, board, cells):
    """The main job: from power-on with Demo to a confirmed Update. Returns the session, still powered."""
    session = bench.power_on(board, cells)
    session.wait_for(confirmed, PATIENCE_NS)
    return session


def refusal(bench, board, cells, reason):
    """Runs until the runtime has said that it refuses the package that Demo offers, and Demo goes on blinking."""
    session = bench.power_on(board, cells)
    session.wait_for(both(says(f"runtime: refused: {reason}"), blinks(trace.RED)), PATIENCE_NS)
    return session
