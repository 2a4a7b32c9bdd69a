"""The policies as formulas for Z3: a cell's tree, and the matrix of docs/authorization.md written down by hand.

A text is a real number: texts are ordered and only ever compared, "" is the least, and each text of the rules has its
number in their order. A field has a value or is unknown, which satisfies no condition. The user's territories are a
predicate on texts. What holds for all numbers holds for all texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import z3

from engine.policy.symbols import LIST, TEXTS, Question
from engine.policy.template import Literal, NoneOfTheirs, OneOfTheirs, Path, ToUser
from engine.predicate import Compare, In, Operator
from engine.records import RecordType

CONSTANTS = sorted(
    [
        *("api_key", "branch", "import_batch", "organisation", "person", "product", "region", "rule_version", "team"),
        *("boundary", "territory", "lead", "session", "audit_entry"),
    ]
)
EMPTY = z3.RealVal(0)


def text(value: str) -> Any:
    """The number of a text that rules name."""
    return z3.RealVal(CONSTANTS.index(value) + 1) if value else EMPTY


@dataclass
class World:
    """One unknown user and one unknown record of a type. `facts` are what is true of all of them."""

    known: RecordType
    user: Mapping[str, Any] = field(default_factory=lambda: {name: z3.Real(f"user.{name}") for name in TEXTS})
    held: Any = field(default_factory=lambda: z3.Function("territory", z3.RealSort(), z3.BoolSort()))
    without: Any = field(default_factory=lambda: z3.Bool("no territories"))

    def value(self, name: str) -> Any:
        """The value of a field, if it has one."""
        return z3.Real(f"record.{name}")

    def present(self, name: str) -> Any:
        """Whether the field has a value of its type. Every record has an id and an organisation."""
        if self.known.field(name) is None:
            return z3.BoolVal(val=False)
        return z3.BoolVal(val=True) if name in ("id", "organisation_id") else z3.Bool(f"record.{name} is known")

    @property
    def facts(self) -> list[Any]:
        """No text lies below "", records have ids, an empty id is no territory, and no territories are none."""
        texts = [*self.user.values(), *(self.value(name) for name in self._texts())]
        nothing = [z3.Implies(self.without, z3.Not(self.held(self.value(name)))) for name in self._texts()]
        filled = [self.value("organisation_id") > 0, self.value("id") > 0]
        return [*(one >= 0 for one in texts), z3.Not(self.held(EMPTY)), *nothing, *filled]

    def _texts(self) -> list[str]:
        return ["id", "organisation_id", *(one.name for one in self.known.fields)]

    def answer(self, question: Question) -> Any:
        """A question about the user."""
        if question.attribute == LIST:
            return self.without
        other = self.user[question.value] if question.other else text(question.value)
        return self.user[question.attribute] == other

    def literal(self, found: Literal) -> Any:
        """A condition on a field."""
        known, value = self.present(found.field), self.value(found.field)
        match found:
            case OneOfTheirs():
                return z3.And(known, self.held(value))
            case NoneOfTheirs():
                return z3.And(known, z3.Not(self.held(value)))
            case ToUser(_, operator, attribute):
                return z3.And(known, compared(value, operator, self.user[attribute]))
            case In(_, values):
                return z3.And(known, z3.Or([value == text(str(one)) for one in values]))
            case Compare(_, operator, constant):
                return z3.And(known, compared(value, operator, text(str(constant))))

    def cell(self, paths: Iterable[Path]) -> Any:
        """A whole cell: some path is the user's, and some way of its template is met."""
        return z3.Or(
            [
                z3.And(
                    [self.answer(question) == answer for question, answer in path.answers]
                    + [z3.Or([z3.And([self.literal(one) for one in part]) for part in path.template.conjunctions()])]
                )
                for path in paths
            ]
        )


def compared(left: Any, operator: Operator, right: Any) -> Any:
    """The comparison of two numbers."""
    return {
        "=": left == right, "!=": left != right, "<": left < right, "<=": left <= right, ">": left > right,
        ">=": left >= right,
    }[operator]  # fmt: skip


def counterexample(world: World, claim: Any) -> Any:
    """A user and a record for which the claim is false, or None if it is true of all."""
    solver = z3.Solver()
    solver.add(*world.facts, z3.Not(claim))
    found = solver.check()
    assert found != z3.unknown
    return solver.model() if found == z3.sat else None


# -- the matrix by hand

CELLS = {
    "sales_rep": ("rw", "", ""),
    "field_sales_rep": ("rw", "", ""),
    "sales_manager": ("rw", "rw", "r"),
    "revops_analyst": ("r", "r", "rw"),
    "platform_admin": ("rw", "rw", "rw"),
}
"""docs/authorization.md: own, team, branch."""
GOVERNED = ("lead", "deal", "account", "check_in", "conflict", "decision")


@dataclass
class Spec:
    """What docs/authorization.md says, without a look at the policies."""

    world: World

    def same(self, name: str, attribute: str) -> Any:
        """The record's field is the user's, who has one."""
        user = self.world.user[attribute]
        return z3.And(self.world.present(name), self.world.value(name) == user, user != EMPTY)

    def differs(self, name: str, other: Any) -> Any:
        """The field is known and another."""
        return z3.And(self.world.present(name), self.world.value(name) != other)

    @property
    def organisation(self) -> Any:
        """The outermost wall."""
        return self.same("organisation_id", "organisation_id")

    @property
    def region(self) -> Any:
        """The partition inside it."""
        return z3.And(self.organisation, self.same("region_id", "region_id"))

    @property
    def branch(self) -> Any:
        """The user's branch."""
        return z3.And(self.region, self.same("branch_id", "branch_id"))

    @property
    def team(self) -> Any:
        """The user's team."""
        return z3.And(self.region, self.same("team_id", "team_id"))

    def governed(self, role: str, action: str) -> Any:
        """The matrix: of the scopes that hold the record, the narrowest decides; what is unknown is not ruled out."""
        if role not in CELLS or action not in ("read", "write"):
            return False
        on_own, on_team, on_branch = (action[0] in cell for cell in CELLS[role])
        world, mine = self.world, self.same("owner_id", "id")
        there = z3.And(world.present("territory_id"), world.held(world.value("territory_id")))
        elsewhere = z3.And(world.present("territory_id"), z3.Not(world.held(world.value("territory_id"))))
        owned = z3.And(world.present("owner_id"), world.value("owner_id") == world.user["id"])
        no_own = z3.Or(on_own, self.differs("owner_id", world.user["id"]), z3.And(owned, elsewhere))
        no_team = z3.Or(on_team, self.differs("team_id", world.user["team_id"]))
        return z3.Or(
            z3.And(on_own, self.region, mine, there),
            z3.And(on_team, self.team, no_own),
            z3.And(on_branch, self.branch, no_own, no_team),
        )

    def allowed(self, role: str, action: str) -> Any:
        """The whole page."""
        if role == "service":
            return z3.And(action in ("read", "write", "start", "publish", "ask"), self.organisation)
        own = getattr(self, f"_{self.world.known.name}", None)
        if self.world.known.name in ("lead", "person") and action == "erase":
            return z3.And(role == "platform_admin", self.region)
        if self.world.known.name in GOVERNED:
            return self.governed(role, action)
        assert own is not None
        return own(role, action)

    def _statement(self, role: str, action: str) -> Any:
        governed = self.governed(role, action)
        return z3.And(governed, z3.Or(action == "read", self.differs("owner_id", self.world.user["id"])))

    def _audit_entry(self, role: str, action: str) -> Any:
        about, known = self.world.value("record_type"), self.world.present("record_type")

        def one_of(*names: str) -> Any:
            return z3.And(known, z3.Or([about == text(name) for name in names]))

        shared = (
            "organisation",
            "region",
            "product",
            "import_batch",
            "api_key",
            "rule_version",
            "session",
            "audit_entry",
        )
        everywhere = one_of(*shared)
        here = z3.And(self.region, one_of("branch", "team", "territory", "person"))
        log = z3.And(role == "platform_admin", z3.Or(z3.And(self.organisation, everywhere), here))
        return z3.And(action == "read", z3.Or(self.governed(role, "read"), log))

    def _job(self, role: str, action: str) -> Any:
        if action == "read":
            return z3.Or(self.governed(role, "read"), z3.And(self.region, self.same("owner_id", "id")))
        runs = {"sales_manager": self.team, "revops_analyst": self.branch, "platform_admin": self.branch}
        return z3.And(action in ("start", "write"), runs.get(role, False))

    def _organisation(self, role: str, action: str) -> Any:
        return z3.And(self.organisation, self._shown_or_kept(role, action, "write", "edit_policies"))

    def _region(self, role: str, action: str) -> Any:
        mine = z3.And(self.organisation, self.world.value("id") == self.world.user["region_id"])
        return z3.And(mine, self._shown_or_kept(role, action, "write"))

    def _branch(self, role: str, action: str) -> Any:
        return z3.And(self.region, self._shown_or_kept(role, action, "write"))

    _team = _territory = _branch

    def _person(self, role: str, action: str) -> Any:
        oneself = z3.And(self.organisation, self.same("id", "id"))
        kept = z3.And(role == "platform_admin", self.region)
        says = {
            "read": z3.Or(self.branch, oneself),
            "write": kept,
            "ask": z3.Or(oneself, kept, z3.And(role == "sales_manager", self.team)),
        }
        return says.get(action, False)

    def _product(self, role: str, action: str) -> Any:
        keeps = role in ("revops_analyst", "platform_admin") and action == "write"
        return z3.And(self.organisation, action == "read" or keeps)

    def _checkpoint(self, _role: str, action: str) -> Any:
        return z3.And(self.organisation, action == "read")

    def _import_batch(self, role: str, action: str) -> Any:
        reads = role in ("revops_analyst", "platform_admin") and action == "read"
        return z3.And(self.organisation, reads or (role == "platform_admin" and action == "write"))

    def _api_key(self, role: str, action: str) -> Any:
        holders = z3.Or(self.same("person_id", "id"), role == "platform_admin")
        return z3.And(self.organisation, holders, action in ("read", "write"))

    def _idempotency_key(self, _role: str, action: str) -> Any:
        return z3.And(self.organisation, self.same("actor_id", "id"), action in ("read", "write"))

    def _rule_version(self, role: str, action: str) -> Any:
        boundary = text("boundary")
        known, kind = self.world.present("kind"), self.world.value("kind")
        ordinary = z3.And(known, kind != boundary)
        if action == "approve":
            may = {"sales_manager": ordinary, "revops_analyst": ordinary, "platform_admin": True}.get(role, False)
            user = self.world.user["id"]
            return z3.And(self.organisation, may, user != EMPTY, self.differs("published_by", user))
        edits = {"revops_analyst": ordinary, "platform_admin": z3.And(known, kind == boundary)}.get(role, False)
        says = {
            "read": True,
            "preview": role in ("sales_manager", "revops_analyst", "platform_admin"),
            **dict.fromkeys(("draft", "propose", "publish"), edits),
        }
        return z3.And(self.organisation, says.get(action, False))

    def _shown_or_kept(self, role: str, action: str, *kept: str) -> bool:
        return action == "read" or (role == "platform_admin" and action in kept)
