# SPDX-License-Identifier: MIT
"""docs/SPEC.md section 9: the files that `matterhorn pack` makes packages from, written by hand.

Each writer takes parts, a dictionary of address to bytes, and returns the file. `record` functions make one line with a
right checksum, whatever else is wrong with it.
"""

import struct

# --- Intel HEX ---------------------------------------------------------------------------------------------------

DATA, END, SEGMENT, START_SEGMENT, LINEAR, START_LINEAR = range(6)


def hex_record(kind, offset=0, data=b""):
    """One line, without its end."""
    body = struct.pack(">BHB", len(data), offset, kind) + data
    return ":" + (body + bytes([-sum(body) & 0xFF])).hex().upper()


HEX_END = hex_record(END)


def hex_lines(parts, width=16):
    """Lines that give the parts, each data record within 64 KB, with extended linear addresses."""
    lines, upper = [], None
    for address, data in parts.items():
        while data:
            length = min(width, len(data), 0x10000 - address % 0x10000)
            if address >> 16 != upper:
                upper = address >> 16
                lines.append(hex_record(LINEAR, 0, struct.pack(">H", upper)))
            lines.append(hex_record(DATA, address % 0x10000, data[:length]))
            address, data = address + length, data[length:]
    return lines


def hex_file(parts, width=16, end="\n"):
    return text([*hex_lines(parts, width), HEX_END], end)


def text(lines, end="\n"):
    return "".join(line + end for line in lines).encode("ascii")


# --- Motorola S-records ------------------------------------------------------------------------------------------

ADDRESS_SIZES = {0: 2, 1: 2, 2: 3, 3: 4, 5: 2, 6: 3, 7: 4, 8: 3, 9: 2}


def s_record(kind, address=0, data=b""):
    """One line, without its end."""
    body = address.to_bytes(ADDRESS_SIZES[kind], "big") + data
    body = bytes([len(body) + 1]) + body
    return f"S{kind}" + (body + bytes([~sum(body) & 0xFF])).hex().upper()


S_END = s_record(7)


def s_lines(parts, width=32):
    return [
        s_record(3, address + at, data[at : at + width])
        for address, data in parts.items()
        for at in range(0, len(data), width)
    ]


def s_file(parts, width=32, end="\n", title=b"matterhorn"):
    lines = s_lines(parts, width)
    return text([s_record(0, 0, title), *lines, s_record(5, len(lines)), S_END], end)


# --- ELF ---------------------------------------------------------------------------------------------------------

EXECUTABLE, OBJECT = 2, 1
ARM = 40
LOAD = 1
PROGBITS, STRINGS = 1, 3
NAMES = b"\0.part\0.names\0"
ALLOC = 2
ELF_HEADER_SIZE, SEGMENT_SIZE, SECTION_SIZE = 52, 32, 40


def elf_header(segments, sections, at, **changes):
    fields = {
        "ident": b"\x7fELF\x01\x01\x01" + bytes(9),
        "type": EXECUTABLE,
        "machine": ARM,
        "version": 1,
        "entry": 0,
        "segments_at": ELF_HEADER_SIZE,
        "sections_at": at if sections else 0,
        "flags": 0x05000200,
        "header_size": ELF_HEADER_SIZE,
        "segment_size": SEGMENT_SIZE,
        "segments": segments,
        "section_size": SECTION_SIZE,
        "sections": sections,
        "names": sections - 1 if sections else 0,
        **changes,
    }
    return struct.pack("<16sHHIIIIIHHHHHH", *fields.values())


def elf_file(parts, with_sections=True, run_at=None, **changes):
    """One segment, and unless it is stripped one section, for each part; `run_at` says where else the data are used."""
    at = ELF_HEADER_SIZE + SEGMENT_SIZE * len(parts)
    segments, sections, contents = b"", [bytes(SECTION_SIZE)], b""
    for address, data in parts.items():
        virtual = (run_at or {}).get(address, address)
        segments += struct.pack("<8I", LOAD, at + len(contents), virtual, address, len(data), len(data), 5, 4)
        sections.append(struct.pack("<10I", 1, PROGBITS, ALLOC, virtual, at + len(contents), len(data), 0, 0, 4, 0))
        contents += data
    sections.append(struct.pack("<10I", 7, STRINGS, 0, 0, at + len(contents), len(NAMES), 0, 0, 1, 0))
    if not with_sections:
        return elf_header(len(parts), 0, 0, **changes) + segments + contents
    contents += NAMES
    header = elf_header(len(parts), len(sections), at + len(contents), **changes)
    return header + segments + contents + b"".join(sections)


# --- The original updater's images -------------------------------------------------------------------------------

WINDOW = 4096
BIAS = 16
LONGEST = 18


def find_copy(data, at):
    """The longest run of bytes before `at` that comes again there: (distance, length). What
    is before the data is blanks."""
    history = b" " * (WINDOW - at) + data[max(0, at - WINDOW) : at] if at < WINDOW else data[at - WINDOW : at]
    for length in range(min(LONGEST, len(data) - at), 2, -1):
        found = history.rfind(data[at : at + length])
        if found >= 0:
            return WINDOW - found, length
    return None


def lz77(data, search=True):
    """Compresses; without `search`, all are literals."""
    out, at = bytearray(), 0
    while at < len(data):
        flags, group = 0, bytearray()
        for bit in range(8):
            if at == len(data):
                break
            copy = find_copy(data, at) if search else None
            if copy:
                position = (at - copy[0] - BIAS) % WINDOW
                group += bytes([position & 0xFF, position >> 8 << 4 | copy[1] - 3])
                at += copy[1]
            else:
                flags |= 1 << bit
                group.append(data[at])
                at += 1
        out += bytes([flags]) + group
    return bytes(out)


def unlz77(packed, size):
    """What the compressed bytes stand for; a second opinion on the writer."""
    window, out, at = bytearray(b" " * WINDOW), bytearray(), 0
    while len(out) < size:
        flags, at = packed[at], at + 1
        for bit in range(8):
            if len(out) == size:
                break
            if flags >> bit & 1:
                made, at = packed[at : at + 1], at + 1
            else:
                low, high, at = packed[at], packed[at + 1], at + 2
                start = ((high >> 4) << 8 | low) + BIAS
                made = [start + i for i in range((high & 15) + 3)]
            for each in made:
                byte = each if flags >> bit & 1 else window[each % WINDOW]
                window[len(out) % WINDOW] = byte
                out.append(byte)
    assert at == len(packed)
    return bytes(out)


def netmf_block(address, data, search=True, packed=None, **changes):
    packed = lz77(data, search) if packed is None else packed
    fields = {"address": address, "packed": len(packed), "plain": len(data), **changes}
    return struct.pack("<3I", *fields.values()) + packed + bytes(-len(packed) % 4)


def netmf_file(parts, search=True):
    return b"".join(netmf_block(address, data, search) for address, data in parts.items())
