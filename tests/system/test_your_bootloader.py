# SPDX-License-Identifier: MIT
"""docs/YOUR-BOOTLOADER.md, done as it stands there: its profile, and every one of its commands."""

import os
import re
import subprocess

import pytest

from .artifacts import BUILD, SAFETY_SECONDS, TOP

PAGE = (TOP / "docs/YOUR-BOOTLOADER.md").read_text()
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
            for line in block.splitlines()]
(PROFILE,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder in which the page's paths mean what they say, with the profile in it."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "build").mkdir()
    for name in ("swapboot", "swapboot-mutants"):
        (BUILD / name).mkdir(exist_ok=True)
        (folder / "build" / name).symlink_to(BUILD / name)
    (folder / "tests").symlink_to(TOP / "tests")
    (folder / "mine.yaml").write_text(PROFILE)
    return folder


def do(desk, command):
    """Types a command of the page. The desk is where relative paths of the profile start: a
    reader is in the project's folder."""
    words = [*command.split(), *(["--root", str(desk)] if re.match("matterhorn (sweep|replay)", command) else [])]
    environment = {**os.environ, "PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}"}
    return subprocess.run(words, cwd=desk, env=environment, capture_output=True, text=True, timeout=SAFETY_SECONDS,
                          check=False)


def test_the_page_as_it_stands(desk):
    """Down to the first finding, and back from its id."""
    device, look, good, mutant, bad, again = COMMANDS
    for command in (device, look, good, mutant):
        done = do(desk, command)
        assert done.returncode == 0, command + done.stdout + done.stderr
        if command == look:
            assert "app 2: confirmed" in done.stdout
        if command == good:
            assert "300 of 300 recovered: pass" in done.stdout
    found = do(desk, bad)
    assert found.returncode == 1, found.stdout + found.stderr
    finding = re.search(r"^finding: (\S+)", found.stdout, re.MULTILINE).group(1)
    assert do(desk, again.replace("ID", finding)).returncode == 1
