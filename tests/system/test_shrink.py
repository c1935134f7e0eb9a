# SPDX-License-Identifier: MIT
"""`matterhorn shrink`: what several power losses and tears are needed for, and what not. On a planted bug that any loss
in the install shows, the first loss of an id that says two is not to blame."""

import re

import pytest

from .artifacts import TOP, first_of_store, matterhorn, matterhorn_json, mutant

PROFILE = "eth-small-update"
FATAL = "int.080A2C54.p1.weak"  # a word of the image: the install is forgotten


def harmless():
    """While the package is stored: it is stored again."""
    return f"nor.{first_of_store(PROFILE)}.p1.half"


def two():
    return f"{PROFILE}~s7n3/{harmless()}+{FATAL}"


@pytest.fixture(scope="module", name="mutant")
def mutant_that_clears_the_request():
    return mutant("request-cleared")


def test_two_losses_become_one_of_the_simplest_kind(mutant):
    """The seed of the profile, a loss before the first word that the install programs, and no
    tear at all; and it replays."""
    result = matterhorn_json("shrink", two(), "--root", mutant, status=1)
    head, cut = result["id"].split("/")
    assert head == f"{PROFILE}~s1"
    chip, address, operation, tear = cut.split(".")
    assert (chip, operation, tear) == ("int", "p1", "before")
    assert 0x080A0000 <= int(address, 16) < 0x080A2C54
    assert result["complete"] is True and result["oracle_changed"] is False
    assert result["given_finding"]["oracle"] == result["finding"]["oracle"]
    replayed = matterhorn_json("replay", result["id"], "--root", mutant, status=1)
    assert replayed["finding"] == result["finding"]


def test_it_cannot_be_made_smaller_again(mutant):
    smallest = matterhorn_json("shrink", two(), "--root", mutant, status=1)["id"]
    again = matterhorn_json("shrink", smallest, "--root", mutant, status=1)
    assert again["id"] == smallest


def test_the_operation_before_the_smallest_recovers(mutant):
    """The install is forgotten once its first sector is erased: the first word behind that is the smallest, and the
    erase before it is not one: without it the old application stores the update again."""
    result = matterhorn_json("shrink", f"{PROFILE}~s7/{FATAL}", "--root", mutant, status=1)
    assert result["id"] == f"{PROFILE}~s1/int.080A0200.p1.before"
    matterhorn("replay", f"{PROFILE}~s1/int.080A0000.e1.before", "--root", mutant)


def test_first_word_that_fails_is_found_by_halving():
    """A resumed install takes the wrong sector for done: words of the sector that is installed last
    fail, all words before recover."""
    root = mutant("resume-wrong-sector")
    given = "eth-large-update~s1/int.080A06A0.p1.mask"
    result = matterhorn_json("shrink", given, "--root", root, status=1)
    assert result["id"] == "eth-large-update~s1/int.080A0200.p1.before"
    assert result["tried"] < 20, "of some 700 words"


def test_another_oracle_is_a_smaller_finding_only_when_asked_for(mutant, tmp_path):
    """Where no next update works at all, one of the two losses alone leads to a finding too, but to another one."""
    text = (TOP / f"sim/profiles/{PROFILE}.yaml").read_text(encoding="utf-8")
    profile = tmp_path / "changed.yaml"
    profile.write_text(re.sub(r"command: \[[^]]*\]", 'command: ["false"]', text), encoding="utf-8")
    options = ("--root", mutant, "--profile", profile)
    same = matterhorn_json("shrink", two(), *options, status=1)
    assert same["finding"]["oracle"] == same["given_finding"]["oracle"] == "time"
    assert same["oracle_changed"] is False
    other = matterhorn_json("shrink", two(), *options, "--any-oracle", status=1)
    assert other["given_finding"]["oracle"] == "time" and other["finding"]["oracle"] == "next"
    assert other["oracle_changed"] is True
    said = matterhorn("shrink", two(), *options, "--any-oracle", status=1).stdout
    assert "\nbefore     time: " in said


def test_number_of_runs_is_kept_to(mutant):
    result = matterhorn_json("shrink", two(), "--root", mutant, "--max-runs", 3, status=1)
    assert result["tried"] == 3 and result["complete"] is False
    assert result["cuts"] == 1, "what was reached until then"
    matterhorn("replay", result["id"], "--root", mutant, status=1)


def test_output_for_people_has_the_command(mutant):
    done = matterhorn("shrink", two(), "--root", mutant, status=1)
    command = done.stdout.strip().splitlines()[-1].split()
    assert command[2:4] == ["matterhorn", "replay"]
    matterhorn(*command[3:], "--strict", status=1)
    assert two() in done.stderr and "fails" in done.stderr


def test_what_does_not_fail_is_not_made_smaller():
    done = matterhorn("shrink", two())
    assert "does not fail" in done.stdout
    result = matterhorn_json("shrink", two())
    assert result["verdict"] == "pass" and result["finding"] is None and result["tried"] == 1


@pytest.mark.parametrize(
    "arguments, word",
    [
        (("nonsense",), "nonsense"),
        ((f"{PROFILE}~s1/nor.000000.p1.before",), "nor.000000.p1.before"),
        ((f"{PROFILE}~s7/{FATAL}", "--max-runs", -1), "--max-runs"),
        ((f"{PROFILE}~s7/{FATAL}",) * 2, "one id"),
        ((), "one id"),
    ],
)
def test_wrong_use_is_one_line(arguments, word):
    done = matterhorn("shrink", *arguments, status=2)
    assert len(done.stderr.splitlines()) == 1 and word in done.stderr
    assert not done.stdout
