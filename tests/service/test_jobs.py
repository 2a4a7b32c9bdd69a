from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from other_policies import OtherPolicies
from world import (
    INBOUND,
    NOW,
    Clock,
    ListedQueue,
    as_person,
    audit,
    insert,
    lead,
    make_world,
    platform,
    shipped,
    shown_result,
    staff,
)

from engine.ports import Ports
from engine.predicate import Always, Compare
from engine.problems import ConflictError, DeniedError, InvalidError, NotFoundError, Problem, UnavailableError
from engine.records import Record
from engine.service import scoring
from engine.service.incentives import start_run
from engine.service.jobs import (
    LEASE,
    MAX_ATTEMPTS,
    PATIENCE,
    cancel_job,
    deliver_pending,
    recover_abandoned,
    run_job,
    start_job,
)
from engine.service.leads import start_scoring
from engine.service.records import get_record

PEOPLE = staff()
LEADS = 25


class DeadWorkerError(BaseException):
    """A worker that is killed: nothing in the process catches it."""


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK", 10)


@pytest.fixture
def ports(small_chunks, store):
    found = make_world(shipped(*INBOUND), store=store)
    insert(found, *(some_lead(number) for number in range(LEADS)))
    return found


def some_lead(number: int) -> Record:
    """Leads of different people, one in five without facts."""
    owner = PEOPLE[("rep", "field", "other")[number % 3]]
    facts = {} if number % 5 == 4 else {"employees": Decimal(100 * number), "industry": "retail"}
    return lead(f"l{number:02d}", owner, **facts)


def run(ports: Ports, job_id: str, clock: Clock | None = None, **how: object) -> Record:
    """Work on a job as some worker."""
    return run_job(ports, job_id, clock=clock or Clock(), worker="w1", **how)


def stop_after(chunks: int):
    """A beat that kills the worker after so many chunks."""
    seen = []

    def beat(job: Record) -> None:
        seen.append(job["done"])
        if len(seen) > chunks:
            raise DeadWorkerError

    return beat


def state_of(ports: Ports) -> dict[str, object]:
    """Everything a scoring run leaves behind, without what names the job."""
    leads = {
        one.id: (one["score"], one["band"], one["score_state"], one.revision)
        for one in ports.store.scan("lead", Always())
    }
    decisions = sorted((one["subject_id"], one["input_digest"]) for one in ports.store.scan("decision", Always()))
    scored = [entry["changes"]["leads"] for entry in ports.store.scan("audit_entry", Compare("action", "=", "score"))]
    return {"leads": leads, "decisions": decisions, "entries": sorted(scored, key=lambda entry: entry["first"])}


def test_a_job_goes_from_queued_to_succeeded(ports):
    """A started job waits with its outbox row; run, it counts every lead once and says so."""
    job = start_scoring(ports, platform())
    assert ("queued", 0, [job.id]) == (
        job["state"],
        job["done"],
        [m.payload["job_id"] for m in ports.store.pending_messages()],
    )
    seen: list[tuple[str, int]] = []
    ended = run(ports, job.id, beat=lambda one: seen.append((one["state"], int(one["done"]))))
    assert [("running", 0), ("running", 10), ("running", 20), ("succeeded", 25)] == seen
    result = shown_result(ended)
    assert (25, 20, 5, 25, 0) == tuple(
        result[name] for name in ("leads", "scored", "not_scored", "changed", "unchanged")
    )
    assert result["scored"] == sum(result["bands"].values())
    assert (25, 25, None, 1) == (ended["done"], ended["total"], ended["lease_until"], ended["attempts"])
    assert ["start", "score", "score", "score", "finish"] == [action for action, *_ in audit(ports)]


def test_scoring_again_changes_nothing(ports):
    """A second run at the same instant finds every lead unchanged and writes no decision and no chunk's entry."""
    run(ports, start_scoring(ports, platform()).id)
    before = state_of(ports)
    again = shown_result(run(ports, start_scoring(ports, platform()).id))
    assert (0, 25) == (again["changed"], again["unchanged"])
    assert before == state_of(ports)


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_a_killed_workers_job_is_taken_up_without_doubling(ports, chunks):
    """Killed after any chunk, the job is found by its lease, continues, and leaves exactly what one run leaves."""
    undisturbed = make_world(shipped(*INBOUND))
    insert(undisturbed, *(some_lead(number) for number in range(LEADS)))
    expected = run(undisturbed, start_scoring(undisturbed, platform()).id)
    clock = Clock()
    job = start_scoring(ports, platform())
    with pytest.raises(DeadWorkerError):
        run(ports, job.id, clock, beat=stop_after(chunks))
    assert 0 == recover_abandoned(ports, now=clock())
    clock.forward(seconds=LEASE.seconds + 1)
    assert 1 == recover_abandoned(ports, now=clock())
    assert 2 == deliver_pending(ports)
    ended = run(ports, job.id, clock)
    assert ("succeeded", 2, 25) == (ended["state"], ended["attempts"], ended["done"])
    assert shown_result(expected) == shown_result(ended)
    assert state_of(undisturbed) == state_of(ports)


def test_a_held_job_is_left_alone(ports):
    """While a lease runs, a second delivery does nothing; after the end, neither."""
    clock = Clock()
    job = start_scoring(ports, platform())
    with pytest.raises(DeadWorkerError):
        run(ports, job.id, clock, beat=stop_after(1))
    held = run(ports, job.id, clock)
    assert ("running", 1, 10) == (held["state"], held["attempts"], held["done"])
    clock.forward(minutes=1)
    assert "succeeded" == run(ports, job.id, clock)["state"]
    finished = audit(ports)
    assert "succeeded" == run(ports, job.id, clock)["state"]
    assert finished == audit(ports)


def test_a_slow_worker_that_lost_its_job_lets_go(ports):
    """A worker whose lease ran out and whose job another has taken writes nothing more."""
    clock = Clock()
    job = start_scoring(ports, platform())

    def beat(one: Record) -> None:
        if one["done"] == 10 and clock() == NOW:
            clock.forward(minutes=1)
            assert "succeeded" == run(ports, job.id, clock)["state"]

    assert "succeeded" == run(ports, job.id, clock, beat=beat)["state"]
    assert 1 == [action for action, *_ in audit(ports)].count("finish")


def test_a_queued_job_is_cancelled_at_once(ports):
    """A job that nobody has begun ends cancelled, and a worker that comes late does nothing."""
    job = start_scoring(ports, as_person(ports, "analyst"))
    assert "cancelled" == cancel_job(ports, as_person(ports, "analyst"), job.id)["state"]
    assert ("cancelled", 0) == (run(ports, job.id)["state"], ports.store.count("decision", Always()))
    with pytest.raises(ConflictError) as error:
        cancel_job(ports, as_person(ports, "analyst"), job.id)
    assert "job.finished" == error.value.code


def test_a_running_job_stops_between_chunks(ports):
    """Cancelled while it runs, a job ends after its present chunk; what is done stays done and is said."""
    job = start_scoring(ports, as_person(ports, "admin"))

    def beat(one: Record) -> None:
        if one["state"] == "running" and one["done"] == 10:
            assert "running" == cancel_job(ports, as_person(ports, "admin"), job.id)["state"]

    ended = run(ports, job.id, beat=beat)
    assert ("cancelled", "cancelled after 10 records", 10) == (ended["state"], ended["message"], ended["done"])
    scored = [one for one in ports.store.scan("lead", Always()) if one["score_state"] != "waiting"]
    assert 10 == len(scored)


def test_a_cancelled_job_of_a_dead_worker_ends(ports):
    """Cancellation is carried out even if the worker died before it saw it."""
    clock = Clock()
    job = start_scoring(ports, as_person(ports, "admin"))
    with pytest.raises(DeadWorkerError):
        run(ports, job.id, clock, beat=stop_after(1))
    cancel_job(ports, as_person(ports, "admin"), job.id)
    clock.forward(minutes=1)
    assert 1 == recover_abandoned(ports, now=clock())
    assert "cancelled" == get_record(ports, platform(), "job", job.id)["state"]


def test_a_job_that_kills_its_workers_fails_in_the_end(ports):
    """After five dead workers a job fails with a sentence and its code, and is not tried again."""
    clock = Clock()
    job = start_scoring(ports, platform())
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(DeadWorkerError):
            run(ports, job.id, clock, beat=stop_after(0))
        clock.forward(minutes=1)
        recover_abandoned(ports, now=clock())
    failed = get_record(ports, platform(), "job", job.id)
    assert ("failed", True) == (failed["state"], failed["message"].endswith("[job.abandoned]"))
    assert 0 == recover_abandoned(ports, now=clock() + timedelta(days=1))


def test_a_message_that_the_queue_lost_is_sent_again(ports):
    """A job that waits longer than is likely goes into the queue once more, under a new message id."""
    job = start_scoring(ports, platform())
    deliver_pending(ports)
    assert 0 == recover_abandoned(ports, now=NOW + PATIENCE)
    assert 1 == recover_abandoned(ports, now=NOW + PATIENCE + timedelta(seconds=1))
    assert (1, 0) == (deliver_pending(ports), deliver_pending(ports))
    queue = ports.queue
    assert isinstance(queue, ListedQueue)
    assert [job.id, job.id] == [message.payload["job_id"] for message in queue.delivered]


def test_a_silent_queue_loses_nothing(ports, monkeypatch):
    """While the queue does not answer, outbox rows wait; nothing is raised to whoever started the job."""
    start_scoring(ports, platform())

    def refuse(_message: object) -> None:
        raise UnavailableError(Problem("queue.unavailable", "no answer"))

    with monkeypatch.context() as patched:
        patched.setattr(ports.queue, "deliver", refuse)
        assert 0 == deliver_pending(ports)
    assert 1 == deliver_pending(ports)


def test_a_persons_job_covers_what_the_person_may_write(ports):
    """A manager's scoring touches the team's leads, an analyst's the branch's other teams, the platform's all."""
    reach = {}
    for who in ("manager", "analyst", "admin"):
        reach[who] = shown_result(run(ports, start_scoring(ports, as_person(ports, who)).id))["leads"]
    assert {"manager": 17, "analyst": 17, "admin": 25} == reach


@pytest.mark.parametrize("who", ["rep", "field", "far"])
def test_who_may_not_start_a_job_is_denied(ports, who):
    """Representatives start no jobs; the attempt is in the log and no job is left behind."""
    with pytest.raises(DeniedError):
        start_scoring(ports, as_person(ports, who))
    assert (0, [("start", "denied")]) == (ports.store.count("job", Always()), [entry[:2] for entry in audit(ports)])


def test_a_kind_that_is_not_there_is_suggested(ports):
    """An unknown kind of job is refused with the nearest one."""
    with pytest.raises(InvalidError) as error:
        start_job(ports, platform(), "score-lead", "x", {})
    assert ("job.unknown_kind", "did you mean `score-leads`?") == (error.value.code, error.value.problems[0].help)


def test_a_job_whose_starter_left_fails_readably(ports):
    """A job runs with its starter's rights of today: whoever may not sign in any more starts nothing."""
    job = start_scoring(ports, as_person(ports, "admin"))
    with ports.store.transaction() as transaction:
        person = transaction.get("person", "admin", Always())
        transaction.update(person.with_fields(active=False))
    failed = run(ports, job.id)
    assert ("failed", "[job.person_gone]") == (failed["state"], failed["message"].split()[-1])
    with pytest.raises(NotFoundError):
        as_person(ports, "admin")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"active": False}, "[job.person_gone]"),
        ({"role": "sales_rep"}, "[job.rights_changed]"),
        ({"branch_id": "elsewhere"}, "[job.rights_changed]"),
        ({"territory_ids": ()}, "[job.rights_changed]"),
    ],
)
def test_a_running_job_does_nothing_with_rights_that_have_gone(ports, change, reason):
    """Once its starter's right is taken, a running job writes no further chunk; what was done stays done."""
    job = start_scoring(ports, as_person(ports, "admin"))

    def revoke(seen: Record) -> None:
        if seen["done"] == 10:
            with ports.store.transaction() as transaction:
                person = transaction.get("person", "admin", Always())
                transaction.update(person.with_fields(**change))

    failed = run(ports, job.id, beat=revoke)
    assert ("failed", 10, reason) == (failed["state"], failed["done"], failed["message"].split()[-1])
    scored = [one for one in ports.store.scan("lead", Always()) if one["score_state"] in {"scored", "not_scored"}]
    assert 10 == len(scored)


@pytest.mark.parametrize("changed", ["the role", "the policies", "nothing"])
def test_a_job_goes_on_with_the_rights_that_it_began_with_or_not_at_all(ports, changed):
    """Taken up by a second worker with other policies, or after a change of its starter's role, a job ends as it is."""
    clock = Clock()
    job = start_scoring(ports, as_person(ports, "admin"))
    with pytest.raises(DeadWorkerError):
        run(ports, job.id, clock, beat=stop_after(1))
    clock.forward(seconds=LEASE.seconds + 1)
    if changed == "the role":
        with ports.store.transaction() as transaction:
            person = transaction.get("person", "admin", Always())
            transaction.update(person.with_fields(role="revops_analyst", team_id="t9"))
    elif changed == "the policies":
        other = OtherPolicies(ports.authorizer, "write:lead", Compare("band", "=", "A"))
        ports = replace(ports, authorizer=other)
    ended = run(ports, job.id, clock)
    if changed == "nothing":
        assert ("succeeded", 25) == (ended["state"], ended["done"])
        return
    assert ("failed", 10, "[job.rights_changed]") == (ended["state"], ended["done"], ended["message"].split()[-1])
    assert ("run", "denied") in [entry[:2] for entry in audit(ports)]


def test_facts_that_do_not_fit_are_counted_and_do_not_stop_the_run(ports):
    """A lead whose stored facts do not fit is marked failed and named with the reason; the others are scored."""
    insert(ports, lead("l99", PEOPLE["rep"], employees="many"))
    result = shown_result(run(ports, start_scoring(ports, platform()).id))
    assert (26, 1, "l99", 1) == (
        result["leads"], result["failed"], result["failures"][0]["first"], result["failures"][0]["leads"]
    )  # fmt: skip
    assert "failed" == get_record(ports, platform(), "lead", "l99")["score_state"]


def test_an_error_of_ours_fails_the_job_and_reaches_the_log(ports, monkeypatch):
    """A fault in Bylaw ends the job with a code instead of leaving it running for ever, and is raised for the log."""
    job = start_scoring(ports, platform())
    monkeypatch.setattr(scoring, "score", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(ports, job.id)
    failed = get_record(ports, platform(), "job", job.id)
    assert ("failed", True) == (failed["state"], failed["message"].endswith("[job.unexpected]"))


def test_a_silent_database_leaves_the_job_to_the_next_worker(ports, monkeypatch):
    """When the store does not answer, the job stays leased and is taken up again after the lease."""
    job = start_scoring(ports, platform())

    def refuse(*_: object) -> None:
        raise UnavailableError(Problem("store.unavailable", "no answer"))

    with monkeypatch.context() as patched:
        patched.setattr(scoring, "score", refuse)
        with pytest.raises(UnavailableError):
            run(ports, job.id)
    clock = Clock(NOW + LEASE + timedelta(seconds=1))
    assert "succeeded" == run(ports, job.id, clock)["state"]


def test_a_run_that_cannot_be_started_is_in_the_log(ports):
    """A wrong rule set or period is refused before there is a job, and the attempt is noted."""
    with pytest.raises(NotFoundError):
        start_scoring(ports, platform(), "lead-priority/inbond")
    with pytest.raises(InvalidError):
        start_run(ports, platform(), "sales-commission", "2026-Q7")
    assert [
        ("start", "failed", "score-leads", "rule_set.not_found"),
        ("start", "failed", "incentive-run", "period.malformed"),
    ] == audit(ports)
    assert 0 == ports.store.count("job", Always())


TAKEN_BEFORE = {
    "another role": ("admin", {"role": "sales_rep"}, "[job.rights_changed]"),
    "another region": ("admin", {"region_id": "r2", "branch_id": "b9"}, "[job.rights_changed]"),
    "another team": ("manager", {"team_id": "t2"}, "[job.rights_changed]"),
    "no role at all": ("analyst", {"role": "nobody"}, "[job.person_gone]"),
}


@pytest.mark.parametrize("taken", TAKEN_BEFORE)
def test_a_queued_job_does_nothing_with_rights_that_went_before_it_began(ports, taken):
    """Whoever might not start a job when it is taken up has it fail, however it was started: nothing is done."""
    who, change, reason = TAKEN_BEFORE[taken]
    job = start_scoring(ports, as_person(ports, who))
    with ports.store.transaction() as transaction:
        transaction.update(transaction.get("person", who, Always()).with_fields(**change))
    failed = run(ports, job.id)
    assert ("failed", 0, reason) == (failed["state"], failed["done"], failed["message"].split()[-1])
    assert all(lead["score_state"] == "waiting" for lead in ports.store.scan("lead", Always()))
    assert ("run", "failed" if "gone" in reason else "denied") in [entry[:2] for entry in audit(ports)]


def test_a_queued_job_works_within_the_rights_that_are_left(ports):
    """Whoever may still start a job after a change has it run, and it reaches what may be written now and no more."""
    job = start_scoring(ports, as_person(ports, "admin"))
    with ports.store.transaction() as transaction:
        transaction.update(transaction.get("person", "admin", Always()).with_fields(role="revops_analyst"))
    done = shown_result(run(ports, job.id))
    others = start_scoring(ports, as_person(ports, "admin"))
    assert done["leads"] == shown_result(run(ports, others.id))["leads"]
