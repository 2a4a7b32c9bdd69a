"""Connections to Redis or Valkey, and their errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from engine.problems import Problem, UnavailableError

ANSWER_SECONDS = 5
"""How long one answer may take before the server counts as absent. Waiting for a job is the worker's own affair."""


def connect(url: str, *, answer_seconds: int | None = ANSWER_SECONDS, retries: int = 3) -> redis.Redis:
    """A client with a pool of connections; connects at first use, and again when the server was restarted.

    `retries` is how often a command is sent again; one suffices for a connection that a restart has cut.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=answer_seconds,
        socket_connect_timeout=ANSWER_SECONDS if answer_seconds is None else answer_seconds,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), retries),
    )


@contextmanager
def as_unavailable(code: str) -> Iterator[None]:
    """Turn the driver's errors into `UnavailableError` with this code, without the address: it may hold a password."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        problem = Problem(code, f"the queue server does not answer: {_reason(error)}", help=HELP)
        raise UnavailableError(problem) from error
    except redis.ResponseError as error:
        # Out of memory, a full disk (MISCONF), a replica that refuses writes: it answers, but does not do it.
        raise UnavailableError(Problem(code, f"the queue server refuses: {_reason(error)}", help=HELP)) from error


HELP = "start it with `bylaw up`, or set BYLAW_REDIS_URL to a running Redis or Valkey"


def _reason(error: Exception) -> str:
    text = str(error).split(" connecting to ", maxsplit=1)[0].strip().rstrip(".")
    return f"{text[:1].lower()}{text[1:160]}" if text else "no reason given"
