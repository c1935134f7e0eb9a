# SPDX-License-Identifier: MIT
"""Questions that tests ask of a trace. It is a list of `rail.Event`, and everything here is a function of that list:
what a person with a probe has seen."""

from collections import Counter
from dataclasses import dataclass

from formats import boards, store

PIN, UART, PROGRAM, ERASE, STATUS = "pin", "uart", "program", "erase", "status"
INTERNAL, NOR = 1, 2

PORT_E = 4 * 16
RED, GREEN, BLUE = PORT_E + 11, PORT_E + 13, PORT_E + 14

MS = 1_000_000
SECOND = 1000 * MS


def edges(events, pin, level=1):
    """The pin's edges to this level, as events."""
    return [event for event in events if event.kind == PIN and event.address == pin and event.value == level]


def operations(events, chip):
    """Programs, erases and status writes of one chip."""
    return [event for event in events if event.kind in (PROGRAM, ERASE, STATUS) and event.chip == chip]


def internal_operations(events):
    return operations(events, INTERNAL)


def extent_operations(events):
    """Operations on the part of the NOR that holds packages, not the journal."""
    return [event for event in operations(events, NOR) if store.RESERVED <= event.address < store.EXTENTS_END]


def uart_text(events):
    """Everything that was sent on the UART, as text."""
    sent = bytes(event.value for event in events if event.kind == UART)
    return sent.decode("ascii", errors="backslashreplace")


def uart_lines(events):
    """Complete lines only: what stands behind the last line feed is still being sent."""
    return [line.rstrip("\r") for line in uart_text(events).split("\n")[:-1]]


def counts_per_sector(events, kind):
    """How many operations of this kind each internal sector has seen."""
    return Counter(boards.sector_of(event.address) for event in internal_operations(events) if event.kind == kind)


@dataclass(frozen=True)
class Phase:
    """A colour of the LEDs: from its first edge to its last."""

    name: str
    start_ns: int
    end_ns: int
    rises: int


def phase(events, name, pin):
    both = edges(events, pin, 0) + edges(events, pin, 1)
    times = sorted(event.time_ns for event in both)
    rises = len(edges(events, pin))
    assert rises, f"the {name} LED has never been lit"
    return Phase(name, min(event.time_ns for event in edges(events, pin)), times[-1], rises)


def describe(event):
    """One event on one line, for the message of a failed test."""
    return (
        f"{event.time_ns:>13} ns  pc 0x{event.pc:08x}  {event.kind:<9} chip {event.chip}  0x{event.address:08x}"
        f"  value {event.value}  {event.payload.hex()[:32]}"
    )


def first_difference(one, other):
    """Where two traces part, in words; None when they are the same."""
    for index, (left, right) in enumerate(zip(one, other)):
        if left != right:
            return f"event {index} differs:\n  {describe(left)}\n  {describe(right)}"
    if len(one) != len(other):
        index = min(len(one), len(other))
        longer = one if len(one) > len(other) else other
        return f"{len(one)} and {len(other)} events; the first of the rest:\n  {describe(longer[index])}"
    return None
