"""How one field, or one group of fields, of a record comes out when a device's edit meets the server's.

Every merge is three-way: against the value the device last saw (`base`). If only one side changed it, that change
stands; if both made the same change, there is no conflict; only if both changed it differently the strategy decides.
The two set strategies merge additions and removals instead, which gives the same answer where only one side changed,
except that `add_set` never takes a device's removal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Winner = Literal["client", "server", "both", "merged", "unchanged"]
How = Literal["unchanged", "only_client", "only_server", "same_change", "strategy"]
Ties = Literal["device", "server"]

STRATEGIES: Final[dict[str, str]] = {
    "server_wins": "the server's value stands",
    "client_wins": "the device's value replaces the server's",
    "last_write": "the edit made later stands",
    "max": "the larger value stands",
    "min": "the smaller value stands",
    "add_set": "what the device added is added, nothing is removed by it",
    "observed_remove_set": "what either side added is there, what either side removed is gone",
    "keep_both": "both are kept until a person decides; the server's value stands so far",
}
"""Every strategy with what it does, in the order of the documentation."""

ORDERED_STRATEGIES: Final = frozenset({"max", "min"})
SET_STRATEGIES: Final = frozenset({"add_set", "observed_remove_set"})
WHOLE_STRATEGIES: Final = frozenset(STRATEGIES) - ORDERED_STRATEGIES - SET_STRATEGIES
"""Strategies that choose one side as it is: the only ones for groups, and for fields without a rule."""


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """When an edit was made and on which device; `device` is empty for an edit made on the server."""

    at: Any
    device: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """One field's three values with the two edits' stamps. None is no value."""

    base: Any
    client: Any
    server: Any
    client_stamp: Stamp
    server_stamp: Stamp


@dataclass(frozen=True, slots=True)
class Merged:
    """What came out: the value, whose it is, how that was found, and whether a person has to look."""

    value: Any
    winner: Winner
    how: How
    needs_person: bool = False


def merge(strategy: str, edit: Edit, ties: Ties = "device") -> Merged:
    """The outcome for one field or group."""
    if strategy in SET_STRATEGIES:
        return _merge_sets(strategy, edit)
    base, client, server = edit.base, edit.client, edit.server
    if client == base:
        return Merged(server, "unchanged", "unchanged") if server == base else Merged(server, "server", "only_server")
    if server == base:
        return Merged(client, "client", "only_client")
    if client == server:
        return Merged(server, "both", "same_change")
    if strategy == "keep_both":
        return Merged(server, "both", "strategy", needs_person=True)
    if _client_stands(strategy, edit, ties):
        return Merged(client, "client", "strategy")
    return Merged(server, "server", "strategy")


def _client_stands(strategy: str, edit: Edit, ties: Ties) -> bool:
    match strategy:
        case "client_wins":
            return True
        case "last_write":
            if edit.client_stamp.at == edit.server_stamp.at:
                return ties == "device" and edit.client_stamp.device > edit.server_stamp.device
            return bool(edit.client_stamp.at > edit.server_stamp.at)
        case "max" | "min":
            # No value is neither large nor small: whatever the other side has stands.
            if edit.client is None or edit.server is None:
                return edit.server is None
            return bool(edit.client > edit.server if strategy == "max" else edit.client < edit.server)
        case _:
            return False


def _merge_sets(strategy: str, edit: Edit) -> Merged:
    """Sets come out sorted, so that the bytes do not tell who arrived first."""
    base, client, server = (frozenset(value or ()) for value in (edit.base, edit.client, edit.server))
    if client == base:
        return (
            Merged(edit.server, "unchanged", "unchanged")
            if server == base
            else Merged(edit.server, "server", "only_server")
        )
    found = server | (client - base)
    if strategy == "observed_remove_set":
        found -= base - client
    value = tuple(sorted(found))
    if found == client == server:
        return Merged(value, "both", "same_change")
    if found == client:
        return Merged(value, "client", "only_client" if server == base else "strategy")
    if found == server:
        return Merged(edit.server, "server", "strategy")
    return Merged(value, "merged", "strategy")
