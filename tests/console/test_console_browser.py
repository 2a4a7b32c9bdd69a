"""The console in a real Chromium against a real server: no message on the console, keys, phone width, both schemes."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from console_house import house
from naughty import NAUGHTY, unkeepable
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright
from werkzeug.serving import make_server

from adapters.queue import MemoryQueue
from adapters.wiring import Texts, Wiring
from engine.caller import ROLES, Caller
from engine.predicate import Compare
from engine.records import Record
from engine.service.directory import actor_of
from engine.service.jobs import run_job
from engine.service.records import create_record
from webapp.app import create_app

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
MAIN_PAGES = (
    "/", "/leads", "/deals", "/statements", "/conflicts", "/rules", "/rules/lead-priority/inbound", "/try",
    "/try?rule=sync-conflict/deal", "/try?rule=incentive-plan/sales-commission", "/jobs", "/audit", "/help", "/me",
    "/rights?type=lead&record=lead-1001&action=write",
    "/me/sessions",
)  # fmt: skip
PHONE = {"width": 390, "height": 844}

Watched = Callable[..., Page]


class Worker(threading.Thread):
    """Does the jobs that are started, slowly enough to be watched, until it is stopped."""

    def __init__(self, wiring: Wiring) -> None:
        super().__init__(daemon=True)
        self.wiring, self.stopped = wiring, threading.Event()
        self.failures: list[BaseException] = []

    def run(self) -> None:
        queue = self.wiring.ports.queue
        assert isinstance(queue, MemoryQueue)
        while not self.stopped.wait(0.1):
            message = queue.take()
            if message is None:
                continue
            try:
                run_job(self.wiring.ports, message.payload["job_id"], clock=self.now, worker="test", beat=self.pause)
            except Exception as error:  # noqa: BLE001  # a thread's failure is the test's to report
                self.failures.append(error)

    def pause(self, _job: Record) -> None:
        self.stopped.wait(1.2)

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, texts: Texts) -> Iterator[tuple[str, Wiring]]:
    """A running server with the example organisation and a worker; its address."""
    with house(tmp_path_factory.mktemp("served"), texts, now=datetime.now(UTC)) as wiring:
        server = make_server("127.0.0.1", 0, create_app(wiring), threaded=True)
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        worker = Worker(wiring)
        serving.start()
        worker.start()
        yield f"http://127.0.0.1:{server.server_port}", wiring
        worker.stopped.set()
        worker.join(10)
        server.shutdown()
        serving.join(10)
        server.server_close()
        assert [] == worker.failures


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """The browser, started once."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def watched(browser: Browser, served: tuple[str, Wiring], real: Callable[[str], None]) -> Iterator[Watched]:
    """A signed-in page; the test fails on any message that the browser writes to its console."""
    messages: list[str] = []
    contexts = []

    def opened(role: str | None, *, width: int = 1280, height: int = 900, scheme: str = "light") -> Page:
        context = browser.new_context(
            base_url=served[0], viewport={"width": width, "height": height}, color_scheme=scheme,
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: messages.append(said(message)))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto("/sign-in")
        if role is not None:
            page.locator(f'form:has(input[value="person-{role}"])').get_by_role("button").click()
            page.wait_for_url(re.compile(r"/$"))
        return page

    real("Chromium")
    yield opened
    for context in contexts:
        context.close()
    assert [] == messages


def said(message: ConsoleMessage) -> str:
    """A console message with where it came from."""
    return f"{message.type}: {message.text} ({message.location.get('url', '')})"


def too_wide(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("role", ROLES)
def test_everybody_can_walk_through_all_pages(watched: Watched, role: str) -> None:
    """Every role signs in by a click and follows every link of the navigation without any complaint."""
    page = watched(role)
    for name in ("Leads", "Deals", "Statements", "Conflicts", "Rule sets", "Try a record", "Jobs", "Audit", "Home"):
        page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True).click()
        expect(page.locator("main h1")).to_be_visible()
        current = page.get_by_role("navigation", name="Main").locator("[aria-current]")
        expect(current).to_have_text(name)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways_on_a_phone(watched: Watched, scheme: str) -> None:
    """At 390 pixels every page fits the window: wide tables become cards or scroll inside themselves."""
    page = watched("sales_manager", **PHONE, scheme=scheme)
    wide = {}
    for address in (*MAIN_PAGES, *details(page)):
        page.goto(address)
        if (more := too_wide(page)) > 0:
            wide[address] = more
    assert {} == wide


@pytest.mark.parametrize("width", [1100, 1280])
def test_no_number_of_a_tried_record_is_cut_off(watched: Watched, width: int) -> None:
    """Beside the form the outcome fits its column: no table of it scrolls, whatever was tried."""
    page = watched("sales_manager", width=width, height=900)
    cut: dict[str, int] = {}
    for rule in (
        "sync-conflict/deal",
        "sync-conflict/check-in",
        "incentive-plan/sales-commission",
        "lead-priority/inbound",
    ):
        for case in range(4):
            page.goto(f"/try?rule={rule}&case={case}")
            tables = "[...document.querySelectorAll('#result .table-wrap')]"
            more = page.evaluate(f"Math.max(0, ...{tables}.map(one => one.scrollWidth - one.clientWidth))")
            if more > 1:
                cut[page.url] = more
    assert {} == cut


def test_a_choice_is_made_with_the_keyboard_alone(watched: Watched) -> None:
    """An open conflict is settled by keys: nothing is sent before a side is chosen and a reason is given."""
    page = watched("sales_manager")
    page.goto("/conflicts?state=open")
    for address in [link.get_attribute("href") for link in page.locator("tbody th a").all()]:
        page.goto(str(address))
        if page.locator('input[name="choice.stage"]').count():
            break
    page.get_by_role("button", name="Settle as chosen").press("Enter")
    expect(page.get_by_role("button", name="Settle as chosen")).to_be_visible()
    page.locator('input[name="choice.stage"]').first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator('input[name="choice.stage"][value="server"]')).to_be_checked()
    page.get_by_role("button", name="Settle as chosen").press("Enter")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("The customer signed with the office")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The customer signed with the office")
    page.get_by_role("link", name="History").click()
    page.locator("tbody th a").first.click()
    expect(page.get_by_role("main")).to_contain_text("The customer signed with the office")


def details(page: Page) -> list[str]:
    """The first lead, deal, statement and conflict."""
    found = []
    for address in ("/leads", "/deals", "/statements", "/conflicts", "/audit"):
        page.goto(address)
        found.append(str(page.locator("tbody th a").first.get_attribute("href")))
    return found


def test_both_schemes_are_drawn(watched: Watched, tmp_path: Path) -> None:
    """The page follows the system's scheme: the ground is light or dark, and the pictures differ."""
    grounds, pictures = [], []
    for scheme in ("light", "dark"):
        page = watched("sales_manager", scheme=scheme)
        page.goto("/leads")
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        pictures.append(page.screenshot(path=tmp_path / f"{scheme}.png"))
    light, dark = (sum(int(part) for part in re.findall(r"\d+", ground)[:3]) for ground in grounds)
    assert light > 600
    assert dark < 150
    assert pictures[0] != pictures[1]


def test_trying_a_record(watched: Watched) -> None:
    """An analyst changes one fact, presses Decide, reads the new outcome and its reasons, and copies the curl."""
    page = watched("revops_analyst")
    page.goto("/try?rule=lead-priority/inbound&case=0")
    before = page.locator("#result .value").inner_text()
    page.get_by_label("Seniority").select_option("executive")
    page.get_by_role("button", name="Decide").click()
    page.wait_for_url(re.compile("facts="))
    assert before != page.locator("#result .value").inner_text()
    expect(page.locator("#result")).to_contain_text("The contact can sign or knows who does")
    page.get_by_text("The same question by the API").click()
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("button", name=re.compile("Copied|Selected"))).to_be_visible()


def test_choosing_a_rule_set_shows_its_form(watched: Watched) -> None:
    """Choosing another rule set in the list opens its form at once, without a version left over from the one before."""
    page = watched("revops_analyst")
    page.goto("/try?rule=lead-priority/inbound&version=3")
    page.locator("#rule").select_option("decision/discount-approval")
    page.wait_for_url(re.compile("discount-approval"))
    expect(page.locator("#result")).to_contain_text("Outcome")


def test_a_job_is_watched_to_its_end(watched: Watched, served: tuple[str, Wiring]) -> None:
    """A started job's page moves on by itself and stops asking once the job has ended."""
    page = watched("revops_analyst")
    page.goto("/jobs")
    page.get_by_label("Period").fill("2026-Q3")
    page.get_by_label("Plan").select_option("incentive-plan/sales-commission")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(re.compile("/jobs/job-"))
    expect(page.locator("#progress .chip").first).to_have_text("Succeeded", timeout=30_000)
    expect(page.locator("#progress")).to_contain_text("reconciled to the cent")
    expect(page.locator("#progress")).not_to_have_attribute("hx-get", re.compile("."))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2_500)
    assert [] == asked


def test_a_running_job_is_cancelled(watched: Watched, served: tuple[str, Wiring]) -> None:
    """The cancel button stops a job, and its page says so."""
    page = watched("revops_analyst")
    page.goto("/jobs")
    page.get_by_role("button", name="Start scoring").click()
    page.wait_for_url(re.compile("/jobs/job-"))
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.locator("#progress .chip").first).to_have_text("Cancelled", timeout=30_000)
    job_id = page.url.partition("?")[0].rpartition("/")[2]
    (job,) = served[1].ports.store.scan("job", Compare("id", "=", job_id))
    assert "cancelled" == job["state"]


def test_the_conflict_of_deal_981_is_a_dry_run(watched: Watched, served: tuple[str, Wiring]) -> None:
    """The page shows both edits, the outcome and the rule, marked as a dry run, and looking at it changes nothing."""
    page = watched("field_sales_rep")
    page.goto("/conflicts")
    page.locator('a[href="/conflicts/conflict-deal-981"]').click()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Contract target"))
    expect(row).to_contain_text("12,000.00 USD")
    expect(row).to_contain_text("the server's value")
    expect(page.get_by_text("Dry run.")).to_be_visible()
    (conflict,) = served[1].ports.store.scan("conflict", Compare("id", "=", "conflict-deal-981"))
    assert ("open", 1) == (conflict["state"], conflict.revision)


def test_keys_alone_are_enough(watched: Watched) -> None:
    """The first Tab reaches the skip link; `g l` opens leads, `/` the search, `?` help; typing is left alone."""
    page = watched("sales_manager")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to content")
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("l")
    page.wait_for_url(re.compile("/leads$"))
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("gr?")
    expect(page.get_by_role("searchbox")).to_have_value("gr?")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"q=gr"))
    page.keyboard.press("?")
    page.wait_for_url(re.compile("/help$"))


def test_everything_that_can_be_used_can_be_reached_and_seen(watched: Watched) -> None:
    """Tabbing through a page reaches its links, fields and buttons in order, each with a visible ring."""
    page = watched("sales_manager")
    page.goto("/leads")
    seen = []
    for _ in range(24):
        page.keyboard.press("Tab")
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        seen.append(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id"))
        assert ring.startswith("solid"), (seen[-1], ring)
    assert ["Skip to content", "Bylaw", "Home", "Leads"] == seen[:4]


def test_pages_work_without_javascript(browser: Browser, served: tuple[str, Wiring]) -> None:
    """With scripts off one can sign in, filter leads and try a record."""
    context = browser.new_context(base_url=served[0], java_script_enabled=False)
    page = context.new_page()
    page.goto("/sign-in")
    page.locator('form:has(input[value="person-sales_manager"])').get_by_role("button").click()
    page.goto("/leads")
    page.get_by_label("Band", exact=True).select_option("A")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url(re.compile("band=A"))
    page.goto("/try?rule=lead-priority/inbound&case=0")
    page.get_by_role("button", name="Decide").click()
    page.wait_for_url(re.compile("facts="))
    expect(page.locator("#result")).to_contain_text("Outcome")
    context.close()


def test_a_statement_prints_without_the_frame(watched: Watched) -> None:
    """On paper a statement has no navigation and no buttons, and is dark on white whatever the scheme."""
    page = watched("sales_manager", scheme="dark")
    page.goto("/statements")
    page.locator("tbody th a").first.click()
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    expect(page.get_by_role("heading", name="Lines")).to_be_visible()
    assert "rgb(255, 255, 255)" == page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_tables_are_printed_whole(watched: Watched) -> None:
    """On a sheet of A4 tables stay tables, and none is wider than the sheet or cut off below."""
    page = watched("sales_manager", width=688, height=1000)  # 182 mm between the margins
    page.goto("/statements")
    statement = page.locator("tbody th a").first.get_attribute("href")
    for address in (statement, "/rules/decision/discount-limits", "/audit", "/leads"):
        page.goto(str(address))
        page.emulate_media(media="print")
        expect(page.locator("thead").first).to_be_visible()
        cut = "all => all.filter(e => e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight).length"
        assert 0 == page.locator(".table-wrap").evaluate_all(cut), address
        page.emulate_media(media="screen")


INJECTED = (
    "<script>window.ran = ['inline']</script>"
    "<img src='/nothing.png' onerror=\"window.ran = ['handler']\">"
    "<svg onload=\"window.ran = ['svg']\"></svg>"
    '<iframe srcdoc="&lt;script&gt;parent.ran = [1]&lt;/script&gt;"></iframe>'
    "<iframe src=\"javascript:parent.ran = ['frame']\"></iframe>"
    "<script src='data:text/javascript,window.ran=[2]'></script>"
    "<script src='https://evil.test/x.js'></script>"
    "<base href='https://evil.test/'>"
    "<object data='/me'></object>"
    "<a id='injected' href=\"javascript:window.ran = ['address']\">x</a>"
    "<button id='evaluated' hx-on:click=\"window.ran = ['htmx']\" hx-vals='js:{a: window.ran = [3]}'>x</button>"
)
"""What would run if the pages escaped nothing: the policy is the second wall, and is tried without the first."""


def test_what_is_injected_into_a_page_does_not_run(browser: Browser, served: tuple[str, Wiring]) -> None:
    """Inline scripts, handlers, `javascript:` addresses and foreign scripts written into a page stay dead."""
    context = browser.new_context(base_url=served[0])
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))

    def inject(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("</main>", f"{INJECTED}</main>"))

    page.route("**/sign-in", inject)
    page.goto("/sign-in")
    page.locator("#injected").click()
    page.locator("#evaluated").click()
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = [4]\">')")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.ran") is None
    assert page.evaluate("document.baseURI").startswith(served[0])
    for directive in ("script-src", "base-uri", "default-src"):
        assert any(directive in told for told in refused), (directive, refused)
    context.close()


def test_a_page_cannot_be_framed(browser: Browser, served: tuple[str, Wiring]) -> None:
    """Another page that frames ours, of the same site or not, shows nothing of it."""
    context = browser.new_context(base_url=served[0])
    page = context.new_page()
    frame = f"<iframe src='{served[0]}/sign-in'></iframe>"
    page.route("**/framing", lambda route: route.fulfill(body=frame, content_type="text/html"))
    page.goto("/framing")
    page.wait_for_load_state("networkidle")
    assert ["chrome-error://chromewebdata/"] == [one.url for one in page.frames[1:]]
    context.close()


HOSTILE = [
    text for name, text in NAUGHTY.items() if not unkeepable(text) and ("<" in text or len(text) > 1_000 or name in {
        "right to left override", "isolates left open", "embedding left open", "many marks", "escape sequence",
        "line and paragraph separator", "template statement", "end of an attribute in single quotes", "a long word",
        "nothing but invisible", "as long as a field keeps",
    })
]  # fmt: skip


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_that_people_write_runs_or_breaks_a_page(
    watched: Watched, served: tuple[str, Wiring], width: int
) -> None:
    """Markup, scripts, overrides of direction and endless words are text: nothing runs, and no page is too wide."""
    wiring = served[1]
    rep = Caller(actor_of(wiring.ports, "person-sales_rep"), datetime.now(UTC), "api", f"hostile-{width}")
    made = [
        create_record(wiring.ports, rep, "lead", {"name": text, "company": text, "source": text}) for text in HOSTILE
    ]
    page = watched("sales_rep", width=width, height=900)
    entries = list(wiring.ports.store.scan("audit_entry", Compare("request_id", "=", rep.request_id)))
    addresses = [f"/leads/{lead.id}" for lead in made[::2]] + [f"/audit/{entry.id}" for entry in entries[1::2]]
    for address in ("/leads", "/leads?q=%3C", "/audit", *addresses):
        page.goto(address)
        assert "Bylaw" in page.title(), address
        assert "ran" != page.title(), address
        assert 0 == page.locator("main script, main img, main iframe, main style, main base").count(), address
        assert too_wide(page) <= 0, (address, too_wide(page))
        expect(page.locator("main h1")).to_be_visible()


TYPED = ("script", "image with a handler", "end of an attribute", "right to left override", "template expression")


def test_what_is_typed_into_forms_is_a_text(watched: Watched, served: tuple[str, Wiring]) -> None:
    """Typed into a search or as a new key's name, markup runs nowhere and comes back as it was typed."""
    page = watched("sales_rep", **PHONE)
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    for name in TYPED:
        text = NAUGHTY[name]
        page.goto("/leads")
        page.get_by_role("searchbox").fill(text)
        page.get_by_role("searchbox").press("Enter")
        page.wait_for_url(re.compile("q="))
        expect(page.get_by_role("searchbox")).to_have_value(text)
        page.goto("/me/keys")
        page.get_by_label("What it is for").fill(text)
        page.get_by_label("Whatever I may do, making keys too").check()
        page.get_by_role("button", name="Make the key").click()
        expect(page.locator("#new-key-title")).to_have_text(f"The new key: {text}")
        assert too_wide(page) <= 0
        assert "Bylaw" in page.title()
        assert 0 == page.locator("main script, main img, main iframe").count()
