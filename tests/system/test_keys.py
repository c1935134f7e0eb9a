# SPDX-License-Identifier: MIT
"""Keys in rotation: any of a device's keys signs that was not revoked; and packages for holders of a key."""

from dataclasses import replace

import pytest

from formats import anchors, boards, journal, keys, package
from formats.boards import APPLICATION, RUNTIME

from . import jobs, trace
from .artifacts import MAC, PRIVATE_KEY, PUBLIC_KEY, firmware, matterhorn, matterhorn_json, package_file
from .device import provision_with, provisioned, requested_cells, shipped, update_writer

ETHERNET = boards.ETHERNET
NEXT = keys.SigningKey(b"the key that signs after the one")
CIPHER_KEY = bytes(range(1, 33))
NONCE = b"twelve bytes"
WINDOW = 16
RESERVED = 0x700000


@pytest.fixture(name="next_public")
def next_public_file(tmp_path):
    file = tmp_path / "next.public"
    file.write_text(f"matterhorn-public-key-1 {NEXT.public.hex()}\n")
    return file


@pytest.fixture(name="device_key")
def device_key_file(tmp_path):
    file = tmp_path / "devices.key"
    file.write_text(f"matterhorn-device-key-1 {CIPHER_KEY.hex()}\n")
    return file


def encrypted_update(**changes):
    return update_writer(ETHERNET, **{"cipher_key": CIPHER_KEY, "nonce": NONCE, **changes}).build()


# --- Rotation -----------------------------------------------------------------------------------------------------


def test_second_key_signs(bench, tmp_path, next_public):
    data = update_writer(ETHERNET, key=NEXT).build()
    cells = provision_with(ETHERNET, data, tmp_path, options=("--key", next_public))
    assert anchors.read(cells.internal).keys == (keys.read_public(PUBLIC_KEY), NEXT.public)
    session = jobs.update(bench, ETHERNET, cells)
    assert session.cells.component(ETHERNET, APPLICATION)[0].data == package.read_manifest(data).data


def refused_by_runtime(bench, cells, reason):
    """The runtime refuses what Demo offers before anything is written, and Demo goes on."""
    session = jobs.refusal(bench, ETHERNET, cells, reason)
    assert not trace.internal_operations(session.events)
    assert not trace.extent_operations(session.events)


def refused_by_bootloader(bench, cells, reason):
    session = bench.power_on(ETHERNET, cells)
    refused = jobs.both(jobs.says(f"boot: refused: {reason}"), jobs.blinks(trace.RED, times=1))
    session.wait_for(refused, jobs.PATIENCE_NS)
    assert not trace.internal_operations(session.events)
    assert journal.read(session.nor).phase == journal.IDLE


def test_revoked_key_signs_nothing_new_and_what_it_signed_goes_on(bench, tmp_path, next_public):
    """Runtime and Demo are signed by key 0, which is revoked: they start all the same. What key 1 signed is taken."""
    old, new = update_writer(ETHERNET).build(), update_writer(ETHERNET, key=NEXT).build()
    cells = provision_with(ETHERNET, old, tmp_path, options=("--key", next_public))
    anchors.revoke(cells.otp, 0)
    refused_by_runtime(bench, cells, package.REVOKED)
    refused_by_bootloader(bench, requested_cells(cells, old), package.REVOKED)
    device = package.Device(ETHERNET, anchors.read(cells.internal).keys, revoked=anchors.revoked_keys(cells.otp))
    assert (package.refusal(old, device), package.refusal(new, device)) == (package.REVOKED, None)
    session = bench.power_on(ETHERNET, requested_cells(cells, new))
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)


def test_confirmation_revokes_and_nothing_before_it(bench, tmp_path, next_public):
    """Update, signed by key 1, revokes key 0. From its confirmation on, what key 0 signs is
    refused, and what runs goes on."""
    data = update_writer(ETHERNET, key=NEXT).add((package.REVOKES,), package.u32(1)).build()
    session = bench.power_on(ETHERNET, provision_with(ETHERNET, data, tmp_path, options=("--key", next_public)))
    session.wait_for(jobs.says("boot: installed"), jobs.PATIENCE_NS)
    assert anchors.revoked_keys(session.cells.otp) == ()
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)
    session.power_off()
    cells = session.cells
    assert anchors.revoked_keys(cells.otp) == (0,)
    old = update_writer(ETHERNET, version=(3, 0, 0, 0)).build()
    session = bench.power_on(ETHERNET, requested_cells(cells, old))
    session.wait_for(jobs.says(f"boot: refused: {package.REVOKED}"), jobs.PATIENCE_NS)
    session.wait_for(jobs.blinks(trace.GREEN), jobs.PATIENCE_NS)
    assert not trace.internal_operations(session.events)
    new = update_writer(ETHERNET, version=(3, 0, 0, 0), key=NEXT).build()
    session = bench.power_on(ETHERNET, requested_cells(cells, new))
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)
    assert session.cells.component(ETHERNET, APPLICATION)[0].data == package.read_manifest(new).data


def revoking_update(**changes):
    """Signed by key 1, revokes key 0."""
    return update_writer(ETHERNET, key=NEXT, **changes).add((package.REVOKES,), package.u32(1)).build()


def test_revocation_that_cannot_be_recorded_is_refused(bench, tmp_path, next_public):
    """By the runtime and by the bootloader before anything is written, and by inspect; its twin without it is taken."""
    data = revoking_update()
    cells = provision_with(ETHERNET, data, tmp_path, options=("--key", next_public))
    anchors.lock(cells.otp, anchors.REVOKED_BLOCK)
    refused_by_runtime(bench, cells, package.REVOCATION)
    refused_by_bootloader(bench, requested_cells(cells, data), package.REVOCATION)
    file = tmp_path / "update.nmf"
    file.write_bytes(data)
    said = matterhorn_json("inspect", file, "--dump", cells.save(tmp_path / "locked"), status=1)
    assert said["reason"] == package.REVOCATION
    session = bench.power_on(ETHERNET, requested_cells(cells, update_writer(ETHERNET, key=NEXT).build()))
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)
    assert anchors.revoked_keys(session.cells.otp) == ()


def test_confirmation_whose_block_was_locked_meanwhile_keeps_no_update_out(bench, tmp_path, next_public):
    """Accepted, installed, confirmed; then the block turns out to be locked. The bootloader says so, once, and the next
    update works."""
    cells = provision_with(ETHERNET, revoking_update(), tmp_path, options=("--key", next_public))
    session = bench.power_on(ETHERNET, cells)
    session.wait_for(jobs.says("update: confirming"), jobs.PATIENCE_NS)
    session.power_off()
    cells = session.cells
    journal.append(cells.nor, replace(journal.read(cells.nor), phase=journal.CONFIRMING))
    anchors.lock(cells.otp, anchors.REVOKED_BLOCK)
    session = bench.power_on(ETHERNET, cells)
    session.wait_for(jobs.says("update: confirmed"), jobs.PATIENCE_NS)
    assert f"boot: confirmed, but not recorded: {package.REVOCATION}" in trace.uart_lines(session.events)
    session.power_off()
    cells = session.cells
    assert anchors.revoked_keys(cells.otp) == () and journal.read(cells.nor).phase == journal.IDLE
    session = bench.power_on(ETHERNET, requested_cells(cells, update_writer(ETHERNET, version=(3, 0, 0, 0)).build()))
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)
    assert not any("not recorded" in line for line in trace.uart_lines(session.events))


def test_application_that_confirms_is_told_what_cannot_be_recorded(bench, tmp_path, next_public):
    """The same while the application confirms itself."""
    cells = provision_with(ETHERNET, revoking_update(), tmp_path, options=("--key", next_public))
    session = bench.power_on(ETHERNET, cells)
    session.wait_for(jobs.says("boot: installed"), jobs.PATIENCE_NS)
    session.power_off()
    cells = session.cells
    anchors.lock(cells.otp, anchors.REVOKED_BLOCK)
    session = bench.power_on(ETHERNET, cells)
    session.wait_for(jobs.says(f"runtime: confirmed, but not recorded: {package.REVOCATION}"), jobs.PATIENCE_NS)
    session.wait_for(jobs.blinks(trace.GREEN), jobs.PATIENCE_NS)
    assert journal.read(session.nor).phase == journal.IDLE
    assert not any("rolling back" in line for line in trace.uart_lines(session.events))


def test_inspect_tells_signer_and_revocation(tmp_path, next_public):
    writer = update_writer(ETHERNET, key=NEXT)
    file = tmp_path / "update.nmf"
    file.write_bytes(writer.add((package.REVOKES,), package.u32(1)).build())
    said = matterhorn_json("inspect", file, "--key", PUBLIC_KEY, "--key", next_public)
    assert (said["signed_by_key"], said["revokes_keys"], said["verdict"]) == (1, [0], "accepted")
    said = matterhorn_json("inspect", file, "--key", next_public, "--key", PUBLIC_KEY, status=1)
    assert (said["signed_by_key"], said["reason"]) == (0, package.WRONG_VALUE)
    said = matterhorn_json("inspect", file, "--key", PUBLIC_KEY, status=1)
    assert (said["signed_by_key"], said["reason"]) == (None, package.WRONG_SIGNATURE)


def test_inspect_of_a_device_that_revoked_a_key(tmp_path, next_public):
    data = update_writer(ETHERNET).build()
    cells = provision_with(ETHERNET, data, tmp_path, options=("--key", next_public))
    anchors.revoke(cells.otp, 0)
    folder, file = cells.save(tmp_path / "revoked"), tmp_path / "update.nmf"
    file.write_bytes(data)
    said = matterhorn_json("inspect", "--dump", folder)
    assert said["otp"]["revoked_keys"] == [0]
    assert all(part["verified"] for part in said["components"])
    said = matterhorn_json("inspect", file, "--dump", folder, status=1)
    assert (said["signed_by_key"], said["reason"]) == (0, package.REVOKED)
    assert package.REVOKED in matterhorn("deploy", folder, file, status=1).stdout


# --- Encryption on the device -------------------------------------------------------------------------------------


def pieces(image, cells):
    """Pieces of an image, from all over it, that this device's SPI NOR does not hold."""
    nor = bytes(cells.nor[RESERVED:])
    all_of_them = {image[at : at + WINDOW] for at in range(0, len(image) - WINDOW, WINDOW)}
    new = [piece for piece in all_of_them if piece not in nor and len(set(piece)) > 4]
    assert len(new) > len(image) // WINDOW // 2
    return new


def update_while_watching(bench, cells):
    """The main job; what the reserved megabyte holds when the package is stored, is installed, and at the end."""
    session = bench.power_on(ETHERNET, cells)
    seen = []
    moments = (
        jobs.says("demo: stored, restarting"),
        jobs.says("boot: installing"),
        lambda now: len(trace.internal_operations(now.events)) > 1000,
        jobs.says("boot: installed"),
        jobs.confirmed,
    )
    for moment in moments:
        session.wait_for(moment, jobs.PATIENCE_NS, step_ns=50 * trace.MS)
        seen.append(session.nor[RESERVED:])
    return session, seen


def test_plain_update_is_in_the_spi_nor(bench, tmp_path):
    """Else the next test would see nothing whatever happened."""
    cells = provision_with(ETHERNET, encrypted_update(), tmp_path)
    image = shipped(ETHERNET, "update").images[APPLICATION]
    new = pieces(image, cells)
    _, seen = update_while_watching(bench, requested_twin(cells, tmp_path))
    assert all(piece in seen[-1] for piece in new)


def requested_twin(cells, folder):
    """The same device with a Demo that carries the plain twin."""
    (folder / "plain").mkdir()
    return provision_with(ETHERNET, update_writer(ETHERNET).build(), folder / "plain")


def test_encrypted_update_is_installed_and_never_plain_in_the_spi_nor(bench, tmp_path, device_key):
    data = encrypted_update()
    cells = provision_with(ETHERNET, data, tmp_path, options=("--device-key", device_key))
    image = shipped(ETHERNET, "update").images[APPLICATION]
    new = pieces(image, cells)
    session, seen = update_while_watching(bench, cells)
    for nor in seen:
        assert not any(piece in nor for piece in new)
    assert session.cells.component(ETHERNET, APPLICATION) == (package.read_manifest(data), image)


def test_both_components_encrypted_at_once(bench, tmp_path, device_key):
    cells = provision_with(ETHERNET, encrypted_update(), tmp_path, options=("--device-key", device_key))
    nonces = {("runtime", RUNTIME): b"the runtime.", ("update", APPLICATION): NONCE}
    parts = [
        package.NewComponent(number, shipped(ETHERNET, name).images[number], ETHERNET.region(number).start,
                             (2, 0, 0, 0), cipher_key=CIPHER_KEY, nonce=nonce)
        for (name, number), nonce in nonces.items()
    ]
    data = package.PackageWriter(ETHERNET.id, keys.read_private(PRIVATE_KEY), parts).build()
    session = bench.power_on(ETHERNET, requested_cells(cells, data))
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)
    for part in parts:
        assert session.cells.component(ETHERNET, part.number)[1] == part.image


@pytest.mark.parametrize("has_key", [False, True], ids=["no-key", "another-key"])
def test_device_without_the_key_refuses_before_it_writes(bench, tmp_path, has_key):
    other = tmp_path / "other.key"
    matterhorn("keygen", "--device-key", other)
    data = encrypted_update()
    cells = provision_with(ETHERNET, data, tmp_path, options=("--device-key", other) if has_key else ())
    refused_by_runtime(bench, cells, package.WRONG_CIPHER_KEY)
    refused_by_bootloader(bench, requested_cells(cells, data), package.WRONG_CIPHER_KEY)


# --- The command --------------------------------------------------------------------------------------------------

IMAGE = ("--board", ETHERNET.name, "--key", PRIVATE_KEY, "--application", firmware(ETHERNET, "update", "bin"))


def test_keygen_makes_a_device_key(tmp_path):
    file = tmp_path / "devices.key"
    matterhorn("keygen", "--device-key", file)
    assert len(keys.read_device(file)) == 32 and file.stat().st_mode & 0o077 == 0
    before = file.read_bytes()
    matterhorn("keygen", "--device-key", file, status=2)
    assert file.read_bytes() == before
    matterhorn("keygen", "--device-key", tmp_path / "new", "--public", tmp_path / "public", status=2)
    matterhorn("keygen", "--public", tmp_path / "public", status=2)
    assert list(tmp_path.iterdir()) == [file]


def pack_encrypted(folder, device_key, name, *arguments, status=0):
    matterhorn("pack", *IMAGE, "--encrypt", device_key, "--output", folder / name, *arguments, status=status)
    return folder / name


@pytest.mark.parametrize("codec", ["stored", "lz4"])
def test_pack_encrypts_what_the_independent_reader_decrypts(tmp_path, device_key, codec):
    data = pack_encrypted(tmp_path, device_key, "x.nmf", "--codec", codec).read_bytes()
    plain = shipped(ETHERNET, "update").images[APPLICATION]
    assert package.read(data, CIPHER_KEY).images == {APPLICATION: plain}
    windows = [plain[at : at + WINDOW] for at in range(0, len(plain), WINDOW)]
    assert not any(window in data for window in windows if len(set(window)) > 4)


def test_pack_draws_a_nonce_for_each_component_of_each_package(tmp_path, device_key):
    runtime = ("--runtime", firmware(ETHERNET, "runtime", "bin"))
    made = [pack_encrypted(tmp_path, device_key, name, *runtime).read_bytes() for name in ("a", "b", "c")]
    parts = [part for data in made for part in package.read(data, CIPHER_KEY).manifest.components.values()]
    assert len({part.nonce for part in parts}) == len(parts) == 6


def test_pack_with_a_stated_nonce_is_reproducible(tmp_path, device_key):
    made = [pack_encrypted(tmp_path, device_key, name, "--nonce", NONCE.hex()).read_bytes() for name in ("a", "b")]
    assert made[0] == made[1]
    assert package.read_manifest(made[0]).components[APPLICATION].nonce == NONCE
    for wrong in ("12", "z" * 24):
        pack_encrypted(tmp_path, device_key, "c", "--nonce", wrong, status=2)
    runtime = ("--runtime", firmware(ETHERNET, "runtime", "bin"))
    pack_encrypted(tmp_path, device_key, "c", "--nonce", NONCE.hex(), *runtime, status=2)
    matterhorn("pack", *IMAGE, "--nonce", NONCE.hex(), "--output", tmp_path / "c", status=2)
    assert not (tmp_path / "c").exists()


def test_inspect_of_an_encrypted_package(tmp_path, device_key):
    file = pack_encrypted(tmp_path, device_key, "x.nmf")
    said = matterhorn_json("inspect", file, "--key", PUBLIC_KEY, "--device-key", device_key)
    assert (said["verdict"], said["content"]) == ("accepted", "checked")
    assert said["components"][0]["cipher"]["key_id"] == keys.key_id(CIPHER_KEY).hex()
    said = matterhorn_json("inspect", file, "--key", PUBLIC_KEY)
    assert (said["verdict"], said["content"]) == ("accepted", "checked as stored, give --device-key")
    said = matterhorn_json("inspect", file, "--device-key", device_key)
    assert (said["verdict"], said["signature"]) == ("accepted", "not checked, give --key")
    other = tmp_path / "other.key"
    matterhorn("keygen", "--device-key", other)
    assert matterhorn_json("inspect", file, "--device-key", other, status=1)["reason"] == package.WRONG_CIPHER_KEY
    spoilt = tmp_path / "spoilt.nmf"
    spoilt.write_bytes(package.with_flipped_bit(file.read_bytes(), file.stat().st_size - 1))
    assert matterhorn_json("inspect", spoilt, "--key", PUBLIC_KEY, status=1)["reason"] == package.WRONG_CHUNK


def test_pack_revokes_by_file(tmp_path, next_public):
    trusted = ("--trusted", PUBLIC_KEY, "--trusted", next_public)
    output = ("--output", tmp_path / "x")
    next_private = tmp_path / "next.private"
    next_private.write_text(f"matterhorn-private-key-1 {b'the key that signs after the one'.hex()}\n")
    signed = ("--board", ETHERNET.name, "--application", firmware(ETHERNET, "update", "bin"), "--key", next_private)
    matterhorn("pack", *signed, *trusted, "--revoke", PUBLIC_KEY, *output)
    data = (tmp_path / "x").read_bytes()
    assert package.read(data).manifest.revokes == 1
    assert package.refusal(data, package.Device(ETHERNET, (keys.read_public(PUBLIC_KEY), NEXT.public))) is None
    (tmp_path / "x").unlink()
    assert "revoke itself" in matterhorn("pack", *signed, *trusted, "--revoke", next_public, *output, status=2).stderr
    assert "--trusted" in matterhorn("pack", *signed, "--revoke", PUBLIC_KEY, *output, status=2).stderr
    assert "--trusted" in matterhorn("pack", *signed, "--trusted", PUBLIC_KEY, *output, status=2).stderr
    assert not (tmp_path / "x").exists()


def test_provision_takes_each_key_once_and_four_at_most(tmp_path, next_public):
    def refused(*options):
        common = ("--board", ETHERNET.name, "--bootloader", firmware(ETHERNET, "boot", "bin"), "--mac", MAC)
        parts = ("--runtime", package_file(ETHERNET, "runtime"), "--application", package_file(ETHERNET, "demo"))
        said = matterhorn("provision", *common, *parts, "--output", tmp_path / "device", *options, status=2).stderr
        assert len(said.splitlines()) == 1 and not (tmp_path / "device").exists()
        return said

    assert "twice" in refused("--key", PUBLIC_KEY, "--key", next_public, "--key", PUBLIC_KEY)
    more = []
    for n in range(4):
        matterhorn("keygen", "--private", tmp_path / f"{n}", "--public", tmp_path / f"{n}.public")
        more += ["--key", tmp_path / f"{n}.public"]
    assert "at most 4" in refused("--key", PUBLIC_KEY, *more)


# --- Dependencies -------------------------------------------------------------------------------------------------


def test_pack_writes_what_a_component_requires(tmp_path):
    matterhorn("pack", *IMAGE, "--requires", "runtime=1.2.3.4", "--output", tmp_path / "x")
    part = package.read((tmp_path / "x").read_bytes()).manifest.components[APPLICATION]
    assert part.requires == (RUNTIME, (1, 2, 3, 4))
    for wrong in ("runtime", "runtime=1", "application=1.0.0.0", "bootloader=1.0.0.0"):
        said = matterhorn("pack", *IMAGE, "--requires", wrong, "--output", tmp_path / "y", status=2).stderr
        assert len(said.splitlines()) == 1 and not (tmp_path / "y").exists()


@pytest.mark.parametrize("board", boards.BOARDS.values(), ids=lambda board: board.name)
def test_application_waits_for_its_runtime(bench, tmp_path, board):
    """Alone it is refused as long as the runtime is too old; with the runtime in the same package it is installed."""
    update = shipped(board, "update").images[APPLICATION]
    runtime = shipped(board, "runtime").images[RUNTIME]
    needs = (package.COMPONENT[APPLICATION], package.REQUIRES)
    value = package.u32(RUNTIME) + package.pack_version((1, 0, 0, 1))
    application = package.NewComponent(APPLICATION, update, board.application.start, (2, 0, 0, 0))
    newer = package.NewComponent(RUNTIME, runtime, board.runtime.start, (1, 0, 0, 1))
    key = keys.read_private(PRIVATE_KEY)
    alone = package.PackageWriter(board.id, key, [application]).add(needs, value).build()
    both = package.PackageWriter(board.id, key, [application, newer]).add(needs, value).build()
    session = bench.power_on(board, requested_cells(provisioned(board), alone))
    session.wait_for(jobs.says(f"boot: refused: {package.REQUIREMENT}"), jobs.PATIENCE_NS)
    assert not trace.internal_operations(session.events)
    session = bench.power_on(board, requested_cells(provisioned(board), both))
    session.wait_for(jobs.confirmed, jobs.PATIENCE_NS)
    assert session.cells.component(board, RUNTIME)[0].data == package.read_manifest(both).data
    assert session.cells.component(board, APPLICATION)[0].data == package.read_manifest(both).data


@pytest.mark.parametrize("board", boards.BOARDS.values(), ids=lambda board: board.name)
def test_runtime_that_the_application_needs_is_not_replaced_by_an_older_one(bench, board):
    """Not alone; with an application that needs less, it is."""
    names = {APPLICATION: "third", RUNTIME: "runtime"}
    image = {number: shipped(board, name).images[number] for number, name in names.items()}
    key = keys.read_private(PRIVATE_KEY)

    def build(*versions, needs=None):
        parts = [package.NewComponent(n, image[n], board.region(n).start, version) for n, version in versions]
        writer = package.PackageWriter(board.id, key, parts)
        if needs:
            value = package.u32(RUNTIME) + package.pack_version(needs)
            writer.add((package.COMPONENT[APPLICATION], package.REQUIRES), value)
        return writer.build()

    together = build((APPLICATION, (5, 0, 0, 0)), (RUNTIME, (5, 0, 0, 1)), needs=(5, 0, 0, 0))
    session = bench.power_on(board, requested_cells(provisioned(board), together))
    session.wait_for(jobs.says("third: confirmed"), jobs.PATIENCE_NS)
    session.power_off()
    cells = session.cells
    session = bench.power_on(board, requested_cells(cells, build((RUNTIME, (4, 9, 9, 9)))))
    session.wait_for(jobs.says(f"boot: refused: {package.REQUIRED}"), jobs.PATIENCE_NS)
    session.wait_for(jobs.says("third: confirmed"), jobs.PATIENCE_NS)
    assert not trace.internal_operations(session.events)
    for data in (build((RUNTIME, (5, 0, 0, 0))), build((RUNTIME, (4, 9, 9, 9)), (APPLICATION, (4, 0, 0, 0)))):
        session = bench.power_on(board, requested_cells(cells, data))
        session.wait_for(jobs.says("third: confirmed"), jobs.PATIENCE_NS)
        assert session.cells.component(board, RUNTIME)[0].data == package.read_manifest(data).data
