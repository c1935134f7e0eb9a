#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Offers a package to the Download application over a serial line, until it has been taken or refused.

usage: send.py --key FILE LINE PACKAGE

    LINE      the serial line, set to 115200 Bd 8N1 and raw before: stty -F LINE 115200 raw -echo
    PACKAGE   the .nmf file
    --key     the 32 bytes that the device has under tag 0x8010 of its config store

What is said on the line: link.h and uart.c beside this file. Exit codes: 0 accepted; 1 refused; 2 wrong use.
"""

import argparse
import hmac
import pathlib
import struct
import sys
import zlib
from hashlib import sha256

PACKET_SIZE = 4096


def frame(number, data):
    body = b"MTHF" + struct.pack("<II", number, len(data)) + data
    return body + struct.pack("<I", zlib.crc32(body))


class Sender:
    """Answers what the device asks. `asked` has the numbers of the packets that it wanted."""

    def __init__(self, package, key):
        (manifest_size,) = struct.unpack_from("<H", package, 6)
        self._package, self._key = package, key
        self._offer = sha256(package[:manifest_size]).digest()[:16] + struct.pack("<I", len(package))
        self.asked = []
        self.end = None

    def answer(self, line):
        """What to send for this line, without its line feed; nothing for what is no question."""
        word, _, rest = line.partition(" ")
        if word == "offer":
            return frame(0, self._offer)
        if word == "prove":
            return frame(0, hmac.digest(self._key, bytes.fromhex(rest) + self._offer, "sha256"))
        if word == "want":
            number = int(rest)
            self.asked.append(number)
            return frame(number, self._package[number * PACKET_SIZE : (number + 1) * PACKET_SIZE])
        if word == "end":
            self.end = rest
        return b""


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--key", type=pathlib.Path)
    parser.add_argument("line", nargs="?", type=pathlib.Path)
    parser.add_argument("package", nargs="?", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.help:
        print(__doc__.strip())
        return 0
    if not (arguments.key and arguments.line and arguments.package):
        print("send.py: which key, line and package? (see --help)", file=sys.stderr)
        return 2
    sender = Sender(arguments.package.read_bytes(), arguments.key.read_bytes())
    with open(arguments.line, "r+b", buffering=0) as line:
        text = b""
        while sender.end is None:
            text += line.read(1)
            if text.endswith(b"\n"):
                print(text.decode("ascii", errors="replace").strip())
                line.write(sender.answer(text.decode("ascii", errors="replace").strip()))
                text = b""
    return 0 if sender.end == "accepted" else 1


if __name__ == "__main__":
    sys.exit(main())
