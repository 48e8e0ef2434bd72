"""The parts as a browser sees them: axe, keyboard, size, the line going down."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def hub(live_server, settings) -> str:
    settings.DEMO = True
    return live_server.url


def open_page(browser: Browser, address: str, **options) -> tuple[Page, list[str]]:
    """A page in a context of its own, and what the console complained of."""
    page = browser.new_context(**options).new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda fault: complaints.append(str(fault)))
    page.goto(address)
    return page, complaints


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    ["/komponen/", "/en/komponen/", "/akun/login/", "/en/akun/signup/", "/akun/password/reset/", "/luring/"],
)
def test_axe_finds_nothing(browser, hub, path, theme):
    page, complaints = open_page(
        browser, hub + path, color_scheme=theme, viewport={"width": 1280, "height": 800}
    )

    found = Axe().run(page)

    faults = [
        (fault["id"], node["html"][:120], node["failureSummary"][:200])
        for fault in found.response["violations"]
        for node in fault["nodes"]
    ]
    assert faults == []
    assert [text for text in complaints if "Content Security Policy" in text] == []


@pytest.mark.parametrize("path", ["/komponen/", "/akun/login/"])
@pytest.mark.parametrize(("width", "zoom"), [(360, 1), (1280, 1), (320, 1)])
def test_nothing_runs_out_of_the_page(browser, hub, path, width, zoom):
    page, _complaints = open_page(browser, hub + path, viewport={"width": width, "height": 740})

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_tap_targets_are_large_enough(browser, hub):
    page, _complaints = open_page(browser, hub + "/komponen/", viewport={"width": 360, "height": 740})

    small = page.evaluate(
        """() => [...document.querySelectorAll(
            "button, .button, summary, input:not([type=hidden]), select, .roof-top a, .roof-nav a")]
        .filter(node => node.offsetParent && !["checkbox", "radio"].includes(node.type))
        .map(node => [node.outerHTML.slice(0, 80), node.getBoundingClientRect()])
        .filter(([, box]) => box.height < 44 || box.width < 44).map(([html]) => html)"""
    )

    assert small == []


def test_the_keyboard_starts_at_the_skip_link(browser, hub):
    page, _complaints = open_page(browser, hub + "/komponen/")

    page.keyboard.press("Tab")
    first = page.evaluate(
        "[document.activeElement.className, getComputedStyle(document.activeElement).outlineStyle]"
    )
    page.keyboard.press("Enter")

    assert first == ["skip", "solid"]
    assert page.evaluate("document.activeElement.id") == "main"


def test_the_menu_opens_without_scripts(browser, hub):
    page, _complaints = open_page(
        browser, hub + "/komponen/", viewport={"width": 360, "height": 740}, java_script_enabled=False
    )

    page.locator("details.menu.roof-narrow > summary").click()

    assert page.locator("details.menu.roof-narrow nav a").first.is_visible()


def test_first_page_is_light(browser, hub):
    page = browser.new_context().new_page()
    sizes: list[int] = []
    page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))

    page.goto(hub + "/akun/login/", wait_until="networkidle")

    assert sum(sizes) <= 170_000  # unpacked: the test server does not compress, whitenoise does


def test_pages_do_not_jump_while_loading(browser, hub):
    page, _complaints = open_page(browser, hub + "/komponen/", viewport={"width": 360, "height": 740})

    shift = page.evaluate(
        """() => new Promise(done => { let sum = 0;
        new PerformanceObserver(list => list.getEntries().forEach(entry => sum += entry.value))
            .observe({type: "layout-shift", buffered: true});
        setTimeout(() => done(sum), 300); })"""
    )

    assert shift == 0


def test_offline_page_shows_when_the_line_is_down(browser, hub):
    page, _complaints = open_page(browser, hub + "/akun/login/")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")

    page.context.set_offline(True)
    page.goto(hub + "/akun/signup/")

    assert page.locator("h1").inner_text() == "Anda sedang luring"
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.roof')).backgroundColor")
        == "rgb(11, 63, 52)"
    )
