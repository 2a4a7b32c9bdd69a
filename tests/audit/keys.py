"""Keys under any name, as the product makes them for its logs."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.signing import is_signed_by, signer_of
from engine.audit.note import PublicKey, Sign

check = is_signed_by


@dataclass(frozen=True)
class SigningKey:
    """A key that signs under a name."""

    public: PublicKey
    sign: Sign

    @classmethod
    def of_seed(cls, name: str, seed: bytes) -> SigningKey:
        signer = signer_of(seed.hex())
        return cls(PublicKey(name, signer.public), signer.sign)
