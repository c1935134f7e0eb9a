# SPDX-License-Identifier: MIT
"""What the firmware takes of flash and stack is within its limits, and ci/sizes says when it is not."""

import importlib.machinery
import importlib.util
import json
import subprocess

import pytest

from .artifacts import TOP


def sizes(*options, status=0):
    done = subprocess.run([TOP / "ci/sizes", "--json", *map(str, options)], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout), done.stderr


def test_all_is_within_its_limits():
    said, _ = sizes()
    assert said["verdict"] == "pass" and said["heap"] == []
    for image in said["images"].values():
        assert {"Ed25519", "SHA-256", "update core", "drivers"} <= image["parts"].keys()
        assert abs(sum(image["parts"].values()) - image["flash"]) <= 64
    assert set(said["stacks"]) == {"boot", "runtime", "demo"} and all(stack["used"] > 1000 for stack in said["stacks"].values())


@pytest.mark.parametrize("option, word", [("--flash", "mountaineer-eth/boot takes"), ("--stack", "boot has used")])
def test_what_is_too_much_is_told(option, word):
    said, errors = sizes(option, 2000, status=1)
    assert said["verdict"] == "fail" and f"sizes: {word}" in errors


def test_a_heap_is_told(tmp_path, monkeypatch):
    loader = importlib.machinery.SourceFileLoader("sizes", str(TOP / "ci/sizes"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("sizes", loader))
    loader.exec_module(module)
    monkeypatch.setattr(module, "FIRMWARE", tmp_path)
    source = tmp_path / "heap.c"
    source.write_text("void *malloc(unsigned n); void *malloc(unsigned n) { return (void *)n; } int main(void) { return 0; }")
    (tmp_path / "mountaineer-eth").mkdir()
    subprocess.run(["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-nostdlib", "-fno-builtin", "-Wl,-e,main", source, "-o",
                    tmp_path / "mountaineer-eth/boot.elf"], check=True)
    assert module.linked_heap() == ["mountaineer-eth/boot: malloc"]
