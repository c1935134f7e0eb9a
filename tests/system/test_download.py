# SPDX-License-Identifier: MIT
"""Updates through MFUpdate on the real binary: over a UART by the Download application, and by what it carries along.
After a power loss exactly the packets are given again that were not recorded as stored."""

import importlib.util
import os
import re
import socket

import pytest

from formats import boards, config, journal, package
from formats.boards import APPLICATION

from . import jobs, trace
from .artifacts import BUILD, TOP, matterhorn_json, package_file
from .bench import Bench
from .device import Cells

BOARD = boards.ETHERNET
LINE = 2  # USART2; the first one is the runtime's
TAG_KEY, TAG_NONCE = 0x8010, 0x8011
KEY = bytes(range(32))
# while it waits for bytes it executes: the machine shall answer often, however busy the host is
STEP_NS = trace.SECOND // 4
SECTOR = slice(config.SECTOR.start - boards.INTERNAL_BASE, config.SECTOR.end - boards.INTERNAL_BASE)


def load_sender():
    specification = importlib.util.spec_from_file_location("send", TOP / "firmware/apps/download/send.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


send = load_sender()


class Line:
    """The host's end of the device's line: reads from the trace, writes to the machine's second serial port."""

    def __init__(self, path):
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self.arguments = ("-serial", f"unix:{path}")

    def connect(self):
        self._socket, _ = self._listener.accept()
        return self

    def answer(self, session, sender, seen):
        """Answers the lines of the device behind the first `seen` ones; how many there are now."""
        self._drain()
        sent = bytes(event.value for event in session.events if event.kind == trace.UART and event.address == LINE)
        lines = sent.decode("ascii").split("\n")[:-1]
        for line in lines[seen:]:
            self._socket.sendall(sender.answer(line))
        return len(lines)

    def _drain(self):
        """What the device has sent is in the trace; here it would only fill the socket, and the machine would wait."""
        try:
            while self._socket.recv(4096, socket.MSG_DONTWAIT):
                pass
        except BlockingIOError:
            pass

    def close(self):
        self._socket.close()
        self._listener.close()


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    line = Line(tmp_path_factory.mktemp("line") / "line")
    yield line
    line.close()


@pytest.fixture(scope="module")
def desk(line):
    """A bench whose machine has the line, from its first power-on on."""
    with Bench(line.arguments) as bench:
        bench.power_on(BOARD, Cells.load(BUILD / "device/mountaineer-eth-download"))
        line.connect()
        yield bench


def device_with(values):
    """A device with the Download application, and these values in its config besides the MAC address."""
    cells = Cells.load(BUILD / "device/mountaineer-eth-download")
    cells.internal[SECTOR] = config.encode({**config.read(cells.internal), **values})
    return cells


def update_package():
    return package_file(BOARD, "small").read_bytes()


def converse(line, session, sender, until):
    """Runs, answering what the device asks, until the condition holds."""
    seen = 0
    while not until(session):
        assert session.time_ns < jobs.PATIENCE_NS, trace.uart_text(session.events)
        session.run(session.time_ns + STEP_NS, line=True)
        seen = line.answer(session, sender, seen)


def missing_packets(cells):
    """By the independent reader: what is not recorded as stored of the incoming package."""
    state = journal.read(cells.nor)
    count = -(-len(update_package()) // send.PACKET_SIZE)
    return [number for number in range(count) if not (state.incoming.length and number in state.received)]


def test_package_comes_over_the_line_and_is_installed(desk, line):
    sender = send.Sender(update_package(), KEY)
    session = desk.power_on(BOARD, device_with({TAG_KEY: KEY}))
    converse(line, session, sender, jobs.says("update: confirmed"))
    assert sender.end == "accepted"
    assert sender.asked == missing_packets(device_with({}))
    installed = package.read(update_package()).installed(APPLICATION)
    assert session.cells.region(BOARD, APPLICATION)[: len(installed)] == installed
    assert int.from_bytes(config.read(session.cells.internal)[TAG_NONCE], "little") == 1


@pytest.mark.parametrize("tear", ["before", "half", "mask", "weak"])
@pytest.mark.parametrize("packet", [1, 2])
def test_after_a_power_loss_only_what_is_missing_is_asked_for(desk, line, packet, tear):
    """Power is lost in the middle of a packet."""
    sender = send.Sender(update_package(), KEY)
    session = desk.power_on(BOARD, device_with({TAG_KEY: KEY}))
    converse(line, session, sender, lambda _: packet in sender.asked)
    session.run(jobs.PATIENCE_NS, cut=ops(session) + 9, tear=tear)  # the erase, some pages, and one torn
    assert session.reason == "cut"
    assert sender.asked == list(range(packet + 1))
    left = session.cells
    missing = missing_packets(left)
    assert missing[0] == packet

    again = send.Sender(update_package(), KEY)
    session = desk.power_on(BOARD, left)
    converse(line, session, again, jobs.says("update: confirmed"))
    assert again.asked == missing
    assert f"download: missing {len(missing)} of {missing[-1] + 1}" in trace.uart_text(session.events)
    assert sorted(sender.asked + again.asked) == sorted([*range(missing[-1] + 1), packet])


def ops(session):
    """Operations on both chips so far."""
    return len(trace.operations(session.events, trace.INTERNAL) + trace.operations(session.events, trace.NOR))


@pytest.mark.parametrize("given", ["another key", "no key"])
def test_who_does_not_have_the_key_gets_nothing_stored(desk, line, given):
    values = {} if given == "no key" else {TAG_KEY: KEY[::-1]}
    sender = send.Sender(update_package(), KEY)
    cells = device_with(values)
    session = desk.power_on(BOARD, cells)
    converse(line, session, sender, jobs.says("authentication failed"))
    assert sender.end == "refused" and sender.asked == []
    assert session.nor == bytes(cells.nor)


def test_answer_to_an_older_question_is_none(desk, line):
    """Somebody who has recorded an update plays it to the device again."""
    sender = send.Sender(update_package(), KEY)
    session = desk.power_on(BOARD, device_with({TAG_KEY: KEY}))
    converse(line, session, sender, lambda _: sender.asked)

    class Replayed(send.Sender):
        def answer(self, line):
            word, _, _ = line.partition(" ")
            return super().answer("prove " + "00" * 16 if word == "prove" else line)

    session = desk.power_on(BOARD, session.cells)
    replayed = Replayed(update_package(), KEY)
    converse(line, session, replayed, jobs.says("authentication failed"))
    assert replayed.asked == []


def test_frames_that_are_damaged_or_lost_are_asked_for_again(desk, line):
    class Noisy(send.Sender):
        """Each packet's first frame comes with a byte changed, behind garbage and a piece of another one; the
        second frame of one never comes."""

        def answer(self, line):
            good = super().answer(line)
            if line.startswith("want") and self.asked.count(self.asked[-1]) == 1:
                return b"MTHMTHF" + good[:40] + good[:100] + bytes([good[100] ^ 1]) + good[101:]
            return b"" if self.asked.count(1) == 2 and self.asked[-1] == 1 else good

    sender = Noisy(update_package(), KEY)
    session = desk.power_on(BOARD, device_with({TAG_KEY: KEY}))
    converse(line, session, sender, jobs.says("update: confirmed"))
    assert sender.asked == [0, 0, 1, 1, 1, 2, 2, 3, 3]


def test_data_of_the_application_is_stored_in_its_area_alone(bench):
    """And what it may not reach it does not: the application tries, and so does not even send it to the chip."""
    before = Cells.load(BUILD / "device/mountaineer-eth-table")
    session = bench.power_on(BOARD, before)
    session.wait_for(jobs.says("table: whole"), jobs.PATIENCE_NS)
    assert "table: bounds hold" in trace.uart_lines(session.events)
    touched = {event.address // 4096 for event in trace.operations(session.events, trace.NOR)}
    assert touched == set(range(0x6F0, 0x6F5))
    assert session.nor[:0x6F0000] == before.nor[:0x6F0000] and session.nor[0x6F5000:] == before.nor[0x6F5000:]

    cells = session.cells
    cells.nor[0x6F2000] ^= 0x10
    session = bench.power_on(BOARD, cells)
    session.wait_for(jobs.says("table: whole"), jobs.PATIENCE_NS)
    assert trace.uart_lines(session.events).count("table: given a packet") == 1
    assert {event.address // 4096 for event in trace.operations(session.events, trace.NOR)} == {0x6F2}


def test_carried_package_is_resumed_too(bench):
    """Power is lost at each sixth operation of the download: what is given then is what is missing."""
    cells = Cells.load(BUILD / "device/mountaineer-eth-resume")
    session = bench.power_on(BOARD, cells)
    session.wait_for(jobs.says("download: stored, restarting"), jobs.PATIENCE_NS)
    count = int(re.search(r"download: given (\d+) of \1\b", trace.uart_text(session.events))[1])
    for cut in range(0, ops(session) - 1, 6):
        session = bench.power_on(BOARD, cells)
        session.run(jobs.PATIENCE_NS, cut=cut, tear="half")
        assert session.reason == "cut"
        missing = missing_packets(session.cells)
        session = bench.power_on(BOARD, session.cells)
        session.wait_for(jobs.says("download: given"), jobs.PATIENCE_NS)
        assert f"download: given {len(missing)} of {count}" in trace.uart_text(session.events)


@pytest.mark.parametrize("profile", ["eth-resume", "eth-table"])
def test_download_recovers_from_any_power_loss(profile):
    result = matterhorn_json("sweep", profile, "--cuts", 300, "--jobs", os.cpu_count())
    assert result["findings"] == [] and result["cuts_fired"] == 300
