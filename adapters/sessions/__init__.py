"""Sessions: what the server remembers about a signed-in browser. The browser holds only a random id.

One port (`Sessions`), two adapters: memory (the reference, for tests) and Redis or Valkey. Both pass one conformance
suite. A session has two names. Its **id** is the browser's secret, replaced from time to time, and found at rest by its
SHA-256, so that who reads the database cannot use what is there. Its **handle** is no secret: by it a person sees and
ends the session, and ending it makes every id that ever led to it worthless at once.
"""

from adapters.sessions.limits import SessionLimits
from adapters.sessions.memory import MemorySessions
from adapters.sessions.port import Begun, Displaced, Session, Sessions
from adapters.sessions.redis import RedisSessions

__all__ = ["Begun", "Displaced", "MemorySessions", "RedisSessions", "Session", "SessionLimits", "Sessions"]
