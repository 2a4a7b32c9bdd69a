"""gunicorn's configuration: `gunicorn --config python:adapters.web_server`, by `bylaw up` and in production alike.

gunicorn reads the names below from this module.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adapters.settings import Settings
from adapters.web_worker import HurriedWorker

_settings = Settings.from_environment()
_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host

wsgi_app = "webapp.wsgi:application()"
bind = [f"{_host}:{_settings.port}"]
workers = _settings.web_processes
HurriedWorker.request_seconds = _settings.request_seconds
worker_class = HurriedWorker
threads = _settings.web_threads
worker_connections = max(1_000, 10 * _settings.web_threads)
timeout = 60  # seconds without a sign of life from a process before it is replaced
graceful_timeout = 3  # seconds that running requests get at the end
keepalive = 5
limit_request_line = 8_190  # bytes; the application refuses addresses from 4,000 characters on
limit_request_fields = 64  # headers
limit_request_field_size = 8_190  # bytes of one header
forwarded_allow_ips = ",".join(_settings.trusted_proxies)  # nobody else says that a request came over HTTPS
control_socket_disable = True
proc_name = "bylaw-web"
# Sign of life through memory, not a disk that may be slow or full.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # gunicorn makes an unnamed file there
loglevel = _settings.log_level
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(message)s"}},
    "handlers": {"error": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}},
    "root": {"level": "WARNING", "handlers": ["error"]},
    "loggers": {
        "gunicorn.error": {"level": _settings.log_level.upper(), "handlers": ["error"], "propagate": False},
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    },
}
