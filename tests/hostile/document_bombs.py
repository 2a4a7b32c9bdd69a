"""Rule files and models that are huge, deep, knotted or endless, and the codes that they are refused with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine.dmn import load_model
from engine.kinds import load
from engine.problems import InvalidError
from engine.rulefile import SchemaSource

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = SchemaSource(
    {p.relative_to(ROOT / "schemas").as_posix(): p.read_bytes() for p in (ROOT / "schemas").rglob("*.schema.json")}
)
RULE = (ROOT / "rules" / "lead-priority" / "inbound@1.yaml").read_text(encoding="utf-8")
DMN = '<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" namespace="%s" name="m">%s</definitions>'
DECISION = '<decision id="_d" name="D"><variable name="D"/>%s</decision>'
LITERAL = "<literalExpression><text>%s</text></literalExpression>"
NEEDS = '<informationRequirement><requiredDecision href="#_%d"/></informationRequirement>'
IMPORT = '<import name="%s" namespace="%s" importType="https://www.omg.org/spec/DMN/20230324/MODEL/"/>'


def model(content: str, namespace: str = "m") -> bytes:
    """A model's file."""
    return (DMN % (namespace, content)).encode()


def many(count: int, needs: Callable[[int], str]) -> str:
    """Decisions that need each other."""
    return "".join(
        f'<decision id="_{i}" name="d{i}"><variable name="d{i}"/>{needs(i)}{LITERAL % 1}</decision>'
        for i in range(count)
    )


BOMBS: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "rules: fifty megabytes": (lambda: b"# " + b"x" * 50_000_000, {"rules.too_large"}),
    "rules: lists ten thousand deep": (lambda: b"rules: " + b"[" * 10_000, {"rules.too_deep"}),
    "rules: groups ten thousand deep": (lambda: b"rules: " + b"{a: " * 10_000, {"rules.too_deep"}),
    "rules: indentation ten thousand deep": (
        lambda: "".join(f"{' ' * i}a:\n" for i in range(1_200)).encode(), {"rules.too_deep"}
    ),
    "rules: keys of keys": (lambda: b"? " * 10_000 + b"a", {"rules.composite_key", "rules.too_deep", "rules.syntax"}),
    "rules: a bomb of aliases": (
        lambda: b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (c, c, c - 1, c - 1) for c in range(98, 122)),
        {"rules.alias"},
    ),
    "rules: a million values": (lambda: b"a: [" + b"1," * 900_000 + b"1]", {"rules.too_large"}),
    "rules: a million fields": (
        lambda: b"".join(b"f%d: 1\n" % i for i in range(150_000)), {"rules.too_large", "rules.no_schema_line"}
    ),
    "rules: a number of ten thousand digits": (
        lambda: RULE.replace("points: 10", "points: " + "1" * 10_000).encode(), {"rules.number_too_long", ""}
    ),
    "rules: an exponent of ten digits": (
        lambda: b"kind: decision\nversion: 1e9999999999\n", {"rules.number_too_long", "rules.missing_field"}
    ),
    "rules: an expression nested ten thousand deep": (
        lambda: RULE.replace("when: ", "when: " + "(" * 10_000, 1).encode(), {"feel.too_deep", "feel.syntax"}
    ),
    "rules: a name turned around": ("title: a\u202eb\n".encode, {"rules.encoding"}),
    "rules: a NUL": (lambda: b"title: a\0b\n", {"rules.encoding"}),
    "rules: half a surrogate pair": (lambda: b"title: \xed\xa0\x80\n", {"rules.encoding"}),
    "dmn: fifty megabytes": (lambda: model(" " * 50_000_000), {"dmn.too_large"}),
    "dmn: elements ten thousand deep": (lambda: model("<decision>" * 10_000), {"dmn.too_large"}),
    "dmn: a million attributes": (
        lambda: model("<decision " + " ".join(f'a{i}="1"' for i in range(1_000_000)) + "/>"), {"", "dmn.too_large"}
    ),
    "dmn: a million elements": (lambda: model("<x/>" * 1_200_000), {"dmn.too_large"}),
    "dmn: an entity bomb": (
        lambda: b"<!DOCTYPE d [<!ENTITY a 'x'>"
        + b"".join(b"<!ENTITY %c '&%c;&%c;&%c;'>" % (c, c - 1, c - 1, c - 1) for c in range(98, 122))
        + b"]>" + model("&y;"),
        {"dmn.forbidden_xml"},
    ),
    "dmn: an external entity": (
        lambda: b"<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + model("&a;"), {"dmn.forbidden_xml"}
    ),
    "dmn: a parameter entity": (
        lambda: b"<!DOCTYPE d [<!ENTITY % a SYSTEM 'http://127.0.0.1/x'> %a;]>" + model(""), {"dmn.forbidden_xml"}
    ),
    "dmn: a circle of two thousand": (
        lambda: model(many(2_000, lambda i: NEEDS % ((i + 1) % 2_000))), {"dmn.cycle"}
    ),
    "dmn: everything needs everything before it": (
        lambda: model(many(300, lambda i: "".join(NEEDS % j for j in range(i)))), {""}
    ),
    "dmn: an expression of a megabyte": (
        lambda: model(DECISION % (LITERAL % ("1 + " * 250_000 + "1"))), {""}
    ),
    "dmn: a type that contains itself": (
        lambda: model(
            '<itemDefinition name="t"><itemComponent name="a"><typeRef>t</typeRef></itemComponent></itemDefinition>'
            + DECISION % (LITERAL % "{a: null}")
        ),
        {""},
    ),
    "dmn: an import that is missing": (lambda: model(IMPORT % ("x", "nowhere")), {"dmn.missing_import"}),
    "dmn: an import of itself": (lambda: model(IMPORT % ("x", "m")), {"", "dmn.cycle", "dmn.missing_import"}),
}  # fmt: skip
"""By name: a file and the codes of which it must give one; an empty code stands for a file that is loaded."""


def given(name: str, make: Callable[[], bytes]) -> str:
    """The codes that a file is refused with, or nothing when it is loaded and decides."""
    try:
        if name.startswith("rules"):
            load(make(), source="bomb.yaml", schemas=SCHEMAS)
        else:
            loaded = load_model(make(), source="bomb.dmn")
            for decision in loaded.decisions[-1:]:
                loaded.evaluate(decision, {})
    except InvalidError as error:
        return " ".join(problem.code for problem in error.problems)
    return ""


def prepare() -> None:
    """Nothing: files are read with the limits that they always have."""


CASES: dict[str, Callable[[], str]] = {name: partial(given, name, make) for name, (make, _) in BOMBS.items()}
