# SPDX-License-Identifier: MIT
"""What properties in a profile's `machine` mean to the bench: what outlives a loss of power inside of QEMU is refused by all who
put states into machines, and what is the same as a fault is treated as that."""

import pytest

from .artifacts import TOP, matterhorn, matterhorn_json

BASE = "eth-small-update"
LOSS = f"{BASE}~s1/int.080A0000.e1.before"


@pytest.fixture(name="profile")
def profile_with_properties(tmp_path):
    """Makes the profile with these properties of its machine, and of the sample only what it is told."""

    def make(properties):
        text = (TOP / "sim/profiles" / f"{BASE}.yaml").read_text(encoding="utf-8").partition("  minimum:")[0]
        path = tmp_path / "profile.yaml"
        path.write_text(text.replace("machine: mountaineer-eth\n", f"machine: \"mountaineer-eth,{properties}\"\n", 1), encoding="utf-8")
        return path

    return make


@pytest.mark.parametrize("value", ["on", "true"])
@pytest.mark.parametrize("command", [("sweep",), ("sweep", "--depth", 1), ("sweep", "--depth", "any"), ("soak", "--updates", 1), ("replay", LOSS),
                                     ("shrink", LOSS)])
def test_what_outlives_a_loss_of_power_is_refused(profile, command, value):
    path = profile(f"nor-powerup=instant,vbat={value}")
    where = (path, *command[1:]) if command[0] in ("sweep", "soak") else (*command[1:], "--profile", path)
    done = matterhorn(command[0], *where, status=2)
    assert len(done.stderr.splitlines()) == 1 and not done.stdout
    assert "with vbat=on the machine" in done.stderr and "leave vbat out, or use matterhorn boot" in done.stderr


def test_a_start_may_have_a_battery():
    matterhorn("boot", "--profile", "swap-update", "--machine", "stm32f407-nor,vbat=on", "--time", 1)


def test_a_battery_that_is_not_there_is_no_reason(profile):
    assert "vbat" in matterhorn("sweep", profile("vbat=off"), status=2).stderr, "QEMU's own words: this board has none"


@pytest.mark.parametrize("properties, faults", [("stale-cache=on", "int-stale-cache"), ("nor-multipass=refused", "nor-multipass-refused")])
def test_nothing_is_credited_where_a_property_sees_more_than_the_recovery_touches(profile, properties, faults):
    """As under the faults of the same effect (test_faults.py)."""
    path = profile(properties)
    done = matterhorn("sweep", path, "--cuts", 60, "--live", 5, "--jobs", 2)
    assert f"properties of the machine that are as faults: {faults} (so every state is run, none credited)" in done.stdout
    assert "60 states run, 0 credited" in done.stdout
    done = matterhorn("sweep", path, "--depth", 2, status=2)
    assert "has properties that are the same as some" in done.stderr and not done.stdout


def test_properties_that_change_nothing_leave_states_credited(profile):
    properties = "stale-cache=off,nor-multipass=allowed,nor-powerup=datasheet"
    result = matterhorn_json("sweep", profile(properties), "--cuts", 60, "--live", 5, "--jobs", 2)
    assert result["verdict"] == "pass" and result["states_pruned"] > 10


def test_times_of_the_parts_are_those_that_the_profile_has(profile):
    """A recovery erases the sector once more, which takes twice as long at most as it typically does (DS8626 table 40)."""

    def worst(path):
        result = matterhorn_json("sweep", path, "--cuts", 4, "--live", 0, "--jobs", 1)
        return max(group["worst_s"] for group in result["groups"] if group["area"] == "application" and group["kind"] == "program")

    assert worst(profile("flash-times=maximum")) > 1.3 * worst(BASE)
