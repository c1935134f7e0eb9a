# SPDX-License-Identifier: MIT
"""Every planted bug still applies to the source as it is, and what it changes compiles: by the command of the
firmware's build, or else of the bench's. Most of them are built by ci/mutants and ci/planted only, which take hours."""

import concurrent.futures
import json
import os
import shlex
import shutil
import subprocess

import pytest

from .artifacts import BUILD, TOP

FOLDERS = ("firmware/mutants", "tests/planted")


def commands(build):
    """How the sources under TOP are compiled there, each in the first of its ways: {path: (folder, arguments)}."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = entry["file"].removeprefix(f"{TOP}/")
        found.setdefault(source, (entry["directory"], shlex.split(entry["command"])))
    return found


def copy_of_the_sources(folder):
    for name in ("firmware", "sim", "tests"):
        shutil.copytree(TOP / name, folder / name, ignore=shutil.ignore_patterns("corpus", "__pycache__"))


def changed_sources(patch):
    """The C files that PATCH changes, and those of the update core that include a header that it changes."""
    changed = [line.split()[1].removeprefix("b/") for line in patch.read_text().splitlines() if line.startswith("+++ ")]
    sources = {name for name in changed if name.endswith(".c")}
    for header in (name.rpartition("/")[2] for name in changed if name.endswith(".h")):
        sources |= {f"firmware/update/{path.name}" for path in (TOP / "firmware/update").glob("*.c") if f'{header}"' in path.read_text()}
    return sorted(sources)


def compile_in(folder, source, directory, arguments):
    """SOURCE of FOLDER in place of TOP's, with its headers; the result is thrown away. What the compiler said, if it fails."""
    there = [f"{folder}/{source}" if text == f"{TOP}/{source}" else text.replace(f"-I{TOP}/", f"-I{folder}/") for text in arguments]
    there[there.index("-o") + 1] = os.devnull
    done = subprocess.run(there, cwd=directory, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def wrong_with(patch, folder, known):
    """What is wrong with PATCH, tried in FOLDER, a copy of the sources that is left as it was."""
    arguments = ["patch", "-d", str(folder), "-p1", "--batch", "--force", "--fuzz=0", "--no-backup-if-mismatch", "-r", "-"]
    there = subprocess.run([*arguments, "-i", str(patch)], capture_output=True, text=True, check=False)
    if there.returncode:
        return there.stdout
    sources = changed_sources(patch)
    said = "" if sources else "it changes no C file"
    for source in sources:
        said += compile_in(folder, source, *known[source]) if source in known else f"nothing is built from {source}"
    subprocess.run([*arguments, "-R", "-i", str(patch)], capture_output=True, check=True)
    return said


def all_that_is_wrong(patches, folder):
    known = commands(BUILD) | commands(BUILD / "firmware")
    workers = os.cpu_count() or 1

    def try_part(number):
        copy = folder / f"{number}"
        copy_of_the_sources(copy)
        return {patch.name: wrong_with(patch, copy, known) for patch in patches[number::workers]}

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        found = [pair for part in pool.map(try_part, range(workers)) for pair in part.items()]
    return {name: said for name, said in found if said}


@pytest.mark.parametrize("folder", FOLDERS)
def test_planted_bugs_apply_and_compile(folder, tmp_path):
    patches = sorted((TOP / folder).glob("*.patch"))
    assert len(patches) > 60
    assert not all_that_is_wrong(patches, tmp_path)


ONE = """Nothing.
--- a/firmware/boot/main.c
+++ b/firmware/boot/main.c
@@ -1,3 +1,4 @@
 /* SPDX-License-Identifier: MIT
+{}
  *
  * The bootloader: carries out a pending update, verifies what is installed, starts it.
"""


@pytest.mark.parametrize("text, said", [
    (ONE.format("*/ int twice; char twice; /*"), "conflicting types"),
    (ONE.format("").replace("MIT", "MTI"), "FAILED"),
    (ONE.replace(".c", ".txt"), "No file to patch"),
])  # fmt: skip
def test_what_does_not_is_named(text, said, tmp_path):
    patch = tmp_path / "one.patch"
    patch.write_text(text)
    wrong = all_that_is_wrong([patch], tmp_path / "copies")
    assert said in wrong["one.patch"]
