# SPDX-License-Identifier: MIT
"""samples/blink, copied out of the checkout as its README says: it builds, its update is installed, and it runs."""

import os
import re
import shutil
import subprocess

import pytest

from formats import boards, keys, package
from formats.boards import APPLICATION

from . import jobs, trace
from .artifacts import BUILD, MATTERHORN, PRIVATE_KEY, PUBLIC_KEY, SAFETY_SECONDS, TOP, device_folder, matterhorn
from .device import Cells

each_board = pytest.mark.parametrize("board", boards.BOARDS.values(), ids=lambda board: board.name)


class Project:
    """A copy of the sample, in a folder of its own."""

    def __init__(self, folder):
        self.source, self.build = folder / "blink", folder / "blink/build"
        shutil.copytree(TOP / "samples/blink", self.source)
        self.key = folder / "my.private"
        shutil.copy(PRIVATE_KEY, self.key)
        self.package = self.build / "blink.nmf"

    def run(self, *command, status=0):
        words = [str(part) for part in command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=SAFETY_SECONDS, check=False)
        assert (done.returncode == 0) == (status == 0), done.stdout + done.stderr
        return done.stdout + done.stderr

    def configure(self, *more, status=0, checkout=TOP):
        toolchain = TOP / "firmware/cmake/arm-none-eabi.cmake"
        options = (f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", f"-DMATTERHORN={checkout}", f"-DKEY={self.key}")
        options += (f"-DMATTERHORN_COMMAND={MATTERHORN}",) if BUILD != TOP / "build" else ()
        return self.run("cmake", "-G", "Ninja", "-S", self.source, "-B", self.build, *options, *more, status=status)

    def make(self, status=0):
        return self.run("cmake", "--build", self.build, status=status)

    def replace(self, file, before, after):
        text = (self.source / file).read_text()
        assert before in text
        (self.source / file).write_text(text.replace(before, after))


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@each_board
def test_sample_is_built_installed_and_runs(bench, project, board, tmp_path):
    project.configure(f"-DBOARD={board.name}")
    project.make()
    read = package.read(project.package.read_bytes())
    assert package.refusal(project.package.read_bytes(), package.Device(board, (keys.read_public(PUBLIC_KEY),))) is None
    assert read.manifest.components[APPLICATION].version == (3, 1, 0, 0) and read.manifest.name == "blink"
    matterhorn("deploy", device_folder(board), project.package, "--output", tmp_path / "device")
    session = bench.power_on(board, Cells.load(tmp_path / "device"))
    session.wait_for(jobs.both(jobs.says("blink: confirmed"), jobs.blinks(trace.GREEN)), 10 * trace.SECOND)
    cells = session.cells
    session.power_off()
    assert cells.component(board, APPLICATION)[1] == read.images[APPLICATION]


def test_commands_of_its_page(project):
    page = (project.source / "README.md").read_text(encoding="utf-8")
    commands = "\n".join(re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)).replace("$MATTERHORN/build", str(BUILD))
    variables = {**os.environ, "MATTERHORN": str(TOP), "PATH": f"{MATTERHORN.parent}:{os.environ['PATH']}"}
    words, where = ["sh", "-e", "-c", commands], {"cwd": project.source, "env": variables, "timeout": SAFETY_SECONDS}
    done = subprocess.run(words, **where, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "blink: confirmed" in done.stdout
    assert (project.source / "by-hand.nmf").read_bytes() == project.package.read_bytes()


def test_package_follows_program_and_key(project):
    project.configure()
    project.make()
    assert "no work to do" in project.make()
    before = project.package.read_bytes()
    project.replace("main.c", "250u", "300u")
    project.make()
    changed = project.package.read_bytes()
    assert changed != before
    os.unlink(project.key)
    matterhorn("keygen", "--private", project.key, "--public", project.key.with_suffix(".public"))
    project.make()
    public = keys.read_public(project.key.with_suffix(".public"))
    assert package.refusal(project.package.read_bytes(), package.Device(boards.ETHERNET, (public,))) is None
    assert package.read(project.package.read_bytes()).images == package.read(changed).images


def test_program_for_another_board_ends_the_build(project):
    project.configure()
    project.replace("CMakeLists.txt", "BOARD ${BOARD} KEY", "BOARD mountaineer-usb KEY")
    said = project.make(status=1)
    assert "matterhorn: pack: " in said and "begins with its vector table, at 0x08080200" in said
    assert not project.package.exists()


def test_symbols_are_checked(project):
    symdefs = project.source / "symdefs.txt"
    project.replace("CMakeLists.txt", "NAME blink)", "NAME blink SYMDEFS symdefs.txt OUTPUT build/out.nmf)")
    symdefs.write_text("0x20000000 D variable\n")
    project.configure()
    assert f"{symdefs}: line 1: variable at 0x20000000" in project.make(status=1)
    symdefs.write_text("0x08010400 D api\n")
    project.make()
    assert (project.build / "out.nmf").exists() and not project.package.exists()


@pytest.mark.parametrize(
    "before, after, words",
    [
        ("KEY ${KEY} ", "", "BOARD and KEY are needed"),
        ("BOARD ${BOARD} ", "", "BOARD and KEY are needed"),
        ("NAME blink", "NAMED blink", "NAMED;blink"),
        ("NAME blink", "NAME", "without a value"),
        ("NAME blink", "COMPONENT boot", "COMPONENT is application or runtime"),
    ],
    ids=["no-key", "no-board", "unknown", "no-value", "component"],
)
def test_wrong_use_of_the_function_ends_the_configuration(project, before, after, words):
    project.replace("CMakeLists.txt", f"{before}", after)
    assert words in " ".join(project.configure(status=1).split())


def test_checkout_must_be_there_and_built(project, tmp_path):
    assert "say where Matterhorn is" in project.configure(status=1, checkout="/nowhere")
    shutil.copytree(TOP / "cmake", tmp_path / "checkout/cmake")
    said = project.configure("-DMATTERHORN_COMMAND=MATTERHORN_COMMAND-NOTFOUND", status=1,
                             checkout=tmp_path / "checkout")
    assert "there is no matterhorn command; run ci/build" in " ".join(said.split())
