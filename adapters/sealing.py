"""Personal values under keys of their own, so that destroying a key is erasing the values (AES-256-GCM).

Every subject (a person, a lead) has one random key; it seals what the audit log holds about them, and lies in the
database wrapped by a key that follows from the service's secret. Whoever has a copy of the database alone reads
neither.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12
_PURPOSE = b"bylaw: keys of the audit log"


class AesGcmSealer:
    """See `adapters.stores.audit.Sealer`; a sealed text is 12 bytes of nonce, then ciphertext and tag."""

    def __init__(self, secret: str) -> None:
        """With the service's secret key: the wrapping key follows from it alone (HKDF-SHA256)."""
        derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=_PURPOSE).derive(secret.encode())
        self._wrapping = AESGCM(derived)

    def random(self, size: int) -> bytes:
        """See `Sealer.random`."""
        return os.urandom(size)

    def new_key(self, owner: bytes) -> bytes:
        """See `Sealer.new_key`."""
        return _encrypted(self._wrapping, os.urandom(KEY_BYTES), owner)

    def seal(self, wrapped: bytes, owner: bytes, value: bytes, about: bytes) -> bytes | None:
        """See `Sealer.seal`."""
        key = _decrypted(self._wrapping, wrapped, owner)
        return None if key is None else _encrypted(AESGCM(key), value, about)

    def unseal(self, wrapped: bytes, owner: bytes, sealed: bytes, about: bytes) -> bytes | None:
        """See `Sealer.unseal`."""
        key = _decrypted(self._wrapping, wrapped, owner)
        return None if key is None else _decrypted(AESGCM(key), sealed, about)


def _encrypted(cipher: AESGCM, value: bytes, about: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)  # a key seals far fewer than 2**32 values, so random nonces do not meet
    return nonce + cipher.encrypt(nonce, value, about)


def _decrypted(cipher: AESGCM, sealed: bytes, about: bytes) -> bytes | None:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
    except (InvalidTag, ValueError):  # another key, another place, or not what was written
        return None
