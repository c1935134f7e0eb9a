# SPDX-License-Identifier: MIT
"""docs/THREATS.md and docs/PEERS.md name tests and planted bugs that their claims rest on: each of them is there."""

import re

import pytest

from .artifacts import TOP

PAGES = ("THREATS.md", "PEERS.md")
PLANTED = ("firmware/mutants", "tests/planted")
FOLDERS = ("tests/system", "tests/device", "tests/formats", "tests/unit")
# As in "test_faults.py: test_one, test_two; test_installer.c: another"; a star stands for the rest of a name.
NAMED = re.compile(r"(test_\w+\.(?:py|c)): ((?:\w+(?:\\\*)?(?:, (?!test_\w+\.(?:py|c)))?)+)")


def page(name):
    return (TOP / "docs" / name).read_text(encoding="utf-8")


def functions(file):
    """What the files of tests of this name define."""
    paths = [TOP / folder / file for folder in FOLDERS if (TOP / folder / file).exists()]
    assert paths, f"there is no {file}"
    pattern = r"^def (test_\w+)\(" if file.endswith(".py") else r"^static void (\w+)\(void \*\*state\)"
    return [name for path in paths for name in re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)]


def claims(text):
    for file, names in NAMED.findall(text):
        for name in names.split(", "):
            yield file, name.replace("\\*", "*")


@pytest.mark.parametrize("name", PAGES)
def test_tests_that_a_page_names_are_there(name):
    found = list(claims(page(name)))
    assert len(found) > 20, "the page is not read as it is written"
    for file, test in found:
        there = functions(file)
        assert any(re.fullmatch(test.replace("*", r"\w*"), each) for each in there), f"{file}: {test}"


def test_planted_bugs_that_the_page_names_are_there():
    rows = [line for line in page("PEERS.md").splitlines() if line.startswith("| ") and line.count("|") == 5]
    named = {name for row in rows for name in re.findall(r"[a-z]+(?:-[a-z]+)+", row.split("|")[4])}
    assert len(named) > 20, "the page is not read as it is written"
    assert named <= {path.stem for folder in PLANTED for path in (TOP / folder).glob("*.patch")}


def test_a_name_that_is_not_there_is_noticed():
    text = "| x | test_peers.py: test_nothing_of_this_name, test_versions_are_compared_without_a_sign |"
    assert list(claims(text)) == [
        ("test_peers.py", "test_nothing_of_this_name"),
        ("test_peers.py", "test_versions_are_compared_without_a_sign"),
    ]
    assert "test_nothing_of_this_name" not in functions("test_peers.py")
