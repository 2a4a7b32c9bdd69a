"""Every stable problem code, with the sentence that documents it. `docs/problems.md` is tested to list them all.

A code is `area.situation`. Codes are never renamed or reused; a situation that disappears leaves its code retired.
"""

CODES: dict[str, str] = {
    # -- request and value reading
    "json.malformed": "The text is not JSON (RFC 8259).",
    "json.duplicate_key": "An object names one key twice.",
    "json.too_large": "The document is larger than the stated limit.",
    "json.too_deep": "The document is nested deeper than the stated limit.",
    "json.not_a_number": "NaN and infinities are not JSON numbers.",
    "json.number_too_long": "A number has more digits than the engine keeps exactly (34).",
    "json.encoding": "The text is not valid UTF-8.",
    # -- the state of things
    "record.not_found": "There is no such record, or it is outside what you may see.",
    "record.stale": "The record changed since you read it.",
    "record.exists": "A record with this id exists already.",
    "access.denied": "The policies do not allow this.",
    "cursor.invalid": "The cursor is not one this list gave out, or its filters changed.",
    "store.unavailable": "The operations database does not answer.",
    "queue.unavailable": "The job queue does not answer.",
}
