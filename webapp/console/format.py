"""How values are written for people: the console's template filters and tests, one visible tuple of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from markupsafe import Markup, escape

from engine import exact_json
from engine.caller import ROLES
from engine.decision import Reason, WhyNot
from engine.problems import Place
from engine.records import Money
from webapp.console.audit_changes import is_brief, is_large, lines_of
from webapp.console.charts import coordinate

ROLE_TITLES: Mapping[str, str] = dict(
    zip(
        ROLES,
        ("Sales representative", "Field sales representative", "Sales manager", "RevOps analyst", "Platform admin"),
        strict=True,
    )
)

TONES: Mapping[str, str] = {
    "accepted": "good", "succeeded": "good", "won": "good", "in force": "good", "resolved": "good", "passed": "good",
    "scored": "accent", "final": "good", "active": "good", "replaced": "info", "expired": "warn", "revoked": "bad",
    "denied": "warn", "queued": "info", "running": "info", "open": "info", "cancelled": "warn", "draft": "info",
    "needs_person": "warn", "not_scored": "warn", "scheduled": "info", "calculated": "info", "engaging": "info",
    "failed": "bad", "lost": "bad", "scoring_failed": "bad",
}  # fmt: skip
"""The colour family of a state's chip; the word itself always stands in the chip too."""

CHANNELS: Mapping[str, str] = {"api": "API", "cli": "command line", "console": "console", "job": "job"}

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d)\Z")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[0-2]\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)\Z")
_MONEY = {"amount", "currency"}
_WHOLE = {"check_in": "Check-in"}
_CAPITALS = {"id": "ID", "api": "API", "crm": "CRM", "usd": "USD"}


def day(value: date | str) -> str:
    """`2026-11-02` is written `2 Nov 2026`: unmistakable in every country."""
    held = date.fromisoformat(value[:10]) if isinstance(value, str) else value
    return f"{held.day} {_MONTHS[held.month - 1]} {held.year}"


def instant(value: datetime | str) -> str:
    """Day and minute in UTC: `2 Nov 2026, 09:00`."""
    held = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{day(held.date())}, {held:%H:%M}"


def second(value: datetime | str) -> str:
    """Day and second in UTC, for what must be told apart: `2 Nov 2026, 09:00:07`."""
    held = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{day(held.date())}, {held:%H:%M:%S}"


def iso(value: date | datetime | str) -> str:
    """The machine-readable form for the `datetime` attribute."""
    if isinstance(value, datetime):
        return exact_json.instant_text(value)
    return value.isoformat() if isinstance(value, date) else value


def number(value: Decimal | int | str | None, places: int | None = None) -> str:
    """Digits in groups of three; all places that are there, or exactly `places` (half-even)."""
    if value is None or value == "":
        return "–"
    held = Decimal(value)
    if places is not None:
        held = held.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
        return f"{held:,.{places}f}".replace("-", "−")
    text = exact_json.decimal_text(held)
    whole, point, rest = text.partition(".")
    return f"{Decimal(whole):,f}{point}{rest}".replace("-", "−")


def score(value: Decimal | str | None) -> str:
    """A score to one place for lists; the exact one stands on the record's page."""
    return "–" if value is None else number(Decimal(value), 1)


def signed(value: Decimal) -> str:
    """With its sign, so that contributions read as additions: `+20`, `−5.25`."""
    return ("+" if value > 0 else "") + number(value)


def gained(value: Decimal) -> str:
    """A contribution to one place with its sign, for lists."""
    return ("+" if value > 0 else "") + number(value, 1)


def money(value: Money | Mapping[str, Any] | None) -> str:
    """Digits of the currency and its code: `12,000.00 USD`."""
    if value is None:
        return "–"
    held = Money(Decimal(value["amount"]), value["currency"]) if isinstance(value, Mapping) else value
    return str(held).replace("-", "−")


def amount(value: Decimal | str | None, currency: str = "") -> str:
    """An exact amount as it stands in a decision document, at least two places."""
    if value is None:
        return "–"
    held = Decimal(value)
    exponent = held.normalize().as_tuple().exponent
    places = max(2, -exponent if isinstance(exponent, int) else 2)
    return f"{held:,.{places}f}{' ' + currency if currency else ''}".replace("-", "−")


def percent(value: Decimal | str | None) -> str:
    """A share as per cent with up to two places: `0.085` is `8.5 %`."""
    if value is None:
        return "–"
    held = (Decimal(value) * 100).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)
    return f"{number(held)} %"


def words(name: str) -> str:
    """A field's or state's name as words: `closed_on` is `Closed on`."""
    if name in _WHOLE:
        return _WHOLE[name]
    parts = [_CAPITALS.get(part, part) for part in re.split(r"[_\s.-]+", str(name)) if part]
    if not parts:
        return str(name)
    return " ".join([parts[0][:1].upper() + parts[0][1:], *parts[1:]])


def path_words(path: Sequence[str]) -> str:
    """The names on the way to a value within a record: `Facts › employees`."""
    first, *rest = path
    return " › ".join([words(first), *(words(part)[:1].lower() + words(part)[1:] for part in rest)])


def item_name(item: Mapping[str, Any], place: int) -> str:
    """What a list's item is called where only its name is shown: the field or rule it speaks of, else its place."""
    told = next((item[key] for key in ("field", "rule", "name", "type", "id") if isinstance(item.get(key), str)), "")
    return words(told) if told else f"Item {place}"


def channel(name: str) -> str:
    """The door that somebody came through."""
    return CHANNELS.get(name, words(name))


def plain_text(value: Any) -> str:
    """A scalar as text; numbers in groups of three."""
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, timedelta):
        return exact_json.duration_text(value)
    return str(value)


def json_line(value: Any) -> str:
    """Canonical JSON on one line."""
    return exact_json.canonical(value).decode()


def role(name: str) -> str:
    """A role's title."""
    return ROLE_TITLES.get(name, words(name))


def initials(name: str) -> str:
    """Two letters for the round badge beside a name."""
    parts = [part for part in name.split() if part[0].isalpha()] or ["?"]
    return (parts[0][0] + (parts[-1][0] if len(parts) > 1 else "")).upper()


def tone(state: str) -> str:
    """The chip's colour family."""
    return TONES.get(str(state).lower(), "")


def band_rank(label: str) -> int:
    """1 for the best band to 4: letters A to D by their place, others by their first letter's."""
    place = ord(str(label)[:1].upper() or "D") - ord("A")
    return min(max(place, 0), 3) + 1


def ticks(text: str) -> Markup:
    """A sentence whose input in back-ticks is set as code."""
    made = Markup()
    for index, part in enumerate(str(text).split("`")):
        made += Markup("<code>{}</code>").format(part) if index % 2 else escape(part)
    return made


def sentence(text: str) -> str:
    """With a capital first letter: our messages are lower-case so that programs can put them anywhere."""
    return text[:1].upper() + text[1:]


def place_text(place: Place) -> str:
    """Where a problem lies: the line of a file, else the path in the facts."""
    return str(place) if place.line else place.path or place.source


def split_why(why_not: Sequence[WhyNot]) -> tuple[list[WhyNot], list[WhyNot]]:
    """Rules that failed on something known, and rules that read only what is not known: two different things to do."""
    unknown = [why for why in why_not if why.seen and all(value is None for value in why.seen.values())]
    return [why for why in why_not if why not in unknown], unknown


def kind_of(rule_set: str) -> str:
    """`lead-priority` of `lead-priority/inbound`."""
    return rule_set.partition("/")[0]


def short_name(rule_set: str) -> str:
    """`inbound` of `lead-priority/inbound`."""
    return rule_set.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar in a box 100 wide: where it starts, how wide it is, where zero lies, `plus` or `minus`."""

    x: str
    width: str
    axis: str
    tone: str


def bar_range(reasons: Sequence[Reason]) -> tuple[Decimal, Decimal]:
    """The lowest and highest contribution, zero included, so that all bars of a table share one axis."""
    parts = [reason.contribution for reason in reasons if reason.contribution is not None]
    return min([Decimal(0), *parts]), max([Decimal(0), *parts])


def bar_of(part: Decimal, low: Decimal, high: Decimal) -> Bar:
    """The bar of one contribution on the axis from `low` to `high`."""
    span = (high - low) or Decimal(1)
    zero = (-low) / span * 100
    width = abs(part) / span * 100
    start = zero if part >= 0 else zero - width
    return Bar(coordinate(start), coordinate(width), coordinate(zero), "plus" if part >= 0 else "minus")


_YAML_LINE = re.compile(r"^(?P<lead>\s*(?:- )?)(?P<key>[\w./-]+)(?P<colon>:)(?P<rest>(?:\s.*)?)$")
_YAML_INLINE = re.compile(
    r"""
    (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')
    | (?P<comment>(?:^|(?<=\s))\#.*$)
    | (?P<key>(?:(?<=[{,]\s)|(?<=\{))[\w-]+(?=:\s))
    """,
    re.VERBOSE,
)


def yaml_line(line: str) -> Markup:
    """One line of a rule file with keys, texts and comments marked for colour. Decoration only: nothing is parsed."""
    found = _YAML_LINE.match(line)
    if not found:
        return _inline(line)
    return (
        escape(found["lead"])
        + Markup('<span class="y-key">{}</span>').format(found["key"])
        + escape(found["colon"])
        + _inline(found["rest"])
    )


def _inline(text: str) -> Markup:
    made, position = Markup(), 0
    for found in _YAML_INLINE.finditer(text):
        made += escape(text[position : found.start()])
        made += Markup('<span class="y-{}">{}</span>').format(found.lastgroup, found.group())
        position = found.end()
    return made + escape(text[position:])


FILTERS: tuple[Callable[..., Any], ...] = (
    amount, band_rank, bar_of, bar_range, channel, day, gained, initials, instant, iso, item_name, json_line, kind_of,
    lines_of, money, number, path_words, percent, place_text, plain_text, role, score, second, sentence, short_name,
    signed, split_why, ticks, tone, words, yaml_line,
)  # fmt: skip
"""Every filter that templates may use, under its own name."""

TESTS: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("brief", is_brief),
    ("large", is_large),
    ("money", lambda value: isinstance(value, Money) or (isinstance(value, Mapping) and set(value) == _MONEY)),
    ("moment", lambda value: isinstance(value, datetime) or (isinstance(value, str) and bool(_INSTANT.match(value)))),
    ("calendar_day", lambda value: type(value) is date or (isinstance(value, str) and bool(_DAY.match(value)))),
    ("listing", lambda value: isinstance(value, list | tuple)),
)
"""Every test that templates may use after `is`."""
