# SPDX-License-Identifier: MIT
"""What is in a firmware image, by part: read from the linker's map."""

import re
from dataclasses import dataclass

# The first pattern that an object's name matches, such as "libsodium.a(hash_sha256_cp.c.obj)", says which part it is.
PARTS = (
    ("SHA-256", r"libsodium\.a\((hash_sha256|auth_hmacsha256)"),
    ("ChaCha20", r"libsodium\.a\((stream_)?chacha20"),
    ("Ed25519", r"libsodium\.a|hash_sha512_loops"),
    ("LZ4", r"liblz4\.a"),
    ("LZMA", r"lzma"),
    ("update core", r"libupdate-core\.a"),
    ("drivers", r"libdrivers\.a|startup\.c"),
    ("libc", r"lib([cg](_nano)?|gcc)\.a"),
    ("boot, runtime", r"\.c\.obj$"),
)
REST = "vectors, alignment"

# Places in flash: code and constants, and what data begin as.
IN_FLASH = (".vectors", ".text", ".ARM.exidx", ".data", ".resource")


@dataclass(frozen=True)
class Piece:
    """What an object gave to a section of the image."""

    section: str
    address: int
    size: int
    part: str


def part_of(name):
    return next((part for part, pattern in PARTS if re.search(pattern, name, re.IGNORECASE)), REST)


def pieces(path):
    """All pieces of an image, in the map's order. Names that are too long for their column have a line of their own."""
    text = path.read_text(encoding="utf-8").partition("\nLinker script and memory map\n")[2]
    text = re.sub(r"^( ?[.\w]\S*)\n\s+(?=0x)", r"\1 ", text, flags=re.MULTILINE)
    found, section = [], None
    for line in text.splitlines():
        if output := re.match(r"(\.\S+)\s+0x[0-9a-f]+", line):
            section = output[1]
        elif piece := re.match(r" (?:\*fill\*|\.\S+|COMMON)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?: (.*))?$", line):
            name = piece[3].strip().rpartition("/")[2] if piece[3] else ""
            if int(piece[2], 16):
                found.append(Piece(section, int(piece[1], 16), int(piece[2], 16), part_of(name)))
    return [piece for piece in found
            if piece.section is not None and not piece.section.startswith((".debug", ".comment", ".ARM.attr"))]
