"""A large city that does not exist, for benchmarks: N applications with three reviews each.

Rows are written in bulk, the ledger in one chain of its own making, and everything is marked invented.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.utils import timezone

from balai.applications.models import Application, Decision, Recommendation, Review
from balai.collaborations.actions import publish_shipped_schemes
from balai.collaborations.models import Collaboration, SchemeVersion
from balai.core import ledger
from balai.core.models import Entry, LedgerHead
from balai.core.schedule import add_working_days
from balai.indicators.models import Dimension
from balai.needs.models import Need, NeedState, Support
from balai.people.models import Area, City, Membership, Organisation, OrganisationKind, Role, User

REVIEWS = 3
BATCH = 500
STAGES = {
    "draft": 1,
    "screening": 2,
    "review": 3,
    "decision": 2,
    "drafting": 2,
    "signing": 1,
    "preparation": 1,
    "running": 4,
    "evaluation": 1,
    "rejected": 2,
    "stopped": 1,
}
"""How often each stage occurs, in shares."""

WORDS = [
    "Peta",
    "Sensor",
    "Papan",
    "Kartu",
    "Meja",
    "Jalur",
    "Kebun",
    "Pompa",
    "Lampu",
    "Suara",
    "Antrean",
    "Timbangan",
    "Halte",
    "Pasar",
    "Taman",
    "Gang",
]


class _Fact(NamedTuple):
    at: dt.datetime
    verb: str
    subject: str
    by: UUID | None
    role: str
    organisation: UUID | None
    public: bool
    data: dict[str, Any]


def generate(number: int, say: Callable[[str], None] = lambda _line: None) -> City:
    """Make ``Kota Rekaan N`` with N applications, or return it if it is there already.

    Same N, same city: everything is drawn from one seed. Raises ValueError below 1.
    """
    if number < 1:
        raise ValueError("a generated city needs at least one application")
    code = f"98{number}"
    known = City.objects.filter(code=code).first()
    if known:
        return known
    with transaction.atomic():
        publish_shipped_schemes()
        city = City.objects.create(
            code=code,
            slug=f"kota-rekaan-{number}",
            name=f"Kota Rekaan {number}",
            province="Provinsi Rekaan",
            kind="city",
            hosted=True,
            invented=True,
            latitude=-5.5,
            longitude=109.0,
        )
        maker = _Maker(city, number)
        facts = [*maker.collaborations(), *maker.needs()]
        say(f"{number} permohonan, {len(facts)} catatan  ·  applications, ledger entries")
        chain(sorted(facts, key=lambda fact: fact.at), city=code)
    return city


def chain(facts: Iterable[_Fact], *, city: str) -> None:
    """Add many entries to the ledger, in their order, as `ledger.append` would one by one."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ledger.LOCK])
    head = LedgerHead.objects.get()
    seq, previous = head.seq, head.hash
    rest = iter(facts)
    while batch := list(islice(rest, BATCH)):
        entries = []
        for fact in batch:
            seq += 1
            entry = Entry(
                seq=seq,
                at=fact.at,
                actor=fact.by,
                role=fact.role,
                organisation=fact.organisation,
                verb=fact.verb,
                subject=fact.subject,
                thread=fact.subject,
                city=city,
                public=fact.public,
                data=ledger.canonical_json(fact.data),
                previous=previous,
            )
            previous = entry.hash = ledger.digest(ledger.columns_of(entry))
            entries.append(entry)
        _insert(entries)


def _insert(entries: list[Entry]) -> None:
    """One statement a row, sent together: the database moves the head after each statement."""
    fields = Entry._meta.concrete_fields
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {quote(Entry._meta.db_table)} ({columns}) VALUES ({places})",  # noqa: S608
            [[f.get_db_prep_save(getattr(e, f.attname), connection) for f in fields] for e in entries],
        )


class _Maker:
    def __init__(self, city: City, number: int) -> None:
        self.city, self.number = city, number
        self.random = Random(number)  # noqa: S311
        self.now = timezone.now().replace(microsecond=0)
        self.areas = Area.objects.bulk_create(
            Area(
                city=city,
                code=f"{city.code}-{n}",
                name=f"Kecamatan Rekaan {n}",
                kind="kecamatan",
                latitude=-5.5 + n / 100,
                longitude=109.0 + n / 100,
            )
            for n in range(1, 11)
        )
        self.agencies = self._organisations("agency", "Dinas Rekaan", 8)
        self.companies = self._organisations("company", "PT Rekaan", max(3, number // 10))
        self.founders = self._people("pendiri", len(self.companies))
        self.staff = self._people("petugas", len(self.agencies) + REVIEWS + 1)
        self.citizens = self._people("warga", min(200, max(10, number)))
        self.reviewers, self.bureau = self.staff[-REVIEWS - 1 : -1], self.staff[-1]
        seats = [
            *zip(self.founders, self.companies, [Role.FOUNDER] * len(self.companies), strict=True),
            *zip(self.staff, self.agencies, [Role.OFFICER] * len(self.agencies), strict=False),
            *((reviewer, self.agencies[0], Role.TKKSD) for reviewer in self.reviewers),
            (self.bureau, self.agencies[0], Role.BUREAU),
        ]
        Membership.objects.bulk_create(Membership(user=u, organisation=o, role=r) for u, o, r in seats)

    def _organisations(self, kind: str, name: str, count: int) -> list[Organisation]:
        return Organisation.objects.bulk_create(
            Organisation(
                kind=OrganisationKind(kind),
                slug=f"{name.lower().replace(' ', '-')}-{self.number}-{n}",
                name=f"{name} {self.number}.{n}",
                city=self.city if kind == "agency" else None,
                offices=["bureau", "tkksd"] if kind == "agency" and n == 1 else [],
                about="Lembaga rekaan untuk pengujian.",
                about_en="An invented body for tests.",
                listed=True,
                invented=True,
            )
            for n in range(1, count + 1)
        )

    def _people(self, name: str, count: int) -> list[User]:
        locked = make_password(None)
        return User.objects.bulk_create(
            User(
                email=f"{name}-{self.number}-{n}@rekaan.example",
                name=f"{name.title()} rekaan {n}",
                password=locked,
                city=self.city,
            )
            for n in range(1, count + 1)
        )

    def _title(self) -> str:
        return f"{self.random.choice(WORDS)} {self.random.choice(WORDS).lower()}"

    def collaborations(self) -> Iterator[_Fact]:
        """Collaborations over all stages, each with its application; yields what the ledger tells."""
        versions = list(SchemeVersion.objects.filter(current=True).order_by("key"))
        stages = self.random.choices(list(STAGES), list(STAGES.values()), k=self.number)
        rows, applications, reviews, decisions = [], [], [], []
        facts: list[_Fact] = []
        for n, stage in enumerate(stages, 1):
            version = versions[n % len(versions)]
            partner = n % len(self.companies)
            began = self.now - dt.timedelta(days=self.random.uniform(30, 700))
            row = self._collaboration(n, version, stage, partner, began)
            application = Application(
                collaboration=row,
                answers={"background": "Contoh isian untuk pengujian.", "months": 6},
                started_by=self.founders[partner].pseudonym,
            )
            rows.append(row)
            applications.append(application)
            if stage not in ("draft", "screening"):
                reviews += [self._review(application, reviewer, began) for reviewer in self.reviewers]
            if stage not in ("draft", "screening", "review", "decision"):
                decisions.append(self._decision(application, stage != "rejected", began))
            facts += self._story(row, stage, partner, began)
        Collaboration.objects.bulk_create(rows, batch_size=BATCH)
        Application.objects.bulk_create(applications, batch_size=BATCH)
        Review.objects.bulk_create(reviews, batch_size=BATCH)
        Decision.objects.bulk_create(decisions, batch_size=BATCH)
        yield from facts

    def _collaboration(
        self, n: int, version: SchemeVersion, stage: str, partner: int, began: dt.datetime
    ) -> Collaboration:
        found = version.scheme.stage(stage)
        since = began + dt.timedelta(days=20)
        title = self._title()
        return Collaboration(
            reference=f"R{self.number}-{n:06d}",
            city=self.city,
            scheme_version=version,
            partner=self.companies[partner],
            agency=self.agencies[n % len(self.agencies)],
            title=f"{title} {n}",
            title_en=f"Invented {n}",
            summary="Kerja sama rekaan untuk pengujian.",
            summary_en="An invented collaboration for tests.",
            dimensions=[self.random.choice(Dimension.values)],
            stage=stage,
            stage_since=since,
            due_on=add_working_days(since, found.clock) if found.clock else None,
            outcome=found.outcome,
            created_at=began,
            submitted_at=None if stage == "draft" else began + dt.timedelta(days=2),
            public_since=since if found.public else None,
            ended_at=since if found.is_end else None,
            invented=True,
        )

    def _review(self, application: Application, reviewer: User, began: dt.datetime) -> Review:
        criteria = application.collaboration.scheme.criteria
        return Review(
            application=application,
            reviewer=reviewer,
            scores={criterion.key: self.random.randint(1, 5) for criterion in criteria},
            recommendation=self.random.choice(Recommendation.values),
            comment="Penilaian rekaan untuk pengujian.",
            revision=1,
            submitted_at=began + dt.timedelta(days=8),
        )

    def _decision(self, application: Application, accepted: bool, began: dt.datetime) -> Decision:
        return Decision(
            application=application,
            accepted=accepted,
            grounds="Alasan rekaan untuk pengujian.",
            by=self.bureau.pseudonym,
            at=began + dt.timedelta(days=12),
        )

    def _story(self, row: Collaboration, stage: str, partner: int, began: dt.datetime) -> Iterator[_Fact]:
        founder, company = self.founders[partner].pseudonym, self.companies[partner].pk
        scheme = row.scheme
        data = {"scheme": scheme.key, "version": scheme.version, "predecessor": None}
        yield _Fact(began, "collaboration.begun", row.thread, founder, "applicant", company, False, data)
        path = [
            ("submit", founder, "applicant", company),
            ("pass_screening", self.bureau.pseudonym, "bureau", self.agencies[0].pk),
            ("close_review", self.bureau.pseudonym, "bureau", self.agencies[0].pk),
            (
                "reject" if stage == "rejected" else "accept",
                self.bureau.pseudonym,
                "bureau",
                self.agencies[0].pk,
            ),
            ("open_signing", self.bureau.pseudonym, "bureau", self.agencies[0].pk),
            ("confirm_sealed", self.bureau.pseudonym, "bureau", self.agencies[0].pk),
            ("start", self.bureau.pseudonym, "bureau", self.agencies[0].pk),
            ("evaluate", self.bureau.pseudonym, "bureau", self.agencies[0].pk),
            ("exit_stop", self.bureau.pseudonym, "bureau", self.agencies[0].pk),
        ]
        here, public = scheme.start.key, False
        for n, (key, by, role, organisation) in enumerate(path, 1):
            if here == stage:
                return
            move = scheme.move(key)
            target = scheme.stage(move.target)
            public = public or target.public
            yield _Fact(
                began + dt.timedelta(days=2 * n),
                "collaboration.moved",
                row.thread,
                by,
                role,
                organisation,
                public,
                {
                    "move": key,
                    "from": here,
                    "to": target.key,
                    "said": {"id": move.done.id, "en": move.done.en},
                    "reason": "",
                    "outcome": target.outcome,
                },
            )
            here = target.key

    def needs(self) -> Iterator[_Fact]:
        """As many needs as applications, each supported by a few; yields what the ledger tells."""
        needs, supports = [], []
        for n in range(1, self.number + 1):
            author = self.random.choice(self.citizens)
            area = self.random.choice(self.areas)
            voiced = self.now - dt.timedelta(days=self.random.uniform(1, 700))
            behind = self.random.sample(self.citizens, self.random.randint(0, 8))
            behind = [person for person in behind if person.pk != author.pk]
            need = Need(
                reference=f"RK{self.number}-{n:06d}",
                city=self.city,
                author=author,
                title=f"{self._title()} {n}",
                text="Kebutuhan rekaan untuk pengujian, tidak ada warga yang menulisnya.",
                dimension=self.random.choice(Dimension.values),
                area=area,
                latitude=area.latitude + self.random.uniform(-0.01, 0.01),
                longitude=area.longitude + self.random.uniform(-0.01, 0.01),
                state=NeedState.VOICED,
                support_count=len(behind),
                voiced_at=voiced,
                answer_due=add_working_days(voiced, 10),
                invented=True,
            )
            needs.append(need)
            supports += [Support(need=need, user=person) for person in behind]
            data = {"dimension": need.dimension, "answer_due": need.answer_due}
            subject = f"need:{need.pk}"
            yield _Fact(voiced, "need.voiced", subject, author.pseudonym, "citizen", None, True, data)
        Need.objects.bulk_create(needs, batch_size=BATCH)
        Support.objects.bulk_create(supports, batch_size=BATCH)
