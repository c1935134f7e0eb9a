# SPDX-License-Identifier: MIT
"""Updates of the runtime alone, and of runtime and application at once, on both boards: whatever is lost on the way,
both come to their end, or neither. And on the USB board, at its addresses, what else the Ethernet board's profiles are
swept for."""

import pytest

from formats import package

from .artifacts import PRIVATE_KEY, TOP, matterhorn, matterhorn_json

BOARDS = ("eth", "usb")
KINDS = ("runtime", "both")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("board", BOARDS)
def test_power_losses_in_an_update_of_the_runtime(board, kind):
    result = matterhorn_json("sweep", f"{board}-{kind}-update", "--cuts", 150, "--live", 4, "--check-credited", 10,
                             "--jobs", 2)
    assert result["verdict"] == "pass"
    assert result["cuts_fired"] == 150
    tried = {group["area"] for group in result["groups"] if group["tried"]}
    assert {"runtime", "journal"} <= tried
    assert ("application" in tried) == (kind == "both")


@pytest.mark.parametrize("profile, areas", [
    ("usb-encrypted", {"application", "journal", "store"}),
    ("usb-resume", {"application", "journal", "store"}),
    ("usb-confirm", {"journal", "otp"}),
    ("usb-rollback", {"application", "journal"}),
    ("usb-config", {"config", "shadow"}),
])  # fmt: skip
def test_power_losses_on_the_usb_board(profile, areas):
    result = matterhorn_json("sweep", profile, "--cuts", 150, "--live", 4, "--check-credited", 10, "--jobs", 2)
    assert result["verdict"] == "pass"
    assert areas <= {group["area"] for group in result["groups"] if group["tried"]}


@pytest.mark.parametrize("profile", ["usb-encrypted-closure", "usb-resume-closure"])
def test_two_power_losses_on_the_usb_board(profile):
    """A sample, of profiles for any number of them."""
    result = matterhorn_json("sweep", profile, "--depth", 2, "--cuts", 12, "--live", 2, "--jobs", 2)
    assert result["verdict"] == "pass" and result["depth"] == 2 and result["findings"] == []


def test_packages_with_both_components(tmp_path):
    """What `pack` says the regions hold is what the package has, for each component."""
    board = "mountaineer-eth"
    images = [TOP / f"build/firmware/{board}/{name}.bin" for name in ("runtime-2", "fourth")]
    output, flash, runtime = (tmp_path / name for name in ("both.nmf", "application", "runtime"))
    matterhorn("pack", "--board", board, "--key", PRIVATE_KEY, "--runtime", images[0],
               "--application", images[1], "--output", output, "--flash", flash, "--flash-runtime", runtime)
    read = package.read(output.read_bytes())
    for number, (image, region) in enumerate(zip(images, (runtime, flash)), start=1):
        assert read.images[number] == image.read_bytes()
        assert region.read_bytes()[512:] == image.read_bytes()
        assert output.read_bytes().startswith(region.read_bytes()[:8])
        assert len(region.read_bytes()) == 512 + image.stat().st_size


def test_the_runtime_alone_has_one_flash(tmp_path):
    image = TOP / "build/firmware/mountaineer-eth/runtime-2.bin"
    done = matterhorn("pack", "--board", "mountaineer-eth", "--key", PRIVATE_KEY, "--runtime", image,
                      "--output", tmp_path / "x.nmf", "--flash-runtime", tmp_path / "flash", status=2)
    assert "--flash has it" in done.stderr
    assert not list(tmp_path.iterdir())
