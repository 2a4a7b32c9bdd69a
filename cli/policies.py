"""Policies that the command line names: a folder, or those in force by their digest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from cli.checking import POLICY_FILES, policy_texts
from cli.files import nothing_found, read_text
from engine.problems import BylawError, NotFoundError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.policy import Compiled, Policies

DIGEST = re.compile(r"[0-9a-f]{8,64}")


def policies_of(folder: Path | None) -> Policies:
    """The policies of a folder, or those in force. Raises `BylawError` for what is none, or wrong."""
    from adapters.wiring import Shipped, load_policies  # noqa: PLC0415  # only here
    from engine.policy import Policies, digest_of  # noqa: PLC0415  # loads Oso

    if folder is None:
        return load_policies(Shipped.find())
    texts = texts_of(folder)
    return Policies.load(texts, kept_in(folder, digest_of(texts)))


def texts_of(folder: Path) -> Mapping[str, str]:
    """The policies of a folder, by their names. Raises `BylawError` where there are none."""
    texts = policy_texts(folder)
    if not texts:
        raise BylawError(nothing_found(folder, f"policy (`{POLICY_FILES[0]}`)"))
    return texts


def kept_in(folder: Path, digest: str) -> Compiled | None:
    """What is kept in a folder of the policies with this digest. Raises `InvalidError` for a damaged file."""
    from engine.policy import compiled_name, read_compiled  # noqa: PLC0415  # loads Oso

    path = folder / compiled_name(digest)
    return read_compiled(read_text(path), path.as_posix()) if path.is_file() else None


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
