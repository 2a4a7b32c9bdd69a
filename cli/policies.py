"""Policies that the command line names: a folder, a released version, or those that are kept by their digest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from cli.checking import POLICY_FILES, kept_in, policy_texts, released_in, releases_in
from cli.files import nothing_found
from engine.problems import BylawError, NotFoundError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.policy import Compiled, Policies

DIGEST = re.compile(r"[0-9a-f]{8,64}")


def policies_of(folder: Path | None) -> Policies:
    """The policies of a folder, or those in force. Raises `BylawError` for what is none, or wrong."""
    from adapters.wiring import Shipped, load_policies
    from engine.policy import Policies, digest_of

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


def policies_named(named: str) -> Compiled:
    """What policies grant: those of a folder, of a released version, or of the first digits of their digest.

    Raises `NotFoundError` (`policy.unknown_digest`) for a version or a digest that is not at hand, or not one alone.
    """
    from adapters.wiring import Shipped
    from engine.policy import compiled_name, is_version

    shipped = Shipped.find().root / "policies"
    if Path(named).exists() or not (is_version(named) or DIGEST.fullmatch(named)):
        return policies_of(Path(named)).compiled
    releases = releases_in(shipped)
    if is_version(named):
        for release in releases:
            if release.version == named:
                return released_in(shipped, release)
        raise _unknown(f"{named} is no released version", f"released: {', '.join(one.version for one in releases)}")
    in_force = policies_of(None).compiled
    kept = {path.stem for path in (shipped / compiled_name("")).parent.glob("*.json")}
    digests = sorted(digest for digest in {in_force.digest, *kept} if digest.startswith(named))
    if len(digests) > 1:
        raise _unknown(f"`{named}` begins more than one digest", f"they are {', '.join(digests)}")
    if not digests:
        message = (
            f"`{named}` is not the digest of the policies in force, `{in_force.digest[:12]}`, or of a released version"
        )
        raise _unknown(message, "name the folder that holds the other ones")
    found = in_force if digests[0] == in_force.digest else kept_in(shipped, digests[0])
    if found is None:
        raise _unknown(f"what is kept of `{named}` is in the format of another version of Bylaw", "name its folder")
    return found


def _unknown(message: str, help_text: str) -> NotFoundError:
    return NotFoundError(Problem("policy.unknown_digest", message, help=help_text))
