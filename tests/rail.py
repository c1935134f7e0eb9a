# SPDX-License-Identifier: MIT
"""A client of the power rail (sim/rail/rail.h): one QEMU machine, its flash arrays and its trace."""

import mmap
import os
import re
import socket
import struct
import subprocess
import tempfile
from collections import namedtuple
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
QEMU = Path(os.environ.get("MATTERHORN_QEMU", REPOSITORY / "build/bin/matterhorn-qemu"))


def _definitions():
    """The numbers of rail.h, so that they are written down once."""
    text = (REPOSITORY / "sim/rail/rail.h").read_text()
    found = dict(re.findall(r"^#define (RAIL_\w+) (\w+?)u?(?: |$)", text, re.M))
    found.update(re.findall(r"^\s+(RAIL_\w+) = (\d+),", text, re.M))
    return {name: int(value, 0) for name, value in found.items() if re.fullmatch(r"0x[0-9A-Fa-f]+|\d+", value)}


globals().update(_definitions())

RAIL_TOUCHED_NOR = RAIL_INTERNAL_SIZE // 8  # noqa: F821
RAIL_TOUCHED_SIZE = RAIL_TOUCHED_NOR + RAIL_NOR_SIZE // 8  # noqa: F821

SIZES = {"internal": RAIL_INTERNAL_SIZE, "nor": RAIL_NOR_SIZE, "otp": RAIL_OTP_SIZE}  # noqa: F821
KINDS = {RAIL_POWER_ON: "power-on", RAIL_POWER_OFF: "power-off", RAIL_RESET: "reset", RAIL_PIN: "pin",  # noqa: F821
         RAIL_UART: "uart", RAIL_PROGRAM: "program", RAIL_ERASE: "erase", RAIL_STATUS: "status",
         RAIL_SUPPLY: "supply"}  # noqa: F821
EVENT = struct.Struct("<QQIIIHBB")

Event = namedtuple("Event", "time_ns duration_ns pc address value kind chip payload")
Stop = namedtuple("Stop", "reason t ops trace")


class RailError(Exception):
    """The machine answered "error TEXT"."""


class Machine:
    """A running machine, powered off. Use as a context manager.

    `internal`, `nor` and `otp` are writable maps of the arrays, erased at first; after writing to one while the power
    is off, call changed(). `options` are machine properties, such as {"poll-skip": "off"}. With `touched` there is a
    touched map.
    """

    def __init__(self, board="mountaineer-eth", options=None, arguments=(), trace_size=1 << 24, touched=False):
        self._directory = tempfile.TemporaryDirectory(prefix="machine-")
        folder = Path(self._directory.name)
        self._maps = []
        self.internal, self.nor, self.otp = (
            self._share(folder / chip, SIZES[chip], b"\xff") for chip in ("internal", "nor", "otp"))
        self.trace = self._share(folder / "trace", trace_size, b"\0")
        self.trace[0:24] = struct.pack("<IIQQ", RAIL_TRACE_MAGIC, RAIL_TRACE_VERSION, trace_size, 0)  # noqa: F821
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(folder / "rail"))
        listener.listen(1)
        listener.settimeout(20)
        properties = {chip: folder / chip for chip in ("internal", "nor", "otp", "trace")}
        self.touched = None
        if touched:
            self.touched = self._share(folder / "touched", RAIL_TOUCHED_SIZE, b"\xff")
            properties["touched"] = folder / "touched"
        properties.update({"rail": "rail"}, **(options or {}))
        self.errors = open(folder / "stderr", "w+")
        self.process = subprocess.Popen(
            [str(QEMU), "-M", ",".join([board] + [f"{key}={value}" for key, value in properties.items()]),
             "-accel", "tcg,thread=single", "-icount", f"shift={RAIL_ICOUNT_SHIFT},sleep=off",  # noqa: F821
             "-display", "none", "-nodefaults", "-monitor", "none", "-serial", "none",
             "-chardev", f"socket,id=rail,path={folder / 'rail'}", *arguments],
            stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors)
        try:
            self._socket, _ = listener.accept()
        except socket.timeout:
            self.process.kill()
            raise RuntimeError("the machine did not start: " + self.log()) from None
        finally:
            listener.close()
        self._socket.settimeout(10)
        self._replies = self._socket.makefile("r")

    def _share(self, path, size, fill):
        path.write_bytes(fill * size)
        with open(path, "r+b") as file:
            shared = mmap.mmap(file.fileno(), size)
        self._maps.append(shared)
        return shared

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._replies.close()
        self._socket.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()
        self._directory.cleanup()

    def log(self):
        """What the machine printed on its standard output and error."""
        self.errors.flush()
        return Path(self.errors.name).read_text()

    def command(self, line):
        """Sends one line; returns the reply or raises RailError."""
        self._socket.sendall(line.encode() + b"\n")
        reply = self._replies.readline().rstrip("\n")
        if not reply:
            raise RuntimeError("the machine is gone: " + self.log())
        answers, _, error = reply.rpartition("; ")
        if error.startswith("error "):
            raise RailError(error[len("error "):] + (f" (after: {answers})" if answers else ""))
        return reply

    def commands(self, *commands):
        """Sends them in one line; returns the replies."""
        return self.command("; ".join(commands)).split("; ")

    def power_on(self, sram=None, noise=None, status=None):
        """Returns the hash of what the SRAM holds."""
        reply = self.command("power on" + (f" sram={sram}" if sram else "") +
                             (f" noise={noise}" if noise is not None else "") +
                             (f" status={status}" if status else ""))
        return re.fullmatch("ok sram=([0-9a-f]{16})", reply)[1]

    def power_off(self):
        self.command("power off")

    def supply(self, rail, *points):
        """The voltage of "vdd" or "vcc" in the next power-on: (mV, ns) each."""
        self.command(" ".join([f"supply {rail}", *(f"{mv}@{int(at)}" for mv, at in points)]))

    def run(self, until, cut=None, tear="before", edge=False, line=False, reset=False, loss=False):
        """Runs until that virtual time (ns since power-on) or an earlier stop."""
        words = [f"run until={until}"]
        if cut is not None:
            words.append(f"cut={cut} tear={tear}")
        words += [f"{name}=1" for name, wanted in (("edge", edge), ("line", line), ("reset", reset), ("loss", loss))
                  if wanted]
        fields = dict(word.split("=") for word in self.command(" ".join(words)).split()[1:])
        return Stop(fields["reason"], int(fields["t"]), int(fields["ops"]), int(fields["trace"]))

    def mark(self, chip, *marks):
        """Makes these marks, such as ("weak", 0x10, 3) and ("notake", 0x1000, 4096), the only ones of the chip."""
        self.command(f"mark {chip} none")
        for kind in ("weak", "notake"):
            numbers = [f"{one} {other}" for found, one, other in marks if found == kind]
            if numbers:
                self.command(f"mark {chip} {kind} {' '.join(numbers)}")

    def marks(self, chip):
        """The marks of the chip, as mark() takes them."""
        words = self.command(f"marks {chip}").split()[1:]
        return [(kind, int(one), int(other)) for kind, one, other in zip(*[iter(words)] * 3)]

    def status(self, *registers):
        """The non-volatile status registers of the SPI NOR; before that they become these, if any are given."""
        if registers:
            self.command("status nor " + " ".join(f"{register:02x}" for register in registers))
        return tuple(int(word, 16) for word in self.command("status nor").split()[1:])

    def fault(self, *faults):
        """The parts have these faults from now on, such as "nor-slow=2", and no others."""
        assert self.command(" ".join(["fault", *(faults or ["none"])])) == "ok"

    def erases(self, *counts):
        """How often each sector of the internal flash was erased; before that they become these, if any are given."""
        if counts:
            self.command("erases internal " + " ".join(map(str, counts)))
        return [int(word) for word in self.command("erases internal").split()[1:]]

    def nor_erases(self, counts=None):
        """How often each 4 KB sector of the SPI NOR was erased, by its offset, as far as it was; before that they become
        these, if they are given."""
        if counts is not None:
            said = [f"{offset} {count}" for offset, count in counts.items()] or ["none"]
            self.command(" ".join(["erases nor", *said]))
        words = self.command("erases nor").split()[1:]
        return {int(offset): int(count) for offset, count in zip(*[iter(words)] * 2)}

    def touch_clear(self):
        self.command("touch clear")

    def touched_internal(self):
        """The offsets of the touched bytes of the internal flash."""
        return self._touched(0, RAIL_TOUCHED_NOR)

    def touched_nor(self):
        """The offsets of the touched bytes of the SPI NOR."""
        return self._touched(RAIL_TOUCHED_NOR, RAIL_TOUCHED_SIZE)

    def _touched(self, begin, end):
        return [at * 8 + bit for at, byte in enumerate(self.touched[begin:end]) if byte
                for bit in range(8) if byte >> bit & 1]

    def write(self, chip, offset, data):
        """Writes to an array while the power is off."""
        getattr(self, chip)[offset:offset + len(data)] = data
        self.command(f"changed {chip} {offset} {len(data)}")

    def trace_bytes(self):
        """The events of the trace, as they are in the file."""
        used = struct.unpack_from("<Q", self.trace, 16)[0]
        return self.trace[RAIL_TRACE_EVENTS:RAIL_TRACE_EVENTS + used]  # noqa: F821

    def clear_trace(self):
        self.trace[16:24] = bytes(8)

    def events(self, *kinds):
        """The events of the trace (of those kinds)."""
        data = self.trace_bytes()
        at = 0
        while at < len(data):
            time_ns, duration, pc, address, value, length, kind, chip = EVENT.unpack_from(data, at)
            at += EVENT.size
            if not kinds or KINDS[kind] in kinds:
                yield Event(time_ns, duration, pc, address, value, KINDS[kind], chip, data[at:at + length])
            at += (length + 7) // 8 * 8

    def uart(self, number=1):
        """What a USART has sent."""
        return bytes(event.value for event in self.events("uart") if event.address == number).decode("latin-1")
