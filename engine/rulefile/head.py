"""The head that every rule file has: what it is called, which version it is and when it is in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo

from engine.problems import Report
from engine.rulefile.nodes import Node
from engine.rulefile.temporal import parse_date


@dataclass(frozen=True, slots=True)
class Effective:
    """The days on which a version holds: `from_` is one, `to` is not; without `to` until a later version holds."""

    from_: date
    to: date | None = None

    def holds(self, at: datetime, zone: tzinfo = UTC) -> bool:
        """Whether the instant lies within, by the calendar of the rule set's zone."""
        try:
            day = at.astimezone(zone).date()
        except OverflowError:  # hours from the first or last day of the calendar
            day = at.date()
        return self.from_ <= day and (self.to is None or day < self.to)

    def __str__(self) -> str:
        return f"from {self.from_}" + (f" to before {self.to}" if self.to is not None else "")


@dataclass(frozen=True, slots=True)
class Head:
    """The common head. `name` is the last part of the rule set's name, `facts` the fact schema's name (`lead/2`)."""

    kind: str
    name: str
    version: int
    title: str
    effective: Effective
    facts: str
    zone_name: str = "UTC"

    @property
    def rule_set(self) -> str:
        """The rule set's full name, such as `lead-priority/inbound`."""
        return f"{self.kind}/{self.name}"


def read_head(tree: Node, report: Report) -> tuple[Head, tzinfo]:
    """The head of a tree whose shape is right, and its zone; problems go to the report."""
    effective = tree["effective"]
    from_ = _day(effective.get("from"), report) or date.min
    to = _day(effective.get("to"), report)
    if to is not None and to <= from_:
        message = f"`to` ({to}) is not after `from` ({from_})"
        report.add(
            "rules.effective",
            message,
            effective["to"].place,
            "`to` is the first day on which the version no longer holds",
        )
    zone_node = tree.get("zone")
    zone_name = zone_node.text if zone_node is not None else "UTC"
    zone: tzinfo = UTC
    if zone_node is not None and zone_name != "UTC":
        try:
            zone = ZoneInfo(zone_name)
        except (LookupError, ValueError, OSError):
            message = f"`{zone_name}` is not a known time zone"
            report.add("rules.zone", message, zone_node.place, "use a name of the IANA list, such as `Europe/Berlin`")
    version = tree.number_of("version")
    head = Head(
        kind=tree.text_of("kind"),
        name=tree.text_of("name"),
        version=int(version) if version is not None else 0,
        title=tree.text_of("title"),
        effective=Effective(from_, to),
        facts=tree.text_of("facts"),
        zone_name=zone_name,
    )
    return head, zone


def _day(node: Node | None, report: Report) -> date | None:
    if node is None or node.value is None:
        return None
    day = parse_date(node.text)
    if day is None:
        report.add("rules.effective", f"`{node.text}` is not a date", node.place, "write year-month-day: `2026-10-01`")
    return day
