"""Jakarta in small, and collaborations taken along their scheme through the rooms' own doors."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from typing import Any

from django.utils import timezone
from PIL import Image

from balai.agreements.actions import (
    approve_version,
    draft_agreement,
    propose_version,
    set_signatory,
    sign,
)
from balai.agreements.completion import seal
from balai.agreements.legal import answer_council
from balai.agreements.models import Agreement
from balai.agreements.queries import current_version
from balai.applications.actions import attach, record_checks, save_draft, start_application, submit_review
from balai.applications.models import Application
from balai.challenges.models import Challenge, ChallengeState
from balai.collaborations.actions import make_move, publish_shipped_schemes
from balai.collaborations.models import Collaboration
from balai.indicators.models import Indicator
from balai.people.models import City, Organisation, Role, User
from balai.pilots import actions as pilots
from balai.pilots.models import Milestone, Obligation
from balai.pilots.monitoring import questions
from tests.builders import make_agency, make_city, make_company, make_user, seat

STAGES = (
    "draft",
    "screening",
    "review",
    "decision",
    "drafting",
    "signing",
    "preparation",
    "running",
    "evaluation",
)


@dataclass
class World:
    """One city with everyone a collaboration needs."""

    code: str = "31"
    label: str = ""
    city: City = field(init=False)
    agency: Organisation = field(init=False)
    secretariat: Organisation = field(init=False)
    partner: Organisation = field(init=False)
    founder: User = field(init=False)
    officer: User = field(init=False)
    bureau: User = field(init=False)
    reviewers: list[User] = field(init=False)
    analyst: User = field(init=False)
    signatory: User = field(init=False)
    indicator: Indicator = field(init=False)

    def __post_init__(self) -> None:
        publish_shipped_schemes()
        mark = self.label
        self.city = make_city(self.code)
        self.agency = make_agency(self.city, name=f"Dinas Perhubungan {mark}".strip())
        self.secretariat = make_agency(self.city, name=f"Biro Kerja Sama {mark}".strip())
        self.partner = make_company(name=f"PT Roda Rekaan {mark}".strip())
        self.founder = seat(make_user(name=f"Pendiri {mark}"), self.partner, Role.FOUNDER)
        self.officer = seat(make_user(name=f"Petugas {mark}"), self.agency, Role.OFFICER)
        self.bureau = seat(make_user(name=f"Biro {mark}"), self.secretariat, Role.BUREAU)
        self.reviewers = [
            seat(make_user(name=f"Penilai {n} {mark}"), self.secretariat, Role.TKKSD) for n in (1, 2)
        ]
        self.analyst = seat(make_user(name=f"Analis {mark}"), self.agency, Role.ANALYST)
        self.signatory = seat(make_user(name=f"Penanda {mark}"), self.agency, Role.SIGNATORY)
        self.indicator = Indicator.objects.get_or_create(
            code="MOB-01",
            defaults={
                "dimension": "mobility",
                "name": "Waktu tempuh 10 km",
                "name_en": "Travel time per 10 km",
                "unit": "menit",
                "higher_is_better": False,
            },
        )[0]

    def challenge(self, **extra: Any) -> Challenge:
        """An open challenge of the agency, every scheme welcome."""
        number = Challenge.objects.count() + 1
        values = {
            "reference": f"TAN-2026-{number:04d}",
            "title": f"Tantangan {number} {self.label}".strip(),
            "dimension": "mobility",
            "state": ChallengeState.OPEN,
            "opened_at": timezone.now(),
        } | extra
        return Challenge.objects.create(city=self.city, agency=self.agency, **values)

    def begin(self, scheme: str = "playground", title: str = "Sepeda listrik di taman") -> Application:
        """A draft of the founder's; Co-Develop answers a challenge."""
        challenge = self.challenge() if scheme == "co-develop" else None
        return start_application(
            by=self.founder,
            partner=self.partner,
            city=self.city,
            scheme_key=scheme,
            title=title,
            challenge=challenge,
        )

    def at(self, stage: str, scheme: str = "playground", **extra: Any) -> Collaboration:
        """A collaboration that stands at ``stage``, brought there through every door on the way."""
        application = self.begin(scheme, **extra)
        for step in STAGES[1 : STAGES.index(stage) + 1]:
            getattr(self, f"to_{step}")(application)
        return Collaboration.objects.select_related(
            "scheme_version", "partner", "agency", "city", "challenge"
        ).get(pk=application.collaboration.pk)

    def move(self, what: Application | Collaboration, key: str, by: User, **extra: Any) -> Collaboration:
        """One move from wherever it stands now."""
        pk = what.collaboration.pk if isinstance(what, Application) else what.pk
        collaboration = Collaboration.objects.get(pk=pk)
        return make_move(collaboration=collaboration, move=key, by=by, seen=collaboration.stage, **extra)

    def complete(self, application: Application) -> None:
        """Everything the form asks for."""
        scheme = application.collaboration.scheme
        answers: dict[str, Any] = {}
        for question in scheme.fields:
            answers[question.key] = {
                "number": 6,
                "flag": True,
                "choice": question.choices[0][0] if question.choices else "",
            }.get(question.type, f"Isian {question.key}")
        saved = save_draft(
            application=application,
            by=self.founder,
            revision=application.revision,
            answers=answers,
            about={
                "title": application.collaboration.title,
                "title_en": "",
                "summary": "Ringkasan usulan.",
                "summary_en": "",
                "dimensions": ["mobility"],
                "agency": self.agency,
            },
        )
        for paper in scheme.papers:
            attach(
                application=saved,
                by=self.founder,
                kind=paper.key,
                file=BytesIO(make_pdf(paper.key)),
                name=f"{paper.key}.pdf",
            )

    def to_screening(self, application: Application) -> None:
        self.complete(application)
        self.move(application, "submit", self.founder)

    def to_review(self, application: Application) -> None:
        findings = {c.key: (True, "") for c in application.collaboration.scheme.checklist}
        record_checks(
            application=Application.objects.get(pk=application.pk), by=self.bureau, findings=findings
        )
        self.move(application, "pass_screening", self.bureau)

    def to_decision(self, application: Application) -> None:
        scores = {c.key: 4 for c in application.collaboration.scheme.criteria}
        for reviewer in self.reviewers:
            submit_review(
                application=Application.objects.get(pk=application.pk),
                by=reviewer,
                scores=scores,
                recommendation="accept",
                comment="Layak diuji.",
            )
        self.move(application, "close_review", self.reviewers[0])

    def to_drafting(self, application: Application) -> None:
        record = {"grounds": "Menjawab kebutuhan kota.", "conditions": "Lapor tiap bulan."}
        self.move(application, "accept", self.bureau, record=record)

    def to_signing(self, application: Application) -> None:
        collaboration = Collaboration.objects.get(pk=application.collaboration.pk)
        agreement = draft_agreement(collaboration=collaboration, by=self.bureau)
        version = current_version(agreement)
        assert version is not None
        filled = {"id": "sesuai lampiran", "en": "as annexed"}
        propose_version(
            agreement=agreement,
            changes={
                "variables": dict.fromkeys(version.reading.missing(), filled),
                "starts_on": timezone.localdate(),
            },
            by=self.officer,
            note="Isian dilengkapi.",
        )
        sides = ((self.officer, self.signatory), (self.founder, self.founder))
        for party, (by, who) in zip(agreement.parties.order_by("place"), sides, strict=True):
            set_signatory(party=party, name=who.name, title="Kepala", mandate="Surat Kuasa 1", by=by)
        for by in (self.officer, self.founder):
            version = current_version(Agreement.objects.get(pk=agreement.pk))
            assert version is not None
            approve_version(version=version, by=by, seen_sha256=version.document.sha256)
        self.answer_council(collaboration)
        self.move(application, "open_signing", self.bureau)

    def answer_council(self, collaboration: Collaboration, **extra: Any) -> None:
        """Both questions about the council's approval, by default with no."""
        values = {
            "burdens": False,
            "burdens_reason": "Tidak ada pungutan atau beban baru.",
            "unbudgeted": False,
            "unbudgeted_reason": "Seluruh biaya ditanggung mitra.",
        } | extra
        answer_council(subject=collaboration, by=self.bureau, **values)

    def to_preparation(self, application: Application) -> None:
        agreement = Agreement.objects.get(collaboration=application.collaboration.pk)
        version = current_version(agreement)
        assert version is not None
        for by in (self.signatory, self.founder):
            agreement = Agreement.objects.get(pk=agreement.pk)
            sign(agreement=agreement, by=by, seen_sha256=version.document.sha256, consent=True)
        seal(agreement_id=agreement.pk)
        self.move(application, "confirm_sealed", self.bureau)

    def plan(self, collaboration: Collaboration) -> None:
        """A plan that lets any scheme start."""
        today = timezone.localdate()
        pilots.plan_pilot(
            collaboration=collaboration,
            by=self.founder,
            starts_on=today,
            ends_on=pilots.months_after(today, 6),
            asset="Jalur sepeda, milik Dinas Perhubungan",
            safety_plan="Kecepatan dibatasi 15 km/jam.",
            stop_criteria="Satu kecelakaan serius.",
            restart_criteria="Insiden ditutup dengan tindakan.",
        )
        pilots.add_site(
            collaboration=collaboration,
            by=self.founder,
            name="Taman Rekaan",
            latitude=-6.2,
            longitude=106.8,
            radius_m=300,
        )
        pilots.add_milestone(
            collaboration=collaboration,
            by=self.founder,
            title="Purwarupa diterima",
            due_on=today + dt.timedelta(30),
        )
        for side in ("partner", "city"):
            pilots.add_obligation(collaboration=collaboration, by=self.founder, side=side, text="Melapor")
        pilots.register_evaluation(
            collaboration=collaboration,
            by=self.analyst,
            indicator=self.indicator,
            baseline=Decimal("25.5"),
            baseline_period="2026",
            target=Decimal("23"),
            method="Sebelum dan sesudah di satu lokasi.",
        )

    def to_running(self, application: Application) -> None:
        self.plan(Collaboration.objects.get(pk=application.collaboration.pk))
        self.move(application, "start", self.officer)

    def to_evaluation(self, application: Application) -> None:
        collaboration = Collaboration.objects.get(pk=application.collaboration.pk)
        for form, by in (("bureau", self.bureau), ("partner", self.founder), ("agency", self.officer)):
            pilots.file_report(
                collaboration=collaboration,
                by=by,
                form=form,
                period="2026-S1",
                answers={question.key: "Baik." for question in questions(form)},
                rating=4,
                advice="continue",
            )
        for milestone in Milestone.objects.filter(pilot__collaboration=collaboration):
            pilots.reach_milestone(milestone=milestone, by=self.officer)
        for obligation in Obligation.objects.filter(pilot__collaboration=collaboration):
            pilots.meet_obligation(obligation=obligation, by=self.officer)
        self.move(application, "evaluate", self.officer, reason="Masa uji coba selesai.")

    def measure(self, collaboration: Collaboration, observed: str = "22.9") -> None:
        """An effect recorded by the partner, verified by the city."""
        effect = pilots.record_effect(
            collaboration=collaboration, by=self.founder, observed=Decimal(observed), period="2026-S2"
        )
        pilots.verify_effect(effect=effect, by=self.analyst, seen=Decimal(observed))


def make_pdf(text: str) -> bytes:
    """A small sound PDF, different for every text."""
    shade = sum(text.encode()) % 256
    out = BytesIO()
    Image.new("RGB", (8, 8), (shade, len(text) % 256, 120)).save(out, "PDF", title=text)
    return out.getvalue()
