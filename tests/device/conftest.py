# SPDX-License-Identifier: MIT
"""The firmware of these tests, and machines that hold it."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import rail  # noqa: E402
from bed import build  # noqa: E402


@pytest.fixture(scope="session")
def firmware(tmp_path_factory):
    return build("firmware", tmp_path_factory.mktemp("firmware"))


@pytest.fixture
def machine(firmware):
    with rail.Machine() as started:
        started.write("internal", 0, firmware)
        yield started


@pytest.fixture
def watched(firmware):
    """A machine with a touched map."""
    with rail.Machine(touched=True) as started:
        started.write("internal", 0, firmware)
        yield started
