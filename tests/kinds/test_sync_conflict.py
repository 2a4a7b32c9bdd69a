"""Sync conflicts: who wins field by field, what strategies promise about the order of arrival, and what is refused."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_files import ROOT, rule_file, rule_set, schemas

from engine.kinds import load
from engine.kinds.sync_conflict.algebra import algebra
from engine.kinds.sync_conflict.strategies import SET_STRATEGIES, STRATEGIES, Edit, Stamp, merge
from engine.problems import InvalidError

AT = datetime(2026, 11, 2, 12, tzinfo=UTC)
ORDER_FREE = ("last_write", "max", "min", "add_set", "observed_remove_set", "keep_both")
ORDER_DEPENDENT = ("server_wins", "client_wins")
OTHERWISE = {"strategy": "keep_both", "because": "a person decides"}


def shipped(name: str):
    """A shipped rule set."""
    path = ROOT / "rules" / "sync-conflict" / f"{name}.yaml"
    return load(path.read_bytes(), source=f"rules/sync-conflict/{path.name}", schemas=schemas())


def conflict(base, client, server, **facts):
    """Facts of a deal, the device an hour old, the server half an hour."""
    return {
        "record_type": "deal",
        "base": base,
        "client": client,
        "server": server,
        "client_at": AT - timedelta(hours=1),
        "server_at": AT - timedelta(minutes=30),
        "device_id": "phone-7",
        **facts,
    }


def sync_file(*fields, **parts) -> bytes:
    """A sync-conflict file for deals."""
    named = [{"id": f"rule-{index}", "because": "it is a test", **rule} for index, rule in enumerate(fields)]
    usual = {"facts": "deal-conflict/1", "record": "deal", "fields": named, "otherwise": OTHERWISE}
    return rule_file("sync-conflict", **{**usual, **parts})


def rows(decision):
    """The outcome's rows by field."""
    return {row["field"]: row for row in decision.outcome["fields"]}


def usd(amount):
    """Money."""
    return {"amount": Decimal(amount), "currency": "USD"}


def test_deal_981():
    """The contract target edited in the office stands; the device's value is kept and shown with its rule."""
    decision = shipped("deal@1").decide(
        conflict(
            {"contract_target": usd(9000)},
            {"contract_target": usd(12000)},
            {"contract_target": usd(10000)},
            record_id="deal-981",
        ),
        at=AT,
        as_of=AT,
    )
    row = rows(decision)["contract_target"]
    assert usd(10000) == decision.outcome["merged"]["contract_target"]
    assert ("server_wins", "server", "strategy") == (row["strategy"], row["winner"], row["how"])
    assert {"side": "client", "value": usd(12000)} == row["overwritten"]
    assert "contract-target" == row["rule"]
    assert row["because"].startswith("The contract target agreed in the office stands")
    assert ["contract-target"] == [reason.rule for reason in decision.reasons]
    assert decision.outcome["needs_person"] is False


# -- the merge of one field

values = st.sampled_from([None, 0, 1, 2, 3])
sets = st.sampled_from([None, (), ("x",), ("y",), ("x", "y"), ("x", "y", "z")])
stamps = st.builds(Stamp, st.integers(0, 3), st.sampled_from(["", "A", "B"]))
strategies = st.sampled_from(sorted(STRATEGIES))


@st.composite
def edits(draw: st.DrawFn):
    """A strategy with an edit whose values fit it."""
    strategy = draw(strategies)
    kind = sets if strategy in SET_STRATEGIES else values
    return strategy, Edit(draw(kind), draw(kind), draw(kind), draw(stamps), draw(stamps))


@given(edits(), st.sampled_from(["device", "server"]))
def test_a_merge_never_invents_values(given_edit, ties):
    """The merged value is one of the two sides' values, or a set of elements that both sides together have."""
    strategy, edit = given_edit
    merged = merge(strategy, edit, ties)
    if strategy in SET_STRATEGIES:
        assert set(merged.value or ()) <= set(edit.client or ()) | set(edit.server or ())
    else:
        assert merged.value in (edit.client, edit.server)


@given(edits(), st.sampled_from(["device", "server"]))
def test_every_field_has_exactly_one_winner(given_edit, ties):
    """The winner says whose value stands, and merging twice gives the same."""
    strategy, edit = given_edit
    merged = merge(strategy, edit, ties)
    assert merged == merge(strategy, edit, ties)
    whole = (lambda value: frozenset(value or ())) if strategy in SET_STRATEGIES else (lambda value: value)
    stands = {
        "client": whole(edit.client),
        "server": whole(edit.server),
        "both": whole(edit.server),
        "unchanged": whole(edit.base),
        "merged": whole(merged.value),
    }
    assert stands[merged.winner] == whole(merged.value)
    assert merged.needs_person == (merged.how == "strategy" and strategy == "keep_both")


@given(edits())
def test_a_change_of_one_side_stands(given_edit):
    """If only one side changed a field, its change stands under every strategy but add_set's removals by a device."""
    strategy, edit = given_edit
    one_sided = Edit(edit.base, edit.base, edit.server, edit.client_stamp, edit.server_stamp)
    assert edit.server == merge(strategy, one_sided).value
    other = Edit(edit.base, edit.client, edit.base, edit.client_stamp, edit.server_stamp)
    merged = merge(strategy, other)
    if strategy == "add_set":
        assert set(merged.value or ()) == set(edit.base or ()) | set(edit.client or ())
    elif strategy in SET_STRATEGIES:
        assert set(merged.value or ()) == set(edit.client or ())
    else:
        assert edit.client == merged.value


@pytest.mark.parametrize(
    ("strategy", "client", "server", "expected"),
    [
        ("server_wins", 2, 3, 3),
        ("client_wins", 2, 3, 2),
        ("max", 2, 3, 3),
        ("max", 2, None, 2),
        ("min", 2, 3, 2),
        ("min", None, 3, 3),
        ("keep_both", 2, 3, 3),
        ("last_write", 2, 3, 3),
    ],
)
def test_each_strategy_decides_a_conflict(strategy, client, server, expected):
    """Where both sides changed a field differently, the strategy's own sentence decides."""
    assert expected == merge(strategy, Edit(1, client, server, Stamp(1, "A"), Stamp(2))).value


@pytest.mark.parametrize(
    ("ties", "client_device", "server_device", "expected"),
    [
        ("device", "B", "A", "client"),
        ("device", "A", "B", "server"),
        ("device", "A", "", "client"),
        ("device", "A", "A", "server"),
        ("server", "B", "A", "server"),
    ],
)
def test_the_same_instant_is_settled_as_declared(ties, client_device, server_device, expected):
    """At the same instant the higher device id wins, or the server, as the rule says."""
    edit = Edit(1, 2, 3, Stamp(5, client_device), Stamp(5, server_device))
    assert expected == merge("last_write", edit, ties).winner


# -- the order of arrival


@pytest.mark.parametrize("strategy", ORDER_FREE)
def test_order_free_strategies_are_order_free(strategy):
    """Every small case of two and three offline edits ends alike in every order of arrival."""
    assert algebra(strategy).order_free


@pytest.mark.parametrize("strategy", ORDER_DEPENDENT)
def test_order_dependent_strategies_show_a_case(strategy):
    """A strategy that depends on the order of arrival has a witness: one case with two results."""
    found = algebra(strategy)
    assert not found.order_free
    assert found.pairs_agree < found.pairs
    assert "from 0, A writes 1, B writes 2" in found.witness


def test_ties_by_the_server_depend_on_the_order():
    """`last_write` with ties by the server depends on who arrives first."""
    assert not algebra("last_write", "server").order_free


@given(
    st.sampled_from(["max", "min", "last_write", "observed_remove_set", "add_set"]),
    st.data(),
)
def test_more_devices_and_values_end_alike_too(strategy, data):
    """Beyond the small model: four devices, more values and instants, every order of arrival ends alike."""
    kind = (
        st.frozensets(st.sampled_from("abcdef")).map(lambda found: tuple(sorted(found)))
        if strategy in SET_STRATEGIES
        else st.integers(0, 50)
    )
    base = data.draw(kind)
    writes = [(data.draw(kind), Stamp(data.draw(st.integers(0, 9)), device)) for device in "ABCD"]
    ends = set()
    for order in permutations(writes):
        value, stamp = base, Stamp(-1)
        for client, own in order:
            merged = merge(strategy, Edit(base, client, value, own, stamp))
            if merged.winner == "client" or (merged.how == "same_change" and own > stamp):
                stamp = own
            value = merged.value
        ends.add(value)
    assert 1 == len(ends)


def test_loading_measures_within_a_second():
    """The small model of every strategy is small: it has at most a thousand cases of three edits."""
    assert all(algebra(strategy).triples <= 1_000 for strategy in STRATEGIES)


# -- whole records

numbers = st.sampled_from([None, Decimal(1), Decimal(2), Decimal(3)])
texts = st.sampled_from([None, "a", "b", "c"])
days = st.sampled_from([None, "2026-10-01", "2026-10-02"])


@st.composite
def records(draw: st.DrawFn):
    """A deal with some fields."""
    found = {
        "stage": draw(texts),
        "closed_on": draw(days),
        "owner_id": draw(texts),
        "territory_id": draw(texts),
        "next_step": draw(texts),
        "name": draw(texts),
        "discount_percent": draw(numbers),
        "amount": draw(
            st.sampled_from([None, usd(100), usd(105), usd(200), {"amount": Decimal(100), "currency": "EUR"}])
        ),
        "tags": draw(st.sampled_from([None, ["a"], ["a", "b"], ["c"]])),
    }
    return {name: value for name, value in found.items() if value is not None}


@given(records(), records(), records(), st.integers(-3, 3))
def test_a_record_is_merged_whole(base, client, server, hours):
    """Every field has one row, groups never tear, merged values come from a side, and a second time gives the same."""
    rules = shipped("deal@1")
    facts = conflict(base, client, server, client_at=AT + timedelta(hours=hours))
    decision = rules.decide(facts, at=AT, as_of=AT)
    typed = rules.facts.read(facts)
    found = rows(decision)
    assert sorted(found) == sorted(field.name for field in rules.facts.field("base").fields)
    assert len(found) == len(decision.outcome["fields"])
    for name, row in found.items():
        assert decision.outcome["merged"].get(name) == row["value"]
        if name != "tags":
            assert row["value"] in (typed["client"].get(name), typed["server"].get(name))
    for group in (("stage", "closed_on"), ("owner_id", "territory_id")):
        together = [found[name]["value"] for name in group]
        assert together in [[typed[side].get(name) for name in group] for side in ("client", "server")]
        assert 1 == len({found[name]["winner"] for name in group})
    assert decision.to_json() == rules.decide(facts, at=AT, as_of=AT).to_json()


@given(records(), records(), records())
def test_nothing_is_lost_silently(base, client, server):
    """Where a conflict was decided, the value that gave way stands in its row, or a person is asked."""
    decision = shipped("deal@1").decide(conflict(base, client, server), at=AT, as_of=AT)
    typed = shipped("deal@1").facts.read(conflict(base, client, server))
    for name, row in rows(decision).items():
        if row["how"] != "strategy" or row["needs_person"] or name == "tags":
            continue
        loser = "client" if row["winner"] == "server" else "server"
        if typed[loser].get(name) != row["value"]:
            assert {"side": loser, "value": typed[loser].get(name)} == row["overwritten"]


def test_only_named_fields_count_as_touched():
    """A device that sends only what it touched does not clear the rest."""
    rules = shipped("deal@1")
    facts = conflict({"name": "A", "next_step": "call"}, {"next_step": "visit"}, {"name": "B", "next_step": "call"})
    partial = rules.decide({**facts, "client_fields": ["next_step"]}, at=AT, as_of=AT).outcome
    assert {"name": "B", "next_step": "visit"} == partial["merged"]
    assert 0 == partial["conflicts"]


def test_a_condition_that_did_not_hold_says_why():
    """Why-not of a rule with a condition shows the part that was not true and what it saw."""
    facts = conflict({"amount": usd(9000)}, {"amount": usd(10500)}, {"amount": usd(10000)})
    decision = shipped("deal@1").decide(facts, at=AT, as_of=AT)
    why = next(why for why in decision.why_not if why.rule == "amount-far-apart")
    assert "abs(client.amount.amount" in why.condition
    assert Decimal(10500) in why.seen.values()


def test_the_readable_form_shows_the_measured_table():
    """The description lists every rule and, for each strategy used, in how many cases all orders end alike."""
    fields, measured = shipped("deal@1").describe().sections
    assert ("contract_target", "server_wins", "always", "matters") == fields.rows[0].cells
    by_strategy = {row.id: row.cells for row in measured.rows}
    assert "21 of 27" == by_strategy["server_wins"][1]
    assert "729 of 729" == by_strategy["last_write"][2]


@pytest.mark.parametrize("name", ["deal@1", "check-in@1"])
def test_shipped_rules_pass_their_own_tests(name):
    """A shipped rule set loads without warnings, passes its tests, and they make every rule fire."""
    rules = shipped(name)
    results = rules.run_tests()
    assert () == rules.warnings
    assert [] == [(result.name, problem.message) for result in results for problem in result.problems]
    assert () == rules.coverage(results).never_fired


def test_rules_survive_pickling():
    """A loaded rule set can be sent to a worker process and decides the same there."""
    rules = shipped("deal@1")
    again = pickle.loads(pickle.dumps(rules.body))
    facts = rules.facts.read(rules.tests[0].given)
    assert rules.body.decide(facts, at=AT, as_of=AT).outcome == again.decide(facts, at=AT, as_of=AT).outcome


def test_a_needless_declaration_is_a_warning():
    """`arrival: matters` on an order-free strategy is told to be needless."""
    rules = rule_set(sync_file({"field": "name", "strategy": "keep_both", "arrival": "matters"}))
    assert ["sync.arrival_needless"] == [warning.code for warning in rules.warnings if warning.code.startswith("sync.")]


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"record_type": "lead"}, "facts.enum", "$.record_type"),
        ({"client_fields": ["nmae"]}, "sync.unknown_field", "$.client_fields[0]"),
        ({"client": {"amuont": usd(1)}}, "facts.unknown_field", "$.client.amuont"),
        ({"client": {"amount": {"amount": 12.5, "currency": "USD"}}}, "facts.binary_float", "$.client.amount.amount"),
        ({"client_at": "yesterday"}, "facts.bad_date", "$.client_at"),
    ],
)
def test_facts_that_do_not_fit_are_refused(changes, code, path):
    """Another record, unknown fields, floats and unreadable instants are refused at their place."""
    facts = {**conflict({}, {}, {}), **changes}
    with pytest.raises(InvalidError) as caught:
        shipped("deal@1").decide(facts, at=AT, as_of=AT)
    assert [(code, path)] == [(problem.code, problem.place.path) for problem in caught.value.problems]


def test_another_kind_of_record_is_refused():
    """Rules for one kind of record do not decide about another."""
    rules = rule_set(sync_file(record="visit"))
    with pytest.raises(InvalidError) as caught:
        rules.decide(conflict({}, {}, {}), at=AT, as_of=AT)
    assert "sync.record" == caught.value.code


def test_a_cleared_field_is_null_in_the_merged_record():
    """Clearing a field on the device clears it in the merged record; a field that nobody filled is absent."""
    merged = shipped("deal@1").decide(conflict({"name": "A"}, {}, {"name": "A"}), at=AT, as_of=AT).outcome["merged"]
    assert {"name": None} == merged


def test_a_field_whose_conditions_all_fail_follows_the_rule_for_all_others():
    """Where no condition for a field holds, or what it reads is absent, `otherwise` decides."""
    rule = {"field": "name", "strategy": "client_wins", "arrival": "matters", "when": "client.discount_percent > 5"}
    rules = rule_set(sync_file(rule, otherwise={"strategy": "last_write", "because": "the later edit"}))
    for discount, expected in ((None, "C"), (5, "C"), (6, "B")):
        client = {"name": "B", **({"discount_percent": Decimal(discount)} if discount else {})}
        decision = rules.decide(conflict({"name": "A"}, client, {"name": "C"}), at=AT, as_of=AT)
        assert expected == decision.outcome["merged"]["name"]
        assert ("client.discount_percent" in decision.missing) == (discount is None)
