"""How long sessions live, how many a person has and how much one holds: what both adapters go by."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from adapters.sessions.port import Displaced, Session

ID_BYTES = 32
HANDLE_BYTES = 16
LONGEST_ID = 64
MOST_VALUES = 32
LONGEST_VALUE = 4_096
LONGEST_LABEL = 100
MOST_DISPLACED = 10
"""How many of the sessions that made room a person can still see."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session and its ids live, in seconds, and how many sessions a person has at `most`.

    A session ends `absolute` after its beginning however busy it is, and `idle` after it was last used, which is noted
    to a tenth of that or 15 seconds. Its id is replaced once it is `rotation` old; the id before it serves for `grace`
    more, because requests that carry it may be under way.
    """

    absolute: int = 43_200
    idle: int = 3_600
    rotation: int = 900
    grace: int = 30
    most: int = 20

    def __post_init__(self) -> None:
        """Refuse, as a programming error, limits under which a session could end while its id is being replaced."""
        if not 0 < self.grace < self.rotation or self.idle < 1 or self.absolute < 1 or self.most < 1:
            raise ValueError("a grace lies within a rotation, and nobody has less than a session of a second")

    @property
    def noted_every(self) -> float:
        """How far apart two notes of the last use are at least: not every request needs a write."""
        return min(15.0, self.idle / 10)

    def begin(
        self, values: Mapping[str, str], person_key: str | None, device: str, address: str, now: float
    ) -> Session:
        """A session that begins now. What the browser said about itself is shown and never believed."""
        return Session(
            handle=secrets.token_hex(HANDLE_BYTES),
            values=checked(values),
            person_key=person_key,
            begun=now,
            seen=now,
            ends=now + self.absolute,
            device=device[:LONGEST_LABEL],
            address=address[:LONGEST_LABEL],
        )

    def alive(self, session: Session, now: float) -> bool:
        """Whether a session's time is not over, neither in all nor without use."""
        return session.ends > now and session.seen + self.idle > now

    def to_note(self, session: Session, now: float) -> bool:
        """Whether a use is to be noted, the last note being old enough."""
        return now - session.seen >= self.noted_every

    def making_room(self, living: Iterable[Session]) -> tuple[Session, ...]:
        """Which of a person's living sessions have to end before one more begins: those not used for longest."""
        return by_use(living)[self.most - 1 :]

    def shown(self, displaced: Iterable[Displaced], now: float) -> tuple[Displaced, ...]:
        """Which of the sessions that made room, the last one first, a person still sees."""
        return tuple(one for one in displaced if one.at + self.absolute > now)[:MOST_DISPLACED]


def by_use(found: Iterable[Session]) -> tuple[Session, ...]:
    """Sessions, the one used last first."""
    return tuple(sorted(found, key=lambda one: (-one.seen, -one.begun, one.handle)))


def checked(values: Mapping[str, str]) -> dict[str, str]:
    """A copy; refuses (with `ValueError`: a programming error) what is no small mapping of texts."""
    if len(values) > MOST_VALUES or any(len(value) > LONGEST_VALUE for value in values.values()):
        raise ValueError("a session holds a few short texts")
    return dict(values)


def fresh_id() -> str:
    """An unguessable session id."""
    return secrets.token_urlsafe(ID_BYTES)


def digest(text: str) -> str:
    """What stands at rest for a text that is a secret."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
