# SPDX-License-Identifier: MIT
"""What ci/lzma has built; the helpers are those of the system tests."""

import os
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
from system.bench import Bench  # noqa: E402


@pytest.fixture(scope="session")
def bench():
    if not os.environ.get("MATTERHORN_BUILD", "").endswith("/lzma"):
        pytest.fail("MATTERHORN_BUILD is not build/lzma: run ./ci/lzma, which builds it and then these tests")
    with Bench() as started:
        yield started
