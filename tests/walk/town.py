"""Two cities full of records, every private text of which carries a mark of its own.

A mark is a word found nowhere else. `Town.marks` says who may ever read it; the walk looks for it in
everything the hub answers to everybody else.
"""

import datetime as dt
import re
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from typing import Any

from django.utils import timezone

from balai.agreements.actions import propose_version
from balai.agreements.ceremonies import prepare_ceremony
from balai.agreements.discussion import ask_applicant, give_opinion, request_discussion, supply
from balai.agreements.legal import file_approval, file_paper
from balai.agreements.models import Agreement, Ceremony
from balai.agreements.paper import record_paper
from balai.agreements.queries import current_version
from balai.applications.actions import record_checks, save_review, submit_review
from balai.applications.models import Application, Attachment
from balai.challenges.actions import ask_question
from balai.collaborations.models import Collaboration
from balai.core import notifications
from balai.core.models import Notification
from balai.indicators.actions import read_table
from balai.indicators.tables import Defaults
from balai.needs.actions import hide_need, support_need, voice_need
from balai.observations.models import DataContract, SnapClient
from balai.observations.simulating import shipped_contracts
from balai.observations.webhooks.models import Webhook
from balai.people.actions import invite
from balai.people.keys import create_key
from balai.people.models import Membership, User
from balai.pilots import actions as pilots
from balai.pilots.models import FlowMeasure, Milestone, Obligation, Site
from balai.programme.assessing import appoint_assessor, open_evaluation, publish_methods, score
from balai.programme.models import Cohort, EvaluationMethod, Offer
from balai.programme.models.assessment import COMPONENTS
from tests.builders import (
    make_auditor,
    make_company,
    make_founder,
    make_ministry,
    make_superuser,
    make_user,
    seat,
)
from tests.disbursement_builders import disbursements_in_force, store, told
from tests.flow_builders import contract_in_force, make_figure
from tests.indicators_builders import table
from tests.lifecycle_builders import make_facts
from tests.needs_builders import make_draft as make_challenge_draft
from tests.needs_builders import make_open_challenge
from tests.observations_builders import DOCUMENT, make_data_key, make_quarantined, put_in_force
from tests.programme_builders import make_run
from tests.stories import World, make_pdf
from tests.walk.negotiation import negotiated
from tests.webhook_builders import make_delivery, make_webhook

STAFF = ("officer", "bureau", "reviewer", "reviewer2", "analyst", "signatory")
CHECKERS = ("officer", "bureau", "reviewer", "reviewer2")
"""City staff with a duty in applications; the others read the form alone."""
AUDITOR = "auditor"


@dataclass
class Side:
    """One city: its world, who is who there, and its records by name."""

    name: str
    world: World
    people: dict[str, User] = field(default_factory=dict)
    at: dict[str, Any] = field(default_factory=dict)


class Town:
    """Jakarta and Bandung, their people, and people of neither."""

    def __init__(self) -> None:
        self.marks: dict[str, set[int]] = {}
        self.citizen = make_user("warga@tanda.id", name="rahasianamawarga")
        self.marks["rahasianamawarga"] = self.marks["warga@tanda.id"] = {self.citizen.pk}
        self.neighbour = make_user("tetangga@contoh.id", name="Tetangga")
        self.sides = [self._side("jakarta", "31"), self._side("bandung", "3273")]
        here, there = self.sides
        ministry = seat(make_user(name="Kementerian"), make_ministry(), "ministry")
        auditor = make_auditor(here.world.city, name="Auditor")
        here.people[AUDITOR] = auditor
        self.roles: dict[str, User | None] = {
            "stranger": None,
            "citizen": self.citizen,
            "neighbour": self.neighbour,
            **{role: here.people[role] for role in ("founder", *STAFF, AUDITOR)},
            "rival": make_founder(make_company(name="PT Pesaing Rekaan"), name="Pesaing"),
            "ministry": ministry,
            "superuser": make_superuser(name="Pengelola"),
            **{f"other_{role}": there.people[role] for role in ("founder", "officer", "bureau", "reviewer")},
        }
        Cohort.objects.create(year=2018, name="Angkatan 2018", source="Uji")
        publish_methods()
        self.run = make_run()
        for side in self.sides:
            self._fill(side)
        while notifications.deliver():
            pass
        for side in self.sides:
            side.at["news"] = Notification.objects.filter(user=side.people["founder"]).first()

    def _on_paper(self, side: Side) -> Agreement:
        """One recorded by the bureau with its scan, of a firm the hub does not know."""
        return record_paper(
            city=side.world.city,
            facts=make_facts(side.world.agency, partners=(f"PT Kertas {side.name}",)),
            by=side.people["bureau"],
            file=BytesIO(make_pdf("pindaian")),
            name="pindaian.pdf",
        )

    def _ceremony(self, side: Side) -> Ceremony:
        """One to come, for an agreement that waits for signatures."""
        waiting = side.world.at("signing", title=f"Diupacarakan {side.name}")
        return prepare_ceremony(
            city=side.world.city,
            title=f"Upacara {side.name}",
            place="Balai Kota",
            starts_at=timezone.now(),
            agreements=[Agreement.objects.get(collaboration=waiting)],
            by=side.people["bureau"],
        )

    def _data_contract(self, side: Side) -> DataContract:
        """One in force, with a key whose end only those at either end of the flow may read about."""
        document = DOCUMENT.replace("id: roda-trips", f"id: roda-{side.name}")
        contract = put_in_force(document, city=side.world.city, partner=side.world.partner)
        ends = ("founder", "bureau", "officer", "analyst", AUDITOR)
        reason = self.mark(f"{side.name}-kunci", *(side.people.get(role) for role in ends))
        make_data_key(contract, stopped_at=timezone.now(), stopped_reason=reason)
        side.at["data_key"] = make_data_key(contract)
        side.at["quarantined"] = make_quarantined(side.at["data_key"])
        return contract

    def _snap_client(self, side: Side) -> SnapClient:
        """One that signs payment notices of the town's partner."""
        document = shipped_contracts()["shopee-tax"].replace("id: shopee-tax", f"id: pajak-{side.name}")
        contract = put_in_force(document, city=side.world.city, partner=side.world.partner)
        return SnapClient.objects.create(key=make_data_key(contract), public_key="PEM", sealed_secret=b"x")

    def _webhook(self, side: Side) -> Webhook:
        """One of the partner's, with a message given up; only who runs the firm reads address and answers."""
        mark = self.mark(f"{side.name}-alamatmesin", side.people["founder"])
        webhook = make_webhook(side.world.partner, f"https://hooks.contoh.id/{mark}", city=side.world.city)
        answer = self.mark(f"{side.name}-jawaban", side.people["founder"])
        make_delivery(webhook, state="failed").attempts.create(
            at=timezone.now(), status=500, fault="status", milliseconds=12, excerpt=answer
        )
        return webhook

    def _disbursements(self, side: Side) -> DataContract:
        """A contract of payments with one batch, whose instruction only those at either end may read of."""
        name = f"bansos-{side.name}"
        contract = disbursements_in_force(name, city=side.world.city, partner=side.world.partner)
        ends = ("founder", "bureau", "officer", "analyst", AUDITOR)
        number = self.mark(f"{side.name}-perintah", *(side.people.get(role) for role in ends))
        store(contract, told("instructed", 300_000, instruction=number))
        return contract

    def mark(self, name: str, *who: User | None) -> str:
        """A new mark, readable by ``who`` and nobody else."""
        word = f"rahasia{len(self.marks):03d}{name.replace('-', '')}"
        self.marks[word] = {person.pk for person in who if person}
        return word

    def texts(self, words: set[str]) -> set[str]:
        """Those of the marks that stand in texts, by what they stand for; names and addresses left out."""
        kinds = {re.sub(r"^rahasia\d*(jakarta|bandung)?", "", word) for word in words}
        return {kind for kind in kinds if kind.isalpha() and not kind.startswith(("alamat", "nama"))}

    def relation(self, role: str, side: Side) -> str:
        """What the person in this role is to that city's records."""
        user = self.roles[role]
        if user is None or role == "ministry":
            return role
        return next((known for known, person in side.people.items() if person == user), "foreign")

    def may_read(self, word: str, user: User | None) -> bool:
        return user is not None and user.pk in self.marks[word]

    def _side(self, name: str, code: str) -> Side:
        world = World(code, name)
        world.city.slug = name
        world.city.save(update_fields=["slug"])
        side = Side(name, world)
        side.people = {
            "founder": world.founder,
            "officer": world.officer,
            "bureau": world.bureau,
            "reviewer": world.reviewers[0],
            "reviewer2": world.reviewers[1],
            "analyst": world.analyst,
            "signatory": world.signatory,
        }
        return side

    def _fill(self, side: Side) -> None:
        world, people = side.world, side.people
        founder, bureau = world.founder, world.bureau

        def mark(what: str, *roles: str) -> str:
            return self.mark(f"{side.name}-{what}", *(people.get(role) for role in roles))

        inside = ("founder", *STAFF, AUDITOR)

        def retitle(collaboration: Collaboration, what: str, *roles: str) -> None:
            Collaboration.objects.filter(pk=collaboration.pk).update(
                title=mark(f"judul-{what}", *roles), summary=mark(f"ringkasan-{what}", *roles)
            )

        def answer(collaboration: Collaboration, what: str, *roles: str) -> None:
            application = Application.objects.get(collaboration=collaboration)
            key = next(f.key for f in collaboration.scheme.fields if f.type in ("text", "long"))
            answers = application.answers | {key: mark(f"jawaban-{what}", *roles)}
            Application.objects.filter(pk=application.pk).update(answers=answers)

        # Applications that are nobody else's business: drafted, submitted, refused.
        draft = world.begin(title="Rancangan").collaboration
        world.complete(Application.objects.get(collaboration=draft))
        retitle(draft, "rancangan", "founder")
        answer(draft, "rancangan", "founder")
        screening = world.at("screening", title="Diperiksa")
        note = mark("catatan-periksa", *CHECKERS, AUDITOR)
        record_checks(
            application=Application.objects.get(collaboration=screening),
            by=bureau,
            findings={screening.scheme.checklist[0].key: (False, note)},
        )
        retitle(screening, "diperiksa", *inside)
        answer(screening, "diperiksa", *inside)
        review = world.at("review", title="Dinilai")
        judged = Application.objects.get(collaboration=review)
        submit_review(
            application=judged,
            by=people["reviewer"],
            scores={criterion.key: 4 for criterion in review.scheme.criteria},
            recommendation="accept",
            comment=mark("penilaian", "reviewer", "bureau", AUDITOR),
        )
        save_review(
            application=Application.objects.get(pk=judged.pk),
            by=people["reviewer2"],
            scores={},
            recommendation="",
            comment=mark("penilaian-rancangan", "reviewer2"),
        )
        retitle(review, "dinilai", *inside)
        answer(review, "dinilai", *inside)
        rejected = world.at("decision", title="Ditolak")
        grounds = mark("alasan-tolak", *inside)
        world.move(rejected, "reject", bureau, record={"grounds": grounds})
        retitle(rejected, "ditolak", *inside)
        answer(rejected, "ditolak", *inside)

        # One being negotiated: title and partner are public, the text is not.
        drafting = world.at("signing", title=f"Dirundingkan {side.name}")
        signing = Agreement.objects.get(collaboration=drafting)
        world.move(drafting, "reopen_drafting", bureau, reason="Satu pasal lagi.")
        terms = current_version(signing).reading
        clause = terms.clauses[0].key
        propose_version(
            agreement=Agreement.objects.get(pk=signing.pk),
            changes={"clauses": {clause: {"id": mark("pasal", *inside), "en": ""}}},
            by=founder,
            note=mark("catatan-runding", *inside),
        )
        side.at |= negotiated(signing, people, mark, inside)
        answer(drafting, "dirundingkan", *inside)

        # Its legal path: discussed by the TKKSD, the applicant asked; papers and a council's approval filed.
        talk = request_discussion(
            subject=drafting, members=[people["reviewer2"]], chair=people["reviewer"], by=bureau
        )
        opinion = mark("pendapat", "reviewer", "reviewer2", "bureau", AUDITOR)
        give_opinion(discussion=talk, aspect="legal", verdict="notes", text=opinion, by=people["reviewer"])
        ask_applicant(discussion=talk, asked=mark("diminta", *inside), by=people["reviewer"])
        supplied = supply(
            discussion=talk,
            supplied=mark("dilengkapi", *inside),
            by=founder,
            file=BytesIO(make_pdf("lengkap")),
            name="lengkap.pdf",
        )
        ask_applicant(discussion=talk, asked=mark("diminta-lagi", *inside), by=bureau)
        paper = file_paper(
            subject=drafting,
            step="preparation",
            kind="terms",
            file=BytesIO(make_pdf("kak")),
            name="kak.pdf",
            number=mark("nomor-kak", *inside),
            by=people["officer"],
        )
        approval = file_approval(
            subject=drafting,
            number="12/DPRD/2026",
            dated_on=timezone.localdate(),
            file=BytesIO(make_pdf("dprd")),
            name="dprd.pdf",
            by=bureau,
        )

        # One being prepared: its plan can still be written.
        preparing = world.at("preparation", title=f"Disiapkan {side.name}")
        world.plan(preparing)
        answer(preparing, "disiapkan", *inside)

        # One that ran: incident, stop, reports.
        pilot = world.at("running", title=f"Berjalan {side.name}")
        incident = pilots.report_incident(
            collaboration=pilot,
            by=people["officer"],
            severity="serious",
            happened_at=timezone.now() - dt.timedelta(hours=1),
            text=mark("insiden", *inside),
            people_hurt=1,
        )
        answer(pilot, "berjalan", *inside)
        for form, by in (("bureau", bureau), ("partner", founder)):
            pilots.file_report(
                collaboration=pilot,
                by=by,
                form=form,
                period="2026-S1",
                answers={
                    question.key: mark(f"laporan-{form}-{question.key}", *inside)
                    for question in pilots.questions(form)
                },
                rating=4,
                advice="continue",
            )

        # One adopted elsewhere: offered.
        offered = world.at("evaluation", title=f"Ditawarkan {side.name}")
        world.measure(offered)
        world.move(
            offered,
            "exit_offer",
            bureau,
            record={"reason": "Terbukti.", "what": "Cara kerjanya.", "conditions": "Jalur sepeda."},
        )

        # Figures that wait for confirmation, and an evaluation that is being judged by a neighbour.
        ministry, assessor = self.roles["ministry"], self.neighbour
        assert ministry is not None
        source = self.mark(f"{side.name}-angka", people["analyst"], bureau, ministry)
        batch = read_table(
            file=table(
                [side.world.code, "MOB-01", "2024", "26", source], [side.world.code, "x", "2024", "1", "y"]
            ),
            name="angka.csv",
            by=people["analyst"],
            city=world.city,
            defaults=Defaults(),
        )
        evaluation = open_evaluation(
            city=world.city,
            year=timezone.localdate().year,
            method=EvaluationMethod.objects.get(pk="sleman"),
            by=ministry,
        )
        judge = appoint_assessor(evaluation=evaluation, user=assessor, by=ministry)
        seen = self.mark(f"{side.name}-nilai", assessor)
        given = {key: (Decimal(60), reason) for key, reason in zip(COMPONENTS, [seen, *"bcde"], strict=True)}
        score(assessor=judge, scores=given, by=assessor)

        # The citizens' voice.
        need = voice_need(
            by=self.citizen,
            city=world.city,
            title=f"Trotoar putus di {side.name}",
            text="Trotoar putus di depan sekolah, anak-anak berjalan di jalan raya.",
            dimension="mobility",
        )
        support_need(need=need, by=founder)
        hidden = voice_need(
            by=self.citizen,
            city=world.city,
            title=self.mark(
                f"{side.name}-disembunyikan", self.citizen, *(people.get(r) for r in (*STAFF, AUDITOR))
            ),
            text="Sampah menumpuk di dekat pasar, tidak diangkut sejak pekan lalu.",
            dimension="environment",
        )
        why = self.mark(
            f"{side.name}-alasan-sembunyi", self.citizen, *(people.get(r) for r in (*STAFF, AUDITOR))
        )
        hide_need(need=hidden, by=bureau, reason=why)
        call = make_open_challenge(world.agency, people["officer"], title=f"Halte teduh {side.name}")
        question = ask_question(challenge=call, by=founder, text=f"Berapa halte di {side.name}?")
        self.marks[str(founder.pseudonym)] = {founder.pk}
        call_draft = make_challenge_draft(
            world.agency, people["officer"], title=mark("tantangan-rancangan", *STAFF, AUDITOR)
        )

        # People: names, addresses, invitations, keys.
        colleagues = {
            "founder": ("founder",),
            "reviewer": ("reviewer", "reviewer2", "bureau", AUDITOR),
            "reviewer2": ("reviewer", "reviewer2", "bureau", AUDITOR),
            "officer": ("officer", "analyst", "signatory"),
        }
        for role, readers in colleagues.items():
            person = people[role]
            person.name = mark(f"nama-{role}", *readers)
            person.email = f"{mark(f'alamat-{role}', *readers)}@tanda.id"
            person.save(update_fields=["name", "email"])
        invitation, token = invite(
            by=founder,
            organisation=world.partner,
            email=f"{mark('undangan', 'founder')}@tanda.id",
            role="staff",
        )
        key, secret = create_key(
            by=founder,
            name=mark("kunci", "founder"),
            scopes=["collaborations:read", "applications:read", "agreements:read", "pilots:read"],
            expires_at=timezone.now() + dt.timedelta(days=30),
        )
        self.marks[key.prefix] = {founder.pk}

        def fresh(collaboration: Collaboration) -> Collaboration:
            return Collaboration.objects.get(pk=collaboration.pk)

        side.at |= {
            "batch": batch,
            "evaluation": evaluation,
            "run": self.run,
            "draft": fresh(draft),
            "screening": fresh(screening),
            "review": fresh(review),
            "rejected": fresh(rejected),
            "drafting": fresh(drafting),
            "preparing": fresh(preparing),
            "planned_site": Site.objects.get(pilot__collaboration=preparing),
            "pilot": fresh(pilot),
            "offered": fresh(offered),
            "agreement": signing,
            "legal_paper": paper,
            "legal_approval": approval,
            "legal_supplied": supplied,
            "sealed": Agreement.objects.get(collaboration=pilot),
            "paper": self._on_paper(side),
            "ceremony": self._ceremony(side),
            "data_contract": self._data_contract(side),
            "webhook": self._webhook(side),
            "snap_client": self._snap_client(side),
            "disbursements": self._disbursements(side),
            "flow": make_figure(
                contract_in_force(f"laju-{side.name}", city=side.world.city, partner=side.world.partner)
            ),
            "flow_measure": FlowMeasure.objects.create(
                pilot=pilot.pilot,
                name="Perjalanan",
                contract=f"laju-{side.name}",
                major=1,
                purpose="indicators",
                aggregate="count",
                bound_at=timezone.now(),
            ),
            "incident": incident,
            "site": Site.objects.get(pilot__collaboration=pilot),
            "milestone": Milestone.objects.get(pilot__collaboration=pilot),
            "obligation": Obligation.objects.filter(pilot__collaboration=pilot).first(),
            "attachment": Attachment.objects.filter(application__collaboration=screening).first(),
            "offer": Offer.objects.get(collaboration=offered),
            "need": need,
            "hidden": hidden,
            "challenge": call,
            "challenge_draft": call_draft,
            "question": question,
            "invitation": invitation,
            "token": token,
            "key": key,
            "secret": secret,
            "seat": Membership.objects.get(user=founder),
        }
