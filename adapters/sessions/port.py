"""The port: what a session is, and what whoever keeps sessions promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it stands: instants are seconds since 1970, `device` and `address` are what the browser said.

    `person_key` names whose it is among the people of all organisations, whose ids are each organisation's own
    (`engine.service.directory.person_key_of`). `due` says that its id is old enough to be replaced.
    """

    handle: str
    values: Mapping[str, str]
    person_key: str | None
    begun: float
    seen: float
    ends: float
    device: str = ""
    address: str = ""
    due: bool = False


@dataclass(frozen=True, slots=True)
class Displaced:
    """A session that made room for a newer one of its person, `at` seconds since 1970."""

    session: Session
    at: float


@dataclass(frozen=True, slots=True)
class Begun:
    """A new session's id, 256 random bits as URL-safe text, and the sessions that made room for it."""

    id: str
    displaced: tuple[Session, ...] = ()


class Sessions(Protocol):
    """Server-side sessions. Every method raises `UnavailableError` (`sessions.unavailable`) when the store is away.

    A session holds a few short texts under short names, which never change, and belongs to one person once somebody has
    signed in. A person has a limited number of them (`SessionLimits.most`).
    """

    def begin(
        self,
        values: Mapping[str, str],
        *,
        person_key: str | None = None,
        device: str = "",
        address: str = "",
        instead_of: str = "",
    ) -> Begun:
        """Begin a session; the one with the id `instead_of` ends, so that an id known before is worth nothing.

        Where the person has as many as one may have, those that were not used for longest end with the same step:
        however many begin at once, there are never more.
        """
        ...

    def read(self, session_id: str) -> Session | None:
        """The session, or None if there is none or its time is over. Does not prolong it."""
        ...

    def touch(self, session_id: str) -> Session | None:
        """The same, for a request that the session answers for: it has been used now, so its idle time starts again."""
        ...

    def renew(self, session_id: str) -> str | None:
        """A new id for the session if the present one is old enough, else None.

        Of several requests at once one gets the new id.
        """
        ...

    def end(self, session_id: str) -> None:
        """End the session. Ending one that is gone is the same."""
        ...

    def sessions_of(self, person_key: str) -> tuple[Session, ...]:
        """A person's living sessions, the one used last first."""
        ...

    def displaced_of(self, person_key: str) -> tuple[Displaced, ...]:
        """Which of a person's sessions have made room lately, the last one first: a few, for as long as one lives."""
        ...

    def end_one(self, person_key: str, handle: str) -> bool:
        """End a session by its handle; false if this person has none of that handle."""
        ...

    def end_all(self, person_key: str, *, but: str = "") -> int:
        """End every session of a person except the one of the handle `but`, and say how many there were."""
        ...

    def lay_down(self, name: str, values: Mapping[str, str], seconds: int) -> None:
        """Keep a few short texts under a secret name for that long, to be taken up once."""
        ...

    def take_up(self, name: str) -> dict[str, str] | None:
        """What was laid down, the first time; None ever after, for a name never used, and when its time is over."""
        ...

    def ping(self) -> None:
        """Return if the store answers; raise `UnavailableError` if not."""
        ...
