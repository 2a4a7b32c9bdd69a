"""Ed25519 (RFC 8032) for the audit log's notes, by the `cryptography` package."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from engine.audit.note import ED25519, PublicKey

SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key that signs a log's notes; `public` is what outsiders are given. It is never shown by `repr`."""

    public: PublicKey
    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of_seed(cls, name: str, seed: bytes) -> SigningKey:
        """The key that RFC 8032 makes of 32 secret bytes, under a name. Raises `ValueError` for another length."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(PublicKey(name, private.public_key().public_bytes_raw()), private)

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """Read a key as Go's note tools write it: `PRIVATE+KEY+name+key id+base64`. Raises `ValueError`."""
        try:
            private, key, name, key_id, encoded = text.strip().split("+", 4)
            data = b64decode(encoded, validate=True)
            signing = cls.of_seed(name, data[1:])
        except ValueError as error:
            raise ValueError("this is no signing key") from error
        if (private, key, data[:1]) != ("PRIVATE", "KEY", ED25519) or signing.public.id.hex() != key_id:
            raise ValueError("this is no Ed25519 signing key, or its id is not that of the key and its name")
        return signing

    def to_text(self) -> str:
        """The secret text that `parse` reads."""
        secret = b64encode(ED25519 + self._private.private_bytes_raw()).decode()
        return f"PRIVATE+KEY+{self.public.name}+{self.public.id.hex()}+{secret}"

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature: an `engine.audit.note.Sign`."""
        return self._private.sign(message)


def check(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's: an `engine.audit.note.Check`. Never raises for what was signed wrongly."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
