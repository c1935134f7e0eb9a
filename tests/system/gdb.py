# SPDX-License-Identifier: MIT
"""As much of GDB's remote protocol as it takes to look at a paused core."""

import socket
import struct
import time

PATIENCE_SECONDS = 60


class Debugger:
    """A connection to the debugger's port of a machine, which may still have to be opened."""

    def __init__(self, port):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
                return
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, "nobody listens at the debugger's port"
                time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self._socket.close()

    def send(self, packet):
        data = packet.encode()
        self._socket.sendall(b"$" + data + b"#%02x" % (sum(data) % 256))

    def ask(self, packet):
        """Sends a packet and returns the reply's payload."""
        self.send(packet)
        received = b""
        while b"#" not in received or len(received.split(b"#")[-1]) < 2:
            part = self._socket.recv(4096)
            assert part, "the debugger's connection was closed"
            received += part
        self._socket.sendall(b"+")
        return received[received.index(b"$") + 1 : received.rindex(b"#")].decode()

    def register(self, number):
        """One of r0 to r15."""
        return struct.unpack_from("<I", bytes.fromhex(self.ask("g")[: 16 * 8]), 4 * number)[0]

    def memory(self, address, size):
        return bytes.fromhex(self.ask(f"m{address:x},{size:x}"))
