# SPDX-License-Identifier: MIT
"""Readers and writers of Matterhorn's formats, written from docs/SPEC.md alone.

They share no code, and no author's habit, with the C in firmware/update: where the two disagree, either one of them
or the page is wrong. Nothing here is clever; it follows the tables of the page, in its order and with its words.
"""


class FormatError(Exception):
    """The bytes are not what docs/SPEC.md says; the text is the reason, in the words a device uses for it."""
