# SPDX-License-Identifier: MIT
"""docs/SPEC.md section 2: packages.

`PackageWriter` makes packages that a device accepts, and then lets a test change exactly one thing before everything
that depends on it (sizes, hashes, signature) is computed: a refused package is the accepted twin's in all but that.
`read` decodes a package, and `refusal` says what section 2.4 lets a device say about it.
"""

import lzma
import struct
from dataclasses import dataclass, field
from hashlib import sha256

from . import FormatError, lz4
from .boards import APPLICATION, HEADER_SIZE, RUNTIME
from .keys import chacha20, key_id, verifies

MAGIC = b"MTHP"
FORMAT_VERSION = 1
MANIFEST_LIMIT = 448
SIGNATURE_SIZE = 64
CHUNK_SIZE = 4096
CHUNK_ENTRY = struct.Struct("<II32s32s")

CRITICAL = 0x8000
BOARD = 0x8001
PACKAGE_SIZE = 0x8002
REVOKES = 0x8003
COMPONENT = {RUNTIME: 0x8011, APPLICATION: 0x8012}
NAME = 0x0020

DESTINATION = 0x8101
VERSION = 0x8102
SECURITY_COUNTER = 0x8103
IMAGE = 0x8104
CODEC = 0x8105
CHUNKS = 0x8106
REQUIRES = 0x8107
CIPHER = 0x8108

CODEC_STORED = 0
CODEC_LZ4 = 1
CODEC_LZMA = 2
LZMA_LC, LZMA_LP, LZMA_PB = 0, 1, 1
CIPHER_CHACHA20 = 1
KEYS_MAX = 4
BLOCKS_PER_CHUNK = CHUNK_SIZE // 64

# Reasons of a refusal. A device on its UART, `matterhorn inspect` and this reader say the same.
NOT_A_PACKAGE = "not a package"
UNKNOWN_FORMAT = "format version is not known"
WRONG_MANIFEST_SIZE = "manifest size is out of bounds"
TRUNCATED = "package is truncated"
TRAILING = "data follows the end of the package"
WRONG_SIGNATURE = "signature does not verify under any key of this device"
WRONG_LENGTH = "field has a wrong length"
WRONG_VALUE = "field has a forbidden value"
UNKNOWN_CRITICAL = "unknown critical field"
DUPLICATE = "duplicate field"
MISSING = "required field is missing"
WRONG_BOARD = "made for another board"
WRONG_DESTINATION = "destination is not the component's region"
TOO_LARGE = "image does not fit its region"
WRONG_LAYOUT = "sizes contradict one another"
COUNTER_TOO_LOW = "security counter is lower than the device's"
REQUIREMENT = "a newer version of the other component is required"
REFUSED_BEFORE = "this package was refused before"
ROLLED_BACK = "was not confirmed, and rolled back"
COUNTER_FULL = "security counter is above what the device can record"
COUNTER_MAX = 1792
WRONG_TABLE = "chunk table does not have its hash"
WRONG_CHUNK = "chunk does not have its hash"
WRONG_IMAGE = "image does not have its hash"
REVOKED = "the key that signed it was revoked"
WRONG_CIPHER_KEY = "encrypted under a key that this device does not have"
UNKNOWN_CODEC = "codec is not built into this device"
REVOCATION = "it revokes keys, which the device cannot record"
REQUIRED = "the other component requires a newer version of it"


def u32(*values):
    return struct.pack(f"<{len(values)}I", *values)


def pack_version(version):
    return struct.pack("<4H", *version)


def padded(value):
    """The value with zeros up to a multiple of 4."""
    return value + bytes(-len(value) % 4)


def cipher_value(nonce, key_number, cipher=CIPHER_CHACHA20):
    """The value of a cipher field."""
    return u32(cipher) + nonce + key_number


def chunks_of(image):
    return [image[at : at + CHUNK_SIZE] for at in range(0, len(image), CHUNK_SIZE)]


# --- Writer ------------------------------------------------------------------------------------------------------


@dataclass
class Field:
    """One field before it is encoded. The value is bytes, a list of fields, or None for the package size, which
    nobody knows before everything else is encoded."""

    tag: int
    value: object

    def encode(self, package_size):
        value = self.value
        if value is None:
            value = u32(package_size)
        elif isinstance(value, list):
            value = encode_fields(value, package_size)
        return struct.pack("<HH", self.tag, len(value)) + padded(value)


def encode_fields(fields, package_size):
    return b"".join(each.encode(package_size) for each in fields)


@dataclass
class NewComponent:
    """What the writer is told about one component; `image` is plain and will be stored as it is, or encrypted."""

    number: int
    image: bytes
    destination: int
    version: tuple = (1, 0, 0, 0)
    security_counter: int = 0
    codec: int = CODEC_STORED
    cipher_key: bytes = None
    nonce: bytes = bytes(12)

    def stored_chunk(self, index, plain):
        """The chunk as it is stored, and the hash of what it decodes to as the table tells it."""
        if self.cipher_key is None:
            return plain, sha256(plain).digest()
        return chacha20(self.cipher_key, self.nonce, index * BLOCKS_PER_CHUNK, plain), bytes(32)

    def stored(self):
        """The chunk table and the chunks."""
        plain = chunks_of(self.image)
        offset = len(plain) * CHUNK_ENTRY.size
        table, chunks = bytearray(), bytearray()
        for index, each in enumerate(plain):
            chunk, plain_sha256 = self.stored_chunk(index, each)
            table += CHUNK_ENTRY.pack(offset, len(chunk), sha256(chunk).digest(), plain_sha256)
            offset += len(chunk)
            chunks += chunk
        return bytes(table), bytes(chunks)

    def cipher_fields(self):
        if self.cipher_key is None:
            return []
        return [Field(CIPHER, cipher_value(self.nonce, key_id(self.cipher_key)))]

    def field(self):
        table, chunks = self.stored()
        return Field(
            COMPONENT[self.number],
            [
                Field(DESTINATION, u32(self.destination)),
                Field(VERSION, pack_version(self.version)),
                Field(SECURITY_COUNTER, u32(self.security_counter)),
                Field(IMAGE, u32(len(self.image)) + sha256(self.image).digest()),
                Field(CODEC, u32(self.codec)),
                Field(CHUNKS, u32(CHUNK_SIZE, len(table) + len(chunks)) + sha256(table).digest()),
            ]
            + self.cipher_fields(),
        )


@dataclass
class PackageWriter:
    """A package in the making. `fields` is open to every change; the methods name the usual ones.

    A path is a tag, or two: `(BOARD,)`, `(COMPONENT[APPLICATION], DESTINATION)`.
    """

    board_id: int
    key: object
    components: list
    name: str = None
    format_version: int = FORMAT_VERSION
    fields: list = field(default_factory=list)

    def __post_init__(self):
        self.components = sorted(self.components, key=lambda component: component.number)
        self.fields = [Field(BOARD, u32(self.board_id)), Field(PACKAGE_SIZE, None)]
        self.fields += [component.field() for component in self.components]
        if self.name is not None:
            self.fields.append(Field(NAME, self.name.encode("ascii")))

    def _list_of(self, path):
        fields = self.fields
        for tag in path[:-1]:
            fields = next(each for each in fields if each.tag == tag).value
        return fields

    def find(self, path):
        """The field at this path, the first if there are two."""
        return next(each for each in self._list_of(path) if each.tag == path[-1])

    def set(self, path, value):
        """Gives the field another value, of any length."""
        self.find(path).value = value
        return self

    def drop(self, path):
        """Leaves the field out."""
        self._list_of(path).remove(self.find(path))
        return self

    def duplicate(self, path):
        """Writes the field twice, with the same value."""
        fields = self._list_of(path)
        fields.insert(fields.index(self.find(path)), self.find(path))
        return self

    def add(self, path, value):
        """Writes one more field, behind the others of its list."""
        self._list_of(path).append(Field(path[-1], value))
        return self

    def manifest(self):
        stored = b"".join(b"".join(component.stored()) for component in self.components)
        size = 8 + len(encode_fields(self.fields, 0))
        total = size + SIGNATURE_SIZE + len(stored)
        return MAGIC + struct.pack("<HH", self.format_version, size) + encode_fields(self.fields, total)

    def build(self):
        """The package's bytes."""
        manifest = self.manifest()
        stored = b"".join(b"".join(component.stored()) for component in self.components)
        return manifest + self.key.sign(manifest) + stored


def with_flipped_bit(data, offset, bit=0):
    """A copy in which one bit is the other."""
    changed = bytearray(data)
    changed[offset] ^= 1 << bit
    return bytes(changed)


# --- Reader ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chunk:
    offset: int
    stored_size: int
    stored_sha256: bytes
    plain_sha256: bytes


@dataclass(frozen=True)
class Component:
    """One component as the manifest describes it."""

    number: int
    destination: int
    version: tuple
    security_counter: int
    image_size: int
    image_sha256: bytes
    codec: int
    chunk_size: int
    stored_size: int
    table_sha256: bytes
    requires: tuple = None  # (component number, lowest version)
    nonce: bytes = None  # None: it is not encrypted
    cipher_key_id: bytes = None

    @property
    def chunk_count(self):
        return -(-self.image_size // CHUNK_SIZE)


@dataclass(frozen=True)
class Manifest:
    data: bytes
    board_id: int
    package_size: int
    components: dict
    name: str = None
    revokes: int = 0  # bit n: key n

    @property
    def id(self):
        return sha256(self.data).digest()[:16]


@dataclass(frozen=True)
class Package:
    manifest: Manifest
    signature: bytes
    tables: dict  # component number -> list of Chunk
    images: dict  # component number -> plain bytes

    def installed_header(self):
        """The first 512 bytes of the region of each component (section 2.3)."""
        return (self.manifest.data + self.signature).ljust(HEADER_SIZE, b"\xff")

    def installed(self, number):
        """What the region of this component begins with once it is installed."""
        return self.installed_header() + self.images[number]


def manifest_size(data):
    """Checks the frame and returns *m*."""
    if len(data) < 8:
        raise FormatError(TRUNCATED)
    magic, version, size = struct.unpack_from("<4sHH", data)
    if magic != MAGIC:
        raise FormatError(NOT_A_PACKAGE)
    if version != FORMAT_VERSION:
        raise FormatError(UNKNOWN_FORMAT)
    if size % 4 or not 8 <= size <= MANIFEST_LIMIT:
        raise FormatError(WRONG_MANIFEST_SIZE)
    if len(data) < size + SIGNATURE_SIZE:
        raise FormatError(TRUNCATED)
    return size


def split_fields(data, known):
    """The fields of one list as {tag: value}. `known` maps a tag to its allowed lengths, None for any."""
    fields, seen, at = {}, set(), 0
    while at < len(data):
        if at + 4 > len(data):
            raise FormatError(WRONG_LENGTH)
        tag, length = struct.unpack_from("<HH", data, at)
        end = at + 4 + length + -length % 4
        if end > len(data):
            raise FormatError(WRONG_LENGTH)
        if tag in seen:
            raise FormatError(DUPLICATE)
        seen.add(tag)
        if tag in known:
            if known[tag] is not None and length not in known[tag]:
                raise FormatError(WRONG_LENGTH)
            fields[tag] = data[at + 4 : at + 4 + length]
        elif tag & CRITICAL:
            raise FormatError(UNKNOWN_CRITICAL)
        at = end
    return fields


def _required(fields, *tags):
    missing = [tag for tag in tags if tag not in fields]
    if missing:
        raise FormatError(MISSING)
    return [fields[tag] for tag in tags]


TOP_LEVEL = {
    BOARD: (4,),
    PACKAGE_SIZE: (4,),
    REVOKES: (4,),
    NAME: range(1, 33),
    **{tag: None for tag in COMPONENT.values()},
}
OF_COMPONENT = {
    DESTINATION: (4,),
    VERSION: (8,),
    SECURITY_COUNTER: (4,),
    IMAGE: (36,),
    CODEC: (4,),
    CHUNKS: (40,),
    REQUIRES: (12,),
    CIPHER: (24,),
}


def read_component(number, data):
    fields = split_fields(data, OF_COMPONENT)
    destination, version, counter, image, codec, chunks = _required(
        fields, DESTINATION, VERSION, SECURITY_COUNTER, IMAGE, CODEC, CHUNKS
    )
    image_size, image_sha256 = struct.unpack("<I32s", image)
    chunk_size, stored_size, table_sha256 = struct.unpack("<II32s", chunks)
    requires = None
    if REQUIRES in fields:
        other, *lowest = struct.unpack("<I4H", fields[REQUIRES])
        requires = (other, tuple(lowest))
    nonce = cipher_key_id = None
    if CIPHER in fields:
        cipher, nonce, cipher_key_id = struct.unpack("<I12s8s", fields[CIPHER])
        if cipher != CIPHER_CHACHA20:
            raise FormatError(WRONG_VALUE)
    component = Component(
        number=number,
        destination=struct.unpack("<I", destination)[0],
        version=struct.unpack("<4H", version),
        security_counter=struct.unpack("<I", counter)[0],
        image_size=image_size,
        image_sha256=image_sha256,
        codec=struct.unpack("<I", codec)[0],
        chunk_size=chunk_size,
        stored_size=stored_size,
        table_sha256=table_sha256,
        requires=requires,
        nonce=nonce,
        cipher_key_id=cipher_key_id,
    )
    check_values(component)
    return component


def check_values(component):
    """What the tables of section 2.1 say about a component's values, whatever the device."""
    if component.image_size < 8 or component.chunk_size != CHUNK_SIZE:
        raise FormatError(WRONG_VALUE)
    if component.codec not in (CODEC_STORED, CODEC_LZ4, CODEC_LZMA):
        raise FormatError(WRONG_VALUE)
    if component.requires is not None and component.requires[0] not in {*COMPONENT} - {component.number}:
        raise FormatError(WRONG_VALUE)


def read_revokes(fields):
    """The mask of the keys that are revoked."""
    mask = struct.unpack("<I", fields.get(REVOKES, bytes(4)))[0]
    if mask >> KEYS_MAX:
        raise FormatError(WRONG_VALUE)
    return mask


def read_name(fields):
    """The name for people, or None when there is none."""
    if NAME not in fields:
        return None
    if not all(0x20 <= byte <= 0x7E for byte in fields[NAME]):
        raise FormatError(WRONG_VALUE)
    return fields[NAME].decode("ascii")


def read_manifest(data):
    """Decodes the manifest at the start of `data`; whether its signature is right is another question."""
    size = manifest_size(data)
    fields = split_fields(data[8:size], TOP_LEVEL)
    board, package_size = _required(fields, BOARD, PACKAGE_SIZE)
    components = {n: read_component(n, fields[tag]) for n, tag in COMPONENT.items() if tag in fields}
    if not components:
        raise FormatError(MISSING)
    return Manifest(
        data=data[:size],
        board_id=struct.unpack("<I", board)[0],
        package_size=struct.unpack("<I", package_size)[0],
        components=components,
        name=read_name(fields),
        revokes=read_revokes(fields),
    )


def read_signature(data):
    size = manifest_size(data)
    return data[size : size + SIGNATURE_SIZE]


def read_table(component, stored):
    """The chunk table at the start of `stored`, checked against its hash."""
    size = component.chunk_count * CHUNK_ENTRY.size
    if size > len(stored):
        raise FormatError(WRONG_LAYOUT)
    if sha256(stored[:size]).digest() != component.table_sha256:
        raise FormatError(WRONG_TABLE)
    return [Chunk(*entry) for entry in CHUNK_ENTRY.iter_unpack(stored[:size])]


def unpacked(codec, data, plain_size):
    """What a compressed chunk decodes to."""
    if codec == CODEC_LZ4:
        return lz4.decode(data, plain_size)
    if codec != CODEC_LZMA:
        raise FormatError(WRONG_LAYOUT)
    return unpacked_lzma(data, plain_size)


def unpacked_lzma(data, plain_size):
    """Once behind the head of an .lzma file, which tells the size; and raw, where only a marker makes an end."""
    properties = (LZMA_PB * 5 + LZMA_LP) * 9 + LZMA_LC
    file = lzma.LZMADecompressor(format=lzma.FORMAT_ALONE)
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": CHUNK_SIZE, "lc": LZMA_LC, "lp": LZMA_LP, "pb": LZMA_PB}]
    raw = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=filters)
    try:
        plain = file.decompress(struct.pack("<BIQ", properties, CHUNK_SIZE, plain_size) + data)
        raw.decompress(data, plain_size)
        if not raw.eof:
            raw.decompress(b"", 1)
    except lzma.LZMAError:
        raise FormatError(WRONG_CHUNK) from None
    if len(plain) != plain_size or not file.eof or file.unused_data or raw.eof:
        raise FormatError(WRONG_CHUNK)
    return plain


def read_chunk(component, chunk, index, stored, cipher_key=None):
    """The plain bytes of chunk number `index`."""
    plain_size = min(CHUNK_SIZE, component.image_size - index * CHUNK_SIZE)
    table_size = component.chunk_count * CHUNK_ENTRY.size
    within = table_size <= chunk.offset and chunk.offset + chunk.stored_size <= component.stored_size
    if not within or not 1 <= chunk.stored_size <= plain_size:
        raise FormatError(WRONG_LAYOUT)
    data = stored[chunk.offset : chunk.offset + chunk.stored_size]
    if sha256(data).digest() != chunk.stored_sha256:
        raise FormatError(WRONG_CHUNK)
    if component.nonce is not None:
        if cipher_key is None or key_id(cipher_key) != component.cipher_key_id:
            raise FormatError(WRONG_CIPHER_KEY)
        data = chacha20(cipher_key, component.nonce, index * BLOCKS_PER_CHUNK, data)
    if chunk.stored_size < plain_size:
        data = unpacked(component.codec, data, plain_size)
    if component.nonce is None and sha256(data).digest() != chunk.plain_sha256:
        raise FormatError(WRONG_CHUNK)
    return data


def read_image(component, stored, cipher_key=None):
    """The chunk table and the plain image of one component."""
    table = read_table(component, stored)
    image = b"".join(read_chunk(component, chunk, n, stored, cipher_key) for n, chunk in enumerate(table))
    if sha256(image).digest() != component.image_sha256:
        raise FormatError(WRONG_IMAGE)
    return table, image


def check_sizes(manifest):
    """The stored sizes add up to the package size."""
    stored = sum(component.stored_size for component in manifest.components.values())
    if len(manifest.data) + SIGNATURE_SIZE + stored != manifest.package_size:
        raise FormatError(WRONG_LAYOUT)


def read_payload(manifest, data, cipher_key=None):
    """Tables and images of a package whose length is already known to be right."""
    tables, images = {}, {}
    at = len(manifest.data) + SIGNATURE_SIZE
    for number, component in sorted(manifest.components.items()):
        tables[number], images[number] = read_image(component, data[at : at + component.stored_size], cipher_key)
        at += component.stored_size
    return tables, images


def read(data, cipher_key=None):
    """Decodes a whole package, of whatever board and signer, down to its plain images."""
    manifest = read_manifest(data)
    check_sizes(manifest)
    if len(data) != manifest.package_size:
        raise FormatError(TRUNCATED if len(data) < manifest.package_size else TRAILING)
    tables, images = read_payload(manifest, data, cipher_key)
    return Package(manifest, read_signature(data), tables, images)


# --- Section 2.4: who refuses what -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Device:
    """What a device knows when a package is offered to it."""

    board: object
    keys: tuple
    security_counters: dict = field(default_factory=dict)  # one-time programmable: component number -> counter
    installed: dict = field(default_factory=dict)  # component number -> Component
    refused_id: bytes = bytes(16)
    revoked: tuple = ()  # numbers of keys
    cipher_key: bytes = None
    has_lzma: bool = False
    rolled_back_id: bytes = bytes(16)
    revocable: int = 0xFFFFFFFF  # bit n: key n is revoked or can be


def check_manifest(data, device):
    """Everything that is known once the manifest and the length offered are; returns the manifest."""
    size = manifest_size(data)
    signers = [n for n, key in enumerate(device.keys) if verifies(key, read_signature(data), data[:size])]
    if not signers:
        raise FormatError(WRONG_SIGNATURE)
    if signers[0] in device.revoked:
        raise FormatError(REVOKED)
    manifest = read_manifest(data)
    if any(part.codec == CODEC_LZMA for part in manifest.components.values()) and not device.has_lzma:
        raise FormatError(UNKNOWN_CODEC)
    if manifest.revokes >> signers[0] & 1:
        raise FormatError(WRONG_VALUE)
    if manifest.board_id != device.board.id:
        raise FormatError(WRONG_BOARD)
    for number, component in manifest.components.items():
        region = device.board.region(number)
        if component.destination != region.start:
            raise FormatError(WRONG_DESTINATION)
        if component.image_size > region.size - HEADER_SIZE:
            raise FormatError(TOO_LARGE)
    check_sizes(manifest)
    if len(data) < manifest.package_size:
        raise FormatError(TRUNCATED)
    if len(data) > manifest.package_size:
        raise FormatError(TRAILING)
    check_cipher_keys(manifest, device)
    for number in (RUNTIME, APPLICATION):
        if number in manifest.components:
            check_counter(manifest.components[number], device)
            check_requirement(manifest.components[number], manifest, device, REQUIREMENT)
        elif number in device.installed:
            check_requirement(device.installed[number], manifest, device, REQUIRED)
    if manifest.revokes & ~device.revocable:
        raise FormatError(REVOCATION)
    if manifest.id == device.refused_id:
        raise FormatError(REFUSED_BEFORE)
    if manifest.id == device.rolled_back_id:
        raise FormatError(ROLLED_BACK)
    return manifest


def check_cipher_keys(manifest, device):
    """What is encrypted, is so under the key that this device has."""
    for component in manifest.components.values():
        if component.nonce is not None:
            if device.cipher_key is None or key_id(device.cipher_key) != component.cipher_key_id:
                raise FormatError(WRONG_CIPHER_KEY)


def check_counter(component, device):
    """Not below the device's, and not above what it can record unless it is what is installed."""
    there = device.installed[component.number].security_counter if component.number in device.installed else 0
    if component.security_counter < max(there, device.security_counters.get(component.number, 0)):
        raise FormatError(COUNTER_TOO_LOW)
    if component.security_counter > max(there, COUNTER_MAX):
        raise FormatError(COUNTER_FULL)


def check_requirement(component, manifest, device, reason):
    """The other component, as it will be after the install, is new enough."""
    if component.requires is None:
        return
    other, lowest = component.requires
    afterwards = manifest.components.get(other) or device.installed.get(other)
    if afterwards is None or afterwards.version < lowest:
        raise FormatError(reason)


def refusal(data, device):
    """The reason for which this device refuses the package, or None when it accepts it."""
    try:
        read_payload(check_manifest(data, device), data, device.cipher_key)
    except FormatError as reason:
        return str(reason)
    return None
