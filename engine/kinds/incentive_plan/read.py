"""From a plan file whose shape is right to a checked plan with its conditions compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Literal, cast

from engine import feel
from engine.feel import types
from engine.kinds.incentive_plan.plan import Component, Condition, Kicker, Limit, Plan, Quota
from engine.kinds.incentive_plan.tiers import ZERO, Band, Boundary, Tiers
from engine.kinds.rounding import EXACT, Mode, is_payable, minor_unit
from engine.problems import Problem, Report
from engine.rulefile.kind import Draft
from engine.rulefile.nodes import Node

RESERVED_IDS = ("period", "splits", "components", "quota")
"""Exclusions and holds that the engine itself gives carry these ids."""

NEEDED_FACTS: Mapping[str, str] = {
    "payee": "string",
    "period.from": "date",
    "period.to": "date",
    "currency": "string",
    "credits.id": "string",
    "credits.amount": "number",
    "credits.closed_on": "date",
}
"""What any fact schema of an incentive plan must have, with its form; `payee-period/1` has it."""

TOTALS: Mapping[str, types.Field] = {
    "credited": types.Field(types.NUMBER),
    "deals": types.Field(types.NUMBER),
    "attainment": types.Field(types.NUMBER, optional=True),
}
"""What a kicker may also read: the credited sum, how many deals, and credited / quota (absent without a quota)."""

LARGEST_PLAIN_RATE = Decimal(1)
LARGEST_PLAIN_ATTAINMENT = Decimal(10)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Two compiled sets: conditions on a credit alone, and kickers, which also know the period's totals."""

    on_credit: feel.ConditionSet
    on_kicker: feel.ConditionSet
    reads: tuple[str, ...]


@dataclass(slots=True)
class _Reader:
    draft: Draft
    report: Report
    warnings: Report
    unit: Decimal
    credit_scope: types.Scope
    on_credit: list[tuple[str, feel.Expression]]
    on_kicker: list[tuple[str, feel.Expression]]


def read_plan(draft: Draft) -> tuple[Plan, Conditions, tuple[Problem, ...]]:
    """The plan, its compiled conditions and warnings. Raises `InvalidError` with everything that is wrong."""
    tree, report, warnings = draft.tree, draft.report, Report()
    currency = tree.text_of("currency")
    reader = _Reader(draft, report, warnings, minor_unit(currency), _credit_scope(draft), [], [])
    _check_facts(draft)
    _check_ids(draft)
    eligible = tuple(_condition(reader, node) for node in tree.list_of("eligible"))
    components = tuple(_component(reader, node) for node in tree.list_of("components"))
    plan = Plan(
        currency=currency,
        unit=reader.unit,
        period=cast("Literal['month', 'quarter', 'year']", tree.text_of("period")),
        rounding=_rounding(tree),
        splits=cast("Literal['revenue', 'overlay']", tree.text_of("splits", "revenue")),
        eligible=eligible,
        quota=_quota(reader),
        components=components,
        caps=_limits(reader, tree, "caps"),
        floors=_limits(reader, tree, "floors"),
    )
    _check_limits(reader, tree, plan.caps, plan.floors)
    if plan.needs_quota and "quota" not in tree:
        message = (
            "a component has bands on attainment, but the plan does not say what happens to a payee without a quota"
        )
        report.add(
            "plan.quota",
            message,
            tree["components"].key_place or tree["components"].place,
            "add `quota: {when_absent: hold}`, or `when_absent: rate` with a `rate`",
        )
    report.raise_if_any()
    expressions = [expression for _, expression in (*reader.on_credit, *reader.on_kicker)]
    conditions = Conditions(
        feel.ConditionSet.compile(reader.on_credit),
        feel.ConditionSet.compile(reader.on_kicker),
        tuple(sorted({path for expression in expressions for path in expression.reads})),
    )
    return plan, conditions, tuple(warnings)


def _rounding(tree: Node) -> Mode:
    return cast("Mode", tree.text_of("rounding", "half_up"))


def _credit_scope(draft: Draft) -> types.Scope:
    """A credit's fields, and around them the payee's: a credit's field hides one of the same name."""
    outer = {field.name: field.feel_field for field in draft.facts.fields if field.name != "credits"}
    listed = draft.facts.field("credits")
    item = listed.item if listed is not None else None
    return types.Scope(
        {**outer, **{field.name: field.feel_field for field in (item.fields if item is not None else ())}}
    )


def _check_facts(draft: Draft) -> None:
    lacking = [
        path for path, form in NEEDED_FACTS.items() if (found := draft.facts.field(path)) is None or found.form != form
    ]
    if lacking:
        message = f"an incentive plan needs facts that `{draft.facts.name}` does not have: {', '.join(lacking)}"
        help_text = "use `payee-period/1`, or a schema that has all it has"
        draft.report.add("plan.facts", message, draft.tree["facts"].place, help_text)
    draft.report.raise_if_any()


def _check_ids(draft: Draft) -> None:
    tree = draft.tree
    nodes = [*tree.list_of("eligible"), *tree.list_of("caps"), *tree.list_of("floors")]
    for component in tree.list_of("components"):
        nodes += [component, *component.list_of("kickers"), *component.list_of("caps"), *component.list_of("floors")]
    nodes.sort(key=lambda node: (node.place.line, node.place.column))
    draft.unique_ids(nodes)
    for node in nodes:
        if node.text_of("id") in RESERVED_IDS:
            message = f"`{node.text_of('id')}` is the id of one of the engine's own reasons"
            draft.report.add(
                "plan.reserved_id", message, node["id"].place, f"choose another; reserved: {', '.join(RESERVED_IDS)}"
            )


def _condition(reader: _Reader, node: Node) -> Condition:
    return _checked(reader, node, reader.credit_scope, reader.on_credit)


def _checked(reader: _Reader, node: Node, scope: types.Scope, into: list[tuple[str, feel.Expression]]) -> Condition:
    """A `when` with its rule's id; a condition that is wrong has been reported and keeps its place."""
    when = node["when"]
    expression = reader.draft.expression(when, expect=types.BOOLEAN, scope=scope)
    made = Condition(node.text_of("id"), node.text_of("because"), len(into), when.text)
    if expression is not None:
        into.append((made.id, expression))
    return made


def _component(reader: _Reader, node: Node) -> Component:
    measure = cast("Literal['amount', 'count']", node.text_of("measure", "amount"))
    on, tiers = _tiers(reader, node, measure)
    caps, floors = _limits(reader, node, "caps"), _limits(reader, node, "floors")
    _check_limits(reader, node, caps, floors)
    return Component(
        id=node.text_of("id"),
        because=node.text_of("because"),
        condition=_condition(reader, node) if "when" in node else None,
        measure=measure,
        on=on,
        window=cast("Literal['period', 'credit']", node.text_of("window", "period")),
        tiers=tiers,
        kickers=tuple(_kicker(reader, kicker) for kicker in node.list_of("kickers")),
        caps=caps,
        floors=floors,
    )


def _kicker(reader: _Reader, node: Node) -> Kicker:
    condition = _checked(reader, node, reader.credit_scope.child(TOTALS), reader.on_kicker)
    return Kicker(condition, _number(node["multiply_by"]))


def _tiers(reader: _Reader, node: Node, measure: str) -> tuple[Literal["amount", "attainment"], Tiers]:
    table, flat_rate = node.get("tiers"), node.get("rate")
    if table is None or flat_rate is not None:
        if table is not None or flat_rate is None:
            message = f"`{node.text_of('id')}` needs either `rate` or `tiers`, not both and not neither"
            reader.report.add(
                "plan.rate", message, node["id"].place, "`rate: 5%` pays one rate on everything; `tiers` has bands"
            )
        return "amount", Tiers((Band(ZERO, _rate(reader, flat_rate, measure) if flat_rate is not None else ZERO),))
    on = cast("Literal['amount', 'attainment']", table.text_of("on", "amount"))
    if on == "attainment" and measure == "count":
        reader.report.add(
            "plan.quota",
            "a quota is money, so bands on attainment cannot measure a count",
            table["on"].place,
            "write the bands `on: amount`; they then start at numbers of deals",
        )
    mode = table.text_of("mode")
    bands = tuple(_band(reader, band, measure, on, mode) for band in table.list_of("bands"))
    _check_bands(reader, table.list_of("bands"), bands, on)
    tiers = Tiers(bands, cast("Boundary", table.text_of("at_boundary", "upper")))
    if not reader.report:
        _warn_of_cliffs(reader, table, tiers, on)
    return on, tiers


def _band(reader: _Reader, node: Node, measure: str, on: str, mode: str) -> Band:
    applies = node.text_of("applies_to", "all" if mode == "retroactive" else "excess")
    flat = node.number_of("flat")
    if flat is not None:
        _check_payable(reader, node["flat"], flat)
    return Band(
        start=_start(reader, node["from"], on),
        rate=_rate(reader, node["rate"], measure),
        flat=flat if flat is not None else ZERO,
        to_all=applies == "all",
        because=node.text_of("because"),
    )


def _check_bands(reader: _Reader, nodes: tuple[Node, ...], bands: tuple[Band, ...], on: str) -> None:
    """Bands start at 0 and go up without a gap or an overlap; a fault is shown by an amount that falls into it."""
    if bands[0].start != 0:
        witness = _shown(bands[0].start / 2, on)
        message = f"the first band starts at `{nodes[0].text_of('from')}`, so {witness} lies in no band"
        reader.report.add(
            "plan.gap", message, nodes[0]["from"].place, "start the first band at 0, with `rate: 0%` if it pays nothing"
        )
    for index in range(1, len(bands)):
        if bands[index].start <= bands[index - 1].start:
            message = f"this band starts at `{nodes[index].text_of('from')}`, not above the one before it"
            reader.report.add(
                "plan.order", message, nodes[index]["from"].place, "put the bands in ascending order, each start once"
            )
    for index, node in enumerate(nodes):
        end = node.get("to")
        if end is None or end.value is None:
            continue
        to = _start(reader, end, on)
        if index == len(nodes) - 1:
            message = f"the last band ends at `{end.text}`, so {_shown(to + 1, on)} lies in no band"
            reader.report.add(
                "plan.gap", message, end.place, "leave `to` out of the last band; a `caps` entry limits the payout"
            )
            continue
        following = bands[index + 1].start
        if to == following:
            continue
        witness = _shown((to + following) / 2, on)
        code, lies = ("plan.gap", "lies in no band") if to < following else ("plan.overlap", "lies in two bands")
        next_start = nodes[index + 1].text_of("from")
        message = f"{witness} {lies}: this one ends at `{end.text}`, the next starts at `{next_start}`"
        reader.report.add(code, message, end.place, "a band ends exactly where the next starts; `to` may be left out")


def _warn_of_cliffs(reader: _Reader, table: Node, tiers: Tiers, on: str) -> None:
    """A payout that falls where more was sold is allowed, but surely not meant."""
    with localcontext(EXACT):
        for index, node in enumerate(table.list_of("bands")):
            jump = tiers.jump(index)
            if jump < 0:
                unit = " times the quota" if on == "attainment" else ""
                message = f"reaching `{node.text_of('from')}` pays {format(-jump, 'f')}{unit} less than just below it"
                reader.warnings.add(
                    "plan.cliff",
                    message,
                    node["from"].place,
                    "a rate on everything should not fall; was `excess` meant?",
                )


def _quota(reader: _Reader) -> Quota:
    node = reader.draft.tree.get("quota")
    if node is None:
        return Quota()
    amount = node.number_of("amount")
    if amount is not None:
        _check_payable(reader, node["amount"], amount)
    pays = node.text_of("when_absent") == "rate"
    rate = node.get("rate")
    if pays != (rate is not None):
        message = (
            "`when_absent: rate` needs a `rate`" if pays else "a `rate` stands here, but `when_absent` is not `rate`"
        )
        reader.report.add(
            "plan.quota",
            message,
            node["when_absent"].place,
            "`hold` pays nothing and flags the statement; `rate` pays one rate",
        )
    return Quota(amount, _rate(reader, rate, "amount") if pays and rate is not None else None, node.text_of("because"))


def _limits(reader: _Reader, owner: Node, name: str) -> tuple[Limit, ...]:
    found = []
    for node in owner.list_of(name):
        amount = node.number_of("amount") or ZERO
        _check_payable(reader, node["amount"], amount)
        per = cast("Literal['credit', 'period']", node.text_of("per", "period"))
        if per == "credit" and owner is reader.draft.tree:
            message = "a limit on the whole plan is per period"
            reader.report.add(
                "plan.limits",
                message,
                node["per"].place,
                "put a limit per credit into the component whose lines it limits",
            )
        found.append(Limit(node.text_of("id"), node.text_of("because"), amount, per))
    return tuple(found)


def _check_limits(reader: _Reader, owner: Node, caps: tuple[Limit, ...], floors: tuple[Limit, ...]) -> None:
    for floor, node in zip(floors, owner.list_of("floors"), strict=True):
        for cap in caps:
            if cap.per == floor.per and floor.amount > cap.amount:
                message = f"the floor `{floor.id}` ({floor.amount:f}) is above the cap `{cap.id}` ({cap.amount:f})"
                reader.report.add("plan.limits", message, node["amount"].place, "lower the floor or raise the cap")


def _check_payable(reader: _Reader, node: Node, amount: Decimal) -> None:
    if not is_payable(amount, reader.unit):
        message = f"`{node.text}` is finer than the currency's smallest amount, {reader.unit:f}"
        reader.report.add("plan.finer_than_currency", message, node.place, "give whole minor units")


def _rate(reader: _Reader, node: Node, measure: str) -> Decimal:
    """A rate: `8%`, or `0.08`. Of a count it is money a deal."""
    rate = _number(node)
    if rate < 0:
        reader.report.add(
            "plan.rate",
            f"the rate `{node.text}` is negative",
            node.place,
            "take money away by a reversal: a negative credit",
        )
    if measure == "amount" and rate > LARGEST_PLAIN_RATE and "%" not in node.text:
        message = f"`{node.text}` as a rate means {format(rate * 100, 'f')} percent"
        reader.report.add("plan.percent", message, node.place, f"write `{node.text}%` if percent is meant")
    return rate


def _start(reader: _Reader, node: Node, on: str) -> Decimal:
    start = _number(node)
    percent = "%" in node.text
    if on == "amount" and percent:
        message = f"`{node.text}` is a percentage, but these bands are on amounts"
        reader.report.add("plan.percent", message, node.place, "write `on: attainment`, or an amount")
    if on == "attainment" and not percent and start > LARGEST_PLAIN_ATTAINMENT:
        message = f"`{node.text}` as an attainment means {format(start * 100, 'f')} percent of quota"
        reader.report.add("plan.percent", message, node.place, f"write `{node.text}%` if percent is meant")
    return start


def _number(node: Node) -> Decimal:
    """A number, or a text such as `8%`, exact; the schema's pattern lets nothing else through."""
    if isinstance(node.value, Decimal):
        return Decimal(node.value)
    percentage = node.text.endswith("%")
    number = Decimal(node.text.removesuffix("%").strip())
    return number.scaleb(-2, EXACT.copy()) if percentage else number


def _shown(value: Decimal, on: str) -> str:
    if on == "attainment":
        return f"an attainment of {format((value * 100).normalize(), 'f')} %"
    return f"a total of {format(value.normalize(), ',f')}"
