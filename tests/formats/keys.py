# SPDX-License-Identifier: MIT
"""docs/SPEC.md section 6: key files; Ed25519 and ChaCha20 from python3-cryptography, which are not the firmware's."""

from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from . import FormatError


class SigningKey:
    """An Ed25519 private key, made from its 32-byte seed."""

    def __init__(self, seed):
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message):
        return self._key.sign(message)


def verifies(public, signature, message):
    """Whether `signature` over `message` was made with the private half of `public` (32 bytes)."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def chacha20(key, nonce, counter, data):
    """RFC 8439, 2.4: the same call encrypts and decrypts; `counter` is that of the first block."""
    return Cipher(algorithms.ChaCha20(key, counter.to_bytes(4, "little") + nonce), None).encryptor().update(data)


def key_id(key):
    """What a package calls the device key by."""
    return sha256(key).digest()[:8]


def _read_line(path, word):
    text = path.read_text(encoding="ascii")
    name, _, digits = text.strip().partition(" ")
    if name != word or len(digits) != 64 or text.count("\n") > 1:
        raise FormatError(f"{path} is not one line of {word} and 64 hexadecimal digits")
    return bytes.fromhex(digits)


def read_private(path):
    return SigningKey(_read_line(path, "matterhorn-private-key-1"))


def read_device(path):
    return _read_line(path, "matterhorn-device-key-1")


def read_public(path):
    return _read_line(path, "matterhorn-public-key-1")
