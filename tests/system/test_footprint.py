# SPDX-License-Identifier: MIT
"""What the firmware takes of flash and stack is within its limits, and ci/sizes says when it is not."""

import argparse
import importlib.machinery
import importlib.util
import json
import shutil
import subprocess

import pytest

from .artifacts import TOP

ETHERNET = "mountaineer-eth"


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
    assert said["images"][f"{ETHERNET}/boot with LZMA"]["parts"]["LZMA"] > 1000
    assert set(said["stacks"]) == {"boot", "runtime", "demo"} and all(stack["used"] > 1000 for stack in said["stacks"].values())


@pytest.mark.parametrize("option, word", [("--flash", "mountaineer-eth/boot takes"), ("--stack", "boot has used")])
def test_what_is_too_much_is_told(option, word):
    said, errors = sizes(option, 2000, status=1)
    assert said["verdict"] == "fail" and f"sizes: {word}" in errors


@pytest.fixture
def module():
    loader = importlib.machinery.SourceFileLoader("sizes", str(TOP / "ci/sizes"))
    loaded = importlib.util.module_from_spec(importlib.util.spec_from_loader("sizes", loader))
    loader.exec_module(loaded)
    return loaded


def test_a_bootloader_with_lzma_that_does_not_fit_is_told(module, tmp_path, capsys):
    """With 8 KB more in what only LZMA has: it does not link, and is measured all the same."""
    source = shutil.copytree(TOP / "firmware", tmp_path / "firmware")
    with (source / "update/lzma.c").open("a", encoding="utf-8") as more:
        more.write('\n__attribute__((used, section(".vectors"))) static const uint8_t ballast[8192] = {1};\n')
    image = module.measure_with_lzma(ETHERNET, source, tmp_path / "build")
    assert image["flash"] > module.FLASH_MOST and not (tmp_path / "build" / ETHERNET / "boot.elf").exists()
    limits = argparse.Namespace(flash=module.FLASH_MOST, stack=module.STACK_MOST)
    assert not module.within({f"{ETHERNET}/boot with LZMA": image}, {}, [], limits)
    assert "boot with LZMA takes" in capsys.readouterr().err


def test_a_heap_is_told(module, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FIRMWARE", tmp_path)
    source = tmp_path / "heap.c"
    source.write_text("void *malloc(unsigned n); void *malloc(unsigned n) { return (void *)n; } int main(void) { return 0; }")
    (tmp_path / "mountaineer-eth").mkdir()
    subprocess.run(["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-nostdlib", "-fno-builtin", "-Wl,-e,main", source, "-o",
                    tmp_path / "mountaineer-eth/boot.elf"], check=True)
    assert module.linked_heap() == ["mountaineer-eth/boot: malloc"]


@pytest.mark.parametrize("macro, row", [("RNDr(S, W, %, i)", 7), ("MSCH(W, %, i)", 15)])
def test_a_sha512_whose_rows_are_not_the_known_ones_is_not_put_into_loops(macro, row, tmp_path):
    """Another version of libsodium: the build stops, and says what it misses; it does not hash something else."""
    source = tmp_path / "src/libsodium/crypto_hash/sha512/cp/hash_sha512_cp.c"
    source.parent.mkdir(parents=True)
    rows = [f"        {each.replace('%', str(n))};\n" for each in ("RNDr(S, W, %, i)", "MSCH(W, %, i)") for n in range(16)]
    rows.remove(f"        {macro.replace('%', str(row))};\n")
    source.write_text("".join(rows))
    (tmp_path / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.25)\nproject(loops NONE)\n"
        f"set(MATTERHORN_LIBSODIUM_SOURCE {tmp_path})\ninclude({TOP}/firmware/third-party/sha512-loops.cmake)\n")
    done = subprocess.run(["cmake", "-S", tmp_path, "-B", tmp_path / "build"], capture_output=True, text=True, check=False)
    told = " ".join(done.stderr.split())
    assert done.returncode != 0 and f"is not the one that is known: it does not have the 16 rows {macro}" in told
