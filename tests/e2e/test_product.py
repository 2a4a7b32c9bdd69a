"""The whole product as a newcomer meets it: `bylaw up` on an empty home, a browser, the API and the command."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
ROLES = ("sales_rep", "field_sales_rep", "sales_manager", "revops_analyst", "platform_admin")
PAGES = ("/", "/leads", "/deals", "/statements", "/conflicts", "/rules", "/try", "/jobs", "/audit", "/help")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

pytestmark = pytest.mark.xdist_group("product")


@dataclass(frozen=True)
class Product:
    """A running `bylaw up`: its process, its home and its address."""

    process: subprocess.Popen[str]
    home: Path
    address: str


def bylaw(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command against a home."""
    command = [sys.executable, "-m", "cli", *arguments]
    environment = {**os.environ, "BYLAW_HOME": str(home)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def descendants(pid: int) -> list[int]:
    """The process ids of all children and their children."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listing.splitlines()]
    found, level = [], [pid]
    while level:
        level = [child for child, parent in pairs if parent in level]
        found += level
    return found


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """`bylaw up` on an empty home, ready; stopped as by Ctrl-C, with nothing left behind."""
    home = tmp_path_factory.mktemp("home")
    log = home.parent / "up.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "up", "--home", str(home), "--port", "0"],
            cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    address = ""
    end = time.monotonic() + 120
    while not address:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        if found and answers(found.group()):
            address = found.group()
        time.sleep(0.2)
    yield Product(process, home, address)
    children = descendants(process.pid)
    assert len(children) >= 3
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0, log.read_text()
    left = [pid for pid in children if Path(f"/proc/{pid}").exists()]
    assert left == [], log.read_text()


def answers(address: str) -> bool:
    """Whether the product says that it is ready."""
    try:
        with urllib.request.urlopen(f"{address}/health/ready", timeout=2) as response:
            return response.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, product: Product) -> Iterator[BrowserContext]:
    """A fresh browser profile; a console message or a failed request of any page fails the test."""
    context = browser.new_context(base_url=product.address)
    said: list[str] = []

    def listen(page: Page) -> None:
        def hear(message: ConsoleMessage) -> None:
            said.append(f"{page.url}: {message.text}")

        page.on("console", hear)
        page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))

    context.on("page", listen)
    yield context
    context.close()
    assert said == []


def sign_in(page: Page, role: str) -> None:
    """Choose the example person of a role on the sign-in page."""
    page.goto("/sign-in")
    page.locator(f'form:has(input[value="person-{role}"]) button').first.click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


@pytest.mark.parametrize("role", ROLES)
def test_every_role_signs_in_and_reads_every_page(role: str, context: BrowserContext, real: Callable[[str], None]):
    """Each of the five example people signs in and every page answers with a heading, without a console message."""
    page = context.new_page()
    sign_in(page, role)
    for path in PAGES:
        response = page.goto(path)
        assert response is not None
        assert (path, response.status) == (path, 200)
        assert page.locator("h1").first.inner_text().strip()
    for component in ("Chromium", "SQLite", "Valkey", "gunicorn"):
        real(component)


def test_leads_come_in_priority_order_with_reasons(context: BrowserContext):
    """A manager sees leads by falling score, and a lead's page shows the rules behind its score and the rule file."""
    page = context.new_page()
    sign_in(page, "sales_manager")
    page.goto("/leads")
    lead = page.locator('main a[href^="/leads/"]').first
    lead.click()
    text = page.locator("main").inner_text()
    assert "lead-priority/inbound" in text
    page.locator('main a[href^="/rules/lead-priority/inbound"]').first.click()
    assert "lead-priority/inbound" in page.locator("main").inner_text()


def test_the_conflict_that_everybody_understands(context: BrowserContext):
    """The dry run of deal-981 shows 12,000 against 10,000, the server's value as outcome, and the rule that decided."""
    page = context.new_page()
    sign_in(page, "sales_manager")
    page.goto("/conflicts")
    page.locator("main tr", has_text="deal-981").locator('a[href^="/conflicts/"]').click()
    text = page.locator("main").inner_text()
    for expected in ("12,000", "10,000", "server_wins"):
        assert expected in text


def test_a_job_started_in_the_browser_is_done_by_the_worker(context: BrowserContext, real: Callable[[str], None]):
    """Rescoring started on the jobs page is worked off by the RQ worker, and its page shows the end by itself."""
    page = context.new_page()
    sign_in(page, "revops_analyst")
    page.goto("/jobs")
    page.get_by_role("button", name="Start scoring").click()
    page.wait_for_url(re.compile("/jobs/"))
    page.get_by_text(re.compile("succeeded", re.IGNORECASE)).first.wait_for(timeout=60_000)
    real("RQ worker")


def test_three_doors_give_one_answer(product: Product):
    """The command and the API give the same JSON for the same facts."""
    facts = ROOT / "docs" / "examples" / "lead.json"
    at = "2026-11-02T09:00:00Z"
    instants = ("--at", at, "--as-of", "2099-01-01")
    command = bylaw(product.home, "evaluate", "lead-priority/inbound", "--facts", str(facts), *instants, "--json")
    assert command.returncode == 0, command.stderr
    key = bylaw(product.home, "keys", "make", "person-sales_manager", "--name", "e2e", "--json")
    assert key.returncode == 0, key.stderr
    request = urllib.request.Request(
        f"{product.address}/api/v1/evaluate/lead-priority/inbound",
        data=json.dumps({"facts": json.loads(facts.read_text()), "at": at, "as_of": "2099-01-01T00:00:00Z"}).encode(),
        headers={"Authorization": f"Bearer {json.loads(key.stdout)['key']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        assert json.loads(command.stdout) == json.loads(response.read())
