# SPDX-License-Identifier: MIT
"""The packages that must be refused: each is the accepted twin's in all but one thing.

A case makes its package from a writer of the good twin. Section 2.4 of docs/SPEC.md decides what is known before the
first byte is stored (`early`) and what only when a chunk is looked at.
"""

from dataclasses import dataclass
from typing import Callable

from formats import boards, keys, package
from formats.boards import APPLICATION

APPLICATION_FIELD = package.COMPONENT[APPLICATION]
UNKNOWN_TAG = 0x0F30  # a tag that no version of the format has; 0x8F30 is the same, critical


@dataclass(frozen=True)
class Case:
    name: str
    reason: str
    make: Callable  # from the good twin's writer and its board to the bytes that are offered
    early: bool = True
    counter: int = 0  # of the factory application and of the good twin

    def __str__(self):
        return self.name


def other(board):
    return next(each for each in boards.BOARDS.values() if each is not board)


def wrong_board(writer, board):
    return writer.set((package.BOARD,), package.u32(other(board).id)).build()


def wrong_signature(writer, board):
    data = writer.build()
    return package.with_flipped_bit(data, package.manifest_size(data))


def tampered_chunk(writer, board):
    data = writer.build()
    return package.with_flipped_bit(data, len(data) - 1)


def truncated(writer, board):
    return writer.build()[:-1]


def lower_counter(writer, board):
    return writer.set((APPLICATION_FIELD, package.SECURITY_COUNTER), package.u32(0)).build()


def wrong_destination(writer, board):
    inside = board.application.start + 0x20000  # the next sector: inside the region, but not its start
    return writer.set((APPLICATION_FIELD, package.DESTINATION), package.u32(inside)).build()


def in_the_runtime(writer, board):
    return writer.set((APPLICATION_FIELD, package.DESTINATION), package.u32(board.runtime.start)).build()


def in_the_bootloader(writer, board):
    return writer.set((APPLICATION_FIELD, package.DESTINATION), package.u32(boards.INTERNAL_BASE)).build()


def unknown_critical(writer, board):
    return writer.add((package.CRITICAL | UNKNOWN_TAG,), b"what").build()


def unknown_critical_of_component(writer, board):
    return writer.add((APPLICATION_FIELD, package.CRITICAL | UNKNOWN_TAG), b"what").build()


def duplicate(writer, board):
    return writer.duplicate((package.BOARD,)).build()


def duplicate_of_component(writer, board):
    return writer.duplicate((APPLICATION_FIELD, package.VERSION)).build()


def for_another_key(writer, board):
    key = package.cipher_value(b"twelve bytes", b"some key")
    return writer.add((APPLICATION_FIELD, package.CIPHER), key).build()


def for_the_key_of_zeros(writer, board):
    """A device without a key has zeros in its place, and those have an id too."""
    key = package.cipher_value(b"twelve bytes", keys.key_id(bytes(32)))
    return writer.add((APPLICATION_FIELD, package.CIPHER), key).build()


def unknown_cipher(writer, board):
    value = package.cipher_value(b"twelve bytes", b"some key", cipher=2)
    return writer.add((APPLICATION_FIELD, package.CIPHER), value).build()


def revokes_its_own_key(writer, board):
    return writer.add((package.REVOKES,), package.u32(1)).build()


def revokes_a_fifth_key(writer, board):
    return writer.add((package.REVOKES,), package.u32(1 << 4)).build()


def lzma_codec(writer, board):
    return writer.set((APPLICATION_FIELD, package.CODEC), package.u32(package.CODEC_LZMA)).build()


CASES = (
    Case("wrong-board", package.WRONG_BOARD, wrong_board),
    Case("wrong-signature", package.WRONG_SIGNATURE, wrong_signature),
    Case("tampered-chunk", package.WRONG_CHUNK, tampered_chunk, early=False),
    Case("truncated", package.TRUNCATED, truncated),
    Case("lower-counter", package.COUNTER_TOO_LOW, lower_counter, counter=1),
    Case("destination-inside", package.WRONG_DESTINATION, wrong_destination),
    Case("destination-runtime", package.WRONG_DESTINATION, in_the_runtime),
    Case("destination-bootloader", package.WRONG_DESTINATION, in_the_bootloader),
    Case("unknown-critical", package.UNKNOWN_CRITICAL, unknown_critical),
    Case("unknown-critical-in-component", package.UNKNOWN_CRITICAL, unknown_critical_of_component),
    Case("duplicate", package.DUPLICATE, duplicate),
    Case("duplicate-in-component", package.DUPLICATE, duplicate_of_component),
    Case("cipher-key-of-another", package.WRONG_CIPHER_KEY, for_another_key),
    Case("cipher-key-of-zeros", package.WRONG_CIPHER_KEY, for_the_key_of_zeros),
    Case("cipher-unknown", package.WRONG_VALUE, unknown_cipher),
    Case("revokes-itself", package.WRONG_VALUE, revokes_its_own_key),
    Case("revokes-a-fifth-key", package.WRONG_VALUE, revokes_a_fifth_key),
    Case("codec-not-built-in", package.UNKNOWN_CODEC, lzma_codec),
)
