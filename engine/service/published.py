"""An organisation's published versions as they are remembered: grouped once, with the releases they made."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.records import Record

WEST, EAST = timedelta(hours=-12), timedelta(hours=14)
"""No civil zone is further from UTC than these."""

RELEASES_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Published:
    """Every published version of an organisation, by name and number; each group by ascending number.

    `known_at` are the instants of publication in order, `turns` the days on which some version begins or ends, in
    order, and `turning` the versions that do so then. `releases` remembers digests by `moment`.
    """

    records: tuple[Record, ...]
    by_name: Mapping[str, tuple[Record, ...]]
    known_at: tuple[datetime, ...]
    turns: tuple[date, ...]
    turning: Mapping[date, tuple[Record, ...]]
    releases: dict[tuple[object, ...], str] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, found: Iterable[Record]) -> Published:
        """The versions in any order."""
        records = tuple(sorted(found, key=lambda one: (one["rule_set"], one["version"])))
        grouped: dict[str, list[Record]] = {}
        turning: dict[date, list[Record]] = {}
        for record in records:
            grouped.setdefault(record["rule_set"], []).append(record)
            for day in (record["effective_from"], record["effective_to"]):
                if day is not None:
                    turning.setdefault(day, []).append(record)
        return cls(
            records,
            {name: tuple(versions) for name, versions in grouped.items()},
            tuple(sorted(record["published_at"] for record in records)),
            tuple(sorted(turning)),
            {day: tuple(turned) for day, turned in turning.items()},
        )

    def moment(self, at: datetime, as_of: datetime, zone_of: Callable[[Record], tzinfo]) -> tuple[object, ...]:
        """What decides which versions are in force: instants of the same moment have the same release.

        Between two days on which something turns nothing changes; near such a day the zones of what turns count.
        """
        known = bisect_right(self.known_at, as_of)
        first = bisect_right(self.turns, (at + WEST).date())
        last = bisect_right(self.turns, (at + EAST).date())
        if first == last:
            return (known, first)
        days = tuple(
            at.astimezone(zone_of(record)).date() for day in self.turns[first:last] for record in self.turning[day]
        )
        return (known, first, last, days)

    def remember(self, moment: tuple[object, ...], digest: str) -> None:
        """Keep a moment's release."""
        if len(self.releases) >= RELEASES_KEPT:
            self.releases.clear()
        self.releases[moment] = digest
