# SPDX-License-Identifier: MIT
"""Updates of several sizes, whose profiles extend one: that they are as large as they say, and recover."""

import pytest

from .artifacts import TOP, matterhorn, matterhorn_json

KB = 1024
SECTOR_KB = 128
ERASED = b"\xff\xff\xff\xff"
PROFILES = {4: "eth-tiny-update", 16: "eth-16k-update", 64: "eth-64k-update", 128: "eth-128k-update",
            384: "eth-384k-update"}
HEADER_WORDS = 128
REGION = 384 * KB


def flash_of(kilobytes):
    """What the application's region holds after the update, header included."""
    return (TOP / f"build/packages/sized-{kilobytes}k-mountaineer-eth.flash").read_bytes()


def words(data):
    return [data[at : at + 4] for at in range(0, len(data), 4)]


@pytest.mark.parametrize("kilobytes", PROFILES)
def test_the_image_has_its_size_and_is_programmed_throughout(kilobytes):
    flash = flash_of(kilobytes)
    assert kilobytes * KB - 256 < len(flash) <= kilobytes * KB
    assert len(flash) <= REGION
    assert ERASED not in words(flash)[HEADER_WORDS:], "such a word is not programmed"


@pytest.mark.parametrize("kilobytes", PROFILES)
def test_losses_in_it_are_recovered(kilobytes, tmp_path):
    """A few, wherever they fall; the operations are those of the whole image."""
    few = tmp_path / "few.yaml"
    few.write_text(f"extends: {TOP}/sim/profiles/{PROFILES[kilobytes]}.yaml\nname: few\ncuts: {{count: 4, minimum: []}}\n")
    result = matterhorn_json("sweep", few, "--jobs", 1, "--live", 1)
    assert result["verdict"] == "pass" and result["cuts_fired"] == 4
    programmed = sum(word != ERASED for word in words(flash_of(kilobytes)))
    installed = {group["kind"]: group["operations"] for group in result["groups"]
                 if (group["phase"], group["area"]) == ("install", "application")}
    assert installed == {"program": programmed, "erase": -(-kilobytes // SECTOR_KB)}


def test_what_another_profile_extends_is_in_a_bundle_too(tmp_path):
    """What replay writes for a finding is whole: the profile that is extended is not there any more."""
    cut = "eth-16k-update~s1/int.080A0398.p1.after"
    matterhorn("replay", cut, "--artifacts", tmp_path)
    profile = next(tmp_path.glob("*/profile.yaml")).read_text(encoding="utf-8")
    assert "extends" not in profile and "sized-16k" in profile and "sized-4k" not in profile
    matterhorn("replay", next(tmp_path.iterdir()), MATTERHORN_PROFILES=str(tmp_path))
