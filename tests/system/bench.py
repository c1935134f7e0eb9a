# SPDX-License-Identifier: MIT
"""A bench with one machine per board, and a session: one time from power-on to power-off, and what was seen in it.

Machines live as long as the bench and are power-cycled inside, as the engine does it. A test that wants a process of
its own takes a bench of its own.
"""

from rail import Machine, RailError

from . import trace
from .device import Cells

BLOCK = 4096


class Bench:
    """Machines, started when they are first needed, with these arguments of QEMU and properties of the board."""

    def __init__(self, arguments=(), options=None):
        self._arguments = arguments
        self._options = options
        self._machines = {}

    def __enter__(self):
        return self

    def __exit__(self, *what):
        for machine in self._machines.values():
            machine.__exit__(*what)

    def log(self, board):
        """What QEMU has printed so far."""
        return self._machines[board.name].log()

    def power_on(self, board, cells, sram="zero", vdd=(), faults=(), nor_erases=None):
        """Puts the cells into the board, which has no power or loses it, and applies power; `vdd`: the MCU's supply, as
        (mV, ns) each; `faults`: of the parts, by name; `nor_erases`: how often sectors of the SPI NOR were erased
        before, by address."""
        if board.name not in self._machines:
            self._machines[board.name] = Machine(board.name, self._options, self._arguments).__enter__()
        machine = self._machines[board.name]
        try:
            machine.power_off()
        except RailError:
            pass  # it had none
        load(machine, cells)
        machine.clear_trace()
        machine.fault(*faults)
        if nor_erases:
            machine.nor_erases(nor_erases)
        if vdd:
            machine.supply("vdd", *vdd)
        machine.power_on(sram)
        return Session(machine)


def load(machine, cells):
    """Makes the chips hold these cells; only what differs is written, as the engine does it."""
    for chip in ("internal", "otp", "nor"):
        machine.mark(chip)
        wanted, there = getattr(cells, chip), getattr(machine, chip)
        for at in range(0, len(wanted), BLOCK):
            if there[at : at + BLOCK] != wanted[at : at + BLOCK]:
                machine.write(chip, at, wanted[at : at + BLOCK])


class Session:
    """From power-on to power-off. `events` grows with every run; `nor` is what the chip holds now."""

    def __init__(self, machine):
        self._machine = machine
        self.events = []
        self.trace_bytes = b""
        self.reason = None
        self.time_ns = 0

    def run(self, until_ns, **stops):
        """Runs until this virtual time or one of the `stops` of the control channel, and takes the new events."""
        stopped = self._machine.run(until_ns, **stops)
        self.reason, self.time_ns = stopped.reason, stopped.t
        self.trace_bytes += self._machine.trace_bytes()
        self.events += self._machine.events()
        self._machine.clear_trace()

    def wait_for(self, condition, limit_ns, step_ns=None):
        """Runs until the condition holds. It is tried after each edge, each line and each `step_ns`."""
        while not condition(self):
            assert self.time_ns < limit_ns, self._disappointment(limit_ns)
            until = limit_ns if step_ns is None else min(limit_ns, self.time_ns + step_ns)
            self.run(until, edge=True, line=True)

    def _disappointment(self, limit_ns):
        said = trace.uart_text(self.events)
        return f"not seen within {limit_ns / trace.SECOND:g} virtual seconds; the UART said:\n{said}"

    @property
    def nor_erases(self):
        """How often sectors of the SPI NOR were erased until now, by address."""
        return self._machine.nor_erases()

    @property
    def nor(self):
        return bytes(self._machine.nor)

    @property
    def cells(self):
        """A copy of what the chips hold now."""
        machine = self._machine
        return Cells(bytearray(machine.internal), bytearray(machine.otp), bytearray(machine.nor))

    def tamper(self, address, data):
        """Somebody who holds the SPI bus writes into the chip, while the board stands still between two runs."""
        self._machine.nor[address : address + len(data)] = data

    def power_off(self):
        self._machine.power_off()
