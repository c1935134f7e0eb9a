# SPDX-License-Identifier: MIT
"""What the build has left, and the `matterhorn` command: the things under test, found in one place."""

import functools
import json
import os
import subprocess
from pathlib import Path

from formats import boards, keys

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MATTERHORN_BUILD", TOP / "build"))
# Whose firmware, packages and devices are tested: another one's for ci/mutants, as of a sweep's --root.
FIRMWARE = Path(os.environ["MATTERHORN_ROOT"]) / "build" if "MATTERHORN_ROOT" in os.environ else BUILD
MATTERHORN = BUILD / "bin/matterhorn"
PUBLIC_KEY = BUILD / "keys/development.public"
PRIVATE_KEY = BUILD / "keys/development.private"
DEVICE_KEY = BUILD / "keys/development.device"
MAC = "02:00:00:00:00:01"

# A hung process must not hang the suite. No test decides anything by it.
SAFETY_SECONDS = 600


def firmware(board, name, suffix):
    """build/firmware/BOARD/NAME.{elf,bin}, NAME being boot, runtime, demo, update or third."""
    return FIRMWARE / "firmware" / board.name / f"{name}.{suffix}"


def package_file(board, name):
    """build/packages/NAME-BOARD.nmf, NAME being runtime, demo, update or third."""
    return FIRMWARE / "packages" / f"{name}-{board.name}.nmf"


def device_folder(board):
    """The provisioned device that the build makes."""
    return FIRMWARE / "device" / board.name


def signing_key():
    """The development key, which every device of the build trusts."""
    return keys.read_private(PRIVATE_KEY)


@functools.cache
def mutant(name):
    """The firmware with a planted bug, built once: the root to run it with. NAME is one of
    firmware/mutants, or a patch's path."""
    command = [str(TOP / "ci/mutant"), str(name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SAFETY_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return BUILD / "mutants" / Path(name).stem


def run(*arguments, **environment):
    """Runs the command to its end, whatever that is; `environment` has variables for it."""
    command = [str(MATTERHORN), *map(str, arguments)]
    variables = {**os.environ, **{name: str(value) for name, value in environment.items()}}
    return subprocess.run(command, capture_output=True, text=True, timeout=SAFETY_SECONDS, check=False, env=variables)


def matterhorn(*arguments, status=0, **environment):
    """Runs the command and returns it completed, after checking its exit status."""
    done = run(*arguments, **environment)
    said = f"{' '.join(done.args)}\n{done.stdout}{done.stderr}"
    assert done.returncode == status, f"exit {done.returncode}, not {status}: {said}"
    return done


def matterhorn_json(*arguments, status=0, **environment):
    """Runs the command with --json and returns the object on its last line."""
    return json.loads(matterhorn(*arguments, "--json", status=status, **environment).stdout.strip().splitlines()[-1])


@functools.cache
def first_of_store(profile):
    """The lowest address of the SPI NOR that the update of a profile writes, as ids have it: where the package is
    stored depends on what is there."""
    told = matterhorn_json("boot", "--profile", profile, "--until", "update: confirmed")
    return f"{min(sector['address'] for sector in told['sectors'] if sector['chip'] == 'nor'):06X}"


def symbol_address(elf, name):
    """The address of a symbol of the firmware, from the cross toolchain's nm."""
    listing = subprocess.run(["arm-none-eabi-nm", str(elf)], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[2] == name:
            return int(parts[0], 16)
    raise AssertionError(f"{elf} has no symbol {name}")


def image_offset(board, elf, name):
    """Where in the application's plain image a symbol stands."""
    return symbol_address(elf, name) - board.application.start - boards.HEADER_SIZE
