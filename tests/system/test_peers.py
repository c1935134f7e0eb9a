# SPDX-License-Identifier: MIT
"""What went wrong in other update systems must not go wrong here (docs/PEERS.md): on the real binary, what a test
elsewhere does not show already. Most have a mutant that brings the defect back, which names the test here that catches
it."""

import random
from dataclasses import replace

import pytest

from formats import anchors, boards, config, journal, package, store
from formats.boards import APPLICATION, HEADER_SIZE, RUNTIME

from . import apps, attacks, jobs, trace
from .artifacts import firmware, matterhorn_json, package_file, signing_key
from .bench import Bench
from .device import application_writer, requested_cells

ETHERNET, USB = boards.ETHERNET, boards.USB
each_board = pytest.mark.parametrize("board", boards.BOARDS.values(), ids=lambda board: board.name)
each_component = pytest.mark.parametrize("component", [RUNTIME, APPLICATION], ids=boards.COMPONENT_NAMES.get)

# docs/PEERS.md states these bounds, in virtual time from power-on.
TO_START_NS = 6 * trace.SECOND  # a good application, whatever the SPI NOR holds
TO_WAIT_NS = 6 * trace.SECOND  # "trying again", when there is none


def third_device(board, folder, *options):
    return apps.provisioned_with(board, package_file(board, "third"), folder / "device", *options)


# --- The SPI NOR is not there (MCUboot 2001, 2219, 2832) ----------------------------------------------------------


def test_good_application_starts_without_a_spi_nor(tmp_path):
    cells = third_device(ETHERNET, tmp_path)
    with Bench(options={"nor-part": "none"}) as bare:
        session = bare.power_on(ETHERNET, cells)
        session.wait_for(jobs.says("third: yellow"), TO_START_NS, 50 * trace.MS)  # each poll is executed
        session.wait_for(jobs.blinks(trace.GREEN), 2 * TO_START_NS, 50 * trace.MS)
    assert not trace.internal_operations(session.events)


# --- Time to start (MCUboot 2025: a corrupt size field, and the hash takes hours) -----------------------------------


def page_of(state, generation):
    return replace(state, generation=generation).encode()


def full_of_heads(state):
    """Each page begins like a record, and none is one."""
    return b"".join(page_of(state, n // 16)[:6] + bytes([n]) * 250 for n in range(32))


def full_of_records(state):
    """Each page is a record of a package that is being stored; the newest are damaged."""
    page = replace(state, incoming=journal.Entry((0,), 4096, b"x" * 16))
    pages = [page_of(page, 0)] * 16 + [page_of(page, 1)] * 16
    return b"".join(pages[:20] + [one[:200] + bytes(56) for one in pages[20:]])


def full_of_noise(state):
    return random.Random(1).randbytes(2 * journal.SECTOR_SIZE)


JOURNALS = {
    "heads": full_of_heads,
    "records": full_of_records,
    "noise": full_of_noise,
    "zeros": lambda state: bytes(2 * journal.SECTOR_SIZE),
}


@pytest.mark.parametrize("name", JOURNALS)
def test_time_to_start_is_bounded_when_the_journal_is_garbage(bench, tmp_path, name):
    cells = third_device(ETHERNET, tmp_path, "--reserved-seed", 7)
    cells.nor[journal.SECTORS[0] :] = JOURNALS[name](journal.read(cells.nor))
    assert time_to_start(bench, cells) < TO_START_NS


def time_to_start(bench, cells, board=ETHERNET):
    session = bench.power_on(board, cells)
    session.wait_for(jobs.says("third: yellow"), jobs.PATIENCE_NS)
    return session.time_ns


def both_components(board, sizes, spoilt):
    """The largest package that the reserved megabyte holds, and the last byte of it wrong."""
    noise = random.Random(2)
    parts = [
        package.NewComponent(number, noise.randbytes(size), board.region(number).start)
        for number, size in sizes.items()
    ]
    data = package.PackageWriter(board.id, signing_key(), parts, "largest").build()
    return package.with_flipped_bit(data, len(data) - 1) if spoilt else data


def test_time_to_start_is_bounded_when_the_largest_package_goes_bad_at_its_end(bench, tmp_path):
    """All of it is read and hashed, three times, before it is refused."""
    cells = third_device(ETHERNET, tmp_path)
    sizes = {number: apps.room(ETHERNET, number) for number in (RUNTIME, APPLICATION)}
    data = both_components(ETHERNET, sizes, spoilt=True)
    while len(data) > store.EXTENT_SIZE * store.EXTENTS:
        sizes[APPLICATION] -= store.EXTENT_SIZE
        data = both_components(ETHERNET, sizes, spoilt=True)
    state = replace(journal.read(cells.nor), runtime=journal.Entry(), application=journal.Entry())
    entry = store.write(cells.nor, range(store.EXTENTS), data, package.read_manifest(data).id)
    journal.append(cells.nor, journal.requested(state, entry))
    session = bench.power_on(ETHERNET, cells)
    session.wait_for(jobs.says("third: yellow"), jobs.PATIENCE_NS)
    assert f"boot: refused: {package.WRONG_CHUNK}" in trace.uart_lines(session.events)
    assert session.time_ns < TO_START_NS

    state = replace(journal.read(cells.nor), phase=journal.TRIAL, tried=(RUNTIME, APPLICATION), credit=0)
    journal.append(cells.nor, replace(state, runtime=entry, application=entry))
    assert time_to_start(bench, cells) < TO_START_NS, "looking for a way back"


def test_time_to_start_is_bounded_when_the_config_is_written_anew_from_a_full_shadow(bench, tmp_path):
    cells = third_device(ETHERNET, tmp_path)
    sector = slice(config.SECTOR.start - boards.INTERNAL_BASE, config.SECTOR.end - boards.INTERNAL_BASE)
    values = {**config.read(cells.internal), **{0x8000 + n: bytes(range(200)) for n in range(74)}}
    cells.internal[sector] = config.encode(config.read(cells.internal), closed=True)
    shadow = config.encode_shadow(values, anchors.read(cells.internal).secret)
    assert config.SIZE - 220 < len(shadow) <= config.SIZE
    cells.nor[config.SHADOW : config.SHADOW + len(shadow)] = shadow
    assert time_to_start(bench, cells) < TO_START_NS


SIZES = {"4 GB": 0xFFFFFFFF, "2 GB": 0x80000000, "a byte too much": apps.room(ETHERNET, APPLICATION) + 1, "nothing": 0}


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "not signed"])
@pytest.mark.parametrize("name", SIZES)
def test_header_with_another_size_is_refused_in_bounded_time(bench, tmp_path, name, signed):
    """The header of what is installed says so; nothing is read beyond the region or erased, and an update mends it."""
    cells = third_device(ETHERNET, tmp_path)
    image = firmware(ETHERNET, "third", "bin").read_bytes()
    writer = application_writer(ETHERNET, image, version=(3, 0, 0, 0), name="third")
    good = writer.build()
    path = (package.COMPONENT[APPLICATION], package.IMAGE)
    hostile = writer.set(path, package.u32(SIZES[name]) + writer.find(path).value[4:]).build()
    size = package.manifest_size(hostile)
    header = hostile[: size + 64] if signed else hostile[:size] + good[size : size + 64]
    at = ETHERNET.application.start - boards.INTERNAL_BASE
    cells.internal[at : at + len(header)] = header
    session = bench.power_on(ETHERNET, cells)
    session.wait_for(jobs.says("boot: trying again in 10 s"), jobs.PATIENCE_NS)
    assert session.time_ns < TO_WAIT_NS and not trace.internal_operations(session.events)
    reason = {True: package.WRONG_VALUE if SIZES[name] < 8 else package.TOO_LARGE, False: package.WRONG_SIGNATURE}
    assert f"boot: application: {reason[signed]}" in trace.uart_lines(session.events)
    session = bench.power_on(ETHERNET, requested_cells(cells, good))
    session.wait_for(jobs.says("third: confirmed"), jobs.PATIENCE_NS)


# --- Sizes up to the last byte (MCUboot 2205, 2206, 2214, 2283; wolfBoot 589, f2b95c25) ----------------------------


def padded(board, component, size):
    """The real runtime or application, of this size; the last byte is not what an erased one would be."""
    name = {RUNTIME: "runtime", APPLICATION: "third"}[component]
    image = firmware(board, name, "bin").read_bytes()
    return image + bytes(n * 7 % 251 for n in range(size - len(image)))


def packed(board, component, size):
    part = package.NewComponent(component, padded(board, component, size), board.region(component).start, (9, 0, 0, 0))
    return package.PackageWriter(board.id, signing_key(), [part], "largest").build()


@each_board
@each_component
def test_largest_image_is_installed_to_its_last_byte(bench, board, component, tmp_path):
    cells = third_device(board, tmp_path)
    data = packed(board, component, apps.room(board, component))
    session = bench.power_on(board, requested_cells(cells, data))
    session.wait_for(lambda now: "boot: installed" in trace.uart_lines(now.events), jobs.PATIENCE_NS)
    session.wait_for(jobs.says("third: confirmed"), jobs.PATIENCE_NS)
    after = session.cells
    header = package.read(data).installed_header()
    assert after.region(board, component) == header + padded(board, component, apps.room(board, component))
    region = board.region(component)
    for part in (slice(0, region.start - boards.INTERNAL_BASE), slice(region.end - boards.INTERNAL_BASE, None)):
        assert after.internal[part] == cells.internal[part], "something outside the region has changed"


@each_board
@each_component
def test_image_of_one_byte_more_is_refused_before_anything_is_erased(bench, board, component, tmp_path):
    cells = requested_cells(third_device(board, tmp_path), packed(board, component, apps.room(board, component) + 1))
    session = bench.power_on(board, cells)
    session.wait_for(jobs.says("third: yellow"), jobs.PATIENCE_NS)
    assert f"boot: refused: {package.TOO_LARGE}" in trace.uart_lines(session.events)
    assert not trace.internal_operations(session.events)


# --- Another size than before, with power lost on the way (MCUboot 2109, 1645; wolfBoot 36bf4c3d) -------------------

PROFILE = """
name: {name}
machine: mountaineer-eth
device: {device}
areas:
  - {{name: application, chip: internal, address: 0x080A0000, size: 0x60000}}
  - {{name: store, chip: nor, address: 0x700000, size: 0xFA000}}
  - {{name: journal, chip: nor, address: 0x7FE000, size: 0x2000}}
recovered:
  lines: ["{line}"]
  equal:
    - {{name: application, chip: internal, address: 0x080A0000, file: {flash}}}
  unchanged:
    - {{name: bootloader, chip: internal, address: 0x08000000, size: 0xC000}}
    - {{name: config, chip: internal, address: 0x0800C000, size: 0x4000}}
    - {{name: runtime, chip: internal, address: 0x08010000, size: 0x90000}}
    - {{name: user's NOR, chip: nor, address: 0, size: 0x700000}}
  over: ["verifying the package"]
next:
  command: ["{{matterhorn}}", deploy, "{{device}}", "{next}"]
  recovered:
    lines: ["{next_line}"]
    equal:
      - {{name: application, chip: internal, address: 0x080A0000, file: {next_flash}}}
budget: {{boots: 8, seconds: 60}}
cuts: {{count: {count}, seed: 1, tears: [before, half, mask, weak]}}
"""


def without_counter(folder, name):
    """A package of an application of the build with security counter 0, and beside it what it leaves in the flash."""
    image = firmware(ETHERNET, name, "bin").read_bytes()
    file = apps.packed(ETHERNET, image, folder / f"{name}.nmf", name=name)
    file.with_suffix(".flash").write_bytes(package.read(file.read_bytes()).installed(APPLICATION))
    return file


def profile(folder, name, cells, ends, then, count="all"):
    """A sweep of what a device has to do, which ends in one application, and then takes another one."""
    text = PROFILE.format(
        name=name,
        device=cells.save(folder / "swept"),
        line=f"{ends.stem}: confirmed",
        flash=ends.with_suffix(".flash"),
        next=then,
        next_line=f"{then.stem}: confirmed",
        next_flash=then.with_suffix(".flash"),
        count=count,
    )
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / f"{name}.yaml"


@pytest.mark.parametrize("before, after", [("third", "large"), ("large", "third")])
def test_power_is_lost_between_images_of_one_and_of_two_sectors(before, after, tmp_path):
    """Sizes before and after differ by more than a sector; the install is resumed with what the new header says."""
    before, after = without_counter(tmp_path, before), without_counter(tmp_path, after)
    cells = apps.provisioned_with(ETHERNET, before, tmp_path / "device", "--reserved-seed", 3)
    cells = requested_cells(cells, after.read_bytes())
    result = matterhorn_json("sweep", profile(tmp_path, "sizes", cells, after, before, 60), "--jobs", 2)
    assert result["verdict"] == "pass" and result["cuts_fired"] == 60


# --- A rejected package (MCUboot 762: a reset while it is erased, and updates are blocked for ever) -----------------


@pytest.mark.parametrize("wrong", ["a chunk", "the signature"])
def test_power_is_lost_while_a_package_is_refused(wrong, tmp_path):
    """Any number of times; the device starts, asks no more, and takes the next update."""
    third, large = without_counter(tmp_path, "third"), without_counter(tmp_path, "large")
    cells = apps.provisioned_with(ETHERNET, third, tmp_path / "device")
    good = large.read_bytes()
    at = len(good) - 1 if wrong == "a chunk" else package.manifest_size(good)
    cells = requested_cells(cells, package.with_flipped_bit(good, at))
    refused = profile(tmp_path, "refused", cells, third, large)
    result = matterhorn_json("sweep", refused, "--depth", "any", "--jobs", 1)
    assert result["verdict"] == "pass" and result["closed"] and result["findings"] == []
    assert result["ops"] >= 4, "the refusal is not recorded"


# --- The watchdog (MCUboot 1318, 2638: reset loop while a flash is erased) ------------------------------------------

HARDWARE_WATCHDOG = 0x20  # WDG_SW: cleared, the independent watchdog runs from reset on


def test_watchdog_that_runs_from_reset_on_does_not_bite_in_the_longest_erase(tmp_path):
    """It begins at 512 ms, and an erase takes up to 4 s; the SPI NOR is as slow as it may be too."""
    cells = apps.provisioned_with(ETHERNET, package_file(ETHERNET, "demo-small"), tmp_path / "new")
    cells.otp[528] &= ~HARDWARE_WATCHDOG
    device = cells.save(tmp_path / "device")
    slow = ("--fault", "int-slow=1", "--fault", "nor-slow=1")
    boot = ("boot", device, "--machine", ETHERNET.name, "--until", "update: confirmed", "--time", 60)
    result = matterhorn_json(*boot, *slow)
    assert result["reason"] == "reached" and result["boots"] == 2, "the request, and no reset but that"


# --- Versions (wolfBoot F-4410: cast to a signed number, large versions pass for old ones) --------------------------

LARGEST = (0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF)


@pytest.mark.parametrize(
    "there, wanted, met",
    [(LARGEST, (0x8000, 0, 0, 0), True), (LARGEST, LARGEST, True), ((1, 0, 0, 0), (0x8000, 0, 0, 0), False),
     ((0x7FFF, 0xFFFF, 0, 0), (0x8000, 0, 0, 0), False), ((1, 0, 0, 0x8000), (1, 0, 0, 0x7FFF), True)],
)  # fmt: skip
def test_versions_are_compared_without_a_sign(bench, tmp_path, there, wanted, met):
    """An application requires a runtime of a version; that of the runtime is another one."""
    image = firmware(ETHERNET, "runtime", "bin").read_bytes()
    part = package.NewComponent(RUNTIME, image, ETHERNET.runtime.start, there)
    (tmp_path / "runtime.nmf").write_bytes(package.PackageWriter(ETHERNET.id, signing_key(), [part]).build())
    third = package_file(ETHERNET, "third")
    cells = apps.provisioned_with(ETHERNET, third, tmp_path / "device", runtime=tmp_path / "runtime.nmf")
    writer = application_writer(ETHERNET, firmware(ETHERNET, "third", "bin").read_bytes(), version=(4, 0, 0, 0))
    path = (package.COMPONENT[APPLICATION], package.REQUIRES)
    data = writer.add(path, package.u32(RUNTIME) + package.pack_version(wanted)).build()
    session = bench.power_on(ETHERNET, requested_cells(cells, data))
    session.wait_for(jobs.says("third: confirmed"), jobs.PATIENCE_NS)
    said = trace.uart_lines(session.events)
    assert ("boot: installed" in said) == met
    assert (f"boot: refused: {package.REQUIREMENT}" in said) != met


# --- What is installed is verified each time (peers trust a flag that the installer has left) ------------------------


@pytest.mark.parametrize("where", ["first", "last"])
@each_component
def test_bit_that_falls_over_in_the_internal_flash_keeps_the_image_from_starting(bench, tmp_path, component, where):
    cells = third_device(ETHERNET, tmp_path)
    _, image = cells.component(ETHERNET, component)
    at = ETHERNET.region(component).start - boards.INTERNAL_BASE + HEADER_SIZE
    cells.internal[at + (len(image) - 1 if where == "last" else 0)] ^= 0x10
    session = bench.power_on(ETHERNET, cells)
    session.wait_for(jobs.says("boot: trying again in 10 s"), jobs.PATIENCE_NS)
    said = trace.uart_lines(session.events)
    assert f"boot: {boards.COMPONENT_NAMES[component]}: {package.WRONG_IMAGE}" in said
    assert not any("runtime:" in line and "Matterhorn runtime" in line for line in said)


# --- What an earlier life has left (MCUboot 829, 1645: a trailer that was made before) ------------------------------


@pytest.mark.parametrize("phase", range(len(journal.PHASE_NAMES)), ids=journal.PHASE_NAMES)
def test_spi_nor_of_another_device_does_not_cost_this_one_its_application(bench, tmp_path, phase):
    """The chip comes from a device in the middle of its own update, a good one, and says which sectors are done."""
    goal = attacks.target(ETHERNET, tmp_path)
    for done in (0, 1 << boards.sector_of(ETHERNET.application.start), 0xFFF):
        cells = goal.requested()
        state = replace(journal.read(cells.nor), phase=phase, sectors_done=done)
        if phase == journal.IDLE:
            state = replace(state, received=state.received[:2])
        journal.append(cells.nor, state)
        session = bench.power_on(ETHERNET, cells)
        session.wait_for(attacks.ended, jobs.PATIENCE_NS)
        attacks.assert_only_approved(goal, session, cells)
        assert not attacks.waits(session), "\n".join(attacks.lines(session))
