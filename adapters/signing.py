"""The key that signs checkpoints of the audit log: Ed25519 (RFC 8032), from a seed of 32 bytes."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from engine.service.checkpoints import Signer


def signer_of(seed: str) -> Signer:
    """The signer of a seed, 64 hexadecimal digits."""
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    return Signer(private.public_key().public_bytes_raw(), private.sign)


def is_signed_by(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's: what `engine.audit.note` takes as `Check`."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
