# SPDX-License-Identifier: MIT
"""Devices on the host's disk: their cells, and Demos that carry whatever package a test wants them to offer."""

import struct
from dataclasses import dataclass
from hashlib import sha256

from formats import journal, package, store
from formats.boards import APPLICATION

from .artifacts import (
    MAC,
    PUBLIC_KEY,
    device_folder,
    firmware,
    image_offset,
    matterhorn,
    package_file,
    signing_key,
)

RESOURCE_MAGIC = b"MRES"


@dataclass
class Cells:
    """The raw cells of a device: the three files of docs/SPEC.md section 7."""

    internal: bytearray
    otp: bytearray
    nor: bytearray

    @classmethod
    def load(cls, folder):
        return cls(*(bytearray((folder / f"{name}.bin").read_bytes()) for name in ("internal", "otp", "nor")))

    def save(self, folder):
        """Writes them as `matterhorn provision` does, and returns the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("internal", "otp", "nor"):
            (folder / f"{name}.bin").write_bytes(getattr(self, name))
        return folder

    def copy(self):
        return Cells(bytearray(self.internal), bytearray(self.otp), bytearray(self.nor))

    def region(self, board, component):
        return bytes(board.region(component).cut_from(self.internal))

    def component(self, board, component):
        """The installed component's manifest, decoded, and its plain image."""
        region = self.region(board, component)
        manifest = package.read_manifest(region)
        size = manifest.components[component].image_size
        return manifest, region[512 : 512 + size]


def provisioned(board):
    """The cells of the device that the build makes."""
    return Cells.load(device_folder(board))


def shipped(board, name):
    """A package of the build, decoded by the independent reader."""
    return package.read(package_file(board, name).read_bytes())


def application_writer(board, image, *, version, counter=0, name=None, key=None, **changes):
    """A writer for an application package that this board accepts; signed by `key`, else by that of the build."""
    component = package.NewComponent(APPLICATION, image, board.application.start, version, counter, **changes)
    return package.PackageWriter(board.id, key or signing_key(), [component], name)


def update_writer(board, counter=0, **changes):
    """A writer for a package of the real Update application: the good twin of every bad package."""
    update = shipped(board, "update")
    given = {"version": update.manifest.components[APPLICATION].version, "name": "Update twin", **changes}
    return application_writer(board, update.images[APPLICATION], counter=counter, **given)


def demo_carrying(board, offered, length=None):
    """The plain image of the real Demo, with another package as its resource; `length` lies about its size."""
    image = firmware(board, "demo", "bin").read_bytes()
    at = image_offset(board, firmware(board, "demo", "elf"), "mh_resource")
    magic, size = struct.unpack_from("<4sI", image, at)
    assert magic == RESOURCE_MAGIC and at + 8 + size == len(image), "the resource is not the last thing in demo.bin"
    return image[:at] + RESOURCE_MAGIC + struct.pack("<I", len(offered) if length is None else length) + offered


def provision_with(board, offered, folder, counter=0, options=()):
    """A new device whose factory application is the Demo that offers `offered`; its cells.

    `options` are more of `matterhorn provision`."""
    demo = shipped(board, "demo").manifest.components[APPLICATION]
    image = demo_carrying(board, offered)
    writer = application_writer(board, image, version=demo.version, counter=counter, name="Demo")
    factory = folder / "demo.nmf"
    factory.write_bytes(writer.build())
    output = folder / "device"
    matterhorn(
        "provision",
        *("--board", board.name),
        *("--bootloader", firmware(board, "boot", "bin")),
        *("--key", PUBLIC_KEY),
        *("--runtime", package_file(board, "runtime")),
        *("--application", factory),
        *("--mac", MAC),
        *("--output", output),
        *options,
    )
    return Cells.load(output)


def requested_cells(cells, data):
    """The device with this package in its reserved megabyte and a request to install it.

    The id is that of the manifest, as far as there is one: the journal is right, only the package is not."""
    cells = cells.copy()
    state = journal.read(cells.nor)
    package_id = sha256(data[: package.manifest_size(data)]).digest()[:16]
    incoming = store.write(cells.nor, store.free_extents(state), data, package_id)
    journal.append(cells.nor, journal.requested(state, incoming))
    return cells
