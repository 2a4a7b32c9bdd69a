"""Every operation of the API, in one visible tuple: the document and the routes are made from it alone."""

from __future__ import annotations

from datetime import timedelta

from engine.nearest_change import MOST_FACTS_ALLOWED
from engine.service.audit_export import SCOPES, WHOLE
from engine.service.evaluate import MAX_MANY
from engine.service.key_ring import DEFAULT_LIFE, DEFAULT_OVERLAP, LONGEST_LIFE, LONGEST_OVERLAP, MOST_SCOPES
from webapp.api import reading, resources
from webapp.api.operation import Body, Member, Operation, Parameter, Success
from webapp.api.resources import (
    ACCOUNTS,
    AUDIT,
    CHECK_INS,
    CHECKPOINTS,
    CONFLICTS,
    DEALS,
    DECISIONS,
    JOBS,
    LEADS,
    STATEMENTS,
    Resource,
)
from webapp.api.views import audit_export, authorization, erasure, evaluation, keys, records, rule_sets, sessions, work
from webapp.audit_file import LINES

AT = Parameter("at", reading.INSTANT_TEXT, "The instant that is decided about; default: now.")
AS_OF = Parameter("as_of", reading.INSTANT_TEXT, "Only what was known at this instant; default: now.")
RULE_SET = Parameter("rule_set", reading.TEXT, "Decide with this rule set instead of the one that applies.")

HOUR = timedelta(hours=1)
RULE_FILE_CHARACTERS = 1_500_000
BULK_BYTES = 10_000_000
RULE_FILE_BYTES = 2_000_000

DECIDING = (
    Member("at", reading.INSTANT_TEXT, "The instant that is decided about; default: now."),
    Member("as_of", reading.INSTANT_TEXT, "Only what was known at this instant; default: now."),
    Member("version", reading.whole(1), "This version instead of the one in force."),
    Member(
        "explain", reading.TRUTH, "Whether reasons and why-not are part of the answer; default: true.", default=True
    ),
)
ONE = Body(
    {},
    (
        Member("facts", reading.OBJECT, "The facts, as the rule set's fact schema names them.", required=True),
        *DECIDING,
        Member(
            "record",
            reading.TRUTH,
            "Whether to keep the decision as a receipt; then `Idempotency-Key` is required.",
            default=False,
        ),
        Member(
            "nearest",
            reading.nearest_change(MOST_FACTS_ALLOWED),
            "Also say what would have to be different: for the members of the outcome in `target`, else for the next "
            "outcome; `fixed` are facts that stay, `most` how many may change together.",
        ),
    ),
)
MANY = Body(
    {},
    (Member("facts", reading.objects(MAX_MANY), "The facts of each.", required=True), *DECIDING),
    limit_bytes=BULK_BYTES,
)
RULE_FILE = Body(
    {},
    (Member("text", reading.long_text(RULE_FILE_CHARACTERS), "The rule file's text.", required=True),),
    yaml=True,
    limit_bytes=RULE_FILE_BYTES,
)
CHECKED_FILE = Body(
    {},
    (
        *(RULE_FILE.members or ()),
        Member(
            "source",
            reading.TEXT,
            "What to call the text in places; a path such as `rules/decision/x@1.yaml` is checked too.",
        ),
    ),
    yaml=True,
    limit_bytes=RULE_FILE_BYTES,
)
JOB = Body(
    {},
    (
        Member("kind", reading.choice("score-leads", "incentive-run"), "What to do.", required=True),
        Member(
            "rule_set",
            reading.TEXT,
            "`score-leads`: with this rule set only; default: for each lead the one that applies.",
        ),
        Member("plan", reading.TEXT, "`incentive-run`: the plan, such as `incentive-plan/sales-commission`."),
        Member("period", reading.TEXT, "`incentive-run`: `2026-Q3`, `2026-07` or `2026`."),
    ),
)
RESOLUTION = Body(
    {},
    (
        Member(
            "choices",
            reading.choices("client", "server"),
            "For each field that the rules leave to a person (`needs_person` in the preview), whose value stands.",
            default={},
        ),
        Member(
            "reason",
            reading.TEXT,
            "Why, for the audit log, which names the chooser beside it. A choice needs one; name the case, and nobody.",
        ),
    ),
    optional=True,
)


KEY = Body(
    {},
    (
        Member("name", reading.TEXT, "What the key is for.", required=True),
        Member("person_id", reading.TEXT, "Whom it stands for; you by default."),
        Member("scopes", reading.texts(MOST_SCOPES), "What it may do at most; whatever its person may do by default."),
        Member("days", reading.whole(1, LONGEST_LIFE.days), "Days until it ends.", default=DEFAULT_LIFE.days),
    ),
)
ROTATION = Body(
    {},
    (
        Member(
            "overlap_hours",
            reading.whole(0, LONGEST_OVERLAP // HOUR),
            "Hours for which the old key serves still.",
            default=DEFAULT_OVERLAP // HOUR,
        ),
        Member("days", reading.whole(1, LONGEST_LIFE.days), "Days until the new one ends.", default=DEFAULT_LIFE.days),
    ),
    optional=True,
)
ERASURE = Body(
    {},
    (
        Member("subject", reading.TEXT, "Whom: `person/ID` or `lead/ID`.", required=True),
        Member("reason", reading.TEXT, "Why, for the log. Name the request, and nobody.", required=True),
    ),
)


_SCOPES = ", ".join(f"`{name}:ID`" for name in SCOPES)


def _list(resource: Resource, schema: str) -> Operation:
    return Operation(
        "GET", resource.path, f"list_{resource.type}s", resource.tag, f"List {resource.title}s that you may read",
        records.lists(resource), Success(200, f"{schema}Page", f"A page of {resource.title}s.", ("Link",)),
        resource.parameters, problems=(400,), asks=(f"read:{resource.type}",),
    )  # fmt: skip


def _show(resource: Resource, schema: str) -> Operation:
    return Operation(
        "GET", f"{resource.path}/{{id}}", f"get_{resource.type}", resource.tag, f"One {resource.title}",
        records.shows(resource), Success(200, schema, f"The {resource.title}.", ("ETag",)), problems=(404,),
        asks=(f"read:{resource.type}",),
    )  # fmt: skip


def _create(resource: Resource, schema: str, *named: str) -> Operation:
    """`named` are record types that the new record may name."""
    return Operation(
        "POST", resource.path, f"create_{resource.type}", resource.tag, f"Create a {resource.title}",
        records.creates(resource), Success(201, schema, "As it was created.", ("ETag", "Location")),
        body=Body({"$ref": f"#/components/schemas/New{schema}"}), creates=True, problems=(403, 404, 409),
        asks=(f"write:{resource.type}", "read:person", *(f"read:{one}" for one in named)),
        needs=(f"write:{resource.type}",),
    )  # fmt: skip


def _change(resource: Resource, schema: str, *named: str) -> Operation:
    """`named` are record types that the changed record may name."""
    return Operation(
        "PATCH", f"{resource.path}/{{id}}", f"update_{resource.type}", resource.tag, f"Change a {resource.title}",
        records.changes(resource), Success(200, schema, "As it is now.", ("ETag",)),
        body=Body({"$ref": f"#/components/schemas/{schema}Changes"}), changes=True, problems=(403, 404, 409),
        asks=(f"read:{resource.type}", f"write:{resource.type}", "read:person", *(f"read:{one}" for one in named)),
        needs=(f"read:{resource.type}", f"write:{resource.type}"),
    )  # fmt: skip


THEIR_OWN = "people see and end where they themselves are signed in"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST", "/evaluate/{kind}/{name}", "evaluate", "evaluation", "Decide about one set of facts",
        evaluation.one, Success(200, "Decision", "The decision with its reasons."),
        body=ONE, keyed_when="record", problems=(403, 404, 409),
        asks=("read:rule_version", "write:decision"), needs=("read:rule_version",),
    ),
    Operation(
        "POST", "/evaluate/{kind}/{name}/bulk", "evaluate_bulk", "evaluation", "Decide about many sets of facts",
        evaluation.many, Success(200, "BulkDecisions", "A decision or a problem for each, in their order."),
        body=MANY, problems=(403, 404),
        asks=("read:rule_version",),
    ),
    _list(DECISIONS, "StoredDecision"),
    _show(DECISIONS, "StoredDecision"),
    Operation(
        "GET", "/rule-sets", "list_rule_sets", "rule sets", "List rule sets with their version in force",
        rule_sets.lists, Success(200, "RuleSets", "Every rule set that you may read."),
        (Parameter("kind", reading.TEXT, "Only rule sets of this kind."), AT), problems=(400,),
        asks=("read:rule_version",),
    ),
    Operation(
        "POST", "/rule-sets:validate", "validate_rule_file", "rule sets", "Check a rule file and run its tests",
        rule_sets.check, Success(200, "CheckReport", "What is wrong and where; nothing is changed."), body=CHECKED_FILE,
        needs_no_right="it reads what is sent and no record",
    ),
    Operation(
        "GET", "/rule-sets/{kind}/{name}", "get_rule_set", "rule sets", "The version in force",
        rule_sets.in_force, Success(200, "RuleSetVersion", "The version in readable form.", ("ETag",), yaml=True),
        (AT, AS_OF), problems=(400, 404),
        asks=("read:rule_version",),
    ),
    Operation(
        "GET", "/rule-sets/{kind}/{name}/versions", "list_versions", "rule sets", "List all versions, the newest first",
        rule_sets.versions, Success(200, "RuleSetVersions", "Every version."), problems=(404,),
        asks=("read:rule_version",),
    ),
    Operation(
        "POST", "/rule-sets/{kind}/{name}/versions", "publish_version", "rule sets", "Publish the next version",
        rule_sets.publish, Success(201, "RuleSetVersion", "The version as it was published.", ("ETag", "Location")),
        body=RULE_FILE, creates=True, problems=(403, 404, 409),
        asks=("publish:rule_version",),
    ),
    Operation(
        "GET", "/rule-sets/{kind}/{name}/versions/{version}", "get_version", "rule sets", "One version",
        rule_sets.version, Success(200, "RuleSetVersion", "Readable, or its bytes.", ("ETag",), yaml=True),
        problems=(400, 404),
        asks=("read:rule_version",),
    ),
    _list(LEADS, "Lead"),
    _create(LEADS, "Lead"),
    _show(LEADS, "Lead"),
    _change(LEADS, "Lead"),
    Operation(
        "GET", "/leads/{id}/explanation", "explain_lead", "leads", "Why a lead has its priority, computed anew",
        evaluation.lead, Success(200, "Decision", "The decision now; the lead holds the stored one."),
        (AT, AS_OF, RULE_SET), problems=(400, 404, 409, 422),
        asks=("read:lead", "read:rule_version"),
    ),
    _list(DEALS, "Deal"),
    _create(DEALS, "Deal", "account", "product"),
    _show(DEALS, "Deal"),
    _change(DEALS, "Deal", "account", "product"),
    _list(CHECK_INS, "CheckIn"),
    _create(CHECK_INS, "CheckIn", "account"),
    _show(CHECK_INS, "CheckIn"),
    _list(ACCOUNTS, "Account"),
    _show(ACCOUNTS, "Account"),
    _list(STATEMENTS, "Statement"),
    _show(STATEMENTS, "Statement"),
    _list(CONFLICTS, "Conflict"),
    _show(CONFLICTS, "Conflict"),
    Operation(
        "GET", "/conflicts/{id}/preview", "preview_conflict", "conflicts", "What the rules would make of a conflict",
        evaluation.conflict, Success(200, "Decision", "The dry run; nothing is changed."),
        (AT, AS_OF, RULE_SET), problems=(400, 404, 409, 422),
        asks=("read:conflict", "read:rule_version"),
    ),
    Operation(
        "POST", "/conflicts/{id}/resolution", "resolve_conflict", "conflicts", "Settle a conflict as its preview shows",
        work.resolve_conflict, Success(200, "Conflict", "The conflict, resolved.", ("ETag",)),
        body=RESOLUTION, changes=True, problems=(403, 404, 409, 422),
        asks=("read:conflict", "write:conflict", "read:deal", "write:deal", "read:rule_version"),
    ),
    _list(JOBS, "Job"),
    Operation(
        "POST", "/jobs", "start_job", "jobs", "Start a job",
        work.start_job, Success(202, "Job", "The job, queued.", ("ETag", "Location")),
        body=JOB, creates=True, problems=(403, 404, 409),
        asks=("start:job", "read:rule_version"),
    ),
    _show(JOBS, "Job"),
    Operation(
        "POST", "/jobs/{id}/cancel", "cancel_job", "jobs", "Cancel a job; what is done stays done",
        work.cancel_job, Success(200, "Job", "The job as it is now.", ("ETag",)), problems=(403, 404, 409, 412),
        asks=("read:job", "write:job"),
    ),
    Operation(
        "GET", "/audit", "list_audit_entries", "audit", "List audit entries that you may read, the newest first",
        records.list_audit(AUDIT), Success(200, "AuditEntryPage", "A page of entries.", ("Link",)),
        (*(one.parameter for one in AUDIT.filters), *resources.PAGING), problems=(400,),
        asks=("read:audit_entry",),
    ),
    _show(AUDIT, "AuditEntry"),
    Operation(
        "POST", "/authorization/check", "check_access", "authorization", "May somebody do this to a record?",
        authorization.check, Success(200, "AccessVerdict", "The verdict."), body=Body({}, authorization.QUESTION),
        problems=(403,), asks=("ask:person", "*:*"),
    ),
    Operation(
        "POST", "/authorization/check/bulk", "check_access_bulk", "authorization", "Many such checks at once",
        authorization.check_many, Success(200, "AccessVerdicts", "A verdict for each, in their order."),
        body=Body({}, (Member("checks", authorization.CHECKS, "The checks.", required=True),)),
        problems=(403,), asks=("ask:person", "*:*"),
    ),
    Operation(
        "GET", "/authorization/explanation", "explain_access", "authorization", "Why somebody may, or may not",
        authorization.explain, Success(200, "AccessVerdict", "The verdict with its reasons."),
        tuple(
            Parameter(member.name, member.reader, member.about, required=member.required)
            for member in authorization.QUESTION[:4]
        ),
        problems=(400, 403), asks=("ask:person", "*:*"),
    ),
    Operation(
        "GET", "/me", "get_me", "identity", "Who you are", work.me, Success(200, "Me", "You."),
        needs_no_right="everybody may know who they are",
    ),
    _list(CHECKPOINTS, "Checkpoint"),
    _show(CHECKPOINTS, "Checkpoint"),
    Operation(
        "GET", "/audit/export", "export_audit", "audit", "The audit log, as far as you may read it, with its proofs",
        audit_export.export,
        Success(200, "AuditExport", "The file.", ("Content-Disposition",), media=LINES),
        (
            Parameter("scope", reading.TEXT, f"`{WHOLE}`, {_SCOPES} or `subject:TYPE/ID`.", WHOLE),
            Parameter("from", reading.INSTANT_TEXT, "At this instant or later."),
            Parameter("before", reading.INSTANT_TEXT, "Before this instant."),
            Parameter("since", reading.NOTE, "A checkpoint that you have kept, as it was signed: the file proves it."),
        ),
        problems=(400, 404, 409, 422), asks=("read:audit_entry",),
    ),
    Operation(
        "POST", "/audit/erasures", "erase_subject", "audit",
        "Make what the log and the records say about somebody unreadable for ever",
        erasure.erase, Success(200, "Erasure", "What was done; the same again if it was done before."),
        body=ERASURE, problems=(403, 404),
        asks=("read:person", "erase:person", "read:lead", "erase:lead"),
    ),
    Operation(
        "GET", "/me/sessions", "list_my_sessions", "identity", "Where you are signed in", sessions.mine,
        Success(200, "SessionList", "Your living sessions, the one used last first."),
        needs_no_right=THEIR_OWN, needs=("read:person",),
    ),
    Operation(
        "POST", "/me/sessions/{id}/end", "end_my_session", "identity", "End one of your sessions", sessions.end_one,
        Success(200, "SessionsEnded", "It has ended, at once."), problems=(404,),
        needs_no_right=THEIR_OWN, needs=("write:person",),
    ),
    Operation(
        "POST", "/me/sessions/end-others", "end_my_other_sessions", "identity", "End all your other sessions",
        sessions.end_others, Success(200, "SessionsEnded", "How many there were."),
        needs_no_right=THEIR_OWN, needs=("write:person",),
    ),
    Operation(
        "GET", "/people/{id}/sessions", "list_sessions_of", "identity", "Where somebody is signed in",
        sessions.of_person, Success(200, "SessionList", "For those who may end them."), problems=(403, 404),
        asks=("read:person", "write:person"),
    ),
    Operation(
        "POST", "/people/{id}/sessions/end", "end_sessions_of", "identity", "End every session of somebody",
        sessions.end_all, Success(200, "SessionsEnded", "How many there were."), problems=(403, 404),
        asks=("read:person", "write:person"),
    ),
    Operation(
        "GET", "/keys", "list_keys", "identity", "List keys: your own, or as an administrator everybody's",
        keys.lists, Success(200, "Keys", "The keys that you may see, the newest first."),
        (Parameter("person_id", reading.TEXT, "Only this person's."),), asks=("read:api_key",), problems=(400,),
    ),
    Operation(
        "POST", "/keys", "make_key", "identity", "Make a key; it is shown this once",
        keys.makes, Success(201, "NewKey", "The key, with its text.", ("ETag", "Location")),
        body=KEY, creates=True, asks=("write:api_key", "write:person"), needs=("write:api_key",),
        shown_once="key", problems=(403, 404, 409),
    ),
    Operation(
        "GET", "/keys/{id}", "get_key", "identity", "One key, without its text",
        keys.shows, Success(200, "Key", "The key.", ("ETag",)), asks=("read:api_key",), problems=(404,),
    ),
    Operation(
        "POST", "/keys/{id}/rotate", "rotate_key", "identity", "Make a key in the place of this one",
        keys.rotates, Success(201, "NewKey", "The new key, with its text.", ("ETag", "Location")),
        body=ROTATION, creates=True, asks=("read:api_key", "write:api_key"), shown_once="key",
        problems=(403, 404, 409),
    ),
    Operation(
        "POST", "/keys/{id}/revoke", "revoke_key", "identity", "End a key now",
        keys.revokes, Success(200, "Key", "The key, revoked.", ("ETag",)),
        asks=("read:api_key", "write:api_key"), problems=(403, 404),
    ),
    Operation(
        "GET", "/openapi.json", "get_openapi", "identity", "This document", work.openapi,
        Success(200, "Document", "OpenAPI 3.1."), public=True,
        needs_no_right="the description of addresses that ask who is there themselves",
    ),
)  # fmt: skip
