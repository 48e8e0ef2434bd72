"""People at their browsers, and the whole way of a collaboration as they press it."""

import datetime as dt
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from django.conf import settings
from django.db import connections
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page

from balai.challenges.models import Challenge
from balai.collaborations.models import Collaboration
from balai.collaborations.schemes import Scheme
from balai.core.worker import run_once
from balai.people.models import User
from tests.builders import PASSWORD, client_of
from tests.stories import World, make_pdf


def apart[T](do: Callable[[], T]) -> T:
    """Do it in a thread of its own: Playwright's loop runs in this one, and sealing needs one as well."""

    def done() -> T:
        try:
            return do()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(done).result()


class Person:
    """One person in one browser of their own, signed in; a stranger without ``user``.

    Whatever the console complains of, and every answer that is no page, is kept in ``complaints``.
    """

    def __init__(self, browser: Browser, hub: str, user: User | None = None, **options: Any) -> None:
        self.hub = hub
        self.context = browser.new_context(base_url=hub, **options)
        if user is not None:
            cookie = client_of(user).cookies[settings.SESSION_COOKIE_NAME]
            self.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": hub}])
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.complaints: list[str] = []
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type == "error" else None
        )
        self.page.on("pageerror", lambda fault: self.complaints.append(str(fault)))

    def go(self, path: str) -> None:
        """Open a page of the hub, in English; it has to be there."""
        answer = self.page.goto(f"/en{path}")
        assert answer is not None
        assert answer.status == 200, (path, answer.status)

    @property
    def main(self) -> Locator:
        return self.page.locator("main")

    def press(self, name: str | re.Pattern[str]) -> None:
        """Press a button and wait for the page that follows."""
        with self.page.expect_navigation():
            self.main.get_by_role("button", name=name, exact=isinstance(name, str)).first.click()

    def follow(self, name: str | re.Pattern[str]) -> None:
        """Follow a link to the page behind it."""
        with self.page.expect_navigation():
            self.main.get_by_role("link", name=name, exact=isinstance(name, str)).first.click()

    def fill(self, **values: Any) -> None:
        """Fill fields by their names; a name's ``__`` stands for a dash."""
        for name, value in values.items():
            self.put(name.replace("__", "-"), value)

    def put(self, name: str, value: Any) -> None:
        """Put one value into the field of that name, whatever kind of field it is."""
        field = self.main.locator(f'[name="{name}"]')
        kind = field.first.evaluate("field => field.tagName === 'INPUT' ? field.type : field.tagName")
        if kind in ("radio", "checkbox") and value is not True:
            self.main.locator(f'[name="{name}"][value="{value}"]').check()
        elif kind == "checkbox":
            field.check()
        elif kind == "SELECT":
            field.select_option(str(value))
        else:
            field.fill(str(value))

    def says(self, text: str | re.Pattern[str]) -> bool:
        return self.main.get_by_text(text).first.is_visible()

    @property
    def sees(self) -> str:
        return self.main.inner_text()


class Walk:
    """One collaboration under one scheme, every step through the pages."""

    def __init__(self, browser: Browser, hub: str, scheme: str, files: Path, **options: Any) -> None:
        self.browser, self.hub, self.options, self.files = browser, hub, options, files
        self.world = World()
        self.key = scheme
        self.challenge: Challenge | None = None
        self.reference = ""
        self._people: dict[int, Person] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _fault: object, _trace: TracebackType | None
    ) -> None:
        for person in self._people.values():
            person.context.close()
        if kind is None:
            assert self.complaints == []

    @property
    def complaints(self) -> list[str]:
        return [text for person in self._people.values() for text in person.complaints]

    def person(self, user: User) -> Person:
        if user.pk not in self._people:
            self._people[user.pk] = Person(self.browser, self.hub, user, **self.options)
        return self._people[user.pk]

    @property
    def founder(self) -> Person:
        return self.person(self.world.founder)

    @property
    def officer(self) -> Person:
        return self.person(self.world.officer)

    @property
    def bureau(self) -> Person:
        return self.person(self.world.bureau)

    @property
    def analyst(self) -> Person:
        return self.person(self.world.analyst)

    @property
    def collaboration(self) -> Collaboration:
        rows = Collaboration.objects.select_related("scheme_version")
        return rows.get(reference=self.reference)

    @property
    def scheme(self) -> Scheme:
        return self.collaboration.scheme

    def move(self, person: Person, key: str, **record: str) -> None:
        """Press a move on its own page; the collaboration stands at its target afterwards."""
        person.go(f"/kolaborasi/{self.reference}/langkah/{key}/")
        person.fill(**record)
        move = self.scheme.move(key)
        person.press(move.name.en)
        assert self.collaboration.stage == move.target, person.sees

    # The application.

    def apply(self) -> None:
        """From the self-check to a draft."""
        if self.key == "co-develop":
            self.challenge = self.world.challenge(schemes=["co-develop"])
        asked = f"?tantangan={self.challenge.reference}" if self.challenge else ""
        answers = {
            "playground": {"ready": "no", "prototype": "yes", "challenge": "no", "place": "yes"},
            "co-develop": {"ready": "no", "prototype": "yes", "challenge": "yes", "place": "no"},
            "user": {"ready": "yes", "prototype": "yes", "challenge": "no", "place": "no"},
        }[self.key]
        founder = self.founder
        founder.go(f"/skema/periksa/{asked}")
        founder.fill(legal="yes", budget="no", **answers)
        founder.press("Show which scheme fits")
        founder.follow("Begin an application")
        assert founder.main.locator(f'[name="scheme"][value="{self.key}"]').is_checked()
        founder.fill(title="Sepeda listrik di taman")
        founder.press("Open the draft")
        self.reference = founder.page.url.rstrip("/").rpartition("/")[2]

    def fill_in(self) -> None:
        """Every page of the form, then the papers."""
        founder = self.founder
        founder.go(f"/permohonan/{self.reference}/bagian/about/")
        founder.fill(b__title="Sepeda listrik di taman", b__summary="Dua puluh sepeda di dua taman kota.")
        founder.put("b-dimensions", "mobility")
        if self.challenge is None:
            founder.put("b-agency", self.world.agency.pk)
        founder.press("Save and go on")
        for section, _label in self.scheme.sections:
            for field in self.scheme.fields:
                if field.section == section:
                    value = {
                        "number": "6",
                        "flag": True,
                        "choice": field.choices[0][0] if field.choices else "",
                    }
                    founder.put(f"a-{field.key}", value.get(field.type, f"Isian {field.key}."))
            founder.press("Save and go on")
        for paper in self.scheme.papers:
            if paper.required:
                file = self.files / f"{paper.key}.pdf"
                file.write_bytes(make_pdf(paper.key))
                founder.main.locator(f'[name="{paper.key}-file"]').set_input_files(file)
                founder.press(f"Upload: {paper.label.en}")
        founder.follow("Go on to submitting")

    def submit(self) -> None:
        self.founder.press("Submit the application")
        assert self.collaboration.stage == "screening", self.founder.sees

    def screen(self) -> None:
        bureau = self.bureau
        bureau.go(f"/permohonan/{self.reference}/periksa/")
        for item in self.scheme.checklist:
            bureau.put(item.key, "yes")
        bureau.press("Save the checklist")
        bureau.follow(self.scheme.move("pass_screening").name.en)
        bureau.press(self.scheme.move("pass_screening").name.en)
        assert self.collaboration.stage == "review", bureau.sees

    def review(self) -> None:
        for user in self.world.reviewers:
            reviewer = self.person(user)
            reviewer.go(f"/permohonan/{self.reference}/penilaian/")
            for criterion in self.scheme.criteria:
                reviewer.put(f"score_{criterion.key}", "4")
            reviewer.fill(recommendation="accept", comment="Layak diuji.")
            reviewer.press("Submit the review")
        self.move(self.bureau, "close_review")

    def decide(self) -> None:
        self.move(self.bureau, "accept", grounds="Menjawab kebutuhan kota.", conditions="Lapor tiap bulan.")

    # The agreement.

    def agree(self) -> None:
        """Draft, fill the blanks, name the signatories, approve, open for signing."""
        self.bureau.go(f"/perjanjian/untuk/{self.reference}/")
        self.bureau.press("Draft the agreement")
        self.agreement_path = re.sub(r"^.*?/en/", "/", self.bureau.page.url)
        officer, founder = self.officer, self.founder
        officer.go(f"{self.agreement_path}ubah/")
        for blank in officer.main.locator('textarea[name^="blank_"][name$="_id"]').all():
            if not blank.input_value():
                blank.fill("sesuai lampiran")
        officer.fill(note="Isian dilengkapi.", starts_on=timezone.localdate().isoformat())
        officer.press("Propose this text")
        for person, who in ((officer, self.world.signatory), (founder, self.world.founder)):
            person.go(self.agreement_path)
            person.follow("Name the signatory")
            person.fill(signatory_name=who.name, signatory_title="Kepala", mandate="Surat Kuasa 1")
            person.press("Save")
        for person in (officer, founder):
            person.go(self.agreement_path)
            person.press(re.compile("^Approve version"))
        self.bureau.go(f"/jalur-hukum/{self.reference}/dprd/")
        for question, why in (("burdens", "Tidak ada pungutan baru."), ("unbudgeted", "Ditanggung mitra.")):
            self.bureau.put(f"answer-{question}", "no")
            self.bureau.fill(**{f"answer-{question}_reason": why})
        self.bureau.press("Record the answers")
        self.move(self.bureau, "open_signing")

    def sign(self) -> None:
        """Both sides, each after giving the password again; then the hub seals and it comes into force."""
        for user in (self.world.signatory, self.world.founder):
            person = self.person(user)
            person.go(self.agreement_path)
            person.follow("Read and sign")
            assert "/reauthenticate/" in person.page.url
            person.fill(password=PASSWORD)
            person.press(re.compile("."))
            person.fill(consent=True)
            person.press("Sign")
        apart(run_once)
        self.bureau.go(self.agreement_path)
        assert "in force" in self.bureau.sees or "sealed" in self.bureau.sees
        self.move(self.bureau, "confirm_sealed")

    # The pilot.

    def plan(self) -> None:
        founder, today = self.founder, timezone.localdate()
        root = f"/uji-coba/{self.reference}/"
        founder.go(f"{root}rencana/")
        founder.fill(
            starts_on=today.isoformat(),
            ends_on=(today + dt.timedelta(days=170)).isoformat(),
            asset="Jalur sepeda, milik Dinas Perhubungan",
            safety_plan="Kecepatan dibatasi 15 km/jam.",
            stop_criteria="Satu kecelakaan serius.",
            restart_criteria="Insiden ditutup dengan tindakan.",
        )
        founder.press("Save")
        founder.follow("Add a site")
        founder.fill(name="Taman Rekaan", latitude="-6.2", longitude="106.8", radius_m="300")
        founder.press("Save")
        founder.follow("Plan a milestone")
        founder.fill(title="Purwarupa diterima", due_on=(today + dt.timedelta(days=30)).isoformat())
        founder.press("Save")
        for side in ("partner", "city"):
            founder.follow("Write down an obligation")
            founder.fill(side=side, text="Melapor tiap bulan")
            founder.press("Save")
        self.analyst.go(f"{root}evaluasi/")
        self.analyst.fill(
            indicator=self.world.indicator.pk,
            baseline="25.5",
            baseline_period="2026",
            target="23",
            method="Sebelum dan sesudah di satu lokasi.",
        )
        self.analyst.press("Save")
        self.move(self.officer, "start")

    def run(self) -> None:
        """An incident, the stop button, measures, and on again."""
        officer, root = self.officer, f"/uji-coba/{self.reference}/"
        officer.go(root)
        officer.follow("Report an incident")
        officer.fill(severity="serious", people_hurt="1", text="Seorang pengguna terjatuh di tikungan.")
        officer.press("Save")
        self.move(
            officer, "suspend", authority="Kepala Dinas Perhubungan", reason="Menunggu pemeriksaan rem."
        )
        officer.go(root)
        officer.follow("Close with measures")
        officer.fill(measures="Rem semua sepeda diganti.")
        officer.press("Save")
        self.move(officer, "resume", authority="Kepala Dinas Perhubungan", reason="Rem sudah diperiksa.")

    def measure(self) -> None:
        """Three reports, milestones and obligations done, the effect recorded and verified by another."""
        root = f"/uji-coba/{self.reference}/"
        for form, person in (("bureau", self.bureau), ("partner", self.founder), ("agency", self.officer)):
            person.go(f"{root}laporan/{form}/")
            person.fill(period="2026-S1", rating="4", advice="continue")
            for question in person.main.locator("textarea").all():
                question.fill("Berjalan baik.")
            person.press("Save")
        officer = self.officer
        officer.go(root)
        officer.follow(re.compile("^Mark as reached"))
        officer.press("Save")
        while officer.main.get_by_role("button", name=re.compile("^Mark as met")).count():
            officer.press(re.compile("^Mark as met"))
        self.move(officer, "evaluate", reason="Masa uji coba selesai.")
        self.founder.go(root)
        self.founder.follow("Record the effect")
        self.founder.fill(observed="22.9", period="2026-S2")
        self.founder.press("Save")
        self.analyst.go(root)
        self.analyst.press("Verify this value")

    def end(self, key: str) -> None:
        record = {"reason": "Waktu tempuh turun 2,6 menit.", "data_disposal": "Dihapus dalam 30 hari."}
        if key == "exit_offer":
            record |= {"what": "Cara kerjanya.", "conditions": "Jalur sepeda."}
        self.move(self.bureau, key, **record)
