"""A loaded model: its elements linked, built and ready to be asked. Immutable, and safe to share between threads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.dmn.boxed import Builder, Evaluate
from engine.dmn.model import (
    Decision,
    DecisionService,
    Definitions,
    FunctionExpression,
    InputData,
    KnowledgeModel,
    Node,
    Reference,
)
from engine.dmn.reading import read_definitions
from engine.dmn.types import ModelTypes
from engine.feel.operations import whole
from engine.feel.standard import Environment, Note, Session
from engine.feel.standard.callables import Defined
from engine.feel.standard.types import converted
from engine.feel.suggest import closest
from engine.feel.types import ANY, FunctionType, Type
from engine.feel.values import Fault
from engine.problems import InvalidError, NotFoundError, Place, Problem

MAX_MODELS: Final = 200
"""Models that may be loaded together."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a decision came to. `notes` say why something on the way became null."""

    value: Any
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class _Unit:
    """A node ready to run, in its model."""

    node: Node
    definitions: Definitions
    type: Type
    evaluate: Evaluate


@dataclass(slots=True)
class _Run:
    """One evaluation: the inputs by (namespace, name), where an empty namespace stands for any, and what is known."""

    session: Session
    inputs: Mapping[tuple[str, str], Any]
    known: dict[Reference, Any] = field(default_factory=dict)


class Model:
    """Decision models that were loaded together; questions go to the first."""

    def __init__(self, models: Sequence[Definitions]) -> None:
        """Links and builds. Raises `InvalidError`: missing imports, unknown references, circles."""
        self.definitions = models[0]
        self._models = {each.namespace: each for each in reversed(models)}
        self._types: dict[str, ModelTypes] = {}
        self._units: dict[Reference, _Unit] = {}
        problems: list[Problem] = []
        warnings: list[Problem] = []
        self._check_imports(problems)
        if problems:
            raise InvalidError(problems)
        for each in self._models.values():
            self._types[each.namespace] = ModelTypes(each.types, self._importer(each), warnings.append)
        self._check_references(problems)
        if not problems:
            self._check_circles(problems)
        if problems:
            raise InvalidError(problems)
        self._components = frozenset(name for types in self._types.values() for name in types.component_names())
        for each in self._models.values():
            builder = Builder(self._types[each.namespace], warnings.append)
            for key, node in each.nodes.items():
                reference = Reference(each.namespace, key)
                self._units[reference] = self._unit(node, each, builder)
        self.warnings: tuple[Problem, ...] = tuple(warnings)
        """What in the model gives null whenever it is reached: texts that cannot be read, types that do not exist."""

    @property
    def decisions(self) -> tuple[str, ...]:
        """The names of the decisions, in the file's order."""
        return tuple(node.name for node in self.definitions.nodes.values() if isinstance(node, Decision))

    @property
    def inputs(self) -> tuple[tuple[str, Type], ...]:
        """The inputs of the model itself, with their types."""
        return tuple(
            (unit.node.name, unit.type)
            for unit in self._units.values()
            if isinstance(unit.node, InputData) and unit.definitions is self.definitions
        )

    @property
    def input_names(self) -> tuple[str, ...]:
        """Every name that an input may be given by: inputs of all models, and parameters of what can be called."""
        found: dict[str, None] = {}
        for unit in self._units.values():
            match unit.node:
                case InputData() | Decision():
                    found[_variable(unit.node)] = None
                case KnowledgeModel(logic=FunctionExpression(parameters=parameters)):
                    found.update(dict.fromkeys(name for name, _ in parameters))
        return tuple(found)

    def evaluate(
        self, name: str, inputs: Mapping[tuple[str, str], Any] | Mapping[str, Any], *, at: dt.datetime | None = None
    ) -> Outcome:
        """The value of a decision, or of a decision service called with the inputs of its parameters' names.

        `inputs` are values by name, or by (namespace, name) where imported models have inputs of one name. `at` is what
        `now()` means. Raises `NotFoundError` `dmn.unknown_decision`, and `InvalidError` at a limit.
        """
        node = self.definitions.named(name)
        if node is None:
            near = closest(name, [each.name for each in self.definitions.nodes.values()])
            hint = f"did you mean `{near}`?" if near else f"it has: {', '.join(self.decisions)}"[:500]
            raise NotFoundError(Problem("dmn.unknown_decision", f"the model has no decision `{name}`", help=hint))
        key = next(key for key, each in self.definitions.nodes.items() if each is node)
        session = Session(at)
        keyed = {(given if isinstance(given, tuple) else ("", given)): value for given, value in inputs.items()}
        run = _Run(session, keyed)
        try:
            value = self._value(Reference(self.definitions.namespace, key), run)
            if isinstance(value, Defined):
                value = _called(value, keyed, session)
            whole(value)
        except Fault as fault:
            raise InvalidError(Problem(fault.code, fault.message)) from None
        except RecursionError:
            raise InvalidError(Problem("feel.call_depth", "the model's functions need each other too deep")) from None
        return Outcome(value, tuple(session.notes))

    def has_several_outputs(self, name: str) -> bool:
        """Whether a decision service gives a context of several decisions' results."""
        node = self.definitions.named(name)
        return isinstance(node, DecisionService) and len(node.outputs) > 1

    # -- linking

    def _importer(self, definitions: Definitions) -> Callable[[str], ModelTypes | None]:
        spaces = {each.name: each.namespace for each in definitions.imports}
        return lambda name: self._types.get(spaces[name]) if name in spaces else None

    def _check_imports(self, problems: list[Problem]) -> None:
        for model in self._models.values():
            problems.extend(
                Problem(
                    "dmn.missing_import",
                    f"the imported model `{each.name}` is not among the files",
                    each.place,
                    f"give the file whose namespace is `{each.namespace}` too",
                )
                for each in model.imports
                if each.namespace not in self._models
            )

    def _node(self, reference: Reference) -> Node | None:
        model = self._models.get(reference.namespace)
        return None if model is None else model.nodes.get(reference.id)

    def _check_references(self, problems: list[Problem]) -> None:
        for model in self._models.values():
            for node in model.nodes.values():
                problems.extend(
                    Problem(
                        "dmn.unknown_reference",
                        f"`{node.name}` requires `{reference.id}`, which does not exist",
                        node.place,
                    )
                    for reference in _all_references(node)
                    if self._node(reference) is None
                )

    def _check_circles(self, problems: list[Problem]) -> None:
        done: set[Reference] = set()
        for model in self._models.values():
            for key, node in model.nodes.items():
                if self._ordered(Reference(model.namespace, key), done) is None:
                    message = f"the decision `{node.name}` requires itself, directly or by others"
                    problems.append(Problem("dmn.cycle", message, node.place))
                    return  # every decision that needs this one would say the same

    def _ordered(self, start: Reference, done: set[Reference]) -> tuple[Reference, ...] | None:
        """What a node depends on, each after what that depends on; None if it is a circle. `done` is left out."""
        found: list[Reference] = []
        open_: set[Reference] = set()
        stack: list[tuple[Reference, bool]] = [(start, False)]
        while stack:
            reference, leaving = stack.pop()
            if leaving:
                open_.discard(reference)
                done.add(reference)
                found.append(reference)
                continue
            if reference in done:
                continue
            if reference in open_:
                return None
            open_.add(reference)
            stack.append((reference, True))
            node = self._node(reference)
            for needed in reversed(node.requires if isinstance(node, Decision) else ()):
                if needed in open_:
                    return None
                stack.append((needed, False))
        return tuple(found[:-1])

    # -- building

    def _unit(self, node: Node, definitions: Definitions, builder: Builder) -> _Unit:
        type_ = builder.type_of(node.type_ref, node.place)
        names = self._names(node, definitions)
        match node:
            case InputData():
                return _Unit(node, definitions, type_, _nothing)
            case Decision():
                return _Unit(node, definitions, type_, builder.typed(builder.build(node.logic, names), type_))
            case KnowledgeModel():
                return _Unit(node, definitions, type_, self._knowledge(node, names, type_, builder))
        return _Unit(node, definitions, type_, _nothing)

    def _knowledge(self, node: KnowledgeModel, names: frozenset[str], type_: Type, builder: Builder) -> Evaluate:
        if node.logic is None:
            return _nothing
        logic: FunctionExpression = node.logic
        build = builder.build(logic, names | {node.variable})
        result = type_.result if isinstance(type_, FunctionType) else type_

        def function(environment: Environment) -> Any:
            own: dict[str, Any] = {}
            made = build(environment.child(own))
            if isinstance(made, Defined):
                made = Defined(made.parameters, made.run, made.result if result == ANY else result, node.name)
            own[node.variable] = made
            return made

        return function

    def _names(self, node: Node, definitions: Definitions) -> frozenset[str]:
        """Every name that the expressions of a node may use."""
        found = {each.name for each in definitions.imports if each.name}
        found.update(self._components)
        for reference in _all_references(node):
            other = self._node(reference)
            if other is not None:
                found.add(_variable(other))
        return frozenset(found)

    # -- running

    def _value(self, reference: Reference, run: _Run) -> Any:
        """A node's value: of an input, a decision after all it depends on, or a function."""
        if reference not in run.known:
            for needed in self._ordered(reference, set(run.known)) or ():
                run.known[needed] = self._own_value(needed, run)
            run.known[reference] = self._own_value(reference, run)
        return run.known[reference]

    def _own_value(self, reference: Reference, run: _Run) -> Any:
        unit = self._units[reference]
        node = unit.node
        match node:
            case InputData():
                return self._input(unit, node, run)
            case DecisionService():
                return self._service(unit, node)
        requires = node.requires if isinstance(node, Decision) else ()
        scope = self._scope(unit, (*requires, *node.knows), run, reference)
        noted = len(run.session.notes)
        value = unit.evaluate(Environment(scope, run.session))
        run.session.within(node.name, noted)
        return value

    def _scope(self, unit: _Unit, references: Iterable[Reference], run: _Run, own: Reference) -> Mapping[str, Any]:
        """What a node sees: each required element under its name, those of imported models under the import's."""
        scope: dict[str, Any] = {}
        prefixes: dict[str, list[str]] = {}
        for each in unit.definitions.imports:
            prefixes.setdefault(each.namespace, []).append(each.name)
        for reference in references:
            if reference == own:
                continue
            node = self._units[reference].node
            value = self._lazy(reference, run)
            home = reference.namespace
            for prefix in prefixes.get(home, [""]) if home != unit.definitions.namespace else [""]:
                if prefix:
                    scope.setdefault(prefix, {})[_variable(node)] = value
                else:
                    scope[_variable(node)] = value
        return scope

    def _lazy(self, reference: Reference, run: _Run) -> Any:
        """A required element's value; of a knowledge model in the making, a function that finds it when called."""
        if reference in run.known:
            return run.known[reference]
        node = self._units[reference].node
        if not isinstance(node, KnowledgeModel):
            return self._value(reference, run)
        if node.logic is None:
            return None
        run.known[reference] = later = _Later(node.name)
        later.made = self._own_value(reference, run)
        run.known[reference] = later.made
        return later.made

    def _input(self, unit: _Unit, node: InputData, run: _Run) -> Any:
        found = run.inputs.get((unit.definitions.namespace, node.name), run.inputs.get(("", node.name)))
        try:
            return converted(found, unit.type)
        except Fault as fault:
            run.session.note(Fault("dmn.bad_input", f"the input `{node.name}`: {fault.message}"))
            return None

    def _service(self, unit: _Unit, node: DecisionService) -> Defined:
        references = (*node.input_data, *node.input_decisions)
        parameters = tuple((_variable(self._units[each].node), self._units[each].type) for each in references)
        result = unit.type.result if isinstance(unit.type, FunctionType) else unit.type

        def call(session: Session, bound: Mapping[str, Any]) -> Any:
            inner = _Run(session, {})
            for (name, _), reference in zip(parameters, references, strict=True):
                inner.known[reference] = bound[name]
            values = {_variable(self._units[each].node): self._value(each, inner) for each in node.outputs}
            return next(iter(values.values())) if len(node.outputs) == 1 else values

        return Defined(parameters, call, result, node.name)


class _Later:
    """A function that refers to itself, while it is being made."""

    def __init__(self, name: str) -> None:
        """`made` is set when the function is there."""
        self._name = name
        self.made: Any = None

    @property
    def type(self) -> FunctionType:
        """The function's own type."""
        return self.made.type if self.made is not None else FunctionType((), ANY)

    def positional(self, session: Session, arguments: Sequence[Any]) -> Any:
        """Call the function that was made."""
        return self._function().positional(session, arguments)

    def named(self, session: Session, arguments: Mapping[str, Any]) -> Any:
        """Call the function that was made."""
        return self._function().named(session, arguments)

    def _function(self) -> Any:
        if self.made is None:
            raise Fault("feel.unknown_function", f"`{self._name}` cannot be called yet")
        return self.made


def load_model(main: bytes, others: Iterable[tuple[str, bytes]] = (), *, source: str = "") -> Model:
    """A model from its file and those it imports, given as (name, bytes). Raises `InvalidError` with `dmn.*` codes.

    Files that are not imported are left out, so that a whole folder may be given.
    """
    try:
        return _load(main, others, source)
    except RecursionError:
        raise InvalidError(
            Problem("dmn.too_large", "the model's types or expressions are nested too deep", Place(source))
        ) from None


def _load(main: bytes, others: Iterable[tuple[str, bytes]], source: str) -> Model:
    first = read_definitions(main, source)
    rest: dict[str, Definitions] = {}
    pending = [each.namespace for each in first.imports]
    if pending:
        for name, document in others:
            if len(rest) >= MAX_MODELS:
                break
            try:
                read = read_definitions(document, name)
            except InvalidError:
                continue  # not ours to complain about: if it is imported, it is missed below
            rest.setdefault(read.namespace, read)
    chosen = {first.namespace: first}
    while pending:
        found = rest.get(pending.pop())
        if found is not None and found.namespace not in chosen:
            chosen[found.namespace] = found
            pending.extend(each.namespace for each in found.imports)
    return Model(tuple(chosen.values()))


def _all_references(node: Node) -> tuple[Reference, ...]:
    match node:
        case Decision():
            return (*node.requires, *node.knows)
        case KnowledgeModel():
            return node.knows
        case DecisionService():
            return (*node.outputs, *node.encapsulated, *node.input_decisions, *node.input_data)
    return ()


def _variable(node: Node) -> str:
    return node.name if isinstance(node, InputData) else node.variable


def _called(function: Defined, inputs: Mapping[tuple[str, str], Any], session: Session) -> Any:
    """A service or knowledge model asked from outside: its parameters by name, what is not given is null."""
    given = {name: value for (_, name), value in inputs.items()}
    try:
        return function.named(session, {name: given.get(name) for name, _ in function.parameters})
    except Fault as fault:
        session.note(fault)
        return None


def _nothing(_: Environment) -> Any:
    return None
