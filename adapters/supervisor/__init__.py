"""Running several programs as one: start in order, restart with patience, one log, one clean end, no orphans."""

from adapters.supervisor.home_lock import HomeLock
from adapters.supervisor.listening import listen
from adapters.supervisor.log import Log
from adapters.supervisor.program import Program
from adapters.supervisor.supervisor import Supervisor

__all__ = ["HomeLock", "Log", "Program", "Supervisor", "listen"]
