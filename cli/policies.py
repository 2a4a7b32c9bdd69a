"""Policies that the command line names: a folder, or those in force by their digest."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from cli.checking import POLICY_FILES, policy_texts
from cli.files import nothing_found
from engine.problems import BylawError, NotFoundError, Problem

if TYPE_CHECKING:
    from engine.policy import Policies

KEPT = 4
DIGEST = re.compile(r"[0-9a-f]{8,64}")


def policies_of(folder: Path | None) -> Policies:
    """The policies of a folder, or those in force. Raises `BylawError` for what is none, or wrong."""
    from adapters.wiring import Shipped  # noqa: PLC0415  # only here

    texts = Shipped.find().policies() if folder is None else policy_texts(folder)
    if not texts:
        assert folder is not None
        raise BylawError(nothing_found(folder, f"policy (`{POLICY_FILES[0]}`)"))
    return _loaded(tuple(sorted(texts.items())))


@lru_cache(maxsize=KEPT)
def _loaded(texts: tuple[tuple[str, str], ...]) -> Policies:
    """The same policies are loaded once: their cells take seconds to evaluate."""
    from engine.policy import Policies  # noqa: PLC0415  # loads Oso

    return Policies.load(dict(texts))


def policies_named(named: str) -> Policies:
    """The policies of a folder, or those in force by the first digits of their digest.

    Raises `NotFoundError` (`policy.unknown_digest`) for the digest of policies that are not at hand.
    """
    if not DIGEST.fullmatch(named) or Path(named).exists():
        return policies_of(Path(named))
    found = policies_of(None)
    if not found.digest.startswith(named):
        raise NotFoundError(
            Problem(
                "policy.unknown_digest",
                f"`{named}` is not the digest of the policies in force, `{found.digest[:12]}`",
                help="name the folder that holds the other ones",
            )
        )
    return found
