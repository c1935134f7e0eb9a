# SPDX-License-Identifier: MIT
"""Bundles: what `replay --artifacts` writes is replayed elsewhere: in another folder, by a program that has no project
around it, from another working directory. One that was changed is refused."""

import json
import os
import re
import shutil
import subprocess

import pytest

from .artifacts import BUILD, MATTERHORN, SAFETY_SECONDS, TOP, first_of_store, matterhorn, matterhorn_json, mutant

PROFILE = "eth-small-update"


def id_of_two():
    return f"{PROFILE}~s7n3/nor.{first_of_store(PROFILE)}.p1.half+int.080A2C54.p1.weak"


@pytest.fixture(scope="module", name="mutant")
def mutant_that_clears_the_request():
    return mutant("request-cleared")


@pytest.fixture(scope="module")
def written(mutant, tmp_path_factory):
    """A bundle where it was written, and what replay said then."""
    folder = tmp_path_factory.mktemp("written")
    result = matterhorn_json("replay", id_of_two(), "--root", mutant, "--artifacts", folder, status=1)
    (bundle,) = folder.iterdir()
    return bundle, result


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """The program and the machine on their own: a folder with nothing else."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for program in ("matterhorn", "matterhorn-qemu"):
        shutil.copy(MATTERHORN.parent / program, folder)
    return folder / "matterhorn"


@pytest.fixture
def moved(written, tmp_path):
    """A copy that a test may change."""
    folder = tmp_path / "moved here"
    shutil.copytree(written[0], folder)
    return folder


def replay(program, bundle, *arguments, status):
    environment = {name: text for name, text in os.environ.items() if not name.startswith("MATTERHORN")}
    command = [program, "replay", bundle, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SAFETY_SECONDS, check=False, cwd="/", env=environment
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done


def same_as_written(said, result):
    again = json.loads(said)
    assert again.pop("bundle")["same"] is True
    assert again == result


def test_moved_bundle_replays_to_the_last_event(written, elsewhere, moved):
    same_as_written(replay(elsewhere, moved, "--json", status=1).stdout, written[1])


@pytest.mark.parametrize("suffix, option", [(".tar", "-cf"), (".tar.gz", "-czf")])
def test_archive_replays(written, elsewhere, moved, tmp_path, suffix, option):
    archive = tmp_path / f"bundle{suffix}"
    subprocess.run(["tar", "-C", tmp_path, option, archive, moved.name], check=True, timeout=SAFETY_SECONDS)
    shutil.rmtree(moved)
    same_as_written(replay(elsewhere, archive, "--json", status=1).stdout, written[1])


def test_people_can_check_it_without_us(moved):
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=moved, check=True)


def test_it_says_how_it_went(elsewhere, moved):
    assert "it went as where that was written" in replay(elsewhere, moved, status=1).stdout


def seal(folder):
    """Sums that fit, as somebody makes them who changes a bundle on purpose."""
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*")
                   if path.is_file() and path.name != "SHA256SUMS")
    sums = subprocess.run(["sha256sum", *names], cwd=folder, check=True, capture_output=True)
    (folder / "SHA256SUMS").write_bytes(sums.stdout)


def test_another_result_is_said(elsewhere, moved):
    about = moved / "bundle.json"
    about.write_text(re.sub(r'"trace_sha256": "\w', '"trace_sha256": "x', about.read_text()))
    seal(moved)
    done = replay(elsewhere, moved, "--json", status=1)
    assert json.loads(done.stdout)["bundle"]["same"] is False
    assert "did NOT go" in replay(elsewhere, moved, status=1).stdout


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


CHANGES = {
    "image": lambda folder: flip(folder / "root/build/packages/third-mountaineer-eth.nmf"),
    "device": lambda folder: flip(folder / "device/nor.bin"),
    "scenario": lambda folder: flip(folder / "bundle.json"),
    "missing": lambda folder: (folder / "root/build/packages/small-mountaineer-eth.flash").unlink(),
    "more": lambda folder: (folder / "root/build/packages/other.nmf").write_bytes(b"x"),
    "link": lambda folder: (folder / "root/link").symlink_to("/etc/hostname"),
    "no-sums": lambda folder: (folder / "SHA256SUMS").unlink(),
    "sums": lambda folder: (folder / "SHA256SUMS").write_text("nonsense\n"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_bundle_is_refused(elsewhere, moved, change):
    CHANGES[change](moved)
    done = replay(elsewhere, moved, status=2)
    assert len(done.stderr.splitlines()) == 1 and str(moved) in done.stderr
    assert not done.stdout


def test_other_version_is_refused(elsewhere, moved):
    about = moved / "bundle.json"
    about.write_text(about.read_text().replace('"bundle": 1', '"bundle": 2'))
    seal(moved)
    assert "another version" in replay(elsewhere, moved, status=2).stderr


def test_what_is_no_bundle_is_wrong_use(elsewhere, tmp_path):
    (tmp_path / "file").write_text("no archive")
    for path in (tmp_path, tmp_path / "file"):
        done = replay(elsewhere, path, status=2)
        assert len(done.stderr.splitlines()) == 1 and "no bundle" in done.stderr


def test_bundle_takes_no_other_target(moved):
    for option in ("--root", "--device", "--profile", "--artifacts"):
        assert "a bundle has its own" in matterhorn("replay", moved, option, "x", status=2).stderr


def test_profile_that_leads_out_of_its_root_makes_no_bundle(tmp_path):
    text = (TOP / f"sim/profiles/{PROFILE}.yaml").read_text(encoding="utf-8")
    file = "build/packages/small-mountaineer-eth.flash"
    profile = tmp_path / "absolute.yaml"
    profile.write_text(text.replace(f"file: {file}", f"file: {BUILD.parent / file}"), encoding="utf-8")
    options = ("--profile", profile)
    done = matterhorn("replay", id_of_two(), *options, "--artifacts", tmp_path / "out", status=2)
    assert len(done.stderr.splitlines()) == 1 and file in done.stderr
    matterhorn("replay", id_of_two(), *options)
