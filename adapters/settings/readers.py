"""How the text of each kind of setting becomes its value; what cannot be read is refused in one sentence."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from adapters.limits import BY_NAME

SHORTEST_SECRET = 32
"""Characters."""
_SEED = re.compile("[0-9a-fA-F]{64}")


class RefusedValueError(Exception):
    """A reader's sentence about the value, without the name of the setting."""


def text(value: str) -> str:
    """Any text, as it is."""
    return value


def path(value: str) -> Path:
    """A path, from the working directory; `~` is the person's own."""
    return Path(value).expanduser().absolute()


def whole(low: int, high: int) -> Callable[[str], int]:
    """A reader of whole numbers from `low` to `high`, in ASCII digits."""

    def read(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
            raise RefusedValueError(f"`{value}` is not a whole number from {low:,} to {high:,}")
        return int(value)

    return read


def truth(value: str) -> bool:
    """Yes or no, in one of three spellings."""
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if value.lower() not in known:
        raise RefusedValueError(f"`{value}` is neither `true` nor `false`")
    return known[value.lower()]


def one_of(*choices: str) -> Callable[[str], str]:
    """A reader of one of these words, in any letter case."""

    def read(value: str) -> str:
        if value.lower() not in choices:
            raise RefusedValueError(f"`{value}` is none of {', '.join(f'`{choice}`' for choice in choices)}")
        return value.lower()

    return read


def address(*schemes: str) -> Callable[[str], str]:
    """A reader of addresses that start with one of these schemes."""

    def read(value: str) -> str:
        scheme, colon, _ = value.partition(":")
        if not colon or scheme not in schemes:
            # The value may hold a password, so only what stands before the colon is repeated.
            shown = f"`{scheme}:...`" if colon else "it"
            raise RefusedValueError(f"{shown} does not start with {' or '.join(f'`{known}:`' for known in schemes)}")
        return value

    return read


def _without_password(address: str) -> str:
    """An address as it may be repeated: what stands before an `@` may hold a password."""
    before, at, rest = address.rpartition("@")
    return f"{before.partition(':')[0]}:...@{rest}" if at else address


def in_file(read: Callable[[str], str]) -> Callable[[str], str]:
    """A reader of the name of a file, whose content `read` reads."""

    def read_file(value: str) -> str:
        return read(content(value))

    return read_file


def web_address(value: str) -> str:
    """Where people find the console, without a slash at its end."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise RefusedValueError(f"`{_without_password(value)}` is not an address such as `https://bylaw.example.com`")
    return value.rstrip("/")


def networks(value: str) -> tuple[str, ...]:
    """Addresses and networks, each as a network."""
    found = []
    for one in value.replace(",", " ").split():
        try:
            found.append(str(ipaddress.ip_network(one)))
        except ValueError:
            raise RefusedValueError(f"`{one}` is no address and no network such as `10.0.0.0/8`") from None
    return tuple(found)


def amounts(value: str) -> tuple[tuple[str, int], ...]:
    """Names of rate limits, each with its amount."""
    found: dict[str, int] = {}
    for one in value.replace(",", " ").split():
        name, _, amount = one.partition("=")
        if name not in BY_NAME:
            raise RefusedValueError(f"`{name}` is none of {', '.join(f'`{known}`' for known in BY_NAME)}")
        if name in found:
            raise RefusedValueError(f"`{name}` is given twice")
        found[name] = whole(1, 1_000_000_000)(amount)
    return tuple(found.items())


def issuer(value: str) -> str:
    """An issuer exactly as its tokens say it: nothing is added or cut off (OpenID Connect Discovery 1.0, 4.3)."""
    parts = urlsplit(value)
    plain = not (parts.query or parts.fragment or parts.username or parts.password) and parts.hostname is not None
    if not plain or not value.isascii() or not value.isprintable() or " " in value:
        raise RefusedValueError(f"`{_without_password(value)}` is not an issuer such as `https://accounts.google.com`")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise RefusedValueError(f"`{value}` does not start with `https:`; without it anybody between may answer")
    return value


def issuers(value: str) -> tuple[str, ...]:
    """Several issuers, each once."""
    return tuple(dict.fromkeys(map(issuer, value.split())))


def scopes(value: str) -> tuple[str, ...]:
    """Scopes of OpenID Connect, each once."""
    found = tuple(dict.fromkeys(value.split()))
    if "openid" not in found:
        raise RefusedValueError(f"`{value}` lacks the scope `openid`, without which there is no sign-in")
    return found


def secret(value: str) -> str:
    """A secret that is long enough."""
    if len(value) < SHORTEST_SECRET:
        raise RefusedValueError(f"the secret has {len(value)} characters; at least {SHORTEST_SECRET} are needed")
    return value


def seed(value: str) -> str:
    """The 32 bytes of a signing key, in hexadecimal digits."""
    if not _SEED.fullmatch(value):
        raise RefusedValueError("the key is not 64 hexadecimal digits")
    return value.lower()


def content(value: str) -> str:
    """What a file holds, without the line break at its end."""
    try:
        found = path(value).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not UTF-8 text"
        raise RefusedValueError(f"`{value}` cannot be read: {reason.lower()}") from None
    if not found:
        raise RefusedValueError(f"`{value}` is empty")
    return found


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
