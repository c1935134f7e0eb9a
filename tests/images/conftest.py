# SPDX-License-Identifier: MIT
"""Images of other projects; ci/images, which builds them, says where they are."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "device"), str(HERE.parent)]


def given(variable):
    if variable not in os.environ:
        pytest.fail(f"{variable} is not set: run ./ci/images, which builds the images and then these tests")
    return Path(os.environ[variable])


@pytest.fixture(scope="session")
def u_boot():
    """The binary of U-Boot."""
    return given("MATTERHORN_U_BOOT").read_bytes()


@pytest.fixture(scope="session")
def openocd():
    """OpenOCD's source tree."""
    return given("MATTERHORN_OPENOCD")
