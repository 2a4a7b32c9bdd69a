"""The product's parts as a command needs them: connected, with a caller, and closed again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.wiring import Settings, Shipped, Wiring, build, build_in_memory, load_texts, now
from cli.output import note
from engine.caller import Actor, Caller
from engine.problems import InvalidError, NotFoundError, Problem

if TYPE_CHECKING:
    from engine.ports import Ports
    from engine.records import Record

WITHOUT_DATABASE = "shipped"
"""The organisation that rule files belong to where no database has one."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a command works with."""

    wiring: Wiring
    caller: Caller

    @property
    def ports(self) -> Ports:
        """Store, queue, policies and library."""
        return self.wiring.ports

    @property
    def organisation_id(self) -> str:
        """Whose records these are."""
        return self.caller.actor.organisation_id


@contextmanager
def opened(
    home: Path | None,
    organisation: str | None,
    person: str | None,
    *,
    else_shipped: bool = False,
    log: bool = False,
) -> Iterator[Opened]:
    """Connect, and decide on whose behalf: a person, or the platform itself within one organisation.

    With `log` an audit log is meant, of which there is one more: that of attempts at a door that organisations share.
    With `else_shipped` a database without any organisation is no error: the shipped rule files are used, in memory.
    Raises `NotFoundError` (`cli.no_organisation`, `person.not_found`, `person.ambiguous`).
    """
    with build(settings_for(home)) as wiring:
        from engine.service.auditing import UNPLACED
        from engine.service.directory import actor_of, organisations, service_actor

        if person is not None:
            yield Opened(wiring, _caller(wiring, actor_of(wiring.ports, person, organisation)))
            return
        if log and organisation == UNPLACED:
            yield Opened(wiring, _caller(wiring, service_actor(UNPLACED)))
            return
        known = organisations(wiring.ports)
        if known or organisation is not None or not else_shipped:
            yield Opened(wiring, _caller(wiring, _platform(known, organisation)))
            return
    note("no organisation yet, so the shipped rule files decide (`bylaw import` or `bylaw up` makes one)")
    with rule_files(None) as without:
        yield without


@contextmanager
def rule_files(folder: Path | None) -> Iterator[Opened]:
    """The rule files of a folder (None: the shipped ones) as if just published, in memory: nothing is stored.

    Fact schemas beside a folder `rules` are known too.

    Raises `InvalidError` with the problems of every file, `NotFoundError` (`file.nothing_found`).
    """
    from cli.checking import schemas
    from cli.files import rule_files_in
    from engine.records import Record
    from engine.service.library import Library

    texts = load_texts()
    if folder is not None:
        texts = replace(texts, library=Library(schemas(folder.absolute()), texts.library.kinds))
    with build_in_memory(settings_in_memory(), texts=texts) as wiring:
        with wiring.ports.store.transaction() as transaction:
            fields = {"name": "Rule files", "currency": "USD", "example": False}
            transaction.insert(Record("organisation", WITHOUT_DATABASE, WITHOUT_DATABASE, fields))
        from engine.service.directory import service_actor
        from engine.service.rulesets import seed

        caller = _caller(wiring, service_actor(WITHOUT_DATABASE))
        files = Shipped.find().rules() if folder is None else rule_files_in(folder)
        report = seed(wiring.ports, caller, files, any_first=folder is not None)
        if report.problems and folder is not None:
            raise InvalidError(report.problems)
        # What was just published is known from now on, so the question is asked a moment later.
        yield Opened(wiring, _caller(wiring, caller.actor))


def settings_for(home: Path | None) -> Settings:
    """The environment's settings, with the home directory that the command line names."""
    return Settings.from_environment(home=home.absolute() if home else None)


def settings_in_memory() -> Settings:
    """Settings that touch nothing on this machine."""
    return Settings.from_environment({"BYLAW_DATABASE_URL": "memory:", "BYLAW_SECRET_KEY": "0" * 64})


def _platform(known: tuple[Record, ...], organisation: str | None) -> Actor:
    from engine.service.directory import only_organisation, service_actor

    listed = ", ".join(f"`{record.id}`" for record in known)
    if organisation is not None:
        if organisation not in {record.id for record in known}:
            help_text = f"there are: {listed}" if known else "the database holds none yet"
            raise NotFoundError(
                Problem("cli.no_organisation", f"there is no organisation `{organisation}`", help=help_text)
            )
        return service_actor(organisation)
    if (own := only_organisation(known)) is not None:
        return service_actor(own.id)
    if not known:
        problem = Problem(
            "cli.no_organisation",
            "the database holds no organisation yet",
            help="`bylaw import crm DIR` makes one from a CRM's files; `bylaw up` installs an example",
        )
    else:
        problem = Problem(
            "cli.no_organisation", "the database holds several organisations", help=f"name one: --organisation {listed}"
        )
    raise NotFoundError(problem)


def _caller(wiring: Wiring, actor: Actor) -> Caller:
    return Caller(actor, now(), "cli", f"cli-{wiring.ports.new_id()}")
