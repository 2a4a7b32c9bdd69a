"""Whether a tree has the shape its kind's JSON Schema asks for, told in an author's words at the place in the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.feel.suggest import closest
from engine.problems import Place, Report
from engine.rulefile.nearest import did_you_mean
from engine.rulefile.nodes import Node, NodeKind, PlainNumber
from engine.rulefile.scalar_places import ScalarStyle

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

    from engine.rulefile.schema_source import SchemaSource

_LEFT_OUT = frozenset({"$schema", "$defs"})

_TYPE_WORDS = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "`true` or `false`",
    "object": "a group of fields",
    "array": "a list",
    "null": "nothing",
}


def check_shape(tree: Node, schema_path: str, schemas: SchemaSource, report: Report) -> None:
    """Report everything in `tree` that the schema at `schema_path` does not allow."""
    validator: Validator = schemas.validator(schema_path, _make_validator)
    what = f"a {tree.text_of('kind', 'rule')} file"
    for error in _leaves(validator.iter_errors(tree.to_value())):
        _tell(error, tree, what, report)


def _make_validator(schema_path: str, schemas: SchemaSource) -> Any:
    """A validator for one schema; jsonschema is slow to import and to set up, so both happen once and late."""
    return _validator_class()(_inlined(schemas.document(schema_path), schema_path, schemas, ()))


def _inlined(schema: Any, path: str, schemas: SchemaSource, above: tuple[str, ...]) -> Any:
    """The schema in one piece: references replaced by what they mean, whole numbers as jsonschema wants them.

    Following a reference is most of what validating costs; here each is followed once. `$schema` is left out: where it
    stands jsonschema would go on with its own validator class instead of ours.
    """
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            file, _, pointer = str(schema["$ref"]).partition("#")
            target = f"{path.rpartition('/')[0]}/{file}".removeprefix("/") if file else path
            reference = f"{target}#{pointer}"
            if reference in above:
                raise LookupError(f"the schema {path} refers to itself through {reference}")
            found = schemas.document(target)
            for step in pointer.strip("/").split("/"):
                found = found[step] if step else found
            return _inlined(found, target, schemas, (*above, reference))
        return {key: _inlined(value, path, schemas, above) for key, value in schema.items() if key not in _LEFT_OUT}
    if isinstance(schema, list):
        return [_inlined(value, path, schemas, above) for value in schema]
    if isinstance(schema, Decimal) and schema == schema.to_integral_value():
        return int(schema)
    return schema


@lru_cache(maxsize=1)
def _validator_class() -> Any:
    """JSON Schema 2020-12 over our values: decimals are numbers, an unquoted number may stand for a text."""
    from jsonschema import Draft202012Validator, exceptions, validators  # noqa: PLC0415  # see above

    def text(value: Any) -> str | None:
        return value if isinstance(value, str) else value.text if isinstance(value, PlainNumber) else None

    def is_text(_: Any, value: Any) -> bool:
        return text(value) is not None

    def is_number(_: Any, value: Any) -> bool:
        return isinstance(value, Decimal)

    def is_integer(_: Any, value: Any) -> bool:
        return isinstance(value, Decimal) and value == value.to_integral_value()

    def pattern(_: Any, wanted: str, value: Any, __: Any) -> Iterator[ValidationError]:
        if (given := text(value)) is not None and not re.search(wanted, given):
            yield exceptions.ValidationError("pattern")

    def min_length(_: Any, wanted: int, value: Any, __: Any) -> Iterator[ValidationError]:
        if (given := text(value)) is not None and len(given) < wanted:
            yield exceptions.ValidationError("minLength")

    def max_length(_: Any, wanted: int, value: Any, __: Any) -> Iterator[ValidationError]:
        if (given := text(value)) is not None and len(given) > wanted:
            yield exceptions.ValidationError("maxLength")

    checker = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"string": is_text, "number": is_number, "integer": is_integer}
    )
    return validators.extend(  # type: ignore[no-untyped-call]  # untyped in jsonschema
        Draft202012Validator,
        {"pattern": pattern, "minLength": min_length, "maxLength": max_length},
        type_checker=checker,
    )


def _leaves(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """For a choice between shapes, the errors of the shape that comes nearest: it is surely the one that was meant."""
    for error in errors:
        if error.validator in ("anyOf", "oneOf") and error.context:
            branches: dict[Any, list[ValidationError]] = {}
            for part in error.context:
                branches.setdefault(part.schema_path[0], []).append(part)
            nearest = min(branches.values(), key=_distance)
            if _distance(nearest)[0] < _WRONG_KIND:
                yield from _leaves(nearest)
                continue
        yield error


_WRONG_KIND = 10


def _distance(errors: list[ValidationError]) -> tuple[int, int]:
    """How far a value is from a shape: another type altogether is far; an unknown `kind`-like constant is further."""
    worst = 0
    for error in errors:
        at_top = not error.relative_path
        if error.validator == "type" and at_top:
            worst = max(worst, _WRONG_KIND)
        elif error.validator == "required":
            worst = max(worst, 3)
        elif error.validator == "const":
            worst = max(worst, 4)
        elif error.validator == "additionalProperties":
            worst = max(worst, 2)
        else:
            worst = max(worst, 1)
    return worst, len(errors)


def _tell(error: ValidationError, tree: Node, what: str, report: Report) -> None:
    """One error of jsonschema as problems of ours."""
    path = list(error.absolute_path)
    node = tree.at(path)
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    name = _name(path, node) or what
    described = str(schema.get("description", ""))
    wanted: Any = error.validator_value
    match error.validator:
        case "additionalProperties" | "unevaluatedProperties":
            _unknown_fields(node, schema, name, report)
        case "required":
            properties = schema.get("properties", {})
            unknown = [key for key in node.members if key not in properties]
            for key in wanted:
                # A misspelt field is told once, as the misspelling.
                if key in node.members or any(closest(given, [key]) for given in unknown):
                    continue
                help_text = _described(properties.get(key, {}))
                report.add("rules.missing_field", f"{name} needs the field `{key}`", _start(node), help_text)
        case "type":
            words = " or ".join(
                _TYPE_WORDS.get(kind, kind) for kind in ([wanted] if isinstance(wanted, str) else wanted)
            )
            message = f"{name} is {words}; {_shown(node)} stands here"
            quoted = isinstance(node.value, str) and node.style in (
                ScalarStyle.SINGLE_QUOTED,
                ScalarStyle.DOUBLE_QUOTED,
            )
            report.add(
                "rules.wrong_type",
                message,
                node.place,
                "remove the quotation marks" if quoted else _cell_help(path, node) or described,
            )
        case "const":
            report.add(
                "rules.wrong_value", f"{name} is `{wanted}` here; {_shown(node)} stands here", node.place, described
            )
        case "enum":
            known = [str(choice) for choice in wanted]
            message = f"{_shown(node)} is not a value of {name}{did_you_mean(node.text, known)}"
            report.add("rules.wrong_value", message, node.place, f"one of: {', '.join(known)}")
        case "pattern":
            message = f"{_shown(node)} cannot be {name}"
            report.add("rules.wrong_value", message, node.place, described or "see the rule files' reference")
        case "minItems" | "minProperties" | "minLength":
            report.add("rules.wrong_value", f"{name} must not be empty", node.place, described)
        case "maxItems" | "maxProperties" | "maxLength":
            report.add("rules.wrong_value", f"{name} is too long: at most {wanted}", node.place, described)
        case "minimum" | "exclusiveMinimum":
            bound = "more than" if error.validator == "exclusiveMinimum" else "at least"
            report.add(
                "rules.wrong_value", f"{name} is {bound} {wanted}; {_shown(node)} stands here", node.place, described
            )
        case "maximum" | "exclusiveMaximum":
            bound = "less than" if error.validator == "exclusiveMaximum" else "at most"
            report.add(
                "rules.wrong_value", f"{name} is {bound} {wanted}; {_shown(node)} stands here", node.place, described
            )
        case "propertyNames":
            report.add("rules.wrong_value", f"{name} has a field whose name is not allowed", node.place, described)
        case "dependentRequired":
            report.add("rules.missing_field", f"{name} lacks a field that another one needs", _start(node), described)
        case _:
            choices = schema.get("description") or _choices(schema)
            report.add("rules.wrong_value", f"{name} does not have a shape that is allowed here", node.place, choices)


def _cell_help(path: Sequence[str | int], node: Node) -> str:
    """What to write where a table's cell of several values fell apart in YAML; or ''."""
    if path[-2:-1] != ["when"]:
        return ""
    if node.kind is NodeKind.LIST and all(item.kind is NodeKind.SCALAR and item.text for item in node):
        return f"the values of a cell stand in one text: `'{', '.join(item.text for item in node)}'`"[:200]
    if node.kind is NodeKind.SCALAR and not node.text:
        return "in `{ }` a comma begins the next field: put a cell with a comma in quotes, such as `'small, large'`"
    return ""


def _unknown_fields(node: Node, schema: Mapping[str, Any], name: str, report: Report) -> None:
    known = list(schema.get("properties", {}))
    patterns = list(schema.get("patternProperties", {}))
    for key, member in node.members.items():
        if key in known or any(re.search(pattern, key) for pattern in patterns):
            continue
        free = [candidate for candidate in known if candidate not in node.members]
        message = f"`{key}` is not a field of {name}{did_you_mean(key, free)}"
        report.add("rules.unknown_field", message, member.key_place or member.place, f"known here: {', '.join(known)}")


def _described(schema: Any) -> str:
    return str(schema.get("description", "")) if isinstance(schema, Mapping) else ""


def _choices(schema: Mapping[str, Any]) -> str:
    shapes = [
        f"a group with {', '.join(f'`{key}`' for key in shape['required'])}"
        for shape in [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        if isinstance(shape, Mapping) and shape.get("required")
    ]
    return "either " + " or ".join(shapes) if shapes else ""


def _start(node: Node) -> Place:
    """A group is shown where it begins, one character wide, so that the caret does not underline half the file."""
    if node.kind is NodeKind.SCALAR:
        return node.place
    return node.key_place or replace(node.place, length=1)


def _name(path: list[str | int], node: Node) -> str:
    """What a part of the file is called: `bands[1].from` is the field `from` of the second of `bands`."""
    if not path:
        return ""
    if isinstance(path[-1], int):
        owner = next((step for step in reversed(path[:-1]) if isinstance(step, str)), "the list")
        called = node.text_of("id") or node.text_of("name") or node.text_of("label")
        return f"item {int(path[-1]) + 1} of `{owner}`" + (f" (`{called}`)" if called else "")
    return f"`{path[-1]}`"


def _shown(node: Node) -> str:
    if node.kind is NodeKind.SCALAR:
        quoted = isinstance(node.value, str) and node.style in (ScalarStyle.SINGLE_QUOTED, ScalarStyle.DOUBLE_QUOTED)
        shown = f"the text `{node.text[:60]}`" if quoted else f"`{node.text[:60]}`"
        return shown if node.text else "nothing"
    return str(node.kind.value)
