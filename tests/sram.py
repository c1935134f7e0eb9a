# SPDX-License-Identifier: MIT
"""The SRAM of a running machine, read by QEMU's monitor: what a debugger sees that has stopped the core."""

import json
import socket

SRAM, SRAM_SIZE = 0x20000000, 0x20000
CCM, CCM_SIZE = 0x10000000, 0x10000


def monitor_arguments(path):
    """What QEMU is started with, so that it listens at this path."""
    return ("-qmp", f"unix:{path},server=on,wait=off")


class Memory:
    """The path is a socket's, at which a machine listens that has answered already."""

    def __init__(self, path):
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._replies = self._socket.makefile("r")
        self._replies.readline()
        self._ask("qmp_capabilities")

    def close(self):
        self._replies.close()
        self._socket.close()

    def _ask(self, command, **arguments):
        self._socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while True:
            reply = json.loads(self._replies.readline())
            if "error" in reply:
                raise RuntimeError(f"QEMU's {command}: {reply['error']['desc']}")
            if "return" in reply:
                return

    def read(self, address=SRAM, size=SRAM_SIZE):
        copy = self._path.with_name("sram")
        self._ask("pmemsave", val=address, size=size, filename=str(copy))
        return copy.read_bytes()
