# SPDX-License-Identifier: MIT
"""Fixtures that all system tests share."""

import pytest

from .bench import Bench


@pytest.fixture(scope="session")
def bench():
    """One bench for the whole run: its machines see every test's power cycles, one after another."""
    with Bench() as bench:
        yield bench
