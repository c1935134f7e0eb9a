# SPDX-License-Identifier: MIT
"""The readers written from docs/SPEC.md alone decode package, journal, store, anchors and config after a run, and
agree with `matterhorn inspect` in every value that both give."""

import pytest

from formats import anchors, boards, config, journal, keys, package, store
from formats.boards import COMPONENT_NAMES

from . import jobs, trace
from .artifacts import PUBLIC_KEY, device_folder, matterhorn_json, package_file
from .device import Cells, provisioned

PACKAGES = ("runtime", "demo", "update")
each_board = pytest.mark.parametrize("board", boards.BOARDS.values(), ids=lambda board: board.name)


def dotted(version):
    return ".".join(map(str, version))


def component_as_inspect_says(component):
    return {
        "component": COMPONENT_NAMES[component.number],
        "destination": component.destination,
        "version": dotted(component.version),
        "security_counter": component.security_counter,
        "image_size": component.image_size,
        "image_sha256": component.image_sha256.hex(),
        "codec": ("stored", "lz4", "lzma")[component.codec],
        "chunk_size": component.chunk_size,
        "stored_size": component.stored_size,
        "chunks": component.chunk_count,
    }


def package_as_inspect_says(manifest):
    board = next(board for board in boards.BOARDS.values() if board.id == manifest.board_id)
    said = {
        "board": board.name,
        "id": manifest.id.hex(),
        "package_size": manifest.package_size,
        "components": [component_as_inspect_says(part) for _, part in sorted(manifest.components.items())],
    }
    return said if manifest.name is None else {**said, "name": manifest.name}


def entry_as_inspect_says(entry):
    if entry.length == 0:
        return None
    return {"extents": list(entry.extents), "length": entry.length, "id": entry.id.hex()}


def assert_agree(mine, said):
    """Everything that my reader says, `inspect` says too, with the same value; it may say more."""
    if isinstance(mine, dict):
        for key, value in mine.items():
            assert key in said, f"inspect does not say {key}"
            assert_agree(value, said[key])
    elif isinstance(mine, list):
        assert len(mine) == len(said)
        for one, other in zip(mine, said):
            assert_agree(one, other)
    else:
        assert mine == said


def dump_as_i_read_it(board, cells):
    """The cells of a device, decoded by the readers in tests/formats alone."""
    trust = anchors.read(cells.internal)
    state = journal.read(cells.nor)
    installed = []
    for number, name in COMPONENT_NAMES.items():
        part = cells.component(board, number)[0].components[number]
        version = dotted(part.version)
        installed.append({"component": name, "version": version, "image_size": part.image_size, "verified": True})
    return {
        "anchors": {"board": board.name, "keys": [key.hex() for key in trust.keys]},
        "otp": {
            "security_counters": {name: anchors.security_counter(cells.otp, n) for n, name in COMPONENT_NAMES.items()},
            "revoked_keys": list(anchors.revoked_keys(cells.otp)),
        },
        "config": {"mac": config.mac_address(cells.internal)},
        "journal": {
            "phase": state.phase_name,
            "credit": state.credit,
            "tried": [COMPONENT_NAMES[number] for number in state.tried],
            "generation": state.generation,
            "sectors_done": [n for n in range(12) if state.sectors_done >> n & 1],
            "reason": state.reason,
            "refused_id": state.refused_id.hex(),
            "rolled_back_id": state.rolled_back_id.hex(),
            "packages": {
                name: entry_as_inspect_says(getattr(state, name)) for name in ("runtime", "application", "incoming")
            },
            "received": list(state.received),
        },
        "components": installed,
    }


@each_board
@pytest.mark.parametrize("name", PACKAGES)
def test_package_of_the_build(board, name):
    file = package_file(board, name)
    read = package.read(file.read_bytes())
    said = matterhorn_json("inspect", file, "--board", board.name, "--key", PUBLIC_KEY)
    assert_agree(package_as_inspect_says(read.manifest), said)
    assert said["verdict"] == "accepted"
    device = package.Device(board, (keys.read_public(PUBLIC_KEY),))
    assert package.refusal(file.read_bytes(), device) is None


def test_update_package_is_really_compressed():
    """Else the LZ4 half of the reader would never be tried on what liblz4 makes."""
    manifest = package.read(package_file(boards.ETHERNET, "update").read_bytes()).manifest
    assert any(part.codec == package.CODEC_LZ4 for part in manifest.components.values())
    assert all(part.stored_size < part.image_size for part in manifest.components.values())


@each_board
def test_device_as_provisioned(board):
    cells = provisioned(board)
    trust = anchors.read(cells.internal)
    assert trust.board_id == board.id
    assert trust.keys == (keys.read_public(PUBLIC_KEY),)
    assert_agree(dump_as_i_read_it(board, cells), matterhorn_json("inspect", "--dump", device_folder(board)))


@each_board
def test_device_after_the_main_job(bench, board, tmp_path):
    session = jobs.update(bench, board, provisioned(board))
    session.power_off()
    folder = session.cells.save(tmp_path / "dump")
    assert_agree(dump_as_i_read_it(board, session.cells), matterhorn_json("inspect", "--dump", folder))
    assert_store_holds_what_runs(board, session.cells)


def assert_store_holds_what_runs(board, cells):
    """The running application's package lies in the store, whole, and is the one that was installed."""
    state = journal.read(cells.nor)
    expected = package_file(board, "update").read_bytes()
    assert state.application.id == package.read_manifest(expected).id
    assert store.read(cells.nor, state.application) == expected


@each_board
def test_device_in_the_middle_of_an_install(bench, board, tmp_path):
    """Power is lost soon after the first erase has begun: the journal says that an install runs, and of what."""
    session = bench.power_on(board, provisioned(board))
    session.wait_for(lambda run: trace.internal_operations(run.events), jobs.PATIENCE_NS, step_ns=100 * trace.MS)
    session.power_off()
    cells = Cells.load(session.cells.save(tmp_path / "dump"))
    state = journal.read(cells.nor)
    assert state.phase == journal.INSTALLING
    expected = package_file(board, "update").read_bytes()
    assert state.incoming.length == len(expected)
    assert store.read(cells.nor, state.incoming) == expected
    assert state.received == tuple(range(-(-len(expected) // journal.PACKET_SIZE)))
    said = matterhorn_json("inspect", "--dump", tmp_path / "dump")
    assert said["journal"]["phase"] == "installing"
    assert_agree(entry_as_inspect_says(state.incoming), said["journal"]["packages"]["incoming"])
