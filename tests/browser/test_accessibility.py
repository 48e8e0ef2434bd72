"""Every page in a real browser: axe, width, keyboard, weight, with scripts and without."""

import gzip
import time
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.core.management import call_command

from tests.browser.walker import Person, apart
from tests.builders import client_of
from tests.stories import World
from tests.walk.pages import PAGES, Visit
from tests.walk.test_every_page import address, expected
from tests.walk.town import Side, Town

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

WIDE = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}
NARROW = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"}
READERS = ("founder", "officer", "bureau", "reviewer", "reviewer2", "analyst", "citizen")
"""Who looks at a page that is closed to strangers: the first of them who may."""
NOT_PAGES = {
    "service_worker",
    "agreement_newest",
    "agreement_version",
    "agreement_docx",
    "agreement_sealed",
    "index_bundle",
    "agreement_scan",
    "data_contract_document",
    "legal_paper",
    "legal_approval",
    "legal_supplied",
    "application_file",
    "pilot_evidence",
}
AFTER_REAUTHENTICATION = ("people_key_new", "people_erase")
ACCOUNT = ("/akun/email/", "/akun/password/change/", "/akun/2fa/", "/akun/sessions/", "/akun/3rdparty/")


def readers(town: Town, visit: Visit, side: Side) -> Iterator[str]:
    """The strangers where they may, and the first person who may."""
    if expected(town, "stranger", visit, side) == 200:
        yield "stranger"
    yield from [role for role in READERS if expected(town, role, visit, side) == 200][:1]


def addresses(town: Town, language: str) -> Iterator[tuple[str, str]]:
    """Every page once: who looks at it, and where it is."""
    side = town.sides[0]
    for name, listed in PAGES.items():
        if name in NOT_PAGES or name.endswith("_csv"):
            continue
        for visit in listed:
            # In one language the page is the stranger's, in the other somebody's with more to see on it.
            seen = list(readers(town, visit, side))
            if seen:
                yield seen[0 if language == "id" else -1], address(name, visit, side, language)
    prefix = "" if language == "id" else "/en"
    for path in ACCOUNT:
        yield "founder", prefix + path
    for name in AFTER_REAUTHENTICATION:
        yield "founder", address(name, PAGES[name][0], side, language)


def just_signed_in(person: Person) -> None:
    """The hub takes the person for somebody who gave the password a moment ago."""
    from importlib import import_module

    cookie = next(c for c in person.context.cookies() if c["name"] == settings.SESSION_COOKIE_NAME)
    session = import_module(settings.SESSION_ENGINE).SessionStore(cookie["value"])
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session.save()


def test_axe_finds_nothing_and_nothing_runs_out_of_the_page(browser, hub):
    town = apart(Town)
    axe = Axe()
    faults: list[tuple[str, ...]] = []
    complaints: list[str] = []

    for language, options in (("id", WIDE), ("en", NARROW)):
        people: dict[str, Person] = {}
        for role, path in addresses(town, language):
            if role not in people:
                people[role] = Person(browser, hub, town.roles[role], **options)
                if role == "founder":
                    just_signed_in(people[role])
            page = people[role].page
            answer = page.goto(path)
            if answer is None or answer.status != 200:
                faults.append((path, role, "answers", str(answer and answer.status)))
                continue
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > options["viewport"]["width"]:
                faults.append((path, role, "is wider than the screen", str(width)))
            faults += [
                (path, role, fault["id"], node["html"][:160])
                for fault in axe.run(page).response["violations"]
                for node in fault["nodes"][:2]
            ]
        complaints += [text for person in people.values() for text in person.complaints]
        for person in people.values():
            person.context.close()

    assert faults == []
    assert complaints == []


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_keyboard_reaches_what_there_is_to_do(browser, hub, scripts):
    """From the skip link to the button that submits, by Tab alone, the focus visible at every stop."""
    world = World()
    screening = world.at("screening", title="Sepeda")
    bureau = Person(browser, hub, world.bureau, java_script_enabled=scripts)
    bureau.go(f"/permohonan/{screening.reference}/periksa/")
    page, stops, unseen = bureau.page, [], []

    for _press in range(150):
        page.keyboard.press("Tab")
        focus = page.locator(":focus")
        if not focus.count():
            break
        text, outline = focus.evaluate(
            "node => [node.innerText || node.name || '', getComputedStyle(node).outlineStyle]"
        )
        stops.append(text.strip())
        if outline == "none":
            unseen.append(text)
        if text.strip() == "Save the checklist":
            break

    assert stops[0] == "Skip to the content"
    assert stops[-1] == "Save the checklist"
    assert unseen == []


def test_skip_link_leads_to_the_content(browser, hub):
    person = Person(browser, hub)
    person.go("/")

    person.page.keyboard.press("Tab")
    person.page.keyboard.press("Enter")

    assert person.page.evaluate("document.activeElement.id") == "main"


@pytest.fixture
def packed(settings, tmp_path):
    """Static files as in production: named by their content, compressed."""
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    return settings.STATIC_ROOT


def weights(person: Person, packed, path: str, known: set[str]) -> int:
    """Bytes on the wire of a page whose ``known`` static files the browser has kept."""
    fetched: list[str] = []
    person.page.on("request", lambda request: fetched.append(request.url))
    person.go(path)
    person.page.wait_for_load_state("networkidle")
    total = 0
    for url in dict.fromkeys(fetched):
        place = url.removeprefix(person.hub)
        if place.startswith("/static/"):
            file = packed / place.removeprefix("/static/")
            small = file.with_name(f"{file.name}.gz")
            if place not in known:
                total += (small if small.exists() else file).stat().st_size
            known.add(place)
        elif place.startswith("/"):
            total += len(gzip.compress(client_of(None).get(place).content, 6))
    return total


def test_first_page_is_light_and_the_next_ones_lighter(browser, hub, packed):
    world = World()
    for number in range(3):
        world.at("drafting", title=f"Sepeda {number}")
    known: set[str] = set()
    person = Person(browser, hub)

    first = weights(person, packed, "/", known)
    others = {
        path: weights(person, packed, path, known)
        for path in ("/kolaborasi/", "/kebutuhan/", "/tantangan/", "/kebutuhan/baru/", "/skema/playground/")
    }

    assert first <= 100_000, first
    assert {path: weight for path, weight in others.items() if weight > 40_000} == {}
